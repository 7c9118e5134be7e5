/** Threads: tasks in order, memory that changes hands, faults, idle threads that end. */
import assert from "node:assert/strict";
import test from "node:test";
import { systemClock } from "../kernel/clock.ts";
import { virtualClock } from "../kernel/virtual-clock.ts";
import { WORKER_IDLE_MS } from "./constants.ts";
import { WorkerPool } from "./worker-pool.ts";

const module = new URL("./worker-pool.fixture.ts", import.meta.url);

test("a lane keeps its thread and its order; memory is handed over and back", async (t) => {
  const pool = new WorkerPool({ module, threads: 2, clock: systemClock() });
  t.after(() => pool.close());
  assert.equal(pool.running, 0);
  const [a, b] = [pool.hold(), pool.hold()];
  assert.notEqual(a, b);
  const counts = await Promise.all([1, 2, 3].map(() => pool.runOn<number>(a, { kind: "count" })));
  assert.deepEqual(counts, [1, 2, 3]);
  assert.equal(await pool.runOn<number>(b, { kind: "count" }), 1);
  const bytes = new Uint8Array(1000).fill(7);
  const back = pool.run<Uint8Array>({ kind: "bytes", bytes }, [bytes.buffer]);
  assert.equal(bytes.length, 0);
  assert.equal((await back).at(-1), 7);
  assert.equal(pool.running, 2);
});

test("a task that fails tells why; a thread that ends fails its tasks, and the next gets a new one", async (t) => {
  const pool = new WorkerPool({ module, threads: 1, clock: systemClock() });
  t.after(() => pool.close());
  await assert.rejects(pool.run({ kind: "fail" }), /as was wished/);
  const waiting = [pool.run({ kind: "exit" }), pool.run({ kind: "count" })];
  for (const one of waiting) await assert.rejects(one, /the thread has ended/);
  assert.equal(await pool.run({ kind: "count" }), 1);
  await pool.close();
  await assert.rejects(pool.run({ kind: "count" }), /closed/);
});

test("an idle thread ends, unless it is held", async (t) => {
  const clock = virtualClock();
  const pool = new WorkerPool({ module, threads: 1, clock });
  t.after(() => pool.close());
  const lane = pool.hold();
  await pool.runOn(lane, { kind: "count" });
  await clock.advanceSettled(WORKER_IDLE_MS * 2);
  assert.equal(pool.running, 1);
  pool.release(lane);
  await clock.advanceSettled(WORKER_IDLE_MS - 1);
  assert.equal(pool.running, 1);
  await clock.advanceSettled(1);
  assert.equal(pool.running, 0);
});
