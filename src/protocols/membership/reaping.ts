/**
 * Which members have been gone for so long that they are dropped. They stand in the order in which they went, so that
 * one timer serves all, however many a partition has taken away at once.
 */
import { REAP_SLACK } from "./constants.ts";
import type { Core } from "./core.ts";
import { reap } from "./state.ts";

export class ReapQueue {
  #numbers: number[] = [];
  /** From when each counts as gone; later than the table says by the time that this machine slept. */
  #fromMs: number[] = [];
  #head = 0;

  get length(): number {
    return this.#numbers.length - this.#head;
  }

  /** When the first one went; undefined when there is none. */
  get firstMs(): number | undefined {
    return this.#fromMs[this.#head];
  }

  push(number: number, fromMs: number): void {
    this.#numbers.push(number);
    this.#fromMs.push(fromMs);
  }

  shift(): { number: number; fromMs: number } {
    const first = { number: this.#numbers[this.#head]!, fromMs: this.#fromMs[this.#head]! };
    this.#head++;
    if (this.#head > REAP_SLACK && this.#head * 2 > this.#numbers.length) this.#keep(() => true);
    return first;
  }

  /** Time that has passed for nobody. */
  postpone(byMs: number): void {
    this.#fromMs = this.#fromMs.map((fromMs) => fromMs + byMs);
  }

  /** Those that went after `sinceMs`, the newest first. */
  *newest(sinceMs: number): Generator<number> {
    for (let i = this.#numbers.length - 1; i >= this.#head && this.#fromMs[i]! >= sinceMs; i--) yield this.#numbers[i]!;
  }

  /** Drops the entries of members that came back since. */
  tidy(isStanding: (number: number, fromMs: number) => boolean): void {
    this.#keep(isStanding);
  }

  #keep(isKept: (number: number, fromMs: number) => boolean): void {
    const numbers: number[] = [];
    const fromMs: number[] = [];
    for (let i = this.#head; i < this.#numbers.length; i++) {
      if (!isKept(this.#numbers[i]!, this.#fromMs[i]!)) continue;
      numbers.push(this.#numbers[i]!);
      fromMs.push(this.#fromMs[i]!);
    }
    this.#numbers = numbers;
    this.#fromMs = fromMs;
    this.#head = 0;
  }
}

/** A member has gone now; it is dropped after `reapMs`. */
export function reapLater(core: Core, number: number): void {
  const { reaping, table } = core;
  reaping.push(number, core.nowMs);
  // One that comes and goes is in the queue more than once.
  if (reaping.length > 2 * (table.failed + table.left) + REAP_SLACK) {
    reaping.tidy((gone, fromMs) => table.isGoneSince(gone, fromMs));
  }
  armReaping(core);
}

function armReaping(core: Core): void {
  const nextMs = core.reaping.firstMs;
  if (core.reapTimer || nextMs === undefined) return;
  core.reapTimer = core.timers.at(nextMs + core.profile.reapMs, () => {
    core.reapTimer = undefined;
    for (;;) {
      const { firstMs } = core.reaping;
      // The same sum as the timer's, so that rounding does not part them.
      if (firstMs === undefined || firstMs + core.profile.reapMs > core.nowMs) break;
      const { number, fromMs } = core.reaping.shift();
      if (core.table.isGoneSince(number, fromMs)) reap(core, core.table.record(number));
    }
    armReaping(core);
  });
}
