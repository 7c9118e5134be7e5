/** The score of a service: its formula by hand, its bounds, and that better and better known never scores lower. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { QualityFacts } from "./quality.ts";
import { HALF_SPEED_MS, qualityScore, scoreParts, WEIGHTS, wilsonLower } from "./quality.ts";

/** Measured every 15 minutes for a week, always there, near, idle. */
const WEEK = 672;
const good: QualityFacts = {
  boxUp: true,
  reachable: true,
  rttMs: 0,
  firstByteMs: null,
  loss: 0,
  samples: WEEK,
  answered: WEEK,
  load: 0,
};
const score = (facts: Partial<QualityFacts>) => qualityScore({ ...good, ...facts });

test("Wilson's lower bound, against values computed by hand", () => {
  // With all answered it is n / (n + z²); z² = 1.6425.
  assert.ok(Math.abs(wilsonLower(1, 1) - 1 / 2.6425) < 1e-3);
  assert.ok(Math.abs(wilsonLower(10, 10) - 10 / 11.6425) < 1e-3);
  // (0.9 + 0.008212 - 1.2816 · √(0.0009 + 0.00004106)) / 1.016425
  assert.ok(Math.abs(wilsonLower(90, 100) - 0.85483) < 1e-4, String(wilsonLower(90, 100)));
  assert.equal(wilsonLower(0, 0), 0);
  assert.equal(wilsonLower(0, 50), 0);
});

test("the formula, by hand", () => {
  assert.equal(score({}), 100);
  assert.equal(score({ rttMs: HALF_SPEED_MS }), 80);
  assert.equal(score({ firstByteMs: HALF_SPEED_MS, rttMs: 1 }), 80);
  assert.equal(score({ load: 1 }), 95);
  assert.equal(score({ loss: 0.5 }), 50);
  assert.equal(score({ load: null }), 95, "unknown is neither idle nor busy");
  const given = { rttMs: 300, samples: 100, answered: 90, load: 0.5, loss: 0.1 };
  assert.equal(score(given), Math.round(100 * (0.5 * 0.85483 + 0.4 / 3 + 0.1 / 1.5) * 0.9));
  assert.equal(WEIGHTS.success + WEIGHTS.speed + WEIGHTS.ease, 1);
});

test("the examples of the guide", () => {
  const near = { firstByteMs: 20, rttMs: 5, load: 0 };
  assert.deepEqual(
    [1, 2, 4, 10, 96, WEEK].map((samples) => score({ ...near, samples, answered: samples })),
    [64, 73, 81, 88, 94, 95],
  );
  assert.equal(score({ ...near, firstByteMs: 50, load: 0.5 }), 87);
  assert.equal(score({ ...near, firstByteMs: 300, load: 1 }), 68);
  assert.equal(score({ ...near, samples: 96, answered: 86 }), 88);
});

test("what was never measured has no score, and neither has one whose box is away; no answer last time is 0", () => {
  const never = { reachable: null, rttMs: null, samples: 0, answered: 0 };
  assert.equal(score(never), null);
  assert.equal(scoreParts({ ...good, ...never }), undefined);
  assert.equal(score({ boxUp: false }), null);
  assert.equal(score({ reachable: false }), 0);
  assert.equal(score({ load: -3 }), 100);
});

test("what a host claims of its load moves the score by 10 points at most, and by 5 against saying nothing", () => {
  const [idle, silent, busy] = [score({ load: 0 })!, score({ load: null })!, score({ load: 1e9 })!];
  assert.deepEqual([idle - busy, idle - silent], [10, 5]);
});

test("the score lies between 0 and 100, and never rises when something gets worse or less sure", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const time = fc.double({ min: 0, max: 1e6, noNaN: true });
  const count = fc.integer({ min: 1, max: 5000 });
  const facts = fc.record({ rttMs: time, loss: share, load: fc.double({ min: 0, max: 100, noNaN: true }) });
  fc.assert(
    fc.property(facts, time, share, count, count, (given, moreMs, worse, samples, fewer) => {
      const answered = Math.floor(samples * worse);
      const whole = { ...given, samples, answered };
      const now = score(whole)!;
      assert.ok(Number.isInteger(now) && now >= 0 && now <= 100);
      assert.ok(score({ ...whole, rttMs: given.rttMs + moreMs })! <= now);
      assert.ok(score({ ...whole, loss: Math.max(given.loss, worse) })! <= now);
      assert.ok(score({ ...whole, answered: Math.floor(answered / 2) })! <= now);
      assert.ok(score({ ...whole, load: given.load + moreMs })! <= now);
      const all = { ...given, samples, answered: samples };
      const few = Math.min(samples, fewer);
      assert.ok(score({ ...all, samples: few, answered: few })! <= score(all)!, "few measurements say less");
    }),
  );
});
