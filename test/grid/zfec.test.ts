/**
 * Our erasure code and the zfec library, the one that Tahoe-LAFS uses, from Debian: the same shares for random codes,
 * and each decodes what the other encoded.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { seededRandom } from "../../src/kernel/random.ts";
import { simdMixer } from "../../src/platform/erasure.ts";
import { erasureCode, plainErasureCode } from "../../src/protocols/grid/erasure.ts";
import { erasureKernel } from "../../src/protocols/grid/erasure-kernel.ts";
import { needDebian } from "../support/debian.ts";
import { run } from "../support/process.ts";

const RANDOM_CASES = 250;
/** Codes at the limits, and those that files use. */
const FIXED_CODES = [
  [1, 1],
  [1, 256],
  [256, 256],
  [255, 256],
  [128, 256],
  [71, 255],
  [3, 10],
  [2, 4],
  [10, 16],
] as const;
const BLOCK_BYTES = [1, 15, 16, 17, 50];

/** zfec 1.5.2 encodes 256 of 256, and crashes where it should decode it: that way round only we decode. */
const ZFEC_DECODES_BELOW = 256;

/** Reads cases, prints for each the shares that zfec makes, and the blocks that it decodes out of ours. */
const PYTHON = `
import json, sys, zfec
for line in sys.stdin:
    case = json.loads(line)
    k, n = case["k"], case["n"]
    made = zfec.Encoder(k, n).encode([bytes.fromhex(b) for b in case["blocks"]], case["wanted"])
    shares = [bytes.fromhex(b) for b in case["shares"]]
    found = zfec.Decoder(k, n).decode(shares, case["numbers"]) if k < ${ZFEC_DECODES_BELOW} else shares
    print(json.dumps({"made": [bytes(b).hex() for b in made], "found": [bytes(b).hex() for b in found]}))
`;

interface Answer {
  made: string[];
  found: string[];
}

before(() => needDebian(["python3-zfec"]));

const hex = (blocks: readonly Uint8Array[]) => blocks.map((block) => Buffer.from(block).toString("hex"));
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

function makeCase(seed: number) {
  const random = seededRandom(seed);
  const [k, n] =
    FIXED_CODES[seed] ?? ([1 + random.below(256), 1 + random.below(256)].toSorted((a, b) => a - b) as [number, number]);
  const order = Array.from({ length: n }, (_, number) => ({ number, key: random.float() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ number }) => number);
  const length = BLOCK_BYTES[random.below(BLOCK_BYTES.length)]!;
  const blocks = Array.from({ length: k }, () => random.bytes(length));
  return { k, n, blocks, wanted: order.slice(0, Math.max(k, 1 + random.below(n))), numbers: order.slice(0, k) };
}

test("zfec and we make the same shares, and decode each other's", async () => {
  const mixer = simdMixer(erasureKernel());
  assert.ok(mixer);
  const cases = Array.from({ length: FIXED_CODES.length + RANDOM_CASES }, (_, seed) => makeCase(seed));
  const ours = cases.map(({ k, n, blocks, wanted }) => plainErasureCode(k, n).encode(blocks, wanted));
  const input = cases.map(({ k, n, blocks, wanted, numbers }, index) =>
    JSON.stringify({ k, n, wanted, numbers, blocks: hex(blocks), shares: hex(ours[index]!.slice(0, k)) }),
  );
  const said = await run(["/usr/bin/python3", "-c", PYTHON], { input: input.join("\n") });
  assert.equal(said.code, 0, said.stderr.slice(-2000));
  const answers = said.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
  assert.equal(answers.length, cases.length);
  for (const [index, { k, n, blocks, numbers }] of cases.entries()) {
    const { made, found } = answers[index]!;
    assert.deepEqual(made, hex(ours[index]!), `${k} of ${n}: shares`);
    if (k < ZFEC_DECODES_BELOW) assert.deepEqual(found, hex(blocks), `${k} of ${n}: zfec decodes ours`);
    const theirs = numbers.map((number, at) => ({ number, bytes: bytes(made[at]!) }));
    for (const code of [plainErasureCode(k, n), erasureCode(k, n, mixer)]) {
      assert.deepEqual(hex(code.decode(theirs)), hex(blocks), `${k} of ${n}: we decode zfec's`);
    }
  }
});
