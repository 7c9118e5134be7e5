/** What a recorded history says for people: how many operations of each end, and how available the store was when. */
import type { Recorded } from "./history-clients.ts";

/** A time in which one thing was done to the boxes, or nothing. */
export interface Phase {
  name: string;
  fromNs: number;
  toNs: number;
}

const NS_PER_MS = 1e6;
const PERCENTILE = 0.99;

/** One line for each phase. An operation belongs to the phase in which it was called. */
export function phaseTable(phases: readonly Phase[], history: readonly Recorded[]): string {
  const rows = [["phase", "s", "ok", "fail", "info", "ok %", "ok/s", "longest without ok, ms", "p99 ms"]];
  for (const phase of phases) {
    const inside = history.filter(({ call }) => call >= phase.fromNs && call < phase.toNs);
    const count = (status: Recorded["status"]) => inside.filter((one) => one.status === status).length;
    const seconds = (phase.toNs - phase.fromNs) / NS_PER_MS / 1000;
    const ok = count("ok");
    const took = inside.filter((one) => one.status === "ok").map((one) => (one.ret! - one.call) / NS_PER_MS);
    took.sort((a, b) => a - b);
    const p99 = took[Math.floor(took.length * PERCENTILE)];
    rows.push([
      ...[phase.name, seconds.toFixed(1), String(ok), String(count("fail")), String(count("info"))],
      ...[inside.length === 0 ? "-" : ((100 * ok) / inside.length).toFixed(1), (ok / seconds).toFixed(0)],
      ...[longestGapMs(phase, history).toFixed(0), p99 === undefined ? "-" : p99.toFixed(0)],
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return rows.map(line).join("\n");
}

/** The longest time within the phase in which no operation anywhere ended well. */
export function longestGapMs(phase: Phase, history: readonly Recorded[]): number {
  const ends = history
    .filter((one) => one.status === "ok" && one.ret! >= phase.fromNs && one.ret! <= phase.toNs)
    .map((one) => one.ret!)
    .toSorted((a, b) => a - b);
  let last = phase.fromNs;
  let longestNs = 0;
  for (const end of [...ends, phase.toNs]) {
    longestNs = Math.max(longestNs, end - last);
    last = end;
  }
  return longestNs / NS_PER_MS;
}

export function statusTable(history: readonly Recorded[]): string {
  const ops = [...new Set(history.map((one) => one.op))].toSorted();
  const lines = ops.map((op) => {
    const same = history.filter((one) => one.op === op);
    const count = (status: Recorded["status"]) => `${same.filter((one) => one.status === status).length} ${status}`;
    return `  ${op.padEnd(6)} ${count("ok")}, ${count("fail")}, ${count("info")}`;
  });
  return lines.join("\n");
}
