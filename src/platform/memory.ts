/**
 * Memory given back. Large memory at once: what Node's functions return lies outside of the heap, and the garbage
 * collector hears of it by its size: each 64 MB of it make a whole round, which costs a busy box a third of its
 * processor time. And when the box rests, what its start or its work left in the heap: the collector runs only when
 * room gets short, so that a box which then does nothing would hold a tenth of its memory in vain.
 */
import type { Cancel, Clock } from "../kernel/clock.ts";
import { TIDIED_HEAP_BYTES_MAX, TIDY_LOOK_MS, TIDY_REST_CPU_MS, TIDY_WORK_CPU_MS } from "./constants.ts";

/** Of Node's own pool, small buffers are parts; there is nothing to be won with small memory anyway. */
const RELEASED_MIN_BYTES = 4096;

/** Nobody may use `bytes` any more: they are empty from now on. A part of other memory is left as it is. */
export function release(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < RELEASED_MIN_BYTES || buffer.byteLength !== byteLength) return;
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

const passing = new WeakMap<ArrayBufferLike, (memory: Uint8Array) => void>();

/**
 * Handed on part by part, in order; whoever has used up the last part gives it to `takeBack`. Nobody else may keep it.
 */
export function passOn(bytes: Uint8Array, takeBack: (memory: Uint8Array) => void = release): Uint8Array {
  passing.set(bytes.buffer, takeBack);
  return bytes;
}

/** This part was used up, and those before it: gives back memory that was handed on, and no other. */
export function givePassedBack(part: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = part;
  const takeBack = passing.get(buffer);
  if (!takeBack || byteOffset + byteLength !== buffer.byteLength) return;
  passing.delete(buffer);
  takeBack(new Uint8Array(buffer));
}

export interface TidyNeeds {
  clock: Clock;
  /** Processor time of the process so far, in milliseconds. */
  cpuMs?: () => number;
  /** What the heap of JavaScript holds, in bytes. */
  heapBytes?: () => number;
  tidy?: () => void;
}

/**
 * Tidies the heap once the process has come to rest, and again after each time that it worked for a while. The process
 * stands still for some 50 ms meanwhile; one with a large heap, where it would be longer, is left alone.
 */
export function tidyAtRest({ clock, cpuMs = ownCpuMs, heapBytes = ownHeapBytes, tidy = tidyHeap }: TidyNeeds): Cancel {
  let atTidyMs = Number.NEGATIVE_INFINITY;
  let beforeMs = cpuMs();
  return clock.every(TIDY_LOOK_MS, () => {
    const nowMs = cpuMs();
    const isResting = nowMs - beforeMs < TIDY_REST_CPU_MS;
    beforeMs = nowMs;
    if (!isResting || nowMs - atTidyMs < TIDY_WORK_CPU_MS || heapBytes() > TIDIED_HEAP_BYTES_MAX) return;
    tidy();
    beforeMs = atTidyMs = cpuMs();
  });
}

/** Collects all that can be collected and gives its pages back; does nothing without Node's flag `--expose-gc`. */
export function tidyHeap(): void {
  globalThis.gc?.({ type: "major", flavor: "last-resort" });
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function ownHeapBytes(): number {
  return process.memoryUsage().heapUsed;
}
