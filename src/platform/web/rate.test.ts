/** Rate limits: bursts, refilling, and how many keys are remembered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { createRateLimits, RATE_KEYS_MAX } from "./rate.ts";

test("a burst up to the limit, then one call for each part of the minute that has passed", () => {
  const clock = virtualClock();
  const rates = createRateLimits(clock);
  const taken = (times: number) => {
    let count = 0;
    for (let n = 0; n < times; n += 1) {
      try {
        rates.take("a", 6);
        count += 1;
      } catch (error) {
        assert.ok(isFailure(error, "too-many"));
        assert.ok((error.params["seconds"] as number) >= 1 && (error.params["seconds"] as number) <= 10);
      }
    }
    return count;
  };
  assert.equal(taken(20), 6);
  clock.advance(9_999);
  assert.equal(taken(20), 0);
  clock.advance(1);
  assert.equal(taken(20), 1);
  clock.advance(3_600_000);
  assert.equal(taken(20), 6);
});

test("no more than RATE_KEYS_MAX keys are remembered; the one used longest ago is forgotten", () => {
  const rates = createRateLimits(virtualClock());
  rates.take("old", 1);
  rates.take("used again", 2);
  for (let n = 0; n < RATE_KEYS_MAX - 2; n += 1) rates.take(`key ${n}`, 1);
  rates.take("used again", 2);
  assert.throws(
    () => rates.take("key 0", 1),
    (error) => isFailure(error, "too-many"),
  );
  rates.take("one too many", 1);
  rates.take("old", 1);
  assert.throws(
    () => rates.take("used again", 2),
    (error) => isFailure(error, "too-many"),
  );
});
