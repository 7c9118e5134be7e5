/** Tests of the small parts of membership: queue, suspicion, awareness, clocks, buffers, timers, filters, places. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../../kernel/cost.fixture.ts";
import { seededRandom } from "../../kernel/random.ts";
import { Awareness } from "./awareness.ts";
import { Broadcasts, transmitLimit } from "./broadcasts.ts";
import { BROADCASTS_MAX, EVENTS_PER_SLOT_MAX, EVENT_SLOTS } from "./constants.ts";
import { EventBuffer } from "./event-buffer.ts";
import { pushPullDelayMs } from "./exchange.ts";
import { LamportClock } from "./lamport.ts";
import { Facts } from "./facts.ts";
import { Roster } from "./roster.ts";
import { MemberTable } from "./table.ts";
import { STATE } from "./codec.ts";
import { BROADCAST_MISFITS_MAX, RECENT_DEAD_MAX } from "./constants.ts";
import { Suspicion, suspicionMinMs, suspicionMs } from "./suspicion.ts";
import { isExpression, matches } from "./tag-filter.ts";
import { Timers } from "./timers.ts";
import { Vivaldi, decodeAckPayload, encodeAckPayload, estimateRttMs, originCoordinate } from "./vivaldi.ts";

const take = (queue: Broadcasts, room: number, limit: number, count = 255) => {
  const into: Uint8Array[] = [];
  queue.take(room, 2, limit, count, into);
  return into.map((message) => message[0]);
};

test("broadcasts: each goes out so many times, the least sent first, the newest first among equals", () => {
  const queue = new Broadcasts();
  queue.add(Uint8Array.of(1, 0, 0));
  queue.add(Uint8Array.of(2, 0, 0));
  assert.deepEqual(take(queue, 5, 3), [2]);
  assert.deepEqual(take(queue, 5, 3), [1]);
  queue.add(Uint8Array.of(3, 0, 0));
  assert.deepEqual(take(queue, 100, 3), [3, 1, 2]);
  assert.deepEqual(take(queue, 100, 3), [3, 2, 1]);
  assert.deepEqual(take(queue, 100, 3), [3]);
  assert.deepEqual(take(queue, 100, 3), []);
  assert.equal(queue.size, 0);
});

test("broadcasts: newest news about a subject replace the older; what does not fit waits; count is kept", () => {
  const queue = new Broadcasts();
  queue.add(Uint8Array.of(1), "a");
  take(queue, 100, 9);
  queue.add(Uint8Array.of(2), "a");
  assert.equal(queue.size, 1);
  queue.add(new Uint8Array(50).fill(3), "b");
  assert.deepEqual(take(queue, 10, 9), [2]);
  assert.deepEqual(take(queue, 100, 9), [3, 2]);
  assert.deepEqual(take(queue, 100, 9, 1), [3]);
});

test("broadcasts: a full queue drops what was sent most", () => {
  const queue = new Broadcasts(3);
  for (const n of [1, 2, 3]) queue.add(Uint8Array.of(n));
  assert.deepEqual(take(queue, 3, 9), [3]);
  queue.add(Uint8Array.of(4));
  assert.equal(queue.size, 3);
  assert.equal(queue.dropped, 1);
  assert.deepEqual(take(queue, 100, 9), [4, 2, 1]);
  const large = new Broadcasts();
  for (let i = 0; i <= BROADCASTS_MAX; i++) large.add(Uint8Array.of(0));
  assert.equal(large.size, BROADCASTS_MAX);
});

test("the transmit limit is 4 * ceil(log10(n + 1))", () => {
  assert.deepEqual(
    [1, 9, 10, 99, 100, 1000].map((n) => transmitLimit(4, n)),
    [4, 4, 8, 8, 12, 16],
  );
});

test("push/pull becomes rarer beyond 32 members", () => {
  assert.deepEqual(
    [1, 32, 33, 64, 65, 128, 1024].map((n) => pushPullDelayMs(1, n)),
    [1, 1, 2, 2, 3, 3, 6],
  );
});

test("suspicion: from the maximum to the minimum with its confirmations", () => {
  assert.equal(suspicionMinMs(4, 5, 1000), 4000);
  assert.equal(suspicionMinMs(4, 100, 1000), 8000);
  assert.equal(suspicionMs(0, 3, 2000, 30_000), 30_000);
  assert.equal(Math.round(suspicionMs(1, 3, 2000, 30_000)), 16_000);
  assert.equal(Math.floor(suspicionMs(2, 3, 2000, 30_000)), 7810);
  assert.equal(suspicionMs(3, 3, 2000, 30_000), 2000);
  assert.equal(suspicionMs(0, 0, 2000, 30_000), 2000);
  const suspicion = new Suspicion("me", 3, 2000, 30_000, 100);
  assert.equal(suspicion.deadlineMs, 30_100);
  assert.deepEqual(
    ["me", "a", "a", "b", "c", "d"].map((from) => suspicion.confirm(from)),
    [false, true, false, true, true, false],
  );
  assert.equal(suspicion.deadlineMs, 2100);
});

test("awareness stays between 0 and 7 and multiplies timeouts", () => {
  const awareness = new Awareness(8);
  awareness.add(-3);
  assert.equal(awareness.scaleMs(100), 100);
  awareness.add(20);
  assert.deepEqual([awareness.score, awareness.scaleMs(100)], [7, 800]);
  awareness.add(-1);
  assert.equal(awareness.score, 6);
});

test("Lamport clock and event buffer", () => {
  const clock = new LamportClock();
  clock.increment();
  clock.witness(41);
  assert.equal(clock.time, 42);
  clock.witness(3);
  assert.equal(clock.time, 42);
  const buffer = new EventBuffer<number>();
  assert.equal(buffer.note(5, "a", 1, 6), "new");
  assert.equal(buffer.note(5, "a", 1, 6), "known");
  assert.equal(buffer.note(5, "b", 2, 6), "new");
  assert.deepEqual([...buffer.entries()], [1, 2]);
  assert.equal(buffer.note(5 + EVENT_SLOTS, "c", 3, 5 + EVENT_SLOTS), "new");
  assert.equal(buffer.note(5, "d", 4, 6), "old");
  assert.equal(buffer.note(6, "d", 4, 2000), "old");
  for (let i = 0; i < EVENTS_PER_SLOT_MAX; i++) assert.equal(buffer.note(7, `${i}`, i, 8), "new");
  assert.equal(buffer.note(7, "one more", 0, 8), "full");
  buffer.minTime = 3000;
  assert.equal(buffer.note(2999, "x", 0, 3000), "old");
});

test("timers come in order, cancelled ones not at all, and can be postponed", () => {
  const timers = new Timers();
  const random = seededRandom(1);
  const done: number[] = [];
  for (let i = 0; i < 500; i++) {
    const atMs = random.below(1000);
    const timer = timers.at(atMs, () => done.push(atMs));
    timer.cancelled = i % 5 === 0;
  }
  timers.postpone(10);
  while (timers.due(509)) done.length += 0;
  for (let timer = timers.due(2000); timer; timer = timers.due(2000)) timer.run();
  assert.ok(done.length > 150 && done.length < 400);
  assert.deepEqual(
    done,
    [...done].sort((a, b) => a - b),
  );
  assert.ok(done.every((atMs) => atMs >= 500));
  assert.equal(timers.nextMs(), undefined);
});

test("tag expressions agree with RegExp on the part that is supported", () => {
  const expressions = [
    "",
    "web",
    "^web$",
    "we.",
    "w.*b",
    "a+b?c",
    "[a-c]+",
    "[^a-c]",
    "^x|y$",
    "\\d+",
    "\\.",
    "^$",
    "a*",
    "w+?b",
  ];
  for (const expression of expressions) {
    for (const value of ["", "web", "xweb", "wb", "aabc", "ac", "abc", "d", "x", "zy", "v12", "a.b", "\n"]) {
      assert.equal(matches(expression, value), new RegExp(expression, "s").test(value), `${expression} on ${value}`);
    }
  }
  for (const beyond of ["(a)", "a{2}", "*a", "\\", "[", "a$b", "\\p", "x".repeat(129)])
    assert.deepEqual([matches(beyond, "a"), isExpression(beyond)], [false, false]);
  assert.ok(expressions.every(isExpression));
});

test("a tag expression made to be slow is not", () => {
  const slow = () => assert.ok(!matches(`${"a*".repeat(60)}b`, "a".repeat(500)));
  assert.ok(leastMs(slow) < 1000);
});

test("Vivaldi: two members settle at their round trip, forged coordinates are refused", () => {
  const [a, b] = [new Vivaldi(seededRandom(1)), new Vivaldi(seededRandom(2))];
  const samples: [number[], number[]] = [[], []];
  for (let i = 0; i < 200; i++) {
    a.observe(b.coordinate, 50, samples[0]);
    b.observe(a.coordinate, 50, samples[1]);
  }
  assert.ok(Math.abs(estimateRttMs(a.coordinate, b.coordinate) - 50) < 2);
  assert.ok(a.coordinate.error < 0.1);
  assert.equal(samples[0].length, 3);
  for (const rttMs of [-1, NaN, Infinity, 20_000]) assert.equal(a.observe(b.coordinate, rttMs, []), false);
  const forged = [
    { vec: new Array<number>(8).fill(1e9) },
    { height: -1 },
    { height: NaN },
    { error: -1 },
    { adjustment: Infinity },
    { vec: [1, 2] },
  ];
  for (const part of forged) {
    assert.throws(() => decodeAckPayload(encodeAckPayload({ ...originCoordinate(), ...part })), /bad-value/);
  }
});

test("Vivaldi: one slow answer among many does not move a place (median of three)", () => {
  const a = new Vivaldi(seededRandom(1));
  const b = originCoordinate();
  const samples: number[] = [];
  for (let i = 0; i < 100; i++) a.observe(b, 20, samples);
  const before = estimateRttMs(a.coordinate, b);
  a.observe(b, 5000, samples);
  assert.ok(Math.abs(estimateRttMs(a.coordinate, b) - before) < 1);
});

const someFacts = new Facts("1.1.1.1", {
  address: Uint8Array.of(1, 1, 1, 1),
  port: 1,
  meta: new Uint8Array(0),
  versions: Uint8Array.of(1, 5, 2),
});

test("table: all are probed once a round, picks are different, those that come and go leave no trace", () => {
  const table = new MemberTable(seededRandom(1), new Roster());
  const records = Array.from({ length: 40 }, (_, i) => table.enter(`m${i}`, someFacts));
  for (const record of records) table.setState(record, STATE.alive, 0);
  const nextRound = () => Array.from({ length: 40 }, () => table.nextToProbe()!.name);
  nextRound();
  const [first, second] = [nextRound(), nextRound()];
  assert.equal(new Set(first).size, 40);
  assert.notDeepEqual(first, second);
  for (let i = 0; i < 5000; i++) {
    table.setState(records[0]!, STATE.dead, i);
    table.setState(records[0]!, STATE.alive, i);
  }
  assert.equal(table.failed, 0);
  for (let i = 0; i < 17; i++) table.nextToProbe();
  const counts = new Map<string, number>();
  for (let i = 0; i < 400; i++) {
    // Whoever goes and comes back in the middle of a round has its turn once more at most.
    if (i === 100) table.setState(records[7]!, STATE.dead, i);
    if (i === 105) table.setState(records[7]!, STATE.alive, i);
    const { name } = table.nextToProbe()!;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  assert.equal(counts.size, 40);
  for (const [name, count] of counts) assert.ok(count >= 9 && count <= 11, `${name}: ${count}`);
  const picked = table.pick(3, (record) => record.name !== "m1");
  assert.equal(new Set(picked.map((record) => record.name)).size, 3);
  assert.deepEqual(
    table.pick(5, () => false),
    [],
  );
});

test("table: the recently dead still hear gossip, the newest of too many, and not for long", () => {
  const table = new MemberTable(seededRandom(1), new Roster());
  for (let i = 0; i < RECENT_DEAD_MAX + 100; i++) {
    const record = table.enter(`m${i}`, someFacts);
    table.setState(record, STATE.alive, i);
    table.setState(record, STATE.dead, i);
  }
  const heard = (sinceMs: number) => new Set(table.pickForGossip(5000, sinceMs).map((record) => record.name));
  const all = heard(0);
  assert.equal(all.size, RECENT_DEAD_MAX);
  assert.ok(!all.has("m99") && all.has("m100"));
  assert.equal(heard(RECENT_DEAD_MAX + 90).size, 10);
  assert.equal(table.failed, RECENT_DEAD_MAX + 100);
  assert.ok(table.randomFailed());
});

test("broadcasts: after so many that do not fit, a packet counts as full", () => {
  const queue = new Broadcasts();
  queue.add(Uint8Array.of(1));
  for (let i = 0; i < BROADCAST_MISFITS_MAX - 1; i++) queue.add(new Uint8Array(50).fill(2));
  assert.deepEqual(take(queue, 10, 9), [1]);
  queue.add(new Uint8Array(50).fill(2));
  queue.add(new Uint8Array(50).fill(2));
  assert.deepEqual(take(queue, 10, 9), []);
});
