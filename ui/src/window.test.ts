/** Tests of which rows are in view. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsInView } from "./window.ts";

test("rows around the view are drawn, never more than there are", () => {
  assert.deepEqual(rowsInView(-200, 800, 80, 5000, 2), { from: 0, to: 10 });
  assert.deepEqual(rowsInView(8000, 800, 80, 5000, 2), { from: 98, to: 112 });
  assert.deepEqual(rowsInView(400_000, 800, 80, 5000, 2), { from: 4998, to: 5000 });
  assert.deepEqual(rowsInView(0, 800, 80, 3, 2), { from: 0, to: 3 });
  assert.deepEqual(rowsInView(0, 800, 0, 30, 4), { from: 0, to: 4 });
});
