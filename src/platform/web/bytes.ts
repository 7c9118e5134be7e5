/**
 * Bodies and answers that are bytes and not JSON: for endpoints whose contract has `bytes` or `answerType`. A body is
 * whole in memory while its handler runs, so all of them together are bounded; an answer may come piece by piece, at
 * the pace of who reads it, for as long as they may read it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import type { BytesAnswer, Endpoint } from "../../kernel/contract.ts";
import { fail } from "../../kernel/errors.ts";
import { release, givePassedBack } from "../memory.ts";
import { SharedMemory } from "../shared-memory.ts";
import { written } from "./written.ts";

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
  /**
   * Reads the body of at most `max` bytes and hands it to `run`. Throws `tooLarge()`, or `too-many` for a moment. Where
   * the request came from Node's server the body is taken from that.
   */
  with<T>(
    request: Request,
    limit: NonNullable<Endpoint["bytes"]>,
    run: (bytes: Uint8Array) => Promise<T>,
    incoming?: IncomingMessage,
  ): Promise<T>;
}

export function createBodies(heldBytesMax = BODIES_HELD_BYTES_MAX): Bodies {
  let heldBytes = 0;
  const memory = new SharedMemory({ keptMaxBytes: BODIES_KEPT_BYTES_MAX });
  return {
    async with(
      request,
      { max, tooLarge = () => fail("too-large", { params: { limit: max } }), isPassing },
      run,
      incoming,
    ) {
      const said = Number(request.headers.get("content-length") ?? 0);
      if (said > max) throw tooLarge();
      // Memory of this size is not touched before something comes.
      const passing = isPassing && said >= PASSING_MIN_BYTES ? memory.take(said) : undefined;
      let body: Uint8Array = passing ?? Buffer.allocUnsafeSlow(said > 0 ? said : GROWN_FROM_BYTES);
      let size = 0;
      const take = (chunk: Uint8Array) => {
        heldBytes += chunk.length;
        const end = size + chunk.length;
        size = end;
        if (end > max) throw tooLarge();
        if (heldBytes > heldBytesMax) throw fail("too-many", { params: { seconds: HELD_RETRY_S } });
        if (end > body.length) body = grown(body, end, max);
        body.set(chunk, end - chunk.length);
        release(chunk);
      };
      try {
        if (incoming) await eachOf(incoming, take);
        else for await (const chunk of request.body ?? []) take(chunk);
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

/**
 * All of a body. By its events: as the stream of a `Request` it would be copied once more, and the copies make the
 * garbage collector go round the whole heap every twenty megabytes.
 */
export function eachOf(incoming: IncomingMessage, take: (chunk: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (error?: unknown) => {
      incoming.off("data", taken).off("end", ended).off("close", broke);
      // Whatever still goes wrong with it has nobody to tell: "error" is listened to until its end.
      if (error === undefined) resolve();
      else reject(error as Error);
    };
    const taken = (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        // The server reads what is left of it, up to a limit, once there is an answer.
        incoming.pause();
        ended(error);
      }
    };
    const broke = () => ended(new Error("the body broke off"));
    incoming.on("data", taken).on("end", ended).on("error", ended).on("close", broke);
    // It may have been cut before anybody asked for it: that event does not come again.
    if (incoming.destroyed) broke();
  });
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

export interface Reader {
  /** Asked before each piece: an answer ends with the session of who reads it. */
  mayRead: () => boolean;
  /** Node's own response, where there is one. */
  outgoing?: ServerResponse | undefined;
  /** It broke off because of us. */
  broke: (error: unknown) => void;
}

export function sendBytes(c: Context, type: string, answer: BytesAnswer, reader: Reader): Response {
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
  const pieces = bounded(body, reader.mayRead, length);
  if (!reader.outgoing) return c.body(ReadableStream.from(pieces), status, headers);
  // What is said of all answers comes too late for this one.
  reader.outgoing.writeHead(status, { ...headers, "cache-control": "no-store" });
  // Its first piece may be long in coming.
  reader.outgoing.flushHeaders();
  void writeAll(reader.outgoing, pieces, reader.broke);
  return RESPONSE_ALREADY_SENT;
}

/** Until nobody may read any more. An Error at the end when less came than was promised: it must not pass for all. */
function bounded(
  pieces: AsyncIterable<Uint8Array>,
  mayRead: () => boolean,
  length: number | undefined,
): AsyncIterable<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  let sent = 0;
  // No generator: one that nobody has read from yet would not pass its end on.
  const all: AsyncIterator<Uint8Array> = {
    async next() {
      const next = mayRead() ? await iterator.next() : { done: true as const, value: undefined };
      if (!next.done) {
        sent += next.value.length;
        return next;
      }
      await iterator.return?.();
      if (length !== undefined && sent !== length) throw new Error(`${sent} bytes of an answer of ${length}`);
      return next;
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => all };
}

/**
 * Past the streams of the web, which do not tell when a piece has gone out: its memory is given back then, and not left
 * to the garbage collector, for which large answers are a third of their work.
 */
async function writeAll(
  outgoing: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
  broke: (error: unknown) => void,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (!(await written(outgoing, piece))) return;
      givePassedBack(piece);
    }
    outgoing.end();
  } catch (error) {
    broke(error);
    outgoing.destroy();
  }
}
