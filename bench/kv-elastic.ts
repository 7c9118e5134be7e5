/**
 * `npm run bench:kv-elastic`: three boxes become six and three again, one after the other, while clients work at a
 * fixed rate. Tells of each move how long it took, what the boxes sent for it, and the p99 in it and just before.
 * docs/kv-bench.md says what is measured, `--help` tells the options. The exit code is 1 when an operation failed or a
 * read found the wrong value.
 */
import { cpus, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { PacedLoad } from "../test/kv/paced-load.ts";
import { move, ringOf, settled, startStoreBoxes, stopStoreBoxes } from "../test/kv/store-boxes.ts";
import type { RingStatus, StoreBox } from "../test/kv/store-boxes.ts";
import { cpuSeconds } from "./discovery-counters.ts";
import { median, quantile, ratio, table } from "./discovery-sums.ts";
import { diskFolder } from "./kv-disk.ts";
import { AS_SHIPPED } from "./kv-ours.ts";
import { parseCounts } from "./kv-sums.ts";
import { JSON_OPTION, asked, programOptions, teller } from "./options.ts";

const STAYING = 3;
const BOXES = 6;
const VALUE_BYTES = 256;
const WARMUP_MS = 5_000;
const MOVE_TIMEOUT_MS = 120_000;
const P99_TARGET = 2;

const ABOUT = `Three boxes of the key-value store become six and three again, one after the other, while
clients work at a fixed rate: how long each move took, what was sent for it, and the p99 in it and just
before. docs/kv-bench.md says more.`;

const flags = programOptions("npm run bench:kv-elastic --", ABOUT, {
  json: JSON_OPTION,
  runs: { value: "n", text: "how often up to six boxes and down again", default: "3" },
  rate: { value: "n", text: "operations a second, of all clients together", default: "400" },
  clients: { value: "n", text: "how many", default: "24" },
  keys: { value: "n", text: "how many there are", default: "20000" },
  calm: { value: "seconds", text: "how long without a move before each", default: "10" },
});
const [runs, perSecond, clients, keys, calmS] = asked(() =>
  [flags.runs, flags.rate, flags.clients, flags.keys, flags.calm].map((text) => parseCounts(text)[0]!),
) as [number, number, number, number, number];
const say = teller(flags.json);

interface Move {
  name: string;
  isJoin: boolean;
  tookMs: number;
  /** Of all boxes together, and what they send because groups change. */
  slots: number;
  keys: number;
  messages: number;
  bytes: number;
  /** Of the time just before, and of the move: times of operations, and cores that the boxes used. */
  calmMs: number[];
  movingMs: number[];
  calmCores: number;
  movingCores: number;
}

const sumOf = (rings: readonly RingStatus[], figure: (ring: RingStatus) => number) =>
  rings.reduce((total, ring) => total + figure(ring), 0);

async function measure(boxes: readonly StoreBox[], load: PacedLoad, at: number, isJoin: boolean): Promise<Move> {
  const some = boxes.slice(0, at + 1);
  const others = boxes.slice(0, at);
  const rings = () => Promise.all(some.map(ringOf));
  const cpu = [allCpuSeconds(boxes)];
  await sleep(calmS * 1000);
  cpu.push(allCpuSeconds(boxes));
  const before = await rings();
  const fromMs = performance.now();
  await move(boxes[at]!, others, isJoin, MOVE_TIMEOUT_MS);
  const untilMs = performance.now();
  cpu.push(allCpuSeconds(boxes));
  const after = await rings();
  // Who has left has forgotten what it once copied.
  const receivers = isJoin ? some.length : others.length;
  const more = (figure: (ring: RingStatus) => number, count = some.length) =>
    sumOf(after.slice(0, count), figure) - sumOf(before.slice(0, count), figure);
  return {
    ...{ name: `${isJoin ? at : at + 1} -> ${isJoin ? at + 1 : at}`, isJoin, tookMs: untilMs - fromMs },
    slots: more(({ copiedSlots }) => copiedSlots, receivers),
    keys: more(({ copiedKeys }) => copiedKeys, receivers),
    messages: more(({ sent }) => sent.copying.messages),
    bytes: more(({ sent }) => sent.copying.bytes),
    calmMs: load.between(fromMs - calmS * 1000, fromMs),
    movingMs: load.between(fromMs, untilMs),
    calmCores: (cpu[1]! - cpu[0]!) / calmS,
    movingCores: (cpu[2]! - cpu[1]!) / ((untilMs - fromMs) / 1000),
  };
}

function allCpuSeconds(boxes: readonly StoreBox[]): number {
  return boxes.reduce((sum, { box }) => sum + cpuSeconds(box.process!.pid), 0);
}

const p99 = (times: readonly number[]) => quantile(times, 0.99);
const shown = (value: number, digits = 1) => value.toFixed(digits);

function row({ name, tookMs, slots, keys: moved, messages, bytes, ...one }: Move): string[] {
  const { calmMs, movingMs, calmCores, movingCores } = one;
  const sizes = [String(slots), String(moved), String(messages), shown(bytes / 1e6, 2)];
  const p50s = [shown(quantile(calmMs, 0.5)), shown(quantile(movingMs, 0.5))];
  const slowest = [shown(calmMs.at(-1)!, 0), shown(movingMs.at(-1)!, 0)];
  return [
    ...[name, shown(tookMs / 1000), ...sizes, p50s.join(" / ")],
    ...[
      `${shown(p99(calmMs))} / ${shown(p99(movingMs))}`,
      slowest.join(" / "),
      `${shown(calmCores)} / ${shown(movingCores)}`,
    ],
  ];
}

const HEADER = ["boxes", "s", "slots", "keys", "messages", "MB", "p50 ms", "p99 ms calm / moving", "slowest", "cores"];

function report(moves: readonly Move[], load: PacedLoad): object {
  const ratios: Record<string, number | null> = {};
  const medians: Record<string, object> = {};
  for (const [kind, isJoin] of [
    ["join", true],
    ["leave", false],
  ] as const) {
    const some = moves.filter((one) => one.isJoin === isJoin);
    const of = (figure: (one: Move) => number) => Math.round(10 * median(some.map(figure))) / 10;
    const [calm, moving] = [of((one) => p99(one.calmMs)), of((one) => p99(one.movingMs))];
    ratios[`time_p99_${kind}_over_calm`] = ratio(moving, calm);
    medians[`p99_${kind}`] = { ours: moving, peer: calm, unit: "ms" };
    medians[`time_${kind}`] = { ours: of(({ tookMs }) => tookMs), unit: "ms" };
    medians[`messages_${kind}`] = { ours: of(({ messages }) => messages), unit: "messages" };
    medians[`bytes_${kind}`] = { ours: of(({ bytes }) => bytes), unit: "bytes" };
    medians[`slots_${kind}`] = { ours: of(({ slots }) => slots), unit: "slots" };
  }
  const missed = Object.keys(ratios).filter((name) => !(ratios[name]! <= P99_TARGET));
  const operations = { done: load.done.length, failed: load.failed.length, wrong: load.wrong.length };
  const machine = { cores: cpus().length, load: loadavg().map((one) => Math.round(one * 100) / 100) };
  const plan = { perSecond, clients, keys, valueBytes: VALUE_BYTES };
  return { bench: "kv-elastic", ratios, medians, runs, operations, missed, plan, machine };
}

async function main(): Promise<void> {
  const folder = await diskFolder();
  say(`starting ${BOXES} boxes, ${STAYING} of them in the store; data on ${folder.fileSystem}`);
  const boxes = await startStoreBoxes({ boxes: BOXES, taking: STAYING, folder: folder.path, env: AS_SHIPPED });
  const staying = boxes.slice(0, STAYING);
  const ports = staying.map(({ respPort }) => respPort);
  const load = new PacedLoad({ ports, clients, perSecond, keys, valueBytes: VALUE_BYTES });
  try {
    say(`writing ${keys} keys of ${VALUE_BYTES} bytes`);
    await load.fill();
    say(`${perSecond} operations/s, half of them writes, by ${clients} clients`);
    load.start();
    await sleep(WARMUP_MS);
    const moves: Move[] = [];
    for (let run = 0; run < runs; run += 1) {
      const plan = [3, 4, 5].map((at) => [at, true] as const);
      for (const [at, isJoin] of [...plan, ...plan.toReversed().map(([one]) => [one, false] as const)]) {
        const one = await measure(boxes, load, at, isJoin);
        moves.push(one);
        say(`${HEADER.map((name, column) => `${name} ${row(one)[column]}`).join(", ")}`);
      }
    }
    await load.stop();
    await settled(staying, MOVE_TIMEOUT_MS);
    await load.check();
    for (const text of [...load.failed, ...load.wrong].slice(0, 10)) say(`FAILED ${text}`);
    if (!flags.json) process.stdout.write(`\n${table([HEADER, ...moves.map(row)])}\n\n`);
    process.stdout.write(`${JSON.stringify(report(moves, load))}\n`);
    if (load.failed.length + load.wrong.length > 0) process.exitCode = 1;
  } finally {
    await stopStoreBoxes(boxes);
  }
}

await main();
// Killed children are reaped by the exit steps; nothing else may keep this process.
process.exit();
