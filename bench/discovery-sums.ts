/**
 * The arithmetic of `bench:discovery`: from times and counters to medians, shares and ratios. Apart from the rest, so
 * that it can be tested with numbers whose results are known.
 */

/** A change counts as known when so many of the others have seen it. */
export const SHARE_THAT_SEES = 0.99;

/** What was not seen in time is later than everything that was. */
export const NOT_SEEN = Number.POSITIVE_INFINITY;

/** The middle one, or the mean of the two in the middle. Throws for an empty list. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("the median of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  const upper = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[upper]!;
  // Two infinities have no mean.
  return sorted[upper]! === NOT_SEEN ? NOT_SEEN : (sorted[upper - 1]! + sorted[upper]!) / 2;
}

/** The smallest value that is at least as large as the share `p` of all (nearest rank). */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new Error("a quantile of nothing");
  const sorted = values.toSorted((a, b) => a - b);
  // Without the last digits of the product: 0.9 * 10 must stay the ninth.
  const rank = Math.ceil(Math.round(p * sorted.length * 1e9) / 1e9);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1]!;
}

/** When 99 % of the watchers had seen it, from the time at which each did. */
export function timeToShare(seenMs: readonly number[]): number {
  return quantile(seenMs, SHARE_THAT_SEES);
}

/** Bytes of each node, both directions, at one moment. */
export interface Counted {
  atMs: number;
  bytes: ReadonlyMap<string, number>;
}

/** Bytes per second of each node that is in both. */
export function bytesPerSecond(before: Counted, after: Counted): number[] {
  const seconds = (after.atMs - before.atMs) / 1000;
  return [...after.bytes].flatMap(([node, bytes]) => {
    const from = before.bytes.get(node);
    return from === undefined ? [] : [(bytes - from) / seconds];
  });
}

export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new Error("the mean of nothing");
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * What one change costs each node: the bytes of a time with changes beyond those that the same time at rest has. The
 * mean over the nodes, since the sum over all nodes is what a change costs; who pays how much is chance.
 */
export function bytesPerChange(rest: [Counted, Counted], busy: [Counted, Counted], changes: number): number {
  const seconds = (busy[1].atMs - busy[0].atMs) / 1000;
  const more = mean(bytesPerSecond(...busy)) - mean(bytesPerSecond(...rest));
  return (more * seconds) / changes;
}

/** Ours over theirs with two digits; null when one of them was not seen, or theirs is nothing. */
export function ratio(ours: number, theirs: number): number | null {
  if (!Number.isFinite(ours) || !Number.isFinite(theirs) || theirs <= 0) return null;
  return Math.round((ours / theirs) * 100) / 100;
}

/** Columns filled up with spaces: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "))
    .join("\n");
}
