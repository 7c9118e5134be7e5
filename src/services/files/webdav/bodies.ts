/**
 * Bytes in and out at the pace of who is slower, but not for ever: a client that stops, drips, or does not take its
 * answer is let go. Only the time that it lets us wait counts; what the grid takes does not.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../../kernel/clock.ts";
import { nextTurn } from "../../../kernel/clock.ts";
import {
  ANSWER_PIECE_BYTES,
  BODY_GRACE_MS,
  BODY_MIN_BYTES_PER_S,
  STALL_MS,
  UNWANTED_BODY_MAX_BYTES,
  UNWANTED_BODY_MS,
} from "./constants.ts";
import type { Exchange } from "./exchange.ts";
import { header } from "./exchange.ts";
import { Refusal, refuse } from "./refusal.ts";

/** The body as it comes. Refuses with 408 who is too slow; rejects when the client breaks off. */
export async function* bodyPieces({ request, clock, wantBody }: Exchange): AsyncGenerator<Uint8Array> {
  const encoding = header(request, "content-encoding") ?? "identity";
  // Stored as it is it would be another file; unpacked, it could be a bomb.
  if (encoding !== "identity") refuse(415, "bodies are taken as they are, not packed");
  wantBody();
  // Whoever stops in the middle still has an answer to give on this connection.
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let total = 0;
  let waitedMs = 0;
  try {
    for (;;) {
      const fromMs = clock.monotonicMs();
      const next = await inTime(clock, chunks.next());
      if (next.done) return;
      total += next.value.length;
      waitedMs += clock.monotonicMs() - fromMs;
      if (waitedMs > BODY_GRACE_MS && total < (waitedMs / 1000) * BODY_MIN_BYTES_PER_S) refuse(408, "too slow");
      yield next.value;
    }
  } finally {
    // Not awaited: it comes after the piece that is waited for, which may never come.
    void chunks.return?.().catch(() => {});
  }
}

/** Whole in memory. Refuses with 413. */
export async function smallBody(exchange: Exchange, maxBytes: number): Promise<Uint8Array> {
  if (Number(header(exchange.request, "content-length") ?? 0) > maxBytes) refuse(413, "the body is too large");
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of bodyPieces(exchange)) {
    bytes += piece.length;
    if (bytes > maxBytes) refuse(413, "the body is too large");
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}

/**
 * What is left of a body that is not wanted is read on for a little, so that the client comes to read its answer and
 * the connection can go on; then it is cut.
 */
export function throwAway(request: IncomingMessage, clock: Clock): void {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  const cut = () => void request.destroy();
  const cancel = clock.after(UNWANTED_BODY_MS, cut);
  request.on("data", (chunk: Buffer) => void ((bytes += chunk.length) > UNWANTED_BODY_MAX_BYTES && cut()));
  request.on("end", cancel).on("close", cancel).on("error", cancel).resume();
}

/** Rejects when the client does not take it, or is gone. The headers are the caller's. */
export async function sendPieces(
  { response, clock, signal }: Pick<Exchange, "response" | "clock" | "signal">,
  pieces: AsyncIterable<Uint8Array | string>,
): Promise<void> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    if (!response.write(piece)) await inTime(clock, drained(response, signal));
  }
  response.end();
}

/** Many short texts as fewer pieces; between two of them others have their turn. */
export async function* gathered(texts: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let held = "";
  for await (const text of texts) {
    held += text;
    if (held.length < ANSWER_PIECE_BYTES) continue;
    yield held;
    held = "";
    await nextTurn();
  }
  if (held !== "") yield held;
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => () => {
      response.off("drain", ready);
      signal.removeEventListener("abort", gone);
      act();
    };
    const ready = end(resolve);
    const gone = end(() => reject(signal.reason as Error));
    response.on("drain", ready);
    signal.addEventListener("abort", gone);
  });
}

/** Refuses with 408 what has not come after STALL_MS. */
async function inTime<T>(clock: Clock, coming: Promise<T>): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(STALL_MS, () => reject(new Refusal(408, "nothing came for too long")));
  });
  try {
    return await Promise.race([coming, late]);
  } finally {
    cancel();
  }
}
