/** The median of response times. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseTimes, TIMES_KEPT } from "./response-times.ts";

test("the median of the newest times", () => {
  const times = new ResponseTimes();
  assert.equal(times.medianMs(), undefined);
  for (const ms of [10, 5000, 12]) times.add(ms);
  assert.equal(times.medianMs(), 12);
  for (let count = 0; count < TIMES_KEPT; count += 1) times.add(100 + count);
  assert.equal(times.medianMs(), 100 + Math.floor(TIMES_KEPT / 2), "older ones are forgotten");
});
