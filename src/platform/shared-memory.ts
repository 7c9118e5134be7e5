/**
 * Large memory that threads share and that is used again and again. Memory that is made, handed over and thrown away
 * for each piece of a file makes the garbage collector go round all of the heap every ten megabytes; of shared memory
 * it hears nothing. So it must be given back: what is not is made known to the collector here.
 *
 *   SharedMemory (of the box) ── take ──► WorkMemory (of one file) ── take ──► filled, read, given back, taken again …
 *                             ◄── wiped ──                         at its end
 */
import type { Cancel, Clock } from "../kernel/clock.ts";
import { SHARED_MEMORY_IDLE_MS, SHARED_MEMORY_KEPT_BYTES_MAX } from "./constants.ts";

export interface SharedMemoryOptions {
  keptMaxBytes?: number;
  /** With one, what nobody takes for a while is let go. */
  clock?: Clock;
}

export class SharedMemory {
  readonly #keptMaxBytes: number;
  /** The one that was given back last is the last. */
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  readonly #clock: Clock | undefined;
  #cancelIdle: Cancel = () => {};

  constructor({ keptMaxBytes = SHARED_MEMORY_KEPT_BYTES_MAX, clock }: SharedMemoryOptions = {}) {
    this.#keptMaxBytes = keptMaxBytes;
    this.#clock = clock;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Of exactly this size; it has zeros in it. */
  take(bytes: number): Uint8Array {
    const index = this.#kept.findLastIndex(({ length }) => length === bytes);
    if (index < 0) return new Uint8Array(new SharedArrayBuffer(bytes));
    this.#keptBytes -= bytes;
    return this.#kept.splice(index, 1)[0]!;
  }

  /** Nobody may use it any more. It is wiped: the next one who gets it may work for somebody else. */
  keep(memory: Uint8Array): void {
    memory.fill(0);
    this.#kept.push(memory);
    this.#keptBytes += memory.length;
    while (this.#keptBytes > this.#keptMaxBytes) {
      const oldest = this.#kept.shift()!;
      this.#keptBytes -= oldest.length;
      this.drop(oldest.length);
    }
    this.#cancelIdle();
    this.#cancelIdle = this.#clock?.after(SHARED_MEMORY_IDLE_MS, () => this.clear()) ?? (() => {});
  }

  /** So many bytes of it are garbage, or will be soon. */
  drop(bytes: number): void {
    // The collector counts ordinary memory. What nobody touches costs nothing.
    if (bytes > 0) void new ArrayBuffer(bytes);
  }

  /** Lets go of all that is kept. */
  clear(): void {
    this.#cancelIdle();
    this.drop(this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
  }
}

/** Memory for the work on one file: what was given back is taken again as it is, and goes back wiped at the end. */
export class WorkMemory {
  readonly #shared: SharedMemory | undefined;
  #spares: Uint8Array[] = [];
  readonly #taken = new Set<ArrayBufferLike>();
  #isEnded = false;

  /** Without shared memory it is ordinary memory, and nothing is used again. */
  constructor(shared: SharedMemory | undefined) {
    this.#shared = shared;
  }

  /** Memory to be filled, of this size; with anything in it. */
  readonly take = (bytes: number): Uint8Array => {
    if (!this.#shared || this.#isEnded || bytes === 0) return new Uint8Array(bytes);
    const index = this.#spares.findLastIndex(({ length }) => length === bytes);
    const memory = index < 0 ? this.#shared.take(bytes) : this.#spares.splice(index, 1)[0]!;
    this.#taken.add(memory.buffer);
    return memory;
  };

  /** Memory that nobody needs any more; a part of what was taken, or memory of somebody else, is left alone. */
  readonly giveBack = (memory: Uint8Array): void => {
    if (memory.length !== memory.buffer.byteLength || !this.#taken.delete(memory.buffer)) return;
    this.#spares.push(memory);
  };

  /** What was not given back by now may still be used by somebody, and is left to the collector. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const memory of this.#spares) this.#shared!.keep(memory);
    let lostBytes = 0;
    for (const { byteLength } of this.#taken) lostBytes += byteLength;
    this.#shared?.drop(lostBytes);
    this.#spares = [];
    this.#taken.clear();
  }
}

/** Threads see the same memory; ordinary memory would be copied for them. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer;
}
