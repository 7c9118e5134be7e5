/**
 * Bodies as they come: in pieces worth a write, with an end, and not for ever. A connection on which nothing moves is
 * cut by the server's time limit; one that drips is refused here.
 */
import { open } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { decode } from "cborg";
import { z } from "zod";
import type { Clock } from "../../../kernel/clock.ts";
import { PRIVATE_FILE_MODE } from "../../../platform/constants.ts";
import { writeAll } from "../../../platform/files.ts";
import { BODY_GRACE_MS, BODY_MIN_BYTES_PER_S } from "./constants.ts";
import { keepPieceBuffer, takePieceBuffer } from "./piece-buffers.ts";
import { refuse } from "./refusal.ts";

/**
 * The body in pieces of `PIECE_BYTES`, each of which is there until the next is asked for. 413 above `maxBytes`, 408
 * for a sender that is too slow.
 */
export async function* bodyPieces(
  request: IncomingMessage,
  { maxBytes, clock }: { maxBytes: number; clock: Clock },
): AsyncGenerator<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) refuse(413, "the body is too large");
  const startedMs = clock.monotonicMs();
  let total = 0;
  const piece = takePieceBuffer();
  let held = 0;
  try {
    // Whoever stops in the middle still has an answer to give on this connection.
    const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > maxBytes) refuse(413, "the body is too large");
      const passedMs = clock.monotonicMs() - startedMs;
      if (passedMs > BODY_GRACE_MS && total < (passedMs / 1000) * BODY_MIN_BYTES_PER_S) refuse(408, "too slow");
      for (let at = 0; at < chunk.length;) {
        const taken = chunk.copy(piece, held, at);
        at += taken;
        held += taken;
        if (held < piece.length) continue;
        yield piece;
        held = 0;
      }
    }
    if (held > 0) yield piece.subarray(0, held);
  } finally {
    keepPieceBuffer(piece);
  }
}

/** A small CBOR body of this shape: maps as Map, sets (tag 258) as Set. 400 for anything else. */
export async function cborBody<T>(shape: z.ZodType<T>, pieces: AsyncIterable<Uint8Array>): Promise<T> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(Buffer.from(piece));
  let value: unknown;
  try {
    value = decode(Buffer.concat(parts), {
      useMaps: true,
      rejectDuplicateMapKeys: true,
      allowIndefinite: false,
      tags: { [SET_TAG]: (content) => toSet(content()) },
    });
  } catch {
    refuse(400, "the body is not CBOR");
  }
  // Only the top is a map in the small bodies.
  const top = value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value;
  const parsed = shape.safeParse(top);
  return parsed.success ? parsed.data : refuse(400, z.prettifyError(parsed.error));
}

/** Puts a body into a new file; not synced. */
export async function bodyToFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE_MODE);
  try {
    let at = 0;
    for await (const piece of pieces) {
      await writeAll(file.fd, piece, at);
      at += piece.length;
    }
  } finally {
    await file.close();
  }
}

const SET_TAG = 258;

function toSet(content: unknown): unknown {
  if (!Array.isArray(content)) throw new Error("a set is an array");
  return new Set(content);
}
