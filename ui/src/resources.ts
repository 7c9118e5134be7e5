/**
 * What the page shows of the box: answers by call and input, kept while somebody looks (and a little longer, so that
 * going back is instant), asked for again when an event says that they changed. The page holds no truth of its own.
 * Pure: the way to fetch and the timer are handed in.
 */
import { type Signal, signal } from "@preact/signals";
import { LARGE_LIST_ENTRIES, REFETCH_DEBOUNCE_MS, REFETCH_LARGE_PAUSE_MS, RESOURCES_KEPT_MAX } from "./constants.ts";

export interface Seen {
  data: unknown;
  error: unknown;
  /** A request is under way. */
  busy: boolean;
  /** When `data` came, by the page's own clock; 0 before. */
  atMs: number;
}

interface Entry {
  key: string;
  name: string;
  input: Record<string, unknown>;
  events: readonly string[];
  seen: Signal<Seen>;
  watchers: number;
  stop: AbortController | null;
  cancelTimer: (() => void) | null;
  /** Something changed while a request was under way. */
  again: boolean;
}

export interface Needs {
  fetch(name: string, input: Record<string, unknown>, signal: AbortSignal): Promise<unknown>;
  after(delayMs: number, run: () => void): () => void;
  nowMs(): number;
}

export interface Resources {
  /** Starts or goes on watching; the signal is the present state. `events`: services whose changes concern it. */
  watch(name: string, input: Record<string, unknown>, events: readonly string[]): Watch;
  /** A service changed, or one event of it came: all that is watched and concerns it is asked for again, soon. */
  changed(service: string): void;
  /** Asks again for all that is watched, and forgets the rest. */
  refreshAll(): void;
  /** Forgets everything: somebody else signed in. */
  clear(): void;
  size(): number;
}

export interface Watch {
  seen: Signal<Seen>;
  reload(): void;
  stop(): void;
}

const EMPTY: Seen = { data: undefined, error: undefined, busy: true, atMs: 0 };

/** Asks the box for one entry, now or soon. */
function createLoader(needs: Needs) {
  const load = (entry: Entry) => {
    entry.cancelTimer?.();
    entry.cancelTimer = null;
    if (entry.stop) {
      entry.again = true;
      return;
    }
    const stop = new AbortController();
    entry.stop = stop;
    entry.seen.value = { ...entry.seen.peek(), busy: true };
    const finish = (next: Seen) => {
      if (entry.stop !== stop) return;
      entry.stop = null;
      entry.seen.value = next;
      if (entry.again && entry.watchers > 0) schedule(entry);
      entry.again = false;
    };
    needs.fetch(entry.name, entry.input, stop.signal).then(
      (data) => finish({ data, error: undefined, busy: false, atMs: needs.nowMs() }),
      (error: unknown) => finish({ ...entry.seen.peek(), error, busy: false }),
    );
  };

  const schedule = (entry: Entry) => {
    if (entry.cancelTimer) return;
    const { data, atMs } = entry.seen.peek();
    const large = entriesIn(data) >= LARGE_LIST_ENTRIES;
    const sinceMs = needs.nowMs() - atMs;
    const delayMs = large ? Math.max(REFETCH_DEBOUNCE_MS, REFETCH_LARGE_PAUSE_MS - sinceMs) : REFETCH_DEBOUNCE_MS;
    entry.cancelTimer = needs.after(delayMs, () => load(entry));
  };

  return { load, schedule };
}

/** Of a list, or of the largest list in an answer. */
function entriesIn(data: unknown): number {
  if (Array.isArray(data)) return data.length;
  if (typeof data !== "object" || data === null) return 0;
  return Math.max(0, ...Object.values(data).map((value) => (Array.isArray(value) ? value.length : 0)));
}

function newEntry(key: string, name: string, input: Record<string, unknown>, events: readonly string[]): Entry {
  const seen = signal<Seen>(EMPTY);
  return { key, name, input, events, seen, watchers: 0, stop: null, cancelTimer: null, again: false };
}

export function createResources(needs: Needs): Resources {
  const entries = new Map<string, Entry>();
  const { load, schedule } = createLoader(needs);

  const drop = (entry: Entry) => {
    entry.stop?.abort();
    entry.cancelTimer?.();
    entries.delete(entry.key);
  };

  const makeRoom = () => {
    for (const entry of entries.values()) {
      if (entries.size < RESOURCES_KEPT_MAX) return;
      if (entry.watchers === 0) drop(entry);
    }
  };

  return {
    watch(name, input, events) {
      const key = `${name} ${JSON.stringify(input)}`;
      let entry = entries.get(key);
      if (!entry) {
        makeRoom();
        entry = newEntry(key, name, input, events);
      }
      entries.delete(key);
      entries.set(key, entry);
      const mine = entry;
      if (++mine.watchers === 1) load(mine);
      let watching = true;
      return {
        seen: mine.seen,
        reload: () => load(mine),
        stop() {
          if (!watching) return;
          watching = false;
          mine.watchers -= 1;
        },
      };
    },
    changed(service) {
      for (const entry of entries.values()) {
        if (entry.watchers > 0 && entry.events.includes(service)) schedule(entry);
      }
    },
    refreshAll() {
      for (const entry of [...entries.values()]) {
        if (entry.watchers > 0) schedule(entry);
        else drop(entry);
      }
    },
    clear() {
      for (const entry of [...entries.values()]) drop(entry);
    },
    size: () => entries.size,
  };
}
