/** Each planted mistake is caught by its plan, within as many seeds as run here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plantStore } from "../planted.ts";
import { constantsOf, storeMutations } from "./mutations.ts";
import { complaintOf, play, plans } from "./play.ts";

const SEEDS = 60;

for (const { name, plan: planName, mistakes = [], config } of storeMutations)
  test(`caught in ${planName}: ${name}`, async (t) => {
    const plan = plans.find((one) => one.name === planName)!;
    const { create, remove } = await plantStore([...constantsOf(plan), ...mistakes]);
    t.after(remove);
    for (let seed = 1; seed <= SEEDS; seed++) {
      const complaint = complaintOf(play(plan, seed, { create, ...config }));
      if (complaint) return t.diagnostic(`seed ${seed}: ${complaint}`);
    }
    assert.fail(`not caught in ${SEEDS} seeds`);
  });
