/**
 * Who does the work of `encode-work.ts`: threads for large files, the caller's own thread for small ones, for which
 * handing over would cost more than doing. A box has one `GridWorkers`; its threads start with the first large file.
 */
import { availableParallelism } from "node:os";
import type { Clock } from "../../../kernel/clock.ts";
import { WorkerPool } from "../../../platform/worker-pool.ts";
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import type { DecodeRun, DecodedRun, EncodeRun } from "../../../protocols/grid/chk-run.ts";
import { ENCODE_THREADS_MAX, SPARE_MEMORIES_MAX } from "./constants.ts";
import { EncodeWork, own, type SessionTask } from "./encode-work.ts";

export interface GridWorkersOptions {
  clock: Clock;
  /** 0: all is done on the spot. */
  threads?: number;
}

export interface EncodedShares {
  /** For each wanted share its blocks one after the other. */
  memory: Uint8Array;
  hashes: Uint8Array;
}

/** In the source this module is one file among many; in the program that is built, the threads' module is beside it. */
const MODULE = new URL(import.meta.url.endsWith(".ts") ? "encode-worker.ts" : "encode-worker.mjs", import.meta.url);

export class GridWorkers {
  readonly #pool: WorkerPool | undefined;
  readonly #here = new EncodeWork();
  #nextSession = 0;

  constructor({ clock, threads = Math.min(ENCODE_THREADS_MAX, availableParallelism()) }: GridWorkersOptions) {
    this.#pool = threads > 0 ? new WorkerPool({ module: MODULE, threads, clock }) : undefined;
  }

  /** Threads that are running. */
  get running(): number {
    return this.#pool?.running ?? 0;
  }

  /** For encoding one file; `end` it. */
  session(params: ChkParams, convergence: Uint8Array, isSmall: boolean): EncodeSession {
    const id = this.#nextSession++;
    return new EncodeSession({ id, pool: isSmall ? undefined : this.#pool, here: this.#here, params, convergence });
  }

  /** Takes the memory of the blocks. */
  async decode(run: DecodeRun, isSmall: boolean): Promise<DecodedRun> {
    if (isSmall || !this.#pool) return this.#here.perform({ kind: "decode", run }).answer as DecodedRun;
    // A part of other memory would be handed over with all of it.
    const shares = run.shares.map((share) =>
      own(share.bytes).length > 0 ? share : { ...share, bytes: share.bytes.slice() },
    );
    const transfer = new Set(shares.flatMap(({ bytes }) => own(bytes)));
    return this.#pool.run<DecodedRun>({ kind: "decode", run: { ...run, shares, key: run.key?.slice() } }, [
      ...transfer,
    ]);
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

interface SessionNeeds {
  id: number;
  pool: WorkerPool | undefined;
  here: EncodeWork;
  params: ChkParams;
  convergence: Uint8Array;
}

/** All methods take the memory of what they are given: it must not be used any more, nor be part of other memory. */
export class EncodeSession {
  readonly #id: number;
  readonly #pool: WorkerPool | undefined;
  readonly #here: EncodeWork;
  readonly #lane: number;
  readonly #begun: Promise<unknown>;
  /** Memory that is used again and again: new memory for each batch keeps the garbage collector busy. */
  readonly #spares: Uint8Array[] = [];
  #isEnded = false;

  constructor({ id, pool, here, params, convergence }: SessionNeeds) {
    this.#id = id;
    this.#pool = pool;
    this.#here = here;
    this.#lane = pool?.hold() ?? 0;
    this.#begun = this.#run({ kind: "begin", id, params, convergence });
    this.#begun.catch(() => {});
  }

  /** Memory to be filled, of this size; with anything in it. */
  readonly memory = (bytes: number): Uint8Array => {
    const index = this.#spares.findIndex(({ length }) => length === bytes);
    return index < 0 ? new Uint8Array(bytes) : this.#spares.splice(index, 1)[0]!;
  };

  /** Memory that is needed no more. */
  readonly giveBack = (memory: Uint8Array): void => {
    if (own(memory).length === 0) return;
    this.#spares.push(memory);
    if (this.#spares.length > SPARE_MEMORIES_MAX) this.#spares.shift();
  };

  /** Content, in order, for the key. */
  async keyPart(bytes: Uint8Array): Promise<void> {
    this.giveBack(await this.#run({ kind: "key-part", id: this.#id, bytes }, own(bytes)));
  }

  /** The convergent key of all parts. Rejects with GridError "too-large" for a file whose trees would not fit. */
  async key(): Promise<Uint8Array> {
    await this.#begun;
    return this.#run({ kind: "key", id: this.#id });
  }

  /** The ciphertext of whole segments. With `isHashed` they must come in order, each once. */
  async encrypt(key: Uint8Array, first: number, plaintext: Uint8Array, isHashed: boolean): Promise<Uint8Array> {
    const task: SessionTask = { kind: "encrypt", id: this.#id, key, first, bytes: plaintext, isHashed };
    const done = await this.#run<{ ciphertext: Uint8Array; bytes: Uint8Array }>(task, own(plaintext));
    this.giveBack(done.bytes);
    return done.ciphertext;
  }

  /** On any thread. Hashes are to be given to `take`. */
  async encode(run: EncodeRun): Promise<EncodedShares> {
    if (!this.#pool) return this.#here.perform({ kind: "encode", run }).answer as EncodedShares;
    const memory = run.memory && own(run.memory).length > 0 ? run.memory : undefined;
    const transfer = [...own(run.ciphertext), ...(memory ? own(memory) : [])];
    return this.#pool.run<EncodedShares>({ kind: "encode", run: { ...run, memory } }, transfer);
  }

  async take(first: number, hashes: Uint8Array): Promise<void> {
    await this.#run({ kind: "take", id: this.#id, first, hashes }, own(hashes));
  }

  /** The UEB hash, when all segments were taken. */
  finish(): Promise<Uint8Array> {
    return this.#run({ kind: "finish", id: this.#id });
  }

  trailer(share: number): Promise<Uint8Array> {
    return this.#run({ kind: "trailer", id: this.#id, share });
  }

  /** May be called more than once. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#run({ kind: "end", id: this.#id }).catch(() => {});
    this.#pool?.release(this.#lane);
  }

  async #run<A>(task: SessionTask, transfer: ArrayBuffer[] = []): Promise<A> {
    if (!this.#pool) return this.#here.perform(task).answer as A;
    return this.#pool.runOn<A>(this.#lane, task, transfer);
  }
}
