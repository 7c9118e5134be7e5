/**
 * A real engine that is killed in the midst of work, whose disk is full, whose guests take what they can; and two
 * engines beside one another, of a test that is itself killed.
 */
import assert from "node:assert/strict";
import { existsSync, createReadStream, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { openEngine } from "../../src/platform/engine/engine.ts";
import type { Engine } from "../../src/platform/engine/engine.ts";
import { limitConfig } from "../../src/platform/engine/instances.ts";
import { startLxd } from "../support/lxd.ts";
import type { Lxd } from "../support/lxd.ts";
import { eventually, run, start } from "../support/process.ts";
import { tinyImage } from "./images.ts";

const MIB = 2 ** 20;
/** Whatever is only waited for. */
const SEEN_MS = 60_000;
const POOL_MIB = 256;
const CGROUPS = "/sys/fs/cgroup";

const open = (lxd: Lxd): Engine =>
  openEngine({ clock: systemClock(), random: seededRandom(1), socket: lxd.socket, limits: { waitRoundMs: 1_000 } });

const lxd = await startLxd({ poolMib: POOL_MIB });
after(() => lxd.stop());
const engine = open(lxd);
const { instances, commands, files } = engine;
const image = await engine.images.import(createReadStream(await tinyImage()));

async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isFailure(error)) return error.code;
    throw error;
  }
  return "done";
}

test("killed in the midst of a creation: said so; started again, the engine's list tells what there is", async () => {
  const codes: string[] = [];
  for (const delayMs of [15, 40, 70]) {
    const name = `half${delayMs}`;
    const created = code(instances.create({ name, image }));
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await lxd.kill();
    codes.push(await created);
    assert.equal(await code(instances.start(name)), "engine-unreachable");
    await lxd.start();
    const left = (await instances.list()).find((one) => one.name === name);
    // Whether there is one or not, it can be taken away, and made anew under its name.
    if (codes.at(-1) === "done") assert.ok(left);
    if (left) await instances.delete(name);
    await instances.create({ name, image });
    await instances.delete(name);
  }
  // A later one may have been quicker than the killing; the first unpacks the image, which takes longer.
  assert.equal(codes[0], "engine-interrupted");
  assert.ok(
    codes.every((one) => one === "done" || one === "engine-interrupted"),
    codes.join(" "),
  );
});

test("killed while commands and news run: both break with a code, containers go on, news come again", async () => {
  await instances.create({ name: "runner", image });
  await instances.start("runner");
  const seen: string[] = [];
  const watch = engine.watch({
    event: (one) => seen.push(one.action),
    up: () => seen.push("up"),
    down: (why) => seen.push(isFailure(why) ? why.code : String(why)),
  });
  await eventually("news", SEEN_MS, () => seen.includes("up"));
  const before = (await instances.state("runner")).pid;
  const running = commands.run("runner", ["sleep", "60"]);
  const broken = code(running);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await lxd.kill();
  assert.equal(await broken, "engine-interrupted");
  await lxd.start();
  assert.equal((await instances.state("runner")).pid, before);
  assert.equal((await commands.run("runner", ["true"])).exitCode, 0);
  await eventually("news again", SEEN_MS, () => seen.filter((one) => one === "up").length === 2);
  assert.ok(seen.includes("engine-interrupted"), seen.join(" "));
  await instances.stop("runner", { graceMs: 0 });
  await eventually("an event after it", SEEN_MS, () => seen.includes("instance-stopped"));
  watch.stop();
  await instances.delete("runner");
});

test("memory, processes and disk of a guest end at its limits, and the others go on", async () => {
  const root = { type: "disk", path: "/", pool: "default", size: `${40 * MIB}B` };
  const limits = limitConfig({ memoryBytes: 48 * MIB, processes: 30, cpus: 0.5 });
  await instances.create({ name: "greedy", image, config: limits, devices: { root } });
  await instances.start("greedy");
  // tail keeps all of a line in memory.
  const memory = await commands.run("greedy", ["sh", "-c", "head -c 200000000 /dev/zero | tail | wc -c"]);
  assert.equal(String(memory.stdout).trim(), "0");
  const bomb = await commands.run("greedy", ["sh", "-c", "for i in $(seq 60); do sleep 3 & done"]);
  assert.match(String(bomb.stderr), /fork/);
  await eventually("room for a process", SEEN_MS, async () => (await commands.run("greedy", ["true"])).exitCode === 0);
  const disk = await commands.run("greedy", ["dd", "if=/dev/urandom", "of=/fill", "bs=1M", "count=100"]);
  assert.notEqual(disk.exitCode, 0);
  assert.ok((await instances.state("greedy")).diskBytes! <= 40 * MIB);
  assert.equal(await code(files.write("greedy", "/more", Buffer.alloc(MIB, 1))), "engine-full");
  // The engine keeps a file of its own in there: a guest that fills its disk bars its own snapshots, not its end.
  assert.equal(await code(instances.snapshot("greedy", "s1")), "engine-full");
  await instances.stop("greedy", { graceMs: 0 });
  await instances.delete("greedy");
});

test("a full pool says so, and is whole again when something is deleted", async () => {
  await instances.create({ name: "filler", image });
  await instances.start("filler");
  const script = "while dd if=/dev/urandom of=/fill$((n=n+1)) bs=1M count=64; do :; done; sync";
  await commands.run("filler", ["sh", "-c", script]);
  const codes: string[] = [];
  for (let n = 0; n < 3; n += 1) codes.push(await code(instances.create({ name: `late${n}`, image })));
  assert.ok(codes.includes("engine-full"), codes.join(" "));
  await instances.stop("filler", { graceMs: 0 });
  await instances.delete("filler");
  for (const one of await instances.list()) await instances.delete(one.name);
  await eventually(
    "room again",
    SEEN_MS,
    async () => (await code(instances.create({ name: "room", image }))) === "done",
  );
  await instances.delete("room");
});

test("two engines at once have the same names and addresses, and neither sees the other", async (t) => {
  const other = await startLxd({ pool: "dir", owner: t });
  const second = open(other);
  const twin = await second.images.import(createReadStream(await tinyImage()));
  assert.equal(twin, image);
  for (const one of [engine, second]) {
    await one.instances.create({ name: "twin", image });
    await one.instances.start("twin");
  }
  await files.write("twin", "/srv/mine", Buffer.from("1"));
  assert.equal(await code(second.files.read("twin", "/srv/mine")), "engine-has-no");
  await second.instances.stop("twin", { graceMs: 0 });
  assert.equal((await instances.get("twin")).status, "running");
  await instances.stop("twin", { graceMs: 0 });
  await instances.delete("twin");
});

test("the engine of a test that was killed is gone, and the next one takes its rest away", async () => {
  const support = join(import.meta.dirname, "..", "support", "lxd.ts");
  const script = `
    const { startLxd } = await import(${JSON.stringify(support)});
    const lxd = await startLxd({ pool: "dir" });
    console.log("pid", lxd.pid, lxd.folder);
    setInterval(() => {}, 1000);`;
  const child = start(["node", "--input-type=module", "--eval", script]);
  const [, pid, folder] = await child.waitForLine(/^pid (\d+) (\S+)/, 30_000);
  await child.kill();
  await eventually("its engine is gone", SEEN_MS, () => !existsSync(`/proc/${pid}`));
  const next = await startLxd({ pool: "dir" });
  assert.equal(existsSync(folder!), false);
  const cgroups = () => readdirSync(CGROUPS).filter((one) => existsSync(join(CGROUPS, one, basename(folder!))));
  assert.deepEqual(cgroups(), []);
  await next.stop();
  assert.equal(existsSync(next.folder), false);
  const { stdout } = await run(["losetup", "--all"]);
  assert.ok(!stdout.includes(next.folder));
});
