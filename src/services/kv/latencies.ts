/** How many operations a second, and how long they take: of the last minute, in a ring of seconds. */
const SECONDS = 60;
/** Bounds of the buckets grow by a seventh: p99 is told within 15 %. */
const GROWTH = 8 / 7;
const FIRST_MS = 0.05;
const BUCKETS = 96;

export class Latencies {
  readonly #counts = Array.from({ length: SECONDS }, () => new Uint32Array(BUCKETS));
  readonly #totals = new Uint32Array(SECONDS);
  /** Of all seconds: the status is asked for often, and must not add them up each time. */
  readonly #sums = new Uint32Array(BUCKETS);
  #second = 0;

  note(nowMs: number, tookMs: number): void {
    this.#turn(nowMs);
    const wanted = Math.ceil(Math.log(Math.max(tookMs, FIRST_MS) / FIRST_MS) / Math.log(GROWTH));
    const bucket = Math.min(BUCKETS - 1, wanted);
    this.#counts[this.#second % SECONDS]![bucket]!++;
    this.#sums[bucket]!++;
    this.#totals[this.#second % SECONDS]!++;
  }

  /** Of the last whole seconds, ten of them. */
  perSecond(nowMs: number): number {
    this.#turn(nowMs);
    let sum = 0;
    for (let back = 1; back <= 10; back++) sum += this.#totals[(this.#second - back + SECONDS * 2) % SECONDS]!;
    return sum / 10;
  }

  /** Undefined when there was nothing. */
  quantileMs(nowMs: number, share: number): number | undefined {
    this.#turn(nowMs);
    const all = this.#totals.reduce((sum, count) => sum + count, 0);
    if (all === 0) return undefined;
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      below += this.#sums[bucket]!;
      if (below >= share * all) return FIRST_MS * GROWTH ** bucket;
    }
    return undefined;
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    for (let next = Math.max(this.#second + 1, second - SECONDS + 1); next <= second; next++) {
      const over = this.#counts[next % SECONDS]!;
      for (let bucket = 0; bucket < BUCKETS; bucket++) this.#sums[bucket]! -= over[bucket]!;
      over.fill(0);
      this.#totals[next % SECONDS] = 0;
    }
    this.#second = Math.max(this.#second, second);
  }
}
