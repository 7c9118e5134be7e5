/**
 * `npm run bench:kv-boxes`: operations per second of stores of 3, 6, 9 and 12 boxes, in virtual time, with boxes that
 * cost time (sim/kv/cost-model.ts). One machine has too few cores to measure it: there each further box takes from the
 * others. docs/kv-bench.md says what comes of it, `--help` tells the options.
 */
import { DRIVERS, GOOD, HOME } from "../sim/kv/cost-model.ts";
import { measureThroughput, placementOf } from "../sim/kv/throughput.ts";
import type { Measured } from "../sim/kv/throughput.ts";
import { median, ratio } from "./discovery-sums.ts";
import { KEYS, VALUE_BYTES } from "./kv-generator.ts";
import { MIXES } from "./kv-report.ts";
import type { MixName } from "./kv-report.ts";
import { parseCounts } from "./kv-sums.ts";
import { JSON_OPTION, asked, programOptions, someOf } from "./options.ts";

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

const ABOUT = `Operations a second of stores of some boxes, in virtual time: boxes of the simulator that
cost what real ones were measured to cost. docs/kv-bench.md says what comes of it.`;

const flags = programOptions("npm run bench:kv-boxes --", ABOUT, {
  quick: { text: "a fifth of the time and of the keys" },
  json: JSON_OPTION,
  boxes: { value: "counts", text: "how many boxes, one store after the other", default: "3,6,9,12" },
  clients: { value: "n", text: "of each box", default: "64" },
  mixes: { value: "mixes", text: "shares of writes", default: Object.keys(MIXES).join(",") },
  models: { value: "models", text: "what a box costs", default: Object.keys(MODELS).join(",") },
  driver: { value: "driver", text: `when a box writes: ${Object.keys(DRIVERS).join(", ")}`, default: "gather" },
  seed: { value: "n", text: "of what is drawn", default: "1" },
});

const plan = asked(() => {
  const { driver, models, mixes } = flags;
  const [[clients], [seed]] = [parseCounts(flags.clients), parseCounts(flags.seed)];
  return {
    ...{ boxes: parseCounts(flags.boxes), clients: clients!, seed: seed! },
    ...{ models: chosen(models, MODELS), mixes: chosen(mixes, MIXES), driver: DRIVERS[chosen(driver, DRIVERS)[0]!] },
  };
});

/** Some keys of `table`. */
function chosen<T extends object>(text: string, table: T): readonly (keyof T & string)[] {
  return someOf(Object.keys(table) as (keyof T & string)[], text);
}

function say(text: string): void {
  if (!flags.json) process.stdout.write(`${text}\n`);
}

function measureAll(): Row[] {
  const rows: Row[] = [];
  const share = flags.quick ? QUICK_SHARE : 1;
  const { seed, driver, clients: clientsPerBox } = plan;
  for (const model of plan.models) {
    for (const mix of plan.mixes) {
      let first: number | undefined;
      for (const boxes of plan.boxes) {
        const forMs = FOR_MS[model] * share;
        const found = measureThroughput({
          ...{ seed, boxes, model: { ...MODELS[model], driver } },
          ...{ writes: MIXES[mix], clientsPerBox, keys: KEYS * share, valueBytes: VALUE_BYTES },
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
  const rows = plan.boxes.map((boxes) => {
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
