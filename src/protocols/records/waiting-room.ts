/**
 * Records that came before their author's admission: they wait for it, a bounded number of them, of each neighbour
 * that sends them, and for a bounded time.
 */
import { WAITING_MAX, WAITING_MAX_MS, WAITING_PER_PEER_MAX } from "./constants.ts";
import type { Held } from "./record.ts";

export interface Waiting {
  held: Held;
  from: string;
  sinceMs: number;
}

export class WaitingRoom {
  readonly #waiting = new Map<string, Waiting>();
  readonly #countFrom = new Map<string, number>();

  get size(): number {
    return this.#waiting.size;
  }

  add(waiting: Waiting): void {
    const { held, from } = waiting;
    const name = `${held.record.author} ${held.ref}`;
    const count = this.#countFrom.get(from) ?? 0;
    if (this.#waiting.size >= WAITING_MAX || count >= WAITING_PER_PEER_MAX || this.#waiting.has(name)) return;
    this.#waiting.set(name, waiting);
    this.#countFrom.set(from, count + 1);
  }

  /** Shows each to `decide`, which tells whether it goes, stays, or that it is enough for now; the late ones go. */
  review(nowMs: number, decide: (waiting: Waiting) => "goes" | "stays" | "enough"): void {
    for (const [name, waiting] of this.#waiting) {
      const decision = decide(waiting);
      if (decision === "enough") return;
      if (decision === "stays" && nowMs - waiting.sinceMs < WAITING_MAX_MS) continue;
      this.#waiting.delete(name);
      const left = this.#countFrom.get(waiting.from)! - 1;
      if (left > 0) this.#countFrom.set(waiting.from, left);
      else this.#countFrom.delete(waiting.from);
    }
  }
}
