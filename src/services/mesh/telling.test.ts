/** How rarely a box speaks of itself as the community grows, and that what matters is not held back in a small one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AGAIN_MS_MIN, LOAD_MS_MIN, LOAD_MS_PER_BOX, LOAD_STEP_PERCENT, NEWS_MS_PER_BOX, waitMs } from "./telling.ts";

const told = (load: number, rest = "a") => ({ load, rest });

test("a first word and news go out soon, spread over more time in a larger community", () => {
  assert.equal(waitMs(undefined, told(10), 0, 5, 0), 0);
  assert.equal(waitMs(told(10), told(10, "b"), 0, 5, 1), 5 * NEWS_MS_PER_BOX);
  assert.equal(waitMs(told(10), told(10, "b"), 0, 20_000, 0.5), 500_000);
});

test("a load is told when it moved by enough, and the same again now and then", () => {
  assert.equal(waitMs(told(10), told(10 + LOAD_STEP_PERCENT - 1), 0, 5, 0), AGAIN_MS_MIN);
  assert.equal(waitMs(told(10), told(10 + LOAD_STEP_PERCENT), 0, 5, 0), LOAD_MS_MIN);
  assert.equal(waitMs(told(400), told(440), 0, 5, 0), AGAIN_MS_MIN, "a tenth more of much is no news");
  assert.equal(waitMs(told(10), told(80), LOAD_MS_MIN, 5, 0), 0);
  assert.equal(waitMs(told(10), told(10), AGAIN_MS_MIN + 1, 5, 0), 0);
});

test("20,000 boxes whose loads move all the time bring one of them a second", () => {
  assert.equal(waitMs(told(10), told(90), 0, 20_000, 0), 20_000 * LOAD_MS_PER_BOX);
});
