/**
 * Fewer news for listeners that act on each (Serf's event coalescing). News wait until none came for the quiescent
 * period, or until the coalescing period is over; then each member is told once, with what it came to, and of the
 * user events of one name only those of the newest Lamport time. A driver may put it between the effects of `step`
 * and its listeners; the core knows nothing of it.
 *
 *   effect ──take──▶ passes at once (everything else, events that ask not to wait)
 *              └───▶ waits ──quiescent or period over (tick)──▶ told
 *
 * Serf's coalescer tells the last change only, so that a join followed by new tags is told as an update of a member
 * that nobody heard of. This one compares with what listeners know: whoever is new to them has joined.
 */
import { COALESCED_MAX, COALESCE_PERIOD_MS, QUIESCENT_PERIOD_MS } from "./constants.ts";
import type { Effect, Member, MemberChange } from "./types.ts";

export interface CoalescingPeriods {
  coalesceMs: number;
  quiescentMs: number;
}

export interface CoalescingConfig {
  /** Undefined: changes of members pass at once. */
  members?: CoalescingPeriods;
  /** Undefined: user events pass at once. */
  events?: CoalescingPeriods;
}

/** Those of Serf's agent. */
export const SERF_COALESCING: Required<CoalescingConfig> = {
  members: { coalesceMs: COALESCE_PERIOD_MS, quiescentMs: QUIESCENT_PERIOD_MS },
  events: { coalesceMs: COALESCE_PERIOD_MS, quiescentMs: QUIESCENT_PERIOD_MS },
};

type UserEventEffect = Extract<Effect, { type: "user-event" }>;

/** What listeners hear: effects as they were, and members together by what happened to them. */
export type Told = Effect | { type: "members"; change: MemberChange; members: Member[] };

export interface Coalescer {
  /** An effect in; out come what passes at once, and what its coming sets free. */
  take(nowMs: number, effect: Effect): Told[];
  /** What has waited long enough. */
  tick(nowMs: number): Told[];
  /** When the next tick is wanted; undefined while nothing waits. */
  nextMs(): number | undefined;
}

export function createCoalescer(config: CoalescingConfig = SERF_COALESCING): Coalescer {
  const members = config.members && new Waiting(config.members, new MemberNews());
  const events = config.events && new Waiting(config.events, new EventNews());
  const both = [members, events].filter((one) => one !== undefined);
  return {
    take(nowMs, effect) {
      if (members && effect.type === "member") return members.take(nowMs, effect);
      if (events && effect.type === "user-event" && effect.coalesce) return events.take(nowMs, effect);
      return [effect];
    },
    tick: (nowMs) => both.flatMap((one) => one.tick(nowMs)),
    nextMs: () => both.reduce<number | undefined>((next, one) => earlier(next, one.dueMs), undefined),
  };
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

interface News<T> {
  readonly size: number;
  add(item: T): void;
  /** All that waits, and forgets it. */
  flush(): Told[];
}

/** Both periods, over whatever waits. */
class Waiting<T> {
  readonly #periods: CoalescingPeriods;
  readonly #news: News<T>;
  #endMs = 0;
  dueMs: number | undefined;

  constructor(periods: CoalescingPeriods, news: News<T>) {
    this.#periods = periods;
    this.#news = news;
  }

  take(nowMs: number, item: T): Told[] {
    const told = this.tick(nowMs);
    if (this.dueMs === undefined) this.#endMs = nowMs + this.#periods.coalesceMs;
    this.#news.add(item);
    this.dueMs = Math.min(this.#endMs, nowMs + this.#periods.quiescentMs);
    if (this.#news.size >= COALESCED_MAX) told.push(...this.#flush());
    return told;
  }

  tick(nowMs: number): Told[] {
    return this.dueMs !== undefined && nowMs >= this.dueMs ? this.#flush() : [];
  }

  #flush(): Told[] {
    this.dueMs = undefined;
    return this.#news.flush();
  }
}

class MemberNews implements News<{ change: MemberChange; member: Member }> {
  readonly #waiting = new Map<string, { change: MemberChange; member: Member }>();
  /** What listeners heard last of each member; forgotten when it is reaped, so no larger than the table. */
  readonly #told = new Map<string, { change: MemberChange; member: Member }>();

  get size(): number {
    return this.#waiting.size;
  }

  add({ change, member }: { change: MemberChange; member: Member }): void {
    this.#waiting.set(member.name, { change, member });
  }

  flush(): Told[] {
    const groups = new Map<MemberChange, Member[]>();
    for (const [name, { change: last, member }] of this.#waiting) {
      const change = this.#changeFor(name, last, member);
      if (!change) continue;
      if (change === "reap") this.#told.delete(name);
      else this.#told.set(name, { change, member });
      const group = groups.get(change);
      if (group) group.push(member);
      else groups.set(change, [member]);
    }
    this.#waiting.clear();
    return [...groups].map(([change, members]) => ({ type: "members", change, members }));
  }

  /** What the last change is to somebody who heard only what was told; undefined: nothing new. */
  #changeFor(name: string, last: MemberChange, member: Member): MemberChange | undefined {
    const told = this.#told.get(name);
    const isIn = told !== undefined && told.change !== "failed" && told.change !== "leave";
    if (last === "join" || last === "update" || last === "suspect") {
      if (!isIn) return "join";
      if (last === "join") return isSame(told.member, member) ? undefined : "update";
      return last;
    }
    return told?.change === last ? undefined : last;
  }
}

/** For listeners; incarnations and coordinates change without their noticing. */
function isSame(a: Member, b: Member): boolean {
  const tags = (member: Member) => JSON.stringify(Object.entries(member.tags).sort());
  const sameAddress = a.address === b.address && a.port === b.port;
  return sameAddress && a.status === b.status && tags(a) === tags(b);
}

class EventNews implements News<UserEventEffect> {
  /** By name: those of the newest Lamport time. */
  readonly #newest = new Map<string, UserEventEffect[]>();
  size = 0;

  add(event: UserEventEffect): void {
    const known = this.#newest.get(event.name);
    const knownTime = known?.[0]!.ltime ?? -1;
    if (known && event.ltime === knownTime) known.push(event);
    else if (event.ltime > knownTime) this.#newest.set(event.name, [event]);
    // Also those that were replaced count: a flood does not wait for ever.
    this.size++;
  }

  flush(): Told[] {
    const told = [...this.#newest.values()].flat();
    this.#newest.clear();
    this.size = 0;
    return told;
  }
}
