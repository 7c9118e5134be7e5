/**
 * Immutable shares that are being uploaded: chunks in any order, below `incoming` until the last byte is there and on
 * the disk. What was synced is noted beside the share, so that an upload goes on after the server was killed or lost
 * its power; what was not is asked for again.
 *
 *   allocated ──chunks──► all bytes there ──lease, fsync, rename, fsync──► complete
 *        └── abort, or nothing written for too long ──► gone
 *
 * A small share that comes in one request needs none of this: when all of it is there it is complete as soon as the
 * journal has it (`pending-shares.ts`).
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { syncFolder, writeAll } from "../../../platform/files.ts";
import {
  IMMUTABLE_HEADER_BYTES,
  UPLOADS_MAX,
  UPLOADS_PER_MEMBER_MAX,
  UPLOAD_CHECKPOINT_BYTES,
  UPLOAD_IDLE_MS,
  UPLOAD_RANGES_MAX,
  WHOLE_MAX_BYTES,
} from "./constants.ts";
import { immutableContainer, immutableHeader, immutableLease } from "./immutable-container.ts";
import { leaseOf } from "./leases.ts";
import type { Lease, LeaseRequest } from "./leases.ts";
import type { PendingShares } from "./pending-shares.ts";
import { RangeSet } from "./ranges.ts";
import type { Range } from "./ranges.ts";
import { refuse } from "./refusal.ts";
import { takenBytes } from "./room.ts";
import type { Room } from "./room.ts";
import { makeSlotFolder, namesIn, shareNumber, storageIndexes } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";
import { Turns } from "../../../kernel/turns.ts";
import { readUploadNote, uploadNote } from "./upload-note.ts";

export interface Upload {
  readonly storageIndex: string;
  readonly number: number;
  /** Of the share's data. */
  readonly bytes: number;
  /** SHA-256 of the upload secret. */
  readonly secret: Uint8Array;
  readonly lease: Lease;
  readonly written: RangeSet;
  /** Not yet, where it may come in one request. */
  hasFile: boolean;
  /** Written since the last note was begun. */
  unnotedBytes: number;
  /** Resolves when no note is being made: the disk takes what was written while more of it comes. */
  noted: Promise<void>;
  /** Why it had to be given up. */
  failure?: unknown;
  lastWriteMs: number;
  state: "open" | "complete" | "gone";
}

export interface NewUpload {
  storageIndex: string;
  number: number;
  bytes: number;
  secret: Uint8Array;
  lease: LeaseRequest;
}

export interface UploadsOptions {
  paths: SharePaths;
  pending: PendingShares;
  clock: Clock;
  room: Room;
}

export class Uploads {
  readonly #paths: SharePaths;
  readonly #pending: PendingShares;
  readonly #clock: Clock;
  readonly #room: Room;
  readonly #uploads = new Map<string, Upload>();
  /** How many, by the owner in their leases. */
  readonly #perOwner = new Map<number, number>();
  readonly #turns = new Turns();

  constructor({ paths, pending, clock, room }: UploadsOptions) {
    this.#paths = paths;
    this.#pending = pending;
    this.#clock = clock;
    this.#room = room;
  }

  get size(): number {
    return this.#uploads.size;
  }

  find(storageIndex: string, number: number): Upload | undefined {
    return this.#uploads.get(keyOf({ storageIndex, number }));
  }

  /** As `find`; 404 when there is none, 401 for another secret. */
  get(storageIndex: string, number: number, secret: Uint8Array): Upload {
    const upload = this.find(storageIndex, number) ?? refuse(404, "no such upload");
    if (!hasSecret(upload, secret)) refuse(401, "wrong upload secret");
    return upload;
  }

  /** Opens a share for writing; false when there are too many uploads. The caller has asked for room. */
  async begin(wish: NewUpload): Promise<boolean> {
    const ofMember = this.#perOwner.get(wish.lease.owner) ?? 0;
    if (this.#uploads.size >= UPLOADS_MAX || ofMember >= UPLOADS_PER_MEMBER_MAX) return false;
    const { storageIndex, number, bytes } = wish;
    const upload: Upload = {
      storageIndex,
      number,
      bytes,
      secret: digest(wish.secret),
      lease: leaseOf(wish.lease, 2),
      written: new RangeSet(),
      hasFile: false,
      unnotedBytes: 0,
      noted: Promise.resolve(),
      lastWriteMs: this.#clock.monotonicMs(),
      state: "open",
    };
    this.#take(upload);
    try {
      if (bytes === 0 || bytes > WHOLE_MAX_BYTES) await this.#makeFile(upload);
      if (bytes === 0) await this.#finish(upload);
    } catch (error) {
      await this.#remove(upload);
      throw error;
    }
    return true;
  }

  /**
   * Writes bytes from `first` on as they come, and says what is still missing; nothing missing means that the share is
   * complete and on the disk. 409 where other bytes stand already, 400 for a body that is not `length` long.
   */
  async write(upload: Upload, first: number, length: number, body: AsyncIterable<Uint8Array>): Promise<Range[]> {
    if (first + length > upload.bytes) refuse(416, "beyond the allocated size");
    if (!upload.hasFile) {
      if (length === upload.bytes) return this.#writeWhole(upload, body);
      await this.#turns.run(keyOf(upload), () => this.#makeFile(upload));
    }
    const file = await open(this.#path(upload), "r+").catch(() => refuse(404, "no such upload"));
    try {
      let at = first;
      for await (const piece of body) {
        if (at + piece.length > first + length) refuse(400, "the body is longer than its range");
        const begin = at;
        await this.#turns.run(keyOf(upload), () => this.#put(upload, file, begin, piece));
        at += piece.length;
        // While the disk takes one part, the next one comes, and no more than that.
        if (isNoteDue(upload)) await upload.noted;
        if (isNoteDue(upload)) upload.noted = this.#checkpoint(upload);
      }
      if (at < first + length) refuse(400, "the body is shorter than its range");
    } finally {
      await file.close();
    }
    const missing = upload.written.missing(upload.bytes);
    if (missing.length > 0) return missing;
    await upload.noted;
    if (upload.failure !== undefined) throw upload.failure;
    await this.#turns.run(keyOf(upload), () => this.#finish(upload));
    return [];
  }

  /** All of a share that was begun; false when it was under another secret, or with another size. As `write`. */
  async writeAll(storageIndex: string, number: number, secret: Uint8Array, bytes: Uint8Array): Promise<boolean> {
    const upload = this.find(storageIndex, number);
    if (!upload || !hasSecret(upload, secret) || upload.bytes !== bytes.length) return false;
    await this.write(upload, 0, bytes.length, Readable.from([bytes]));
    return true;
  }

  async #makeFile(upload: Upload): Promise<void> {
    if (upload.hasFile || upload.state !== "open") return;
    const path = this.#path(upload);
    await mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER_MODE });
    await writeFile(path, immutableHeader(upload.bytes, 0), { mode: PRIVATE_FILE_MODE });
    await this.#note(upload, []);
    upload.hasFile = true;
  }

  async #writeWhole(upload: Upload, body: AsyncIterable<Uint8Array>): Promise<Range[]> {
    const container = immutableContainer(upload.bytes, upload.lease);
    const data = container.subarray(IMMUTABLE_HEADER_BYTES, IMMUTABLE_HEADER_BYTES + upload.bytes);
    let at = 0;
    for await (const piece of body) {
      if (at + piece.length > data.length) refuse(400, "the body is longer than its range");
      data.set(piece, at);
      at += piece.length;
    }
    if (at < data.length) refuse(400, "the body is shorter than its range");
    const isWritten = await this.#turns.run(keyOf(upload), async () => {
      // Another request with a part of it was quicker: bytes that are there are compared then.
      if (upload.hasFile) return false;
      if (upload.state !== "open") refuse(404, "no such upload");
      await this.#pending.put(upload.storageIndex, new Map([[upload.number, container]]));
      upload.written.add({ begin: 0, end: upload.bytes });
      this.#room.promise(-upload.bytes);
      upload.state = "complete";
      this.#forget(upload);
      return true;
    });
    return isWritten ? [] : this.write(upload, 0, data.length, Readable.from([data]));
  }

  async abort(upload: Upload): Promise<void> {
    await this.#turns.run(keyOf(upload), async () => {
      if (upload.state === "complete") refuse(405, "the share is complete");
      await this.#remove(upload);
    });
  }

  /** Aborts uploads in which nothing was written for `UPLOAD_IDLE_MS`. */
  async dropIdle(): Promise<void> {
    const since = this.#clock.monotonicMs() - UPLOAD_IDLE_MS;
    for (const upload of [...this.#uploads.values()]) if (upload.lastWriteMs <= since) await this.abort(upload);
  }

  /** Takes up what an earlier run left. */
  async recover(): Promise<void> {
    for await (const storageIndex of storageIndexes(this.#paths.incoming)) {
      const folder = dirname(this.#paths.upload(storageIndex, 0));
      const names = await namesIn(folder);
      for (const name of names) {
        const number = shareNumber(name);
        if (number !== undefined) await this.#recoverOne(storageIndex, number);
        else if (!names.includes(name.replace(/\.note$/, ""))) await rm(join(folder, name), { force: true });
      }
    }
  }

  /** Before the server stops: what is there needs not be sent again. */
  async close(): Promise<void> {
    for (const upload of [...this.#uploads.values()]) {
      await upload.noted;
      if (upload.state === "open" && upload.unnotedBytes > 0) await this.#checkpoint(upload);
    }
  }

  /** Syncs what is written by now, and notes it. */
  async #checkpoint(upload: Upload): Promise<void> {
    const { ranges } = upload.written;
    upload.unnotedBytes = 0;
    const inTurn = (work: () => Promise<void>) => this.#turns.run(keyOf(upload), work);
    try {
      const file = await open(this.#path(upload), "r+");
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
      await inTurn(async () => {
        if (upload.state === "open") await this.#note(upload, ranges);
      });
    } catch (failure) {
      await inTurn(() => this.#giveUp(upload, failure));
    }
  }

  /** After a sync that failed nobody knows what is on the disk, and the next one says that all is well. */
  async #giveUp(upload: Upload, failure: unknown): Promise<void> {
    if (upload.state !== "open") return;
    upload.failure = failure;
    await this.#remove(upload);
  }

  async #recoverOne(storageIndex: string, number: number): Promise<void> {
    const path = this.#paths.upload(storageIndex, number);
    const facts = readUploadNote(await readFile(`${path}.note`, "utf8").catch(() => ""));
    if (!facts) {
      await rm(path, { force: true });
      await rm(`${path}.note`, { force: true });
      return;
    }
    const lastWriteMs = this.#clock.monotonicMs();
    const now = { hasFile: true, unnotedBytes: 0, noted: Promise.resolve(), lastWriteMs, state: "open" } as const;
    const upload: Upload = { ...facts, ...now, storageIndex, number };
    this.#take(upload);
    this.#room.promise(-upload.written.bytes);
    if (upload.written.missing(upload.bytes).length === 0) await this.#finish(upload);
  }

  async #put(upload: Upload, file: FileHandle, begin: number, piece: Uint8Array): Promise<void> {
    if (upload.failure !== undefined) throw upload.failure;
    if (upload.state === "gone") refuse(404, "no such upload");
    const end = begin + piece.length;
    const there = upload.written.within({ begin, end });
    for (const range of there) {
      const stored = Buffer.alloc(range.end - range.begin);
      await file.read(stored, 0, stored.length, IMMUTABLE_HEADER_BYTES + range.begin);
      if (!stored.equals(piece.subarray(range.begin - begin, range.end - begin))) {
        refuse(409, "other bytes are there already");
      }
    }
    upload.lastWriteMs = this.#clock.monotonicMs();
    for (const gap of upload.written.missing(end).filter((one) => one.end > begin)) {
      const from = Math.max(begin, gap.begin);
      await writeAll(file.fd, piece.subarray(from - begin, gap.end - begin), IMMUTABLE_HEADER_BYTES + from);
      upload.written.add({ begin: from, end: gap.end });
      upload.unnotedBytes += gap.end - from;
      this.#room.promise(from - gap.end);
    }
    if (upload.written.ranges.length > UPLOAD_RANGES_MAX) refuse(400, "too many holes in this upload");
  }

  /** Replaces the note. Not synced: an old or a torn one after a loss of power costs only sending again. */
  async #note(upload: Upload, synced: readonly Range[]): Promise<void> {
    const path = `${this.#path(upload)}.note`;
    await writeFile(`${path}.tmp`, uploadNote(upload, synced), { mode: PRIVATE_FILE_MODE });
    await rename(`${path}.tmp`, path);
  }

  async #finish(upload: Upload): Promise<void> {
    if (upload.state !== "open") return;
    const path = this.#path(upload);
    const file = await open(path, "r+");
    let folder: string;
    try {
      await writeAll(file.fd, immutableLease(upload.lease), IMMUTABLE_HEADER_BYTES + upload.bytes);
      await writeAll(file.fd, immutableHeader(upload.bytes, 1), 0);
      // Side by side, so that the file system has one commit of its journal to make of it.
      [folder] = await Promise.all([makeSlotFolder(this.#paths, upload.storageIndex), this.#sync(upload, file)]);
    } finally {
      await file.close();
    }
    await rename(path, this.#paths.share(upload.storageIndex, upload.number));
    await syncFolder(folder);
    upload.state = "complete";
    this.#forget(upload);
    await rm(`${path}.note`, { force: true });
  }

  async #sync(upload: Upload, file: FileHandle): Promise<void> {
    try {
      await file.sync();
    } catch (failure) {
      await this.#giveUp(upload, failure);
      throw failure;
    }
  }

  async #remove(upload: Upload): Promise<void> {
    if (upload.state !== "open") return;
    upload.state = "gone";
    this.#forget(upload);
    this.#room.count(upload.lease.owner, -takenBytes(upload.bytes));
    this.#room.promise(upload.written.bytes - upload.bytes);
    const path = this.#path(upload);
    await rm(path, { force: true });
    await rm(`${path}.note`, { force: true });
  }

  #take(upload: Upload): void {
    this.#uploads.set(keyOf(upload), upload);
    this.#perOwner.set(upload.lease.owner, (this.#perOwner.get(upload.lease.owner) ?? 0) + 1);
    this.#room.count(upload.lease.owner, takenBytes(upload.bytes));
    this.#room.promise(upload.bytes);
  }

  #forget(upload: Upload): void {
    this.#uploads.delete(keyOf(upload));
    const left = (this.#perOwner.get(upload.lease.owner) ?? 1) - 1;
    if (left > 0) this.#perOwner.set(upload.lease.owner, left);
    else this.#perOwner.delete(upload.lease.owner);
  }

  #path(upload: Upload): string {
    return this.#paths.upload(upload.storageIndex, upload.number);
  }
}

export function hasSecret(upload: Upload, secret: Uint8Array): boolean {
  return timingSafeEqual(upload.secret, digest(secret));
}

/** What completes a share is synced with it. */
function isNoteDue({ state, unnotedBytes, written, bytes }: Upload): boolean {
  return state === "open" && unnotedBytes >= UPLOAD_CHECKPOINT_BYTES && written.bytes < bytes;
}

function keyOf({ storageIndex, number }: { storageIndex: string; number: number }): string {
  return `${storageIndex}/${number}`;
}

function digest(secret: Uint8Array): Buffer {
  return createHash("sha256").update(secret).digest();
}
