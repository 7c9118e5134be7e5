/** Tests of what the page keeps of the box: sharing, bursts, large lists, room. */
/// <reference types="node" />
import assert from "node:assert/strict";
import { test } from "node:test";
import { LARGE_LIST_ENTRIES, REFETCH_DEBOUNCE_MS, REFETCH_LARGE_PAUSE_MS, RESOURCES_KEPT_MAX } from "./constants.ts";
import { createResources } from "./resources.ts";

function world(answer: () => unknown = () => []) {
  let nowMs = 1000;
  const timers: { atMs: number; run: () => void }[] = [];
  const asked: string[] = [];
  const resources = createResources({
    nowMs: () => nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0);
    },
    async fetch(name) {
      asked.push(name);
      return answer();
    },
  });
  const pass = async (ms: number) => {
    await new Promise((done) => setImmediate(done));
    nowMs += ms;
    for (const timer of timers.filter((one) => one.atMs <= nowMs)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.run();
    }
    await new Promise((done) => setImmediate(done));
  };
  return { resources, asked, pass };
}

test("two watchers of one thing share one answer", async () => {
  const { resources, asked, pass } = world();
  const one = resources.watch("a.b", {}, ["a"]);
  const two = resources.watch("a.b", {}, ["a"]);
  await pass(0);
  assert.deepEqual(asked, ["a.b"]);
  assert.equal(one.seen, two.seen);
  assert.equal(one.seen.value.busy, false);
});

test("a burst of events costs one request, and only for what is watched and concerned", async () => {
  const { resources, asked, pass } = world();
  resources.watch("a.b", {}, ["a"]);
  resources.watch("c.d", {}, ["c"]);
  const gone = resources.watch("a.e", {}, ["a"]);
  gone.stop();
  await pass(0);
  asked.length = 0;
  for (let index = 0; index < 50; index += 1) resources.changed("a");
  await pass(REFETCH_DEBOUNCE_MS);
  assert.deepEqual(asked, ["a.b"]);
});

test("a large list waits longer between requests", async () => {
  const { resources, asked, pass } = world(() => Array.from({ length: LARGE_LIST_ENTRIES }));
  resources.watch("a.b", {}, ["a"]);
  await pass(0);
  resources.changed("a");
  await pass(REFETCH_LARGE_PAUSE_MS - 1);
  assert.equal(asked.length, 1);
  await pass(1);
  assert.equal(asked.length, 2);
});

test("a large list within an answer counts as one, too", async () => {
  const { resources, asked, pass } = world(() => ({ name: "a", entries: Array.from({ length: LARGE_LIST_ENTRIES }) }));
  resources.watch("a.b", {}, ["a"]);
  await pass(0);
  resources.changed("a");
  await pass(REFETCH_LARGE_PAUSE_MS - 1);
  assert.equal(asked.length, 1);
});

test("a single event concerns only who named it", async () => {
  const { resources, asked, pass } = world();
  resources.watch("a.b", {}, ["a.changed"]);
  resources.watch("a.c", {}, ["a.moved"]);
  await pass(0);
  asked.length = 0;
  resources.changed("a.changed");
  await pass(REFETCH_DEBOUNCE_MS);
  assert.deepEqual(asked, ["a.b"]);
});

test("an error keeps the last answer in view", async () => {
  let broken = false;
  const { resources, pass } = world(() => {
    if (broken) throw new Error("gone");
    return [1];
  });
  const watch = resources.watch("a.b", {}, ["a"]);
  await pass(0);
  broken = true;
  watch.reload();
  await pass(0);
  assert.deepEqual(watch.seen.value.data, [1]);
  assert.match(String(watch.seen.value.error), /gone/);
});

test("old answers give way when there are too many", async () => {
  const { resources, pass } = world();
  for (let index = 0; index < RESOURCES_KEPT_MAX * 2; index += 1) resources.watch("a.b", { index }, ["a"]).stop();
  await pass(0);
  assert.equal(resources.size(), RESOURCES_KEPT_MAX);
});
