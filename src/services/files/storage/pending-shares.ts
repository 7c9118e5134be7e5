/**
 * Small shares that are on the disk in a journal, and not in their files yet. A share is acknowledged when the journal
 * has it; files are written later, many together, and a folder that is rewritten fifty times is written once. Until
 * then it is read from here: whoever looks for a share looks here first.
 *
 *   put ──journal──► pending ──(nothing came for a while, it is old, or there are many)──► in its file, synced
 *                       ▲                                                                    │
 *                       └───── start: what the journal holds                 removed from the journal: forgotten
 *
 * What changes a file where it lies calls `settle` before: the journal must not bring an older content back. A journal
 * that failed (a full disk) may hold what was refused: it is thrown away when all that is pending is in files.
 */
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { openJournal } from "../../../platform/journal.ts";
import type { Journal } from "../../../platform/journal.ts";
import {
  PENDING_AGAIN_MS,
  PENDING_AGE_MS,
  PENDING_BYTES_MAX,
  PENDING_IDLE_MS,
  PENDING_SEGMENT_BYTES,
  PENDING_SHARES_MAX,
} from "./constants.ts";
import { fileShares } from "./filing.ts";
import type { WholeShare } from "./filing.ts";
import { isStorageIndex, shareNumber } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";

export interface PendingOptions {
  paths: SharePaths;
  clock: Clock;
  log: Log;
  /** True while the disk is nearly full. */
  isTight: () => boolean;
}

/** Containers by the numbers of their shares. */
export type Containers = ReadonlyMap<number, Buffer>;

interface Held extends WholeShare {
  readonly content: Buffer;
  /** The journal has, or is to have, a newer one: what would remove this one would remove that. */
  isReplaced: boolean;
}

export class PendingShares {
  readonly #options: PendingOptions;
  /** By storage index, then by number. */
  readonly #held = new Map<string, Map<number, Held>>();
  #bytes = 0;
  #count = 0;
  /** Of puts that wait for the journal. */
  #comingBytes = 0;
  #comingCount = 0;
  /** The newest of these has its answer; never rejects. */
  #appended = Promise.resolve();
  #journal: Journal;
  /** It takes nothing more. */
  #isBroken = false;
  /** Storage indexes of which a broken journal may hold what was refused. */
  readonly #doubtful = new Set<string>();
  #checkpointing: Promise<void> | undefined;
  #failure: { error: unknown; atMs: number } | undefined;
  #oldestMs = 0;
  #newestMs = 0;
  #timer: Cancel | undefined;
  #isClosed = false;

  private constructor(options: PendingOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
  }

  /** With what an earlier run left. A journal that is damaged is put aside: what is in it is all that is lost. */
  static async open(options: PendingOptions): Promise<PendingShares> {
    const pending = new PendingShares(options, await openOrPutAside(options));
    try {
      for await (const { id, bytes } of pending.#journal.entries()) {
        const [storageIndex = "", digits = ""] = id.split("/");
        const number = shareNumber(digits);
        if (number === undefined || !isStorageIndex(storageIndex)) throw new Error(`no id of a share: ${id}`);
        pending.#hold(storageIndex, number, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      }
      // On a full disk they stay here.
      await pending.checkpoint().catch(() => {});
      return pending;
    } catch (error) {
      await pending.#journal.close();
      throw error;
    }
  }

  /** The newest container of a share; undefined: what its file says is the newest. */
  content(storageIndex: string, number: number): Buffer | undefined {
    return this.#held.get(storageIndex)?.get(number)?.content;
  }

  numbers(storageIndex: string): number[] {
    return [...(this.#held.get(storageIndex)?.keys() ?? [])];
  }

  storageIndexes(): string[] {
    return [...this.#held.keys()];
  }

  /** How much there is. */
  get size(): { shares: number; bytes: number } {
    return { shares: this.#count, bytes: this.#bytes };
  }

  /**
   * All of these, on the disk when it resolves; after a crash before that, all or none. Two puts of one share come one
   * after the other. Throws `disk-full`, `storage-failed`: then all is as it was, and after a crash as it was or as it
   * was to become.
   */
  put(storageIndex: string, shares: Containers): Promise<void> {
    return this.putAll(new Map([[storageIndex, shares]]));
  }

  /** The same of several storage indexes, all or none. */
  async putAll(all: ReadonlyMap<string, Containers>): Promise<void> {
    const { bytes, count } = sizeOf(all);
    await this.#takeRoom(bytes, count);
    try {
      const appended = this.#append(all);
      this.#appended = appended.catch(() => {});
      await appended;
      for (const [storageIndex, shares] of all) {
        for (const [number, content] of shares) this.#hold(storageIndex, number, content);
      }
    } finally {
      this.#comingBytes -= bytes;
      this.#comingCount -= count;
    }
    const isMuch = this.#bytes * 2 > PENDING_BYTES_MAX || this.#count * 2 > PENDING_SHARES_MAX;
    if (isMuch) this.#begin();
    else this.#wait();
  }

  /** Files may be changed where they lie: nothing here or in the journal is newer. Throws as `put`. */
  async settle(storageIndex: string): Promise<void> {
    while (this.#held.has(storageIndex)) await this.checkpoint();
    await this.clear(storageIndex);
  }

  /** The journal holds nothing of this storage index that was refused. Throws as `put`. */
  async clear(storageIndex: string): Promise<void> {
    while (this.#doubtful.has(storageIndex)) await this.checkpoint();
  }

  /** Writes all that is here into files; what comes meanwhile may stay. Throws as `put`. */
  checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#checkpoint().finally(() => {
      this.#checkpointing = undefined;
      this.#wait();
    });
    return this.#checkpointing;
  }

  /** What cannot be put into its file stays in the journal. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.();
    await this.#checkpointing?.catch(() => {});
    this.#failure = undefined;
    if (this.#count > 0) await this.checkpoint().catch(() => {});
    await this.#journal.close();
  }

  async #append(all: ReadonlyMap<string, Containers>): Promise<void> {
    const puts: { id: string; bytes: Buffer }[] = [];
    const before: Held[] = [];
    for (const [storageIndex, shares] of all) {
      const slot = this.#held.get(storageIndex);
      for (const [number, bytes] of shares) {
        puts.push({ id: idOf(storageIndex, number), bytes });
        const held = slot?.get(number);
        if (held) before.push(held);
      }
    }
    for (const held of before) held.isReplaced = true;
    try {
      await this.#journal.append(puts);
    } catch (error) {
      for (const held of before) held.isReplaced = false;
      if (this.#broke(error)) for (const storageIndex of all.keys()) this.#doubtful.add(storageIndex);
      throw error;
    }
  }

  /** For a put. Files take what is here when it is too much, or when the journal has failed. */
  async #takeRoom(bytes: number, shares: number): Promise<void> {
    const isOver = () =>
      this.#bytes + this.#comingBytes + bytes > PENDING_BYTES_MAX ||
      this.#count + this.#comingCount + shares > PENDING_SHARES_MAX;
    while (this.#isBroken || (isOver() && this.#count + this.#comingCount > 0)) {
      if (this.#isBroken || this.#count > 0) await this.checkpoint();
      else await this.#appended;
    }
    this.#comingBytes += bytes;
    this.#comingCount += shares;
  }

  #hold(storageIndex: string, number: number, content: Buffer): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#count === 0) this.#oldestMs = nowMs;
    this.#newestMs = nowMs;
    this.#forget(storageIndex, number);
    let slot = this.#held.get(storageIndex);
    if (!slot) this.#held.set(storageIndex, (slot = new Map()));
    slot.set(number, { storageIndex, number, content, isReplaced: false });
    this.#bytes += content.length;
    this.#count += 1;
  }

  #forget(storageIndex: string, number: number): void {
    const slot = this.#held.get(storageIndex);
    const held = slot?.get(number);
    if (!slot || !held) return;
    slot.delete(number);
    if (slot.size === 0) this.#held.delete(storageIndex);
    this.#bytes -= held.content.length;
    this.#count -= 1;
  }

  /** Looks again after a while, as long as there is something. */
  #wait(): void {
    if (this.#isClosed || this.#count === 0) return;
    this.#timer ??= this.#options.clock.after(PENDING_IDLE_MS, () => {
      this.#timer = undefined;
      const nowMs = this.#options.clock.monotonicMs();
      const isTime = nowMs - this.#newestMs >= PENDING_IDLE_MS || nowMs - this.#oldestMs >= PENDING_AGE_MS;
      if (isTime) this.#begin();
      else this.#wait();
    });
  }

  /** A checkpoint that nobody waits for. A failure is in the log, and met by the next who must wait for one. */
  #begin(): void {
    void this.checkpoint().catch(() => {});
  }

  async #checkpoint(): Promise<void> {
    const { clock, log, paths } = this.#options;
    const failed = this.#failure;
    if (failed && clock.monotonicMs() - failed.atMs < PENDING_AGAIN_MS) throw failed.error;
    try {
      const filed = new Set<Held>();
      let failure: unknown;
      do {
        const some = await fileShares(paths, this.#notIn(filed));
        for (const one of some.filed) filed.add(one);
        failure = some.failure;
        // A broken journal is thrown away, and with it whatever came while the others were written.
      } while (this.#isBroken && failure === undefined && this.#notIn(filed).length > 0);
      if (!this.#isBroken) await this.#remove([...filed]);
      if (failure !== undefined) throw failure;
      if (this.#isBroken) await this.#renew(filed);
      this.#failure = undefined;
      this.#oldestMs = clock.monotonicMs();
    } catch (error) {
      if (!this.#failure) log.error("small shares cannot be put into their files", { error, shares: this.#count });
      this.#failure = { error, atMs: clock.monotonicMs() };
      throw error;
    }
  }

  /** From the journal, and from here. */
  async #remove(filed: readonly Held[]): Promise<void> {
    const newest = filed.filter((one) => !one.isReplaced && this.#isHeld(one));
    if (newest.length === 0) return;
    try {
      await this.#journal.append(
        newest.map(({ storageIndex, number }) => ({ id: idOf(storageIndex, number), bytes: null })),
      );
    } catch (error) {
      this.#broke(error);
      throw error;
    }
    for (const one of newest) if (this.#isHeld(one)) this.#forget(one.storageIndex, one.number);
  }

  #isHeld(one: Held): boolean {
    return this.#held.get(one.storageIndex)?.get(one.number) === one;
  }

  /** After every failure but these two the journal takes nothing more. */
  #broke(error: unknown): boolean {
    const isTaken = !isFailure(error, "too-many") && !isFailure(error, "too-large");
    this.#isBroken ||= isTaken;
    return isTaken;
  }

  #notIn(filed: ReadonlySet<Held>): Held[] {
    return [...this.#held.values()].flatMap((slot) => [...slot.values()]).filter((one) => !filed.has(one));
  }

  /** A new journal in place of a broken one, when all is in files. Nothing comes meanwhile: puts wait for it. */
  async #renew(filed: ReadonlySet<Held>): Promise<void> {
    const { paths, log } = this.#options;
    await this.#journal.close();
    // What was under way when it broke has come now, if it comes.
    const { failure } = await fileShares(paths, this.#notIn(filed));
    if (failure !== undefined) throw failure;
    // As a whole: a part of it would be damage. Opening the new one makes that last.
    if (existsSync(paths.journal)) await rename(paths.journal, oldOf(paths));
    this.#journal = await openAnew(this.#options);
    log.warn("small shares are kept in a new journal", { shares: this.#count });
    this.#held.clear();
    this.#bytes = 0;
    this.#count = 0;
    this.#doubtful.clear();
    this.#isBroken = false;
  }
}

async function openOrPutAside(options: PendingOptions): Promise<Journal> {
  const { paths, log } = options;
  try {
    return await openAnew(options);
  } catch (error) {
    if (!isFailure(error, "store-damaged")) throw error;
    const aside = `${paths.journal}.damaged`;
    log.error("the journal of small shares is damaged and was put aside", { error, aside });
    await rm(aside, { recursive: true, force: true });
    await rename(paths.journal, aside);
    return openAnew(options);
  }
}

async function openAnew({ paths, clock, log, isTight }: PendingOptions): Promise<Journal> {
  await rm(oldOf(paths), { recursive: true, force: true });
  return openJournal({ folder: paths.journal, clock, log, segmentBytesMax: PENDING_SEGMENT_BYTES, isTight });
}

/** One that failed, before it is removed. */
function oldOf({ journal }: SharePaths): string {
  return `${journal}.old`;
}

function idOf(storageIndex: string, number: number): string {
  return `${storageIndex}/${number}`;
}

/** Bytes of all contents, and how many they are. */
export function sizeOf(all: ReadonlyMap<string, Containers>): { bytes: number; count: number } {
  let [bytes, count] = [0, 0];
  for (const shares of all.values()) {
    count += shares.size;
    for (const content of shares.values()) bytes += content.length;
  }
  return { bytes, count };
}
