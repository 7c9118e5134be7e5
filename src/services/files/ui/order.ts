/** The order of a folder's entries, as the reader wishes it: folders first, numbers by their value. Pure. */
import type { Output } from "../../../../ui/src/api.ts";

export type Entry = Output<"files.entry">;
export type Key = "name" | "size" | "changed";

export interface Order {
  key: Key;
  down: boolean;
}

export const BY_NAME: Order = { key: "name", down: false };

/** A second press on a column turns it round; sizes and dates begin with the largest and the newest. */
export function nextOrder(now: Order, key: Key): Order {
  return now.key === key ? { key, down: !now.down } : { key, down: key !== "name" };
}

export function inOrder(entries: readonly Entry[], { key, down }: Order, language: string): Entry[] {
  const { compare } = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const byName = (a: Entry, b: Entry) => compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
  const turn = down ? -1 : 1;
  return entries.toSorted((a, b) => {
    if (a.kind !== b.kind) return a.kind === "folder" ? -1 : 1;
    if (key === "name") return turn * byName(a, b);
    // A folder has no size of its own.
    if (key === "size") return a.kind === "folder" ? byName(a, b) : turn * (a.bytes - b.bytes) || byName(a, b);
    return turn * (a.modifiedAt < b.modifiedAt ? -1 : a.modifiedAt > b.modifiedAt ? 1 : 0) || byName(a, b);
  });
}
