/** Tests of the order of boxes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BoxState, boxOrder } from "./box-state.ts";

const box = (id: string, state: BoxState, rttMs: number | null = null, self = false) => ({
  id,
  name: id,
  state,
  rttMs,
  self,
});

test("who waits comes first, then this box, then by distance, and who is gone last", () => {
  const boxes = [
    box("away", "away", 1),
    box("far", "up", 90),
    box("unknown", "up"),
    box("near", "suspect", 3),
    box("me", "up", null, true),
    box("new", "pending"),
    box("out", "excluded", 1),
  ];
  assert.deepEqual(
    boxes.toSorted(boxOrder).map((one) => one.id),
    ["new", "me", "near", "far", "unknown", "away", "out"],
  );
});
