/**
 * A clock for tests that moves only when it is told to: whole minutes of timers pass in microseconds, and every run
 * is the same. Wall time can be set apart from monotonic time, as happens on a real machine.
 */
import type { Clock } from "./clock.ts";

/** Timers that may run in one `advance`: a timer that sets itself again without delay would never end. */
export const TIMERS_PER_ADVANCE_MAX = 1_000_000;

export interface VirtualClock extends Clock {
  /** Lets time pass; runs every timer that falls due, in order of time, then of making. */
  advance(ms: number): void;
  /** The same, in steps of at most `stepMs`, letting promises settle before, between and after. */
  advanceSettled(ms: number, stepMs?: number): Promise<void>;
  /** Sets the wall clock, back or forth. Timers do not notice. */
  setWall(wallMs: number): void;
  /** Timers that wait. */
  waiting(): number;
}

interface Timer {
  atMs: number;
  order: number;
  run: () => void;
}

export function virtualClock(startWallMs: number = Date.UTC(2026, 10, 1)): VirtualClock {
  let nowMs = 0;
  let wallOffsetMs = startWallMs;
  let made = 0;
  const timers = new Set<Timer>();

  const next = (untilMs: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.atMs > untilMs) continue;
      if (!first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) first = timer;
    }
    return first;
  };

  const clock: VirtualClock = {
    wallMs: () => nowMs + wallOffsetMs,
    monotonicMs: () => nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + Math.max(0, delayMs), order: (made += 1), run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    every(periodMs, run) {
      let cancel = () => {};
      const again = () => {
        cancel = clock.after(periodMs, again);
        run();
      };
      cancel = clock.after(periodMs, again);
      return () => cancel();
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      let ran = 0;
      for (let timer = next(untilMs); timer; timer = next(untilMs)) {
        timers.delete(timer);
        nowMs = timer.atMs;
        if ((ran += 1) > TIMERS_PER_ADVANCE_MAX) throw new Error("timers without end");
        timer.run();
      }
      nowMs = untilMs;
    },
    async advanceSettled(ms, stepMs = ms) {
      await settled();
      for (let left = ms; left > 0; left -= stepMs) {
        clock.advance(Math.min(stepMs, left));
        await settled();
      }
    },
    setWall: (wallMs) => void (wallOffsetMs = wallMs - nowMs),
    waiting: () => timers.size,
  };
  return clock;
}

/** Lets promises that are ready run on, also those behind a turn of the event loop. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
