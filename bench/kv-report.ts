/**
 * What `bench:kv` prints: figures of all sides in each cell (a mix and a number of clients), the ratios of ours to
 * etcd's, and which of them miss their goal.
 */
import { ratio, table } from "./discovery-sums.ts";
import type { SideName } from "./kv-sides.ts";
import { medianOf, p99Of } from "./kv-sums.ts";
import type { Load } from "./kv-sums.ts";

/** Shares of writes. */
export const MIXES = { write: 1, half: 0.5, read: 0.05 } as const;
export type MixName = keyof typeof MIXES;

/**
 * A side's name: as many operations as go. The others are at a rate: ours at etcd's throughput, and both at half of
 * it, where etcd is not at its limit either.
 */
export type RunName = SideName | "oursEqual" | "oursHalf" | "etcdHalf";

export interface Cell {
  mix: MixName;
  clients: number;
  runs: Partial<Record<RunName, Load[]>>;
}

/** `redis-benchmark` beside our generator, operations per second. */
export interface CrossCheck {
  side: SideName;
  test: string;
  generator: number;
  redisBenchmark: number;
}

export interface Results {
  cells: readonly Cell[];
  runs: number;
  crossChecks: readonly CrossCheck[];
  notes: readonly string[];
  machine: {
    cores: number;
    load: number[];
    fileSystem: string;
    syncsPerS: { oneFile: number; threeFiles: number };
  };
}

export const THROUGHPUT_TARGET = 5;
const TARGET_CLIENTS_MIN = 64;
const P99_TARGET = 1;
/** What linearizability may cost, from the paper on CATS: a quarter when much is written, 5 % when much is read. */
const OF_EVENTUAL_TARGETS: Record<MixName, number> = { write: 0.75, half: 0.75, read: 0.95 };

/** Whether a ratio reaches what is asked; undefined where nothing is. */
type Goal = (value: number, cell: Cell) => boolean | undefined;
const throughputGoal: Goal = (value, { clients }) =>
  clients >= TARGET_CLIENTS_MIN ? value >= THROUGHPUT_TARGET : undefined;

interface Line {
  name: string;
  over: RunName;
  under: RunName;
  figure: (load: Load) => number;
  goal: Goal;
}

const perS = (load: Load) => load.operationsPerS;
const RATIOS: readonly Line[] = [
  { name: "throughput", over: "ours", under: "etcd", figure: perS, goal: throughputGoal },
  { name: "throughput_own_connections", over: "oursOwn", under: "etcdOwn", figure: perS, goal: throughputGoal },
  { name: "p99_equal_load", over: "oursEqual", under: "etcd", figure: p99Of, goal: (value) => value <= P99_TARGET },
  { name: "p99_half_load", over: "oursHalf", under: "etcdHalf", figure: p99Of, goal: (value) => value <= P99_TARGET },
  {
    ...{ name: "throughput_of_eventual", over: "ours", under: "eventual", figure: perS },
    goal: (value, { mix }) => value >= OF_EVENTUAL_TARGETS[mix],
  },
];

/** The text for people, and the one object for programs. */
export function report(results: Results): { text: string; json: object } {
  const { cells, crossChecks, machine, notes, runs } = results;
  const ratios: Record<string, number | null> = {};
  const medians: Record<string, object> = {};
  const missed: string[] = [];
  for (const cell of cells) {
    const end = `${cell.mix}_${cell.clients}`;
    for (const { name, over, under, figure, goal } of RATIOS) {
      const [ours, theirs] = [medianOf(cell.runs[over], figure), medianOf(cell.runs[under], figure)];
      if (ours === undefined || theirs === undefined) continue;
      const value = ratio(ours, theirs);
      ratios[`${name}_${end}`] = value;
      if (goal(value ?? Number.NaN, cell) === false) missed.push(`${name}_${end} ${value ?? "not seen"}`);
    }
    medians[`throughput_${end}`] = { ...figures(cell, perS, 0), unit: "operations/s" };
    medians[`p99_${end}`] = { ...figures(cell, p99Of, 2), unit: "ms" };
  }
  const errors = errorsOf(cells);
  const { oneFile, threeFiles } = machine.syncsPerS;
  const text = [
    table([HEAD, ...cells.map(row)]),
    "",
    "Operations per second, and in brackets the p99 in ms, of medians. Three connections for all clients; own: a",
    "connection for each client, as redis has. At load: p99 of ours at etcd's throughput, and of both at half of it.",
    "eventual: ours with reads in one phase. redis: one process, no replica; it promises less, and shows what the disk",
    "allows.",
    ...crossChecks.map(
      ({ side, test, generator, redisBenchmark }) =>
        `redis-benchmark on ${side}, ${test}: ${redisBenchmark.toFixed(0)}/s; our generator ${generator.toFixed(0)}/s`,
    ),
    ...notes,
    `Disk: ${machine.fileSystem}, fdatasync/s ${oneFile} on one file, ${threeFiles} on three at the same time.`,
    `Machine: ${machine.cores} cores; load over one minute from start to end: ${machine.load.join(", ")}.`,
    ...errors.map(({ run, count, first }) => `ERRORS: ${run} ${count}: ${first}`),
    ...(Object.keys(ratios).length === 0
      ? []
      : [missed.length > 0 ? `MISSED: ${missed.join(", ")}` : "No goal missed."]),
  ].join("\n");
  return { text, json: { bench: "kv", ratios, medians, missed, errors, crossChecks, machine, runs } };
}

/** JSON names: ours, peer, and what stands beside. */
const JSON_NAMES: Record<RunName, string> = {
  ...{ ours: "ours", oursOwn: "oursOwnConnections", etcd: "peer", etcdOwn: "peerOwnConnections" },
  ...{ eventual: "eventual", redis: "redis" },
  ...{ oursEqual: "oursAtPeersLoad", oursHalf: "oursAtHalfLoad", etcdHalf: "peerAtHalfLoad" },
};
const RUN_NAMES = Object.keys(JSON_NAMES) as RunName[];

/** null: there were no such runs, or it was not seen. */
function figures(cell: Cell, figure: (load: Load) => number, digits: number): Record<string, number | null> {
  const found: Record<string, number | null> = { ours: null, peer: null };
  for (const name of RUN_NAMES) {
    const value = medianOf(cell.runs[name], figure);
    if (value !== undefined) found[JSON_NAMES[name]] = Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
  }
  return found;
}

const HEAD = [
  ...["", "ours", "etcd", "ours/etcd", "ours own", "etcd own", "own/own", "eventual", "redis"],
  ...["p99 at load", "at half of it"],
];

function row(cell: Cell): string[] {
  const { runs } = cell;
  const shown = (name: RunName) => {
    const rate = medianOf(runs[name], perS);
    return rate === undefined ? "-" : `${rate.toFixed(0)} (${p99Text(runs[name])})`;
  };
  const pair = (one: RunName, other: RunName) =>
    runs[one] && runs[other] ? `${p99Text(runs[one])} : ${p99Text(runs[other])}` : "-";
  const times = (one: RunName, other: RunName) => {
    const [over, under] = [medianOf(runs[one], perS), medianOf(runs[other], perS)];
    return (over === undefined || under === undefined ? undefined : ratio(over, under)?.toFixed(2)) ?? "-";
  };
  return [
    ...[`${cell.mix} ${cell.clients}`, shown("ours"), shown("etcd"), times("ours", "etcd")],
    ...[shown("oursOwn"), shown("etcdOwn"), times("oursOwn", "etcdOwn"), shown("eventual"), shown("redis")],
    ...[pair("oursEqual", "etcd"), pair("oursHalf", "etcdHalf")],
  ];
}

function p99Text(runs: readonly Load[] | undefined): string {
  const value = medianOf(runs, p99Of);
  return value === undefined || !Number.isFinite(value) ? "not seen" : value.toFixed(1);
}

/** Per kind of run: operations that failed, reads that found nothing, operations that were not begun. */
function errorsOf(cells: readonly Cell[]): { run: RunName; count: number; first: string }[] {
  return RUN_NAMES.flatMap((run) => {
    const loads = cells.flatMap((cell) => cell.runs[run] ?? []);
    const count = loads.reduce((sum, { errors, missing, undone }) => sum + errors + missing + undone, 0);
    const first = loads.find(({ firstError }) => firstError !== undefined)?.firstError ?? "missing or not begun";
    return count === 0 ? [] : [{ run, count, first }];
  });
}
