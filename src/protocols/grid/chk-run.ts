/**
 * Several segments of an immutable file in one go: the blocks of a share follow one another without a gap, so what is
 * made of a run of segments is written, and read, as one piece per share. Plain data in and out, so that this work,
 * which is nearly all that a large file costs, can be done in another thread.
 */
import { blockLength, segmentLength, type ChkParams } from "./chk-params.ts";
import { segmentHashesBytes } from "./chk-summary.ts";
import { HASH_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { blockHash, crypttextSegmentHash } from "./hashes.ts";
import { hashAt, sameBytes } from "./merkle.ts";

export interface EncodeRun {
  params: ChkParams;
  /** Of `ciphertext`, which is whole segments. */
  first: number;
  ciphertext: Uint8Array;
  /** The shares to be made. */
  wanted: readonly number[];
  /** For `ChkSummary.take`. Without, only what is wanted is calculated. */
  withHashes: boolean;
  /** What an earlier run was made in and is no longer needed: it is used again if it has the right size. */
  memory?: Uint8Array | undefined;
}

export interface EncodedRun {
  /** For each share of `wanted` its blocks one after the other: parts of `memory`. */
  shares: Uint8Array[];
  memory: Uint8Array;
  /** Empty when none were asked for. */
  hashes: Uint8Array;
}

/** Bytes of the content, and of one share, in `count` segments from `first` on; what is beyond the file is left out. */
export function runBytes(params: ChkParams, first: number, count: number): { content: number; share: number } {
  const end = Math.min(first + count, params.segments);
  if (end <= first) return { content: 0, share: 0 };
  const isTail = end === params.segments;
  const whole = end - first - (isTail ? 1 : 0);
  return {
    content: whole * params.segmentBytes + (isTail ? params.tailBytes : 0),
    share: whole * params.blockBytes + (isTail ? params.tailBlockBytes : 0),
  };
}

/** Throws GridError "bad-parameters" for ciphertext that is not whole segments. */
export function encodeRun(crypto: GridCrypto, code: ErasureCode, run: EncodeRun): EncodedRun {
  const { params, first, ciphertext, wanted, withHashes } = run;
  const { k, n } = params;
  const count = Math.ceil(ciphertext.length / params.segmentBytes);
  const bytes = runBytes(params, first, count);
  if (bytes.content !== ciphertext.length) throw new GridError("bad-parameters", "not whole segments");
  const wholeBytes = wanted.length * bytes.share;
  const memory = run.memory?.length === wholeBytes ? run.memory : new Uint8Array(wholeBytes);
  const shares = wanted.map((_, index) => memory.subarray(index * bytes.share, (index + 1) * bytes.share));
  const shareOf = new Map(wanted.map((number, index) => [number, shares[index]!]));
  const hashes = new Uint8Array(withHashes ? count * segmentHashesBytes(params) : 0);
  const made = withHashes ? Array.from({ length: n }, (_, number) => number) : [...wanted];
  const unwanted = made.filter((number) => number >= k && !shareOf.has(number));
  const scratch = new Map(unwanted.map((number) => [number, new Uint8Array(params.blockBytes)]));
  for (let index = 0, at = 0, blockAt = 0; index < count; index++) {
    const length = segmentLength(params, first + index);
    const blockBytes = blockLength(params, first + index);
    const segment = ciphertext.subarray(at, at + length);
    const target = (number: number) =>
      shareOf.get(number)?.subarray(blockAt, blockAt + blockBytes) ?? scratch.get(number)!.subarray(0, blockBytes);
    const room = made.filter((number) => number >= k).map(target);
    const blocks = code.encode(cutIntoBlocks(segment, k), made, room);
    made.forEach((number, place) => {
      if (number < k && shareOf.has(number)) target(number).set(blocks[place]!);
    });
    if (withHashes) {
      const hashAtOf = (number: number) => (index * (n + 1) + number) * HASH_BYTES;
      hashes.set(crypttextSegmentHash(crypto, segment), hashAtOf(0));
      blocks.forEach((block, number) => hashes.set(blockHash(crypto, block), hashAtOf(number + 1)));
    }
    at += length;
    blockAt += blockBytes;
  }
  return { shares, memory, hashes };
}

/** One share's part of a run, as a server gave it, and what its blocks must hash to (32 bytes each). */
export interface RunShare {
  number: number;
  bytes: Uint8Array;
  hashes: Uint8Array;
}

export interface DecodeRun {
  params: ChkParams;
  first: number;
  count: number;
  /** k of distinct numbers. */
  shares: readonly RunShare[];
  /** What the ciphertext of each segment must hash to. */
  crypttextHashes: Uint8Array;
  /** 16 bytes; without, what comes out is ciphertext. */
  key?: Uint8Array | undefined;
  /** What comes out is written here if it has the right size. */
  memory?: Uint8Array | undefined;
}

/** `bad-shares`: these are damaged. `bad-file`: each block is right and yet the file is not what its cap promises. */
export type DecodedRun =
  | { state: "good"; bytes: Uint8Array }
  | { state: "bad-shares"; numbers: number[] }
  | { state: "bad-file"; segment: number };

/** Checks every block and every segment; nothing comes out that does not lead up to the cap. */
export function decodeRun(crypto: GridCrypto, code: ErasureCode, run: DecodeRun): DecodedRun {
  const { params, first, count, shares, crypttextHashes, key } = run;
  const contentBytes = runBytes(params, first, count).content;
  const numbers = shares.filter((share) => !isIntact(crypto, run, share)).map(({ number }) => number);
  if (numbers.length > 0) return { state: "bad-shares", numbers };
  const blocks = code.decode(shares);
  const ciphertext = run.memory?.length === contentBytes ? run.memory : new Uint8Array(contentBytes);
  for (let index = 0, at = 0, blockAt = 0; index < count; index++) {
    const end = at + segmentLength(params, first + index);
    const blockBytes = blockLength(params, first + index);
    let next = at;
    for (const block of blocks) {
      const length = Math.min(blockBytes, end - next);
      ciphertext.set(block.subarray(blockAt, blockAt + length), next);
      next += length;
    }
    if (!sameBytes(crypttextSegmentHash(crypto, ciphertext.subarray(at, end)), hashAt(crypttextHashes, index))) {
      return { state: "bad-file", segment: first + index };
    }
    at = end;
    blockAt += blockBytes;
  }
  if (key) crypto.aesCtrInPlace(key, ciphertext, first * params.segmentBytes);
  return { state: "good", bytes: ciphertext };
}

function isIntact(crypto: GridCrypto, { params, first, count }: DecodeRun, { bytes, hashes }: RunShare): boolean {
  if (bytes.length !== runBytes(params, first, count).share || hashes.length !== count * HASH_BYTES) return false;
  for (let index = 0, at = 0; index < count; index++) {
    const end = at + blockLength(params, first + index);
    if (!sameBytes(blockHash(crypto, bytes.subarray(at, end)), hashAt(hashes, index))) return false;
    at = end;
  }
  return true;
}

/** k blocks of one length, without copying unless the end must be padded. */
export function cutIntoBlocks(ciphertext: Uint8Array, k: number): Uint8Array[] {
  const length = Math.ceil(ciphertext.length / k);
  let padded = ciphertext;
  if (ciphertext.length < length * k) {
    padded = new Uint8Array(length * k);
    padded.set(ciphertext);
  }
  return Array.from({ length: k }, (_, index) => padded.subarray(index * length, (index + 1) * length));
}
