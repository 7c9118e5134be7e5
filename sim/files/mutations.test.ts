/** Each planted mistake is caught by its plan, within as many seeds as are played here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { filesMutations } from "./mutations.ts";
import { planOf } from "./plans.ts";
import { plant } from "./planted.ts";
import { complaintOf } from "./play.ts";

const SEEDS = 12;

for (const { name, plan, mistakes, seed: first = 1 } of filesMutations)
  test(`caught in ${plan}: ${name}`, async (t) => {
    const parts = await plant(mistakes);
    for (let seed = first; seed < first + SEEDS; seed++) {
      const complaint = await complaintOf(planOf(plan), seed, parts);
      if (complaint) return t.diagnostic(`seed ${seed}: ${complaint}`);
    }
    assert.fail(`not caught in ${SEEDS} seeds`);
  });

test("a mistake that does not apply to the code is noticed", async () => {
  const file = "services/files/care/pace.ts";
  await assert.rejects(plant([{ file, from: "no such words", to: "" }]), /holds 0 times/);
  await assert.rejects(plant([{ file: "services/files/links.ts", from: "", to: "" }]), /not among what is loaded/);
});
