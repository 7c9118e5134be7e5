/**
 * The network of slices on three real boxes in a lab, each with an engine of its own: slivers of one slice reach one
 * another across hosts, and nothing else; limits hold; it stands through crashes, and nothing is left of it. What must
 * not be reached is tried, beside something like it that can be.
 */
import assert from "node:assert/strict";
import { copyFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EGRESS_BURST_BYTES_MIN } from "../../src/services/compute/constants.ts";
import { tinyImage } from "../engine/images.ts";
import { createLab } from "../lab/lab.ts";
import type { Host, Lab } from "../lab/lab.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { startLxd } from "../support/lxd.ts";
import { eventually, runOk } from "../support/process.ts";
import { launchAll } from "./home-and-host.ts";

const SEEN_TIMEOUT_MS = 60_000;
const MADE_TIMEOUT_MS = 120_000;
const SIZES = ["--memory", "64MiB", "--disk", "64MiB"];
const MIB = 2 ** 20;
/** A machine of the house of the first box, and one somewhere in the internet (TEST-NET-3). */
const PRINTER_PORT = 9100;
const WORLD = "203.0.113.5";

interface Sliver {
  id: string;
  number: number;
  box: string;
  address: string;
}

interface Slice {
  name: string;
  running: number;
  slivers: Sliver[];
}

interface Machine {
  host: Host;
  box: Box;
}

class Member {
  readonly box: Box;
  constructor(box: Box) {
    this.box = box;
  }
  launch(name: string, ...words: string[]): Promise<Slice> {
    return launchAll<Slice>(this.box, [name, "tiny", ...SIZES, ...words, "--json"]);
  }
  async remove(name: string): Promise<void> {
    await this.box.cli(["compute", "delete", name, "--yes"]);
  }
  /** What a command in a sliver prints. Over the socket: starting a command for each takes longer than what it does. */
  async run(slice: Slice, number: number, command: string): Promise<string> {
    const path = `/compute/slices/${slice.name}/exec`;
    return (await this.box.api<{ stdout: string }>(path, { method: "POST", body: { command, number } })).stdout.trim();
  }
  /** Those of the names and addresses that answer. */
  async reached(slice: Slice, from: number, all: readonly string[]): Promise<string[]> {
    const said = await this.run(
      slice,
      from,
      all.map((to) => `ping -c 1 -W 3 ${to} > /dev/null 2>&1 && echo ${to}`).join("\n"),
    );
    return said.split("\n").filter(Boolean);
  }
  async reaches(slice: Slice, from: number, to: string): Promise<boolean> {
    return (await this.reached(slice, from, [to])).length === 1;
  }
  async opens(slice: Slice, from: number, address: string, port: number): Promise<string> {
    return this.run(slice, from, `echo | nc -w 3 ${address} ${port} 2>/dev/null && echo opened`);
  }
}

async function threeMachines(
  t: { after: (run: () => Promise<void>) => void },
  lab: Lab,
  names: readonly string[],
): Promise<[Machine, Machine, Machine]> {
  const machines: Machine[] = [];
  let code = "";
  for (const [at, name] of names.entries()) {
    const host = lab.host(name);
    const { namespace, address: bind } = host;
    // The bridge of the engine must not look like the address of the box.
    const lxd = await startLxd({ owner: t, namespace, poolMib: 512, address: "192.168.99.1/24" });
    const community = at === 0 ? { newCommunity: "Barri" } : { join: code };
    const where = { zone: name, env: { LXD_DIR: lxd.folder }, namespace, bind };
    const box = await startBox({ name, owner: `Owner of ${name}`, until: t, ...where, ...community });
    if (at === 0) ({ code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 2 } }));
    machines.push({ host, box });
  }
  for (const { box } of machines) await box.cli(["files", "give", "1GiB", "--json"]);
  return machines as [Machine, Machine, Machine];
}

async function lendAll(machines: readonly Machine[]): Promise<void> {
  const amounts = ["--cores", "6", "--memory", "1GiB", "--disk", "400MiB", "--egress", "8MiB"];
  for (const { box } of machines) {
    await box.api("/settings", { method: "PATCH", body: { values: { compute: { lendFirst: "arrival" } } } });
    const words = ["compute", "lend", ...amounts, "--to", "community", "--reach", "internet", "--json"];
    const { network } = await box.cli<{ network: { state: string } }>(words);
    assert.equal(network.state, "ready", JSON.stringify(network));
    const doctor = await box.cli<{ checks: { code: string; ok: boolean }[] }>(["doctor", "--json"]);
    assert.equal(doctor.checks.find(({ code }) => code === "compute-network")?.ok, true);
  }
  await eventually("all see three lenders with a tunnel", SEEN_TIMEOUT_MS, async () => {
    const asked = machines.map(({ box }) => box.cli<unknown[]>(["compute", "offers", ...SIZES, "--json"]));
    return (await Promise.all(asked)).every((list) => list.length === 3);
  });
}

/** A house with a printer, and an internet with a machine that says who asks. */
async function surroundings(lab: Lab): Promise<void> {
  const [printer, world] = [lab.host("printer"), lab.host("world")];
  printer.start(["socat", `TCP-LISTEN:${PRINTER_PORT},fork,reuseaddr`, "SYSTEM:echo printer"]);
  await world.runOk(["ip", "address", "add", `${WORLD}/32`, "dev", "lo"]);
  const router = world.namespace.replace(/-world$/, "-router");
  await runOk(["ip", "-n", router, "route", "add", WORLD, "via", world.address]);
  world.start(["socat", `TCP-LISTEN:80,fork,reuseaddr,bind=${WORLD}`, "SYSTEM:echo $SOCAT_PEERADDR"]);
}

/** All that the box has set up in the machine's network, without counters. */
async function standing(host: Host): Promise<string> {
  const parts = [
    "nft -s list tables | grep comu_ | while read -r one; do nft -s list $one; done",
    "ip -o link show | grep -oE '(cs|cw)[0-9a-f]{12}' | sort -u",
    "for one in $(ip -o link show | grep -oE 'cw[0-9a-f]{12}' | sort -u); do",
    "  ip -6 -o route show dev $one | sort; wg show $one allowed-ips | sort; done",
  ];
  return host.runOk(["sh", "-c", parts.join("\n")]);
}

async function bytesOf(host: Host, device: string, way: "rx" | "tx"): Promise<number> {
  const said = await host.runOk(["ip", "-s", "-j", "link", "show", "dev", device]);
  const [link] = JSON.parse(said) as [{ stats64: Record<string, { bytes: number }> }];
  return link.stats64[way]!.bytes;
}

async function deviceTo(host: Host, address: string): Promise<string> {
  return /dev (\S+)/.exec(await host.runOk(["ip", "-6", "-o", "route", "get", address]))![1]!;
}

const NAMES = ["forn", "moli", "pou"] as const;

test("slices have networks across boxes, and nothing beyond them", async (t) => {
  await needDebian(["nftables", "wireguard-tools", "wireguard-go", "iproute2", "socat"]);
  const hosts = [...NAMES.map((name) => ({ name, zone: name })), { name: "printer", zone: "forn" }];
  const lab = createLab({ hosts: [...hosts, { name: "world", zone: "world" }] });
  t.after(() => lab.remove());
  const machines = await threeMachines(t, lab, NAMES);
  const [forn, moli] = machines.map(({ box }) => new Member(box)) as [Member, Member, Member];
  const hostNamed = (name: string) => lab.host(name);
  await surroundings(lab);
  const step = async (name: string, work: () => Promise<void>) => {
    await work();
    t.diagnostic(name);
  };

  const here = temporaryFolder("network");
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  await eventually("the image is among the files", SEEN_TIMEOUT_MS, async () => {
    await forn.box.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz", "--json"]);
    return true;
  });
  await forn.box.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);
  const before = await Promise.all(machines.map(({ host }) => host.runOk(["nft", "-s", "list", "ruleset"])));
  await lendAll(machines);
  // A tunnel whose network namespace is taken away under it leaves its control socket.
  for (const { host } of machines) {
    const [device] = /^cw\w+$/m.exec(await standing(host))!;
    t.after(() => rmSync(`/run/wireguard/${device}.sock`, { force: true }));
  }

  const web = await forn.launch("web", "--slivers", "3", "--apart", "zone");
  const db = await moli.launch("db", "--slivers", "3", "--apart", "zone");
  const at = (slice: Slice, box: string) => slice.slivers.find((one) => one.box === box)!;

  await step("slivers of a slice reach one another on all hosts, by address and by name", async () => {
    for (const [member, slice] of [
      [forn, web],
      [moli, db],
    ] as const) {
      assert.equal(slice.running, 3, JSON.stringify(slice));
      const all = slice.slivers.flatMap(({ number, address }) => [address, `${slice.name}-${number}`]);
      for (const { number } of slice.slivers) {
        await eventually(`${slice.name}-${number} reaches all`, SEEN_TIMEOUT_MS, async () => {
          return (await member.reached(slice, number, all)).length === all.length;
        });
      }
    }
    const shown = await forn.box.cli<Slice>(["compute", "show", "web", "--json"]);
    assert.deepEqual(
      shown.slivers.map(({ address }) => address),
      web.slivers.map(({ address }) => address),
    );
  });

  await step("not those of another slice, on the same host or another one", async () => {
    const others = db.slivers.map(({ address }) => address);
    assert.deepEqual(await forn.reached(web, at(web, "forn").number, others), []);
  });

  await step("not the host, not its daemon, not the house", async () => {
    const { number } = at(web, "forn");
    const host = hostNamed("forn");
    const listener = host.start(["socat", "TCP6-LISTEN:9000,fork,reuseaddr", "SYSTEM:echo host"]);
    const tables = (await host.runOk(["nft", "list", "tables"])).split("\n").filter((one) => one.includes("comu_"));
    assert.equal(tables.length, 1);
    assert.equal(await forn.opens(web, number, "fe80::1%comu0", 9000), "");
    // It is our table that holds it back: the host answers while it is empty. The box puts it back when it is gone.
    await host.runOk(["sh", "-c", `nft flush ${tables[0]}`]);
    assert.match(await forn.opens(web, number, "fe80::1%comu0", 9000), /host/, "without the rules the host is open");
    await host.runOk(["sh", "-c", `nft delete ${tables[0]}`]);
    await eventually("the rules are there again", SEEN_TIMEOUT_MS, async () =>
      (await standing(host)).includes("chain input"),
    );
    assert.equal(await forn.opens(web, number, "fe80::1%comu0", 9000), "");
    await listener.kill();
    assert.equal(await forn.run(web, number, "ip -4 route | wc -l"), "0");
  });

  await step("what says that it comes from another address is dropped", async () => {
    const [from, to] = [at(web, "forn"), at(web, "pou")];
    const host = hostNamed("forn");
    const [own, tunnel] = [await deviceTo(host, from.address), await deviceTo(host, to.address)];
    const forged = `${from.address.split(":").slice(0, 4).join(":")}:1:2:3:4`;
    await forn.run(web, from.number, `ip -6 address add ${forged}/128 dev comu0; sleep 3`);
    for (const [source, passes] of [
      [forged, false],
      [from.address, true],
    ] as const) {
      const [sent, passed] = [await bytesOf(host, own, "rx"), await bytesOf(host, tunnel, "tx")];
      await forn.run(web, from.number, `ping -c 3 -W 1 -s 1000 -I ${source} ${to.address}`);
      assert.ok((await bytesOf(host, own, "rx")) - sent > 3_000, "the guest has sent it");
      assert.equal((await bytesOf(host, tunnel, "tx")) - passed > 1_000, passes, source);
    }
    await forn.run(web, from.number, `ip -6 address del ${forged}/128 dev comu0`);
  });

  await step("the rate that was granted holds, whatever the guest sends", async () => {
    const fast = await forn.launch("fast", "--slivers", "2", "--apart", "zone", "--egress", "1MiB");
    const [from, to] = fast.slivers as [Sliver, Sliver];
    const host = hostNamed(from.box);
    const [own, tunnel] = [await deviceTo(host, from.address), await deviceTo(host, to.address)];
    await eventually("they have met", SEEN_TIMEOUT_MS, () => forn.reaches(fast, from.number, to.address));
    const [sent, passed] = [await bytesOf(host, own, "rx"), await bytesOf(host, tunnel, "tx")];
    const startMs = performance.now();
    // 31 MB of large packets, as fast as eight of them at once can.
    const one = `ping -q -i 0.001 -c 3000 -s 1300 -W 1 ${to.address} > /dev/null 2>&1`;
    await forn.run(fast, from.number, `for n in 1 2 3 4 5 6 7 8; do ${one} & done; wait`);
    const [sentBytes, passedBytes] = [
      (await bytesOf(host, own, "rx")) - sent,
      (await bytesOf(host, tunnel, "tx")) - passed,
    ];
    const seconds = (performance.now() - startMs) / 1000;
    // Pings and renewals of other slivers go through the same tunnel.
    const most = seconds * MIB + EGRESS_BURST_BYTES_MIN + 64 * 1024;
    t.diagnostic(
      `${sentBytes} bytes sent, ${passedBytes} passed in ${seconds.toFixed(1)} s, at most ${Math.round(most)}`,
    );
    assert.ok(sentBytes > 20 * MIB, `only ${sentBytes} bytes were sent`);
    assert.ok(passedBytes <= most, `${passedBytes} bytes passed`);
    assert.ok(passedBytes >= EGRESS_BURST_BYTES_MIN / 2, `only ${passedBytes} bytes passed`);
    await forn.remove("fast");
  });

  await step("who may speak with the internet does, and not with the house", async () => {
    const wide = await forn.launch("wide", "--slivers", "3", "--apart", "zone", "--reach", "internet");
    const near = await moli.launch("near", "--slivers", "3", "--apart", "zone", "--reach", "community");
    const house = hostNamed("forn");
    assert.equal(
      (await house.runOk(["socat", "-", `TCP:${hostNamed("printer").address}:${PRINTER_PORT}`])).trim(),
      "printer",
    );
    for (const [member, slice, isWide] of [
      [forn, wide, true],
      [moli, near, false],
    ] as const) {
      const { number } = at(slice, "forn");
      const to = (address: string, port: number) => member.opens(slice, number, address, port);
      // It is known by the address of its host there.
      const isKnown = async () => (await to(WORLD, 80)).includes(house.address);
      if (isWide) await eventually("the world answers", SEEN_TIMEOUT_MS, isKnown);
      else assert.equal(await isKnown(), false);
      await eventually("another box of the community answers", SEEN_TIMEOUT_MS, async () =>
        /opened/.test(await to(hostNamed("moli").address, 7000)),
      );
      assert.equal(await to(hostNamed("printer").address, PRINTER_PORT), "");
      for (const port of [7000, 7946]) assert.equal(await to(house.address, port), "", `the host at ${port}`);
      await eventually("they have met", SEEN_TIMEOUT_MS, () => member.reaches(slice, number, at(slice, "pou").address));
    }
    assert.equal(await forn.reaches(wide, at(wide, "forn").number, at(web, "forn").address), false);
    assert.equal(await moli.reaches(near, at(near, "forn").number, at(web, "moli").address), false);
    await forn.remove("wide");
    await moli.remove("near");
  });

  await step("it stands without the daemon, and is the same after a restart", async () => {
    await eventually("only two slices are left", MADE_TIMEOUT_MS, async () => {
      const lent = await Promise.all(machines.map(({ box }) => box.cli<unknown[]>(["compute", "lent", "--json"])));
      const counts = await Promise.all(machines.map(async ({ host }) => (await standing(host)).match(/^cs/gm)?.length));
      return lent.every((list) => list.length === 2) && counts.every((count) => count === 2);
    });
    const pou = machines[2];
    const meet = () =>
      eventually("they meet", SEEN_TIMEOUT_MS, () => {
        return forn.reaches(web, at(web, "forn").number, at(web, "pou").address);
      });
    const looked = () =>
      eventually("the box has looked", SEEN_TIMEOUT_MS, async () => {
        const { network } = await pou.box.api<{ network: { state: string } }>("/compute/status");
        return network.state === "ready";
      });
    await pou.box.kill();
    await meet();
    await pou.box.restart();
    await looked();
    const is = await standing(pou.host);
    await pou.box.restart();
    await looked();
    assert.equal(await standing(pou.host), is);
    await meet();
  });

  await step("the tunnel's program is killed: there is another one", async () => {
    const { host, box } = machines[1];
    const device = /^cw\w+$/m.exec(await standing(host))![0];
    // The box looks by itself now and then, and may be quicker than the ping.
    await eventually("without it they do not meet", SEEN_TIMEOUT_MS, async () => {
      await host.run(["ip", "link", "delete", "dev", device]);
      return !(await forn.reaches(web, at(web, "forn").number, at(web, "moli").address));
    });
    await box.api("/settings", { method: "PATCH", body: { values: { compute: { lendDays: 32 } } } });
    await eventually("it is there again", SEEN_TIMEOUT_MS, () =>
      forn.reaches(web, at(web, "forn").number, at(web, "moli").address),
    );
  });

  await step("a slice that is gone leaves nothing behind", async () => {
    const mark = at(web, "forn").address.split(":").slice(0, 4).join(":");
    await forn.remove("web");
    await eventually("no trace of it", MADE_TIMEOUT_MS, async () => {
      const all = await Promise.all(machines.map(({ host }) => standing(host)));
      return all.every((text) => !text.includes(mark));
    });
    await eventually("the other is as it was", SEEN_TIMEOUT_MS, () =>
      moli.reaches(db, at(db, "moli").number, at(db, "pou").address),
    );
    await moli.remove("db");
    for (const { box } of machines) await box.cli(["compute", "unlend", "--json"]);
    await eventually("nothing at all", MADE_TIMEOUT_MS, async () => {
      const all = await Promise.all(machines.map(({ host }) => standing(host)));
      return all.every((text) => text.trim() === "");
    });
    // What others had there is as it was.
    const now = await Promise.all(machines.map(({ host }) => host.runOk(["nft", "-s", "list", "ruleset"])));
    assert.deepEqual(now, before);
  });
});

test("a box that lacks a program says which, and leaves nothing", async (t) => {
  await needDebian(["nftables", "wireguard-tools", "wireguard-go", "iproute2"]);
  const lab = createLab({ hosts: [{ name: "forn", zone: "forn" }] });
  t.after(() => lab.remove());
  const host = lab.host("forn");
  const programs = temporaryFolder("programs");
  for (const one of readdirSync("/usr/bin")) if (one !== "wg") symlinkSync(`/usr/bin/${one}`, join(programs, one));
  const { namespace, address: bind } = host;
  const path = `${process.env["PATH"]}`.split(":").filter((one) => !/^(?:\/usr)?\/s?bin$/.test(one));
  const env = { PATH: [...path, programs].join(":") };
  const box = await startBox({ name: "forn", owner: "Anna", newCommunity: "Barri", namespace, bind, env, until: t });
  const state = async () => (await box.api<{ network: object }>("/compute/status")).network;
  const lend = (lendTo: string) => box.api("/settings", { method: "PATCH", body: { values: { compute: { lendTo } } } });
  await lend("community");
  await eventually("it says what is missing", SEEN_TIMEOUT_MS, async () => {
    assert.deepEqual(await state(), { state: "missing", lacks: "wireguard-tools" });
    return true;
  });
  const doctor = await box.cli<{ checks: { code: string; ok: boolean; text: string }[] }>(["doctor", "--json"]);
  const check = doctor.checks.find(({ code }) => code === "compute-network-missing");
  assert.match(check?.text ?? "", /wireguard-tools/);
  assert.equal((await standing(host)).trim(), "", "no rules for what is not there");
  await lend("nobody");
  await eventually("nothing is left", SEEN_TIMEOUT_MS, async () => (await standing(host)).trim() === "");
});
