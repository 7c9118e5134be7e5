/** What is remembered, and that it is not remembered without end; and the waits between attempts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { atMost } from "../../../kernel/at-most.ts";
import { backOff, backOffBoundMs } from "./mutable-backoff.ts";
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, REMEMBERED_FILES_MAX } from "./mutable-constants.ts";
import { MutableMemory } from "./mutable-memory.ts";

test("the files that were noted longest ago are forgotten", () => {
  const memory = new MutableMemory();
  for (let file = 0; file <= REMEMBERED_FILES_MAX; file++) memory.noteHolders(`${file}`, new Map([["server", [file]]]));
  assert.equal(memory.size, REMEMBERED_FILES_MAX);
  assert.equal(memory.holdersOf("0").size, 0);
  assert.deepEqual(memory.holdersOf("1").get("server"), [1]);
  memory.noteHolders("1", new Map([["other", [2]]]));
  memory.noteHolders("new", new Map());
  assert.equal(memory.holdersOf("1").size, 1, "noted again, it is new");
});

test("waits grow to their bound, are random below it, and end with the signal", async () => {
  assert.equal(backOffBoundMs(1), BACKOFF_FIRST_MS);
  assert.equal(backOffBoundMs(100), BACKOFF_MAX_MS);
  const waits: number[] = [];
  const after = (ms: number, run: () => void) => {
    waits.push(ms);
    queueMicrotask(run);
    return () => {};
  };
  const clock = { wallMs: () => 0, monotonicMs: () => 0, every: () => () => {}, after };
  const random = { float: () => 0.5, below: () => 0, bytes: (length: number) => new Uint8Array(length) };
  await backOff({ clock, random }, 3);
  assert.deepEqual(waits, [2 * BACKOFF_FIRST_MS]);
  const never = { ...clock, after: () => () => {} };
  await assert.rejects(backOff({ clock: never, random }, 1, AbortSignal.timeout(5)), { name: "TimeoutError" });
  await assert.rejects(backOff({ clock: never, random }, 1, AbortSignal.abort(new Error("over"))), /over/);
});

test("only so many are under way at once, and all are done", async () => {
  let [now, most, done] = [0, 0, 0];
  await atMost(
    3,
    Array.from({ length: 10 }, (_, index) => index),
    async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      done++;
    },
  );
  assert.deepEqual([most, done], [3, 10]);
});
