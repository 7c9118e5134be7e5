/**
 * Measures other boxes' services from here: when somebody looks at one, and in turns by `schedule.ts`. Keeps a
 * summary of each in memory, and the histories in the store, written together every few seconds: a box on a memory
 * card must not write once a second. A kill loses what was measured since the last writing, and nothing else.
 */
import { nextTurn } from "../../kernel/clock.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { Measured } from "./check.ts";
import { decodeHistory, emptyHistory, encodeHistory, isPast, summaryOf, withSample } from "./history.ts";
import type { History, Sample, Summary } from "./history.ts";
import { createSchedule, MEASURES_PER_MINUTE_MAX, PLAN_MS } from "./schedule.ts";
import type { Candidate } from "./schedule.ts";
import type { DiscoveryStore } from "./store.ts";
import { createTurns } from "./turns.ts";

/** Measurements under way at one time. */
export const MEASURES_AT_ONCE_MAX = 4;
/** Services that wait for their measurement because somebody looks; one more is not measured, and its age is shown. */
export const LOOKS_WAITING_MAX = 32;
/** Whoever asks again within this time gets the same measurement. */
export const MEASURE_AGAIN_MS = 1000;
/** A page that is looked at is measured anew when its figures are older than this. */
export const LOOK_FRESH_MS = 60_000;
/** Services with a history; beyond it the one measured longest ago is forgotten. */
export const MEASURED_MAX = 20_000;
/** Text of all histories together; beyond it, too. 20,000 services measured every five hours for a week take 28 MB. */
export const HISTORIES_BYTES_MAX = 48 * 1024 * 1024;
/** Nobody has measured it for so long: the service is gone. */
export const HISTORY_KEPT_MS = 30 * 86_400_000;
/** Histories are written this often. */
export const WRITE_MS = 5_000;
/** Pages hear of scheduled measurements this often: a list of 5,000 is much for a telephone. */
export const TOLD_MS = 15_000;
/** Changed histories that are held while the disk is full. */
export const UNWRITTEN_MAX = 200;
/** Hosts whose round trip is remembered for the other services on them. */
export const HOSTS_MAX = 5_000;
/** Histories read at one go when the box starts. */
const READ_AT_ONCE = 200;

/** What is known of a service, as of its last measurement. */
export interface MeasuredFacts {
  summary?: Summary | undefined;
  /** Its address or its kind cannot be asked from here. */
  refused?: boolean;
  /** The newest round trip to its host, measured at whichever of its services. */
  host?: { rttMs: number; atMs: number } | undefined;
}

export interface MeasureLimits {
  measuredMax: number;
  bytesMax: number;
  hostsMax: number;
}

export interface MeasureNeeds {
  clock: Clock;
  random: Random;
  rows: DiscoveryStore;
  /** Others' services whose box is there. */
  candidates: () => Candidate[];
  /** All boxes of the community. */
  boxes: () => number;
  intervalMs: () => number;
  probe: (id: string) => Promise<Measured>;
  /** Something was measured: a list made before is out of date. */
  touched: () => void;
  /** Pages are to hear of it. */
  changed: () => void;
  limits?: Partial<MeasureLimits>;
}

export interface Measure {
  of(id: string, host: string): MeasuredFacts;
  history(id: string): History;
  /** A measurement that was made otherwise: the host's check of its own service. Taken once in an interval. */
  note(id: string, found: Measured): void;
  /** Milliseconds between scheduled measurements; undefined when it is not measured by schedule. */
  intervalMs(id: string): number | undefined;
  /** Measures now, and resolves when it is done. */
  now(id: string): Promise<void>;
  /** Somebody looks at it: measures in the background when the figures are old, and more often from now on. */
  looked(id: string): void;
  counts(): { services: number; measurements: number; bytes: number };
  reschedule(): void;
  start(): void;
  stop(): void;
}

export function createMeasure(needs: MeasureNeeds): Measure {
  const { clock } = needs;
  const facts = createFacts(needs);
  const turns = createTurns({ atOnceMax: MEASURES_AT_ONCE_MAX, waitingMax: LOOKS_WAITING_MAX });
  const underWay = new Map<string, Promise<void>>();
  let measurements = 0;
  let running = false;
  let unheard = false;
  const cancels: (() => void)[] = [];
  let cancelPlan = () => {};
  const agoMs = (id: string) => {
    const last = facts.get(id)?.summary?.last;
    return last && clock.wallMs() - last.atMs;
  };
  const schedule = createSchedule({ random: needs.random, intervalMs: needs.intervalMs, agoMs });

  const measureOne = async (id: string, asked: boolean) => {
    const found = await needs.probe(id);
    if (found === "later") return;
    schedule.measured(id, clock.monotonicMs());
    if (found === "refused") facts.refuse(id);
    else {
      measurements += 1;
      facts.add(id, { atMs: clock.wallMs(), ...found.sample }, found.host);
    }
    unheard = true;
    if (asked) tell();
  };
  /** Two who ask at once share one measurement. */
  const measure = (id: string, asked: boolean): Promise<void> => {
    const before = underWay.get(id);
    if (before) return before;
    const turn = turns.take(() => measureOne(id, asked), asked);
    if (!turn) return Promise.resolve();
    const work = turn.finally(() => underWay.delete(id));
    underWay.set(id, work);
    return work;
  };
  const isOlderThan = (id: string, ageMs: number) => {
    const ago = agoMs(id);
    return ago === undefined || ago < 0 || ago >= ageMs;
  };

  /** Chooses for the time until the next choice, and spreads them over it. */
  const plan = () => {
    const planMs = Math.min(PLAN_MS, needs.intervalMs() / 5);
    const most = Math.max(1, Math.round((MEASURES_PER_MINUTE_MAX * planMs) / 60_000));
    const chosen = schedule.plan(needs.candidates(), needs.boxes(), clock.monotonicMs(), most);
    for (const { id } of chosen) {
      clock.after(needs.random.float() * planMs, () => void (running && measure(id, false)));
    }
    cancelPlan = clock.after(planMs, plan);
  };
  const tell = () => {
    if (unheard) needs.changed();
    unheard = false;
  };

  return {
    of: facts.of,
    history: facts.history,
    note(id, found) {
      if (typeof found === "string" || !isOlderThan(id, needs.intervalMs())) return;
      facts.add(id, { atMs: clock.wallMs(), ...found.sample }, found.host);
      unheard = true;
    },
    intervalMs: schedule.intervalMs,
    now: async (id) => (isOlderThan(id, MEASURE_AGAIN_MS) ? measure(id, true) : undefined),
    looked(id) {
      schedule.looked(id, clock.monotonicMs());
      if (isOlderThan(id, LOOK_FRESH_MS)) void measure(id, true);
    },
    counts: () => ({ ...facts.counts(), measurements }),
    reschedule: schedule.reset,
    start() {
      running = true;
      cancels.push(clock.every(WRITE_MS, facts.write), clock.every(TOLD_MS, tell));
      void facts.read(() => running).then(() => running && plan());
    },
    stop() {
      running = false;
      for (const cancel of [...cancels, cancelPlan]) cancel();
      facts.write();
    },
  };
}

interface Fact {
  summary?: Summary | undefined;
  refused?: boolean;
  bytes: number;
}

/** Summaries in memory, histories in the store; what changed is held until it is written. */
function createFacts({ clock, rows, touched, limits = {} }: Omit<MeasureNeeds, "probe">) {
  const { measuredMax = MEASURED_MAX, bytesMax = HISTORIES_BYTES_MAX, hostsMax = HOSTS_MAX } = limits;
  /** The one measured longest ago first. */
  const all = new Map<string, Fact>();
  const changed = new Map<string, History>();
  const forgotten = new Set<string>();
  const hosts = new Map<string, { rttMs: number; atMs: number }>();
  let bytes = 0;

  const history = (id: string) => {
    const held = changed.get(id);
    if (held) return held;
    const stored = forgotten.has(id) ? undefined : rows.history(id);
    return stored === undefined ? emptyHistory() : decodeHistory(stored);
  };
  const put = (id: string, fact: Fact) => {
    bytes += fact.bytes - (all.get(id)?.bytes ?? 0);
    all.delete(id);
    all.set(id, fact);
    while (all.size > measuredMax || (bytes > bytesMax && all.size > 1)) forget(all.keys().next().value!);
    touched();
  };
  const forget = (id: string) => {
    bytes -= all.get(id)?.bytes ?? 0;
    all.delete(id);
    changed.delete(id);
    forgotten.add(id);
  };

  return {
    get: (id: string) => all.get(id),
    history,
    of(id: string, host: string): MeasuredFacts {
      const { summary, refused } = all.get(id) ?? {};
      const nowMs = clock.wallMs();
      const known = summary && !isPast(summary.last.atMs, nowMs) ? summary : undefined;
      return { summary: known, refused: refused === true, host: hosts.get(host) };
    },
    add(id: string, sample: Sample, host: string) {
      const next = withSample(history(id), sample);
      forgotten.delete(id);
      changed.set(id, next);
      put(id, { summary: summaryOf(next), bytes: Buffer.byteLength(encodeHistory(next)) });
      if (sample.rttMs === null || sample.lost) return;
      hosts.delete(host);
      hosts.set(host, { rttMs: sample.rttMs, atMs: sample.atMs });
      if (hosts.size > hostsMax) hosts.delete(hosts.keys().next().value!);
    },
    refuse(id: string) {
      const fact = all.get(id);
      put(id, { summary: fact?.summary, bytes: fact?.bytes ?? 0, refused: true });
    },
    /** On a full disk it is tried again with the next measurements. */
    write() {
      if (changed.size === 0 && forgotten.size === 0) return;
      const texts = [...changed].map(([service, held]) => ({ service, data: encodeHistory(held) }));
      if (!ifRoom(() => rows.saveHistories(texts, [...forgotten])) && changed.size <= UNWRITTEN_MAX) return;
      changed.clear();
      forgotten.clear();
    },
    /** Reads what is stored, some at a time so that nothing waits for it; what was measured meanwhile is newer. */
    async read(isWanted: () => boolean) {
      const found: [string, Fact][] = [];
      let after = "";
      for (let more = true; more && isWanted(); await nextTurn()) {
        const some = rows.historiesAfter(after, READ_AT_ONCE);
        for (const { service, data } of some)
          found.push([service, { summary: summaryOf(decodeHistory(data)), bytes: Buffer.byteLength(data) }]);
        after = some.at(-1)?.service ?? after;
        more = some.length === READ_AT_ONCE;
      }
      const keptMs = clock.wallMs() - HISTORY_KEPT_MS;
      const lastMs = ([, fact]: [string, Fact]) => fact.summary?.last.atMs ?? 0;
      const newer = new Map(all);
      for (const entry of found.toSorted((a, b) => lastMs(a) - lastMs(b))) {
        if (newer.has(entry[0])) continue;
        put(...entry);
        if (lastMs(entry) < keptMs) forget(entry[0]);
      }
      for (const [id, fact] of newer) put(id, fact);
    },
    counts: () => ({ services: all.size, bytes }),
  };
}
