/**
 * What a client has written to an open file, at any offset and in any order, until it is stored: a little in memory,
 * more in a file that has no name any more as soon as it is open, so that nothing of it stays when the box dies.
 */
import { randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, unlink } from "node:fs/promises";
import path from "node:path";
import { fail } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import type { SftpLimits } from "./constants.ts";

/** What is handed on at once. */
const PIECE_BYTES = 2 ** 18;
const LEAST_BYTES = 4096;

export type SpoolLimits = Pick<
  SftpLimits,
  "spoolMemoryBytes" | "spoolMemoryTotalBytes" | "spoolFilesMax" | "spoolFileMaxBytes" | "spoolTotalMaxBytes"
>;

/** The folder, and how much all spools together hold. */
export class SpoolRoom {
  readonly folder: string;
  readonly limits: SpoolLimits;
  #usedBytes = 0;
  #memoryBytes = 0;
  #files = 0;

  constructor(folder: string, limits: SpoolLimits) {
    this.folder = folder;
    this.limits = limits;
  }

  usedBytes(): number {
    return this.#usedBytes;
  }

  /** False: no more in memory. Negative gives back. */
  hold(bytes: number): boolean {
    if (bytes > 0 && this.#memoryBytes + bytes > this.limits.spoolMemoryTotalBytes) return false;
    this.#memoryBytes += bytes;
    return true;
  }

  /** Throws `files-too-many`. */
  opened(): void {
    const { spoolFilesMax } = this.limits;
    if (this.#files >= spoolFilesMax) throw filesErrors.fail("files-too-many", { params: { limit: spoolFilesMax } });
    this.#files += 1;
  }

  closed(): void {
    this.#files -= 1;
  }

  /** Throws `files-spool-full`. Negative gives back. */
  take(bytes: number): void {
    if (bytes > 0 && this.#usedBytes + bytes > this.limits.spoolTotalMaxBytes)
      throw filesErrors.fail("files-spool-full");
    this.#usedBytes += bytes;
  }
}

export class Spool {
  readonly #room: SpoolRoom;
  #memory: Buffer = Buffer.alloc(0);
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(room: SpoolRoom) {
    this.#room = room;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What lies between the end and `at` is zeros. Throws `files-too-large`, `files-spool-full`. One at a time. */
  async write(at: number, data: Uint8Array): Promise<void> {
    await this.#grow(Math.max(this.#bytes, at + data.length));
    if (this.#file) {
      for (let done = 0; done < data.length;) {
        const { bytesWritten } = await this.#file.write(data, done, data.length - done, at + done).catch(asFull);
        done += bytesWritten;
      }
    } else this.#memory.set(data, at);
    this.#bytes = Math.max(this.#bytes, at + data.length);
  }

  /** Fewer bytes where it ends. */
  async read(at: number, length: number): Promise<Buffer> {
    const wanted = Math.max(Math.min(length, this.#bytes - at), 0);
    if (!this.#file) return Buffer.from(this.#memory.subarray(at, at + wanted));
    const data = Buffer.alloc(wanted);
    for (let done = 0; done < wanted;) {
      const { bytesRead } = await this.#file.read(data, done, wanted - done, at + done);
      // A hole at the end of the file: zeros, which is what is there.
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return data;
  }

  async truncate(bytes: number): Promise<void> {
    await this.#grow(bytes);
    if (bytes < this.#bytes) {
      if (this.#file) await this.#file.truncate(bytes);
      else this.#memory.fill(0, bytes, this.#bytes);
      this.#room.take(bytes - this.#bytes);
    }
    this.#bytes = bytes;
  }

  /** All of it, as it is while it is read. */
  async *pieces(): AsyncGenerator<Uint8Array, void, void> {
    for (let at = 0; at < this.#bytes;) {
      const piece = await this.read(at, PIECE_BYTES);
      at += piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    this.#room.take(-this.#bytes);
    this.#bytes = 0;
    this.#dropMemory();
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    this.#room.closed();
    await file.close();
  }

  async #grow(bytes: number): Promise<void> {
    const { spoolFileMaxBytes } = this.#room.limits;
    if (bytes > spoolFileMaxBytes) throw filesErrors.fail("files-too-large", { params: { limit: spoolFileMaxBytes } });
    if (bytes <= this.#bytes) return;
    this.#room.take(bytes - this.#bytes);
    try {
      if (!this.#file && !this.#growMemory(bytes)) await this.#toFile();
    } catch (error) {
      this.#room.take(this.#bytes - bytes);
      throw error;
    }
    // Counted once, also when the write itself fails: `close` gives back what `bytes` says.
    this.#bytes = bytes;
  }

  /** False when it has to go to a file. */
  #growMemory(bytes: number): boolean {
    const { spoolMemoryBytes } = this.#room.limits;
    if (bytes <= this.#memory.length) return true;
    if (bytes > spoolMemoryBytes) return false;
    const length = Math.min(Math.max(2 * this.#memory.length, bytes, LEAST_BYTES), spoolMemoryBytes);
    if (!this.#room.hold(length - this.#memory.length)) return false;
    const larger = Buffer.alloc(length);
    larger.set(this.#memory);
    this.#memory = larger;
    return true;
  }

  #dropMemory(): void {
    this.#room.hold(-this.#memory.length);
    this.#memory = Buffer.alloc(0);
  }

  async #toFile(): Promise<void> {
    this.#room.opened();
    try {
      this.#file = await this.#openFile();
    } catch (error) {
      this.#room.closed();
      throw error;
    }
    this.#dropMemory();
  }

  async #openFile(): Promise<FileHandle> {
    await mkdir(this.#room.folder, { recursive: true, mode: 0o700 });
    const name = path.join(this.#room.folder, `sftp-${randomUUID()}`);
    const file = await open(name, "wx+", 0o600).catch(asFull);
    try {
      await unlink(name);
      if (this.#bytes > 0) await file.write(this.#memory, 0, this.#bytes, 0).catch(asFull);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

function asFull(error: NodeJS.ErrnoException): never {
  throw error.code === "ENOSPC" || error.code === "EDQUOT"
    ? filesErrors.fail("files-spool-full", { cause: error })
    : fail("storage-failed", { cause: error });
}
