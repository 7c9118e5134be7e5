/**
 * What a member holds of one key: a value or the fact that it was removed, with the version under which that was
 * proposed, and what it answered to whom, so that an operation that comes again is not done again.
 *
 *   version: round 6, node 6, n 6   flags 1   expires 6 if any   version that set the value, 18, if it is another
 *   origins: count 1, each: node 6, first 6, ops 1, answers (1 each, and 8 more for an integer)   value: the rest
 */
import type { Key, Version } from "./types.ts";

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
  const view = new DataView(bytes.buffer);
  putVersion(view, 0, version);
  bytes[VERSION_BYTES] =
    (value === null ? REMOVED : 0) | (expiresMs === null ? 0 : EXPIRES) | (wasSetBefore ? SET_BEFORE : 0);
  let at = VERSION_BYTES + 1;
  if (expiresMs !== null) {
    putUint48(view, at, expiresMs);
    at += UINT48;
  }
  if (wasSetBefore) {
    putVersion(view, at, set);
    at += VERSION_BYTES;
  }
  bytes[at++] = origins.length;
  for (const { origin, first, answers } of origins) {
    putUint48(view, at, origin);
    putUint48(view, at + UINT48, first);
    at += 2 * UINT48;
    bytes[at++] = answers.length;
    for (const answer of answers) {
      bytes[at++] = ANSWERS.indexOf(answer.status);
      if (answer.status !== "integer") continue;
      view.setBigInt64(at, answer.after);
      at += 8;
    }
  }
  if (value) bytes.set(value, at);
  return bytes;
}

/** Undefined for anything that `encodeContent` does not make. The value is a part of `bytes`, not a copy. */
export function decodeContent(bytes: Uint8Array): Content | undefined {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const version = versionAt(view, 0);
    const flags = view.getUint8(VERSION_BYTES);
    let at = VERSION_BYTES + 1;
    let expiresMs: number | null = null;
    if (flags & EXPIRES) {
      expiresMs = uint48(view, at);
      at += UINT48;
    }
    let set = version;
    if (flags & SET_BEFORE) {
      set = versionAt(view, at);
      at += VERSION_BYTES;
    }
    const origins: OriginAnswers[] = [];
    for (let left = view.getUint8(at++); left > 0; left--) {
      const [origin, first] = [uint48(view, at), uint48(view, at + UINT48)];
      at += 2 * UINT48;
      const answers: Answer[] = [];
      for (let ops = view.getUint8(at++); ops > 0; ops--) {
        const status = ANSWERS[view.getUint8(at++)];
        if (status === undefined) return undefined;
        if (status === "integer") {
          answers.push({ status, after: view.getBigInt64(at) });
          at += 8;
        } else answers.push({ status });
      }
      origins.push({ origin, first, answers });
    }
    if (at > bytes.length || (flags & REMOVED && at !== bytes.length)) return undefined;
    return { version, set, value: flags & REMOVED ? null : bytes.subarray(at), expiresMs, origins };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function putVersion(view: DataView, at: number, { round, node, n }: Version): void {
  putUint48(view, at, round);
  putUint48(view, at + UINT48, node);
  putUint48(view, at + 2 * UINT48, n);
}

function versionAt(view: DataView, at: number): Version {
  return { round: uint48(view, at), node: uint48(view, at + UINT48), n: uint48(view, at + 2 * UINT48) };
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

export function putUint48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value >>> 0);
}

export function uint48(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}
