/** Content in the pieces that the encoder wants, whatever the pieces are in which it comes. */
import type { Content } from "./grid.ts";

/** Bytes that are in memory. */
export function bytesContent(bytes: Uint8Array): Content {
  return {
    bytes: bytes.length,
    read: async function* (at = 0) {
      if (at < bytes.length) yield bytes.subarray(at);
    },
  };
}

/**
 * All of the content in pieces of `pieceBytes`, each with memory of its own; the last may be shorter. Throws an Error
 * when there is more or less of it than it says, since then it has changed while it was read. `memory` gives what they
 * are written to.
 */
export async function* piecesOf(
  content: Content,
  pieceBytes: number,
  signal: AbortSignal,
  memory: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): AsyncGenerator<Uint8Array> {
  let begun = 0;
  let piece = memory(Math.min(pieceBytes, content.bytes));
  let filled = 0;
  for await (const part of content.read()) {
    signal.throwIfAborted();
    for (let at = 0; at < part.length;) {
      if (filled === piece.length) throw new Error("the content is longer than it was");
      const taken = part.subarray(at, at + piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < piece.length) continue;
      begun += filled;
      yield piece;
      piece = memory(Math.min(pieceBytes, content.bytes - begun));
      filled = 0;
    }
  }
  if (begun < content.bytes) throw new Error("the content is shorter than it was");
}
