/**
 * Bodies of read-test-write requests while they are looked at: small ones in memory, as long as all of these together
 * are not too much, and others in a file each, so that shares of any size are written with constant memory.
 */
import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { readSync } from "node:fs";
import { basename, join } from "node:path";
import { PRIVATE_FILE_MODE } from "../../../platform/constants.ts";
import { writeAll } from "../../../platform/files.ts";
import { MEMORY_BODIES_MAX_BYTES, MEMORY_BODY_MAX_BYTES } from "./constants.ts";
import { LyingBodies } from "./lying-bodies.ts";
import type { LyingBody } from "./lying-bodies.ts";
import type { Room } from "./room.ts";

/** The bytes of a body, wherever they are. */
export interface BodyBytes {
  readonly bytes: number;
  /** Not to be changed, and there until the body is dropped. Throws where it ends before. */
  read(at: number, length: number): Uint8Array;
}

export class WriteBodies {
  readonly #folder: string;
  readonly #lying: LyingBodies;
  /** Of those that are in memory. */
  #memoryBytes = 0;

  constructor(folder: string, room: Room) {
    this.#folder = folder;
    this.#lying = new LyingBodies(room);
  }

  /** Takes all of it. 507 when those in files are too many. The caller drops it. */
  async receive(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<WriteBody> {
    const body = new WriteBody(this.#folder, this.#lying.begin());
    try {
      for await (const piece of pieces) {
        const isSmall = body.bytes + piece.length <= MEMORY_BODY_MAX_BYTES;
        if (isSmall && this.#memoryBytes + piece.length <= MEMORY_BODIES_MAX_BYTES && !body.hasFile) {
          this.#memoryBytes += piece.length;
          body.take(piece);
        } else {
          await body.write(piece);
        }
      }
      return body;
    } catch (error) {
      await this.drop(body);
      throw error;
    }
  }

  /** One that is in memory already, as a part of what its caller holds and counts. */
  held(bytes: Uint8Array): WriteBody {
    const body = new WriteBody(this.#folder, this.#lying.begin());
    body.hold(bytes);
    return body;
  }

  /** `keepFile`: something is still to be done with it. */
  async drop(body: WriteBody, keepFile = false): Promise<void> {
    this.#memoryBytes -= body.memoryBytes;
    await body.drop(keepFile);
  }

  /** One that an earlier run left; undefined when it is not there. */
  async leftOver(name: string): Promise<FileBytes | undefined> {
    const file = await open(join(this.#folder, name), "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return file && new FileBytes(file, (await file.stat()).size);
  }
}

export class WriteBody implements BodyBytes {
  readonly #folder: string;
  /** Of its file. */
  #path = "";
  readonly #lying: LyingBody;
  #parts: Buffer[] = [];
  #file: FileHandle | undefined;
  bytes = 0;
  /** What it has taken into memory, though it may be in a file by now. */
  memoryBytes = 0;

  constructor(folder: string, lying: LyingBody) {
    this.#folder = folder;
    this.#lying = lying;
  }

  get hasFile(): boolean {
    return this.#file !== undefined;
  }

  /** Into memory; not when it has a file. */
  take(piece: Uint8Array): void {
    this.#parts.push(Buffer.from(piece));
    this.bytes += piece.length;
    this.memoryBytes += piece.length;
  }

  /** All of it, which must not change. */
  hold(bytes: Uint8Array): void {
    this.#parts = [Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)];
    this.bytes = bytes.length;
  }

  /** Into its file, with what is in memory. */
  async write(piece: Uint8Array): Promise<void> {
    const file = await this.#inFile();
    this.#lying.grow(piece.length);
    await writeAll(file.fd, piece, this.bytes);
    this.bytes += piece.length;
  }

  read(at: number, length: number): Uint8Array {
    if (this.#file) return readFrom(this.#file, at, length);
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    if (at + length > this.bytes) throw new Error("a body is read beyond its end");
    return this.#parts[0]?.subarray(at, at + length) ?? Buffer.alloc(0);
  }

  /** The name of its file, in which it is on the disk. */
  async keep(): Promise<string> {
    await (await this.#inFile()).sync();
    return basename(this.#path);
  }

  async drop(keepFile: boolean): Promise<void> {
    this.#lying.end();
    this.#parts = [];
    await this.#file?.close();
    if (this.#file && !keepFile) await rm(this.#path, { force: true });
  }

  async #inFile(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    this.#path = join(this.#folder, `${randomBytes(12).toString("hex")}.body`);
    this.#file = await open(this.#path, "wx+", PRIVATE_FILE_MODE);
    this.#lying.grow(this.bytes);
    await writeAll(this.#file.fd, Buffer.concat(this.#parts), 0);
    this.#parts = [];
    return this.#file;
  }
}

/** A body in a file that an earlier run left. */
export class FileBytes implements BodyBytes {
  readonly #file: FileHandle;
  readonly bytes: number;

  constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.bytes = bytes;
  }

  read(at: number, length: number): Uint8Array {
    return readFrom(this.#file, at, length);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function readFrom(file: FileHandle, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(file.fd, bytes, 0, length, at) < length) throw new Error("a body became shorter");
  return bytes;
}
