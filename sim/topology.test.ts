/** Paths over the real graphs: connected, symmetric, longer over more links, and beyond the zone's size too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { graphs, topology } from "./topology.ts";
import type { GraphName } from "./topology.ts";

test("every box reaches every other, both ways alike, and a detour is never shorter", () => {
  for (const name of Object.keys(graphs) as GraphName[]) {
    const { path } = topology(name);
    const boxes = [0, 1, 17, 44, 70, 1400, 3000, 9999, 19_999];
    for (const a of boxes) {
      assert.deepEqual(path(a, a), { delayMs: 0, loss: 0 });
      for (const b of boxes) {
        const there = path(a, b);
        assert.ok(there.delayMs < 500 && there.loss >= 0 && there.loss < 1, `${name} ${a} ${b}: ${there.delayMs} ms`);
        assert.ok(Math.abs(there.delayMs - path(b, a).delayMs) < 0.01);
      }
    }
    for (const b of [1, 17, 44]) {
      assert.ok(path(0, 70).delayMs <= path(0, b).delayMs + path(b, 70).delayMs + 0.01);
    }
  }
});
