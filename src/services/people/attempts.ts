/**
 * Guessing passwords is made slow: after some wrong ones in a row for one account from one address, sign-in for that
 * pair pauses, twice as long each time. A pair, so that a stranger cannot lock the host out from elsewhere.
 */
import type { Clock } from "../../kernel/clock.ts";

export const WRONG_IN_A_ROW_MAX = 5;
export const PAUSE_MS = 30_000;
export const PAUSE_MS_MAX = 900_000;
/** Pairs remembered; the oldest is forgotten first. */
export const PAIRS_MAX = 5_000;

export interface Attempts {
  /** Seconds until this pair may try again; 0 for at once. */
  pauseS(account: string, address: string): number;
  wrong(account: string, address: string): void;
  right(account: string, address: string): void;
}

export function createAttempts(clock: Clock): Attempts {
  const pairs = new Map<string, { wrong: number; untilMs: number }>();
  const key = (account: string, address: string) => `${account}\n${address}`;
  return {
    pauseS(account, address) {
      const untilMs = pairs.get(key(account, address))?.untilMs ?? 0;
      return Math.max(0, Math.ceil((untilMs - clock.monotonicMs()) / 1000));
    },
    wrong(account, address) {
      const pair = pairs.get(key(account, address)) ?? { wrong: 0, untilMs: 0 };
      pair.wrong += 1;
      const beyond = pair.wrong - WRONG_IN_A_ROW_MAX;
      if (beyond >= 0)
        pair.untilMs = clock.monotonicMs() + Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(beyond, 10));
      pairs.delete(key(account, address));
      pairs.set(key(account, address), pair);
      if (pairs.size > PAIRS_MAX) pairs.delete(pairs.keys().next().value!);
    },
    right: (account, address) => void pairs.delete(key(account, address)),
  };
}
