/** One after the other under the same name, side by side under different ones. */

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  run<T>(name: string, step: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    // What the one before made of it is its own affair.
    const turn = before.then(step, step);
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#last.set(name, settled);
    void settled.then(() => {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    });
    return turn;
  }
}
