/**
 * Bodies as they come: in pieces worth a write, with an end, and not for ever. While one piece is written the next one
 * fills. A connection on which nothing moves is cut by the server's time limit; one that drips is refused here.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../../kernel/clock.ts";
import { release } from "../../../platform/memory.ts";
import { BODY_GRACE_MS, BODY_MIN_BYTES_PER_S } from "./constants.ts";
import { keepPieceBuffer, takePieceBuffer } from "./piece-buffers.ts";
import { Refusal, refuse } from "./refusal.ts";

export interface BodyLimits {
  maxBytes: number;
  clock: Clock;
}

/**
 * The body in pieces of `PIECE_BYTES`, each of which is there until the next is asked for. 413 above `maxBytes`, 408
 * for a sender that is too slow. Whoever stops in the middle still has an answer to give on this connection.
 */
export async function* bodyPieces(request: IncomingMessage, limits: BodyLimits): AsyncGenerator<Uint8Array> {
  if (Number(request.headers["content-length"] ?? 0) > limits.maxBytes) refuse(413, "the body is too large");
  const gathering = new Gathering(request, limits);
  try {
    for (let piece = await gathering.next(); piece.length > 0; piece = await gathering.next()) yield piece;
  } finally {
    gathering.close();
  }
}

/** By events and not as an iterable: that costs more for each of the many small chunks than what is done with them. */
class Gathering {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #startedMs: number;
  #filling = takePieceBuffer();
  #held = 0;
  /** With the taker. */
  #given: Buffer | undefined;
  /** What did not fit; nothing comes until it has a place. */
  #rest: Buffer | undefined;
  #total = 0;
  #end: { error?: unknown } | undefined;
  #wake = () => {};

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    this.#startedMs = limits.clock.monotonicMs();
    request.on("data", this.#take).on("end", this.#ended).on("error", this.#failed).on("close", this.#closed);
    // It may have been cut before anybody asked for its first piece: that event does not come again.
    if (request.destroyed) this.#failed(new Refusal(400, "the body broke off"));
  }

  /** Empty at the end. */
  async next(): Promise<Uint8Array> {
    while (this.#held < this.#filling.length && !this.#end) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#end && "error" in this.#end) throw this.#end.error;
    const piece = this.#filling.subarray(0, this.#held);
    const free = this.#given ?? (this.#end ? undefined : takePieceBuffer());
    this.#given = this.#filling;
    if (free) this.#filling = free;
    this.#held = 0;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) this.#put(rest);
    if (!this.#rest && !this.#end) this.#request.resume();
    return piece;
  }

  close(): void {
    const request = this.#request;
    request.off("data", this.#take).off("end", this.#ended).off("close", this.#closed);
    // Whatever still goes wrong with it has nobody to tell: "error" is listened to until its end.
    if (!this.#end) request.pause();
    keepPieceBuffer(this.#filling);
    if (this.#given && this.#given !== this.#filling) keepPieceBuffer(this.#given);
  }

  readonly #take = (chunk: Buffer): void => {
    const { maxBytes, clock } = this.#limits;
    this.#total += chunk.length;
    const passedMs = clock.monotonicMs() - this.#startedMs;
    const isSlow = passedMs > BODY_GRACE_MS && this.#total < (passedMs / 1000) * BODY_MIN_BYTES_PER_S;
    if (this.#total > maxBytes) this.#failed(new Refusal(413, "the body is too large"));
    else if (isSlow) this.#failed(new Refusal(408, "too slow"));
    else this.#put(chunk);
  };

  #put(chunk: Buffer): void {
    const taken = chunk.copy(this.#filling, this.#held);
    this.#held += taken;
    if (taken < chunk.length) {
      this.#rest = chunk.subarray(taken);
      this.#request.pause();
    } else {
      release(chunk);
    }
    if (this.#held === this.#filling.length) this.#wake();
  }

  readonly #ended = (): void => {
    this.#end ??= {};
    this.#wake();
  };

  readonly #failed = (error: unknown): void => {
    this.#end ??= { error };
    this.#request.pause();
    this.#wake();
  };

  readonly #closed = (): void => {
    if (!this.#request.complete) this.#failed(new Refusal(400, "the body broke off"));
  };
}
