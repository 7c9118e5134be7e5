/**
 * Bodies and answers that are bytes and not JSON: for endpoints whose contract has `bytes` or `answerType`. A body is
 * whole in memory while its handler runs, so all of them together are bounded; an answer may come piece by piece, at
 * the pace of who reads it, for as long as they may read it.
 */
import type { Context } from "hono";
import type { BytesAnswer, Endpoint } from "../../kernel/contract.ts";
import { fail } from "../../kernel/errors.ts";

/** Of all bodies that are being read or worked on. Beyond it, more are refused for a moment. */
export const BODIES_HELD_BYTES_MAX = 128 * 1024 * 1024;
/** Told to who is refused then. */
const HELD_RETRY_S = 1;

export interface Bodies {
  /** Reads the body of at most `max` bytes and hands it to `run`. Throws `tooLarge()`, or `too-many` for a moment. */
  with<T>(request: Request, limit: NonNullable<Endpoint["bytes"]>, run: (bytes: Uint8Array) => Promise<T>): Promise<T>;
}

export function createBodies(heldBytesMax = BODIES_HELD_BYTES_MAX): Bodies {
  let heldBytes = 0;
  return {
    async with(request, { max, tooLarge = () => fail("too-large", { params: { limit: max } }) }, run) {
      if (Number(request.headers.get("content-length") ?? 0) > max) throw tooLarge();
      const chunks: Uint8Array[] = [];
      let size = 0;
      try {
        for await (const chunk of request.body ?? []) {
          size += chunk.length;
          heldBytes += chunk.length;
          if (size > max) throw tooLarge();
          if (heldBytes > heldBytesMax) throw fail("too-many", { params: { seconds: HELD_RETRY_S } });
          chunks.push(chunk);
        }
        return await run(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      } finally {
        heldBytes -= size;
      }
    },
  };
}

/** `mayRead` is asked before each piece: an answer ends with the session of who reads it. */
export function sendBytes(c: Context, type: string, answer: BytesAnswer, mayRead: () => boolean): Response {
  const headers = {
    ...answer.headers,
    "content-type": type,
    // What somebody stored here is never a page of this origin.
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
  };
  const { body } = answer;
  if (body instanceof Uint8Array) return c.body(body as Uint8Array<ArrayBuffer>, 200, headers);
  return c.body(streamOf(body, mayRead), 200, { ...headers, "transfer-encoding": "chunked" });
}

function streamOf(pieces: AsyncIterable<Uint8Array>, mayRead: () => boolean): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = mayRead() ? await iterator.next() : { done: true as const, value: undefined };
        if (!next.done) return controller.enqueue(next.value);
        await iterator.return?.();
        controller.close();
      },
      cancel: () => void iterator.return?.(),
    },
    { highWaterMark: 0 },
  );
}
