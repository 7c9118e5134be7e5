/**
 * `npm run bench:kv`: three of our boxes beside three members of Debian's `etcd`, on one machine and one disk, with
 * fsync, the same keys, values, clients and mixes, in turns. Prints ratios of ours to etcd's: throughput, and p99 at
 * the same load. docs/kv-bench.md says what is compared, `--help` tells the options.
 */
import { cpus, loadavg } from "node:os";
import { needDebian } from "../test/support/debian.ts";
import { cpuSeconds } from "./discovery-counters.ts";
import { diskFolder, syncsPerSecond } from "./kv-disk.ts";
import { KEYS, VALUE_BYTES, buildGenerators, redisBenchmark } from "./kv-generator.ts";
import type { Generators } from "./kv-generator.ts";
import { MIXES, report } from "./kv-report.ts";
import type { Cell, CrossCheck, MixName, RunName } from "./kv-report.ts";
import { startEtcd, startOurSides, startRedis } from "./kv-sides.ts";
import type { Side, SideName } from "./kv-sides.ts";
import { medianOf, parseCounts, turned } from "./kv-sums.ts";
import type { Load } from "./kv-sums.ts";
import { JSON_OPTION, asked, programOptions, someOf, teller } from "./options.ts";

const PACKAGES = ["etcd-server", "golang-go", "golang-etcd-server-dev", "redis-server", "redis-tools"];
const FULL = { clients: "1,16,64,256", mixes: "write,half,read", runs: "5", seconds: "3" };
const QUICK = { clients: "1,64", mixes: "write,half,read", runs: "1", seconds: "2" };
const WARMUP_S = 1;
/** Of etcd's throughput. */
const HALF_LOAD = 0.5;
/** The other sides are the same servers. */
const FILLED: readonly SideName[] = ["ours", "etcd", "redis"];
const CROSS_CHECK_CLIENTS = 64;
/** `redis-benchmark` is told a number of operations, not a time. */
const CROSS_CHECK_TIMEOUT_MS = 120_000;

const ABOUT = `Three of our boxes beside three members of Debian's etcd on one disk, with fsync, in turns:
throughput, and p99 at the same load. Installs what is missing from Debian. docs/kv-bench.md says what is
compared.`;

const usual = (name: keyof typeof FULL) => `(default: ${FULL[name]}, quick ${QUICK[name]})`;
const flags = programOptions("npm run bench:kv --", ABOUT, {
  quick: { text: "one short run of each, with fewer clients" },
  json: JSON_OPTION,
  "with-redis": { text: "one redis-server, too" },
  only: { value: "side", text: "some of ours,etcd,redis" },
  clients: { value: "counts", text: `how many at a time, one after the other ${usual("clients")}` },
  mixes: { value: "mixes", text: `some of ${Object.keys(MIXES).join(",")}` },
  runs: { value: "n", text: `how often ${usual("runs")}` },
  seconds: { value: "n", text: `how long each run takes ${usual("seconds")}` },
});
const plan = asked(makePlan);
const say = teller(flags.json);
const load: number[] = [];

function makePlan() {
  const given = (name: keyof typeof FULL) => flags[name] ?? (flags.quick ? QUICK : FULL)[name];
  const mixes = someOf(Object.keys(MIXES) as MixName[], given("mixes"));
  const only = someOf(["ours", "etcd", "redis"], flags.only ?? "ours,etcd");
  const sides = new Set<string>(flags["with-redis"] ? [...only, "redis"] : only);
  const [[runs], [seconds]] = [parseCounts(given("runs")), parseCounts(given("seconds"))];
  return { mixes, sides, clients: parseCounts(given("clients")), runs: runs!, seconds: seconds! };
}

async function startSides(folder: string): Promise<Side[]> {
  const sides: Side[] = [];
  if (plan.sides.has("ours")) sides.push(...(await startOurSides(folder)));
  if (plan.sides.has("etcd")) sides.push(...(await startEtcd(folder)));
  if (plan.sides.has("redis")) sides.push(await startRedis(folder));
  return sides;
}

interface Bench {
  generators: Generators;
  sides: readonly Side[];
}

/** One run, told as it goes. */
async function once({ generators, sides }: Bench, cell: Cell, name: RunName, turn: number, rate?: number) {
  const sideName = name.replace(/Equal$|Half$/, "") as SideName;
  const side = sides.find((one) => one.name === sideName)!;
  const cpuBefore = side.pids.map(cpuSeconds);
  const run = { clients: cell.clients, writes: MIXES[cell.mix], warmupS: WARMUP_S, seconds: plan.seconds, rate, turn };
  const beganMs = performance.now();
  const found = await generators.run(side, run);
  const seconds = (performance.now() - beganMs) / 1000;
  const servers = side.pids.reduce((sum, pid, at) => sum + cpuSeconds(pid) - cpuBefore[at]!, 0) / seconds;
  (cell.runs[name] ??= []).push(found);
  const cores = `cores: generator ${(found.cpuSeconds / found.seconds).toFixed(2)}, servers ${servers.toFixed(2)}`;
  say(`  ${name} ${found.operationsPerS.toFixed(0)}/s, p99 ${found.p99Ms.toFixed(1)} ms, ${cores}${wrong(found)}`);
}

function wrong({ errors, missing, undone, firstError = "" }: Load): string {
  if (errors + missing + undone === 0) return "";
  return `; ${errors} errors, ${missing} missing, ${undone} not begun ${firstError}`;
}

/** First as many operations as go, all sides in turns; then at etcd's throughput and at half of it, again in turns. */
async function measure(bench: Bench, mix: MixName, clients: number): Promise<Cell> {
  const cell: Cell = { mix, clients, runs: {} };
  const sides = bench.sides.filter(({ name, connections }) => {
    // A write is one phase in both modes.
    if (name === "eventual") return mix !== "write";
    // With so few clients there are as many connections as clients in both ways.
    const shared = bench.sides.find((one) => `${one.name}Own` === name);
    return !shared || connections(clients) !== shared.connections(clients);
  });
  for (let turn = 0; turn < plan.runs; turn += 1) {
    say(`${mix}, ${clients} clients: ${turn + 1} of ${plan.runs}, as many as go`);
    for (const { name } of turned(sides, turn)) await once(bench, cell, name, turn);
  }
  const peerPerS = medianOf(cell.runs.etcd, ({ operationsPerS }) => operationsPerS);
  if (peerPerS === undefined || !cell.runs.ours) return cell;
  const paced: [RunName, number][] = [
    ["oursEqual", peerPerS],
    ["oursHalf", peerPerS * HALF_LOAD],
    ["etcdHalf", peerPerS * HALF_LOAD],
  ];
  for (let turn = 0; turn < plan.runs; turn += 1) {
    say(`${mix}, ${clients} clients: ${turn + 1} of ${plan.runs}, at etcd's ${peerPerS.toFixed(0)}/s and half of it`);
    for (const [name, rate] of turned(paced, turn)) await once(bench, cell, name, turn, rate);
  }
  return cell;
}

/** Whether `redis-benchmark` sees what our generator sees, one right after the other. */
async function crossCheck({ generators }: Bench, side: Side): Promise<CrossCheck[]> {
  const found: CrossCheck[] = [];
  for (const [test, writes] of [
    ["set", 1],
    ["get", 0],
  ] as const) {
    const clients = CROSS_CHECK_CLIENTS;
    const run = { clients, writes, warmupS: WARMUP_S, seconds: plan.seconds, turn: 0 };
    const { operationsPerS } = await generators.run(side, run);
    const operations = Math.ceil(operationsPerS * plan.seconds);
    const theirs = await redisBenchmark(side, test, { clients, operations, timeoutMs: CROSS_CHECK_TIMEOUT_MS });
    found.push({ side: side.name, test, generator: Math.round(operationsPerS), redisBenchmark: Math.round(theirs) });
  }
  return found;
}

function noteLoad(): void {
  load.push(Math.round(loadavg()[0]! * 100) / 100);
}

async function main(): Promise<void> {
  noteLoad();
  const installed = await needDebian(PACKAGES);
  if (installed.length > 0) say(`installed from Debian: ${installed.join(" ")}`);
  const folder = await diskFolder();
  const syncsPerS = {
    oneFile: Math.round(await syncsPerSecond(folder.path, 1)),
    threeFiles: Math.round(await syncsPerSecond(folder.path, 3)),
  };
  say(
    `data on ${folder.fileSystem}, not memory; fdatasync/s ${syncsPerS.oneFile}, three files ${syncsPerS.threeFiles}`,
  );
  say("testing and building the generators");
  const generators = await buildGenerators();
  const sides = await startSides(folder.path);
  const bench: Bench = { generators, sides };
  try {
    for (const side of sides.filter(({ name }) => FILLED.includes(name))) {
      say(`writing ${KEYS} keys of ${VALUE_BYTES} bytes: ${side.name}`);
      await generators.fill(side);
    }
    const cells: Cell[] = [];
    for (const mix of plan.mixes) {
      for (const clients of plan.clients) {
        noteLoad();
        cells.push(await measure(bench, mix, clients));
      }
    }
    say("redis-benchmark beside our generator");
    const crossChecks: CrossCheck[] = [];
    for (const side of sides.filter(({ name }) => name === "oursOwn" || name === "redis")) {
      crossChecks.push(...(await crossCheck(bench, side)));
    }
    noteLoad();
    const notes = (await Promise.all(sides.map((side) => side.notes()))).flat();
    const machine = { cores: cpus().length, load, fileSystem: folder.fileSystem, syncsPerS };
    const { text, json } = report({ cells, runs: plan.runs, crossChecks, notes, machine });
    if (!flags.json) process.stdout.write(`\n${text}\n\n`);
    process.stdout.write(`${JSON.stringify(json)}\n`);
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
  }
}

await main();
// Killed children are reaped by the exit steps; nothing else may keep this process.
process.exit(0);
