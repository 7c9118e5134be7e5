/**
 * The log of the mesh: who came, failed, left and came back, who was excluded, which keys changed, which events and
 * queries went round, how much was refused. For a host who wants to know what happened last night. A ring of bounded
 * length; what is new is written to disk together a moment later, so that a storm of news costs one write a second.
 */
import type { Clock } from "../../kernel/clock.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { EventRow, MeshStore } from "./store.ts";

/** Lines kept; the oldest goes first. About 200 bytes each. */
export const EVENTS_KEPT_MAX = 2000;
/** Lines of one type in a minute; of the rest only the number is noted, so that one flood does not wash away all. */
export const EVENTS_PER_TYPE_PER_MINUTE_MAX = 60;
/** Characters of one value in a line: payloads come from others. */
export const EVENT_VALUE_LENGTH_MAX = 600;
/** What is new waits this long before it is written; a crash loses no more. */
export const EVENTS_WRITE_PAUSE_MS = 1000;
/** Pages and `--follow` hear of news at most this often. */
export const EVENTS_TELL_PAUSE_MS = 250;
const MINUTE_MS = 60_000;

export const EVENT_TYPES = [
  "join",
  "leave",
  "failed",
  "suspect",
  "refuted",
  "update",
  "reap",
  "exclusion",
  "pardon",
  "key",
  "conflict",
  "refused",
  "event",
  "query",
  "more",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
export type EventParams = Record<string, string | number>;

export interface LoggedEvent {
  /** Rises by one with each line, over restarts too. */
  id: number;
  atMs: number;
  type: EventType;
  /** The name in gossip; empty when it is about none. */
  member: string;
  /** For the sentence `mesh.event-TYPE`. */
  params: EventParams;
}

export interface EventsWanted {
  /** Only those after this id, and of them the oldest so many. */
  after?: number | undefined;
  sinceMs?: number | undefined;
  types?: readonly string[] | undefined;
  /** The newest so many, unless `after` is given. */
  limit: number;
}

export interface EventLog {
  add(type: EventType, member: string, params?: EventParams): void;
  /** Oldest first. */
  list(wanted: EventsWanted): LoggedEvent[];
  /** Writes down what waits. */
  flush(): void;
  /** The community was left: all is forgotten, the numbers go on. */
  clear(): void;
  stop(): void;
}

export interface EventLogNeeds {
  clock: Clock;
  rows: Pick<MeshStore, "events" | "addEvents">;
  /** There is something new; called at most each EVENTS_TELL_PAUSE_MS. */
  onNews: () => void;
}

export function createEventLog({ clock, rows, onNews }: EventLogNeeds): EventLog {
  const kept = rows.events().flatMap(readRow).slice(-EVENTS_KEPT_MAX);
  let lastId = kept.at(-1)?.id ?? 0;
  let unwritten: LoggedEvent[] = [];
  let writing: (() => void) | undefined;
  let telling: (() => void) | undefined;
  let stopped = false;
  /** Lines of each type in its present minute, those that are left out too. */
  const counts = new Map<EventType, number>();

  const flush = () => {
    writing?.();
    writing = undefined;
    if (unwritten.length === 0) return;
    const lines = unwritten.map(({ params, ...line }) => ({ ...line, params: JSON.stringify(params) }));
    if (ifRoom(() => rows.addEvents(lines, lastId - EVENTS_KEPT_MAX + 1))) unwritten = [];
    // On a full disk they wait for the next news.
    else unwritten = unwritten.slice(-EVENTS_KEPT_MAX);
  };
  const write = (type: EventType, member: string, params: EventParams) => {
    const event = { id: ++lastId, atMs: clock.wallMs(), type, member, params: cut(params) };
    kept.push(event);
    if (kept.length > EVENTS_KEPT_MAX) kept.shift();
    unwritten.push(event);
    writing ??= clock.after(EVENTS_WRITE_PAUSE_MS, flush);
    telling ??= clock.after(EVENTS_TELL_PAUSE_MS, () => {
      telling = undefined;
      onNews();
    });
  };
  /** The minute of a type is over: how many were left out stands as one line. */
  const endMinute = (type: EventType) => {
    const more = (counts.get(type) ?? 0) - EVENTS_PER_TYPE_PER_MINUTE_MAX;
    counts.delete(type);
    if (more > 0) write("more", "", { count: more, type });
  };

  return {
    add(type, member, params = {}) {
      if (stopped) return;
      const count = (counts.get(type) ?? 0) + 1;
      counts.set(type, count);
      if (count === 1) clock.after(MINUTE_MS, () => stopped || endMinute(type));
      if (count <= EVENTS_PER_TYPE_PER_MINUTE_MAX) write(type, member, params);
    },
    list({ after = 0, sinceMs = 0, types, limit }) {
      const fits = (event: LoggedEvent) =>
        event.id > after && event.atMs >= sinceMs && (!types || types.includes(event.type));
      const found = kept.filter(fits);
      return after > 0 ? found.slice(0, limit) : found.slice(-limit);
    },
    flush,
    clear() {
      kept.length = 0;
      unwritten = [];
    },
    stop() {
      for (const type of [...counts.keys()]) endMinute(type);
      stopped = true;
      flush();
      telling?.();
      telling = undefined;
    },
  };
}

function cut(params: EventParams): EventParams {
  const values = Object.entries(params).map(([key, value]) => [
    key,
    typeof value === "string" && value.length > EVENT_VALUE_LENGTH_MAX
      ? `${value.slice(0, EVENT_VALUE_LENGTH_MAX - 1)}…`
      : value,
  ]);
  return Object.fromEntries(values) as EventParams;
}

/** A type that this version does not know is left out. */
function readRow(row: EventRow): LoggedEvent[] {
  const type = EVENT_TYPES.find((one) => one === row.type);
  return type ? [{ ...row, type, params: JSON.parse(row.params) as EventParams }] : [];
}
