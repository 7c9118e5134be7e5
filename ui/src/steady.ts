/**
 * A list that changes under the reader's finger without moving: rows keep their places, what is gone turns grey, what
 * is new waits, until the reader asks for the new order or has been still for a while. Pure.
 */

export interface Steady<T> {
  rows: { item: T; gone: boolean }[];
  /** Entries that the new order holds and the shown one does not. */
  added: number;
  gone: number;
  /** The new order differs from what is shown. */
  stale: boolean;
}

/**
 * `shown`: ids in their present places. `next`: the entries in the order that they should have.
 * `known`: the last seen state of each id.
 */
export function steady<T>(
  shown: readonly string[],
  next: readonly T[],
  idOf: (item: T) => string,
  known: ReadonlyMap<string, T>,
): Steady<T> {
  const fresh = new Map(next.map((item) => [idOf(item), item]));
  const rows: Steady<T>["rows"] = [];
  let gone = 0;
  for (const id of shown) {
    const item = fresh.get(id) ?? known.get(id);
    if (item === undefined) continue;
    const isGone = !fresh.has(id);
    if (isGone) gone += 1;
    rows.push({ item, gone: isGone });
  }
  const kept = rows.length - gone;
  const added = fresh.size - kept;
  const moved = next.some((item, index) => idOf(item) !== shown[index]);
  return { rows, added, gone, stale: added > 0 || gone > 0 || moved };
}
