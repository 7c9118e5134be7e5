/** That memory which is given back is gone, and that nothing else goes with it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { release } from "./memory.ts";

test("memory of its own is gone at once, and may be given back twice", () => {
  const bytes = new Uint8Array(100_000);
  const before = process.memoryUsage().arrayBuffers;
  release(bytes);
  assert.equal(bytes.length, 0);
  assert.ok(process.memoryUsage().arrayBuffers <= before - 100_000);
  release(bytes);
});

test("a part of other memory, small memory and shared memory stay", () => {
  const whole = Buffer.alloc(20_000, 1);
  release(whole.subarray(0, 10_000));
  assert.equal(whole[9_999], 1);
  const small = new Uint8Array(100);
  release(small);
  assert.equal(small.length, 100);
  const shared = new Uint8Array(new SharedArrayBuffer(10_000));
  release(shared);
  assert.equal(shared.length, 10_000);
});
