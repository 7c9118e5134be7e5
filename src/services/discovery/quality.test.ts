/** The score of a service: its formula by hand, its bounds, and that better never scores lower. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { QualityFacts } from "./quality.ts";
import { HALF_SPEED_MS, qualityScore } from "./quality.ts";

const good: QualityFacts = {
  boxUp: true,
  reachable: true,
  rttMs: 0,
  firstByteMs: null,
  loss: 0,
  success7d: 1,
  load: 0,
};
const score = (facts: Partial<QualityFacts>) => qualityScore({ ...good, ...facts });

test("the formula, by hand", () => {
  assert.equal(score({}), 100);
  assert.equal(score({ rttMs: HALF_SPEED_MS }), 83);
  assert.equal(score({ firstByteMs: HALF_SPEED_MS, rttMs: 1 }), 83);
  assert.equal(score({ success7d: 0 }), 50);
  assert.equal(score({ load: 1 }), 93);
  assert.equal(score({ loss: 0.5 }), 50);
  assert.equal(
    score({ rttMs: 300, success7d: 0.9, load: 0.5, loss: 0.1 }),
    Math.round(100 * (0.45 + 0.35 / 3 + 0.1) * 0.9),
  );
});

test("what is not known counts as good; without any time there is no score", () => {
  assert.equal(score({ loss: null, success7d: null, load: null }), 100);
  assert.equal(score({ rttMs: null, firstByteMs: null }), null);
  assert.equal(score({ rttMs: null, firstByteMs: null, reachable: null }), null);
  assert.equal(score({ load: -3 }), 100);
});

test("a box that is away, or a service that did not answer, has the score 0", () => {
  assert.equal(score({ boxUp: false }), 0);
  assert.equal(score({ reachable: false }), 0);
  assert.equal(score({ boxUp: false, rttMs: null }), 0);
});

test("the score lies between 0 and 100, and never rises when something gets worse", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const time = fc.double({ min: 0, max: 1e6, noNaN: true });
  const facts = fc.record({
    rttMs: time,
    loss: share,
    success7d: share,
    load: fc.double({ min: 0, max: 100, noNaN: true }),
  });
  fc.assert(
    fc.property(facts, time, share, (given, moreMs, worse) => {
      const now = score(given)!;
      assert.ok(Number.isInteger(now) && now >= 0 && now <= 100);
      assert.ok(score({ ...given, rttMs: given.rttMs + moreMs })! <= now);
      assert.ok(score({ ...given, loss: Math.max(given.loss, worse) })! <= now);
      assert.ok(score({ ...given, success7d: Math.min(given.success7d, worse) })! <= now);
      assert.ok(score({ ...given, load: given.load + moreMs })! <= now);
    }),
  );
});
