/** At once, then at most once in each pause, and the last time is not forgotten. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "./virtual-clock.ts";
import { throttle } from "./throttle.ts";

const PAUSE_MS = 500;

test("a burst is told twice: its beginning and its end", () => {
  const clock = virtualClock();
  let count = 0;
  const tell = throttle(clock, PAUSE_MS, () => void (count += 1));
  for (let n = 0; n < 100; n += 1) tell();
  assert.equal(count, 1);
  clock.advance(PAUSE_MS);
  assert.equal(count, 2);
  clock.advance(10 * PAUSE_MS);
  assert.equal(count, 2);
  tell();
  assert.equal(count, 3);
});
