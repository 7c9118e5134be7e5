/** What small requests took of late: the median, which one slow answer does not move. */

export const TIMES_KEPT = 15;

export class ResponseTimes {
  /** Newest last. */
  #times: number[] = [];

  add(tookMs: number): void {
    this.#times = [...this.#times.slice(1 - TIMES_KEPT), tookMs];
  }

  /** Undefined before the first. */
  medianMs(): number | undefined {
    const sorted = this.#times.toSorted((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 2)];
  }
}
