/** Tests of figures and dates in the reader's language. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, milliseconds, partOfDay, percent, relative, relativeChangesAfterMs } from "./format.ts";

test("sizes take the unit that reads best, with one digit only where it helps", () => {
  assert.deepEqual(
    [0, 1, 25].map((size) => bytes(size, "en")),
    ["0 bytes", "1 byte", "25 bytes"],
  );
  assert.deepEqual([bytes(25, "ca"), bytes(25, "es")], ["25 bytes", "25 bytes"]);
  assert.equal(bytes(999_499, "en"), "999 kB");
  assert.equal(bytes(999_500, "en"), "1 MB");
  assert.equal(bytes(2_340_000_000, "en"), "2.3 GB");
  assert.equal(bytes(64_000_000_000, "ca"), "64 GB");
});

test("round trips are milliseconds until they are seconds", () => {
  assert.equal(milliseconds(0.4, "en"), "0.4 ms");
  assert.equal(milliseconds(12.4, "en"), "12 ms");
  assert.equal(milliseconds(1240, "es"), "1,2 s");
});

test("a success of almost all is not rounded up to all", () => {
  assert.equal(percent(99.6, "en"), "99.6%");
  assert.equal(percent(100, "en"), "100%");
});

test("ages are said in the largest whole unit", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  assert.equal(relative(now - 3_000, now, "en"), "now");
  assert.equal(relative(now - 61_000, now, "en"), "1 min. ago");
  assert.equal(relative(now + 2 * 86_400_000, now, "en"), "in 2 days");
  assert.equal(duration(3 * 86_400_000 + 5, "ca"), "3 dies");
  assert.ok(relativeChangesAfterMs(now - 10_000, now) <= 5_000);
});

test("the greeting follows the hour", () => {
  assert.deepEqual([6, 14, 22, 2].map(partOfDay), ["morning", "afternoon", "evening", "evening"]);
});
