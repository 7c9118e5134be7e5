/**
 * A file that is open for reading. A client that reads from front to back gets a stream that runs ahead of it; a jump
 * fetches just what is asked, and a stream again when the reads go on from there. Reads that come a little out of order
 * are served from what is held.
 *
 *      kept for late reads      asked for         read ahead
 *   ├──────────────────────┼─────────────────┼───────────────►
 *   from                                   wanted            to
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { filesErrors } from "../errors.ts";
import type { FileEntry, FileSystem } from "../tree/file-system.ts";
import type { SftpLimits } from "./constants.ts";

export type ReadLimits = Pick<SftpLimits, "readAheadBytes" | "readAheadTotalBytes" | "readAroundBytes" | "readIdleMs">;

/** What all open files together hold. Reading ahead stops when it is used up; what is asked for is always read. */
export class ReadAhead {
  readonly limits: ReadLimits;
  heldBytes = 0;

  constructor(limits: ReadLimits) {
    this.limits = limits;
  }

  hasRoom(): boolean {
    return this.heldBytes < this.limits.readAheadTotalBytes;
  }
}

export class ReadingFile {
  readonly entry: FileEntry;
  readonly #files: FileSystem;
  readonly #ahead: ReadAhead;
  readonly #clock: Clock;
  #window: Window | undefined;
  /** Where the last read ended. */
  #next = 0;
  #stopIdle: Cancel | undefined;

  constructor(files: FileSystem, entry: FileEntry, needs: { ahead: ReadAhead; clock: Clock }) {
    this.#files = files;
    this.entry = entry;
    this.#ahead = needs.ahead;
    this.#clock = needs.clock;
  }

  /**
   * All of the bytes asked for, fewer only where the file ends, undefined beyond. One at a time. Throws what the file
   * system throws, and `files-changed` when another content is there by now.
   */
  async read(at: number, length: number): Promise<Uint8Array | undefined> {
    if (at >= this.entry.bytes) return undefined;
    const end = Math.min(at + length, this.entry.bytes);
    this.#stopIdle?.();
    try {
      if (!this.#window?.serves(at, end)) this.#window = this.#openAt(at, end);
      const data = await this.#window.take(at, end);
      this.#next = end;
      return data;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      this.#stopIdle = this.#clock.after(this.#ahead.limits.readIdleMs, () => this.#drop());
    }
  }

  close(): void {
    this.#stopIdle?.();
    this.#drop();
  }

  #openAt(at: number, end: number): Window {
    this.#drop();
    const isSequential = at === this.#next;
    return new Window(this.#files, this.entry, { from: at, end: isSequential ? this.entry.bytes : end }, this.#ahead);
  }

  #drop(): void {
    this.#window?.close();
    this.#window = undefined;
  }
}

/** A running stream, and what of it is held. */
class Window {
  readonly #ahead: ReadAhead;
  readonly #end: number;
  readonly #stop = new AbortController();
  #pieces: Uint8Array[] = [];
  #from: number;
  #to: number;
  #wanted: number;
  #error: unknown;
  #isOver = false;
  #wakeReader: (() => void) | undefined;
  #wakePump: (() => void) | undefined;

  constructor(files: FileSystem, entry: FileEntry, range: { from: number; end: number }, ahead: ReadAhead) {
    this.#ahead = ahead;
    this.#from = range.from;
    this.#to = range.from;
    this.#wanted = range.from;
    this.#end = range.end;
    void this.#pump(files, entry).catch((error: unknown) => {
      this.#error = error;
      this.#isOver = true;
      this.#wakeReader?.();
    });
  }

  /** False for what lies so far ahead that a new stream is there sooner. */
  serves(at: number, end: number): boolean {
    return at >= this.#from && end <= this.#end && at <= this.#to + this.#ahead.limits.readAroundBytes;
  }

  async take(at: number, end: number): Promise<Uint8Array> {
    this.#wanted = Math.max(this.#wanted, end);
    this.#wakePump?.();
    while (this.#to < end) {
      if (this.#error !== undefined) throw this.#error;
      // The stream gave fewer bytes than the entry said.
      if (this.#isOver) throw filesErrors.fail("files-damaged", { params: { good: 0, needed: 0 } });
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
    const data = this.#copy(at, end);
    this.#forget(at - this.#ahead.limits.readAroundBytes);
    this.#wakePump?.();
    return data;
  }

  close(): void {
    this.#isOver = true;
    this.#error ??= new Error("closed");
    this.#stop.abort();
    this.#ahead.heldBytes -= this.#to - this.#from;
    this.#from = this.#to;
    this.#pieces = [];
    this.#wakePump?.();
    this.#wakeReader?.();
  }

  async #pump(files: FileSystem, before: FileEntry): Promise<void> {
    const { signal } = this.#stop;
    const range = { at: this.#from, length: this.#end - this.#from, signal };
    const { entry, content } = await files.read(before.path, range);
    if (entry.etag !== before.etag) throw filesErrors.fail("files-changed", { params: { path: before.path } });
    for await (const piece of content) {
      if (signal.aborted) return;
      this.#pieces.push(piece);
      this.#to += piece.length;
      this.#ahead.heldBytes += piece.length;
      this.#wakeReader?.();
      while (!this.#mayReadOn()) await new Promise<void>((resolve) => (this.#wakePump = resolve));
    }
    this.#isOver = true;
    this.#wakeReader?.();
  }

  #mayReadOn(): boolean {
    if (this.#stop.signal.aborted || this.#to < this.#wanted) return true;
    return this.#to - this.#wanted < this.#ahead.limits.readAheadBytes && this.#ahead.hasRoom();
  }

  #copy(at: number, end: number): Uint8Array {
    const data = Buffer.allocUnsafe(end - at);
    let start = this.#from;
    for (const piece of this.#pieces) {
      const [first, last] = [Math.max(at, start), Math.min(end, start + piece.length)];
      if (first < last) data.set(piece.subarray(first - start, last - start), first - at);
      start += piece.length;
      if (start >= end) break;
    }
    return data;
  }

  #forget(before: number): void {
    let gone = 0;
    for (const piece of this.#pieces) {
      if (this.#from + piece.length > before) break;
      this.#from += piece.length;
      this.#ahead.heldBytes -= piece.length;
      gone += 1;
    }
    this.#pieces.splice(0, gone);
  }
}
