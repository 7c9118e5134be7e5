/**
 * Which events or queries have been seen already: a ring of slots indexed by Lamport time. What is older than the
 * ring is taken as seen, so that a late copy cannot come back for ever.
 */
import { EVENT_SLOTS, EVENTS_PER_SLOT_MAX } from "./constants.ts";

interface Slot<T> {
  ltime: number;
  entries: Map<string, T>;
}

export type Seen = "new" | "known" | "old" | "full";

export class EventBuffer<T> {
  readonly #slots: (Slot<T> | undefined)[] = [];
  /** Nothing before this Lamport time is new: set when joining, to leave out what happened before. */
  minTime = 0;

  /** Notes the entry; only "new" ones are to be handled and passed on. `now` is the clock's time. */
  note(ltime: number, key: string, entry: T, now: number): Seen {
    if (ltime < this.minTime || (now > EVENT_SLOTS && ltime < now - EVENT_SLOTS)) return "old";
    const index = ltime % EVENT_SLOTS;
    const slot = this.#slots[index];
    if (slot && slot.ltime > ltime) return "old";
    if (!slot || slot.ltime < ltime) {
      this.#slots[index] = { ltime, entries: new Map([[key, entry]]) };
      return "new";
    }
    if (slot.entries.has(key)) return "known";
    if (slot.entries.size >= EVENTS_PER_SLOT_MAX) return "full";
    slot.entries.set(key, entry);
    return "new";
  }

  /** The Lamport times with what is remembered of them, the newest first, up to `count`. */
  newest(count: number): { ltime: number; keys: Iterable<string>; entries: Iterable<T> }[] {
    const slots = this.#slots.flatMap((slot) => (slot ? [slot] : []));
    slots.sort((a, b) => b.ltime - a.ltime);
    return slots.slice(0, count).map(({ ltime, entries }) => ({
      ltime,
      keys: entries.keys(),
      entries: entries.values(),
    }));
  }

  /** All that is remembered, in no particular order. */
  *entries(): Generator<T> {
    for (const slot of this.#slots) if (slot) yield* slot.entries.values();
  }
}
