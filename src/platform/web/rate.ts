/**
 * Rate limits: a token bucket per key, kept for a bounded number of keys. The oldest is forgotten first, which
 * favours the caller; memory matters more here than strictness.
 */
import type { Clock } from "../../kernel/clock.ts";
import { fail } from "../../kernel/errors.ts";

export const RATE_KEYS_MAX = 20_000;

export interface RateLimits {
  /** Takes one call from the bucket of `key`; throws `too-many` with the seconds to wait. */
  take(key: string, perMinuteMax: number): void;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

export function createRateLimits(clock: Clock): RateLimits {
  const buckets = new Map<string, Bucket>();
  return {
    take(key, perMinuteMax) {
      const nowMs = clock.monotonicMs();
      const bucket = buckets.get(key) ?? { tokens: perMinuteMax, atMs: nowMs };
      bucket.tokens = Math.min(perMinuteMax, bucket.tokens + ((nowMs - bucket.atMs) / 60_000) * perMinuteMax);
      bucket.atMs = nowMs;
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > RATE_KEYS_MAX) buckets.delete(buckets.keys().next().value!);
      if (bucket.tokens < 1) {
        throw fail("too-many", { params: { seconds: Math.ceil(((1 - bucket.tokens) * 60) / perMinuteMax) } });
      }
      bucket.tokens -= 1;
    },
  };
}
