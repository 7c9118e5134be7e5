/**
 * Compute on three real boxes of one community, each with an engine of its own: lent, offered, launched, looked into,
 * changed by a file, refused, lost with a host and made again, and gone without a trace.
 */
import assert from "node:assert/strict";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tinyImage } from "../engine/images.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { CommandRefused, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { startLxd } from "../support/lxd.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually, runOk } from "../support/process.ts";
import { launchAll } from "./home-and-host.ts";

const SEEN_TIMEOUT_MS = 60_000;
const MADE_TIMEOUT_MS = 120_000;

interface Slice {
  name: string;
  running: number;
  wanted: number;
  missing: number;
  slivers: { id: string; number: number; box: string; zone: string; state: string; trouble: string | null }[];
}

interface Host {
  box: Box;
  lxd: Lxd;
}

/** All that runs or is stopped there, of whatever project. */
async function instancesOf({ lxd }: Host): Promise<string[]> {
  const csv = await lxd.lxc(["list", "--all-projects", "--format", "csv", "--columns", "ns"]);
  return csv.trim().split("\n").filter(Boolean).toSorted();
}

const show = (box: Box, name: string) => box.cli<Slice>(["compute", "show", name, "--json"]);

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandRefused) return error.code;
    throw error;
  }
  return "done";
}

async function threeHosts(t: { after: (run: () => Promise<void>) => void }): Promise<[Host, Host, Host]> {
  const hosts: Host[] = [];
  let code = "";
  for (const [at, name] of ["Forn", "Molí", "Pou"].entries()) {
    const lxd = await startLxd({ owner: t, poolMib: 512 });
    const env = { LXD_DIR: lxd.folder };
    const where = at === 0 ? { newCommunity: "Barri" } : { join: code };
    const box = await startBox({ name, owner: `Owner of ${name}`, zone: `zone${at}`, env, until: t, ...where });
    if (at === 0) ({ code } = await box.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 2 } }));
    hosts.push({ box, lxd });
  }
  for (const { box } of hosts) await box.cli(["files", "give", "1GiB", "--json"]);
  return hosts as [Host, Host, Host];
}

test("three boxes: lend, launch, apply, lose a host, delete", async (t) => {
  const hosts = await threeHosts(t);
  const [one, two, three] = hosts;
  const [forn, moli, pou] = [one.box, two.box, three.box];
  const here = temporaryFolder("compute");
  // Each step stands on the one before.
  const step = async (name: string, work: () => Promise<void>) => {
    await work();
    t.diagnostic(name);
  };

  assert.equal(await refusal(forn.cli(["compute", "launch", "web", "tiny"])), "compute-image-unknown");
  copyFileSync(await tinyImage(), join(here, "tiny.tar.gz"));
  await eventually("three storage servers", SEEN_TIMEOUT_MS, async () => {
    const { grid } = await forn.api<{ grid: { reachable: number } }>("/files/status");
    return grid.reachable === 3;
  });
  await forn.cli(["files", "put", join(here, "tiny.tar.gz"), "/tiny.tar.gz", "--json"]);
  await forn.cli(["compute", "images", "add", "tiny", "/tiny.tar.gz", "--json"]);

  await step("nothing is lent by default, and it says so", async () => {
    const launched = refusal(forn.cli(["compute", "launch", "web", "tiny", "--memory", "64MiB", "--disk", "64MiB"]));
    assert.equal(await launched, "compute-no-offers");
    await forn.cli(["compute", "delete", "web", "--yes"]);
  });

  for (const { box } of hosts) {
    const words = ["--cores", "2", "--memory", "512MiB", "--disk", "400MiB", "--to", "community", "--json"];
    await box.cli(["compute", "lend", ...words]);
    // All of them have as much memory as this machine, and lend little of it: none would get the last core.
    const values = { compute: { lendFirst: "arrival" } };
    await box.api("/settings", { method: "PATCH", body: { values } });
  }
  await eventually("all see three lenders", SEEN_TIMEOUT_MS, async () => {
    const offers = await forn.cli<{ box: string; fits: number; why: string | null }[]>([
      "compute",
      "offers",
      "--memory",
      "64MiB",
      "--disk",
      "64MiB",
      "--json",
    ]);
    if (offers.length < 3 || offers.some(({ fits }) => fits < 2)) throw new Error(JSON.stringify(offers));
    return true;
  });

  await step("an engine in another network than its box gives slivers none, and the box says so", async () => {
    for (const { box } of hosts) {
      const { network } = await box.api<{ network: { state: string } }>("/compute/status");
      assert.equal(network.state, "elsewhere", JSON.stringify(network));
    }
    await eventually("no rules are left here", SEEN_TIMEOUT_MS, async () => {
      return !(await runOk(["nft", "list", "tables"])).includes("comu_slivers");
    });
  });

  await step("one in each zone, and a command in each", async () => {
    const small = ["--memory", "64MiB", "--disk", "64MiB"];
    const launched = await launchAll<Slice>(forn, [
      "web",
      "tiny",
      "--slivers",
      "3",
      "--apart",
      "zone",
      "--recreate",
      ...small,
      "--json",
    ]);
    assert.equal(launched.running, 3, JSON.stringify(launched));
    assert.deepEqual(launched.slivers.map(({ zone }) => zone).toSorted(), ["zone0", "zone1", "zone2"]);
    for (const host of hosts) assert.match((await instancesOf(host)).join(), /^sliver-\w+,RUNNING$/);
    for (const { number, id } of launched.slivers) {
      const words = ["compute", "exec", "web", "hostname", "--number", String(number), "--json"];
      const ran = await forn.cli<{ exitCode: number; stdout: string }>(words);
      assert.deepEqual([ran.exitCode, ran.stdout.trim()], [0, `sliver-${id}`]);
    }
  });

  await step("nobody else sees, opens or stops it", async () => {
    assert.deepEqual(await moli.cli(["compute", "ls", "--json"]), []);
    for (const words of [["show"], ["stop"], ["delete", "--yes"], ["renew"]]) {
      const [verb = "", ...rest] = words;
      assert.equal(await refusal(moli.cli(["compute", verb, "web", ...rest])), "compute-slice-unknown");
    }
    assert.equal(await refusal(moli.cli(["compute", "exec", "web", "id"])), "compute-slice-unknown");
  });

  await step("the last core goes to one of two who ask at once", async () => {
    // One core is left on each box; both want two slivers on boxes of their own, where there is room for three.
    const wish = ["tiny", "--slivers", "2", "--memory", "64MiB", "--disk", "64MiB", "--json"];
    const made = await Promise.allSettled([
      moli.cli<Slice>(["compute", "launch", "left", ...wish]),
      pou.cli<Slice>(["compute", "launch", "right", ...wish]),
    ]);
    await eventually(`three run, and one has to wait: ${JSON.stringify(made)}`, MADE_TIMEOUT_MS, async () => {
      const shown = await Promise.all([show(moli, "left"), show(pou, "right")]);
      return shown[0].running + shown[1].running === 3 && shown[0].missing + shown[1].missing === 1;
    });
    assert.deepEqual(made.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    for (const host of hosts) assert.equal((await instancesOf(host)).length, 2);
    await moli.cli(["compute", "delete", "left", "--yes"]);
    await pou.cli(["compute", "delete", "right", "--yes"]);
    await eventually("their slivers are gone", MADE_TIMEOUT_MS, async () => {
      const all = await Promise.all(hosts.map(instancesOf));
      return all.every((list) => list.length === 1);
    });
  });

  await step("a file says how it shall be; the same file again changes nothing", async () => {
    const file = join(here, "web.yaml");
    const write = (text: string) => writeFileSync(file, text);
    const common = "name: web\nimage: tiny\napart: zone\nmemory: 96MiB\ndisk: 64MiB\nrecreate: true\n";
    write(`${common}slivers: 2\n`);
    const plan = () => forn.cli<{ isSame: boolean; changes: { change: string }[] }>(["slice", "plan", file, "--json"]);
    assert.deepEqual((await plan()).changes.map(({ change }) => change).toSorted(), ["remove", "resize", "resize"]);
    assert.equal(await refusal(forn.cli(["slice", "apply", file])), "compute-would-lose");
    await forn.cli(["slice", "apply", file, "--replace", "--json"]);
    await eventually("two are left, with more memory", MADE_TIMEOUT_MS, async () => {
      const all = (await Promise.all(hosts.map(instancesOf))).flat();
      const { slivers } = await show(forn, "web");
      return all.length === 2 && slivers.every(({ state }) => state === "running");
    });
    assert.equal((await plan()).isSame, true);
    write("name: web\nimage: tiny\nmemroy: 1GiB\n");
    assert.equal(await refusal(forn.cli(["slice", "apply", file])), "compute-bad-file");
    write(`${common.replace("64MiB", "32MiB")}slivers: 2\n`);
    assert.equal(await refusal(forn.cli(["slice", "apply", file])), "compute-would-lose");
    write(`${common}slivers: 3\n`);
    await forn.cli(["slice", "apply", file, "--json"]);
    await eventually("three again", MADE_TIMEOUT_MS, async () => (await show(forn, "web")).running === 3);
  });

  await step("the engine is killed, the daemon is killed: what runs is what is wished", async () => {
    const before = await instancesOf(two);
    await moli.kill();
    await two.lxd.kill();
    await two.lxd.start();
    await moli.restart();
    await eventually(
      "all three are known to run",
      MADE_TIMEOUT_MS,
      async () => (await show(forn, "web")).running === 3,
    );
    assert.deepEqual(await instancesOf(two), before);
    await forn.cli(["compute", "stop", "web", "--json"]);
    await eventually("all three are stopped", MADE_TIMEOUT_MS, async () => {
      const all = (await Promise.all(hosts.map(instancesOf))).flat();
      return all.every((line) => line.endsWith(",STOPPED"));
    });
    await forn.cli(["compute", "start", "web", "--json"]);
    await eventually("all three run", MADE_TIMEOUT_MS, async () => (await show(forn, "web")).running === 3);
  });

  await step("what the books lost is taken in again, and nothing is left in the end", async () => {
    await pou.stop();
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(join(pou.data, "comu.db"));
    database.exec("DELETE FROM compute_bookings");
    database.close();
    await pou.restart();
    await eventually("it is in the books again", MADE_TIMEOUT_MS, async () => {
      const lent = await pou.cli<{ state: string }[]>(["compute", "lent", "--json"]);
      return lent.length === 1 && lent[0]!.state === "running";
    });
    await forn.cli(["compute", "delete", "web", "--yes"]);
    await eventually("nothing is left", MADE_TIMEOUT_MS, async () => {
      const all = (await Promise.all(hosts.map(instancesOf))).flat();
      const lent = await Promise.all(hosts.map(({ box }) => box.cli<unknown[]>(["compute", "lent", "--json"])));
      return all.length === 0 && lent.flat().length === 0;
    });
  });
});
