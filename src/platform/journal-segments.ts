/**
 * The files of a journal: making one ahead of its use, writing so that it is on the disk, reading it frame by frame,
 * and the lock of their folder. A file has its name only once it is whole, so its header is never torn.
 */
import { randomBytes } from "node:crypto";
import { close, constants, fdatasync, open, read } from "node:fs";
import { chmod, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { fail as kernelFail, isFailure } from "../kernel/errors.ts";
import { JOURNAL_FILL_BYTES, JOURNAL_READ_BYTES, PRIVATE_FILE_MODE } from "./constants.ts";
import { fail } from "./errors.ts";
import { asDiskFailure, ensureFolder, freeBytes, syncFolder, writeAll } from "./files.ts";
import { FRAME_HEADER_BYTES, frameEnd, readFrame, SEGMENT_HEADER_BYTES, segmentHeader } from "./journal-format.ts";
import type { VisitEntry } from "./journal-format.ts";

export interface Segment {
  /** Segments of a journal are numbered without gaps; 1 is the first ever. */
  readonly number: number;
  readonly path: string;
  readonly salt: number;
  /** Header and frames; what follows is zero. */
  usedBytes: number;
  /** Entries of it that are the newest of their ids. */
  liveBytes: number;
}

const SUFFIX = ".journal";
const NUMBER_DIGITS = 10;
const LOCK_FILE = "journal.lock";
const SQLITE_BUSY = 5;

export const closeFile = promisify(close);
const openFile = promisify(open) as (path: string, flags: string | number, mode?: number) => Promise<number>;
const syncFile = promisify(fdatasync);

/** Errors of the disk as Failures: `disk-full`, and for whatever else the system says `storage-failed`. */
export function asJournalFailure(error: unknown): unknown {
  const known = asDiskFailure(error);
  if (isFailure(known) || (error as NodeJS.ErrnoException | undefined)?.errno === undefined) return known;
  return kernelFail("storage-failed", { cause: error });
}

/** Damage of a file of ours; `why` is for the log. */
export function damaged(path: string, why: string): Error {
  return fail("store-damaged", { params: { file: path }, cause: new Error(why) });
}

/** Reads until the buffer is full or the file ends; gives how many bytes. */
export function readAll(fd: number, buffer: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const go = (done: number) =>
      read(fd, buffer, done, buffer.length - done, position + done, (error, got) => {
        if (error) reject(error);
        else if (got === 0 || done + got === buffer.length) resolve(done + got);
        else go(done + got);
      });
    go(0);
  });
}

export function openToRead(path: string): Promise<number> {
  return openFile(path, constants.O_RDONLY);
}

/**
 * Each write is on the disk when it is done. One trip to a thread in place of two (write, then fdatasync), which made
 * small appends faster by a third to a half.
 */
export function openToAppend(path: string): Promise<number> {
  return openFile(path, constants.O_RDWR | constants.O_DSYNC);
}

/**
 * Makes an empty segment of `bytes`; it is there for good when the promise resolves, or not at all. Asks first whether
 * there is room: a try would take the last of it from everybody else.
 */
export async function makeSegment(folder: string, number: number, bytes: number): Promise<Segment> {
  if ((await freeBytes(folder)) < bytes) throw kernelFail("disk-full");
  const path = join(folder, String(number).padStart(NUMBER_DIGITS, "0") + SUFFIX);
  const salt = randomBytes(4).readUInt32LE();
  const temporary = `${path}.tmp`;
  try {
    const fd = await openFile(temporary, "w", PRIVATE_FILE_MODE);
    try {
      const zeros = Buffer.alloc(Math.min(bytes, JOURNAL_FILL_BYTES));
      for (let at = 0; at < bytes; at += zeros.length) {
        await writeAll(fd, zeros, at, Math.min(zeros.length, bytes - at));
        await syncFile(fd);
      }
      await writeAll(fd, segmentHeader(number, salt), 0, SEGMENT_HEADER_BYTES);
      await syncFile(fd);
    } finally {
      await closeFile(fd);
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    // The half of it would hold the last room of the disk.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  return { number, path, salt, usedBytes: SEGMENT_HEADER_BYTES, liveBytes: 0 };
}

/** For good: a segment may go only when the ones before it are gone. */
export async function removeSegment(folder: string, segment: Segment): Promise<void> {
  await rm(segment.path);
  await syncFolder(folder);
}

/** Paths of the segments in order of their numbers, and of files whose making was cut short. */
export async function listSegments(folder: string): Promise<{ paths: string[]; unfinished: string[] }> {
  const names = (await readdir(folder)).sort();
  const whole = new RegExp(`^\\d{${NUMBER_DIGITS}}\\${SUFFIX}$`);
  const paths = names.filter((name) => whole.test(name)).map((name) => join(folder, name));
  const unfinished = names.filter((name) => name.endsWith(`${SUFFIX}.tmp`)).map((name) => join(folder, name));
  return { paths, unfinished };
}

/** Where a slice ended: "more" frames may follow; "end": no whole frame begins at `next`. */
export interface Slice {
  state: "more" | "end" | "sealed";
  next: number;
  /** Where its last frame begins; -1 when it has none. */
  lastAt: number;
}

/** Reads a segment piece by piece. One buffer serves all pieces: what a visitor keeps it copies. */
export class SegmentReader {
  readonly #fd: number;
  readonly #salt: number;
  #buffer: Buffer = Buffer.allocUnsafe(0);

  constructor(fd: number, salt: number) {
    this.#fd = fd;
    this.#salt = salt;
  }

  /**
   * Visits the entries of the whole frames that lie in the next `bytesMax` from `position` on, at least of one frame.
   * The visitor gets places in the buffer; `position` added to them gives places in the segment.
   */
  async slice(position: number, visit: VisitEntry, bytesMax = JOURNAL_READ_BYTES): Promise<Slice> {
    let buffer = await this.#read(position, bytesMax);
    const first = frameEnd(buffer, 0, position);
    if (first !== undefined && first > buffer.length) buffer = await this.#read(position, first);
    let at = 0;
    let lastAt = -1;
    const result = (state: Slice["state"]) => ({ state, next: position + at, lastAt });
    for (;;) {
      const end = frameEnd(buffer, at, position);
      // A header that is cut by the end of this piece, or a frame: they begin the next piece.
      const cut = end === undefined ? at + FRAME_HEADER_BYTES > buffer.length : end > buffer.length;
      if (cut && at > 0) return result("more");
      if (cut || end === undefined) return result("end");
      const kind = readFrame(buffer, at, end, this.#salt, visit);
      if (kind === "damaged") return result("end");
      lastAt = position + at;
      at = end;
      if (kind === "seal") return result("sealed");
    }
  }

  async #read(position: number, bytes: number): Promise<Buffer> {
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafe(bytes);
    const buffer = this.#buffer.subarray(0, bytes);
    return buffer.subarray(0, await readAll(this.#fd, buffer, position));
  }
}

/** Makes the folder where it is missing, for good. */
export async function makeJournalFolder(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory()) return;
  await ensureFolder(folder);
  await syncFolder(dirname(folder));
}

/**
 * Takes the folder for this journal alone, also within one process; gives what releases it. Throws `data-folder-busy`.
 * It is the kernel's lock (see files.ts), gone with the process, and needs no room on a full disk.
 */
export async function lockJournal(folder: string): Promise<() => void> {
  const path = join(folder, LOCK_FILE);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    await chmod(path, PRIVATE_FILE_MODE);
    const held = database;
    return () => held.close();
  } catch (error) {
    database?.close();
    const busy = ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
    if (busy) throw fail("data-folder-busy", { params: { folder, pid: 0 }, cause: error });
    throw fail("data-folder-unusable", { params: { folder }, cause: error });
  }
}
