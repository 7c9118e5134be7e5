/** That shared memory is used again, wiped between files and bounded, and that what is lost is counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SHARED_MEMORY_IDLE_MS, SHARED_MEMORY_KEPT_BYTES_MAX } from "./constants.ts";
import { virtualClock } from "../kernel/virtual-clock.ts";
import { SharedMemory, WorkMemory, isShared } from "./shared-memory.ts";

const KIB = 1024;

test("within one file memory is taken again as it is, for the next file it is wiped", () => {
  const shared = new SharedMemory();
  const first = new WorkMemory(shared);
  const memory = first.take(64 * KIB);
  assert.ok(isShared(memory));
  memory.fill(7);
  first.giveBack(memory);
  assert.equal(first.take(64 * KIB).buffer, memory.buffer);
  assert.equal(memory[0], 7);
  assert.notEqual(first.take(64 * KIB).buffer, memory.buffer, "it is in use");
  first.giveBack(memory);
  first.end();
  const second = new WorkMemory(shared);
  const again = second.take(64 * KIB);
  assert.equal(again.buffer, memory.buffer);
  assert.ok(again.every((byte) => byte === 0));
  assert.equal(second.take(32 * KIB).length, 32 * KIB, "another size is other memory");
});

test("only what was taken here, whole and once, is given back", () => {
  const work = new WorkMemory(new SharedMemory());
  const memory = work.take(64 * KIB);
  work.giveBack(memory.subarray(1));
  work.giveBack(new Uint8Array(64 * KIB));
  work.giveBack(new Uint8Array(new SharedArrayBuffer(64 * KIB)));
  assert.notEqual(work.take(64 * KIB).buffer, memory.buffer);
  work.giveBack(memory);
  work.giveBack(memory);
  assert.equal(work.take(64 * KIB).buffer, memory.buffer);
  assert.notEqual(work.take(64 * KIB).buffer, memory.buffer);
});

test("what is in use at the end belongs to nobody else, and the collector hears of it", () => {
  const shared = new SharedMemory();
  let work = new WorkMemory(shared);
  let memory = work.take(8 * KIB * KIB);
  const grownBytes = () => {
    work = new WorkMemory(shared);
    memory = work.take(8 * KIB * KIB);
    const before = process.memoryUsage().arrayBuffers;
    work.end();
    return process.memoryUsage().arrayBuffers - before;
  };
  // Several, since what others have left may be collected in between.
  assert.ok(Math.max(...Array.from({ length: 5 }, grownBytes)) >= memory.length);
  work.giveBack(memory);
  work.end();
  assert.equal(shared.keptBytes, 0);
  assert.ok(!isShared(work.take(8 * KIB)), "nothing more is shared with whoever has ended");
});

test("so much is kept, the newest, and all of it can be let go", () => {
  const shared = new SharedMemory({ keptMaxBytes: 100 });
  const oldest = shared.take(60);
  const newest = shared.take(60);
  shared.keep(oldest);
  shared.keep(newest);
  assert.equal(shared.keptBytes, 60);
  assert.equal(shared.take(60), newest);
  shared.keep(newest);
  shared.clear();
  assert.equal(shared.keptBytes, 0);
  assert.notEqual(shared.take(60), newest);
  const usual = new SharedMemory();
  const large = usual.take(SHARED_MEMORY_KEPT_BYTES_MAX);
  usual.keep(large);
  assert.equal(usual.keptBytes, SHARED_MEMORY_KEPT_BYTES_MAX);
  usual.keep(usual.take(1));
  assert.equal(usual.keptBytes, 1);
});

test("what nobody takes for a while is let go", async () => {
  const clock = virtualClock();
  const shared = new SharedMemory({ clock });
  shared.keep(shared.take(10));
  await clock.advance(SHARED_MEMORY_IDLE_MS - 1);
  shared.keep(shared.take(10));
  await clock.advance(SHARED_MEMORY_IDLE_MS - 1);
  assert.equal(shared.keptBytes, 10);
  await clock.advance(1);
  assert.equal(shared.keptBytes, 0);
});

test("without threads it is ordinary memory", () => {
  const work = new WorkMemory(undefined);
  const memory = work.take(64 * KIB);
  assert.ok(!isShared(memory));
  work.giveBack(memory);
  assert.notEqual(work.take(64 * KIB).buffer, memory.buffer);
  work.end();
});
