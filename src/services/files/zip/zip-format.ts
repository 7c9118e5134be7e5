/**
 * The bytes of a .zip that is written as it goes, with nothing compressed: how long it will be is known before its
 * first byte, and what a file's checksum is only after its last one. Source: PKWARE's APPNOTE 6.3.10, sections 4.3 to
 * 4.5; times in UTC as in Info-ZIP's extended timestamp. Pure.
 */

export interface ZipEntry {
  /** From the top of the archive, with slashes in between; a folder ends with one. At most 65,535 bytes of UTF-8. */
  name: string;
  /** 0 for a folder. */
  bytes: number;
  modifiedMs: number;
}

/** Of an entry that was written. */
export interface ZipWritten {
  /** CRC-32 of its content. */
  checksum: number;
  /** Where its local header begins. */
  at: number;
}

const MAX_32 = 0xffff_ffff;
const MAX_16 = 0xffff;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_BYTES = 20;
const LONG_LOCAL_EXTRA_BYTES = 20;
const TIME_EXTRA_BYTES = 9;
/** With 64-bit sizes, and without. */
const VERSION_64 = 45;
const VERSION = 20;
const MADE_ON_UNIX = 3 << 8;
/** Names in UTF-8; sizes and checksum follow the content. */
const FLAG_UTF8 = 0x0800;
const FLAG_DESCRIPTOR = 0x0008;
const MODE_FILE = 0o100644;
const MODE_FOLDER = 0o040755;
const DOS_FOLDER = 0x10;

const isFolder = ({ name }: ZipEntry) => name.endsWith("/");
const isLong = ({ bytes }: ZipEntry) => bytes >= MAX_32;
const flagsOf = (entry: ZipEntry) => FLAG_UTF8 | (isFolder(entry) ? 0 : FLAG_DESCRIPTOR);

/** What goes before the content of an entry. */
export function localHeader(entry: ZipEntry): Buffer {
  const name = Buffer.from(entry.name);
  const extra = isLong(entry) ? Buffer.concat([longExtra([0, 0]), timeExtra(entry)]) : timeExtra(entry);
  const head = Buffer.alloc(LOCAL_BYTES);
  head.writeUInt32LE(0x0403_4b50, 0);
  writeCommon(head, 4, entry, name.length, extra.length);
  const size = isLong(entry) ? MAX_32 : 0;
  head.writeUInt32LE(size, 18);
  head.writeUInt32LE(size, 22);
  return Buffer.concat([head, name, extra]);
}

/** What goes behind the content of a file; nothing for a folder. */
export function descriptor(entry: ZipEntry, checksum: number): Buffer {
  const after = Buffer.alloc(descriptorBytes(entry));
  if (after.length === 0) return after;
  after.writeUInt32LE(0x0807_4b50, 0);
  after.writeUInt32LE(checksum, 4);
  if (isLong(entry)) {
    after.writeBigUInt64LE(BigInt(entry.bytes), 8);
    after.writeBigUInt64LE(BigInt(entry.bytes), 16);
  } else {
    after.writeUInt32LE(entry.bytes, 8);
    after.writeUInt32LE(entry.bytes, 12);
  }
  return after;
}

/** The entry's line in the directory at the end. */
export function centralHeader(entry: ZipEntry, { checksum, at }: ZipWritten): Buffer {
  const name = Buffer.from(entry.name);
  const long = [...(isLong(entry) ? [entry.bytes, entry.bytes] : []), ...(at >= MAX_32 ? [at] : [])];
  const extra = long.length > 0 ? Buffer.concat([longExtra(long), timeExtra(entry)]) : timeExtra(entry);
  const head = Buffer.alloc(CENTRAL_BYTES);
  head.writeUInt32LE(0x0201_4b50, 0);
  head.writeUInt16LE(MADE_ON_UNIX | VERSION_64, 4);
  writeCommon(head, 6, entry, name.length, extra.length);
  head.writeUInt32LE(checksum, 16);
  head.writeUInt32LE(Math.min(entry.bytes, MAX_32), 20);
  head.writeUInt32LE(Math.min(entry.bytes, MAX_32), 24);
  const mode = isFolder(entry) ? MODE_FOLDER * 0x1_0000 + DOS_FOLDER : MODE_FILE * 0x1_0000;
  head.writeUInt32LE(mode, 38);
  head.writeUInt32LE(Math.min(at, MAX_32), 42);
  return Buffer.concat([head, name, extra]);
}

/** The end, after a directory of so many entries. */
export function endOfZip(entries: number, central: { at: number; bytes: number }): Buffer {
  const { at, bytes } = central;
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(0x0605_4b50, 0);
  end.writeUInt16LE(Math.min(entries, MAX_16), 8);
  end.writeUInt16LE(Math.min(entries, MAX_16), 10);
  end.writeUInt32LE(Math.min(bytes, MAX_32), 12);
  end.writeUInt32LE(Math.min(at, MAX_32), 16);
  if (endBytes(entries, central) === END_BYTES) return end;
  const long = Buffer.alloc(END_64_BYTES + LOCATOR_BYTES);
  long.writeUInt32LE(0x0606_4b50, 0);
  long.writeBigUInt64LE(BigInt(END_64_BYTES - 12), 4);
  long.writeUInt16LE(MADE_ON_UNIX | VERSION_64, 12);
  long.writeUInt16LE(VERSION_64, 14);
  long.writeBigUInt64LE(BigInt(entries), 24);
  long.writeBigUInt64LE(BigInt(entries), 32);
  long.writeBigUInt64LE(BigInt(bytes), 40);
  long.writeBigUInt64LE(BigInt(at), 48);
  long.writeUInt32LE(0x0706_4b50, END_64_BYTES);
  long.writeBigUInt64LE(BigInt(at + bytes), END_64_BYTES + 8);
  long.writeUInt32LE(1, END_64_BYTES + 16);
  return Buffer.concat([long, end]);
}

/** Of the whole archive, to the byte. */
export function zipBytes(entries: readonly ZipEntry[]): number {
  let [at, bytes] = [0, 0];
  for (const entry of entries) {
    const nameBytes = Buffer.byteLength(entry.name);
    const numbers = (isLong(entry) ? 2 : 0) + (at >= MAX_32 ? 1 : 0);
    bytes += CENTRAL_BYTES + nameBytes + TIME_EXTRA_BYTES + (numbers > 0 ? 4 + 8 * numbers : 0);
    at += LOCAL_BYTES + nameBytes + TIME_EXTRA_BYTES + (isLong(entry) ? LONG_LOCAL_EXTRA_BYTES : 0);
    at += entry.bytes + descriptorBytes(entry);
  }
  return at + bytes + endBytes(entries.length, { at, bytes });
}

function descriptorBytes(entry: ZipEntry): number {
  if (isFolder(entry)) return 0;
  return isLong(entry) ? 24 : 16;
}

function endBytes(entries: number, { at, bytes }: { at: number; bytes: number }): number {
  const isShort = entries < MAX_16 && at < MAX_32 && bytes < MAX_32;
  return isShort ? END_BYTES : END_64_BYTES + LOCATOR_BYTES + END_BYTES;
}

/** From "version needed" to the lengths of name and extra fields, which both headers have alike. */
function writeCommon(head: Buffer, at: number, entry: ZipEntry, nameBytes: number, extraBytes: number): void {
  const { date, time } = dosTime(entry.modifiedMs);
  head.writeUInt16LE(isLong(entry) ? VERSION_64 : VERSION, at);
  head.writeUInt16LE(flagsOf(entry), at + 2);
  head.writeUInt16LE(time, at + 6);
  head.writeUInt16LE(date, at + 8);
  head.writeUInt16LE(nameBytes, at + 22);
  head.writeUInt16LE(extraBytes, at + 24);
}

function longExtra(numbers: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * numbers.length);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(8 * numbers.length, 2);
  numbers.forEach((number, index) => extra.writeBigUInt64LE(BigInt(number), 4 + 8 * index));
  return extra;
}

function timeExtra({ modifiedMs }: ZipEntry): Buffer {
  const extra = Buffer.alloc(TIME_EXTRA_BYTES);
  extra.writeUInt16LE(0x5455, 0);
  extra.writeUInt16LE(5, 2);
  extra.writeUInt8(1, 4);
  extra.writeInt32LE(Math.max(0, Math.min(0x7fff_ffff, Math.floor(modifiedMs / 1000) || 0)), 5);
  return extra;
}

const FIRST_MS = Date.UTC(1980, 0, 1);
const LAST_MS = Date.UTC(2107, 11, 31, 23, 59, 58);

/** In steps of two seconds, between 1980 and 2107. */
function dosTime(modifiedMs: number): { date: number; time: number } {
  const when = new Date(Math.max(FIRST_MS, Math.min(LAST_MS, modifiedMs || 0)));
  return {
    date: ((when.getUTCFullYear() - 1980) << 9) | ((when.getUTCMonth() + 1) << 5) | when.getUTCDate(),
    time: (when.getUTCHours() << 11) | (when.getUTCMinutes() << 5) | (when.getUTCSeconds() >> 1),
  };
}
