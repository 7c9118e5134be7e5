/**
 * A Lamport clock (Lamport 1978): orders events without synchronised clocks. `witness` moves it past every time
 * seen in a message; a time beyond LAMPORT_MAX was already refused by the decoder.
 */
export class LamportClock {
  #time = 0;

  get time(): number {
    return this.#time;
  }

  increment(): number {
    return ++this.#time;
  }

  /** After this the clock is later than `time`. */
  witness(time: number): void {
    if (time >= this.#time) this.#time = time + 1;
  }
}
