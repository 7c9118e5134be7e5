/**
 * How long a suspect may wait before it counts as dead. A suspicion starts at its maximum, and each independent
 * confirmation brings it nearer to the minimum, logarithmically (Lifeguard, section IV.B).
 */
import type { Timer } from "./timers.ts";

/** mult * max(1, log10(members)) * probeIntervalMs. */
export function suspicionMinMs(mult: number, members: number, probeIntervalMs: number): number {
  return mult * Math.max(1, Math.log10(Math.max(1, members))) * probeIntervalMs;
}

/**
 * The whole time of a suspicion with `confirmations` of the `expected` ones:
 * max - log(c + 1) / log(k + 1) * (max - min), never below min. With k = 0 nobody can confirm, and it is min.
 */
export function suspicionMs(confirmations: number, expected: number, minMs: number, maxMs: number): number {
  if (expected < 1) return minMs;
  const fraction = Math.log(confirmations + 1) / Math.log(expected + 1);
  return Math.max(minMs, maxMs - fraction * (maxMs - minMs));
}

export class Suspicion {
  startMs: number;
  /** Runs at the deadline. */
  timer: Timer | undefined;
  readonly expected: number;
  readonly #minMs: number;
  readonly #maxMs: number;
  /** Who accused; the first accuser does not count as a confirmation. */
  readonly #accusers: Set<string>;

  constructor(from: string, expected: number, minMs: number, maxMs: number, startMs: number) {
    this.#accusers = new Set([from]);
    this.expected = expected;
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.startMs = startMs;
  }

  get deadlineMs(): number {
    return this.startMs + suspicionMs(this.#accusers.size - 1, this.expected, this.#minMs, this.#maxMs);
  }

  /** True when this accuser is new and still counts: then the accusation is worth passing on. */
  confirm(from: string): boolean {
    if (this.#accusers.size - 1 >= this.expected || this.#accusers.has(from)) return false;
    this.#accusers.add(from);
    return true;
  }
}
