/**
 * A file that is open for writing. Everything goes to a spool, because a client may write anywhere at any time until it
 * closes. As long as it writes from front to back, storing begins while the bytes come and runs behind them; a write to
 * what has been handed on already breaks that off, and all is stored at the end.
 *
 *   waiting ── enough, in order ──► following ──┐
 *      │                               │ a write into what was handed on, or beyond the end
 *      │                               ▼
 *      └───────────────────────────► spooled ──► stored at CLOSE or fsync, or given up
 *
 * Until then the file system shows what was there before. What goes wrong with storing is the answer to CLOSE.
 */
import { filesErrors } from "../errors.ts";
import type { FileEntry, FileSystem, WriteOptions } from "../tree/file-system.ts";
import type { Shown } from "./attributes.ts";
import type { SpoolRoom } from "./spool.ts";
import { Spool } from "./spool.ts";

/** What storing takes at once from what is there. */
const PIECE_BYTES = 2 ** 18;

export interface WritingOptions {
  path: string;
  /** What is there now; its content counts unless `truncate`. */
  before: FileEntry | undefined;
  truncate: boolean;
  /** It must not be there when it is stored. */
  exclusive: boolean;
  /** All writes go to the end. */
  append: boolean;
}

interface Following {
  stored: Promise<FileEntry>;
  /** Bytes that were handed on. */
  passed: number;
  isWhole: boolean;
  /** Storing has ended early. */
  error: unknown;
  stop: AbortController;
  wake: (() => void) | undefined;
}

export class WritingFile {
  path: string;
  readonly #files: FileSystem;
  readonly #options: WritingOptions;
  readonly #spool: Spool;
  readonly #memoryBytes: number;
  readonly #openedMs: number;
  /** Its content is not in the spool yet. */
  #base: FileEntry | undefined;
  #ifEtag: string | undefined;
  #mode: "new" | "replace";
  #isDirty: boolean;
  #mayFollow = true;
  #following: Following | undefined;
  /** Bytes of the spool that are written; storing follows up to here. */
  #ready = 0;
  #modifiedMs: number | undefined;
  #isRemoved = false;
  #hasGap = false;

  constructor(files: FileSystem, room: SpoolRoom, options: WritingOptions, nowMs: number) {
    this.path = options.path;
    this.#files = files;
    this.#options = options;
    this.#spool = new Spool(room);
    this.#memoryBytes = room.limits.spoolMemoryBytes;
    this.#openedMs = nowMs;
    this.#base = options.truncate ? undefined : options.before;
    this.#ifEtag = this.#base?.etag;
    this.#mode = options.exclusive ? "new" : "replace";
    this.#isDirty = this.#base === undefined;
  }

  /** Whether the file system has something at this path, too. */
  get isNew(): boolean {
    return this.#options.before === undefined;
  }

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  shown(): Shown {
    const bytes = this.#base ? this.#base.bytes : this.#ready;
    return { kind: "file", bytes, modifiedMs: this.#modifiedMs ?? this.#openedMs, canWrite: true };
  }

  async read(at: number, length: number): Promise<Uint8Array | undefined> {
    await this.#fill();
    return at >= this.#ready ? undefined : await this.#spool.read(at, Math.min(length, this.#ready - at));
  }

  /** Throws `files-too-large`, `files-spool-full`, and what storing has met by now. */
  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.#fill();
    const at = this.#options.append ? this.#ready : offset;
    if (this.#following?.error !== undefined) throw this.#following.error;
    if (at > this.#ready) this.#hasGap = true;
    if (at > this.#ready || (this.#following && at < this.#following.passed)) await this.#stopFollowing();
    this.#isDirty = true;
    await this.#spool.write(at, data);
    this.#ready = Math.max(this.#ready, at + data.length);
    if (this.#following) this.#following.wake?.();
    else if (this.#mayFollow && this.#ready > this.#memoryBytes) this.#follow();
  }

  async truncate(bytes: number): Promise<void> {
    if (bytes === 0) this.#base = undefined;
    await this.#fill();
    if (bytes === this.#ready && this.#isDirty) return;
    await this.#stopFollowing();
    this.#isDirty = true;
    if (bytes < this.#ready) this.#ready = bytes;
    await this.#spool.truncate(bytes);
    this.#ready = bytes;
  }

  setModified(modifiedMs: number): void {
    this.#modifiedMs = modifiedMs;
  }

  /** It has another name now; `moved` is what was moved in the file system. Storing under the old one is broken off. */
  async moveTo(path: string, moved: FileEntry | undefined): Promise<void> {
    await this.#stopFollowing();
    this.path = path;
    if (this.#base && moved) this.#base = moved;
    if (this.#ifEtag !== undefined) this.#ifEtag = moved?.etag;
  }

  /** Somebody has removed it: its bytes go when it is closed, as in Unix. */
  async removed(): Promise<void> {
    this.#isRemoved = true;
    await this.#stopFollowing();
  }

  /** What is there so far is in the grid afterwards. Throws what the file system throws. */
  async store(signal: AbortSignal): Promise<void> {
    if (this.#isRemoved) return;
    if (!this.#isDirty) return await this.#keepTime();
    const modifiedMs = this.#modifiedMs;
    const following = this.#following;
    this.#following = undefined;
    this.#mayFollow = false;
    let entry: FileEntry;
    if (following) {
      following.isWhole = true;
      following.wake?.();
      const giveUp = () => following.stop.abort(signal.reason);
      signal.addEventListener("abort", giveUp, { once: true });
      if (signal.aborted) giveUp();
      entry = await following.stored.finally(() => signal.removeEventListener("abort", giveUp));
    } else entry = await this.#files.write(this.path, this.#spool.pieces(), this.#writeOptions(signal));
    this.#isDirty = false;
    // From now on this is what is there, and what may not have changed at the next time.
    this.#mode = "replace";
    if (this.#ifEtag !== undefined || this.#options.exclusive) this.#ifEtag = entry.etag;
    if (modifiedMs === undefined || entry.modifiedMs === modifiedMs) this.#modifiedMs = undefined;
    await this.#keepTime();
  }

  /** CLOSE. Throws what storing throws; the spool is gone either way. */
  async close(signal: AbortSignal): Promise<void> {
    try {
      await this.store(signal);
    } finally {
      await this.#discard();
    }
  }

  /**
   * The client is gone without CLOSE. A file that is new is kept as far as it came, because clients go on there
   * (`reput`); what was there before is left alone.
   */
  async abandon(signal: AbortSignal): Promise<void> {
    const isWorth = this.isNew && !this.#isRemoved && !this.#hasGap && this.#ready > 0 && this.#isDirty;
    if (isWorth) await this.close(signal);
    else await this.#discard();
  }

  #writeOptions(signal: AbortSignal): WriteOptions {
    const options: WriteOptions = { mode: this.#mode, signal };
    if (this.#ifEtag !== undefined) options.ifEtag = this.#ifEtag;
    if (this.#modifiedMs !== undefined) options.modifiedMs = this.#modifiedMs;
    return options;
  }

  async #keepTime(): Promise<void> {
    const modifiedMs = this.#modifiedMs;
    if (modifiedMs === undefined) return;
    this.#modifiedMs = undefined;
    await this.#files.change(this.path, { modifiedMs });
  }

  async #discard(): Promise<void> {
    await this.#stopFollowing();
    await this.#spool.close();
  }

  /** Brings what was there into the spool, before it is changed or read. */
  async #fill(): Promise<void> {
    const base = this.#base;
    if (!base) return;
    const { entry, content } = await this.#files.read(base.path);
    if (entry.etag !== base.etag) throw filesErrors.fail("files-changed", { params: { path: base.path } });
    let at = 0;
    for await (const piece of content) {
      await this.#spool.write(at, piece);
      at += piece.length;
    }
    this.#ready = at;
    this.#base = undefined;
  }

  #follow(): void {
    const following: Following = {
      passed: 0,
      isWhole: false,
      error: undefined,
      stop: new AbortController(),
      wake: undefined,
      stored: undefined as never,
    };
    this.#following = following;
    const options = this.#writeOptions(following.stop.signal);
    following.stored = this.#files.write(this.path, this.#followed(following), options);
    // Who stores at the end hears it; whoever writes on meanwhile meets it at the next write.
    following.stored.catch((error: unknown) => (following.error = error));
  }

  async *#followed(following: Following): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      following.stop.signal.throwIfAborted();
      const length = Math.min(this.#ready - following.passed, PIECE_BYTES);
      // Small pieces only at the end: each one costs a turn of everything behind it.
      if (length === PIECE_BYTES || (following.isWhole && length > 0)) {
        const at = following.passed;
        following.passed += length;
        yield await this.#spool.read(at, length);
      } else if (following.isWhole) return;
      else await new Promise<void>((resolve) => (following.wake = resolve));
    }
  }

  /** Nothing of it is seen afterwards: all is stored anew at the end. */
  async #stopFollowing(): Promise<void> {
    this.#mayFollow = false;
    const following = this.#following;
    if (!following) return;
    this.#following = undefined;
    following.stop.abort();
    following.wake?.();
    await following.stored.catch(() => {});
  }
}
