/**
 * What a member holds of one key: a value or the fact that it was removed, with the version under which that was
 * proposed, and what it answered to whom, so that an operation that comes again is not done again.
 *
 *   version: round 6, node 6, n 6   flags 1   expires 6 if any   version that set the value, 18, if it is another
 *   origins: count 1, each: node 6, first 6, ops 1, answers (1 each, and 8 more for an integer)   value: the rest
 */
import { VALUE_BYTES_MAX } from "./constants.ts";
import type { Found, Key, Version } from "./types.ts";

/** What one operation answered: enough to say it once more, but for the content before it. */
export type Answer =
  | { status: "read" }
  | { status: "done" }
  | { status: "integer"; after: bigint }
  | { status: "unchanged" }
  | { status: "not-an-integer" };

/** The last operations of one box on a key: `first` is the number of the first one, one answer each. */
export interface OriginAnswers {
  origin: number;
  first: number;
  answers: readonly Answer[];
}

export interface Content {
  /** Under which it was proposed. */
  version: Version;
  /** Under which the value was set: an older one when since then only its end, its answers or its ballot changed. */
  set: Version;
  /** Null: removed. */
  value: Uint8Array | null;
  expiresMs: number | null;
  /** The latest first. */
  origins: readonly OriginAnswers[];
}

/** The order is the number on disk and on the wire: only ever append. */
export const ANSWERS = ["read", "done", "integer", "unchanged", "not-an-integer"] as const;
const INTEGER = ANSWERS.indexOf("integer");
/** Those that hold nothing else, by their number. */
const PLAIN = ANSWERS.map((status) => ({ status }) as Exclude<Answer, { status: "integer" }>);
const REMOVED = 1;
const EXPIRES = 2;
const SET_BEFORE = 4;
const UINT48 = 6;
const VERSION_BYTES = 3 * UINT48;

export function compareVersions(a: Version, b: Version): number {
  return a.round - b.round || a.node - b.node || a.n - b.n;
}

export function versionText({ round, node, n }: Version): string {
  return `${round}.${node}.${n}`;
}

export function readVersion(text: string): Version | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 3 || !parts.every((part) => Number.isSafeInteger(part) && part >= 0 && part < 2 ** 48)) return;
  return { round: parts[0]!, node: parts[1]!, n: parts[2]! };
}

export function encodeContent({ version, set, value, expiresMs, origins }: Content): Uint8Array {
  const wasSetBefore = compareVersions(version, set) !== 0;
  let size = VERSION_BYTES + 1 + (expiresMs === null ? 0 : UINT48) + 1 + (value?.length ?? 0);
  if (wasSetBefore) size += VERSION_BYTES;
  for (const { answers } of origins) {
    size += 2 * UINT48 + 1 + answers.length;
    for (const { status } of answers) if (status === "integer") size += 8;
  }
  const bytes = new Uint8Array(size);
  putVersion(bytes, 0, version);
  bytes[VERSION_BYTES] =
    (value === null ? REMOVED : 0) | (expiresMs === null ? 0 : EXPIRES) | (wasSetBefore ? SET_BEFORE : 0);
  let at = VERSION_BYTES + 1;
  if (expiresMs !== null) at = putUint48(bytes, at, expiresMs);
  if (wasSetBefore) at = putVersion(bytes, at, set);
  bytes[at++] = origins.length;
  for (const { origin, first, answers } of origins) {
    at = putUint48(bytes, putUint48(bytes, at, origin), first);
    bytes[at++] = answers.length;
    for (const answer of answers) {
      bytes[at++] = ANSWERS.indexOf(answer.status);
      if (answer.status !== "integer") continue;
      new DataView(bytes.buffer).setBigInt64(at, answer.after);
      at += 8;
    }
  }
  if (value) bytes.set(value, at);
  return bytes;
}

/** Undefined for anything that `encodeContent` does not make. The value is a part of `bytes`, not a copy. */
export function decodeContent(bytes: Uint8Array): Content | undefined {
  const originsAt = originsAtOf(bytes);
  const valueAt = valueAtOf(bytes, originsAt);
  if (valueAt === undefined) return undefined;
  const flags = bytes[VERSION_BYTES]!;
  const version = versionAt(bytes, 0);
  const origins: OriginAnswers[] = [];
  let at = originsAt + 1;
  for (let left = bytes[originsAt]!; left > 0; left--) {
    const origin = uint48(bytes, at);
    const first = uint48(bytes, at + UINT48);
    at += 2 * UINT48;
    const answers: Answer[] = [];
    for (let ops = bytes[at++]!; ops > 0; ops--) {
      const number = bytes[at++]!;
      if (number === INTEGER) {
        answers.push({ status: "integer", after: new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(at) });
        at += 8;
      } else answers.push(PLAIN[number]!);
    }
    origins.push({ origin, first, answers });
  }
  return {
    version,
    set: flags & SET_BEFORE ? versionAt(bytes, originsAt - VERSION_BYTES) : version,
    value: flags & REMOVED ? null : bytes.subarray(valueAt),
    expiresMs: expiresMsIn(bytes),
    origins,
  };
}

/** What users see of a content, without what it answered to whom; undefined when the key is absent. */
export function foundIn(bytes: Uint8Array): Found | undefined {
  const originsAt = originsAtOf(bytes);
  const valueAt = valueAtOf(bytes, originsAt);
  const flags = bytes[VERSION_BYTES]!;
  if (valueAt === undefined || flags & REMOVED) return undefined;
  const version = versionAt(bytes, flags & SET_BEFORE ? originsAt - VERSION_BYTES : 0);
  return { value: bytes.subarray(valueAt), version, expiresMs: expiresMsIn(bytes) };
}

/** A content as it is kept: its bytes, which are stored and sent as they are, its version, and what is asked often. */
export interface Stored extends Version {
  readonly bytes: Uint8Array;
  readonly isRemoved: boolean;
  readonly expiresMs: number | null;
  /** Of its row, once it has one: the same text for all contents of a key, so that it is made and looked up once. */
  rowId: string | undefined;
}

export function toStored(content: Content): Stored {
  const { round, node, n } = content.version;
  const { value, expiresMs } = content;
  return { round, node, n, bytes: encodeContent(content), isRemoved: value === null, expiresMs, rowId: undefined };
}

/** Keeps `bytes` itself. Undefined where `decodeContent` gives undefined, and for a value that is too large. */
export function readStored(bytes: Uint8Array): Stored | undefined {
  const valueAt = valueAtOf(bytes, originsAtOf(bytes));
  if (valueAt === undefined || bytes.length - valueAt > VALUE_BYTES_MAX) return undefined;
  const isRemoved = (bytes[VERSION_BYTES]! & REMOVED) !== 0;
  const version = versionAt(bytes, 0);
  const { round, node, n } = version;
  return { round, node, n, bytes, isRemoved, expiresMs: expiresMsIn(bytes), rowId: undefined };
}

function originsAtOf(bytes: Uint8Array): number {
  const flags = bytes[VERSION_BYTES] ?? 0;
  return VERSION_BYTES + 1 + (flags & EXPIRES ? UINT48 : 0) + (flags & SET_BEFORE ? VERSION_BYTES : 0);
}

/** Where the value begins, once all before it has been looked at; undefined when that makes no sense. */
function valueAtOf(bytes: Uint8Array, originsAt: number): number | undefined {
  if (originsAt >= bytes.length) return undefined;
  let at = originsAt + 1;
  for (let left = bytes[originsAt]!; left > 0; left--) {
    at += 2 * UINT48;
    if (at >= bytes.length) return undefined;
    for (let ops = bytes[at++]!; ops > 0; ops--) {
      // Undefined beyond the end.
      const answer = bytes[at++]!;
      if (!(answer < ANSWERS.length)) return undefined;
      if (answer === INTEGER) at += 8;
    }
  }
  const isWhole = bytes[VERSION_BYTES]! & REMOVED ? at === bytes.length : at <= bytes.length;
  return isWhole ? at : undefined;
}

function expiresMsIn(bytes: Uint8Array): number | null {
  return bytes[VERSION_BYTES]! & EXPIRES ? uint48(bytes, VERSION_BYTES + 1) : null;
}

function putVersion(bytes: Uint8Array, at: number, { round, node, n }: Version): number {
  return putUint48(bytes, putUint48(bytes, putUint48(bytes, at, round), node), n);
}

function versionAt(bytes: Uint8Array, at: number): Version {
  return { round: uint48(bytes, at), node: uint48(bytes, at + UINT48), n: uint48(bytes, at + 2 * UINT48) };
}

/**
 * 53 bits that stand for (key, version). Those of all keys of a slot, put together with XOR in two halves, tell
 * whether two members hold the same.
 */
export function mark(key: Key, { round, node, n }: Version): readonly [high: number, low: number] {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
  }
  for (const part of [round, node, n]) {
    const [high, low] = [Math.floor(part / 2 ** 24), part % 2 ** 24];
    a = Math.imul(a ^ high, 0xc2b2ae35) ^ (a >>> 15);
    a = Math.imul(a ^ low, 0x27d4eb2f) ^ (a >>> 13);
    b = Math.imul(b ^ low, 0x165667b1) ^ (b >>> 16);
    b = Math.imul(b ^ high, 0x85ebca6b) ^ (b >>> 14);
  }
  return [a >>> 0, b >>> 0];
}

/** Big-endian; gives where it ends. Bytes one by one: short, and with no view of the bytes to be made. */
export function putUint48(bytes: Uint8Array, at: number, value: number): number {
  const high = Math.floor(value / 2 ** 32);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high;
  bytes[at + 2] = value >>> 24;
  bytes[at + 3] = value >>> 16;
  bytes[at + 4] = value >>> 8;
  bytes[at + 5] = value;
  return at + UINT48;
}

export function uint48(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! << 8) | bytes[at + 1]!;
  const low = (bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
  return high * 2 ** 32 + (low >>> 0);
}
