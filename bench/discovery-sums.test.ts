/**
 * The arithmetic of `bench:discovery`, with numbers whose results are known.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOT_SEEN, bytesPerChange, bytesPerSecond, mean, median, quantile } from "./discovery-sums.ts";
import { ratio, table, timeToShare } from "./discovery-sums.ts";
import type { Counted } from "./discovery-sums.ts";

const counted = (atMs: number, bytes: Record<string, number>): Counted => ({
  atMs,
  bytes: new Map(Object.entries(bytes)),
});

test("median: the middle one, whatever the order", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([1, NOT_SEEN, 2]), 2);
  assert.equal(median([1, NOT_SEEN]), NOT_SEEN);
  assert.equal(median([NOT_SEEN, NOT_SEEN]), NOT_SEEN);
  assert.throws(() => median([]));
});

test("quantile: the nearest rank", () => {
  const ten = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
  assert.equal(quantile(ten, 0.9), 90);
  assert.equal(quantile(ten, 0.91), 100);
  assert.equal(quantile(ten, 0), 10);
  assert.equal(quantile(ten, 1), 100);
  assert.equal(
    quantile(
      Array.from({ length: 15 }, (_, at) => at),
      0.9,
    ),
    13,
  );
  assert.throws(() => quantile([], 0.5));
});

test("99 % of 19 are all of them; of 200, all but two", () => {
  const nineteen = Array.from({ length: 19 }, (_, at) => at * 10);
  assert.equal(timeToShare(nineteen), 180);
  assert.equal(timeToShare([...nineteen.slice(1), NOT_SEEN]), NOT_SEEN);
  const many = Array.from({ length: 200 }, (_, at) => at);
  assert.equal(timeToShare(many), 197);
});

test("bytes per second: of nodes that are there before and after", () => {
  const before = counted(1000, { a: 100, b: 1000, gone: 5 });
  const after = counted(3000, { a: 300, b: 1600, fresh: 9 });
  assert.deepEqual(bytesPerSecond(before, after), [100, 300]);
});

test("bytes per change: what is beyond rest, over all changes", () => {
  const rest: [Counted, Counted] = [counted(0, { a: 0, b: 0 }), counted(10_000, { a: 1000, b: 3000 })];
  // 200 B/s at rest; 20 s with four changes, and 6000 bytes a node in them.
  const busy: [Counted, Counted] = [counted(50_000, { a: 0, b: 0 }), counted(70_000, { a: 5000, b: 7000 })];
  assert.equal(bytesPerChange(rest, busy, 4), (6000 - 4000) / 4);
});

test("mean", () => {
  assert.equal(mean([1, 2, 6]), 3);
  assert.throws(() => mean([]));
});

test("ratio: two digits, and none where one side was not seen", () => {
  assert.equal(ratio(1, 3), 0.33);
  assert.equal(ratio(1.006, 1), 1.01);
  assert.equal(ratio(NOT_SEEN, 5), null);
  assert.equal(ratio(5, NOT_SEEN), null);
  assert.equal(ratio(5, 0), null);
});

test("table: names to the left, figures to the right", () => {
  const rows = [
    ["", "serf"],
    ["bytes", "7"],
  ];
  assert.equal(table(rows), "       serf\nbytes     7");
});
