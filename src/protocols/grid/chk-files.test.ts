/** Immutable files for the tests of this folder, and what a gateway does with their shares, without servers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { gridCrypto } from "../../platform/grid-crypto.ts";
import type { ChkReadCap, ChkVerifyCap } from "./caps.ts";
import { ChkFile } from "./chk-decoder.ts";
import { ChkEncoder, chkCapOf, convergentKey, newChkParams } from "./chk-encoder.ts";
import { segmentParts, type ChkParams } from "./chk-params.ts";
import type { ChkShareReader, Progress } from "./chk-share-reader.ts";
import type { GridCrypto } from "./crypto.ts";
import { plainErasureCode } from "./erasure.ts";
import type { Share } from "./erasure.ts";
import { GridError, type GridFault } from "./errors.ts";

export const crypto: GridCrypto = gridCrypto();

/** 0, 1, 2, … from `first` on, over again after `modulus`. */
export function counting(length: number, first = 0, modulus = 256): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => first + (index % modulus));
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
export const sha256Hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export interface TestFile {
  params: ChkParams;
  cap: ChkReadCap;
  data: Uint8Array;
  shares: Uint8Array[];
}

export interface TestFileOptions {
  k?: number;
  n?: number;
  segmentMaxBytes?: number;
}

export function makeFile(data: Uint8Array, options: TestFileOptions = {}): TestFile {
  const { k = 3, n = 10, segmentMaxBytes = 1_048_576 } = options;
  const params = newChkParams(data.length, k, n, segmentMaxBytes);
  const stream = convergentKey(crypto, counting(32), params);
  stream.update(data);
  const key = stream.digest();
  const encoder = new ChkEncoder({ crypto, code: plainErasureCode(k, n), params, key });
  const segments = [...segmentParts(params, 0, data.length)].map(({ segment, to }) =>
    data.subarray(segment * params.segmentBytes, segment * params.segmentBytes + to),
  );
  const { shares, cap } = encodeAll(encoder, segments, key);
  return { params, cap, data, shares };
}

/** Whole shares out of the segments. */
export function encodeAll(encoder: ChkEncoder, segments: Uint8Array[], key: Uint8Array, expected?: Uint8Array) {
  const parts: Uint8Array[][] = Array.from({ length: encoder.params.n }, () => [encoder.header()]);
  for (const bytes of segments) encoder.segment(bytes).forEach((block, share) => parts[share]!.push(block.slice()));
  const finished = encoder.finish(expected);
  const shares = parts.map((part, share) => new Uint8Array(Buffer.concat([...part, finished.trailer(share)])));
  for (const share of shares) assert.equal(share.length, encoder.layout.shareBytes);
  return { shares, cap: chkCapOf(encoder.params, key, finished) };
}

export function openFile(cap: ChkReadCap | ChkVerifyCap, segmentMaxBytes?: number): ChkFile {
  return new ChkFile({ crypto, code: plainErasureCode(cap.k, cap.n), cap, segmentMaxBytes });
}

/** Asks until it is done, with the bytes of `share`; says how many rounds of requests it took. */
export function drive<T>(
  reader: ChkShareReader,
  share: Uint8Array,
  ask: () => Progress<T>,
): { value: T; rounds: number } {
  for (let rounds = 0; rounds < 200; rounds++) {
    const progress = ask();
    if (progress.state === "ready") return { value: progress.value, rounds };
    assert.ok(progress.ranges.length > 0, "it waits for nothing");
    for (const range of progress.ranges) reader.feed(range, share.slice(range.at, range.at + range.length));
  }
  throw new Error("it asks for ever");
}

/** The bytes [start, end) of the file from whichever shares are good; a share is undefined where there is none. */
export function readFile(file: ChkFile, shares: (Uint8Array | undefined)[], start: number, end: number): Uint8Array {
  const readers = shares.flatMap((share, number) => (share ? [{ share, reader: file.share(number) }] : []));
  let good = readers;
  const tryAll = <T>(wanted: number, ask: (reader: ChkShareReader) => Progress<T>) => {
    const values: { number: number; value: T }[] = [];
    for (const one of [...good]) {
      if (values.length >= wanted) break;
      try {
        const { value } = drive(one.reader, one.share, () => ask(one.reader));
        values.push({ number: one.reader.number, value });
      } catch (error) {
        if (!(error instanceof GridError)) throw error;
        good = good.filter((other) => other !== one);
      }
    }
    return values;
  };
  const [opened] = tryAll(1, (reader) => reader.open(start));
  if (!opened) throw new GridError("too-few-shares", "none opens");
  const parts = [...segmentParts(opened.value.params, start, end)].map(({ segment, from, to }) => {
    const blocks: Share[] = tryAll(file.cap.k, (reader) => reader.block(segment)).map(({ number, value }) => {
      return { number, bytes: value };
    });
    return file.plaintext(segment, blocks).subarray(from, to);
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** Runs `work` and wants a GridError with one of the codes. */
export function refuses(work: () => unknown, ...codes: GridFault[]): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof GridError, String(error));
    assert.ok(codes.length === 0 || codes.includes(error.code), error.message);
    return true;
  });
}

test("a file comes back out of its shares", () => {
  const { cap, data, shares } = makeFile(counting(3000, 0, 251), { segmentMaxBytes: 1024 });
  assert.deepEqual(readFile(openFile(cap), shares, 0, data.length), data);
});
