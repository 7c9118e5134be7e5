/**
 * What `bench:compute` prints: figures of both sides, the ratio of ours to the engine's own where it means something,
 * the goal beside it, and which goals are missed.
 */
import { median, table } from "./discovery-sums.ts";

export type SideName = "ours" | "lxc";
export type Samples = Partial<Record<SideName, number[]>>;

interface Line {
  name: string;
  title: string;
  unit: string;
  digits: number;
  /** What the ratio may be at most. */
  goal?: number;
}

const MS = { unit: "ms", digits: 0 };
const GOAL = 1.2;

export const LINES = [
  { name: "time_launch_tiny", title: "tiny image, asked for until it runs, by command", ...MS, goal: GOAL },
  { name: "time_launch_tiny_http", title: "the same, ours asked over HTTP", ...MS, goal: GOAL },
  { name: "time_launch_debian", title: "Debian, asked for until it runs, by command", ...MS, goal: GOAL },
  { name: "time_launch_debian_http", title: "the same, ours asked over HTTP", ...MS, goal: GOAL },
  { name: "time_launch_many", title: "20 tiny ones at once, until all run", ...MS, goal: GOAL },
  { name: "time_stop", title: "stop, until it is stopped", ...MS, goal: GOAL },
  { name: "time_start", title: "start, until it runs", ...MS, goal: GOAL },
  { name: "time_delete", title: "delete a running one, until it is gone", ...MS, goal: GOAL },
  { name: "cpu_rest_0", title: "CPU at rest, no sliver; the engine alone", unit: "s/min", digits: 2 },
  { name: "cpu_rest_100", title: "CPU at rest, 100 slivers; the engine alone", unit: "s/min", digits: 2 },
  { name: "cpu_engine_asked", title: "the engine with our daemon beside it, 100 slivers", unit: "s/min", digits: 2 },
  { name: "memory_rest_0", title: "resident memory, no sliver", unit: "MB", digits: 0 },
  { name: "memory_rest_100", title: "resident memory, 100 slivers", unit: "MB", digits: 0 },
] as const satisfies readonly Line[];

export type Figure = (typeof LINES)[number]["name"];
export type Found = Partial<Record<Figure, Samples>>;

export interface Machine {
  cores: number;
  /** Over one minute, as it went. */
  load: number[];
}

/** The text for people, and the one object for programs. */
export function report(found: Found, machine: Machine, runs: number): { text: string; json: object } {
  const rows = [["", "ours", "lxc", "ours/lxc", "goal", ""]];
  const ratios: Record<string, number> = {};
  const medians: Record<string, object> = {};
  const missed: string[] = [];
  for (const line of LINES as readonly Line[]) {
    const samples = found[line.name as Figure];
    if (!samples) continue;
    const [ours, peer] = [middle(samples.ours), middle(samples.lxc)];
    const ratio = ours !== undefined && peer !== undefined && peer > 0 ? ours / peer : undefined;
    const isMissed = line.goal !== undefined && ratio !== undefined && ratio > line.goal;
    if (ratio !== undefined) ratios[line.name] = Number(ratio.toPrecision(3));
    medians[line.name] = { ours: rounded(ours, line), peer: rounded(peer, line), unit: line.unit };
    if (isMissed) missed.push(line.name);
    const verdict = line.goal === undefined || ratio === undefined ? "" : isMissed ? "MISSED" : "met";
    rows.push([
      `${line.title}, ${line.unit}`,
      ...[shown(ours, line), shown(peer, line), ratio === undefined ? "-" : ratio.toPrecision(3)],
      ...[line.goal === undefined ? "" : `≤ ${line.goal}`, verdict],
    ]);
  }
  const text = [
    table(rows),
    "",
    "Medians. Both sides make the same container of the same image with the same limits in the same engine, in turns.",
    "Ours are asked for on one box and run on another; the second column is `lxc` on the engine's machine. A command's",
    "time is from its start to its end, which is when the sliver stands as it was asked for.",
    `Machine: ${machine.cores} cores; load over one minute as it went: ${machine.load.join(", ")}.`,
    missed.length > 0 ? `MISSED: ${missed.join(", ")}` : "No goal missed.",
  ].join("\n");
  return { text, json: { bench: "compute", ratios, medians, missed, machine, runs } };
}

function middle(values: readonly number[] | undefined): number | undefined {
  return values === undefined || values.length === 0 ? undefined : median(values);
}

function rounded(value: number | undefined, { digits }: Line): number | null {
  return value === undefined ? null : Number(value.toFixed(digits));
}

function shown(value: number | undefined, { digits }: Line): string {
  return value === undefined ? "-" : value.toFixed(digits);
}
