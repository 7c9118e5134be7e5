/** The event log: order, what is still known, limits, and ids over a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEvents, EVENT_LISTENERS_MAX, EVENTS_KEPT } from "./events.ts";

test("listeners hear each later event in order, until they stop", () => {
  const events = createEvents();
  events.emit("a.before", "public");
  const heard: string[] = [];
  const stop = events.listen((event) => heard.push(`${event.id} ${event.type} ${event.role}`))!;
  events.emit("a.one", "member", { x: 1 });
  events.emit("a.two", "host");
  stop();
  stop();
  events.emit("a.three", "host");
  assert.deepEqual(heard, ["2 a.one member", "3 a.two host"]);
  assert.deepEqual(events.since(1)![0], { id: 2, type: "a.one", role: "member", data: { x: 1 } });
  assert.equal(events.lastId(), 4);
});

test("events since an id: all, some, none; forgotten and never heard of are told apart from none", () => {
  const events = createEvents();
  assert.deepEqual(events.since(0), []);
  for (let n = 0; n < EVENTS_KEPT + 5; n += 1) events.emit("a.x", "public", { n });
  const ids = (id: number) => events.since(id)?.map((event) => event.id);
  assert.deepEqual(ids(EVENTS_KEPT + 5), []);
  assert.deepEqual(ids(EVENTS_KEPT + 3), [EVENTS_KEPT + 4, EVENTS_KEPT + 5]);
  assert.equal(ids(5)?.length, EVENTS_KEPT);
  assert.equal(ids(5)?.[0], 6);
  for (const id of [4, 0, -1, EVENTS_KEPT + 6, Number.POSITIVE_INFINITY]) assert.equal(ids(id), undefined, String(id));
});

test("listeners are bounded, and a place that is left can be taken", () => {
  const events = createEvents();
  const stops = Array.from({ length: EVENT_LISTENERS_MAX }, () => events.listen(() => {}));
  assert.equal(
    events.listen(() => {}),
    undefined,
  );
  stops[0]!();
  assert.ok(events.listen(() => {}));
});

test("a page that saw events of the run before is told to load all again", () => {
  const before = createEvents(1_000_000);
  for (let n = 0; n < 500; n += 1) before.emit("a.x", "public");
  const seen = before.lastId() - 100;
  const after = createEvents(1_060_000);
  for (let n = 0; n < 600; n += 1) after.emit("a.x", "public");
  assert.equal(after.since(seen), undefined);
  assert.equal(after.since(1_060_000)?.length, 600);
});
