/**
 * Immutable files: the worked examples of the format byte by byte, every size and code at the edges, and that no
 * altered or shortened share ever yields other plaintext.
 */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { bytesSource } from "./byte-source.ts";
import { formatCap, parseCap, verifyCapOf, type ChkVerifyCap } from "./caps.ts";
import { ChkEncoder, newChkParams } from "./chk-encoder.ts";
import { counting, crypto, drive, encodeAll, hex, makeFile, openFile } from "./chk-files.test.ts";
import { readFile, refuses, sha256Hex } from "./chk-files.test.ts";
import { chkParams, segmentParts } from "./chk-params.ts";
import { formatHeader, readHeader, shareLayout } from "./chk-share.ts";
import { formatUeb, readUeb } from "./chk-ueb.ts";
import * as limits from "./constants.ts";
import { plainErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { uebHash } from "./hashes.ts";
import { capOf } from "./vector.ts";

const A = makeFile(counting(100));
const B = makeFile(counting(3000, 0, 251), { segmentMaxBytes: 1024 });
const verifyOf = (file: typeof A) => verifyCapOf(crypto, file.cap) as ChkVerifyCap;

test("worked example A, byte by byte", () => {
  assert.equal(hex(A.cap.key), "70e73c1cf62e24ba1dde1f52a874cdd3");
  assert.equal(hex(verifyOf(A).storageIndex), "b1b2029e41167ff08ca1804e17405f43");
  assert.equal(hex(A.cap.uebHash), "315eaa4b50cb1935fc1262f31ecc81a041960ae637d174489b021b98496a3905");
  assert.equal(A.shares[0]!.length, 652);
  const header = "00000001000000220000002200000024000000460000006600000086000000a600000150";
  assert.equal(hex(A.shares[0]!.subarray(0, 36)), header);
  assert.equal(
    hex(A.shares[9]!.subarray(36, 70)),
    "c25fe754a2b407f56da976020594c9c6beeb47e44c5b25b208666754b4eab521db38",
  );
  assert.equal(sha256Hex(A.shares[0]!), "89113a7cd3cab484969262ddf54f2665a241b59463b1db7013cb34ba6adf1382");
  assert.equal(sha256Hex(A.shares[9]!), "a2da72e7a5dbe42889aa6882689c4e6353780e7acc807c0b13599d173d0f7e1a");
});

test("worked example B, and caps from vectors", () => {
  assert.equal(B.shares[0]!.length, 2197);
  assert.equal(sha256Hex(B.shares[0]!), "ce425e4e8708ca4181e251daf1db2f6da61283a38d238be8719e701feece701b");
  assert.equal(sha256Hex(B.shares[9]!), "9264e593705a84747e6c431dca887a3c8ff2a48a146ebd41f6708b061fbb316b");
  const cap = "URI:CHK:zvditapbljjuqiiadk6oqpyjoy:dyqnmyqse2m7pv3fzvptp725vggiugkidti3vkln6gj4gqe5gt5q:3:10:3000";
  assert.equal(formatCap(B.cap), cap);
  assert.equal(
    formatCap(verifyOf(B)),
    cap.replace("CHK:zvditapbljjuqiiadk6oqpyjoy", "CHK-Verifier:g7k6i7km7vyjwhneotz674zzhy"),
  );
  const needs = { crypto, codeOf: plainErasureCode };
  const vector = { kind: "chk", convergence: counting(32), k: 3, n: 10, segsize: 1024 } as const;
  assert.equal(capOf(needs, { ...vector, content: bytesSource(B.data) }), cap);
  const counted = (length: number) => ({ ...vector, content: bytesSource(counting(length)) });
  assert.equal(capOf(needs, counted(limits.LITERAL_MAX_BYTES)).slice(0, 8), "URI:LIT:");
  assert.equal(capOf(needs, counted(limits.LITERAL_MAX_BYTES + 1)).slice(0, 8), "URI:CHK:");
  assert.equal(capOf(needs, { ...counted(0), kind: "lit" }), "URI:LIT:");
  refuses(() => capOf(needs, { ...counted(3000), k: 4, n: 3 }), "bad-parameters");
});

test("sizes and codes at their edges come back from the last k shares", () => {
  const codes = [
    [1, 1, 64],
    [1, 256, 64],
    [2, 3, 64],
    [3, 10, 66],
    [256, 256, 256],
  ] as const;
  for (const [k, n, segmentMaxBytes] of codes) {
    for (const size of [
      1,
      55,
      56,
      segmentMaxBytes - 1,
      segmentMaxBytes,
      segmentMaxBytes + 1,
      4 * segmentMaxBytes + 5,
    ]) {
      const file = makeFile(counting(size, 0, 251), { k, n, segmentMaxBytes });
      const shares = file.shares.map((share, number) => (number >= n - k ? share : undefined));
      const read = openFile(file.cap, segmentMaxBytes);
      assert.deepEqual(readFile(read, shares, 0, size), file.data, `${k} of ${n}, ${size} bytes`);
    }
  }
});

test("any range, from any k shares, also when the segment size was guessed wrong", () => {
  fc.assert(
    fc.property(fc.nat({ max: 3100 }), fc.nat({ max: 3100 }), fc.boolean(), fc.nat(9), (a, b, isGuessRight, skip) => {
      const shares = B.shares.map((share, number) => ((number + skip) % 10 < 3 ? share : undefined));
      const file = openFile(B.cap, isGuessRight ? 1024 : undefined);
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      assert.deepEqual(readFile(file, shares, start, end), B.data.slice(start, end));
    }),
    { numRuns: 60 },
  );
  const fewer = B.shares.map((share, number) => (number < 2 ? share : undefined));
  refuses(() => readFile(openFile(B.cap), fewer, 0, 1), "too-few-shares");
});

test("one round of requests is enough where the guess is right", () => {
  const file = openFile(B.cap, 1024);
  const [first, second] = [file.share(0), file.share(1)];
  assert.equal(drive(first, B.shares[0]!, () => first.block(1)).rounds, 1);
  assert.equal(drive(second, B.shares[1]!, () => second.block(1)).rounds, 1);
});

test("of a file of many segments, only what a segment needs is asked for, and near ranges as one", () => {
  const file = makeFile(counting(260_000, 0, 251), { k: 1, n: 2, segmentMaxBytes: 100 });
  assert.ok(file.params.segments > 10 * limits.HASHES_PER_READ);
  const reading = openFile(file.cap, 100);
  const reader = reading.share(1);
  for (const segment of [2599, 0, 63, 64, 400, 401]) {
    let askedBytes = 0;
    const block = drive(reader, file.shares[1]!, () => {
      const progress = reader.block(segment);
      const ranges = progress.state === "needs" ? progress.ranges : [];
      for (const [index, range] of ranges.entries()) {
        askedBytes += range.length;
        const before = ranges[index - 1];
        if (before) assert.ok(range.at - before.at - before.length > limits.RANGE_GAP_BYTES);
      }
      return progress;
    }).value;
    const start = segment * 100;
    assert.deepEqual(reading.plaintext(segment, [{ number: 1, bytes: block }]), file.data.slice(start, start + 100));
    assert.ok(askedBytes < file.shares[1]!.length / 2, `${askedBytes} bytes for segment ${segment}`);
    if (segment === 401) assert.equal(askedBytes, 100);
  }
});

test("a flip of any byte of a share is found by an audit, and never read", () => {
  for (const [file, number, step] of [
    [A, 0, 1],
    [A, 9, 1],
    [B, 5, 3],
  ] as const) {
    const audited = file.shares.map((share, index) => drive(...auditOf(verifyOf(file), index, share)).value);
    assert.ok(audited.every((isGood) => isGood));
    for (let at = 0; at < file.shares[number]!.length; at += step) {
      const share = file.shares[number]!.slice();
      share[at]! ^= 1 << (at % 8);
      refuses(() => drive(...auditOf(verifyOf(file), number, share)));
      const shares = file.shares.map((good, index) => (index === number ? share : index < 3 ? good : undefined));
      if (number >= 3) shares[0] = undefined;
      try {
        const read = readFile(openFile(file.cap, 1024), shares, 0, file.data.length);
        assert.deepEqual(read, file.data, `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof GridError, String(error));
      }
    }
  }
});

function auditOf(cap: ChkVerifyCap, number: number, share: Uint8Array) {
  const reader = openFile(cap).share(number);
  return [reader, share, () => reader.audit()] as const;
}

test("a share that is too short or too long, or another's, is bad, and stays bad", () => {
  for (let length = 0; length < A.shares[0]!.length; length += 7) {
    refuses(() => drive(...auditOf(verifyOf(A), 0, A.shares[0]!.subarray(0, length))));
  }
  refuses(() => drive(...auditOf(verifyOf(A), 0, new Uint8Array([...A.shares[0]!, 0]))), "bad-share");
  const [reader, share, ask] = auditOf(verifyOf(A), 1, A.shares[0]!);
  refuses(() => drive(reader, share, ask));
  refuses(() => reader.block(0));
  refuses(() => drive(...auditOf(verifyOf(B), 0, A.shares[0]!)));
});

test("an altered number in the text of a cap yields nothing", () => {
  for (const change of [{ k: 2 }, { n: 11 }, { size: 99 }, { size: 101 }]) {
    refuses(() => readFile(openFile({ ...A.cap, ...change }), A.shares, 0, 200), "too-few-shares");
  }
  refuses(() => openFile({ ...A.cap, size: 0 }), "bad-parameters");
});

test("a verify cap repairs to the same bytes and gives no plaintext", () => {
  const file = openFile(verifyOf(B));
  const readers = [9, 4, 7].map((number) => file.share(number));
  const opened = drive(readers[0]!, B.shares[9]!, () => readers[0]!.open()).value;
  const segments = [...segmentParts(opened.params, 0, B.data.length)].map(({ segment }) => {
    const blocks = readers.map((reader) => {
      const bytes = drive(reader, B.shares[reader.number]!, () => reader.block(segment)).value;
      return { number: reader.number, bytes };
    });
    refuses(() => file.plaintext(segment, blocks), "not-permitted");
    refuses(() => file.ciphertext(segment, [blocks[0]!, blocks[0]!, blocks[1]!]), "too-few-shares");
    refuses(
      () =>
        file.ciphertext(
          segment,
          blocks.map((block) => ({ ...block, bytes: block.bytes.toReversed() })),
        ),
      "bad-hash",
    );
    return file.ciphertext(segment, blocks);
  });
  const encoder = () => new ChkEncoder({ crypto, code: plainErasureCode(3, 10), params: opened.params });
  assert.deepEqual(encodeAll(encoder(), segments, B.cap.key, B.cap.uebHash).shares, B.shares);
  segments[0] = segments[0]!.toReversed();
  refuses(() => encodeAll(encoder(), segments, B.cap.key, B.cap.uebHash), "bad-hash");
});

test("layout 2 begins where 4 bytes no longer hold an offset, and is read like 1", () => {
  const sizeOf = (size: number) => shareLayout(newChkParams(size, 1, 1, limits.DEFAULT_SEGMENT_MAX_BYTES));
  assert.equal(sizeOf(2 ** 32 - 2 ** 21).version, 1);
  const large = sizeOf(2 ** 32 - 100);
  assert.deepEqual([large.version, large.offsets.data], [2, 0x44]);
  const params = newChkParams(2 ** 40, 3, 10, limits.DEFAULT_SEGMENT_MAX_BYTES);
  assert.deepEqual(readHeader(formatHeader(params, shareLayout(params))).offsets, shareLayout(params).offsets);
  // The same small file as somebody might write it in layout 2.
  const second = B.shares.map((share) => {
    const [from, to] = [shareLayout(B.params), shareLayout(B.params, 2)];
    const parts = [formatHeader(B.params, to), share.subarray(from.offsets.data, from.offsets.ueb), new Uint8Array(4)];
    return new Uint8Array(Buffer.concat([...parts, share.subarray(from.offsets.ueb)]));
  });
  assert.deepEqual(readFile(openFile(B.cap), second, 0, 3000), B.data);
  assert.ok(drive(...auditOf(verifyOf(B), 3, second[3]!)).value);
});

test("what is beyond our limits is refused before memory is taken", () => {
  const of = (size: number, k: number, n: number, segmentBytes: number) => () =>
    chkParams({ size, k, n, segmentBytes });
  refuses(of(1, 1, 1, limits.SEGMENT_MAX_BYTES + 1), "too-large");
  refuses(of(limits.SEGMENTS_MAX + 1, 1, 1, 1), "too-large");
  of(limits.SEGMENTS_MAX, 1, limits.SHARES_MAX, 1)();
  of(1, 1, 1, limits.SEGMENT_MAX_BYTES)();
  for (const [size, k, n, segment] of [
    [1, 1, 257, 1],
    [1, 2, 1, 2],
    [1, 2, 2, 3],
    [0, 1, 1, 1],
    [1, 0, 1, 1],
    [1.5, 1, 1, 1],
  ]) {
    refuses(of(size!, k!, n!, segment!), "bad-parameters");
  }
  const many = chkParams({ size: 2 ** 22, k: 1, n: 1, segmentBytes: 1 });
  refuses(() => new ChkEncoder({ crypto, code: plainErasureCode(1, 1), params: many }), "too-large");
  // A writer may claim that many segments: its UEB is in order, and reading costs what is read.
  const hash = counting(limits.HASH_BYTES);
  const ueb = formatUeb({ params: many, crypttextHash: hash, crypttextRoot: hash, shareRoot: hash });
  const file = openFile({ ...A.cap, k: 1, n: 1, size: 2 ** 22, uebHash: uebHash(crypto, ueb) });
  file.takeUeb(ueb);
  const reader = file.share(0);
  refuses(() => drive(reader, formatHeader(many, shareLayout(many, 2)), () => reader.audit()), "too-large");
  assert.ok(many.segments > limits.AUDIT_SEGMENTS_MAX);
});

test("a UEB that no writer makes is refused", () => {
  const text = (value: string) => new Uint8Array(Buffer.from(value, "latin1"));
  const { offsets, shareBytes } = shareLayout(A.params);
  const good = Buffer.from(A.shares[0]!.subarray(offsets.ueb + 4, shareBytes)).toString("latin1");
  assert.equal(good.length, 312);
  const read = (value: string) => readUeb(crypto, { ...A.cap, uebHash: uebHash(crypto, text(value)) }, text(value));
  assert.equal(read(good).params.segmentBytes, 102);
  assert.equal(read(`${good}plaintext_hash:1:x,`).params.segmentBytes, 102);
  refuses(() => readUeb(crypto, A.cap, text(`${good} `)), "bad-hash");
  const bad = [good.slice(0, -1), `${good}size:3:100,`, `${good}4:1:x,`, good.replace("crs", "raw"), ""];
  bad.push(good.replace("segment_size:3:102,", "segment_size:3:100,"), good.replace("size:3:100,", "size:3:101,"));
  bad.push(good.replace("share_root_hash:32:", "share_root_hash:31:"), good.replace("size:3:100,", ""));
  bad.push(`${good}x:${limits.UEB_MAX_BYTES}:${"x".repeat(limits.UEB_MAX_BYTES)},`);
  for (const value of bad) refuses(() => read(value), "bad-ueb");
  assert.equal(parseCap(formatCap(A.cap)).kind, "chk");
});
