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

  /** True when there are `cost` tokens; nothing is taken. */
  has(name: string, nowMs: number, cost = 1): boolean {
    const bucket = this.#buckets.get(name);
    return (bucket ? this.#tokens(bucket, nowMs) : this.#rate.burst) >= cost;
  }

  /** Takes tokens; false, and takes none, when there are not enough. */
  take(name: string, nowMs: number, cost = 1): boolean {
    const bucket = this.#buckets.get(name) ?? { tokens: this.#rate.burst, atMs: nowMs };
    bucket.tokens = this.#tokens(bucket, nowMs);
    bucket.atMs = nowMs;
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > this.#rate.bucketsMax) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (bucket.tokens < cost) return false;
    bucket.tokens -= cost;
    return true;
  }

  #tokens({ tokens, atMs }: { tokens: number; atMs: number }, nowMs: number): number {
    return Math.min(this.#rate.burst, tokens + (Math.max(0, nowMs - atMs) * this.#rate.perSecond) / 1000);
  }
}
