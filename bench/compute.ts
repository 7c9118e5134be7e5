/**
 * `npm run bench:compute`: slivers on one of our boxes, asked for on another, beside the engine's own `lxc` with the
 * same image and limits in the same engine, in turns; and what our daemon costs while 100 slivers run. Prints ratios
 * of ours to `lxc`, and the goals. Needs root; starts the engine and the boxes itself. `--help` tells the options.
 */
import { cpus, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { debianImage, tinyImage } from "../test/engine/images.ts";
import { eventually } from "../test/support/process.ts";
import { report } from "./compute-report.ts";
import type { Figure, Found, SideName } from "./compute-report.ts";
import { startStage } from "./compute-sides.ts";
import type { ImageOf, Side, Stage } from "./compute-sides.ts";
import { cpuSeconds, residentBytes } from "./discovery-counters.ts";
import { parseCounts, turned } from "./kv-sums.ts";
import { JSON_OPTION, asked, programOptions, someOf, teller } from "./options.ts";

const PARTS = ["tiny", "debian", "many", "life", "rest"] as const;
const FULL = { parts: PARTS.join(","), rounds: "7", many: 3, restS: 60, settleS: 20 };
/** The engine is looked at each half minute. No Debian: where its image is not there yet, it is made in minutes. */
const QUICK = { parts: "tiny,many,life,rest", rounds: "3", many: 1, restS: 31, settleS: 5 };
const MANY = 20;
/** Of the part `rest`: in slices as large as they may be at most. */
const REST_SLICES = [50, 50];
const PAUSE_MS = 500;
const GONE_TIMEOUT_MS = 120_000;

const ABOUT = `Slivers on one of our boxes, asked for on another, beside the engine's own lxc with the same
image and limits: launch, ${MANY} at once, stop, start, delete; and what our daemon costs while 100 slivers
run. Run it as root: it starts an engine and two boxes, and ends them.`;

const flags = programOptions("npm run bench:compute --", ABOUT, {
  quick: { text: "fewer rounds, shorter rests, and no Debian" },
  json: JSON_OPTION,
  rounds: { value: "n", text: `how often each time is taken (default: ${FULL.rounds}, quick ${QUICK.rounds})` },
  only: { value: "parts", text: `some of ${PARTS.join(",")}` },
});
const plan = flags.quick ? QUICK : FULL;
const [[rounds = 1], parts] = asked(() => [
  parseCounts(flags.rounds ?? plan.rounds),
  someOf(PARTS, flags.only ?? plan.parts),
]);
const say = teller(flags.json);
const load: number[] = [];
const found: Found = {};

function note(side: SideName, figure: Figure, value: number): void {
  ((found[figure] ??= {})[side] ??= []).push(value);
  say(`  ${side} ${figure} ${value.toFixed(2)}`);
}

async function timed(side: SideName, figure: Figure, work: () => Promise<unknown>): Promise<void> {
  const beganMs = performance.now();
  await work();
  note(side, figure, performance.now() - beganMs);
}

/** `count` times, each side in turn the first. */
async function inTurns(stage: Stage, count: number, work: (side: Side, name: SideName, at: number) => Promise<void>) {
  for (let at = 0; at < count; at += 1) {
    load.push(Math.round(loadavg()[0]! * 100) / 100);
    for (const name of turned(["ours", "lxc"] as const, at)) await work(stage[name], name, at);
  }
}

/** Until the engine has no instance in any project: what is deleted goes on being removed on its host. */
async function untilGone({ lxd }: Stage): Promise<void> {
  await eventually("all are gone", GONE_TIMEOUT_MS, async () => {
    return (await lxd.lxc(["list", "--all-projects", "--format", "csv", "--columns", "n"])).trim() === "";
  });
}

async function launches(stage: Stage, image: ImageOf): Promise<void> {
  const figure = `time_launch_${image.name}` as const;
  say(`${image.name}: one at a time`);
  await inTurns(stage, rounds, async (side, name, at) => {
    await timed(name, figure, () => side.launch(`one-${at}`, image));
    await side.delete(`one-${at}`);
    // What a machine still does about the last one is no part of the next one's time.
    await sleep(PAUSE_MS);
    await untilGone(stage);
    if (name === "lxc") return;
    await timed(name, `${figure}_http`, () => stage.ours.launchByHttp(`web-${at}`, image));
    await side.delete(`web-${at}`);
    await untilGone(stage);
  });
  found[`${figure}_http`]!.lxc = found[figure]!.lxc!;
}

async function many(stage: Stage, image: ImageOf): Promise<void> {
  say(`${MANY} at once`);
  await inTurns(stage, plan.many, async (side, name, at) => {
    await timed(name, "time_launch_many", () => side.launchMany(`many${at}`, image, MANY));
    const names = name === "ours" ? [`many${at}`] : Array.from({ length: MANY }, (_, one) => `many${at}-${one}`);
    for (const one of names) await side.delete(one);
    await untilGone(stage);
  });
}

async function life(stage: Stage, image: ImageOf): Promise<void> {
  say("stop, start, delete");
  await inTurns(stage, rounds, async (side, name, at) => {
    const one = `life-${at}`;
    await side.launch(one, image);
    await timed(name, "time_stop", () => side.stop(one));
    await timed(name, "time_start", () => side.start(one));
    await timed(name, "time_delete", () => side.delete(one));
    await untilGone(stage);
  });
}

/** CPU seconds in a minute and resident bytes of each process, after it has settled. */
async function atRest(pids: readonly number[]): Promise<{ cpu: number; megabytes: number }[]> {
  await sleep(plan.settleS * 1000);
  const before = pids.map(cpuSeconds);
  const beganMs = performance.now();
  await sleep(plan.restS * 1000);
  const minutes = (performance.now() - beganMs) / 60_000;
  return pids.map((pid, at) => ({
    cpu: (cpuSeconds(pid) - before[at]!) / minutes,
    megabytes: residentBytes(pid) / 1e6,
  }));
}

async function rest(stage: Stage, image: ImageOf): Promise<void> {
  const { host, lxd, ours } = stage;
  say(`at rest without slivers, for ${plan.restS} s`);
  const [empty] = await atRest([host.process!.pid]);
  note("ours", "cpu_rest_0", empty!.cpu);
  note("ours", "memory_rest_0", empty!.megabytes);
  const count = REST_SLICES.reduce((sum, one) => sum + one, 0);
  say(`starting ${count}`);
  for (const [at, slivers] of REST_SLICES.entries()) await ours.launchMany(`rest${at}`, image, slivers);
  say(`at rest with ${count}, for ${plan.restS} s`);
  const [full, asked] = await atRest([host.process!.pid, lxd.pid]);
  note("ours", "cpu_rest_100", full!.cpu);
  note("ours", "memory_rest_100", full!.megabytes);
  note("ours", "cpu_engine_asked", asked!.cpu);
  await host.stop();
  say("the engine alone with them");
  const [alone] = await atRest([lxd.pid]);
  for (const figure of ["cpu_rest_100", "cpu_engine_asked"] as const) note("lxc", figure, alone!.cpu);
  note("lxc", "memory_rest_100", alone!.megabytes);
}

async function main(): Promise<void> {
  say("starting an engine and two boxes");
  const stage = await startStage();
  try {
    const tiny: ImageOf = { name: "tiny", file: await tinyImage(), memory: "64MiB", disk: "64MiB" };
    await stage.bring(tiny);
    if (parts.includes("tiny")) await launches(stage, tiny);
    if (parts.includes("debian")) {
      say("bringing Debian");
      const debian: ImageOf = { name: "debian", file: await debianImage(), memory: "512MiB", disk: "2048MiB" };
      await stage.bring(debian);
      await launches(stage, debian);
    }
    if (parts.includes("many")) await many(stage, tiny);
    if (parts.includes("life")) await life(stage, tiny);
    if (parts.includes("rest")) await rest(stage, tiny);
    const { text, json } = report(found, { cores: cpus().length, load }, rounds);
    if (!flags.json) process.stdout.write(`\n${text}\n\n`);
    process.stdout.write(`${JSON.stringify(json)}\n`);
  } finally {
    await stage.home.stop();
    await stage.host.stop();
    await stage.lxd.stop();
  }
}

await main();
// Killed children are reaped by the exit steps; nothing else may keep this process.
process.exit(0);
