/**
 * The ciphertext of an immutable file, segment by segment, from whichever k shares answer first: all that a repair
 * needs, and all that a verify cap allows. One share of each number is read at a time; the next one takes its place
 * when it fails, lies or is late.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { ChkFile } from "../../../protocols/grid/chk-decoder.ts";
import type { ChkShareReader } from "../../../protocols/grid/chk-share-reader.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { filesErrors } from "../errors.ts";
import { driven } from "./check-immutable.ts";
import type { Found } from "./check-immutable.ts";
import { REPAIR_READ_BYTES, SPARE_FETCHES_MAX } from "./mutable-constants.ts";
import { lateAfterMs } from "./mutable-survey.ts";
import { ServerError } from "./server.ts";

interface Source extends Found {
  reader: ChkShareReader;
}

export class CiphertextSource {
  readonly #clock: Clock;
  readonly #file: ChkFile;
  readonly #index: string;
  readonly #signal: AbortSignal;
  /** The ones in use first. */
  #sources: Source[];
  /** Shares that turned out to be damaged. */
  readonly damaged: Found[] = [];

  constructor(clock: Clock, file: ChkFile, index: string, found: readonly Found[], signal: AbortSignal) {
    this.#clock = clock;
    this.#file = file;
    this.#index = index;
    this.#signal = signal;
    const cost = ({ server }: Found) => (server.state() === "up" ? (server.responseMs() ?? 0) : Infinity);
    const order = found.toSorted((a, b) => (cost(a) === cost(b) ? a.share - b.share : cost(a) - cost(b)));
    this.#sources = order.map((one) => ({ ...one, reader: file.share(one.share) }));
  }

  /** Learns what the file is. Throws `files-unreachable` and `files-damaged`. */
  async open(): Promise<void> {
    await this.#fetch(1, (source, signal) =>
      driven(source.server, this.#index, source.reader, () => source.reader.open(), signal, REPAIR_READ_BYTES),
    );
  }

  /** The ciphertext of one segment; in ascending order. Throws like `open`. */
  async segment(index: number): Promise<Uint8Array> {
    const { k } = this.#file.cap;
    const blocks = await this.#fetch(k, (source, signal) =>
      driven(source.server, this.#index, source.reader, () => source.reader.block(index), signal, REPAIR_READ_BYTES),
    );
    try {
      return this.#file.ciphertext(
        index,
        [...blocks].map(([number, bytes]) => ({ number, bytes })),
      );
    } catch (error) {
      if (error instanceof GridError) throw filesErrors.fail("files-damaged", { params: { good: 0, needed: k } });
      throw error;
    }
  }

  /** Share number → what `read` gave, of `wanted` different shares. */
  async #fetch<T>(wanted: number, read: (source: Source, signal: AbortSignal) => Promise<T>): Promise<Map<number, T>> {
    const good = new Map<number, T>();
    const used: Source[] = [];
    const underWay = new Map<Source, { isLate: boolean; end: AbortController }>();
    const waiting = [...this.#sources];
    let problem: unknown;
    let wake = () => {};
    const start = (source: Source) => {
      const state = { isLate: false, end: new AbortController() };
      underWay.set(source, state);
      const cancel = this.#clock.after(lateAfterMs(source.server), () => {
        state.isLate = true;
        wake();
      });
      void read(source, AbortSignal.any([this.#signal, state.end.signal]))
        .then(
          (value) => {
            good.set(source.share, value);
            used.push(source);
          },
          (error: unknown) => {
            problem = error;
            if (state.end.signal.aborted) return;
            this.#sources = this.#sources.filter((one) => one !== source);
            if (error instanceof GridError) this.#tell(source, error);
          },
        )
        .finally(() => {
          cancel();
          underWay.delete(source);
          wake();
        });
    };
    const onAbort = () => wake();
    this.#signal.addEventListener("abort", onAbort);
    try {
      while (good.size < wanted) {
        this.#signal.throwIfAborted();
        const onTime = () => [...underWay].filter(([, { isLate }]) => !isLate).map(([{ share }]) => share);
        while (good.size + onTime().length < wanted && underWay.size < wanted + SPARE_FETCHES_MAX) {
          const at = waiting.findIndex(({ share }) => !good.has(share) && !onTime().includes(share));
          if (at < 0) break;
          start(waiting.splice(at, 1)[0]!);
        }
        if (underWay.size === 0) throw this.#failure(good.size, wanted, problem);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#signal.removeEventListener("abort", onAbort);
      for (const { end } of underWay.values()) end.abort();
    }
    // Who was quick is asked first for the next segment, too.
    this.#sources = [...used, ...this.#sources.filter((one) => !used.includes(one))];
    return good;
  }

  #tell(source: Source, error: GridError): void {
    this.damaged.push(source);
    void source.server.advise("immutable", this.#index, source.share, error.message).catch(() => {});
  }

  #failure(found: number, needed: number, problem: unknown): unknown {
    if (problem instanceof GridError) {
      return filesErrors.fail("files-damaged", { params: { good: found, needed }, cause: problem });
    }
    if (problem !== undefined && !(problem instanceof ServerError)) return problem;
    return filesErrors.fail("files-unreachable", { params: { found, needed }, cause: problem });
  }
}
