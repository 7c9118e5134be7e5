/**
 * Where content waits on its way into the grid: small content in memory, the rest in a private folder, sealed with a
 * key of its own, so that neither the disk nor a backup of it holds anybody's files. What comes in pieces and must
 * outlive a crash (`uploads.ts`) has its key in the database; the keys of single writes die with the process.
 */
import { mkdir, open, readdir, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { KEY_BYTES } from "../../../protocols/grid/constants.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { Random } from "../../../kernel/random.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { asDiskFailure, freeBytes, syncFolder, writeAll } from "../../../platform/files.ts";
import { release } from "../../../platform/memory.ts";
import { filesErrors } from "../errors.ts";
import type { Content } from "../grid/grid.ts";
import {
  IN_MEMORY_ALL_MAX_BYTES,
  IN_MEMORY_MAX_BYTES,
  SPOOL_PART_BYTES,
  SPOOL_ROOM_EVERY_BYTES,
  SPOOL_ROOM_KEPT_BYTES,
  UPLOAD_MAX_BYTES,
} from "./constants.ts";

/** Content that was taken in. */
export interface Taken extends Content {
  /** Forgets it. */
  dispose(): Promise<void>;
}

export interface SpoolNeeds {
  /** Of its own; made when it is not there. */
  folder: string;
  crypto: GridCrypto;
  random: Random;
  /** Bytes that may still be written there: the disk's, unless a test says otherwise. */
  freeBytes?: () => Promise<number>;
}

/** A name that no upload has. */
const SINGLE = "once-";

export class Spool {
  readonly #folder: string;
  readonly #crypto: GridCrypto;
  readonly #random: Random;
  readonly #freeBytes: () => Promise<number>;
  #inMemoryBytes = 0;
  /** Bytes that uploads were promised and have not sent yet. */
  #promisedBytes = 0;

  constructor({ folder, crypto, random, freeBytes: free }: SpoolNeeds) {
    this.#folder = folder;
    this.#crypto = crypto;
    this.#random = random;
    this.#freeBytes = free ?? (() => freeBytes(folder));
  }

  /** Makes the folder, and removes what no upload of `known` needs any more. */
  async open(known: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
    for (const name of await readdir(this.#folder)) if (!known.has(name)) await rm(this.#path(name), { force: true });
  }

  newKey(): Uint8Array {
    return this.#random.bytes(KEY_BYTES);
  }

  /** In memory while it is small and there is room for that. Throws `files-spool-full`, `files-too-large`. */
  async take(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Taken> {
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    let file: SpoolFile | undefined;
    const release = () => {
      this.#inMemoryBytes -= heldBytes;
      heldBytes = 0;
      held = [];
    };
    try {
      for await (const piece of content) {
        signal?.throwIfAborted();
        if (!file && fits(heldBytes, piece.length, this.#inMemoryBytes)) {
          // A copy: whoever sends it may use the buffer again.
          held.push(new Uint8Array(piece));
          heldBytes += piece.length;
          this.#inMemoryBytes += piece.length;
          continue;
        }
        if (!file) {
          file = await this.#single();
          for (const one of held) await file.write(one);
          release();
        }
        await file.write(piece);
      }
      signal?.throwIfAborted();
    } catch (error) {
      release();
      await file?.dispose();
      throw error;
    }
    if (file) return file.taken();
    const bytes = Buffer.concat(held);
    held = [];
    return {
      bytes: bytes.length,
      async *read(at = 0) {
        for (let from = at; from < bytes.length; from += SPOOL_PART_BYTES) {
          yield bytes.subarray(from, Math.min(bytes.length, from + SPOOL_PART_BYTES));
        }
      },
      dispose: async () => release(),
    };
  }

  /** Keeps room for an upload. Throws `files-spool-full`. `release` with what is no longer needed of it. */
  async promise(bytes: number): Promise<void> {
    // Counted before it is looked at, so that two that come together do not both get the last room.
    this.#promisedBytes += bytes;
    if ((await this.#freeBytes()) - this.#promisedBytes >= SPOOL_ROOM_KEPT_BYTES) return;
    this.#promisedBytes -= bytes;
    throw filesErrors.fail("files-spool-full");
  }

  /** The same for what was promised before a restart. */
  reserve(bytes: number): void {
    this.#promisedBytes += bytes;
  }

  release(bytes: number): void {
    this.#promisedBytes -= bytes;
  }

  /** An upload's file, new or as it was left. */
  async openFile(name: string, key: Uint8Array): Promise<SpoolFile> {
    return SpoolFile.open({ path: this.#path(name), key, crypto: this.#crypto, folder: this.#folder });
  }

  async removeFile(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  async #single(): Promise<SpoolFile> {
    const name = SINGLE + encodeBase32(this.#random.bytes(15));
    const file = await this.openFile(name, this.newKey());
    file.checkRoom = async () => {
      if ((await this.#freeBytes()) - this.#promisedBytes < SPOOL_ROOM_KEPT_BYTES) {
        throw filesErrors.fail("files-spool-full");
      }
    };
    return file;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function fits(heldBytes: number, more: number, allBytes: number): boolean {
  return heldBytes + more <= IN_MEMORY_MAX_BYTES && allBytes + more <= IN_MEMORY_ALL_MAX_BYTES;
}

interface SpoolFileParts {
  path: string;
  folder: string;
  key: Uint8Array;
  crypto: GridCrypto;
}

/** A sealed file: what is at a byte of it can be read and written there and nowhere else (AES in counter mode). */
export class SpoolFile {
  readonly #parts: SpoolFileParts;
  readonly #handle: FileHandle;
  #bytes = 0;
  #lookAgainAt = 0;
  checkRoom: (() => Promise<void>) | undefined;

  private constructor(parts: SpoolFileParts, handle: FileHandle) {
    this.#parts = parts;
    this.#handle = handle;
  }

  static async open(parts: SpoolFileParts): Promise<SpoolFile> {
    try {
      const handle = await open(parts.path, "a+", PRIVATE_FILE_MODE).then(async (made) => {
        await made.close();
        return open(parts.path, "r+");
      });
      return new SpoolFile(parts, handle);
    } catch (error) {
      throw asSpoolFailure(error);
    }
  }

  /** Behind what was written before. */
  async write(piece: Uint8Array): Promise<void> {
    if (this.#bytes + piece.length > UPLOAD_MAX_BYTES) {
      throw filesErrors.fail("files-too-large", { params: { limit: UPLOAD_MAX_BYTES } });
    }
    if (this.checkRoom && this.#bytes >= this.#lookAgainAt) {
      await this.checkRoom();
      this.#lookAgainAt = this.#bytes + SPOOL_ROOM_EVERY_BYTES;
    }
    await this.#put(piece, this.#bytes);
    this.#bytes += piece.length;
  }

  /** The same, and on the disk when it resolves. */
  async writeDurably(piece: Uint8Array, at: number): Promise<void> {
    await this.#put(piece, at);
    try {
      await this.#handle.sync();
      if (at === 0) await syncFolder(this.#parts.folder);
    } catch (error) {
      throw asSpoolFailure(error);
    }
  }

  taken(bytes = this.#bytes): Taken {
    return { bytes, read: (at = 0) => this.#read(at, bytes), dispose: () => this.dispose() };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async dispose(): Promise<void> {
    await this.#handle.close();
    await rm(this.#parts.path, { force: true });
  }

  async #put(piece: Uint8Array, at: number): Promise<void> {
    try {
      for (let done = 0; done < piece.length; done += SPOOL_PART_BYTES) {
        const part = piece.subarray(done, done + SPOOL_PART_BYTES);
        const sealed = this.#parts.crypto.aesCtr(this.#parts.key, part, at + done);
        await writeAll(this.#handle.fd, sealed, at + done);
        release(sealed);
      }
    } catch (error) {
      throw asSpoolFailure(error);
    }
  }

  async *#read(from: number, end: number): AsyncGenerator<Uint8Array> {
    const sealed = Buffer.allocUnsafeSlow(Math.min(SPOOL_PART_BYTES, Math.max(0, end - from)));
    for (let at = from; at < end;) {
      const { bytesRead } = await this.#handle.read(sealed, 0, Math.min(sealed.length, end - at), at);
      if (bytesRead === 0) throw filesErrors.fail("files-upload-unknown");
      const piece = sealed.subarray(0, bytesRead);
      this.#parts.crypto.aesCtrInPlace(this.#parts.key, piece, at);
      yield piece;
      at += bytesRead;
    }
  }
}

function asSpoolFailure(error: unknown): unknown {
  const failure = asDiskFailure(error);
  return isFailure(failure, "disk-full") ? filesErrors.fail("files-spool-full", { cause: error }) : failure;
}
