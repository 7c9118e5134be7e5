/** The event queue's order, and that it costs little more in large worlds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../src/kernel/cost.fixture.ts";
import { seededRandom } from "../src/kernel/random.ts";
import { EventQueue } from "./event-queue.ts";

test("events come out by time, and those of one time in the order in which they went in", () => {
  const queue = new EventQueue();
  const random = seededRandom(1);
  const wanted: [number, number][] = [];
  const seen: [number, number][] = [];
  for (let i = 0; i < 5000; i++) {
    const atMs = random.below(300);
    wanted.push([atMs, i]);
    queue.at(atMs, () => seen.push([atMs, i]));
    if (i % 3 === 2) queue.take()();
  }
  while (queue.size > 0) queue.take()();
  assert.equal(seen.length, 5000);
  assert.deepEqual(new Set(seen.map(String)), new Set(wanted.map(String)));
  const rest = new EventQueue();
  const order: [number, number][] = [];
  for (const [atMs, i] of wanted) rest.at(atMs, () => order.push([atMs, i]));
  while (rest.size > 0) rest.take()();
  assert.deepEqual(
    order,
    wanted.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
  );
  assert.equal(rest.nextMs, Infinity);
});

test("an event that brings another one costs little more with 100,000 waiting than with 1,000", () => {
  const perEvent = (waiting: number) => {
    const queue = new EventQueue();
    const random = seededRandom(2);
    let nowMs = 0;
    const again = () => queue.at(nowMs + random.float() * 100, again);
    for (let i = 0; i < waiting; i++) again();
    const turn = () => {
      for (let i = 0; i < 200; i++) {
        nowMs = queue.nextMs;
        queue.take()();
      }
    };
    const ms = leastMs(turn, 30);
    assert.equal(queue.size, waiting);
    return ms;
  };
  const [few, many] = [perEvent(1000), perEvent(100_000)];
  assert.ok(many < 20 * few, `${few} and ${many} ms for 200`);
});
