/** At once, then at most once in each pause, and the last time is not forgotten. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { CHANGED_PAUSE_MS } from "./constants.ts";
import { throttle } from "./throttle.ts";

test("a burst is told twice: its beginning and its end", () => {
  const clock = virtualClock();
  let count = 0;
  const tell = throttle(clock, CHANGED_PAUSE_MS, () => void (count += 1));
  for (let n = 0; n < 100; n += 1) tell();
  assert.equal(count, 1);
  clock.advance(CHANGED_PAUSE_MS);
  assert.equal(count, 2);
  clock.advance(10 * CHANGED_PAUSE_MS);
  assert.equal(count, 2);
  tell();
  assert.equal(count, 3);
});
