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
/** Lines of one type about, or from, one member in a minute; of the rest only the number is noted. */
export const EVENTS_PER_SENDER_PER_MINUTE_MAX = 20;
/** Lines of one type in a minute, of all together, so that one flood does not wash away the whole log. */
export const EVENTS_PER_TYPE_PER_MINUTE_MAX = 120;
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
  "flapping",
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
  /** `sender`: whose share of its type the line takes, when that is not the member. */
  add(type: EventType, member: string, params?: EventParams, sender?: string): void;
  /** Oldest first. */
  list(wanted: EventsWanted): LoggedEvent[];
  /** Writes down what waits. */
  flush(): void;
  /** The community was left: all is forgotten, the numbers go on. */
  clear(): void;
  stop(): void;
}

/** What one type has used of its limits. */
interface Minute {
  written: number;
  leftOut: number;
  bySender: Map<string, number>;
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
  /** Of each type in its present minute. */
  const minutes = new Map<EventType, Minute>();

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
    const more = minutes.get(type)?.leftOut ?? 0;
    minutes.delete(type);
    if (more > 0) write("more", "", { count: more, type });
  };
  const minuteOf = (type: EventType): Minute => {
    const begun = minutes.get(type);
    if (begun) return begun;
    const minute = { written: 0, leftOut: 0, bySender: new Map<string, number>() };
    minutes.set(type, minute);
    clock.after(MINUTE_MS, () => stopped || endMinute(type));
    return minute;
  };

  return {
    add(type, member, params = {}, sender = member) {
      if (stopped) return;
      const minute = minuteOf(type);
      const own = minute.bySender.get(sender) ?? 0;
      if (own >= EVENTS_PER_SENDER_PER_MINUTE_MAX || minute.written >= EVENTS_PER_TYPE_PER_MINUTE_MAX) {
        minute.leftOut += 1;
        return;
      }
      minute.bySender.set(sender, own + 1);
      minute.written += 1;
      write(type, member, params);
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
      for (const type of [...minutes.keys()]) endMinute(type);
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
