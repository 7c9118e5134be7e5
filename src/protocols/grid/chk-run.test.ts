/** Runs of segments: the same shares as one segment after the other, and nothing that is not what its hash says. */
import assert from "node:assert/strict";
import test from "node:test";
import { ChkEncoder, newChkParams } from "./chk-encoder.ts";
import { counting, crypto, drive, encodeAll, makeFile, openFile, refuses } from "./chk-files.test.ts";
import { decodeRun, encodeRun, runBytes, type RunShare } from "./chk-run.ts";
import { ChkSummary, checkSummarySize, encodableBytes } from "./chk-summary.ts";
import { plainErasureCode } from "./erasure.ts";
import { crypttextHashStream } from "./hashes.ts";

const [k, n, segmentMaxBytes] = [3, 5, 1000];
const code = plainErasureCode(k, n);

test("runs in any order make the shares that one segment after the other makes", () => {
  for (const size of [100, 1002, 1003, 7014, 7100]) {
    const params = newChkParams(size, k, n, segmentMaxBytes);
    const ciphertext = counting(size, 0, 251);
    const encoder = new ChkEncoder({ crypto, code, params });
    const segments = Array.from({ length: params.segments }, (_, index) =>
      ciphertext.slice(index * params.segmentBytes, (index + 1) * params.segmentBytes),
    );
    const { shares } = encodeAll(encoder, segments, new Uint8Array(16));
    const summary = new ChkSummary(crypto, params);
    const parts: Uint8Array[][] = Array.from({ length: n }, () => []);
    const firsts = Array.from({ length: Math.ceil(params.segments / 2) }, (_, index) => index * 2);
    let memory: Uint8Array | undefined;
    for (const first of firsts.toReversed()) {
      const piece = ciphertext.slice(first * params.segmentBytes, (first + 2) * params.segmentBytes);
      const wanted = [0, 1, 2, 3, 4];
      const run = encodeRun(crypto, code, { params, first, ciphertext: piece, wanted, withHashes: true, memory });
      summary.take(first, run.hashes);
      run.shares.forEach((share, number) => (parts[number]![first] = share.slice()));
      const some = encodeRun(crypto, code, { params, first, ciphertext: piece, wanted: [4, 1], withHashes: false });
      assert.deepEqual(some.shares, [run.shares[4], run.shares[1]]);
      assert.equal(some.hashes.length, 0);
      memory = run.memory;
    }
    const stream = crypttextHashStream(crypto);
    stream.update(ciphertext);
    const finished = summary.finish(stream.digest());
    shares.forEach((share, number) => {
      const { data, plaintextHashes } = encoder.layout.offsets;
      assert.ok(Buffer.concat(parts[number]!.filter(Boolean)).equals(share.subarray(data, plaintextHashes)), `${size}`);
      assert.deepEqual(finished.trailer(number), share.slice(plaintextHashes));
    });
  }
});

test("a run is read with few requests, and checked as a whole", () => {
  const file = makeFile(counting(9_500, 0, 251), { k, n, segmentMaxBytes });
  const read = openFile(file.cap, segmentMaxBytes);
  const runOf = (number: number, first: number, count: number): RunShare => {
    const reader = read.share(number);
    drive(reader, file.shares[number]!, () => reader.open(first * 1002, count * 1002));
    const { value, rounds } = drive(reader, file.shares[number]!, () => reader.run(first, count));
    assert.equal(rounds, 0, "the first request has brought all of it");
    return value;
  };
  for (const [first, count] of [
    [0, 1],
    [0, 10],
    [3, 4],
    [9, 1],
  ] as const) {
    const shares = [4, 0, 3].map((number) => runOf(number, first, count));
    const run = read.decodeRun(first, count, shares);
    const bytes = runBytes(file.params, first, count).content;
    const expected = file.data.slice(first * 1002, first * 1002 + bytes);
    assert.deepEqual(decodeRun(crypto, code, run), { state: "good", bytes: expected });

    const bad = { ...shares[1]!, bytes: shares[1]!.bytes.slice() };
    bad.bytes[bad.bytes.length - 1]! ^= 1;
    const short = { ...shares[2]!, bytes: shares[2]!.bytes.slice(1) };
    const damaged = decodeRun(crypto, code, { ...run, shares: [shares[0]!, bad, short] });
    assert.deepEqual(damaged, { state: "bad-shares", numbers: [0, 3] });
    const crypttextHashes = run.crypttextHashes.slice();
    crypttextHashes[0]! ^= 1;
    assert.deepEqual(decodeRun(crypto, code, { ...run, crypttextHashes }), { state: "bad-file", segment: first });
  }
  const reader = read.share(1);
  drive(reader, file.shares[1]!, () => reader.run(0, 2));
  refuses(() => {
    throw reader.spoil();
  }, "bad-hash");
  refuses(() => reader.run(2, 1), "bad-hash");
  refuses(() => read.decodeRun(0, 1, []), "too-few-shares");
});

test("what is no whole segments, or too much, is refused", () => {
  const params = newChkParams(5000, k, n, segmentMaxBytes);
  const run = { params, first: 0, wanted: [0], withHashes: true };
  refuses(() => encodeRun(crypto, code, { ...run, ciphertext: new Uint8Array(1003) }), "bad-parameters");
  const summary = new ChkSummary(crypto, params);
  refuses(() => summary.take(0, new Uint8Array(33)), "bad-parameters");
  refuses(() => summary.take(5, new Uint8Array(6 * 32)), "bad-parameters");
  refuses(() => summary.finish(new Uint8Array(32)), "bad-parameters");
  assert.deepEqual(runBytes(params, 4, 9), { content: 5000 - 4 * 1002, share: Math.ceil((5000 - 4 * 1002) / 3) });
  assert.deepEqual(runBytes(params, 5, 1), { content: 0, share: 0 });
  const most = encodableBytes({ n, segmentBytes: 1002 });
  checkSummarySize(newChkParams(most, k, n, 1002));
  refuses(() => checkSummarySize(newChkParams(most + 1, k, n, 1002)), "too-large");
});
