/** Slices come to what was asked for, and nothing is left of them, whatever died in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { play, playReturn, playSqueeze, playWidow } from "./play.ts";

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`slices through faults, seed ${seed}`, async () => assert.deepEqual(await play(seed), []));
}

test("what a box that is gone for good had elsewhere ends with its leases", async () => {
  assert.deepEqual(await playWidow(1), []);
});

test("a sliver becomes smaller before another gets the room", async () => {
  assert.deepEqual(await playSqueeze(1), []);
});

test("a box that was away does not take for lost what it cannot reach at once", async () => {
  assert.deepEqual(await playReturn(1), []);
});
