/** The flat table: a row of numbers a member, names and facts shared in a roster, and all of it given back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import type { WireState } from "./codec.ts";
import { STATE, encodeAccusation, encodeAlive, encodeUser } from "./codec.ts";
import { Columns, NumberList } from "./columns.ts";
import { LAMPORT_MAX, REAP_SLACK, lan, testing } from "./constants.ts";
import { createMembership } from "./membership.ts";
import { ReapQueue } from "./reaping.ts";
import { Facts } from "./facts.ts";
import { Roster } from "./roster.ts";
import { SERF, encodeIntent } from "./serf.ts";
import { MemberTable } from "./table.ts";
import { encodeTags } from "./tags.ts";
import type { Membership } from "./types.ts";

const VERSIONS = Uint8Array.of(1, 5, 2, 2, 5, 4);
const factsOf = (tag: string, port = 1) =>
  new Facts("1.1.1.1", { address: Uint8Array.of(1, 1, 1, 1), port, meta: encodeTags({ tag }), versions: VERSIONS });
const aliveOf = (node: string, incarnation: number, tag: string) =>
  encodeAlive({
    node,
    incarnation,
    address: Uint8Array.of(10, 0, 0, 1),
    port: 7,
    meta: encodeTags({ tag }),
    versions: VERSIONS,
  });
const from = { address: "10.0.0.9", port: 7 };

test("columns: rows keep what they are told, and few rows take little room", () => {
  const columns = new Columns();
  columns.enter(4, STATE.suspect);
  assert.equal(columns.capacity, 8);
  columns.setLeaving(4, true);
  columns.setStatusTime(4, LAMPORT_MAX);
  columns.incarnation[4] = 2 ** 32 - 1;
  assert.deepEqual([columns.state(4), columns.isLeaving(4), columns.has(4), columns.has(5)], [1, true, true, false]);
  for (const number of [100, 20_000, 70_000]) columns.enter(number, STATE.alive);
  assert.deepEqual([columns.state(4), columns.isLeaving(4), columns.incarnation[4]], [1, true, 2 ** 32 - 1]);
  assert.equal(columns.statusTime(4), LAMPORT_MAX);
  columns.setStatusTime(4, 2 ** 32 - 1);
  assert.equal(columns.statusTime(4), 2 ** 32 - 1);
  columns.place[70_000] = 69_999;
  assert.equal(columns.place[70_000], 69_999);
  columns.remove(4);
  assert.ok(!columns.has(4) && columns.has(70_000) && !columns.has(-1));
});

test("a list of numbers becomes wider when a number needs it", () => {
  const list = new NumberList();
  for (let i = 0; i < 3000; i++) list.push(i);
  list.push(70_000);
  list.push(5);
  assert.deepEqual([list.length, list.at(2999), list.at(3000), list.at(3001)], [3002, 2999, 70_000, 5]);
  assert.equal(list.pop(), 5);
});

test("roster: names and facts are kept once, counted, and freed with their last holder", () => {
  const roster = new Roster();
  const tables = [1, 2, 3].map((seed) => new MemberTable(seededRandom(seed), roster));
  for (const table of tables) for (const name of ["a", "b"]) table.enter(name, factsOf("x"));
  assert.deepEqual([roster.size, roster.factsCount], [2, 2]);
  const [first, ...rest] = tables;
  first!.describe(first!.get("a")!, factsOf("y"));
  assert.equal(roster.factsCount, 3);
  assert.equal(first!.get("a")!.facts.tags.tag, "y");
  assert.equal(rest[0]!.get("a")!.facts.tags.tag, "x");
  for (const table of rest) table.describe(table.get("a")!, factsOf("y"));
  assert.equal(roster.factsCount, 2);
  for (const table of rest) table.close();
  assert.deepEqual([roster.size, roster.factsCount], [2, 2]);
  first!.delete(first!.get("b")!);
  assert.deepEqual([roster.size, roster.factsCount, roster.numberOf("b")], [1, 1, -1]);
  assert.equal(first!.enter("c", factsOf("z")).number, 1);
  assert.equal(first!.get("c")!.name, "c");
  assert.equal(roster.end, 2);
});

test("names that come and go leave nothing behind, in the table nor in the roster", () => {
  const roster = new Roster();
  const profile = { ...lan, reapMs: 1000, gossipToDeadMs: 10 };
  const core = createMembership(
    { name: "a", advertise: from, profile, membersMax: 200 },
    { random: seededRandom(1), roster },
  );
  let nowMs = 0;
  const packet = (bytes: Uint8Array) => core.step(nowMs, { type: "packet", from, bytes });
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 100; i++) {
      const name = `ghost ${round} ${i}`;
      packet(aliveOf(name, 1, `${round}`));
      packet(aliveOf(name, 2, `other ${round}`));
      packet(encodeAccusation(5, { node: name, incarnation: 2, from: name }));
      if (i % 2 === 0) packet(encodeUser(encodeIntent(SERF.leave, { ltime: round + 1, node: name, prune: true })));
    }
    nowMs += 600;
    core.step(nowMs, { type: "tick" });
  }
  nowMs += 3000;
  core.step(nowMs, { type: "tick" });
  assert.deepEqual([core.members().length, roster.size, roster.factsCount], [1, 1, 1]);
  assert.ok(roster.end <= 201, `${roster.end}`);
  core.close();
  assert.deepEqual([roster.size, roster.factsCount], [0, 0]);
});

test("boxes that share a roster do not share what they think of a member", () => {
  const roster = new Roster();
  const cores = ["a", "b"].map((name) =>
    createMembership({ name, advertise: from, profile: testing }, { random: seededRandom(1), roster }),
  );
  const [a, b] = cores;
  for (const core of cores) core.step(0, { type: "packet", from, bytes: aliveOf("c", 1, "x") });
  a!.step(0, { type: "packet", from, bytes: encodeAccusation(5, { node: "c", incarnation: 1, from: "x" }) });
  assert.deepEqual([a!.member("c")!.status, b!.member("c")!.status], ["failed", "alive"]);
  assert.equal(a!.member("b"), undefined);
  assert.deepEqual(
    b!.members().map(({ name }) => name),
    ["b", "c"],
  );
});

test("reaping: in the order in which they went, later by the time slept, and those that came back stay", () => {
  const queue = new ReapQueue();
  for (let i = 0; i < 5000; i++) queue.push(i, i);
  for (let i = 0; i < 4990; i++) assert.deepEqual(queue.shift(), { number: i, fromMs: i });
  queue.postpone(10);
  queue.tidy((number) => number % 2 === 1);
  assert.deepEqual([queue.length, queue.firstMs], [5, 5001]);
  const core = createMembership({ name: "a", advertise: from, profile: testing }, { random: seededRandom(1) });
  const packet = (nowMs: number, bytes: Uint8Array) => core.step(nowMs, { type: "packet", from, bytes });
  const dead = (incarnation: number) => encodeAccusation(5, { node: "c", incarnation, from: "c" });
  for (let i = 1; i < 20 * REAP_SLACK; i++) {
    packet(i / 100, aliveOf("c", i, "x"));
    packet(i / 100, dead(i));
  }
  packet(20, aliveOf("c", 5000, "x"));
  const at = (nowMs: number) => {
    for (let wakeMs = core.nextWakeMs()!; wakeMs <= nowMs; wakeMs = core.nextWakeMs()!) {
      for (const effect of core.step(wakeMs, { type: "tick" })) {
        if (effect.type !== "send") continue;
        packet(wakeMs, aliveOf("c", 5000, "x"));
      }
    }
    return core.member("c")?.status;
  };
  packet(40, dead(5000));
  assert.equal(at(testing.reapMs + 30), "left");
  assert.equal(at(testing.reapMs + 41), undefined);
});

test("a box may begin with the members that another one knows", () => {
  const roster = new Roster();
  const make = (name: string, like?: Membership) =>
    createMembership(
      { name, advertise: from, profile: testing },
      { random: seededRandom(1), roster, ...(like ? { like } : {}) },
    );
  const names = (core: Membership) => core.members().map(({ name, status }) => `${name} ${status}`);
  const a = make("a");
  for (const name of ["b", "c", "d"]) a.step(0, { type: "packet", from, bytes: aliveOf(name, 1, "x") });
  a.step(0, { type: "packet", from, bytes: encodeAccusation(5, { node: "d", incarnation: 1, from: "x" }) });
  const [b, d, e] = ["b", "d", "e"].map((name) => make(name, a));
  assert.deepEqual(names(b!), ["b alive", "a alive", "c alive", "d failed"]);
  assert.deepEqual(names(d!), ["d alive", "a alive", "b alive", "c alive"]);
  assert.deepEqual(names(e!), ["e alive", "a alive", "b alive", "c alive", "d failed"]);
  assert.deepEqual(
    [a, b, d, e].map((core) => core!.aliveCount()),
    [3, 3, 4, 4],
  );
  assert.equal(d!.member("d")!.tags.tag, undefined);
  for (const core of [a, b, d, e]) core!.close();
  assert.deepEqual([roster.size, roster.factsCount], [0, 0]);
});

test("whatever comes, goes and is probed: the active are those that are alive or suspect, each once", () => {
  const random = seededRandom(7);
  const table = new MemberTable(random, new Roster());
  const own = table.enterSelf("me", factsOf("x"));
  const model = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const name = `m${random.below(30)}`;
    const record = table.get(name) ?? table.enter(name, factsOf("x"));
    const state = random.below(4) as WireState;
    if (random.below(10) === 0) {
      table.delete(record);
      model.delete(name);
    } else {
      table.setState(record, state, i);
      model.set(name, state);
    }
    if (random.below(2) === 0) table.nextToProbe();
    const active = [...model].flatMap(([other, its]) => (its < STATE.dead ? [other] : [])).sort();
    const all = table.pick(50, () => true).map(({ name: picked }) => picked);
    assert.deepEqual(all.sort(), active);
    const others = [...table.all()].filter((other) => other !== own);
    assert.deepEqual(new Map(others.map((other) => [other.name, other.state])), model);
    assert.equal(table.failed, [...model.values()].filter((its) => its === STATE.dead).length);
    assert.equal(table.left, [...model.values()].filter((its) => its === STATE.left).length);
  }
});
