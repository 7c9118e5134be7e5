/**
 * A running hash of everything that happened, in order: two runs from one seed must end with the same hash, or
 * something in the simulator or in a core depends on more than the seed. FNV-1a in two lanes; not for secrets.
 */

const PRIME = 0x01000193;
const SECOND_PRIME = 0x85ebca6b;

const float = new Float64Array(1);
const halves = new Uint32Array(float.buffer);

export class Trace {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  add(number: number): this {
    float[0] = number;
    this.#mix(halves[0]!);
    this.#mix(halves[1]!);
    return this;
  }

  /** The length, and the bytes up to `max`. */
  bytes(bytes: Uint8Array, max: number): this {
    this.#mix(bytes.length);
    let a = this.#a;
    let b = this.#b;
    const end = Math.min(bytes.length, max);
    for (let i = 0; i < end; i++) {
      a = Math.imul(a ^ bytes[i]!, PRIME);
      b = Math.imul(b + bytes[i]!, SECOND_PRIME) ^ (b >>> 15);
    }
    this.#a = a;
    this.#b = b;
    return this;
  }

  text(text: string): this {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    return this;
  }

  get hash(): string {
    return [this.#a, this.#b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, PRIME);
    this.#b = Math.imul(this.#b + word, SECOND_PRIME) ^ (this.#b >>> 15);
  }
}
