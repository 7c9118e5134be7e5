/** Token buckets by name, in a table that cannot grow without end: the one unused for longest gives way. */

export interface BucketRate {
  burst: number;
  perSecond: number;
  bucketsMax: number;
}

export class TokenBuckets {
  readonly #rate: BucketRate;
  /** In order of last use. */
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(rate: BucketRate) {
    this.#rate = rate;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token; false when there is none. */
  take(name: string, nowMs: number): boolean {
    const { burst, perSecond, bucketsMax } = this.#rate;
    const bucket = this.#buckets.get(name) ?? { tokens: burst, atMs: nowMs };
    const passedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(burst, bucket.tokens + (passedMs * perSecond) / 1000);
    bucket.atMs = nowMs;
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > bucketsMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
