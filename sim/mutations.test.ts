/** Each planted mistake is caught by the checker of the promise that it breaks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mutations } from "./mutations.ts";
import { plant } from "./planted.ts";
import { play } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

const SEED = 1;

for (const { name, scenario, caughtBy, mistakes, config } of mutations) {
  test(`caught by ${caughtBy} in ${scenario}: ${name}`, async (t) => {
    const planted = mistakes && (await plant(mistakes));
    t.after(() => planted?.remove());
    const played = scenarios.find((one) => one.name === scenario)!;
    const { violations } = play(played, SEED, { ...config, ...(planted ? { cores: planted.cores } : {}) });
    const promises = [...new Set(violations.map(({ promise }) => promise))];
    assert.ok(promises.includes(caughtBy), `only ${promises.join(", ") || "nothing"} was reported`);
  });
}

test("copies without a mistake behave as the shipped cores; a mistake that does not fit is refused", async (t) => {
  const planted = await plant([]);
  t.after(planted.remove);
  const kill = scenarios.find((scenario) => scenario.name === "kill")!;
  assert.equal(play(kill, SEED, { cores: planted.cores }).hash, play(kill, SEED).hash);
  const file = "records/live-set.ts";
  await assert.rejects(plant([{ file, from: "no such text", to: "" }]), /holds 0 times/);
  await assert.rejects(plant([{ file, from: "records", to: "" }]), /times: records/);
});
