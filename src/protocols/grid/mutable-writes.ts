/**
 * What a writer sends to the servers of a mutable file, one read-test-write request for each share, and how it finds in
 * the answers that somebody else has written meanwhile. A conflict is reported and nothing is undone: the caller makes
 * a new server map, applies its change to the newest version, and writes again.
 */
import type { MutableFormat } from "./caps.ts";
import { sameBytes } from "./merkle.ts";
import { layoutOf } from "./mutable-layout.ts";

import type { KnownShare } from "./server-map.ts";

export interface TestVector {
  offset: number;
  size: number;
  specimen: Uint8Array;
}

export interface WriteVector {
  offset: number;
  data: Uint8Array;
}

export interface ReadVector {
  offset: number;
  size: number;
}

/** The part of a read-test-write request that concerns one share. */
export interface ShareRequest {
  test: TestVector[];
  write: WriteVector[];
  /** Never shortened: readers go by the table of offsets, and a shorter version leaves stale bytes behind its end. */
  newLength: null;
}

/** Passes only if the share is still as it was when the server map was made. */
export function testVector(known: KnownShare): TestVector {
  if (known.state === "absent") return { offset: 0, size: 1, specimen: new Uint8Array(0) };
  const specimen = known.state === "good" ? known.checkstring : known.remembered;
  // A damaged share of no bytes at all is like one that is absent: a specimen of nothing would always pass.
  return { offset: 0, size: Math.max(1, specimen.length), specimen };
}

/** The checkstrings that all shares on the server had before the write. */
export function readVector(format: MutableFormat): ReadVector {
  return { offset: 0, size: layoutOf(format).checkstringBytes };
}

export function shareRequest(known: KnownShare, write: WriteVector[]): ShareRequest {
  return { test: [testVector(known)], write, newLength: null };
}

export interface WriteAnswer {
  success: boolean;
  /** Share number to what the read vectors gave, before the write, of every share that the server has. */
  data: ReadonlyMap<number, readonly Uint8Array[]>;
}

export type WriteVerdict =
  | { state: "written" }
  /** Shares that somebody else has written; with `test-failed` the server has changed nothing. */
  | { state: "conflict"; because: "test-failed" | "foreign-shares"; shares: number[] };

/**
 * Judges the answer of one server. `known` is what the server map says of that server, `checkstring` that of the
 * version being written: our own shares there are no surprise.
 */
export function judgeAnswer(
  answer: WriteAnswer,
  known: ReadonlyMap<number, KnownShare>,
  checkstring: Uint8Array,
): WriteVerdict {
  const foreign: number[] = [];
  for (const [share, [found]] of answer.data) {
    if (!found || found.length === 0 || sameBytes(found, checkstring)) continue;
    if (!isExpected(found, known.get(share))) foreign.push(share);
  }
  foreign.sort((a, b) => a - b);
  if (!answer.success) return { state: "conflict", because: "test-failed", shares: foreign };
  return foreign.length > 0 ? { state: "conflict", because: "foreign-shares", shares: foreign } : { state: "written" };
}

function isExpected(found: Uint8Array, known: KnownShare | undefined): boolean {
  if (!known || known.state === "absent") return false;
  if (known.state === "good") return sameBytes(found, known.checkstring);
  // More is remembered of a damaged share than a checkstring, unless the share is shorter: then it is all of it.
  return known.remembered.length >= found.length && sameBytes(found, known.remembered.subarray(0, found.length));
}
