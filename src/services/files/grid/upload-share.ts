/**
 * One share on its way to one server: chunks in any order, several under way. What the server says that it has is not
 * sent again, which is how a broken upload goes on where it stood.
 */
import type { ByteRange } from "../../../protocols/grid/pieces.ts";
import type { Clock } from "../../../kernel/clock.ts";
import { CHUNK_TRIES_MAX } from "./constants.ts";
import { ServerError, type ChunkWritten, type GridServer } from "./server.ts";
import type { Assignment } from "./upload-placing.ts";

export interface ShareSenderNeeds {
  clock: Clock;
  assignment: Assignment;
  storageIndex: string;
  uploadSecret: Uint8Array;
  shareBytes: number;
  signal: AbortSignal;
  /** Something has changed: a chunk was answered, or the share is lost. */
  onChange(): void;
  /** How long a chunk took. */
  onTook(ms: number): void;
}

export class ShareSender {
  readonly assignment: Assignment;
  /** What no server can be blamed for. */
  bug: unknown;
  #state: "sending" | "complete" | "lost" = "sending";
  #pending = 0;
  #answered = 0;
  readonly #needs: ShareSenderNeeds;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  /** What the server lacked when it was asked; undefined before. */
  #missing: readonly ByteRange[] | undefined;
  #begun: Promise<void> = Promise.resolve();

  constructor(needs: ShareSenderNeeds) {
    this.#needs = needs;
    this.assignment = needs.assignment;
    this.#signal = AbortSignal.any([needs.signal, this.#controller.signal]);
  }

  get state(): "sending" | "complete" | "lost" {
    return this.#state;
  }

  get server(): GridServer {
    return this.assignment.server;
  }

  /** Chunks that are not answered. */
  get pending(): number {
    return this.#state === "lost" ? 0 : this.#pending;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Sends something short first, the answer to which says what is there already. */
  begin(offset: number, data: Uint8Array): void {
    this.#begun = this.#send(offset, data);
  }

  /** True when nothing needs the data any more; false: the share is lost, and it may still be on its way. */
  async send(offset: number, data: Uint8Array): Promise<boolean> {
    // Counted from now on, also while the first answer is on its way.
    this.#pending++;
    await this.#begun;
    await this.#send(offset, data);
    this.#pending--;
    this.#answered++;
    this.#needs.onChange();
    return this.#state !== "lost";
  }

  /** Gives it up; what is under way is cut. */
  lose(): void {
    if (this.#state === "lost" || this.#controller.signal.aborted) return;
    // A complete one only has answers on their way that nobody needs.
    if (this.#state === "sending") this.#state = "lost";
    this.#controller.abort(new Error("others are quicker"));
    this.#needs.onChange();
  }

  async #send(offset: number, data: Uint8Array): Promise<void> {
    if (this.#state !== "sending") return;
    const part = this.#lacking(offset, data);
    if (!part) return;
    try {
      this.#note(await this.#write(part.offset, part.data));
    } catch (error) {
      if (!(error instanceof ServerError) && !this.#signal.aborted) this.bug = error;
      this.lose();
    }
  }

  #note({ isComplete, missing }: ChunkWritten): void {
    this.#missing ??= missing;
    if (isComplete && this.#state === "sending") this.#state = "complete";
  }

  /** From the first to the last byte of it that the server lacks. */
  #lacking(offset: number, data: Uint8Array): { offset: number; data: Uint8Array } | undefined {
    if (!this.#missing) return { offset, data };
    const end = offset + data.length;
    const gaps = this.#missing.filter(({ at, length }) => at < end && at + length > offset);
    if (gaps.length === 0) return undefined;
    const last = gaps.at(-1)!;
    const from = Math.max(offset, gaps[0]!.at);
    return { offset: from, data: data.subarray(from - offset, Math.min(end, last.at + last.length) - offset) };
  }

  async #write(offset: number, data: Uint8Array): Promise<ChunkWritten> {
    const { clock, assignment, storageIndex, uploadSecret, shareBytes: total, onTook } = this.#needs;
    for (let attempt = 1; ; attempt++) {
      const startedMs = clock.monotonicMs();
      try {
        const chunk = { uploadSecret, offset, data, total };
        const written = await assignment.server.writeChunk(storageIndex, assignment.share, chunk, this.#signal);
        onTook(clock.monotonicMs() - startedMs);
        return written;
      } catch (error) {
        const isBroken = error instanceof ServerError && error.code === "unreachable";
        if (!isBroken || attempt >= CHUNK_TRIES_MAX || this.#signal.aborted) throw error;
      }
    }
  }
}
