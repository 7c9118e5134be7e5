/**
 * A durable store of small contents by id, for whoever keeps all of them in memory and needs each change on the disk at
 * once: an append-only log in segments with an index of what is alive (as Bitcask). Many appends share one write.
 *
 * ```
 * append ─▶ group being filled ─▶ group being written ─▶ active segment ─ full ─▶ sealed segments ─▶ oldest:
 *                                  (one at a time)        (spare made ahead)                  its live entries are
 *                                                                                     appended anew, it is removed
 * ```
 * Segments are given up strictly from the oldest on. So a removal needs to be kept only until its segment is the
 * oldest: nothing older is left that it could hide. A group is one frame with one sum: after a crash it
 * is whole or not there.
 */
import type { Clock } from "../kernel/clock.ts";
import { nextTurn } from "../kernel/clock.ts";
import { fail as kernelFail } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import {
  JOURNAL_COPY_BYTES_MAX,
  JOURNAL_COPY_BYTES_MIN,
  JOURNAL_SEGMENT_BYTES,
  JOURNAL_SEGMENT_BYTES_MIN,
  JOURNAL_SPARE_AGAIN_MS,
  JOURNAL_WAITING_BYTES_MAX,
  JOURNAL_WAITING_MAX,
} from "./constants.ts";
import { emptyFrame, finishFrame, FRAME_HEADER_BYTES, FRAME_MARK } from "./journal-format.ts";
import { SEAL_MARK, SEGMENT_HEADER_BYTES } from "./journal-format.ts";
import type { Group, Put } from "./journal-groups.ts";
import { Groups, Index, measure } from "./journal-groups.ts";
import { paceFor } from "./journal-pace.ts";
import type { Pace } from "./journal-pace.ts";
import { recover } from "./journal-recovery.ts";
import { asJournalFailure, closeFile, damaged, lockJournal, makeJournalFolder } from "./journal-segments.ts";
import { writeAll } from "./files.ts";
import { makeSegment, openToAppend, openToRead, removeSegment, SegmentReader } from "./journal-segments.ts";
import type { Segment } from "./journal-segments.ts";

export interface JournalStats {
  segments: number;
  /** Of all segments, without the zeros ahead. */
  bytes: number;
  /** Of the entries that are the newest of their ids. */
  liveBytes: number;
  /** Writes that were waited for. */
  syncs: number;
  /** Puts that callers appended. */
  appended: number;
}

export interface Journal {
  /** Newest content of each id that is not removed, from opening, in no order. To be read before the first append. */
  entries(): AsyncIterable<{ id: string; bytes: Uint8Array }>;
  /**
   * Takes the puts as a whole, in the order of the calls; resolves when they, and all appended before, are on the disk.
   * Throws `disk-full`, `storage-failed`, `store-damaged`: then it takes nothing more and refuses everything with the
   * same failure until it is opened anew; what was refused may be there then, or not. Throws `too-large` (params:
   * limit) and `too-many`: then nothing of this append was taken, and others may follow.
   */
  append(puts: readonly Put[]): Promise<void>;
  stats(): JournalStats;
  /** Waits for what was appended, then lets the folder go. Does not throw for a disk that fails. */
  close(): Promise<void>;
}

export interface JournalOptions {
  /** Made, for this account alone, where it is missing. One journal has it for itself. */
  folder: string;
  clock: Clock;
  log: Log;
  segmentBytesMax?: number;
  /** True while the disk is nearly full: removed entries are then given up sooner. Asked often. */
  isTight?: () => boolean;
}

/**
 * Throws `store-damaged` (params: file) and changes nothing, `store-too-new`, `data-folder-busy`,
 * `data-folder-unusable`, `disk-full`, `storage-failed`.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { folder, clock, log, segmentBytesMax: segmentBytes = JOURNAL_SEGMENT_BYTES, isTight = () => false } = options;
  if (segmentBytes < JOURNAL_SEGMENT_BYTES_MIN) throw new Error(`a segment of ${segmentBytes} bytes`);
  const startedMs = clock.monotonicMs();
  await makeJournalFolder(folder);
  const unlock = await lockJournal(folder);
  try {
    const index = new Index();
    const { segments, spare } = await recover(folder, log, (segment, id, at, bytes, removed) => {
      if (removed) index.remove(id);
      else index.put(id, segment, at, bytes);
    });
    if (segments.length === 0) segments.push(await makeSegment(folder, 1, segmentBytes));
    const fd = await openToAppend(segments.at(-1)!.path);
    const tookMs = Math.round(clock.monotonicMs() - startedMs);
    log.info("the journal is open", { segments: segments.length, ids: index.size, tookMs });
    return new SegmentedJournal({ folder, clock, log, unlock, segmentBytes, isTight, index, segments, spare, fd });
  } catch (error) {
    unlock();
    throw asJournalFailure(error);
  }
}

interface Opened {
  folder: string;
  clock: Clock;
  log: Log;
  unlock: () => void;
  segmentBytes: number;
  isTight: () => boolean;
  index: Index;
  /** Oldest first; the last one is active. */
  segments: Segment[];
  spare: Segment | undefined;
  /** The active segment's. */
  fd: number;
}

/** An entry in a segment; the value lies in the buffer, which is used again. */
type VisitNewest = (id: string, bytes: Buffer, entryBytes: number) => void;

class SegmentedJournal implements Journal {
  readonly #opened: Opened;
  readonly #groups: Groups;
  #syncs = 0;
  #appended = 0;
  /** Since compaction last read a piece. */
  #appendedBytes = 0;
  #failure: unknown;
  #closed: Promise<void> | undefined;
  #closing = false;
  #pumping: Promise<void> | undefined;
  #sparing: Promise<void> | undefined;
  /** When making one failed last, on the monotonic clock; since then no segment was begun or given up. */
  #spareFailedMs: number | undefined;
  #compacting: Promise<void> | undefined;
  /** Appends of compaction that wait for the disk. */
  #copies = 0;
  /** Lets the appends go on that compaction had fallen behind. */
  #goOn: (() => void) | undefined;

  constructor(opened: Opened) {
    this.#opened = opened;
    this.#groups = new Groups(opened.index);
  }

  async *entries(): AsyncGenerator<{ id: string; bytes: Uint8Array }> {
    for (const segment of this.#opened.segments) {
      let found: { id: string; bytes: Uint8Array }[] = [];
      const take: VisitNewest = (id, bytes) => found.push({ id, bytes: new Uint8Array(bytes) });
      for await (const _piece of this.#pieces(segment, take)) {
        if (this.#appended > 0) throw new Error("entries are read after an append");
        yield* found;
        found = [];
      }
    }
  }

  async append(puts: readonly Put[]): Promise<void> {
    if (this.#closing) throw new Error("the journal is closed");
    if (this.#failure) throw this.#failure;
    const { bytes, limit } = measure(puts);
    if (limit !== undefined) throw kernelFail("too-large", { params: { limit } });
    const { waiting, waitingBytes } = this.#groups;
    if (waiting >= JOURNAL_WAITING_MAX || waitingBytes + bytes > JOURNAL_WAITING_BYTES_MAX)
      throw kernelFail("too-many");
    this.#appended += puts.length;
    this.#appendedBytes += bytes;
    return this.#enqueue(puts, bytes);
  }

  stats(): JournalStats {
    const { segments, index } = this.#opened;
    let bytes = 0;
    for (const one of segments) bytes += one.usedBytes;
    const { liveBytes } = index;
    return { segments: segments.length, bytes, liveBytes, syncs: this.#syncs, appended: this.#appended };
  }

  close(): Promise<void> {
    this.#closing = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // Sees that the journal closes, and ends after the piece that it copies.
    await this.#compacting;
    await this.#pumping;
    await this.#sparing;
    const { segments, unlock, log, fd } = this.#opened;
    try {
      // With it, damage of the frame before is not taken for a write cut short.
      if (!this.#failure && this.#syncs > 0) await this.#writeEmpty(segments.at(-1)!, FRAME_MARK);
    } catch (error) {
      log.warn("the journal is closed without its mark", { error });
    }
    await closeFile(fd);
    unlock();
  }

  #enqueue(puts: readonly Put[], bytes: number): Promise<void> {
    const done = this.#groups.add(puts, bytes);
    this.#pumping ??= this.#pump();
    return done;
  }

  /** Writes group after group. Between two, those who were answered may append, and share the next. */
  async #pump(): Promise<void> {
    while (this.#groups.length > 0) {
      if (this.#groups.length === 1) await nextTurn();
      const isBehind = this.#surplusSegments() > this.#pace().behindSegments;
      const isHeld = this.#compacting && this.#copies === 0 && isBehind;
      if (isHeld) await new Promise<void>((resolve) => (this.#goOn = resolve));
      const group = this.#groups.take();
      try {
        if (!this.#failure && group.bytes > FRAME_HEADER_BYTES) await this.#commit(group);
      } catch (error) {
        this.#stop(error);
      }
      this.#groups.answer(group, this.#failure);
      if (!this.#failure) this.#tidy();
    }
    this.#pumping = undefined;
  }

  async #commit(group: Group): Promise<void> {
    const segment = await this.#segmentFor(group.bytes);
    const position = segment.usedBytes;
    finishFrame(group.buffer, group.bytes, FRAME_MARK, position, segment.salt);
    await writeAll(this.#opened.fd, group.buffer, position, group.bytes);
    this.#syncs += 1;
    segment.usedBytes += group.bytes;
    this.#groups.written(group, segment, position);
  }

  /** The segment where a frame goes; what is longer than a segment gets one of its own. */
  async #segmentFor(bytes: number): Promise<Segment> {
    const { folder, segments, segmentBytes } = this.#opened;
    const active = segments.at(-1)!;
    // There must be room for the seal, too.
    const fits = active.usedBytes + bytes + FRAME_HEADER_BYTES <= segmentBytes;
    if (fits || active.usedBytes === SEGMENT_HEADER_BYTES) return active;
    await this.#sparing;
    // It is there before the seal is: a sealed segment has a next one.
    const next = this.#opened.spare ?? (await makeSegment(folder, active.number + 1, segmentBytes));
    const fd = await openToAppend(next.path);
    try {
      await this.#writeEmpty(active, SEAL_MARK);
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
    const full = this.#opened.fd;
    this.#opened.fd = fd;
    this.#opened.spare = undefined;
    this.#spareFailedMs = undefined;
    segments.push(next);
    await closeFile(full);
    return next;
  }

  async #writeEmpty(segment: Segment, mark: number): Promise<void> {
    const frame = emptyFrame(mark, segment.usedBytes, segment.salt);
    await writeAll(this.#opened.fd, frame, segment.usedBytes);
    this.#syncs += 1;
    segment.usedBytes += frame.length;
  }

  /** After the first failure nothing is written: what the disk holds stays as it is. */
  #stop(error: unknown): void {
    if (this.#failure) return;
    this.#failure = asJournalFailure(error);
    this.#opened.log.error("the journal takes nothing more", { error: this.#failure });
  }

  /** What is done beside the appends. */
  #tidy(): void {
    if (this.#closing) return;
    const { segments, segmentBytes, spare } = this.#opened;
    const isHalfFull = segments.at(-1)!.usedBytes * 2 > segmentBytes;
    // On a nearly full disk always: others may take the rest, and with a spare compaction goes on.
    const isWanted = isHalfFull || this.#opened.isTight() || this.#isGarbageDue();
    if (isWanted && !spare && this.#maySpare()) this.#sparing ??= this.#makeSpare();
    if (this.#compactionDue()) this.#compacting ??= this.#compact();
  }

  #maySpare(): boolean {
    return this.#opened.clock.monotonicMs() - (this.#spareFailedMs ?? -Infinity) >= JOURNAL_SPARE_AGAIN_MS;
  }

  async #makeSpare(): Promise<void> {
    const { folder, segments, segmentBytes, log, clock } = this.#opened;
    try {
      this.#opened.spare = await makeSegment(folder, segments.at(-1)!.number + 1, segmentBytes);
    } catch (error) {
      if (this.#spareFailedMs === undefined)
        log.warn("the next segment of the journal cannot be made", { error: asJournalFailure(error) });
      this.#spareFailedMs = clock.monotonicMs();
    }
    this.#sparing = undefined;
    // Compaction may have waited for it.
    if (this.#compactionDue()) this.#compacting ??= this.#compact();
  }

  #compactionDue(): boolean {
    const { segments } = this.#opened;
    if (segments.length < 2 || this.#closing || this.#failure) return false;
    return segments[0]!.liveBytes === 0 || (this.#isGarbageDue() && this.#canCopyOldest());
  }

  #isGarbageDue(): boolean {
    return this.#surplusSegments() > this.#pace().dueSegments;
  }

  #pace(): Pace {
    return paceFor(this.#opened.isTight());
  }

  /** What there is beyond the live entries times the ratio. */
  #surplusSegments(): number {
    const { bytes, liveBytes } = this.stats();
    return (bytes - liveBytes * this.#pace().ratio) / this.#opened.segmentBytes;
  }

  /** Copies must find room for certain: a full disk ends the journal. */
  #canCopyOldest(): boolean {
    const { segments, segmentBytes, spare } = this.#opened;
    return spare !== undefined || segments.at(-1)!.usedBytes + segments[0]!.usedBytes <= segmentBytes;
  }

  async #compact(): Promise<void> {
    try {
      while (this.#compactionDue()) {
        const oldest = this.#opened.segments[0]!;
        if (oldest.liveBytes > 0) await this.#copyNewest(oldest);
        // What took the place of its entries may still wait for the disk.
        await this.#enqueueCopy([], 0);
        if (oldest.liveBytes > 0) break;
        await removeSegment(this.#opened.folder, oldest);
        this.#opened.segments.shift();
        this.#spareFailedMs = undefined;
      }
    } catch (error) {
      this.#stop(error);
    }
    this.#compacting = undefined;
    this.#goOn?.();
    // A spare may be wanted now, and more to compact with it, although nobody appends.
    if (!this.#closing && !this.#failure) void this.#enqueue([], 0).catch(() => {});
  }

  async #enqueueCopy(puts: readonly Put[], bytes: number): Promise<void> {
    this.#copies += 1;
    this.#goOn?.();
    await this.#enqueue(puts, bytes);
    this.#copies -= 1;
  }

  /** Appends the newest entries of a segment anew, piece by piece, until it has none left or the journal closes. */
  async #copyNewest(segment: Segment): Promise<void> {
    let [puts, bytes]: [Put[], number] = [[], 0];
    const take: VisitNewest = (id, value, entryBytes) => {
      puts.push({ id, bytes: value });
      bytes += entryBytes;
    };
    for await (const _piece of this.#pieces(segment, take)) {
      if (puts.length > 0) await this.#enqueueCopy(puts, bytes);
      [puts, bytes] = [[], 0];
      if (segment.liveBytes === 0 || this.#closing) return;
    }
  }

  /** Visits the entries of a segment that are the newest of their ids; yields after each. Throws `store-damaged`. */
  async *#pieces(segment: Segment, visit: VisitNewest): AsyncGenerator<void> {
    const { index } = this.#opened;
    const fd = await openToRead(segment.path);
    try {
      const reader = new SegmentReader(fd, segment.salt);
      this.#appendedBytes = 0;
      for (let position = SEGMENT_HEADER_BYTES; position < segment.usedBytes;) {
        const from = position;
        const keepingUp = this.#pace().readTimes * this.#appendedBytes;
        const bytesMax = Math.min(JOURNAL_COPY_BYTES_MAX, Math.max(JOURNAL_COPY_BYTES_MIN, keepingUp));
        this.#appendedBytes = 0;
        const visitNewest = (buffer: Buffer, id: string, at: number, valueAt: number, end: number) => {
          if (index.isNewest(id, segment, from + at)) visit(id, buffer.subarray(valueAt, end), end - at);
        };
        const slice = await reader.slice(from, visitNewest, bytesMax);
        const whole = slice.state !== "end" || slice.next >= segment.usedBytes;
        if (!whole) throw damaged(segment.path, `a damaged frame at byte ${slice.next}`);
        position = slice.next;
        yield;
      }
    } finally {
      await closeFile(fd);
    }
  }
}
