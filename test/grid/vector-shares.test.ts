/**
 * Shares that the released Tahoe-LAFS stored, read by our core, and made again by it: byte for byte the same, but for
 * the signatures of mutable files, which are different each time.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { formatCap, parseCap, readCapOf, storageIndexOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { ChkReadCap, KnownCap, MutableWriteCap } from "../../src/protocols/grid/caps.ts";
import { ChkEncoder, newChkParams } from "../../src/protocols/grid/chk-encoder.ts";
import { drive, encodeAll, openFile, readFile } from "../../src/protocols/grid/chk-files.test.ts";
import { segmentParts } from "../../src/protocols/grid/chk-params.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { DEFAULT_SEGMENT_MAX_BYTES } from "../../src/protocols/grid/constants.ts";
import { plainErasureCode } from "../../src/protocols/grid/erasure.ts";
import { GridError } from "../../src/protocols/grid/errors.ts";
import { readKeyOf } from "../../src/protocols/grid/hashes.ts";
import { MdmfEncoder, encodeSdmf } from "../../src/protocols/grid/mutable-encoding.ts";
import { openKeys } from "../../src/protocols/grid/mutable-keys.ts";
import type { MutableKeys } from "../../src/protocols/grid/mutable-keys.ts";
import { MDMF_DATA_AT, readMutableHeader } from "../../src/protocols/grid/mutable-layout.ts";
import type { Section } from "../../src/protocols/grid/mutable-layout.ts";
import { checkedShare, decodedShares, partOf, writtenShare } from "../../src/protocols/grid/mutable-shares.fixture.ts";
import type { CheckedShare } from "../../src/protocols/grid/mutable-shares.fixture.ts";
import type { WriteVector } from "../../src/protocols/grid/mutable-writes.ts";
import { bytesSource, repeatedSource } from "../../src/protocols/grid/byte-source.ts";
import { bytesOf, flipped, golden, shareInside } from "./golden.ts";

interface FileLine {
  kind: "chk" | "sdmf" | "mdmf";
  k: number;
  n: number;
  segsize?: number;
  storageIndex: string;
  data?: string;
  seed?: string;
  length?: number;
  cap: string;
  readCap: string;
  verifyCap: string;
}

interface ShareLine {
  kind: "share";
  storageIndex: string;
  number: number;
  container: string;
}

interface GoldenFile {
  line: FileLine;
  cap: KnownCap;
  content: Uint8Array;
  /** By number; holes where a share was not kept. */
  shares: (Uint8Array | undefined)[];
}

const crypto = gridCrypto();
const files = goldenFiles();

function goldenFiles(): GoldenFile[] {
  const lines = golden<FileLine | ShareLine>("shares", 63);
  const stored = lines.filter((line) => line.kind === "share");
  return lines.flatMap((line) => {
    if (line.kind === "share") return [];
    const { seed, length } = line;
    const source =
      seed === undefined ? bytesSource(bytesOf(line.data!, "hex")) : repeatedSource(bytesOf(seed, "hex"), length!);
    const shares: (Uint8Array | undefined)[] = Array.from({ length: line.n }, () => undefined);
    for (const { storageIndex, number, container } of stored) {
      if (storageIndex === line.storageIndex) shares[number] = shareInside(bytesOf(container, "base64"));
    }
    return [{ line, cap: parseCap(line.cap) as KnownCap, content: source.read(0, source.length), shares }];
  });
}

/** Share numbers that together suffice: the first k, the last k, and every other, as far as they are here. */
function choices({ line, shares }: GoldenFile): number[][] {
  const here = [...shares.keys()].filter((number) => shares[number]);
  const odd = [...here.filter((number) => number % 2 === 1), ...here.filter((number) => number % 2 === 0)];
  return [here.slice(0, line.k), here.slice(-line.k), odd.slice(0, line.k).toReversed()];
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const nameOf = ({ line }: GoldenFile) =>
  `${line.kind} ${line.k} of ${line.n}, segments up to ${line.segsize ?? "1 MiB"}`;

test("the caps of the files, and where their shares are", () => {
  assert.equal(files.length, 10);
  for (const { line, cap } of files) {
    assert.equal(formatCap(cap), line.cap);
    assert.equal(formatCap(readCapOf(crypto, cap)!), line.readCap);
    assert.equal(formatCap(verifyCapOf(crypto, cap)!), line.verifyCap);
    assert.equal(encodeBase32(storageIndexOf(crypto, cap)!), line.storageIndex);
  }
});

// --- Immutable files ----------------------------------------------------------------------------------------------

function audit(file: GoldenFile, number: number, share: Uint8Array): void {
  const reader = openFile(file.cap as ChkReadCap, file.line.segsize).share(number);
  drive(reader, share, () => reader.audit());
}

const chkFiles = files.filter(({ line }) => line.kind === "chk");

test("CHK: each share is right in every byte, and no byte of it can be another", () => {
  for (const file of chkFiles) {
    file.shares.forEach((share, number) => {
      assert.ok(share, `${nameOf(file)}: share ${number}`);
      audit(file, number, share);
      // Every byte of one share takes seconds: unit tests of the core do that.
      for (let at = number; at < share.length; at += 41) {
        assert.throws(() => audit(file, number, flipped(share, at)), GridError, `${nameOf(file)}: byte ${at}`);
      }
    });
  }
});

test("CHK: any k shares give the content", () => {
  for (const file of chkFiles) {
    for (const numbers of choices(file)) {
      const some = file.shares.map((share, number) => (numbers.includes(number) ? share : undefined));
      const found = readFile(openFile(file.cap as ChkReadCap, file.line.segsize), some, 0, file.content.length);
      assert.ok(same(found, file.content), `${nameOf(file)}: shares ${numbers.join()}`);
    }
  }
});

test("CHK: we make the same shares, byte for byte", () => {
  for (const { line, cap, content, shares } of chkFiles) {
    const { key } = cap as ChkReadCap;
    const params = newChkParams(content.length, line.k, line.n, line.segsize ?? DEFAULT_SEGMENT_MAX_BYTES);
    const encoder = new ChkEncoder({ crypto, code: plainErasureCode(line.k, line.n), params, key });
    const segments = [...segmentParts(params, 0, content.length)].map(({ segment, to }) =>
      content.subarray(segment * params.segmentBytes, segment * params.segmentBytes + to),
    );
    const made = encodeAll(encoder, segments, key);
    assert.equal(formatCap(made.cap), line.cap);
    made.shares.forEach((share, number) => assert.ok(same(share, shares[number]!), `share ${number} of ${line.cap}`));
  }
});

// --- Mutable files ------------------------------------------------------------------------------------------------

interface ReadShare extends CheckedShare {
  keys: MutableKeys;
}

/** Checks everything that a reader with the write cap can check. */
function readShare({ cap, line }: GoldenFile, number: number, share: Uint8Array): ReadShare {
  const { writeKey, fingerprint, format } = cap as MutableWriteCap;
  const header = readMutableHeader(share);
  assert.equal(header.format, format);
  assert.deepEqual([header.k, header.n, header.sections.end], [line.k, line.n, share.length]);
  const keys = openKeys(crypto, { writeKey, fingerprint }, partOf(share, "encryptedPrivateKey"));
  return { ...checkedShare(crypto, share, number, fingerprint), keys };
}

const mutableFiles = files.filter(({ line }) => line.kind !== "chk");
const shareNumbers = ({ shares }: GoldenFile) => [...shares.keys()].filter((number) => shares[number]);
const readAll = (file: GoldenFile) =>
  new Map(shareNumbers(file).map((number) => [number, readShare(file, number, file.shares[number]!)]));

test("SDMF and MDMF: keys, signature and hashes of each share hold, and any k shares give the content", () => {
  for (const file of mutableFiles) {
    const read = readAll(file);
    const readKey = readKeyOf(crypto, (file.cap as MutableWriteCap).writeKey);
    for (const numbers of choices(file)) {
      const some = numbers.map((number) => read.get(number)!);
      const content = decodedShares(crypto, some, readKey);
      assert.ok(same(content, file.content), `${nameOf(file)}: shares ${numbers.join()}`);
    }
  }
});

test("SDMF and MDMF: no byte of a share that a reader uses can be another", () => {
  for (const file of mutableFiles) {
    for (const [number, { header }] of readAll(file)) {
      const share = file.shares[number]!;
      const { end: _end, ...sections } = header.sections;
      const parts: Section[] = [{ start: 0, end: header.prefix.length }, ...Object.values(sections)];
      for (const { start, end } of parts) {
        for (const at of new Set([start, start + number, end - 1])) {
          if (at < start || at >= end) continue;
          assert.throws(() => readShare(file, number, flipped(share, at)), `${nameOf(file)}: byte ${at}`);
        }
      }
    }
  }
});

/** All shares as we make them with the keys and salts of theirs. */
function madeAgain({ line, content }: GoldenFile, { header, keys, blocks }: ReadShare): WriteVector[][] {
  const encoder = { crypto, code: plainErasureCode(line.k, line.n), keys };
  const { sequence, salt } = header;
  if (salt) return encodeSdmf(encoder, { sequence, plaintext: content, salt }).writes;
  const mdmf = new MdmfEncoder(encoder, { sequence, dataLength: content.length });
  const segments = blocks.map((block, index) => {
    const plaintext = content.subarray(index * mdmf.segmentSize, (index + 1) * mdmf.segmentSize);
    return mdmf.segment(index, plaintext, block.salt);
  });
  return mdmf.finish().writes.map((writes, number) => [...segments.map((segment) => segment[number]!), ...writes]);
}

test("SDMF and MDMF: with their keys and salts we make the same shares, byte for byte but for the signature", () => {
  for (const file of mutableFiles) {
    const read = readAll(file);
    const made = madeAgain(file, read.values().next().value!);
    for (const [number, { header }] of read) {
      const theirs = file.shares[number]!;
      const ours = writtenShare(made[number]!);
      readShare(file, number, ours);
      const { start, end } = header.sections.signature;
      assert.ok(same(ours.subarray(0, start), theirs.subarray(0, start)), `${nameOf(file)}: up to the signature`);
      assert.ok(same(ours.subarray(end), theirs.subarray(end)), `${nameOf(file)}: behind the signature`);
      if (header.format === "mdmf") assert.equal(header.sections.data.start, MDMF_DATA_AT);
    }
  }
});
