/**
 * `npm run bench:kv-boxes`: operations per second of stores of 3, 6, 9 and 12 boxes, in virtual time, with boxes that
 * cost time (sim/kv/cost-model.ts). One machine has too few cores to measure it: there each further box takes from the
 * others. docs/kv-bench.md says what comes of it.
 *
 *   node bench/kv-boxes.ts [--quick] [--json] [--boxes 3,6,9,12] [--clients 64] [--mixes write,half,read]
 *                          [--models home,good] [--driver gather|turn|quiet] [--seed 1]
 */
import { parseArgs } from "node:util";
import { DRIVERS, GOOD, HOME } from "../sim/kv/cost-model.ts";
import { measureThroughput, placementOf } from "../sim/kv/throughput.ts";
import type { Measured } from "../sim/kv/throughput.ts";
import { median, ratio } from "./discovery-sums.ts";
import { KEYS, VALUE_BYTES } from "./kv-generator.ts";
import { MIXES } from "./kv-report.ts";
import type { MixName } from "./kv-report.ts";
import { parseCounts } from "./kv-sums.ts";

const MODELS = { home: HOME, good: GOOD };
/** Virtual milliseconds, as many before to warm up: some hundred rounds of each client. */
const FOR_MS = { home: 2_000, good: 400 };
/** Of the time, and of the keys. */
const QUICK_SHARE = 0.2;
const PLACEMENTS = 101;

interface Row {
  model: keyof typeof MODELS;
  mix: MixName;
  boxes: number;
  found: Measured;
  /** Throughput over that of the fewest boxes. */
  times: number | null;
}

const { values: flags } = parseArgs({
  options: {
    ...{ quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
    ...{ boxes: { type: "string", default: "3,6,9,12" }, clients: { type: "string", default: "64" } },
    ...{ mixes: { type: "string", default: "write,half,read" }, models: { type: "string", default: "home,good" } },
    ...{ driver: { type: "string", default: "gather" }, seed: { type: "string", default: "1" } },
  },
});

/** A comma-separated list of keys of `table`. Throws for another. */
function chosen<T extends object>(text: string, table: T): (keyof T & string)[] {
  return text.split(",").map((name) => {
    if (!Object.hasOwn(table, name)) throw new Error(`no ${name}: there are ${Object.keys(table).join(", ")}`);
    return name as keyof T & string;
  });
}

function say(text: string): void {
  if (!flags.json) process.stdout.write(`${text}\n`);
}

function measureAll(): Row[] {
  const rows: Row[] = [];
  const share = flags.quick ? QUICK_SHARE : 1;
  const boxCounts = parseCounts(flags.boxes);
  const [clientsPerBox] = parseCounts(flags.clients);
  const [driver] = chosen(flags.driver, DRIVERS);
  for (const model of chosen(flags.models, MODELS)) {
    for (const mix of chosen(flags.mixes, MIXES)) {
      let first: number | undefined;
      for (const boxes of boxCounts) {
        const forMs = FOR_MS[model] * share;
        const found = measureThroughput({
          ...{ seed: Number(flags.seed), boxes, model: { ...MODELS[model], driver: DRIVERS[driver!] } },
          ...{ writes: MIXES[mix], clientsPerBox: clientsPerBox!, keys: KEYS * share, valueBytes: VALUE_BYTES },
          ...{ warmMs: forMs, forMs },
        });
        first ??= found.operationsPerS;
        const row = { model, mix, boxes, found, times: ratio(found.operationsPerS, first) };
        rows.push(row);
        say(cellsOf(row).join(" | "));
      }
    }
  }
  return rows;
}

const HEAD = [
  ...["model", "mix", "boxes", "operations/s", "times", "p50 ms", "p99 ms", "CPU", "disk", "network"],
  ...["messages", "frames", "syncs", "bytes sent"],
];

/** Shares of time are those of the busiest box; the last four are for each operation, over all boxes. */
function cellsOf({ model, mix, boxes, found, times }: Row): string[] {
  const { busy, perOperation } = found;
  const percent = ({ most }: { most: number }) => `${Math.round(100 * most)} %`;
  return [
    ...[model, mix, String(boxes), found.operationsPerS.toFixed(0), times?.toFixed(2) ?? "-"],
    ...[found.p50Ms.toFixed(1), found.p99Ms.toFixed(1), percent(busy.cpu), percent(busy.disk), percent(busy.line)],
    ...[perOperation.messages.toFixed(2), perOperation.frames.toFixed(2), perOperation.writes.toFixed(3)],
    perOperation.lineBytes.toFixed(0),
  ];
}

/** Slots of the fullest box over the mean: the median, and the worst, of so many draws of the boxes' numbers. */
function placements(): string {
  const rows = parseCounts(flags.boxes).map((boxes) => {
    const drawn = Array.from({ length: PLACEMENTS }, (_, seed) => placementOf(boxes, seed + 1));
    const of = (values: number[]) => `${median(values).toFixed(2)} (${Math.max(...values).toFixed(2)})`;
    const cells = [of(drawn.map(({ coordinated }) => coordinated)), of(drawn.map(({ held }) => held))];
    return `${boxes} | ${cells.join(" | ")}`;
  });
  return ["boxes | coordinates, most over mean (worst of 101 draws) | holds", ...rows].join("\n");
}

say(HEAD.join(" | "));
const rows = measureAll();
say(`\n${placements()}\n`);
const failed = rows.reduce((sum, { found }) => sum + found.failed, 0);
if (failed > 0) say(`${failed} operations failed`);
const few = rows[0]!.boxes;
const named = rows.map((row) => [`${row.model}_${row.mix}_${row.boxes}`, row] as const);
const compared = named.filter(([, { boxes }]) => boxes !== few);
const firstOf = (row: Row) => rows.find(({ model, mix }) => model === row.model && mix === row.mix)!.found;
console.log(
  JSON.stringify({
    bench: "kv-boxes",
    ratios: Object.fromEntries(compared.map(([name, { times }]) => [`throughput_${name}_over_${few}`, times])),
    medians: Object.fromEntries(
      compared.map(([name, row]) => [
        `throughput_${name}_over_${few}`,
        { ours: row.found.operationsPerS, peer: firstOf(row).operationsPerS, unit: "operations/s, virtual time" },
      ]),
    ),
    runs: 1,
    failed,
  }),
);
process.exitCode = failed > 0 ? 1 : 0;
