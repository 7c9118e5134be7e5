/**
 * Virtual time for code that is full of promises. Between two happenings everything that is ready runs to its end,
 * promises and turns of the event loop alike, so that a day takes as long as what happens in it, and the order of
 * things follows from the seed alone. What is driven must not wait for anything real: no threads, no disk, no timers.
 */
import type { Clock } from "../../src/kernel/clock.ts";
import { EventQueue } from "../event-queue.ts";

/** The wall clock at the beginning. */
const START_MS = Date.UTC(2026, 10, 1);
/** Turns of the event loop that what is ready may take: more, and it goes round in circles. */
const TURNS_MAX = 100_000;

export class SimTime {
  nowMs = 0;
  readonly #queue = new EventQueue();

  after(delayMs: number, run: () => void): () => void {
    let isOn = true;
    this.#queue.at(this.nowMs + Math.max(0, delayMs), () => isOn && run());
    return () => void (isOn = false);
  }

  /** The clock of one box, whose wall clock may be wrong by `offset.ms`. */
  clock(offset: { ms: number } = { ms: 0 }): Clock {
    const after = (delayMs: number, run: () => void) => this.after(delayMs, run);
    return {
      wallMs: () => Math.floor(START_MS + this.nowMs + offset.ms),
      monotonicMs: () => this.nowMs,
      after,
      every(periodMs, run) {
        let cancel = after(periodMs, again);
        function again(): void {
          cancel = after(periodMs, again);
          run();
        }
        return () => cancel();
      },
    };
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settled();
    while (this.#queue.nextMs <= endMs) await this.#step();
    this.nowMs = endMs;
  }

  /** Lets time pass until this is settled; throws when that takes longer than `limitMs`. */
  async of<T>(work: Promise<T>, limitMs: number): Promise<T> {
    let isOver = false;
    const mark = () => void (isOver = true);
    work.then(mark, mark);
    const endMs = this.nowMs + limitMs;
    await settled();
    while (!isOver) {
      if (this.#queue.nextMs > endMs) throw new Error(`not settled within ${limitMs} ms`);
      await this.#step();
    }
    return work;
  }

  /** Everything that is due at the next moment, one after the other. */
  async #step(): Promise<void> {
    this.nowMs = Math.max(this.nowMs, this.#queue.nextMs);
    this.#queue.take()();
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (!process.getActiveResourcesInfo().includes("Immediate")) return;
  }
  throw new Error("what is ready never ends");
}
