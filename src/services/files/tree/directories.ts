/**
 * Directories in the grid, read and changed by their caps. What was read is kept for a moment, and own writes are known
 * at once. A directory is written as a whole at each change, so changes that come while a write is under way go
 * together into the next one: a thousand files dropped into one folder are some dozens of writes.
 *
 *   idle ──change──► gathering ──no more announced, or time over──► writing ──► idle, or gathering what came meanwhile
 */
import type { Clock } from "../../../kernel/clock.ts";
import { nextTurn } from "../../../kernel/clock.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { formatCap, isWritable, readCapOf, storageIndexOf } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap, KnownCap } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import { Directory } from "../../../protocols/grid/directory.ts";
import type { DirectoryAccess } from "../../../protocols/grid/directory.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { filesErrors } from "../errors.ts";
import type { Draft, Drafts } from "../grid/draft.ts";
import type { Grid } from "../grid/grid.ts";
import {
  FOLDER_CACHE_BYTES,
  FOLDER_CACHE_MAX,
  FOLDER_FRESH_MS,
  FOLDER_PAUSE_ENTRIES,
  FOLDER_READ_MAX_BYTES,
} from "./constants.ts";
import { FolderWrites } from "./folder-writes.ts";
import type { ChangeOptions } from "./folder-writes.ts";

/** A directory as it was found. It does not change any more: a newer one is another object. */
export interface Folder {
  readonly cap: DirectoryCap;
  /** The same for every cap of the same directory. */
  readonly key: string;
  readonly canWrite: boolean;
  /** Counts its writes; 0 for what never changes. */
  readonly sequence: bigint;
  /** To be read only; `copy()` is for changes. */
  readonly directory: Directory;
}

interface Cached {
  folder: Folder;
  content: Uint8Array;
  /** Monotonic; Infinity for what never changes. */
  freshUntilMs: number;
}

export interface DirectoriesNeeds {
  grid: Grid;
  crypto: GridCrypto;
  clock: Clock;
}

export class Directories {
  readonly #grid: Grid;
  readonly #crypto: GridCrypto;
  readonly #clock: Clock;
  /** By the text of the cap, the one used longest ago first. */
  readonly #cache = new Map<string, Cached>();
  #cachedBytes = 0;
  readonly #reading = new Map<string, Promise<Folder>>();
  readonly #writes = new Map<string, FolderWrites>();

  constructor({ grid, crypto, clock }: DirectoriesNeeds) {
    this.#grid = grid;
    this.#crypto = crypto;
    this.#clock = clock;
  }

  /** What is there now, or was a moment ago. Throws `files-bad-cap` when it is none, and what the grid throws. */
  read(cap: DirectoryCap, options: { fresh?: boolean } = {}): Promise<Folder> {
    const text = formatCap(cap);
    const cached = this.#cache.get(text);
    if (cached && !(options.fresh === true && cached.folder.sequence > 0n)) {
      if (this.#clock.monotonicMs() < cached.freshUntilMs) {
        this.#keep(text, cached);
        return Promise.resolve(cached.folder);
      }
    }
    const underWay = this.#reading.get(text);
    if (underWay) return underWay;
    const reading = this.#fetch(cap, text).finally(() => this.#reading.delete(text));
    this.#reading.set(text, reading);
    return reading;
  }

  /** A new one that is empty; the cap can write. */
  async create(signal?: AbortSignal): Promise<DirectoryCap> {
    const file = await this.#grid.createMutable("sdmf", new Uint8Array(0), signal && { signal });
    const cap = directoryOf(file);
    this.#takeNew(cap);
    return cap;
  }

  /**
   * A new one that may go with the change that links to it; where that cannot be, it is stored already. Say `made` when
   * the change is done.
   */
  async draft(): Promise<{ cap: DirectoryCap; draft: Draft | undefined }> {
    const draft = await this.#grid.draftMutable(new Uint8Array(0));
    return draft ? { cap: directoryOf(draft.cap), draft } : { cap: await this.create(), draft };
  }

  /** A draft was stored with its change. */
  made(cap: DirectoryCap): void {
    if (!this.#cache.has(formatCap(cap))) this.#takeNew(cap);
  }

  /**
   * Changes it together with what else is to be changed in it, and resolves when that is stored. `apply` may be called
   * several times, each time with the newest content; the last result counts. If it throws, it must have changed
   * nothing; that is thrown here, and the others' changes go on. So they do when its draft cannot be stored.
   */
  change<T>(
    cap: DirectoryCap,
    apply: (directory: Directory) => T,
    options: ChangeOptions = {},
  ): Promise<{ result: T; folder: Folder }> {
    return this.#writesOf(cap).change(apply, options);
  }

  /** Says that a change comes soon: others wait for it a moment. Call what it gives right before, or instead. */
  announce(cap: DirectoryCap): () => void {
    this.prepare(cap);
    return this.#writesOf(cap).announce();
  }

  /** What a change must know first is asked now, while whoever makes it has something else to do. */
  prepare(cap: DirectoryCap): void {
    if (cap.file.kind === "mutable-write") void this.#grid.prepareMutable(cap.file);
  }

  keyOf(cap: DirectoryCap): string {
    const index = storageIndexOf(this.#crypto, cap);
    return index ? encodeBase32(index) : encodeBase32(this.#crypto.sha256(Buffer.from(formatCap(cap))));
  }

  async #fetch(cap: DirectoryCap, text: string): Promise<Folder> {
    const { content, sequence } = await this.#contentOf(cap);
    const cached = this.#cache.get(text);
    // A write of our own may have overtaken the reading.
    if (cached && cached.folder.sequence > sequence) return cached.folder;
    if (cached && isSame(cached.content, content) && cached.folder.sequence === sequence) {
      cached.freshUntilMs = this.#clock.monotonicMs() + FOLDER_FRESH_MS;
      return cached.folder;
    }
    const directory = await this.#parseInSteps(cap, content);
    const written = this.#cache.get(text)?.folder;
    return written && written.sequence > sequence ? written : this.#take(cap, { content, sequence, directory });
  }

  async #contentOf(cap: DirectoryCap): Promise<{ content: Uint8Array; sequence: bigint }> {
    const { file } = cap;
    if (file.kind === "mutable-read" || file.kind === "mutable-write") return this.#grid.readMutable(file);
    if (file.kind !== "lit" && file.kind !== "chk") throw filesErrors.fail("files-bad-cap");
    if ((this.#grid.sizeOf(file) ?? 0) > FOLDER_READ_MAX_BYTES) {
      throw filesErrors.fail("files-too-large", { params: { limit: FOLDER_READ_MAX_BYTES } });
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#grid.download(file)) pieces.push(piece);
    return { content: Buffer.concat(pieces), sequence: 0n };
  }

  #parse(cap: DirectoryCap, content: Uint8Array): Directory {
    try {
      return Directory.read(this.#crypto, this.#accessOf(cap), content);
    } catch (cause) {
      throw asBadCap(cause);
    }
  }

  /** A large one takes long: others' work goes in between. */
  async #parseInSteps(cap: DirectoryCap, content: Uint8Array): Promise<Directory> {
    try {
      const reading = Directory.readInSteps(this.#crypto, this.#accessOf(cap), content, FOLDER_PAUSE_ENTRIES);
      for (;;) {
        const step = reading.next();
        if (step.done) return step.value;
        await nextTurn();
      }
    } catch (cause) {
      throw asBadCap(cause);
    }
  }

  #accessOf({ file }: DirectoryCap): DirectoryAccess {
    if (file.kind === "mutable-write") return { kind: "mutable", writeKey: file.writeKey };
    return { kind: file.kind === "mutable-read" ? "mutable" : "immutable" };
  }

  /** One that was just made. */
  #takeNew(cap: DirectoryCap): void {
    const directory = new Directory(this.#crypto, this.#accessOf(cap));
    this.#take(cap, { content: new Uint8Array(0), sequence: 1n, directory });
  }

  #take(cap: DirectoryCap, found: { content: Uint8Array; sequence: bigint; directory: Directory }): Folder {
    const { content, sequence, directory } = found;
    const folder = { cap, key: this.keyOf(cap), canWrite: isWritable(cap), sequence, directory };
    const freshUntilMs = sequence === 0n ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + FOLDER_FRESH_MS;
    this.#keep(formatCap(cap), { folder, content, freshUntilMs });
    return folder;
  }

  #keep(text: string, cached: Cached): void {
    this.#drop(text);
    this.#cache.set(text, cached);
    this.#cachedBytes += cached.content.length;
    for (const oldest of this.#cache.keys()) {
      if (this.#cachedBytes <= FOLDER_CACHE_BYTES && this.#cache.size <= FOLDER_CACHE_MAX) break;
      this.#drop(oldest);
    }
  }

  #drop(text: string): void {
    this.#cachedBytes -= this.#cache.get(text)?.content.length ?? 0;
    this.#cache.delete(text);
  }

  #writesOf(cap: DirectoryCap): FolderWrites {
    const text = formatCap(cap);
    const known = this.#writes.get(text);
    if (known) return known;
    const writes = new FolderWrites({
      clock: this.#clock,
      write: (applyAll, drafts) => this.#write(cap, text, applyAll, drafts),
      whenIdle: () => {
        if (this.#writes.get(text) === writes) this.#writes.delete(text);
      },
    });
    this.#writes.set(text, writes);
    return writes;
  }

  async #write(
    cap: DirectoryCap,
    text: string,
    applyAll: (directory: Directory) => void,
    drafts: Drafts | undefined,
  ): Promise<Folder> {
    if (!isWritable(cap)) throw filesErrors.fail("files-read-only");
    let directory = new Directory(this.#crypto, this.#accessOf(cap));
    try {
      const apply = (before: Uint8Array) => {
        const cached = this.#cache.get(text);
        const isKnown = cached !== undefined && isSame(cached.content, before);
        directory = isKnown ? cached.folder.directory.copy() : this.#parse(cap, before);
        applyAll(directory);
        const after = directory.write();
        return isSame(before, after) ? undefined : after;
      };
      const { content, sequence } = await this.#grid.modifyMutable(cap.file, apply, drafts && { drafts });
      // Who reads it with the weaker cap looks again, too.
      this.#drop(formatCap(readCapOf(this.#crypto, cap)!));
      return this.#take(cap, { content, sequence, directory });
    } catch (error) {
      // What stands there now is not known.
      this.#drop(text);
      throw error;
    }
  }
}

function directoryOf(file: KnownCap): DirectoryCap {
  if (file.kind !== "mutable-write") throw new Error(`a new mutable file with a cap that is ${file.kind}`);
  return { kind: "directory", file };
}

function asBadCap(cause: unknown): unknown {
  return cause instanceof GridError ? filesErrors.fail("files-bad-cap", { cause }) : cause;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
