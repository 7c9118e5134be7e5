/** Times that were answered before they stand in their folders: shown at once, waited for by changes, not too many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LATE_TIMES_MAX } from "./constants.ts";
import { OpenWriters } from "./open-writers.ts";

test("a late time is shown until it is there, and whoever changes something near it waits", async () => {
  const writers = new OpenWriters();
  let there = () => {};
  const put = () => new Promise<void>((resolve) => (there = resolve));
  assert.equal(writers.timeLater("/a/f", 7, put), true);
  assert.deepEqual(writers.timed("/a/f", { modifiedMs: 1, bytes: 2 }), { modifiedMs: 7, bytes: 2 });
  assert.deepEqual(writers.timed("/a/g", { modifiedMs: 1 }), { modifiedMs: 1 });
  let isSettled = false;
  const waiting = writers.settled("/a").then(() => (isSettled = true));
  await writers.settled("/b");
  assert.equal(isSettled, false);
  there();
  await waiting;
  assert.deepEqual(writers.timed("/a/f", { modifiedMs: 1 }), { modifiedMs: 1 });
});

test("a newer time counts, one that failed is forgotten, and too many wait", async () => {
  const writers = new OpenWriters();
  let refuse = () => {};
  writers.timeLater("/f", 1, () => new Promise((_resolve, reject) => (refuse = () => reject(new Error("gone")))));
  writers.timeLater("/f", 2, () => new Promise(() => {}));
  refuse();
  await new Promise(setImmediate);
  assert.equal(writers.timed("/f", { modifiedMs: 0 }).modifiedMs, 2);
  for (let n = 1; n < LATE_TIMES_MAX; n += 1) assert.ok(writers.timeLater(`/${n}`, 1, () => new Promise(() => {})));
  assert.equal(
    writers.timeLater("/more", 1, () => assert.fail("it must wait")),
    false,
  );
});
