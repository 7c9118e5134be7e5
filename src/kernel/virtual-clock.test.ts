/** The virtual clock: order of timers, cancelling, repeating, a wall clock that jumps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TIMERS_PER_ADVANCE_MAX, virtualClock } from "./virtual-clock.ts";

test("timers run in order of time, then of making, at their own time", () => {
  const clock = virtualClock();
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name}@${clock.monotonicMs()}`);
  clock.after(20, note("b"));
  clock.after(10, note("a"));
  clock.after(20, note("c"));
  clock.after(15, () => clock.after(5, note("d")));
  clock.after(30, note("late"));
  clock.advance(29);
  assert.deepEqual(ran, ["a@10", "b@20", "c@20", "d@20"]);
  assert.equal(clock.monotonicMs(), 29);
  assert.equal(clock.waiting(), 1);
});

test("cancelled timers do not run; a repeating one can cancel itself", () => {
  const clock = virtualClock();
  let [once, often] = [0, 0];
  const cancel = clock.after(5, () => (once += 1));
  cancel();
  cancel();
  const stop = clock.every(10, () => {
    often += 1;
    if (often === 3) stop();
  });
  clock.advance(1000);
  assert.deepEqual([once, often, clock.waiting()], [0, 3, 0]);
});

test("the wall clock can be set without timers noticing", () => {
  const clock = virtualClock(Date.UTC(2026, 10, 1));
  let ran = false;
  clock.after(100, () => (ran = true));
  clock.setWall(0);
  clock.advance(99);
  assert.deepEqual([clock.wallMs(), ran], [99, false]);
  clock.advance(1);
  assert.equal(ran, true);
});

test("promises settle between steps, and timers without end are an error", async () => {
  const clock = virtualClock();
  const ran: number[] = [];
  const again = async () => {
    ran.push(clock.monotonicMs());
    await Promise.resolve();
    if (ran.length < 3) clock.after(10, () => void again());
  };
  clock.after(10, () => void again());
  await clock.advanceSettled(40, 10);
  assert.deepEqual(ran, [10, 20, 30]);
  let spun = 0;
  const spin = () => {
    spun += 1;
    clock.after(0, spin);
  };
  clock.after(0, spin);
  assert.throws(() => clock.advance(1), /without end/);
  assert.equal(spun, TIMERS_PER_ADVANCE_MAX);
});
