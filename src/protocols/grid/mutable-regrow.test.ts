/** Shares that were lost come back byte for byte, from any k, without a key. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { gridCrypto } from "../../platform/grid-crypto.ts";
import { plainErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { MdmfEncoder, encodeSdmf } from "./mutable-encoding.ts";
import { TEST_KEY_BASE64 } from "./mutable-key.fixture.ts";
import { mutableKeys } from "./mutable-keys.ts";
import { readMutableHeader } from "./mutable-layout.ts";
import { MutableRegrowth } from "./mutable-regrow.ts";
import { checkedShare, writtenShare } from "./mutable-shares.fixture.ts";

const crypto = gridCrypto();
const keys = mutableKeys(crypto, new Uint8Array(Buffer.from(TEST_KEY_BASE64, "base64")));

function sharesOf(format: "sdmf" | "mdmf", k: number, n: number, plaintext: Uint8Array): Uint8Array[] {
  const encoder = { crypto, code: plainErasureCode(k, n), keys };
  const salt = new Uint8Array(16).fill(7);
  if (format === "sdmf")
    return encodeSdmf(encoder, { sequence: 3n, plaintext, salt }).writes.map((writes) => writtenShare(writes));
  const mdmf = new MdmfEncoder(encoder, { sequence: 3n, dataLength: plaintext.length });
  const blocks = Array.from({ length: mdmf.segmentCount }, (_, index) =>
    mdmf.segment(index, plaintext.subarray(index * mdmf.segmentSize, (index + 1) * mdmf.segmentSize), salt),
  );
  return mdmf.finish().writes.map((rest, share) => writtenShare([...blocks.map((all) => all[share]!), ...rest]));
}

function regrown(shares: readonly Uint8Array[], numbers: readonly number[], k: number): Uint8Array[] {
  const header = readMutableHeader(shares[numbers[0]!]!);
  const code = plainErasureCode(k, shares.length);
  const regrowth = new MutableRegrowth({ crypto, code }, header, Buffer.from(shares[numbers[0]!]!));
  const blocks = numbers.map((number) => checkedShare(crypto, shares[number]!, number, keys.fingerprint).blocks);
  for (let index = 0; index < regrowth.segmentCount; index++) regrowth.segment(blocks.map((all) => all[index]!));
  return regrowth.finish();
}

const lengths = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(131_071, 131_074, 280_000));

for (const format of ["sdmf", "mdmf"] as const) {
  test(`${format}: any k shares make all n again`, () => {
    const parameters = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 8 }), lengths, fc.nat());
    fc.assert(
      fc.property(parameters, ([k, more, length, seed]) => {
        const n = k + more;
        const plaintext = Uint8Array.from({ length }, (_, index) => (index * 31 + seed) % 256);
        const shares = sharesOf(format, k, n, plaintext);
        const numbers = shares.map((_, number) => (number + seed) % n).slice(0, k);
        for (const [number, share] of regrown(shares, numbers, k).entries()) {
          assert.ok(Buffer.compare(share, shares[number]!) === 0, `share ${number}`);
        }
      }),
      { numRuns: 25 },
    );
  });
}

test("blocks of two files make no share", () => {
  const [one, other] = [new Uint8Array(90).fill(1), new Uint8Array(90).fill(2)].map((plaintext) =>
    sharesOf("sdmf", 3, 10, plaintext),
  );
  const mixed = [one![0]!, one![1]!, other![2]!, ...one!.slice(3)];
  const isRefused = (error: unknown) => error instanceof GridError && ["bad-hash", "bad-share"].includes(error.code);
  assert.throws(() => regrown(mixed, [0, 1, 2], 3), isRefused);
});
