/**
 * How the journal's bytes lie in a segment file, and nothing about files: so that reader and writer cannot differ.
 *
 * ```
 * segment  "comujrnl" version:u32 number:u32 salt:u32 crc:u32 0:u64, then frames, then zeros
 * frame    crc:u32 mark:u32 position:u32 length:u32, then `length` bytes of entries
 * entry    idBytes:u16 valueBytes:u32 (REMOVED: no value, the id is gone) id value
 * ```
 * All numbers are little-endian. The crc of a frame begins with the segment's salt and covers all that follows it; with
 * the position and the salt, bytes of a value cannot pass for a frame, nor a frame for another segment's.
 */
import { crc32 } from "node:zlib";
import { JOURNAL_APPEND_BYTES_MAX } from "./constants.ts";

const SEGMENT_MAGIC = "comujrnl";
export const SEGMENT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 32;
const SEGMENT_CRC_AT = 20;

export const FRAME_HEADER_BYTES = 16;
/** A frame of entries; without any it only marks that the one before is whole. */
export const FRAME_MARK = 0x656d_7266;
/** The last frame of a segment; the next segment goes on. */
export const SEAL_MARK = 0x6c61_6573;

const ENTRY_HEADER_BYTES = 6;
const REMOVED = 0xffff_ffff;

export function segmentHeader(number: number, salt: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  header.write(SEGMENT_MAGIC, "latin1");
  header.writeUInt32LE(SEGMENT_VERSION, 8);
  header.writeUInt32LE(number, 12);
  header.writeUInt32LE(salt, 16);
  header.writeUInt32LE(crc32(header.subarray(0, SEGMENT_CRC_AT)), SEGMENT_CRC_AT);
  return header;
}

/** What a segment's header says; undefined when it is damaged. */
export function readSegmentHeader(header: Buffer): { version: number; number: number; salt: number } | undefined {
  if (header.length < SEGMENT_HEADER_BYTES || header.toString("latin1", 0, 8) !== SEGMENT_MAGIC) return undefined;
  if (header.readUInt32LE(SEGMENT_CRC_AT) !== crc32(header.subarray(0, SEGMENT_CRC_AT))) return undefined;
  return { version: header.readUInt32LE(8), number: header.readUInt32LE(12), salt: header.readUInt32LE(16) };
}

export function entryBytes(id: string, bytes: Uint8Array | null): number {
  return ENTRY_HEADER_BYTES + id.length + (bytes?.length ?? 0);
}

/** Writes an entry and gives where it ends. The buffer must have room. */
export function writeEntry(buffer: Buffer, at: number, id: string, bytes: Uint8Array | null): number {
  buffer.writeUInt16LE(id.length, at);
  buffer.writeUInt32LE(bytes ? bytes.length : REMOVED, at + 2);
  const idAt = at + ENTRY_HEADER_BYTES;
  buffer.write(id, idAt, id.length, "latin1");
  if (bytes) buffer.set(bytes, idAt + id.length);
  return idAt + id.length + (bytes?.length ?? 0);
}

/** Called for an entry from `at` to `end` of the buffer; its value begins at `valueAt`, -1 when the id is removed. */
export type VisitEntry = (buffer: Buffer, id: string, at: number, valueAt: number, end: number) => void;

/** Visits the entries between `from` and `to`; false when they do not end at `to`. */
function visitEntries(buffer: Buffer, from: number, to: number, visit: VisitEntry): boolean {
  let at = from;
  while (at + ENTRY_HEADER_BYTES <= to) {
    const idAt = at + ENTRY_HEADER_BYTES;
    const valueAt = idAt + buffer.readUInt16LE(at);
    const valueBytes = buffer.readUInt32LE(at + 2);
    const end = valueAt + (valueBytes === REMOVED ? 0 : valueBytes);
    if (end > to) return false;
    visit(buffer, buffer.toString("latin1", idAt, valueAt), at, valueBytes === REMOVED ? -1 : valueAt, end);
    at = end;
  }
  return at === to;
}

/** Writes the header of the frame that lies in `buffer` up to `end`, and that goes to `position` of the segment. */
export function finishFrame(buffer: Buffer, end: number, mark: number, position: number, salt: number): void {
  buffer.writeUInt32LE(mark, 4);
  buffer.writeUInt32LE(position, 8);
  buffer.writeUInt32LE(end - FRAME_HEADER_BYTES, 12);
  buffer.writeUInt32LE(crc32(buffer.subarray(4, end), salt), 0);
}

/** A frame without entries. */
export function emptyFrame(mark: number, position: number, salt: number): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES);
  finishFrame(frame, FRAME_HEADER_BYTES, mark, position, salt);
  return frame;
}

/**
 * Where the frame at `at` ends in the buffer, whose first byte is byte `position` of the segment; beyond its end
 * when that holds only its beginning. Undefined when no frame of ours begins there. The sum is not looked at.
 */
export function frameEnd(buffer: Buffer, at: number, position: number): number | undefined {
  if (at + FRAME_HEADER_BYTES > buffer.length) return undefined;
  const mark = buffer.readUInt32LE(at + 4);
  if (mark !== FRAME_MARK && mark !== SEAL_MARK) return undefined;
  if (buffer.readUInt32LE(at + 8) !== position + at) return undefined;
  const length = buffer.readUInt32LE(at + 12);
  return length <= JOURNAL_APPEND_BYTES_MAX ? at + FRAME_HEADER_BYTES + length : undefined;
}

/** Visits the entries of a whole frame; "damaged" when its sum or its form is wrong; then some may have been. */
export function readFrame(
  buffer: Buffer,
  at: number,
  end: number,
  salt: number,
  visit: VisitEntry,
): "entries" | "seal" | "damaged" {
  if (buffer.readUInt32LE(at) !== crc32(buffer.subarray(at + 4, end), salt)) return "damaged";
  if (!visitEntries(buffer, at + FRAME_HEADER_BYTES, end, visit)) return "damaged";
  return buffer.readUInt32LE(at + 4) === SEAL_MARK ? "seal" : "entries";
}

/** True when a whole frame with a right sum begins anywhere from `from` on. */
export function holdsFrame(buffer: Buffer, from: number, position: number, salt: number): boolean {
  for (const mark of [FRAME_MARK, SEAL_MARK]) {
    const wanted = Buffer.alloc(4);
    wanted.writeUInt32LE(mark);
    for (let found = buffer.indexOf(wanted, from + 4); found >= 0; found = buffer.indexOf(wanted, found + 1)) {
      const end = frameEnd(buffer, found - 4, position);
      if (end === undefined || end > buffer.length) continue;
      if (readFrame(buffer, found - 4, end, salt, () => {}) !== "damaged") return true;
    }
  }
  return false;
}
