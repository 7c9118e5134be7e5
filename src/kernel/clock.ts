/**
 * Time, handed in. Everything that needs to know what time it is, or to be woken later, takes a Clock,
 * so that tests and the simulator can supply a virtual one.
 */

/** Cancels a timer; harmless when the timer has already fired. */
export type Cancel = () => void;

export interface Clock {
  /** Wall-clock time, milliseconds since 1970-01-01T00:00:00Z. May jump when the machine's clock is set. */
  wallMs(): number;
  /** Monotonic time in milliseconds from an arbitrary origin. Never jumps, never goes back. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs` of monotonic time. The timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Cancel;
  /** Calls `run` every `periodMs` of monotonic time until cancelled. */
  every(periodMs: number, run: () => void): Cancel;
}

/** The real clock of this machine. */
export function systemClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
    every: (periodMs, run) => {
      const timer = setInterval(run, periodMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** ISO 8601 in UTC, the form of every time in the API. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

/** Lets whatever waits go first: for long work that must not hold the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
