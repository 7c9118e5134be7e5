/**
 * Bodies and answers that are bytes and not JSON: for endpoints whose contract has `bytes` or `answerType`. A body is
 * whole in memory while its handler runs, so all of them together are bounded; an answer may come piece by piece, at
 * the pace of who reads it, for as long as they may read it.
 */
import type { Context } from "hono";
import type { BytesAnswer, Endpoint } from "../../kernel/contract.ts";
import { fail } from "../../kernel/errors.ts";
import { release } from "../memory.ts";
import { SharedMemory } from "../shared-memory.ts";

/** Of all bodies that are being read or worked on. Beyond it, more are refused for a moment. */
export const BODIES_HELD_BYTES_MAX = 128 * 1024 * 1024;
/** Told to who is refused then. */
const HELD_RETRY_S = 1;

/** A shorter one is not worth memory that is used again; so much of that is kept. */
const PASSING_MIN_BYTES = 1024 * 1024;
export const BODIES_KEPT_BYTES_MAX = 8 * 1024 * 1024;

/** Of a body that does not say how long it is. */
const GROWN_FROM_BYTES = 16 * 1024;

export interface Bodies {
  /** Reads the body of at most `max` bytes and hands it to `run`. Throws `tooLarge()`, or `too-many` for a moment. */
  with<T>(request: Request, limit: NonNullable<Endpoint["bytes"]>, run: (bytes: Uint8Array) => Promise<T>): Promise<T>;
}

export function createBodies(heldBytesMax = BODIES_HELD_BYTES_MAX): Bodies {
  let heldBytes = 0;
  const memory = new SharedMemory({ keptMaxBytes: BODIES_KEPT_BYTES_MAX });
  return {
    async with(request, { max, tooLarge = () => fail("too-large", { params: { limit: max } }), isPassing }, run) {
      const said = Number(request.headers.get("content-length") ?? 0);
      if (said > max) throw tooLarge();
      // Memory of this size is not touched before something comes.
      const passing = isPassing && said >= PASSING_MIN_BYTES ? memory.take(said) : undefined;
      let body: Uint8Array = passing ?? Buffer.allocUnsafeSlow(said > 0 ? said : GROWN_FROM_BYTES);
      let size = 0;
      try {
        for await (const chunk of request.body ?? []) {
          heldBytes += chunk.length;
          const end = size + chunk.length;
          size = end;
          if (end > max) throw tooLarge();
          if (heldBytes > heldBytesMax) throw fail("too-many", { params: { seconds: HELD_RETRY_S } });
          if (end > body.length) body = grown(body, end, max);
          body.set(chunk, end - chunk.length);
          release(chunk);
        }
        return await run(size === body.length ? body : body.subarray(0, size));
      } finally {
        heldBytes -= size;
        // Memory that was promised and did not come was never touched, and need not be.
        if (passing && size === said) memory.keep(passing);
        else if (passing) memory.drop(said);
      }
    },
  };
}

/** To twice as much, so that each byte is copied twice at most. */
function grown(body: Uint8Array, bytesMin: number, max: number): Uint8Array {
  const larger = Buffer.allocUnsafeSlow(Math.min(max, Math.max(bytesMin, body.length * 2)));
  larger.set(body);
  release(body);
  return larger;
}

/** What somebody stored here is never a page of this origin. */
const STORED_POLICY = "default-src 'none'; sandbox";
/** A browser's reader of PDF does not start in a sandbox, and has one of its own; scripts in a PDF see no origin. */
const PDF_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'";

/** `mayRead` is asked before each piece: an answer ends with the session of who reads it. */
export function sendBytes(c: Context, type: string, answer: BytesAnswer, mayRead: () => boolean): Response {
  const { body, status = 200, length } = answer;
  const headers: Record<string, string> = {
    ...answer.headers,
    "content-type": answer.type ?? type,
    "x-content-type-options": "nosniff",
    "content-security-policy": answer.type === "application/pdf" ? PDF_POLICY : STORED_POLICY,
    "cross-origin-resource-policy": "same-origin",
  };
  if (body instanceof Uint8Array) return c.body(body as Uint8Array<ArrayBuffer>, status, headers);
  if (length === undefined) headers["transfer-encoding"] = "chunked";
  else headers["content-length"] = String(length);
  if (c.req.method === "HEAD") {
    // Nobody reads its body, so nobody else would end it.
    void body[Symbol.asyncIterator]()
      .return?.()
      .catch(() => {});
    return c.body(null, status, headers);
  }
  return c.body(streamOf(body, mayRead, length), status, headers);
}

function streamOf(
  pieces: AsyncIterable<Uint8Array>,
  mayRead: () => boolean,
  length: number | undefined,
): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  let sent = 0;
  return new ReadableStream(
    {
      async pull(controller) {
        const next = mayRead() ? await iterator.next() : { done: true as const, value: undefined };
        if (!next.done) {
          sent += next.value.length;
          return controller.enqueue(next.value);
        }
        await iterator.return?.();
        // Whoever was promised more must not take this for all of it.
        if (length !== undefined && sent !== length) throw new Error(`${sent} bytes of an answer of ${length}`);
        controller.close();
      },
      cancel: () => void iterator.return?.(),
    },
    { highWaterMark: 0 },
  );
}
