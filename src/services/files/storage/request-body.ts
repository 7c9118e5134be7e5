/** Bodies that are small and of a known shape, and bodies that go to a file as they are. */
import { open } from "node:fs/promises";
import { decode } from "cborg";
import { z } from "zod";
import { PRIVATE_FILE_MODE } from "../../../platform/constants.ts";
import { writeAll } from "../../../platform/files.ts";
import type { LyingBody } from "./lying-bodies.ts";
import { refuse } from "./refusal.ts";

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

/** Puts a body into a new file; not synced. `lying` counts it. */
export async function bodyToFile(path: string, pieces: AsyncIterable<Uint8Array>, lying: LyingBody): Promise<void> {
  const file = await open(path, "wx", PRIVATE_FILE_MODE);
  try {
    let at = 0;
    for await (const piece of pieces) {
      lying.grow(piece.length);
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
