/** Tests of the scaling of charts. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { areaPath, linePath, place, roundTop, thin, usualTop } from "./chart.ts";

test("the top of an axis is a round figure", () => {
  assert.deepEqual([0, 1, 3, 17, 50, 51, 4200].map(roundTop), [1, 1, 5, 20, 50, 100, 5000]);
});

test("values are placed from left to right, clipped to the height; gaps stay gaps", () => {
  assert.deepEqual(place([0, null, 30], 100, 20, 20), [{ x: 0, y: 20 }, null, { x: 100, y: 0 }]);
  assert.deepEqual(place([5], 100, 10, 10), [{ x: 50, y: 5 }]);
});

test("a line breaks at a gap; an area closes at the ground", () => {
  assert.equal(linePath([{ x: 0, y: 1 }, null, { x: 2, y: 3 }, { x: 4, y: 5 }]), "M0 1M2 3L4 5");
  assert.equal(
    areaPath(
      [
        { x: 0, y: 1 },
        { x: 2, y: 3 },
      ],
      9,
    ),
    "M0 1L2 3L2 9L0 9Z",
  );
  assert.equal(areaPath([], 9), "");
});

test("one slow answer does not set the scale", () => {
  assert.equal(usualTop([...Array.from({ length: 99 }, () => 10), 5000]), 10);
  assert.equal(usualTop([null]), 0);
});

test("thinning keeps the ends", () => {
  const thinned = thin(
    Array.from({ length: 1000 }, (_, index) => index),
    50,
  );
  assert.equal(thinned.length, 50);
  assert.equal(thinned[0], 0);
  assert.equal(thinned.at(-1), 999);
});
