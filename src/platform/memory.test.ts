/**
 * That memory which is given back is gone, and that nothing else goes with it; and when a box tidies its heap.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { virtualClock } from "../kernel/virtual-clock.ts";
import { TIDIED_HEAP_BYTES_MAX, TIDY_LOOK_MS, TIDY_REST_CPU_MS, TIDY_WORK_CPU_MS } from "./constants.ts";
import { passOn, release, givePassedBack, tidyAtRest } from "./memory.ts";

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

test("memory that was handed on goes with its last part; what was not stays", () => {
  const whole = passOn(new Uint8Array(20_000));
  givePassedBack(whole.subarray(0, 10_000));
  assert.equal(whole.length, 20_000);
  givePassedBack(whole.subarray(10_000));
  assert.equal(whole.length, 0);
  const kept = new Uint8Array(20_000);
  givePassedBack(kept);
  assert.equal(kept.length, 20_000);
});

test("memory that was handed on goes to whoever wants it back, once", () => {
  const taken: Uint8Array[] = [];
  const whole = passOn(new Uint8Array(20_000).fill(7), (memory) => taken.push(memory));
  givePassedBack(whole.subarray(0, 10_000));
  assert.equal(taken.length, 0);
  givePassedBack(whole.subarray(10_000));
  givePassedBack(whole.subarray(10_000));
  assert.equal(taken.length, 1);
  assert.equal(taken[0]!.buffer, whole.buffer);
  assert.equal(whole[19_999], 7);
});

/** A process whose processor time and heap the test sets. */
function resting() {
  const clock = virtualClock();
  const own = { clock, usedMs: 2_000, heap: 20_000_000, tidied: 0 };
  const stop = tidyAtRest({ clock, cpuMs: () => own.usedMs, heapBytes: () => own.heap, tidy: () => (own.tidied += 1) });
  return Object.assign(own, {
    stop,
    /** One look, after this much work. */
    look(workMs: number) {
      own.usedMs += workMs;
      clock.advance(TIDY_LOOK_MS);
      return own.tidied;
    },
  });
}

test("the heap is tidied once when the start is over, not while it goes on", () => {
  const own = resting();
  assert.equal(own.look(TIDY_REST_CPU_MS), 0);
  assert.equal(own.look(TIDY_REST_CPU_MS - 1), 1);
  assert.equal(own.look(0), 1);
});

test("the heap is tidied again after enough work, and not after a little", () => {
  const own = resting();
  own.look(0);
  own.look(TIDY_WORK_CPU_MS - 1);
  assert.equal(own.look(0), 1);
  own.look(TIDY_REST_CPU_MS);
  assert.equal(own.look(0), 2);
  own.stop();
  own.look(TIDY_WORK_CPU_MS);
  assert.equal(own.look(0), 2);
});

test("a large heap is left alone until it is small again", () => {
  const own = resting();
  own.heap = TIDIED_HEAP_BYTES_MAX + 1;
  assert.equal(own.look(0), 0);
  own.heap = TIDIED_HEAP_BYTES_MAX;
  assert.equal(own.look(0), 1);
});

test("with the launcher's flag, tidying gives garbage back to the system", () => {
  const script = `
    const { tidyHeap } = await import(${JSON.stringify(import.meta.resolve("./memory.ts"))});
    let garbage = Array.from({ length: 300_000 }, (_, at) => ({ at }));
    const before = process.memoryUsage().rss;
    garbage = undefined;
    tidyHeap();
    console.log(before - process.memoryUsage().rss);
  `;
  const given = (flags: string[]) =>
    Number(execFileSync(process.execPath, [...flags, "--input-type=module", "--eval", script]).toString());
  assert.ok(given(["--expose-gc"]) > 5_000_000);
  assert.ok(given([]) < 1_000_000, "nothing without the flag");
});
