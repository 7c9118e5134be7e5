/** The files as they are shipped, in every plan: nothing that was promised is broken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plans } from "./plans.ts";
import { play } from "./play.ts";

/** Those that take long are played less. */
const SEEDS: Readonly<Record<string, number>> = {
  leases: 1,
  "owner-away": 1,
  destroyed: 2,
  "new-boxes": 2,
  spread: 2,
  weather: 4,
};
const SEEDS_USUAL = 2;

for (const plan of plans)
  test(`in ${plan.name}`, async (t) => {
    const seeds = Array.from({ length: SEEDS[plan.name] ?? SEEDS_USUAL }, (_, at) => at + 1);
    for (const seed of seeds) {
      const { complaints, figures } = await play(plan, seed);
      assert.deepEqual(complaints, [], `seed ${seed}`);
      t.diagnostic(`seed ${seed}: ${JSON.stringify(figures)}`);
    }
  });

test("a play is repeated by its seed", async () => {
  const [weather] = plans;
  assert.deepEqual(await play(weather!, 16), await play(weather!, 16));
});
