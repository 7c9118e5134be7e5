/**
 * The event log: what changed, in one total order, numbered. Pages read "events since id" and hold no truth of
 * their own: an event says that something changed, and the page asks again for what it shows.
 * Delivery is synchronous and in order; a listener that throws is a bug.
 */
import type { Role } from "./contract.ts";

export interface ComuEvent {
  /** Rises by one with each event, from the number after the one that `createEvents` was given. */
  id: number;
  /** "SERVICE.NAME", for instance "discovery.changed". */
  type: string;
  role: Role;
  data: Record<string, unknown>;
}

/** Events kept for pages that come back after a short break; who missed more reloads all. */
export const EVENTS_KEPT = 1000;
/** Listeners at one time: one per open tab, and the daemon's own. */
export const EVENT_LISTENERS_MAX = 600;

export interface Events {
  emit(type: string, role: Role, data?: Record<string, unknown>): void;
  /** Calls `listener` for each later event. Returns the way to stop. Undefined when the limit is reached. */
  listen(listener: (event: ComuEvent) => void): (() => void) | undefined;
  /** Events after `id`; undefined when some of them are already forgotten. */
  since(id: number): ComuEvent[] | undefined;
  lastId(): number;
}

/**
 * `startId` must be beyond every id of the run before (the wall clock in milliseconds is), so that a page which comes
 * back after a restart is told to load all again and does not take new events for those that it missed.
 */
export function createEvents(startId = 0): Events {
  const kept: ComuEvent[] = [];
  const listeners = new Set<(event: ComuEvent) => void>();
  let last = startId;
  return {
    emit(type, role, data = {}) {
      const event: ComuEvent = { id: ++last, type, role, data };
      kept.push(event);
      if (kept.length > EVENTS_KEPT) kept.shift();
      for (const listener of listeners) listener(event);
    },
    listen(listener) {
      if (listeners.size >= EVENT_LISTENERS_MAX) return undefined;
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    since(id) {
      if (id > last || id < last - kept.length) return undefined;
      return kept.slice(kept.length - (last - id));
    },
    lastId: () => last,
  };
}
