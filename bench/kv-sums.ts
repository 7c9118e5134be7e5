/**
 * What `bench:kv` reads out of other programs, and its arithmetic. Apart from the rest, so that it can be tested with
 * texts and numbers whose results are known.
 */
import { NOT_SEEN, median } from "./discovery-sums.ts";

/** What a generator measured in one run; `kv-load/load.go` says what each counts. */
export interface Load {
  operations: number;
  operationsPerS: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  errors: number;
  /** Reads of keys that were not there. */
  missing: number;
  /** Were due, and not begun in time. */
  undone: number;
  /** Of the generator itself. */
  cpuSeconds: number;
  rssMaxBytes: number;
  firstError?: string;
}

const FIGURES = [
  ...["operations", "operationsPerS", "seconds", "p50Ms", "p99Ms", "maxMs", "errors", "missing", "undone"],
  ...["cpuSeconds", "rssMaxBytes"],
] as const;

/** The one line that a generator prints. Throws when a figure is missing. */
export function parseLoad(text: string): Load {
  const found = JSON.parse(text) as Record<string, unknown>;
  for (const name of FIGURES) {
    if (typeof found[name] !== "number") throw new Error(`a generator's line has no ${name}: ${text}`);
  }
  return found as unknown as Load;
}

/** Beyond this share of errors the slowest operations are not among those that were timed. */
export const ERROR_SHARE_MAX = 0.01;

/** 99 % of the operations took at most this; `NOT_SEEN` when a hundredth failed, or the rate was not kept. */
export function p99Of({ operations, errors, undone, p99Ms }: Load): number {
  const isBroken = undone > 0 || errors > (operations + errors) * ERROR_SHARE_MAX || operations === 0;
  return isBroken ? NOT_SEEN : p99Ms;
}

/** What to do with each run, and the median of it; undefined without runs. */
export function medianOf(runs: readonly Load[] | undefined, figure: (load: Load) => number): number | undefined {
  return runs === undefined || runs.length === 0 ? undefined : median(runs.map(figure));
}

export interface RedisBenchmark {
  test: string;
  perS: number;
  p50Ms: number;
  p99Ms: number;
}

/** What `redis-benchmark --csv` prints; warnings may stand around it. */
export function parseRedisBenchmark(text: string): RedisBenchmark[] {
  const rows = text
    .split("\n")
    .filter((line) => line.startsWith('"'))
    .map((line) => [...line.matchAll(/"([^"]*)"/g)].map(([, cell]) => cell!));
  const [header, ...lines] = rows;
  if (header === undefined || lines.length === 0) throw new Error(`redis-benchmark printed no table: ${text}`);
  const column = (row: readonly string[], name: string) => {
    const value = Number(row[header.indexOf(name)]);
    if (!Number.isFinite(value)) throw new Error(`redis-benchmark printed no ${name}: ${text}`);
    return value;
  };
  return lines.map((row) => ({
    test: row[0]!,
    perS: column(row, "rps"),
    p50Ms: column(row, "p50_latency_ms"),
    p99Ms: column(row, "p99_latency_ms"),
  }));
}

/** A counter without labels in the text that Prometheus reads. Throws when it is not there. */
export function counterOf(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  const value = Number(line?.slice(name.length + 1));
  if (line === undefined || !Number.isFinite(value)) throw new Error(`no counter ${name}`);
  return value;
}

/** "1,64" as [1, 64]. Throws for what is not a positive whole number. */
export function parseCounts(text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (!Number.isInteger(value) || value < 1) throw new Error(`not a list of positive whole numbers: ${text}`);
    return value;
  });
}

/** `list` beginning at another place: nobody is always the first. */
export function turned<T>(list: readonly T[], by: number): T[] {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** `total` in so many parts that differ by at most one; none is 0 unless there are fewer than parts. */
export function shares(total: number, parts: number): number[] {
  return Array.from({ length: parts }, (_, at) => Math.floor((total + at) / parts));
}
