/**
 * The rings: all are reached, also with some boxes gone, and few hops suffice.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { base32 } from "./base32.ts";
import { RINGS_MAX, nextInRings } from "./rings.ts";

const boxes = (count: number) =>
  Array.from({ length: count }, (_, at) => base32(createHash("sha256").update(`box ${at}`).digest()));

/** Hops until each box that is there has heard what the first one says; `gone` are still taken for present. */
function hops(all: readonly string[], rings: number, gone: ReadonlySet<string> = new Set()): Map<string, number> {
  const heard = new Map([[all[0]!, 0]]);
  // A map that grows while it is walked: new ones come at the end.
  for (const [box, hop] of heard) {
    const others = all.filter((one) => one !== box);
    for (const next of nextInRings(box, others, rings)) {
      if (!gone.has(next) && !heard.has(next)) heard.set(next, hop + 1);
    }
  }
  return heard;
}

test("one ring reaches all, several do it in few hops", () => {
  for (const count of [1, 2, 3, 20, 300]) assert.equal(hops(boxes(count), 1).size, count);
  const many = hops(boxes(300), 3);
  assert.equal(many.size, 300);
  assert.ok(Math.max(...many.values()) <= 12, `${Math.max(...many.values())}`);
});

test("each box is told by as many as it tells", () => {
  const all = boxes(50);
  const toldBy = new Map<string, number>();
  for (const box of all) {
    const others = all.filter((one) => one !== box);
    for (const next of nextInRings(box, others, 1)) toldBy.set(next, (toldBy.get(next) ?? 0) + 1);
  }
  assert.deepEqual(new Set(toldBy.values()), new Set([1]));
  assert.equal(toldBy.size, 50);
});

test("boxes that are gone and not yet missed leave out few others", () => {
  const all = boxes(100);
  const gone = new Set(all.slice(90));
  assert.equal(hops(all, 3, gone).size, 90);
});

test("nobody to tell; more rings than an id has parts", () => {
  const [one, two] = boxes(2) as [string, string];
  assert.deepEqual(nextInRings(one, [], 3), []);
  assert.deepEqual(nextInRings(one, [two], RINGS_MAX + 5), [two]);
});
