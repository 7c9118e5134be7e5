/**
 * Which services are measured when. Each box measures others' services within a budget of its own; and since all
 * boxes of a community do, each also waits so long that a host hears little from all of them together:
 *
 *   interval = max(the setting, boxes · services / HOST_MEASURES_PER_MINUTE_MAX minutes)
 *
 * with `services` the number that stand on the same host, or that the same box announced, whichever is more. Each box
 * then asks each of the `services` once in an interval, so that the host hears boxes · services / interval, which is
 * at most HOST_MEASURES_PER_MINUTE_MAX a minute. Waits are drawn anew each time around the interval, and a service
 * that is new is looked at after a chance part of that time: boxes that hear of it together do not come together.
 *
 * When the budget is too small for all that are due, whatever waits longest for its interval comes first; what people
 * looked at counts as waiting four times as long, what is near or open to all twice. Everything gets its turn. Pure.
 */
import type { Random } from "../../kernel/random.ts";

/** Scheduled measurements of one box: one a second, some hundred bytes each. */
export const MEASURES_PER_MINUTE_MAX = 60;
/** What a host hears from all boxes together, on average: one a second, as from one busy visitor. */
export const HOST_MEASURES_PER_MINUTE_MAX = 60;
/** A box makes its choice this often, for the time until the next one. */
export const PLAN_MS = 10_000;
/** Waits are between these shares of the interval; the mean is the whole. */
export const WAIT_SHARE_MIN = 0.75;
export const WAIT_SHARE_MAX = 1.25;
/** A service in the own zone, or with a box at most so far away, is near. */
export const NEAR_MS = 20;
/** What somebody looked at is of interest for a day. */
export const INTEREST_MS = 86_400_000;
/** Services remembered as looked at; the one looked at longest ago is forgotten. */
export const INTERESTS_MAX = 500;
export const PRIORITY = { looked: 4, near: 2, open: 2 } as const;

const MINUTE_MS = 60_000;

/** A service that may be measured. */
export interface Candidate {
  id: string;
  host: string;
  /** The box that announced it. */
  boxId: string;
  near: boolean;
  open: boolean;
}

export interface ScheduleNeeds {
  random: Random;
  /** The setting: a service is not measured more often. */
  intervalMs: () => number;
  /** When it was last measured, as milliseconds before now; undefined when never, negative when the clock went back. */
  agoMs: (id: string) => number | undefined;
}

export interface Schedule {
  /** Those to measure now, at most `most`, of each host one. `boxes`: all of the community. */
  plan(candidates: readonly Candidate[], boxes: number, nowMs: number, most: number): Candidate[];
  /** It was measured, or passed over: its next turn comes after an interval. */
  measured(id: string, nowMs: number): void;
  /** Somebody looked at it. */
  looked(id: string, nowMs: number): void;
  /** The interval of a service as the last plan had it; undefined for one that was no candidate. */
  intervalMs(id: string): number | undefined;
  /** The setting changed: waits are drawn anew. */
  reset(): void;
}

/** The time in which `boxes` boxes may each ask a host about each of its `services` once. */
export function hostIntervalMs(boxes: number, services: number): number {
  return (boxes * services * MINUTE_MS) / HOST_MEASURES_PER_MINUTE_MAX;
}

export function createSchedule({ random, intervalMs, agoMs }: ScheduleNeeds): Schedule {
  let waits = new Map<string, { dueMs: number; intervalMs: number }>();
  const interests = new Map<string, number>();

  const waitMs = (interval: number) => interval * (WAIT_SHARE_MIN + (WAIT_SHARE_MAX - WAIT_SHARE_MIN) * random.float());

  /**
   * First seen since the start: by when it was measured before, else after a chance part of the host's time. Of a wait
   * that is under way one is more likely to meet a long one; drawn so, the host hears as much at first as for ever.
   */
  const firstDueMs = (id: string, interval: number, spreadMs: number, nowMs: number) => {
    const ago = agoMs(id);
    const leftMs = ago === undefined || ago < 0 ? 0 : waitMs(interval) - ago;
    if (leftMs > 0) return nowMs + leftMs;
    const [least, most] = [WAIT_SHARE_MIN ** 2, WAIT_SHARE_MAX ** 2];
    return nowMs + spreadMs * random.float() * Math.sqrt(least + (most - least) * random.float());
  };

  const weight = (one: Candidate, nowMs: number) => {
    const lookedMs = interests.get(one.id);
    const looked = lookedMs !== undefined && nowMs - lookedMs < INTEREST_MS;
    return (looked ? PRIORITY.looked : 1) * (one.near ? PRIORITY.near : 1) * (one.open ? PRIORITY.open : 1);
  };

  return {
    plan(candidates, boxes, nowMs, most) {
      const perHost = tally(candidates, "host");
      const perBox = tally(candidates, "boxId");
      const next: typeof waits = new Map();
      /** Of each host the most urgent. */
      const due = new Map<string, Due>();
      for (const one of candidates) {
        const spreadMs = hostIntervalMs(boxes, Math.max(perHost.get(one.host)!, perBox.get(one.boxId)!));
        const interval = Math.max(intervalMs(), spreadMs);
        const wait = waits.get(one.id) ?? { dueMs: firstDueMs(one.id, interval, spreadMs, nowMs), intervalMs: 0 };
        wait.intervalMs = interval;
        next.set(one.id, wait);
        const overdueMs = nowMs - wait.dueMs;
        if (overdueMs < 0) continue;
        const urgency = weight(one, nowMs) * (1 + overdueMs / interval);
        if (urgency > (due.get(one.host)?.urgency ?? 0)) due.set(one.host, { one, urgency });
      }
      waits = next;
      return mostUrgent(due.values(), most).map(({ one }) => one);
    },
    measured(id, nowMs) {
      const wait = waits.get(id);
      if (wait) wait.dueMs = nowMs + waitMs(wait.intervalMs);
    },
    looked(id, nowMs) {
      interests.delete(id);
      interests.set(id, nowMs);
      if (interests.size > INTERESTS_MAX) interests.delete(interests.keys().next().value!);
    },
    intervalMs: (id) => waits.get(id)?.intervalMs,
    reset: () => (waits = new Map()),
  };
}

function tally(candidates: readonly Candidate[], key: "host" | "boxId"): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of candidates) counts.set(one[key], (counts.get(one[key]) ?? 0) + 1);
  return counts;
}

interface Due {
  one: Candidate;
  urgency: number;
}

/** The first few in order, without putting thousands in order. */
function mostUrgent(all: Iterable<Due>, most: number): Due[] {
  const chosen: Due[] = [];
  for (const one of all) {
    if (chosen.length >= most && one.urgency <= chosen.at(-1)!.urgency) continue;
    const before = chosen.findIndex((other) => other.urgency < one.urgency);
    chosen.splice(before < 0 ? chosen.length : before, 0, one);
    if (chosen.length > most) chosen.pop();
  }
  return chosen;
}
