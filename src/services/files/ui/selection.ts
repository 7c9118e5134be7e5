/** What is chosen in a list, by mouse and by keyboard, as people know it from their machine. Pure. */

export interface Selection {
  readonly chosen: ReadonlySet<string>;
  /** Where a range begins. */
  readonly anchor: string | undefined;
}

export const NOTHING: Selection = { chosen: new Set(), anchor: undefined };

/** A press with Ctrl, or on the box of a row: this one in or out, the others stay. */
export function toggled({ chosen }: Selection, id: string): Selection {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return { chosen: next, anchor: id };
}

/** A press with Shift: all from where it began to here, in the order of the list. */
export function ranged(now: Selection, id: string, ids: readonly string[]): Selection {
  const from = now.anchor === undefined ? -1 : ids.indexOf(now.anchor);
  const to = ids.indexOf(id);
  if (from < 0 || to < 0) return { chosen: new Set([...now.chosen, id]), anchor: id };
  const range = ids.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { chosen: new Set([...now.chosen, ...range]), anchor: now.anchor };
}

export function only(id: string): Selection {
  return { chosen: new Set([id]), anchor: id };
}

export function all(ids: readonly string[]): Selection {
  return { chosen: new Set(ids), anchor: ids[0] };
}

/** What is gone from the list is not chosen any more; the same object when nothing is gone. */
export function still(now: Selection, ids: readonly string[]): Selection {
  if (now.chosen.size === 0) return now;
  const there = new Set(ids);
  const chosen = [...now.chosen].filter((id) => there.has(id));
  if (chosen.length === now.chosen.size) return now;
  return {
    chosen: new Set(chosen),
    anchor: now.anchor !== undefined && there.has(now.anchor) ? now.anchor : undefined,
  };
}

/** Where the focus goes with a key; undefined when the key means nothing here. */
export function moved(at: number, key: string, count: number, page: number): number | undefined {
  const last = count - 1;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + page, PageUp: at - page }[key];
  return to === undefined || count === 0 ? undefined : Math.max(0, Math.min(last, to));
}
