/**
 * What was measured of one service: the newest measurements one by one, and each hour in which there was any as one
 * line. Bounded by count and not by age, so that a clock that is wrong for a while destroys nothing; what is older
 * than seven days is kept a while, and counted no more. Pure.
 *
 * On disk it is text, read by people too: {"recent":[[atMs,lost,rttMs,firstByteMs],…],"hours":[[hour,samples,…],…]}.
 * A recent entry without an answer ends after `lost`.
 */

/** One look at a service. */
export interface Sample {
  atMs: number;
  /** It answered as it should. */
  ok: boolean;
  /** Packets were lost: no answer at all, or the first packet had to be sent again. */
  lost: boolean;
  rttMs: number | null;
  firstByteMs: number | null;
}

/** What was measured within one hour. */
export interface Hour {
  /** Hours since 1970. */
  hour: number;
  samples: number;
  answered: number;
  lost: number;
  /** Medians of the answered ones; of the newest `RECENT_MAX` when there were more. */
  rttMs: number | null;
  firstByteMs: number | null;
  /** 95th percentile; with few measurements that is the slowest. */
  firstByteP95Ms: number | null;
}

export interface History {
  /** Oldest first. */
  recent: Sample[];
  hours: Hour[];
}

/** What a list shows of a service; small, since there is one of it for each service in memory. */
export interface Summary {
  last: Sample;
  /** Of the recent measurements: those of the day before the last one, at most `RECENT_MAX`. */
  recent: number;
  loss: number;
  rttMs: number | null;
  firstByteMs: number | null;
  /** Of the seven days before the last one. */
  samples: number;
  answered: number;
}

export const HOUR_MS = 3_600_000;
/** Measurements kept one by one. */
export const RECENT_MAX = 20;
/** Of those, the ones within this time before the last one speak for the present. */
export const RECENT_MS = 24 * HOUR_MS;
/** Hours kept: a week without a gap. */
export const HOURS_MAX = 7 * 24;
/** The week that success is counted over. */
export const WEEK_MS = HOURS_MAX * HOUR_MS;
/** The text of a full history is below this: 168 hours of at most 51 characters, 20 samples of at most 34, brackets. */
export const HISTORY_BYTES_MAX = 9_600;
/** A longer time is written as this; a probe is cut off long before. */
const TIME_MS_MAX = 99_999.9;
const COUNT_MAX = 99_999;

export function emptyHistory(): History {
  return { recent: [], hours: [] };
}

/** The history with one measurement more; the given one is not changed. */
export function withSample(history: History, sample: Sample): History {
  const recent = [...history.recent, sample].slice(-RECENT_MAX);
  const hour = Math.floor(sample.atMs / HOUR_MS);
  const before = history.hours.find((one) => one.hour === hour);
  const within = recent.filter((one) => Math.floor(one.atMs / HOUR_MS) === hour);
  const now: Hour = {
    hour,
    samples: Math.min(COUNT_MAX, (before?.samples ?? 0) + 1),
    answered: Math.min(COUNT_MAX, (before?.answered ?? 0) + (sample.ok ? 1 : 0)),
    lost: Math.min(COUNT_MAX, (before?.lost ?? 0) + (sample.lost ? 1 : 0)),
    ...timesOf(within),
    firstByteP95Ms: percentile(values(within, "firstByteMs"), 0.95),
  };
  // In order of time, also after the clock went back.
  const others = history.hours.filter((one) => one.hour !== hour);
  const hours = [...others, now].toSorted((a, b) => a.hour - b.hour).slice(-HOURS_MAX);
  return { recent, hours };
}

/** As of the last measurement; undefined when there is none. */
export function summaryOf(history: History): Summary | undefined {
  const last = history.recent.at(-1);
  if (!last) return undefined;
  const recent = history.recent.filter((one) => Math.abs(last.atMs - one.atMs) <= RECENT_MS);
  const week = hoursOfWeek(history, last.atMs);
  const sum = (key: "samples" | "answered") => week.reduce((total, hour) => total + hour[key], 0);
  return {
    last,
    recent: recent.length,
    loss: recent.filter((one) => one.lost).length / recent.length,
    ...timesOf(recent),
    samples: sum("samples"),
    answered: sum("answered"),
  };
}

/** The hours of the seven days before, oldest first. */
export function hoursOfWeek(history: History, nowMs: number): Hour[] {
  return history.hours.filter((one) => !isPast((one.hour + 1) * HOUR_MS, nowMs));
}

/** Is this longer ago than a week? The future, where a clock went back, is not past. */
export function isPast(atMs: number, nowMs: number): boolean {
  return nowMs - atMs > WEEK_MS;
}

function timesOf(samples: readonly Sample[]): { rttMs: number | null; firstByteMs: number | null } {
  return {
    rttMs: percentile(values(samples, "rttMs"), 0.5),
    firstByteMs: percentile(values(samples, "firstByteMs"), 0.5),
  };
}

/** A time in which a packet was sent again says more about the loss than about the way. */
function values(samples: readonly Sample[], key: "rttMs" | "firstByteMs"): number[] {
  const clean = samples.filter((one) => one.ok && one[key] !== null && !(key === "rttMs" && one.lost));
  return clean.map((one) => one[key]!);
}

/** By the nearest rank; of an even number the lower one is the median. */
function percentile(given: readonly number[], share: number): number | null {
  const inOrder = given.toSorted((a, b) => a - b);
  return inOrder[Math.max(0, Math.ceil(share * inOrder.length) - 1)] ?? null;
}

export function encodeHistory({ recent, hours }: History): string {
  return JSON.stringify({
    recent: recent.map((one) => [
      Math.round(one.atMs),
      one.lost ? 1 : 0,
      ...(one.ok ? [short(one.rttMs), short(one.firstByteMs)] : []),
    ]),
    hours: hours.map((one) => [
      one.hour,
      one.samples,
      one.answered,
      one.lost,
      short(one.rttMs),
      short(one.firstByteMs),
      short(one.firstByteP95Ms),
    ]),
  });
}

function short(ms: number | null): number | null {
  return ms === null ? null : Math.round(Math.min(TIME_MS_MAX, Math.max(0, ms)) * 10) / 10;
}

/** An empty history for what cannot be read: better none than a part that does not start. */
export function decodeHistory(text: string): History {
  try {
    const { recent, hours } = JSON.parse(text) as { recent: (number | null)[][]; hours: (number | null)[][] };
    const history: History = {
      recent: recent.slice(-RECENT_MAX).map(([atMs, lost, rttMs, firstByteMs]) => ({
        atMs: atMs!,
        ok: rttMs !== undefined,
        lost: lost === 1,
        rttMs: rttMs ?? null,
        firstByteMs: firstByteMs ?? null,
      })),
      hours: hours.slice(-HOURS_MAX).map(([hour, samples, answered, lost, rttMs, firstByteMs, firstByteP95Ms]) => ({
        hour: hour!,
        samples: samples!,
        answered: answered!,
        lost: lost!,
        rttMs: rttMs ?? null,
        firstByteMs: firstByteMs ?? null,
        firstByteP95Ms: firstByteP95Ms ?? null,
      })),
    };
    const counts = history.hours.flatMap((one) => [one.hour, one.samples, one.answered, one.lost]);
    const sound = [...counts, ...history.recent.map((one) => one.atMs)].every((value) => Number.isSafeInteger(value));
    return sound ? history : emptyHistory();
  } catch {
    return emptyHistory();
  }
}
