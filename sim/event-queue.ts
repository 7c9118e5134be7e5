/**
 * What happens when: a binary heap of things to do at a time. Two at the same time run in the order in which they
 * were put in, which makes a run repeatable. Times lie in a flat array, because this is the simulator's hottest loop.
 */

type Run = () => void;

const START_SIZE = 1024;

export class EventQueue {
  #times = new Float64Array(START_SIZE);
  #orders = new Float64Array(START_SIZE);
  readonly #runs: Run[] = [];
  #size = 0;
  #order = 0;

  get size(): number {
    return this.#size;
  }

  /** When the next one is due; Infinity when nothing waits. */
  get nextMs(): number {
    return this.#size > 0 ? this.#times[0]! : Infinity;
  }

  at(atMs: number, run: Run): void {
    if (this.#size === this.#times.length) this.#grow();
    const order = this.#order++;
    let index = this.#size++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      // Equal times keep their order: the newcomer has the higher number.
      if (this.#times[parent]! <= atMs) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#times[index] = atMs;
    this.#orders[index] = order;
    this.#runs[index] = run;
  }

  /** Takes the next one out; only when something waits. */
  take(): Run {
    const top = this.#runs[0]!;
    const size = --this.#size;
    const last = this.#runs.pop()!;
    if (size > 0) this.#sink(this.#times[size]!, this.#orders[size]!, last);
    return top;
  }

  #sink(atMs: number, order: number, run: Run): void {
    const size = this.#size;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, child)) child++;
      const childMs = this.#times[child]!;
      if (childMs > atMs || (childMs === atMs && this.#orders[child]! > order)) break;
      this.#move(child, index);
      index = child;
    }
    this.#times[index] = atMs;
    this.#orders[index] = order;
    this.#runs[index] = run;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#times[a]! - this.#times[b]!;
    return difference < 0 || (difference === 0 && this.#orders[a]! < this.#orders[b]!);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#orders[to] = this.#orders[from]!;
    this.#runs[to] = this.#runs[from]!;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const orders = new Float64Array(this.#times.length * 2);
    times.set(this.#times);
    orders.set(this.#orders);
    this.#times = times;
    this.#orders = orders;
  }
}
