/** Randomness: the seeded generator against an independent one, repeatable, evenly spread. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "./random.ts";
import { systemRandom } from "./system-random.ts";

/** xoshiro128** written out with big integers, from the paper, to compare with. */
function reference(seed: number): () => number {
  const mask = 0xffffffffn;
  let mix = BigInt(seed) & mask;
  const state = Array.from({ length: 4 }, () => {
    mix = (mix + 0x9e3779b9n) & mask;
    let z = ((mix ^ (mix >> 16n)) * 0x85ebca6bn) & mask;
    z = ((z ^ (z >> 13n)) * 0xc2b2ae35n) & mask;
    return z ^ (z >> 16n);
  }) as [bigint, bigint, bigint, bigint];
  const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (32n - by))) & mask;
  return () => {
    const result = (rotate((state[1] * 5n) & mask, 7n) * 9n) & mask;
    const t = (state[1] << 9n) & mask;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotate(state[3], 11n);
    return Number(result) / 2 ** 32;
  };
}

test("the seeded generator is xoshiro128**, and the same seed gives the same run", () => {
  for (const seed of [0, 1, 7, 0xffffffff]) {
    const [ours, theirs, again] = [seededRandom(seed), reference(seed), seededRandom(seed)];
    for (let n = 0; n < 1000; n += 1) {
      const value = ours.float();
      assert.equal(value, theirs());
      assert.equal(value, again.float());
    }
  }
  assert.deepEqual(seededRandom(3).bytes(40), seededRandom(3).bytes(40));
  assert.notDeepEqual(seededRandom(3).bytes(40), seededRandom(4).bytes(40));
});

for (const [name, random] of [
  ["seeded", seededRandom(11)],
  ["system", systemRandom()],
] as const) {
  test(`the ${name} generator spreads evenly and keeps its bounds`, () => {
    const draws = 40_000;
    const buckets = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < draws; n += 1) buckets[random.below(10)]! += 1;
    assert.equal(buckets.length, 10);
    // Chi squared with nine degrees of freedom: 45 is passed by chance less than once in a million runs.
    const chi = buckets.reduce((sum, count) => sum + (count - draws / 10) ** 2 / (draws / 10), 0);
    assert.ok(chi < 45, `chi squared ${chi}`);
    for (let n = 0; n < 1000; n += 1) {
      const value = random.float();
      assert.ok(value >= 0 && value < 1);
      assert.equal(random.below(1), 0);
    }
    const bytes = random.bytes(20_000);
    assert.equal(bytes.length, 20_000);
    assert.equal(new Set(bytes).size, 256);
    assert.equal(random.bytes(0).length, 0);
  });
}
