/** The load that a box claims in its gossip tags: read with its time, or not at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadOf, saidAt } from "./boxes.ts";

const NOW_MS = Date.UTC(2026, 10, 1, 12, 0, 30);
const MINUTE_MS = 60_000;

test("a load has its time; a clock that is ahead says now; what does not fit is none", () => {
  const said = (agoMs: number, l = "150") => loadOf({ l, t: saidAt(NOW_MS - agoMs) }, NOW_MS);
  assert.deepEqual(said(0), { load: 1.5, loadAtMs: NOW_MS - 30_000 });
  assert.deepEqual(said(20 * MINUTE_MS), { load: 1.5, loadAtMs: NOW_MS - 20.5 * MINUTE_MS });
  assert.deepEqual(said(-600 * MINUTE_MS), { load: 1.5, loadAtMs: NOW_MS });
  for (const l of ["", "-5", "1.5", "1e3", "NaN", "Infinity", "9999999"]) assert.equal(said(0, l), undefined, l);
  for (const t of ["", "-1", "T0", "zzzzzzzz", "1 2"]) assert.equal(loadOf({ l: "5", t }, NOW_MS), undefined, t);
  assert.equal(loadOf({ l: "5" }, NOW_MS), undefined, "a load without its time");
  assert.equal(loadOf({ t: saidAt(NOW_MS) }, NOW_MS), undefined);
});
