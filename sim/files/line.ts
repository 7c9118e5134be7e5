/**
 * How one box sees one storage server over the simulated network: the `GridServer` that the shipped code works on.
 * Requests take their time, wait behind one another on a thin line, and get lost on the way there or back; whether the
 * server is there is judged by the shipped `ServerWatch`.
 */
import type { Clock } from "../../src/kernel/clock.ts";
import type { Random } from "../../src/kernel/random.ts";
import { SILENCE_TIMEOUT_MS } from "../../src/services/files/grid/storage-client-constants.ts";
import { POLL_TIMEOUT_MS, ServerWatch } from "../../src/services/files/grid/storage-client-watch.ts";
import { ResponseTimes } from "../../src/services/files/grid/response-times.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import type {
  Before,
  GridServer,
  ReadTestWrite,
  ServerErrorCode,
  ServerState,
} from "../../src/services/files/grid/server.ts";
import type { StorageMember } from "../../src/services/files/storage/room.ts";
import type { Machine } from "./machine.ts";

/** What is between a box and everybody else, and what the weather is like. */
export interface Link {
  isCut: boolean;
  /** One way, and what comes on top of it by chance. */
  delayMs: number;
  jitterMs: number;
  bytesPerMs: number;
  /** Of requests, and of answers. */
  loss: number;
}

export const CALM: Link = { isCut: false, delayMs: 5, jitterMs: 3, bytesPerMs: 5_000, loss: 0 };
/** What a request and an answer take besides their data. */
const HEAD_BYTES = 300;

export interface LineNeeds {
  clock: Clock;
  random: Random;
  machine: Machine;
  member: StorageMember;
  id: string;
  seed: Uint8Array;
  owner: string;
  zone: string;
  /** Of the box that asks, and of the server. */
  links: readonly [Link, Link];
  /** False: the server's state is known at once, and nobody polls. For runs of many days. */
  isWatched: boolean;
  /** What went over the line, for those who look for what should not be there. */
  heard?: (bytes: Uint8Array) => void;
}

interface Question<T> {
  upBytes: number;
  limitMs: number;
  work: () => T;
  downBytes?: (answer: T) => number;
  signal?: AbortSignal | undefined;
}

export class Line implements GridServer {
  readonly id: string;
  readonly name: string;
  readonly seed: Uint8Array;
  readonly tubId: Uint8Array;
  readonly owner: string;
  readonly zone: string;
  readonly #needs: LineNeeds;
  readonly #times = new ResponseTimes();
  readonly #watch: ServerWatch;
  #availableBytes: number | undefined;
  /** When the line is free again, each way. */
  #upFreeMs = 0;
  #downFreeMs = 0;

  constructor(needs: LineNeeds) {
    this.#needs = needs;
    this.id = needs.id;
    this.name = needs.machine.name;
    this.seed = needs.seed;
    this.tubId = needs.seed.slice(0, 20);
    this.owner = needs.owner;
    this.zone = needs.zone;
    const { clock, random } = needs;
    this.#watch = new ServerWatch({ clock, random, poll: () => this.#poll(), onMissed: () => {}, onAway: () => {} });
    if (needs.isWatched) this.#watch.start();
  }

  stop(): void {
    this.#watch.stop();
  }

  state(): ServerState {
    if (this.#needs.isWatched) return this.#watch.state();
    return this.#isOpen() && this.#needs.machine.state === "up" ? "up" : "away";
  }

  availableBytes = (): number | undefined => this.#availableBytes;
  responseMs = (): number | undefined => this.#times.medianMs();
  takesBefore = (): boolean => this.#machine.takesWhole;

  allocate: GridServer["allocate"] = (index, wish, signal) => {
    this.#tell(index, wish.uploadSecret, wish.lease.renewSecret, wish.lease.cancelSecret);
    return this.#ask({ ...SMALL, signal, work: () => this.#machine.allocate(this.#needs.member, index, wish) });
  };

  writeChunk: GridServer["writeChunk"] = (index, number, chunk, signal) => {
    this.#tell(index, chunk.uploadSecret, chunk.data);
    const work = () => this.#machine.writeChunk(index, number, chunk);
    return this.#ask({ upBytes: chunk.data.length, limitMs: SILENCE_TIMEOUT_MS, signal, work });
  };

  putWhole: GridServer["putWhole"] = async (index, wish, signal) => {
    if (!this.#machine.takesWhole) return undefined;
    const pieces = [...wish.shares.values()];
    this.#tell(index, wish.uploadSecret, wish.lease.renewSecret, wish.lease.cancelSecret, ...pieces);
    const upBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const work = () => this.#machine.putWhole(this.#needs.member, index, wish);
    return this.#ask({ upBytes, limitMs: SILENCE_TIMEOUT_MS, signal, work });
  };

  abort: GridServer["abort"] = (index, number, secret) =>
    this.#ask({ ...SMALL, work: () => this.#machine.abort(index, number, secret) });

  shares: GridServer["shares"] = (kind, index, signal) =>
    this.#ask({ ...SMALL, signal, work: () => this.#machine.shares(kind, index) });

  read: GridServer["read"] = (kind, index, number, range, signal) =>
    this.#ask({
      ...{ upBytes: 0, limitMs: SILENCE_TIMEOUT_MS, signal, downBytes: (bytes: Uint8Array) => bytes.length },
      work: () => this.#machine.read(kind, index, number, range),
    });

  renewLease: GridServer["renewLease"] = (index, secrets, signal) => {
    this.#tell(index, secrets.renewSecret, secrets.cancelSecret);
    return this.#ask({ ...SMALL, signal, work: () => this.#machine.renewLease(index, secrets) });
  };

  readTestWrite: GridServer["readTestWrite"] = (index, wish, signal) => {
    const before = (wish.before ?? []).flatMap((one) => [Buffer.from(one.storageIndex), ...told(one)]);
    const pieces = [...before, ...piecesOf(wish)];
    this.#tell(index, wish.writeEnabler, wish.lease.renewSecret, wish.lease.cancelSecret, ...pieces);
    const upBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const work = () => this.#machine.readTestWrite(this.#needs.member, index, wish);
    const downBytes = ({ data }: ReturnType<typeof work>) =>
      [...data.values()].flat().reduce((sum, { length }) => sum + length, 0);
    return this.#ask({ upBytes, limitMs: SILENCE_TIMEOUT_MS, signal, work, downBytes });
  };

  advise: GridServer["advise"] = (kind, index, number, reason) => {
    this.#tell(index, Buffer.from(reason));
    return this.#ask({ ...SMALL, work: () => void this.#machine.advised.push(`${kind} ${index}/${number} ${reason}`) });
  };

  get #machine(): Machine {
    return this.#needs.machine;
  }

  #tell(index: string, ...parts: readonly Uint8Array[]): void {
    const { heard } = this.#needs;
    if (heard) for (const part of [Buffer.from(index), ...parts]) heard(part);
  }

  async #poll(): Promise<void> {
    await this.#ask({ upBytes: 0, limitMs: POLL_TIMEOUT_MS, work: () => {} });
  }

  #isOpen(): boolean {
    return this.#needs.links.every(({ isCut }) => !isCut);
  }

  /** How long so many bytes take from now on, behind those that are on their way. */
  #travelMs(bytes: number, freeMs: number): { delayMs: number; freeMs: number } {
    const { clock, random, links } = this.#needs;
    const nowMs = clock.monotonicMs();
    const sentMs = Math.max(nowMs, freeMs) + (bytes + HEAD_BYTES) / Math.min(...links.map((link) => link.bytesPerMs));
    const wayMs = links.reduce((sum, { delayMs, jitterMs }) => sum + delayMs + random.float() * jitterMs, 0);
    return { delayMs: sentMs - nowMs + wayMs, freeMs: sentMs };
  }

  #isLost(): boolean {
    return this.#needs.links.some(({ loss }) => loss > 0 && this.#needs.random.float() < loss);
  }

  #ask<T>({ upBytes, limitMs, work, downBytes, signal }: Question<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const { clock, machine } = this.#needs;
    const startedMs = clock.monotonicMs();
    this.#watch.began();
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      const end = (say: () => void) => {
        if (isOver) return;
        isOver = true;
        cancel();
        signal?.removeEventListener("abort", onAbort);
        this.#watch.ended();
        say();
      };
      const fail = (code: ServerErrorCode, why: string) =>
        end(() => {
          this.#watch.failed();
          reject(new ServerError(code, this.name, why));
        });
      const onAbort = () => end(() => reject(signal!.reason as Error));
      const cancel = clock.after(limitMs, () => fail("timeout", "not in time"));
      signal?.addEventListener("abort", onAbort, { once: true });
      const lose = () => void clock.after(this.#travelMs(0, 0).delayMs, () => fail("unreachable", "it broke"));
      const answer = () => {
        const done = tried(work);
        if (this.#isLost()) return lose();
        const bytes = "value" in done ? (downBytes?.(done.value) ?? 0) : 0;
        const { delayMs, freeMs } = this.#travelMs(bytes, this.#downFreeMs);
        this.#downFreeMs = freeMs;
        clock.after(delayMs, () => {
          if (!this.#isOpen()) return;
          end(() => {
            this.#watch.answered();
            if (upBytes === 0) this.#times.add(clock.monotonicMs() - startedMs);
            this.#availableBytes = machine.room.availableBytes();
            if ("value" in done) resolve(done.value);
            else reject(done.error as Error);
          });
        });
      };
      const { delayMs, freeMs } = this.#travelMs(upBytes, this.#upFreeMs);
      this.#upFreeMs = freeMs;
      if (this.#isLost()) return lose();
      // Over a line that is cut nothing comes back, not even that it is cut.
      clock.after(delayMs, () => this.#isOpen() && machine.take(answer, lose));
    });
  }
}

function piecesOf({ shares }: ReadTestWrite): Uint8Array[] {
  return [...shares.values()].flatMap(({ write }) => write.map(({ data }) => data));
}

function told(one: Before): Uint8Array[] {
  const { lease, ...rest } = one.kind === "whole" ? one.put : one.wish;
  const secret = "uploadSecret" in rest ? rest.uploadSecret : rest.writeEnabler;
  const data = one.kind === "whole" ? one.put.shares.values() : piecesOf(one.wish);
  return [secret, lease.renewSecret, lease.cancelSecret, ...data];
}

const SMALL = { upBytes: 0, limitMs: SILENCE_TIMEOUT_MS };

function tried<T>(work: () => T): { value: T } | { error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof ServerError) return { error };
    throw error;
  }
}
