/** Buffers that are used again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PIECES_KEPT, PIECE_BYTES } from "./constants.ts";
import { keepPieceBuffer, piecesKept, takePieceBuffer } from "./piece-buffers.ts";

test("buffers are used again, and no more are kept than may be", () => {
  const taken = Array.from({ length: PIECES_KEPT + 5 }, takePieceBuffer);
  assert.ok(taken.every(({ length }) => length === PIECE_BYTES));
  assert.equal(new Set(taken).size, taken.length);
  for (const buffer of taken) keepPieceBuffer(buffer);
  assert.equal(piecesKept(), PIECES_KEPT);
  assert.ok(taken.includes(takePieceBuffer()));
});
