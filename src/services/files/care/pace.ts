/** Keeps work that is not urgent below so many bytes a second: after each piece it waits for as long as that took. */
import type { Clock } from "../../../kernel/clock.ts";

export interface Pace {
  /** Resolves when so many bytes more may be used. Rejects with the signal's reason. */
  spend(bytes: number, signal: AbortSignal): Promise<void>;
}

/** More than this is never waited for at once: a lower budget than before takes effect soon. */
const WAIT_MAX_MS = 60_000;

export function createPace(clock: Clock, bytesPerSecond: () => number): Pace {
  /** Spent and not yet waited for. */
  let owedBytes = 0;
  let lastMs = clock.monotonicMs();
  const settle = () => {
    const nowMs = clock.monotonicMs();
    owedBytes = Math.max(0, owedBytes - ((nowMs - lastMs) * bytesPerSecond()) / 1000);
    lastMs = nowMs;
  };
  return {
    async spend(bytes, signal) {
      settle();
      owedBytes += bytes;
      while (owedBytes > 0) {
        signal.throwIfAborted();
        await pause(clock, Math.min(WAIT_MAX_MS, (owedBytes * 1000) / bytesPerSecond()), signal);
        settle();
      }
    },
  };
}

export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (run: () => void) => {
      cancel();
      signal.removeEventListener("abort", abort);
      run();
    };
    const abort = () => end(() => reject(signal.reason));
    const cancel = clock.after(Math.ceil(ms), () => end(resolve));
    signal.addEventListener("abort", abort, { once: true });
  });
}
