/**
 * How one change spreads: when each box saw it, and so the time until half of them, 90 %, 99 % and all have. Boxes
 * that come later are not waited for, and those that go before they saw it no longer.
 */
import type { Member } from "../src/protocols/membership/types.ts";
import type { Change } from "../src/protocols/records/author-table.ts";

export const SHARES = [0.5, 0.9, 0.99, 1] as const;

/** Which change it is: of a member, or of a record. */
export interface Sought {
  member?: (member: Member) => boolean;
  change?: (change: Change) => boolean;
}

const AWAITED = 1;
const SEEN = 2;

export class Spread {
  readonly name: string;
  readonly startMs: number;
  /** Boxes that are to see it. */
  audience = 0;
  readonly #boxes: Uint8Array;
  readonly #times: number[] = [];
  readonly #nowMs: () => number;
  readonly #isIt: Sought;

  constructor(name: string, boxes: number, isIt: Sought, nowMs: () => number) {
    this.name = name;
    this.startMs = nowMs();
    this.#nowMs = nowMs;
    this.#boxes = new Uint8Array(boxes);
    this.#isIt = isIt;
  }

  /** This box is to see it. */
  await(box: number): void {
    if (this.#boxes[box]) return;
    this.#boxes[box] = AWAITED;
    this.audience++;
  }

  /** This box is no longer there, or need not see it. */
  leave(box: number): void {
    if (this.#boxes[box] !== AWAITED) return;
    this.#boxes[box] = 0;
    this.audience--;
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
    if (this.#boxes[observer] !== AWAITED) return;
    this.#boxes[observer] = SEEN;
    this.#times.push(this.#nowMs());
  }
}
