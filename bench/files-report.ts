/**
 * What `bench:files` prints: figures of both sides, the ratio of ours to Tahoe's where it means something, the goal
 * beside it, and which goals are missed.
 */
import { median, table } from "./discovery-sums.ts";
import type { SideName } from "./files-sides.ts";

export type Samples = Record<SideName, number[]>;

/** `more`: the larger the better, and the ratio must reach the goal; `less`: it must stay below it. */
interface Line {
  name: string;
  title: string;
  unit: string;
  digits: number;
  goal?: { of: "ratio" | "ours"; better: "more" | "less"; value: number };
}

const SPEED = { unit: "MB/s", digits: 1 };
const FILES = { unit: "files/s", digits: 1, goal: { of: "ratio", better: "more", value: 10 } } as const;
const TIMES = (value: number) => ({ of: "ratio", better: "more", value }) as const;
const BELOW = (value: number) => ({ of: "ours", better: "less", value }) as const;

export const LINES = [
  { name: "throughput_upload", title: "100 MB up", ...SPEED, goal: TIMES(5) },
  { name: "throughput_download", title: "100 MB down", ...SPEED, goal: TIMES(5) },
  { name: "throughput_small_hands", title: "1 kB files into one folder, 8 hands", ...FILES },
  { name: "throughput_small_single", title: "1 kB files into one folder, one by one", ...FILES },
  { name: "throughput_small_command", title: "the same, `comu files put` and `tahoe cp -r` of a folder", ...FILES },
  {
    ...{ name: "time_mkdir", title: "folder in a folder", unit: "ms", digits: 1 },
    goal: { of: "ratio", better: "less", value: 0.1 },
  },
  { name: "throughput_links_up", title: "50 MB up, 60 ms links", ...SPEED, goal: TIMES(3) },
  { name: "throughput_links_down", title: "50 MB down, 60 ms links", ...SPEED, goal: TIMES(3) },
  { name: "time_frozen_cost", title: "20 MB up, cost of a frozen server", unit: "s", digits: 2, goal: BELOW(2) },
  { name: "memory_storage", title: "resident memory of a storage process", unit: "MB", digits: 0, goal: BELOW(100) },
  { name: "memory_storage_peak", title: "the same, at its peak", unit: "MB", digits: 0 },
  { name: "memory_gateway", title: "resident memory of the gateway", unit: "MB", digits: 0 },
  { name: "share_ceiling", title: "100 MB up, of one core's SHA-256 ceiling", unit: "%", digits: 0 },
] as const satisfies readonly Line[];

export type Figure = (typeof LINES)[number]["name"];
export type Found = Partial<Record<Figure, Samples>>;

export interface Machine {
  cores: number;
  load: number[];
  /** MB/s of one core, over blocks as they are hashed. */
  sha256: number;
  hashedPerByte: number;
}

/** The text for people, and the one object for programs. */
export function report(found: Found, machine: Machine, runs: number): { text: string; json: object } {
  const rows = [["", "ours", "tahoe", "ours/tahoe", "goal", ""]];
  const ratios: Record<string, number | null> = {};
  const medians: Record<string, object> = {};
  const missed: string[] = [];
  for (const line of LINES as readonly Line[]) {
    const samples = found[line.name as Figure];
    if (!samples) continue;
    const [ours, peer] = [middle(samples.ours), middle(samples.tahoe)];
    // The share of a difference, which may be nothing, says nothing.
    const isRatio = line.name !== "time_frozen_cost" && ours !== undefined && peer !== undefined && peer > 0;
    const value = isRatio ? ours / peer : undefined;
    const isMet = meets(line, ours, value);
    if (isRatio) ratios[line.name] = Number(value!.toPrecision(3));
    medians[line.name] = { ours: rounded(ours, line), peer: rounded(peer, line), unit: line.unit };
    if (isMet === false) missed.push(line.name);
    rows.push([
      `${line.title}, ${line.unit}`,
      shown(ours, line),
      shown(peer, line),
      value === undefined ? "-" : value.toPrecision(2),
      goalText(line),
      isMet === undefined ? "" : isMet ? "met" : "MISSED",
    ]);
  }
  const { cores, load, sha256, hashedPerByte } = machine;
  const ceiling = sha256 / hashedPerByte;
  const text = [
    table(rows),
    "",
    "Medians. Both sides: five storage servers and a gateway on this machine and disk, 3 of 10 pieces, the servers",
    "known from a servers.yaml, HTTPS between them; new random content each time, compared when it is read. Ours are",
    "six whole boxes, asked by the requests of `comu files put`; each stored file is also an entry of a folder, and it",
    "is on the disks (fsync) before it is said to be stored. Tahoe's big files are in no folder. Each part begins with",
    "a round of both sides that is not counted; before each one the disk has nothing left to write.",
    `SHA-256: ${sha256.toFixed(0)} MB/s on one core in this run; ${hashedPerByte.toFixed(2)} bytes are hashed for`,
    `each byte stored, so ${ceiling.toFixed(0)} MB/s is the ceiling of one core.`,
    `Machine: ${cores} cores; load over one minute as it went: ${load.join(", ")}.`,
    missed.length > 0 ? `MISSED: ${missed.join(", ")}` : "No goal missed.",
  ].join("\n");
  return { text, json: { bench: "files", ratios, medians, missed, machine, runs } };
}

function meets({ goal }: Line, ours: number | undefined, ratio: number | undefined): boolean | undefined {
  const value = goal?.of === "ours" ? ours : ratio;
  if (!goal || value === undefined) return undefined;
  return goal.better === "more" ? value >= goal.value : value < goal.value;
}

function goalText({ goal, unit }: Line): string {
  if (!goal) return "";
  return `${goal.better === "more" ? "≥" : "<"} ${goal.value}${goal.of === "ours" ? ` ${unit}` : ""}`;
}

function middle(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : median(values);
}

function rounded(value: number | undefined, { digits }: Line): number | null {
  return value === undefined ? null : Number(value.toFixed(digits));
}

function shown(value: number | undefined, { digits }: Line): string {
  return value === undefined ? "-" : value.toFixed(digits);
}

/**
 * Bytes that are hashed for each byte that is stored as k of n: the content for its key, the ciphertext as a whole and
 * by segments, and each block of each of the n pieces, which are 1/k of it.
 */
export function hashedPerByte(k: number, n: number): number {
  return 3 + n / k;
}
