/** The log of the mesh: order, filters, its bound in memory and on disk, storms, a full disk, what a restart keeps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail } from "../../kernel/errors.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import type { VirtualClock } from "../../kernel/virtual-clock.ts";
import { openStore } from "../../platform/store.ts";
import {
  createEventLog,
  EVENTS_KEPT_MAX,
  EVENTS_PER_SENDER_PER_MINUTE_MAX,
  EVENTS_PER_TYPE_PER_MINUTE_MAX,
  EVENTS_TELL_PAUSE_MS,
  EVENTS_WRITE_PAUSE_MS,
  EVENT_VALUE_LENGTH_MAX,
} from "./event-log.ts";
import { meshStore } from "./store.ts";

function scene(clock: VirtualClock = virtualClock(), rows = meshStore(openStore(":memory:"))) {
  const told: number[] = [];
  const log = createEventLog({ clock, rows, onNews: () => void told.push(clock.monotonicMs()) });
  return { clock, rows, log, told };
}

const all = { limit: EVENTS_KEPT_MAX };

test("lines in their order, by type, by time, after an id, the newest so many", () => {
  const { clock, log } = scene();
  log.add("join", "a", { name: "Forn" });
  clock.advance(60_000);
  log.add("failed", "a");
  log.add("join", "b");
  assert.deepEqual(
    log.list(all).map(({ id, type, member }) => [id, type, member]),
    [
      [1, "join", "a"],
      [2, "failed", "a"],
      [3, "join", "b"],
    ],
  );
  assert.deepEqual(log.list(all)[0]!.params, { name: "Forn" });
  const ids = (wanted: object) => log.list({ ...all, ...wanted }).map(({ id }) => id);
  assert.deepEqual(ids({ types: ["join"] }), [1, 3]);
  assert.deepEqual(ids({ sinceMs: clock.wallMs() - 1000 }), [2, 3]);
  assert.deepEqual(ids({ after: 2 }), [3]);
  assert.deepEqual(ids({ limit: 1 }), [3]);
  assert.deepEqual(ids({ after: 1, limit: 1 }), [2], "who reads on gets the next ones");
});

test("a restart keeps what was written, and the numbers go on", () => {
  const { clock, rows, log } = scene();
  log.add("join", "a", { name: "Forn" });
  clock.advance(EVENTS_WRITE_PAUSE_MS);
  log.add("leave", "a");
  assert.deepEqual(rows.events().length, 1, "what is new waits to be written");
  log.stop();
  const again = scene(clock, rows).log;
  again.add("join", "b");
  assert.deepEqual(
    again.list(all).map(({ id, type }) => `${id} ${type}`),
    ["1 join", "2 leave", "3 join"],
  );
});

test("EVENTS_KEPT_MAX lines, in memory and on disk", () => {
  const { clock, rows, log } = scene();
  for (let n = 0; n < EVENTS_KEPT_MAX + 50; n += 1) {
    log.add("update", `m${n}`);
    if (n % EVENTS_PER_TYPE_PER_MINUTE_MAX === EVENTS_PER_TYPE_PER_MINUTE_MAX - 1) clock.advance(60_000);
  }
  log.flush();
  const kept = log.list(all);
  assert.deepEqual([kept.length, kept[0]!.member], [EVENTS_KEPT_MAX, "m50"]);
  assert.deepEqual([rows.events().length, rows.events()[0]!.member], [EVENTS_KEPT_MAX, "m50"]);
});

test("a storm of one type leaves a number, and does not drown another type", () => {
  const { clock, log, told } = scene();
  for (let n = 0; n < EVENTS_PER_TYPE_PER_MINUTE_MAX + 500; n += 1) log.add("event", `m${n}`);
  log.add("failed", "a");
  assert.equal(log.list({ ...all, types: ["event"] }).length, EVENTS_PER_TYPE_PER_MINUTE_MAX);
  assert.equal(log.list({ ...all, types: ["failed"] }).length, 1);
  clock.advance(EVENTS_TELL_PAUSE_MS);
  assert.equal(told.length, 1, "told once");
  clock.advance(60_000);
  assert.deepEqual(log.list({ ...all, types: ["more"] })[0]!.params, { count: 500, type: "event" });
  log.add("event", "later");
  assert.equal(log.list(all).at(-1)!.member, "later");
});

test("one sender takes EVENTS_PER_SENDER_PER_MINUTE_MAX of its type, and others are shown beside it", () => {
  const { clock, log } = scene();
  for (let n = 0; n < 500; n += 1) log.add("query", "flooder", { name: `q${n}` });
  log.add("query", "honest", { name: "comu-ping" });
  for (let n = 0; n < 500; n += 1) log.add("event", "", { name: "noise", payload: `${n}` }, "noise");
  log.add("event", "", { name: "market" }, "market");
  const count = (type: string, fits: (line: ReturnType<typeof log.list>[0]) => boolean) =>
    log.list({ ...all, types: [type] }).filter(fits).length;
  assert.equal(
    count("query", ({ member }) => member === "flooder"),
    EVENTS_PER_SENDER_PER_MINUTE_MAX,
  );
  assert.equal(
    count("query", ({ member }) => member === "honest"),
    1,
  );
  assert.equal(
    count("event", ({ params }) => params["name"] === "noise"),
    EVENTS_PER_SENDER_PER_MINUTE_MAX,
  );
  assert.equal(
    count("event", ({ params }) => params["name"] === "market"),
    1,
  );
  clock.advance(60_000);
  const left = 500 - EVENTS_PER_SENDER_PER_MINUTE_MAX;
  assert.deepEqual(
    log.list({ ...all, types: ["more"] }).map(({ params }) => params),
    [
      { count: left, type: "query" },
      { count: left, type: "event" },
    ],
  );
});

test("long values are cut; a left community is forgotten", () => {
  const { log } = scene();
  log.add("event", "a", { payload: "x".repeat(EVENT_VALUE_LENGTH_MAX + 1), size: 7 });
  const { params } = log.list(all)[0]!;
  assert.equal(String(params["payload"]).length, EVENT_VALUE_LENGTH_MAX);
  assert.equal(params["size"], 7);
  log.clear();
  log.flush();
  assert.deepEqual(log.list(all), []);
});

test("on a full disk lines stay in memory and are written with the next news", () => {
  const clock = virtualClock();
  const rows = meshStore(openStore(":memory:"));
  let full = true;
  const addEvents: typeof rows.addEvents = (list, firstId) => {
    if (full) throw fail("disk-full");
    rows.addEvents(list, firstId);
  };
  const log = createEventLog({ clock, rows: { events: rows.events, addEvents }, onNews: () => {} });
  log.add("join", "a");
  clock.advance(EVENTS_WRITE_PAUSE_MS);
  assert.deepEqual([log.list(all).length, rows.events().length], [1, 0]);
  full = false;
  log.add("join", "b");
  clock.advance(EVENTS_WRITE_PAUSE_MS);
  assert.deepEqual(
    rows.events().map(({ member }) => member),
    ["a", "b"],
  );
});

test("a type that this version does not know is left out", () => {
  const { rows, clock } = scene();
  rows.addEvents([{ id: 9, atMs: 1, type: "from-the-future", member: "", params: "{}" }], 1);
  const { log } = scene(clock, rows);
  assert.deepEqual(log.list(all), []);
});
