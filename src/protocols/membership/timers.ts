/**
 * The core's timers: a binary heap of things to do at a time. A cancelled one stays until it reaches the top, since
 * nearly all of them are due within a second. No clock in here: the caller says what time it is.
 */

export interface Timer {
  atMs: number;
  cancelled: boolean;
  run: () => void;
}

export class Timers {
  #heap: Timer[] = [];

  at(atMs: number, run: () => void): Timer {
    const timer: Timer = { atMs, cancelled: false, run };
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
    return timer;
  }

  /** When the next one is due; undefined when there is none. */
  nextMs(): number | undefined {
    while (this.#heap[0]?.cancelled) this.#pop();
    return this.#heap[0]?.atMs;
  }

  /** Takes the next one that is due at `nowMs`, if any. */
  due(nowMs: number): Timer | undefined {
    const next = this.nextMs();
    return next !== undefined && next <= nowMs ? this.#pop() : undefined;
  }

  /** Moves all of them later, as if time had stood still; their order stays. */
  postpone(byMs: number): void {
    for (const timer of this.#heap) timer.atMs += byMs;
  }

  clear(): void {
    this.#heap = [];
  }

  #pop(): Timer {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      this.#down();
    }
    return top;
  }

  #up(index: number): void {
    const heap = this.#heap;
    const timer = heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.atMs <= timer.atMs) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #down(): void {
    const heap = this.#heap;
    const timer = heap[0]!;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      if (heap[child]!.atMs >= timer.atMs) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = timer;
  }
}
