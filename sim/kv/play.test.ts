/** The store as it is shipped, in every plan: linearizable, settled and answering at the end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plantStore } from "../planted.ts";
import { constantsOf } from "./mutations.ts";
import { complaintOf, play, plans } from "./play.ts";

const SEEDS = 8;

for (const plan of plans)
  test(`in ${plan.name}`, async (t) => {
    const { create, remove } = await plantStore(constantsOf(plan));
    t.after(remove);
    const drawn = 1_000 + Math.floor(Math.random() * 1e9);
    t.diagnostic(`drawn seed: ${drawn}`);
    for (const seed of [...Array.from({ length: SEEDS }, (_, at) => at + 1), drawn]) {
      const played = play(plan, seed, { create });
      assert.equal(complaintOf(played), undefined, `seed ${seed}`);
      assert.ok(played.history.length > 100, `seed ${seed}: only ${played.history.length} operations`);
    }
  });

test("a run is repeated by its seed", () => {
  const [calm] = plans;
  assert.deepEqual(play(calm!, 5).history, play(calm!, 5).history);
  assert.notDeepEqual(play(calm!, 5).history, play(calm!, 6).history);
});
