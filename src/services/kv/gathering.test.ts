/** When a step is taken: at once where there is little to do, else with what has come while the disk wrote. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTurn } from "../../kernel/clock.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { KvEvent } from "../../protocols/kv/events.ts";
import { BUSY_PARTS, createGathering, GATHER_MS } from "./gathering.ts";

const TICK: KvEvent = { type: "tick" };
const EVENT: KvEvent = { type: "unwatch", id: 1 };

/** Between two ticks it was given so many messages in one frame. */
async function gathering(messages: number) {
  const clock = virtualClock();
  const disk = { isWriting: false };
  const steps: number[] = [];
  const { put, goOn } = createGathering({
    ...{ clock, isWriting: () => disk.isWriting },
    work: (events) => void steps.push(events.length),
  });
  const again = { type: "ask-view", slot: 0 } as const;
  put(TICK);
  put({ type: "frame", from: 2, messages: Array.from({ length: messages }, () => again) });
  put(TICK);
  await nextTurn();
  assert.deepEqual(steps.splice(0), [3], "what comes in one turn is one step");
  return { clock, disk, steps, put, goOn };
}

test("with little to do, the next step does not wait for the disk", async () => {
  const { disk, steps, put } = await gathering(BUSY_PARTS - 2);
  disk.isWriting = true;
  put(EVENT);
  await nextTurn();
  assert.deepEqual(steps, [1]);
});

test("a busy box gathers while its disk writes, until that has ended or for a while", async () => {
  const { clock, disk, steps, put, goOn } = await gathering(BUSY_PARTS - 1);
  disk.isWriting = true;
  for (const isEnded of [true, false]) {
    put(EVENT);
    await nextTurn();
    put(EVENT);
    await nextTurn();
    clock.advance(GATHER_MS / 2);
    assert.deepEqual(steps, [], "it waits");
    if (isEnded) goOn();
    else clock.advance(GATHER_MS / 2);
    await nextTurn();
    clock.advance(GATHER_MS);
    assert.deepEqual(steps.splice(0), [2]);
  }
});

test("it does not wait while the disk is idle, nor when it is no longer busy", async () => {
  const { disk, steps, put } = await gathering(BUSY_PARTS);
  put(EVENT);
  await nextTurn();
  assert.deepEqual(steps.splice(0), [1]);
  put(TICK);
  await nextTurn();
  steps.length = 0;
  disk.isWriting = true;
  put(EVENT);
  await nextTurn();
  assert.deepEqual(steps, [1]);
});
