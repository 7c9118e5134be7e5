/**
 * What a journal does when it is opened: reads all segments, tells a write that a crash cut short from damage, and
 * makes sure that what it has read is on the disk before anyone acts on it.
 *
 * Only one write is under way at a time, so a crash can spoil only the end of the newest segment that has frames.
 * Anything else that does not fit (a frame with a wrong sum before a good one, a segment without its seal that others
 * follow, a number that is missing) is damage: it is told, and nothing is changed.
 */
import { fstatSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Log } from "../kernel/log.ts";
import { JOURNAL_READ_BYTES } from "./constants.ts";
import { fail } from "./errors.ts";
import { syncFolder, writeAll } from "./files.ts";
import { holdsFrame, readSegmentHeader, SEGMENT_HEADER_BYTES, SEGMENT_VERSION } from "./journal-format.ts";
import { closeFile, damaged, listSegments, openToAppend, openToRead } from "./journal-segments.ts";
import { readAll, SegmentReader } from "./journal-segments.ts";
import type { Segment } from "./journal-segments.ts";

/** Called for each entry that was ever written, in order; `at` is its place in the segment. */
export type VisitStored = (segment: Segment, id: string, at: number, bytes: number, removed: boolean) => void;

interface Scanned {
  segment: Segment;
  sealed: boolean;
  /** Where its last frame begins; -1: it has none. */
  lastAt: number;
  /** What follows the last frame and is not zero. */
  tornBytes: number;
}

export interface Recovered {
  /** Oldest first; the last one takes appends. Empty: a new journal. */
  segments: Segment[];
  /** Made ahead and not used yet. */
  spare: Segment | undefined;
}

/** Throws `store-damaged`, `store-too-new`, and errors of the system as they are. */
export async function recover(folder: string, log: Log, visit: VisitStored): Promise<Recovered> {
  const { paths, unfinished } = await listSegments(folder);
  const scanned: Scanned[] = [];
  for (const path of paths) scanned.push(await scan(path, scanned.at(-1)?.segment.number, visit));
  const active = activeOf(scanned);
  // From here on it is sound.
  for (const path of unfinished) await rm(path, { force: true });
  if (active > 0 && scanned[active]!.lastAt < 0) await settle(scanned[active - 1]!, log);
  if (active >= 0) await settle(scanned[active]!, log);
  // The process before this one may have died between a new name, or a removal, and its sync.
  await syncFolder(folder);
  const segments = scanned.map((one) => one.segment);
  return { segments: segments.slice(0, active + 1), spare: segments[active + 1] };
}

/** The index of the one segment without a seal, which takes appends; -1 when there are no segments. */
function activeOf(scanned: readonly Scanned[]): number {
  const active = scanned.findIndex((one) => !one.sealed);
  if (active < 0 && scanned.length > 0) throw damaged(scanned.at(-1)!.segment.path, "the next segment is missing");
  const after = active < 0 ? [] : scanned.slice(active + 1);
  if (after.length > 1 || after.some((one) => one.lastAt >= 0 || one.tornBytes > 0)) {
    throw damaged(scanned[active]!.segment.path, `no seal after byte ${scanned[active]!.segment.usedBytes}`);
  }
  return active;
}

async function scan(path: string, numberBefore: number | undefined, visit: VisitStored): Promise<Scanned> {
  const fd = await openToRead(path);
  try {
    const segment = await readHeader(fd, path, numberBefore);
    const reader = new SegmentReader(fd, segment.salt);
    let lastAt = -1;
    for (;;) {
      const position = segment.usedBytes;
      const slice = await reader.slice(position, (_buffer, id, at, valueAt, end) =>
        visit(segment, id, position + at, end - at, valueAt < 0),
      );
      segment.usedBytes = slice.next;
      if (slice.lastAt >= 0) lastAt = slice.lastAt;
      if (slice.state === "sealed") return { segment, sealed: true, lastAt, tornBytes: 0 };
      if (slice.state === "end") break;
    }
    return { segment, sealed: false, lastAt, tornBytes: await tornBytes(fd, segment) };
  } finally {
    await closeFile(fd);
  }
}

async function readHeader(fd: number, path: string, numberBefore: number | undefined): Promise<Segment> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const header = readSegmentHeader(bytes.subarray(0, await readAll(fd, bytes, 0)));
  const number = Number.parseInt(basename(path), 10);
  if (!header || header.number !== number) throw damaged(path, "the header is damaged");
  const { version, salt } = header;
  if (version > SEGMENT_VERSION) throw fail("store-too-new", { params: { owner: "journal", version } });
  if (numberBefore !== undefined && number !== numberBefore + 1) throw damaged(path, "the segment before is missing");
  return { number, path, salt, usedBytes: SEGMENT_HEADER_BYTES, liveBytes: 0 };
}

/** Bytes after the last good frame up to the last that is not zero. Throws when a good frame is among them. */
async function tornBytes(fd: number, segment: Segment): Promise<number> {
  const from = segment.usedBytes;
  const sizeBytes = fstatSync(fd).size;
  const piece = Buffer.alloc(JOURNAL_READ_BYTES);
  const zeros = Buffer.alloc(JOURNAL_READ_BYTES);
  let end = from;
  for (let at = from; at < sizeBytes; at += piece.length) {
    const got = piece.subarray(0, await readAll(fd, piece, at));
    if (got.equals(zeros.subarray(0, got.length))) continue;
    let last = got.length - 1;
    while (got[last] === 0) last -= 1;
    end = at + last + 1;
  }
  if (end === from) return 0;
  // To the end of the file: a good frame may end with zeros.
  const tail = Buffer.alloc(sizeBytes - from);
  await readAll(fd, tail, from);
  if (holdsFrame(tail, 0, from, segment.salt)) {
    throw damaged(segment.path, `a damaged frame at byte ${from}, and good ones after it`);
  }
  return end - from;
}

/**
 * Cuts the torn end off, and writes the last frame once more: when the process before this one died within the write,
 * or the disk refused it, the frame may stand in the system's memory only.
 */
async function settle({ segment, lastAt, tornBytes }: Scanned, log: Log): Promise<void> {
  const fd = await openToAppend(segment.path);
  try {
    if (tornBytes > 0) {
      const fields = { file: basename(segment.path), folder: dirname(segment.path), atByte: segment.usedBytes };
      log.warn("the last write of the journal was cut short, and is taken away", { ...fields, bytes: tornBytes });
      await writeAll(fd, Buffer.alloc(tornBytes), segment.usedBytes);
    }
    if (lastAt < 0) return;
    const frame = Buffer.alloc(segment.usedBytes - lastAt);
    await readAll(fd, frame, lastAt);
    await writeAll(fd, frame, lastAt);
  } finally {
    await closeFile(fd);
  }
}
