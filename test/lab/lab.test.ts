/**
 * The lab itself: hosts reach one another, links are as slow as asked, partitions hold and heal, multicast stays in
 * its zone, and nothing is left behind. Figures of the five-box scenario mean nothing if these do not hold.
 */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/at-exit.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, start } from "../support/process.ts";
import { createLab, netemAvailable, removeStaleNamespaces } from "./lab.ts";
import type { Host } from "./lab.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const PORT = 8080;
const BODY_BYTES = 1_000_000;

/** A plain HTTP server that says its name, and at /big a megabyte. */
const SERVER = `require("http").createServer((request, response) => {
  response.end(request.url === "/big" ? Buffer.alloc(${BODY_BYTES}) : process.argv[1]);
}).listen(${PORT})`;

before(async () => {
  await needDebian(["iproute2", "curl"]);
});

test("hosts of all zones reach one another; a cut holds both ways and heals", async (t) => {
  const plan = [
    ["a1", "a"],
    ["a2", "a"],
    ["b1", "b"],
    ["c1", "c"],
  ] as const;
  const lab = createLab({ hosts: plan.map(([name, zone]) => ({ name, zone })) }, t);
  for (const host of lab.hosts) await serve(host);
  for (const from of lab.hosts) {
    for (const to of lab.hosts) assert.equal(await get(from, to), to.name, `${from.name} to ${to.name}`);
  }
  const [a1, a2, b1, c1] = lab.hosts as [Host, Host, Host, Host];
  lab.cut("a", "b");
  lab.cut("a", "b");
  assert.equal(await get(a1, b1), null);
  assert.equal(await get(b1, a2), null);
  assert.equal(await get(a1, a2), "a2");
  assert.equal(await get(a1, c1), "c1");
  assert.equal(await get(b1, c1), "c1");
  lab.heal("b", "a");
  assert.equal(await get(a1, b1), "b1");
  lab.killHost(c1);
  assert.equal(await get(a1, c1), null);
  lab.plugIn(c1);
  await serve(c1);
  assert.equal(await get(a1, c1), "c1");
});

test("a cut of one way lets through what goes the other way", async (t) => {
  const lab = createLab({ hosts: ["a", "b"].map((name) => ({ name, zone: name })) }, t);
  const listening = lab.hosts.map((host) =>
    host.start([
      process.execPath,
      "-e",
      `require("dgram").createSocket("udp4").on("message", (m) => console.log("" + m)).bind(${PORT})`,
    ]),
  );
  for (const one of listening) await one.waitForPort(PORT, "udp");
  const say = async (word: string) => {
    for (const [from, to] of [lab.hosts, lab.hosts.toReversed()] as [Host, Host][]) {
      await from.runOk(["bash", "-c", `echo ${word}-to-${to.name} > /dev/udp/${to.address}/${PORT}`]);
    }
  };
  lab.cutOneWay("a", "b");
  await say("cut");
  await listening[0]!.waitForLine(/^cut-to-a$/);
  lab.heal("b", "a");
  await say("healed");
  await listening[1]!.waitForLine(/^healed-to-b$/);
  assert.doesNotMatch(listening[1]!.output(), /cut/);
});

test("a link carries the rate it was given, within a fifth", async (t) => {
  const hosts = [
    { name: "slow", zone: "a", link: { rateMbit: 8 } },
    { name: "near", zone: "a" },
    { name: "far", zone: "b" },
  ];
  const lab = createLab({ hosts, uplinks: { b: { rateMbit: 4 } } }, t);
  for (const host of lab.hosts) await serve(host);
  const rates = {
    "8 Mbit/s out": [8, await rateMbit(lab.host("near"), lab.host("slow"))],
    "8 Mbit/s in": [8, await rateMbit(lab.host("slow"), lab.host("near"))],
    "4 Mbit/s uplink": [4, await rateMbit(lab.host("near"), lab.host("far"))],
  } as const;
  for (const [name, [asked, got]] of Object.entries(rates)) {
    t.diagnostic(`${name}: ${got.toFixed(2)} Mbit/s`);
    assert.ok(got > asked * 0.8 && got < asked * 1.2, `${name}: got ${got.toFixed(2)} Mbit/s`);
  }
  const free = await rateMbit(lab.host("near"), lab.host("near"));
  lab.shape(lab.host("slow"), {});
  const freed = await rateMbit(lab.host("near"), lab.host("slow"));
  t.diagnostic(`unlimited: ${freed.toFixed(0)} Mbit/s over veth, ${free.toFixed(0)} over loopback`);
  assert.ok(freed > 80);
});

test("delay: netem where the kernel has it, a clear failure where not", async (t) => {
  const hosts = [
    { name: "a1", zone: "a" },
    { name: "a2", zone: "a" },
  ];
  const lab = createLab({ hosts }, t);
  const [a1, a2] = lab.hosts as [Host, Host];
  t.diagnostic(`netem: ${netemAvailable() ? "yes" : "no"}`);
  if (!netemAvailable()) {
    assert.throws(() => lab.shape(a1, { delayMs: 20 }), /netem/);
    return;
  }
  lab.shape(a1, { delayMs: 20 });
  await serve(a2);
  const seconds = Number(await a1.runOk(["curl", "-so", "/dev/null", "-w", "%{time_connect}", url(a2)]));
  assert.ok(seconds > 0.039 && seconds < 0.08, `connect took ${seconds} s`);
});

test("multicast is heard in the own zone and not in another", async (t) => {
  const hosts = [
    { name: "a1", zone: "a" },
    { name: "a2", zone: "a" },
    { name: "b1", zone: "b" },
  ];
  const lab = createLab({ hosts }, t);
  const listener = `const s = require("dgram").createSocket({ type: "udp4", reuseAddr: true });
    s.on("message", (m) => console.log("heard", String(m)));
    s.bind(5353, () => { s.addMembership("224.0.0.251"); console.log("listening"); });`;
  const listen = (host: Host) => host.start([process.execPath, "-e", listener], { owner: t });
  const [near, far] = [listen(lab.host("a2")), listen(lab.host("b1"))];
  await Promise.all([near.waitForLine(/listening/), far.waitForLine(/listening/)]);
  const speaker = `const s = require("dgram").createSocket("udp4");
    s.send(process.argv[1], 5353, "224.0.0.251", () => s.close());`;
  await lab.host("a1").runOk([process.execPath, "-e", speaker, "hello"]);
  await near.waitForLine(/heard hello/);
  // The far one hears its own zone, so its silence about the other one means something.
  await lab.host("b1").runOk([process.execPath, "-e", speaker, "ours"]);
  await far.waitForLine(/heard ours/);
  assert.doesNotMatch(far.output(), /heard hello/);
});

test("refuses plans that it cannot build, and leaves nothing of them", () => {
  const twice = [
    { name: "a1", zone: "a" },
    { name: "a1", zone: "a" },
  ];
  assert.throws(() => createLab({ hosts: twice }), /two hosts called a1/);
  assert.throws(() => createLab({ hosts: [{ name: "Far Away", zone: "a" }] }), /host name/);
  const many = Array.from({ length: 51 }, (_, index) => ({ name: `h${index}`, zone: `z${index}` }));
  assert.throws(() => createLab({ hosts: many }), /over 50 zones/);
  const crowd = Array.from({ length: 201 }, (_, index) => ({ name: `h${index}`, zone: "a" }));
  assert.throws(() => createLab({ hosts: crowd }), /zone a is full/);
  assert.deepEqual(left(process.pid), []);
});

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  test(`nothing is left of a lab whose process ended by ${signal}`, async (t) => {
    const script = join(temporaryFolder("lableft"), "forgets.ts");
    writeFileSync(
      script,
      `import { createLab } from "${here}lab.ts";
       const lab = createLab({ hosts: [{ name: "a1", zone: "a" }] });
       const child = lab.host("a1").start(["sleep", "1000"]);
       console.log("forgot", child.pid);
       setInterval(() => {}, 1000);`,
    );
    const forgetful = start([process.execPath, script], { owner: t });
    await forgetful.waitForLine(/forgot (\d+)/);
    assert.equal(left(forgetful.pid).length, 3);
    process.kill(forgetful.pid, signal);
    await forgetful.exited;
    // A killed process cannot clean up; the next lab does.
    if (signal === "SIGKILL")
      await eventually("stale ones are removed", 60_000, () => removeStaleNamespaces().length > 0);
    assert.deepEqual(left(forgetful.pid), []);
  });
}

async function serve(host: Host): Promise<void> {
  await host.start([process.execPath, "-e", SERVER, host.name]).waitForPort(PORT);
}

async function get(from: Host, to: Host): Promise<string | null> {
  const result = await from.run(["curl", "-sS", "--max-time", "1", url(to)]);
  return result.code === 0 ? result.stdout : null;
}

async function rateMbit(from: Host, to: Host): Promise<number> {
  const out = await from.runOk(["curl", "-so", "/dev/null", "-w", "%{speed_download}", `${url(to)}/big`]);
  return (Number(out) * 8) / 1e6;
}

function url(host: Host): string {
  return `http://${host.address}:${PORT}`;
}

function left(pid: number): string[] {
  return readdirSync("/run/netns").filter((name) => name.startsWith(`comu-${pid}-`));
}
