/** How one change spreads: when each box saw it, and so the time until half of them, 90 %, 99 % and all have. */
import type { Member } from "../src/protocols/membership/types.ts";
import type { Change } from "../src/protocols/records/author-table.ts";

export const SHARES = [0.5, 0.9, 0.99, 1] as const;

export class Spread {
  readonly name: string;
  readonly startMs: number;
  /** Boxes that are to see it. */
  readonly audience: number;
  readonly #seen: Uint8Array;
  readonly #times: number[] = [];
  readonly #nowMs: () => number;
  readonly #isIt: { member?: (member: Member) => boolean; change?: (change: Change) => boolean };

  constructor(
    name: string,
    boxes: number,
    audience: number,
    nowMs: () => number,
    isIt: { member?: (member: Member) => boolean; change?: (change: Change) => boolean },
  ) {
    this.name = name;
    this.audience = audience;
    this.startMs = nowMs();
    this.#nowMs = nowMs;
    this.#seen = new Uint8Array(boxes);
    this.#isIt = isIt;
  }

  member(observer: number, member: Member): void {
    if (this.#isIt.member?.(member)) this.#note(observer);
  }

  records(observer: number, changes: readonly Change[]): void {
    if (this.#isIt.change && changes.some(this.#isIt.change)) this.#note(observer);
  }

  get seen(): number {
    return this.#times.length;
  }

  /** Milliseconds until each of SHARES had seen it; null when that has not happened. */
  times(): (number | null)[] {
    return SHARES.map((share) => {
      const at = this.#times[Math.ceil(share * this.audience) - 1];
      return at === undefined ? null : Math.round(at - this.startMs);
    });
  }

  #note(observer: number): void {
    if (this.#seen[observer]) return;
    this.#seen[observer] = 1;
    this.#times.push(this.#nowMs());
  }
}
