/** Slices come to what was asked for, and nothing is left of them, whatever died in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { play, playBrief, playOlder, playReturn, playSqueeze, playTurn, playWidow } from "./play.ts";

/** Beside the first ones those that found something that the first ones do not. */
for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 74, 133, 134, 205, 314, 1078]) {
  test(`slices through faults, seed ${seed}`, async () => assert.deepEqual(await play(seed), []));
}

for (const seed of [1, 123]) {
  test(`what a box that is gone for good had elsewhere ends with its leases, seed ${seed}`, async () => {
    assert.deepEqual(await playWidow(seed), []);
  });
}

test("a sliver becomes smaller before another gets the room", async () => {
  assert.deepEqual(await playSqueeze(1), []);
});

test("a host that lends for a day, and has no room for more, keeps what it has", async () => {
  assert.deepEqual(await playBrief(1), []);
});

for (const seed of [1, 2, 3]) {
  test(`other limits and a stop in one wish, seed ${seed}`, async () => assert.deepEqual(await playTurn(seed), []));
}

test("a host that forgot what it had granted last is asked for it again", async () => {
  assert.deepEqual(await playOlder(1), []);
});

test("a box that was away does not take for lost what it cannot reach at once", async () => {
  assert.deepEqual(await playReturn(1), []);
});
