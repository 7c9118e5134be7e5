/** The algebra of the merge: the order and repetition of arrival never matter, whatever an author signs. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { leastMs } from "../../kernel/cost.fixture.ts";
import { AuthorSet } from "./author-set.ts";
import { liveOf, slotOf } from "./live-set.ts";
import type { Held } from "./record.ts";

function held(seq: number, floor: number, kind: string, key: string, content: string): Held {
  const record = { author: "a", seq, floor, kind, key, timeMs: 0, untilMs: null, body: content, sig: "" };
  return { record, ref: `${seq}:${floor}${kind}${key}${content}`, size: 1, signedBytes: new Uint8Array() };
}

/** Hostile authors too: floors that fall, numbers used twice; and what is permanent. */
const anyHeld = fc
  .tuple(
    fc.integer({ min: 1, max: 12 }),
    fc.nat(11),
    fc.constantFrom("p", "q", "join"),
    fc.constantFrom("a", "b", "c", "d", "self"),
    fc.constantFrom("x", "y"),
  )
  .map(([seq, floor, kind, key, content]) => held(seq, Math.max(1, seq - floor), kind, key, content));
const anySet = fc.uniqueArray(anyHeld, { maxLength: 14, selector: (item) => item.ref });
const limits = { perKind: 2, perAuthor: 3 };
const refs = (list: Held[]) =>
  liveOf(list, limits)
    .kept.map((item) => item.ref)
    .join(" ");

test("merging what is left of two sets gives what is left of both, in any order", () => {
  fc.assert(
    fc.property(anySet, anySet, (a, b) => {
      const whole = refs([...a, ...b]);
      assert.equal(refs([...liveOf(a, limits).kept, ...b]), whole);
      assert.equal(refs([...b, ...liveOf(a, limits).kept]), whole);
      assert.equal(refs([...liveOf(a, limits).kept, ...liveOf(b, limits).kept]), whole);
      assert.equal(refs(liveOf([...a, ...b], limits).kept), whole);
    }),
    { numRuns: 3000 },
  );
});

test("taken one at a time, in any order, the same is left as of all at once", () => {
  fc.assert(
    fc.property(anySet, (records) => {
      const set = new AuthorSet(limits);
      const taken: Held[] = [];
      for (const one of records) {
        const verdict = set.verdict(one);
        const added = set.add(one);
        taken.push(one);
        const whole = liveOf(taken, limits);
        assert.deepEqual(set.kept, whole.kept);
        assert.deepEqual(set.current().map(slotOf).sort(), whole.current.map(slotOf).sort());
        assert.equal(set.bytes, whole.kept.length);
        assert.equal(added.verdict === "new", whole.kept.includes(one), added.verdict);
        if (verdict !== "new") assert.equal(added.verdict, verdict);
        for (const old of added.dropped) assert.ok(!whole.kept.includes(old));
        assert.equal(set.add(one).verdict === "new", false, "the second time it is nothing new");
      }
    }),
    { numRuns: 6000 },
  );
});

test("an author at its limits takes its newest record in at little cost", () => {
  const set = new AuthorSet();
  let last = 0;
  const next = () => held((last += 1), 1, `k${last % 5}`, `${last}`, "x");
  while (last < 600) set.add(next());
  const manyMs = leastMs(() => {
    for (let n = 0; n < 100; n++) assert.equal(set.add(next()).dropped.length, 1);
  }, 10);
  const anewMs = leastMs(() => void liveOf([...set.kept, next()]), 10);
  assert.ok(manyMs / 100 < anewMs / 2, `${manyMs / 100} ms, and ${anewMs} ms to find out all anew`);
});

test("no floor and no flood of its author takes a join away, on which others may lean", () => {
  const join = held(1, 1, "join", "self", "x");
  const floor = held(9, 9, "p", "a", "x");
  const flood = [held(10, 9, "p", "b", "x"), held(11, 9, "p", "c", "x"), held(12, 9, "q", "d", "x")];
  assert.deepEqual(liveOf([join, floor, ...flood], limits).kept, [join, flood[0], flood[1], flood[2]]);
  const newer = held(13, 13, "join", "self", "y");
  assert.deepEqual(liveOf([join, floor, newer], limits).kept, [newer]);
  const elsewhere = held(2, 1, "join", "other", "x");
  assert.deepEqual(liveOf([elsewhere, floor], limits).kept, [floor], "only the one that counts");
});

test("of one key the highest number stays, and a higher floor withdraws what is below it", () => {
  const old = held(1, 1, "p", "a", "x");
  const other = held(2, 1, "p", "b", "x");
  const newer = held(3, 1, "p", "a", "x");
  assert.deepEqual(liveOf([newer, old, other]).kept, [other, newer]);
  const refreshed = held(4, 3, "p", "b", "x");
  assert.deepEqual(liveOf([old, other, newer, refreshed]).kept, [newer, refreshed]);
  assert.deepEqual(liveOf([held(2, 1, "p", "gone", "x"), newer, held(5, 3, "p", "c", "x")]).kept.length, 2);
});

test("an author whose floor falls again keeps the record that proves the higher floor", () => {
  const high = held(5, 5, "p", "a", "x");
  const lower = held(6, 1, "p", "a", "x");
  const withdrawn = held(2, 1, "p", "b", "x");
  const set = liveOf([high, lower, withdrawn]);
  assert.deepEqual(set.kept, [high, lower]);
  assert.deepEqual(set.current, [lower]);
});

test("beyond the limits the newest stay", () => {
  const set = liveOf([held(1, 1, "p", "a", "x"), held(2, 1, "p", "b", "x"), held(3, 1, "p", "c", "x")], limits);
  assert.deepEqual(
    set.kept.map((item) => item.record.seq),
    [2, 3],
  );
  assert.deepEqual(
    set.crowdedOut.map((item) => item.record.seq),
    [1],
  );
});
