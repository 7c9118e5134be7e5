/** Turns: so many at once, so many in line, and a place that is never lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LISTINGS_AT_ONCE_MAX, LISTINGS_WAITING_MAX } from "./constants.ts";
import { Gate } from "./gate.ts";
import { Refusal } from "./refusal.ts";

const never = new AbortController().signal;

test("work waits for its turn up to a limit", async () => {
  const gate = new Gate(LISTINGS_AT_ONCE_MAX, LISTINGS_WAITING_MAX);
  let running = 0;
  let most = 0;
  let finish = () => {};
  const isFinished = new Promise<void>((resolve) => (finish = resolve));
  const work = async () => {
    most = Math.max(most, (running += 1));
    await isFinished;
    running -= 1;
  };
  const all = Array.from({ length: LISTINGS_AT_ONCE_MAX + LISTINGS_WAITING_MAX }, () => gate.run(work, never));
  await assert.rejects(gate.run(work, never), (error) => error instanceof Refusal && error.status === 503);
  finish();
  await Promise.all(all);
  assert.equal(most, LISTINGS_AT_ONCE_MAX);
  await gate.run(work, never);
});

test("who is gone or fails gives the place on", async () => {
  const gate = new Gate(1, 10);
  const gone = new AbortController();
  gone.abort();
  await assert.rejects(gate.run(async () => 1, gone.signal));
  await assert.rejects(
    gate.run(() => Promise.reject(new Error("no")), never),
    /no/,
  );
  assert.equal(await gate.run(async () => 2, never), 2);
});
