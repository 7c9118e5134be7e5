/** Each planted mistake is caught by its play, within as many seeds as are played here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plantIn } from "../files/planted.ts";
import { computeMutations } from "./mutations.ts";
import type { Parts } from "./parts.ts";

const SEEDS = 10;
const COMPUTE = {
  parts: new URL("./parts.ts", import.meta.url).href,
  again: /^(services|protocols)\/compute\//,
  shared: /\/(errors|server)\.ts$/,
};

for (const { name, by, mistakes, seed: first = 1 } of computeMutations) {
  test(`caught: ${name}`, async (t) => {
    const parts = (await plantIn(COMPUTE, mistakes)) as Parts;
    for (let seed = first; seed < first + SEEDS; seed += 1) {
      const [complaint] = await by(seed, parts);
      if (complaint) return t.diagnostic(`seed ${seed}: ${complaint}`);
    }
    assert.fail(`not caught in ${SEEDS} seeds`);
  });
}
