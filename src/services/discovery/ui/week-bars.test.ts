/** Where the bars of the drawn week stand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOURS, barsOf } from "./week-bars.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = 494_000 * HOUR_MS + 1_234_567;
const hour = (ago: number, answered: number, firstByteMs: number | null, rttMs: number | null = firstByteMs) => ({
  from: new Date((494_000 - ago) * HOUR_MS).toISOString(),
  ...{ samples: 4, answered, lost: 0, rttMs, firstByteMs, firstByteP95Ms: firstByteMs },
});

test("an hour to its place, a time to its height, what failed below; what is too old is left out", () => {
  const hours = [hour(168, 4, 50), hour(167, 4, 50), hour(2, 3, null, 200), hour(1, 0, null), hour(0, 4, 0)];
  assert.deepEqual(barsOf(hours, 100, NOW_MS), [
    { at: 0, share: 0.5, failed: 0 },
    { at: HOURS - 3, share: 1, failed: 0.25 },
    { at: HOURS - 2, share: null, failed: 1 },
    { at: HOURS - 1, share: 0.06, failed: 0 },
  ]);
});
