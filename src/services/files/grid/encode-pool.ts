/**
 * Who does the work of `encode-work.ts`: threads for large files, the caller's own thread for small ones, for which
 * handing over would cost more than doing. A box has one `GridWorkers`; its threads start with the first large file.
 */
import { availableParallelism } from "node:os";
import type { Clock } from "../../../kernel/clock.ts";
import { SharedMemory, WorkMemory, isShared } from "../../../platform/shared-memory.ts";
import { WorkerPool } from "../../../platform/worker-pool.ts";
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import type { DecodeRun, DecodedRun, EncodeRun } from "../../../protocols/grid/chk-run.ts";
import { ENCODE_THREADS_MAX } from "./constants.ts";
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
  readonly #shared: SharedMemory;
  #nextSession = 0;

  constructor({ clock, threads = Math.min(ENCODE_THREADS_MAX, availableParallelism()) }: GridWorkersOptions) {
    this.#shared = new SharedMemory({ clock });
    this.#pool = threads > 0 ? new WorkerPool({ module: MODULE, threads, clock }) : undefined;
  }

  /** Threads that are running. */
  get running(): number {
    return this.#pool?.running ?? 0;
  }

  /** Memory for a file whose work is done in threads; `end` it. */
  memory(isSmall: boolean): WorkMemory {
    return new WorkMemory(isSmall || !this.#pool ? undefined : this.#shared);
  }

  /** For encoding one file; `end` it. */
  session(params: ChkParams, convergence: Uint8Array, isSmall: boolean): EncodeSession {
    const id = this.#nextSession++;
    const pool = isSmall ? undefined : this.#pool;
    return new EncodeSession({ id, pool, here: this.#here, params, convergence, memory: this.memory(isSmall) });
  }

  /** Shared memory stays as it is; other memory is taken, the run's too. What comes out is ordinary memory. */
  async decode(run: DecodeRun, isSmall: boolean): Promise<DecodedRun> {
    if (isSmall || !this.#pool) return this.#here.perform({ kind: "decode", run }).answer as DecodedRun;
    // A part of other memory would be handed over with all of it.
    const shares = run.shares.map((share) =>
      isShared(share.bytes) || own(share.bytes).length > 0 ? share : { ...share, bytes: share.bytes.slice() },
    );
    const transfer = new Set([...shares.map(({ bytes }) => bytes), ...(run.memory ? [run.memory] : [])].flatMap(own));
    return this.#pool.run<DecodedRun>({ kind: "decode", run: { ...run, shares, key: run.key?.slice() } }, [
      ...transfer,
    ]);
  }

  async close(): Promise<void> {
    await this.#pool?.close();
    this.#shared.clear();
  }
}

interface SessionNeeds {
  id: number;
  pool: WorkerPool | undefined;
  here: EncodeWork;
  params: ChkParams;
  convergence: Uint8Array;
  memory: WorkMemory;
}

/** Memory that a method is given is changed, and used again when it is done: nobody else may use it any more. */
export class EncodeSession {
  readonly #id: number;
  readonly #pool: WorkerPool | undefined;
  readonly #here: EncodeWork;
  readonly #lane: number;
  readonly #begun: Promise<unknown>;
  /** What content is best read into, and blocks are written to. */
  readonly memory: WorkMemory;
  #isEnded = false;

  constructor({ id, pool, here, params, convergence, memory }: SessionNeeds) {
    this.#id = id;
    this.#pool = pool;
    this.#here = here;
    this.memory = memory;
    this.#lane = pool?.hold() ?? 0;
    this.#begun = this.#run({ kind: "begin", id, params, convergence });
    this.#begun.catch(() => {});
  }

  /** Content, in order, for the key. */
  async keyPart(bytes: Uint8Array): Promise<void> {
    await this.#run({ kind: "key-part", id: this.#id, bytes });
    this.memory.giveBack(bytes);
  }

  /** The convergent key of all parts. */
  async key(): Promise<Uint8Array> {
    await this.#begun;
    return this.#run({ kind: "key", id: this.#id });
  }

  /** The ciphertext of whole segments, in the same memory. With `isHashed` they must come in order, each once. */
  async encrypt(key: Uint8Array, first: number, plaintext: Uint8Array, isHashed: boolean): Promise<Uint8Array> {
    let bytes = plaintext;
    if (this.#pool && !isShared(bytes)) {
      bytes = this.memory.take(plaintext.length);
      bytes.set(plaintext);
    }
    await this.#run({ kind: "encrypt", id: this.#id, key, first, bytes, isHashed });
    return bytes;
  }

  /** On any thread, into `run.memory`, which is `memory`'s. Hashes are to be given to `take`. */
  async encode(run: EncodeRun): Promise<EncodedShares> {
    if (!this.#pool) return this.#here.perform({ kind: "encode", run }).answer as EncodedShares;
    const done = await this.#pool.run<EncodedShares>({ kind: "encode", run });
    this.memory.giveBack(run.ciphertext);
    return run.memory && isShared(run.memory) ? { memory: run.memory, hashes: done.hashes } : done;
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
    this.memory.end();
  }

  async #run<A>(task: SessionTask, transfer: ArrayBuffer[] = []): Promise<A> {
    if (!this.#pool) return this.#here.perform(task).answer as A;
    return this.#pool.runOn<A>(this.#lane, task, transfer);
  }
}
