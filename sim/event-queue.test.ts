/** The event queue's order, and that it is fast enough for large worlds. */
import assert from "node:assert/strict";
import { test } from "node:test";
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

test("300,000 events that each bring another one, with 10,000 waiting, take well under 3 s", (t) => {
  const queue = new EventQueue();
  const random = seededRandom(2);
  let nowMs = 0;
  let left = 300_000;
  const again = () => {
    if (left-- > 0) queue.at(nowMs + random.float() * 100, again);
  };
  for (let i = 0; i < 10_000; i++) queue.at(random.float() * 100, again);
  const startMs = performance.now();
  let count = 0;
  while (queue.size > 0) {
    nowMs = queue.nextMs;
    queue.take()();
    count++;
  }
  const tookMs = performance.now() - startMs;
  assert.equal(count, 310_000);
  assert.ok(tookMs < 3000, `${tookMs} ms`);
  t.diagnostic(`${Math.round(count / tookMs) / 1000} million events a second`);
});
