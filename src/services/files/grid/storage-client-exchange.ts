/**
 * One request to a storage server and its answer: the body goes out in parts, what comes back is bounded, and every
 * wait ends: without a byte that moves in either direction, and in any case.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { release } from "../../../platform/memory.ts";
import type { AnswerMemory } from "./server.ts";
import { Unanswered } from "./storage-client-connection.ts";
import type { PinnedAgent } from "./storage-client-connection.ts";
import { ANSWER_HEADERS_MAX_BYTES, MEMORY_MIN_BYTES } from "./storage-client-constants.ts";
import { REASON_MAX_BYTES, WRITE_PART_BYTES } from "./storage-client-constants.ts";

export interface Ask {
  method: "GET" | "PUT" | "POST" | "PATCH";
  path: string;
  headers: Readonly<Record<string, string | readonly string[]>>;
  /** Must not change before the exchange has ended. */
  body?: readonly Uint8Array[] | undefined;
  /** Of a good answer; a longer one is none of the protocol. */
  answerMaxBytes: number;
  silenceMs: number;
  wholeMs: number;
  signal?: AbortSignal | undefined;
  /** For the body of a good answer of `MEMORY_MIN_BYTES` and more whose length is known. */
  memory?: AnswerMemory | undefined;
  /** Something moved. */
  onMove?: () => void;
}

export interface Reply {
  status: number;
  contentType: string;
  contentRange: string;
  body: Uint8Array;
}

/** Rejects with an `Unanswered`, or with the signal's reason. */
export function exchange(agent: PinnedAgent, clock: Clock, ask: Ask): Promise<Reply> {
  return new Promise((resolve, reject) => {
    if (ask.signal?.aborted) {
      reject(ask.signal.reason as Error);
      return;
    }
    const { method, path, body = [], signal } = ask;
    const length = body.reduce((sum, part) => sum + part.length, 0);
    const withBody = method === "GET" ? {} : { "content-length": String(length) };
    const headers = { ...ask.headers, ...withBody } as Record<string, string | string[]>;
    const options = { agent, method, path, headers, maxHeaderSize: ANSWER_HEADERS_MAX_BYTES };
    const request = httpsRequest(options);

    const watch = new Watch(clock, ask, (error) => end(error));
    const onAbort = () => end(signal!.reason as Error);
    signal?.addEventListener("abort", onAbort, { once: true });
    let ended = false;
    const end = (error: Error | undefined, reply?: Reply) => {
      if (ended) return;
      ended = true;
      watch.stop();
      signal?.removeEventListener("abort", onAbort);
      // Whoever answers before it has the whole body cannot be sent another request on this connection.
      if (error || !request.writableFinished) request.destroy();
      if (error) reject(error);
      else resolve(reply!);
    };
    const broke = (error: Unanswered) => {
      error.isStale = request.reusedSocket && error.code === "unreachable";
      end(error);
    };
    request.on("error", (error) => broke(asUnanswered(error)));
    request.on("close", () => broke(new Unanswered("unreachable", "it closed the connection")));
    request.on("response", (response) => {
      watch.moved();
      receive(response, ask, watch).then(
        (reply) => end(undefined, reply),
        (error: unknown) => end(asUnanswered(error)),
      );
      // From here on, the answer says how it ended.
      request.removeAllListeners("close");
    });
    send(request, body, watch);
  });
}

/** Ends an exchange that stands still or takes too long. One timer, set anew only when it has run down. */
class Watch {
  readonly #clock: Clock;
  readonly #ask: Ask;
  readonly #onLate: (error: Unanswered) => void;
  readonly #endMs: number;
  #movedMs: number;
  #cancel: Cancel = () => {};

  constructor(clock: Clock, ask: Ask, onLate: (error: Unanswered) => void) {
    this.#clock = clock;
    this.#ask = ask;
    this.#onLate = onLate;
    this.#movedMs = clock.monotonicMs();
    this.#endMs = this.#movedMs + ask.wholeMs;
    this.#look();
  }

  moved(): void {
    this.#movedMs = this.#clock.monotonicMs();
    this.#ask.onMove?.();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    const leftMs = Math.min(this.#movedMs + this.#ask.silenceMs, this.#endMs) - nowMs;
    if (leftMs > 0) this.#cancel = this.#clock.after(leftMs, () => this.#look());
    else this.#onLate(new Unanswered("timeout", nowMs >= this.#endMs ? "it took too long" : "it fell silent"));
  }
}

function send(request: ClientRequest, body: readonly Uint8Array[], watch: Watch): void {
  const parts = partsOf(body);
  const next = () => {
    for (;;) {
      const { value: part, done } = parts.next();
      if (request.destroyed) return;
      if (done) {
        request.end();
        return;
      }
      if (!request.write(part, () => watch.moved())) {
        request.once("drain", next);
        return;
      }
    }
  };
  next();
}

function* partsOf(body: readonly Uint8Array[]): Generator<Uint8Array, undefined> {
  for (const whole of body) {
    for (let at = 0; at < whole.length; at += WRITE_PART_BYTES) yield whole.subarray(at, at + WRITE_PART_BYTES);
  }
}

async function receive(response: IncomingMessage, ask: Ask, watch: Watch): Promise<Reply> {
  const { answerMaxBytes, memory } = ask;
  const status = response.statusCode ?? 0;
  const isGood = status >= 200 && status < 300;
  const maxBytes = isGood ? answerMaxBytes : REASON_MAX_BYTES;
  const said = Number(response.headers["content-length"] ?? Number.NaN);
  const isLarge = isGood && said >= MEMORY_MIN_BYTES;
  const body =
    said <= maxBytes
      ? await readKnown(response, said, watch, isLarge ? memory : undefined)
      : await readUnknown(response, maxBytes, watch);
  if (isGood && body.length > maxBytes) throw new Unanswered("garbled", "its answer does not end");
  const { "content-type": contentType = "", "content-range": contentRange = "" } = response.headers;
  return { status, contentType, contentRange, body: body.subarray(0, maxBytes) };
}

/** Each byte is copied once. */
async function readKnown(
  response: IncomingMessage,
  bytes: number,
  watch: Watch,
  memory: AnswerMemory | undefined,
): Promise<Uint8Array> {
  const body = memory?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  try {
    await each(response, (piece) => {
      watch.moved();
      // Node's own parser keeps to the length that was said.
      body.set(piece, at);
      at += piece.length;
      release(piece);
      return true;
    });
  } catch (error) {
    memory?.giveBack(body);
    throw error;
  }
  return body;
}

/** Up to a little more than `maxBytes`. */
async function readUnknown(response: IncomingMessage, maxBytes: number, watch: Watch): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let total = 0;
  await each(response, (piece) => {
    watch.moved();
    pieces.push(piece);
    total += piece.length;
    return total <= maxBytes;
  });
  return Buffer.concat(pieces, total);
}

/** Until `take` says that it is enough; the connection is cut then. */
function each(response: IncomingMessage, take: (piece: Buffer) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    response.on("data", (piece: Buffer) => {
      if (take(piece)) return;
      resolve();
      response.destroy();
    });
    response.on("end", () => resolve());
    response.on("error", reject);
    // Also after the end, when it would be an error made for nothing.
    response.on("close", () => {
      if (!response.readableEnded) reject(new Unanswered("unreachable", "its answer broke off"));
    });
  });
}

function asUnanswered(error: unknown): Unanswered {
  if (error instanceof Unanswered) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  // Node's names for what is not HTTP, and OpenSSL's for what is not TLS.
  const isGarbled = code.startsWith("HPE_") || code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_");
  if (isGarbled) return new Unanswered("garbled", "it does not speak the protocol", { cause: error });
  const isLate = code === "ETIMEDOUT";
  return new Unanswered(isLate ? "timeout" : "unreachable", code || message, { cause: error });
}
