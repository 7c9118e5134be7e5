/** A queue that takes from its front and puts back there at no cost, however long it is; an array would move itself. */
export class WorkQueue<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  take(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head++];
    if (this.#head >= 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  takeUpTo(max: number): T[] {
    const taken: T[] = [];
    while (taken.length < max && this.length > 0) taken.push(this.take()!);
    return taken;
  }

  /** To the front again, in this order. */
  putBack(items: readonly T[]): void {
    if (items.length === 0) return;
    if (items.length <= this.#head) {
      this.#head -= items.length;
      for (const [at, item] of items.entries()) this.#items[this.#head + at] = item;
      return;
    }
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
