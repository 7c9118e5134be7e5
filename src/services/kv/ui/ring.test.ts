/** Tests of the picture of the ring. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RING_SIZE, type RingMember, ringOf } from "./ring.ts";

function member(boxId: string, slots: number, coordinates = 0): RingMember {
  return { boxId, up: true, slots, coordinates };
}

/** All numbers of a path but the flags and radii of its arcs lie on the picture. */
function points(path: string): { x: number; y: number }[] {
  return [...path.matchAll(/(?:[ML]|[01] )(-?[\d.]+) (-?[\d.]+)(?=[MLAZ]|$)/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }));
}

test("one box alone is a whole turn, drawn as two circles without a seam", () => {
  const [only, ...rest] = ringOf([member("a", 1024, 1024)]);
  assert.equal(rest.length, 0);
  assert.deepEqual(only!.outer.match(/[A-Z]/g)?.join(""), "MAAZMAAZ");
  assert.deepEqual(only!.inner.match(/[A-Z]/g)?.join(""), "MAAZMAAZ");
  assert.doesNotMatch(only!.outer, /NaN|L/);
});

test("three equal boxes begin at the top, go clockwise and keep their numbers", () => {
  const arcs = ringOf([member("a", 100, 50), member("b", 100), member("c", 100, 100)]);
  assert.deepEqual(
    arcs.map(({ number }) => number),
    [1, 2, 3],
  );
  const [a, b, c] = arcs.map(({ at }) => at!);
  assert.ok(a!.x > RING_SIZE / 2 && a!.y < RING_SIZE / 2, "the first stands to the right above");
  assert.ok(Math.abs(b!.x - RING_SIZE / 2) < 1 && b!.y > RING_SIZE / 2, "the second below");
  assert.ok(c!.x < RING_SIZE / 2 && c!.y < RING_SIZE / 2, "the third to the left above");
  assert.equal(arcs[1]!.inner, "", "who coordinates nothing has no inner band");
  assert.notEqual(arcs[0]!.inner, "");
});

test("a box without slots has no arc, and the others keep the number that they have in the list", () => {
  const arcs = ringOf([member("a", 0), member("b", 10)]);
  assert.deepEqual(
    arcs.map(({ member: { boxId }, number }) => [boxId, number]),
    [["b", 2]],
  );
  assert.deepEqual(ringOf([]), []);
  assert.deepEqual(ringOf([member("a", 0)]), []);
});

test("a large share is longer than half a turn, a tiny one has no number, and all stays on the picture", () => {
  const arcs = ringOf([member("a", 900, 2000), member("b", 100), member("c", 1)]);
  assert.match(arcs[0]!.outer, /A112 112 0 1 1/);
  assert.match(arcs[1]!.outer, /A112 112 0 0 1/);
  assert.equal(arcs[2]!.at, undefined);
  for (const { outer, inner } of arcs) {
    for (const { x, y } of [...points(outer), ...points(inner)]) {
      assert.ok(x >= 0 && x <= RING_SIZE && y >= 0 && y <= RING_SIZE, `${x} ${y}`);
    }
  }
});

test("four hundred boxes: gaps shrink, no arc turns backwards", () => {
  const arcs = ringOf(Array.from({ length: 400 }, (_, index) => member(`b${index}`, 8, 3)));
  assert.equal(arcs.length, 400);
  for (const { outer } of arcs) assert.doesNotMatch(outer, /NaN|A112 112 0 1/);
});
