/** Content that is read piece by piece, so that a file of any length can be encoded without being in memory. */
import { GridError } from "./errors.ts";

export interface ByteSource {
  readonly length: number;
  /** The `length` bytes from `at` on, which must be within the content. May be read more than once. */
  read(at: number, length: number): Uint8Array;
}

/** What is in memory already; it is not copied. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return { length: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
}

/** The seed over and over again, cut to `length` bytes. Throws GridError "bad-parameters". */
export function repeatedSource(seed: Uint8Array, length: number): ByteSource {
  if (!Number.isSafeInteger(length) || length < 0) throw new GridError("bad-parameters", `a length of ${length}`);
  if (seed.length === 0 && length > 0) throw new GridError("bad-parameters", "an empty seed");
  return { length, read: (at, wanted) => repeated(seed, at, wanted) };
}

function repeated(seed: Uint8Array, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  const start = at % seed.length;
  bytes.set(seed.subarray(start, start + length));
  let filled = Math.min(seed.length - start, length);
  if (filled < length) bytes.set(seed.subarray(0, Math.min(start, length - filled)), filled);
  filled = Math.min(seed.length, length);
  // What is there so far is whole turns of the seed, each time twice as many.
  for (; filled < length; filled *= 2) bytes.copyWithin(filled, 0, Math.min(filled, length - filled));
  return bytes;
}
