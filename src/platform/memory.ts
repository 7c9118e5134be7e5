/**
 * Large memory given back at once. What Node's functions return lies outside of the heap, and the garbage collector
 * hears of it by its size: each 64 MB of it make a whole round, which costs a busy box a third of its processor time.
 */

/** Of Node's own pool, small buffers are parts; there is nothing to be won with small memory anyway. */
const RELEASED_MIN_BYTES = 4096;

/** Nobody may use `bytes` any more: they are empty from now on. A part of other memory is left as it is. */
export function release(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < RELEASED_MIN_BYTES || buffer.byteLength !== byteLength) return;
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
