/** The week as one line of text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOUR_MS } from "./history.ts";
import type { Hour } from "./history.ts";
import { weekLine } from "./sparkline.ts";

const NOW_HOUR = 494_001;
const hour = (ago: number, more: Partial<Hour> = {}): Hour => ({
  hour: NOW_HOUR - ago,
  samples: 4,
  answered: 4,
  lost: 0,
  rttMs: 5,
  firstByteMs: 10,
  firstByteP95Ms: 12,
  ...more,
});
const line = (...hours: Hour[]) => weekLine(hours, NOW_HOUR * HOUR_MS);

test("56 steps of three hours, the newest last; bars by time, x without answers, dots without measurements", () => {
  assert.equal(line(), "·".repeat(56));
  assert.equal(line(hour(0)).slice(-2), "·█");
  assert.equal(
    line(hour(6, { firstByteMs: 100 }), hour(3, { firstByteMs: 50 }), hour(0, { firstByteMs: 1 })).slice(-3),
    "█▅▁",
  );
  assert.equal(line(hour(3, { answered: 0, firstByteMs: null, rttMs: null }), hour(0)).slice(-3), "·x█");
  assert.equal(line(hour(0, { answered: 1 })).at(-1), "x");
  assert.equal(line(hour(0, { firstByteMs: 0, rttMs: 0 })).at(-1), "▁");
  assert.equal(line(hour(0, { firstByteMs: null })).at(-1), "█", "without a first byte the round trip counts");
  assert.equal(line(hour(200)), "·".repeat(56), "too old");
  assert.equal([...line(hour(167))].length, 56);
});
