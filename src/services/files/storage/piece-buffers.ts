/**
 * Buffers for pieces of share data, used again: a new one for each piece makes so much work for the garbage collector
 * that it takes a fifth of the time of a busy server.
 */
import { PIECES_KEPT, PIECE_BYTES } from "./constants.ts";

const kept: Buffer[] = [];

/** Of `PIECE_BYTES`, with anything in it. */
export function takePieceBuffer(): Buffer {
  return kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
}

/** Nobody may read it any more. */
export function keepPieceBuffer(buffer: Buffer): void {
  if (kept.length < PIECES_KEPT) kept.push(buffer);
}

/** How many are kept now. */
export function piecesKept(): number {
  return kept.length;
}
