/** The memory of wrong attempts: bounded, the oldest pair forgotten first. (The pauses: see service.test.ts.) */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { createAttempts, PAIRS_MAX, PAUSE_MS, PAUSE_MS_MAX, WRONG_IN_A_ROW_MAX } from "./attempts.ts";

test("PAIRS_MAX pairs are remembered; one that goes on guessing stays among them", () => {
  const attempts = createAttempts(virtualClock());
  const block = (account: string) => {
    for (let n = 0; n < WRONG_IN_A_ROW_MAX; n += 1) attempts.wrong(account, "a");
  };
  block("first");
  block("second");
  for (let n = 0; n < PAIRS_MAX - 2; n += 1) attempts.wrong(`other ${n}`, "a");
  attempts.wrong("first", "a");
  attempts.wrong("one more", "a");
  assert.equal(attempts.pauseS("second", "a"), 0);
  assert.equal(attempts.pauseS("first", "a"), (2 * PAUSE_MS) / 1000);
});

test("the pause never passes PAUSE_MS_MAX, however long somebody guesses", () => {
  const attempts = createAttempts(virtualClock());
  for (let n = 0; n < 3000; n += 1) attempts.wrong("a", "b");
  assert.equal(attempts.pauseS("a", "b"), PAUSE_MS_MAX / 1000);
  attempts.right("a", "b");
  attempts.wrong("a", "b");
  assert.equal(attempts.pauseS("a", "b"), 0);
});
