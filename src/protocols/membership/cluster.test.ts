/**
 * A cluster of cores in one process on a virtual clock: joins, spread, failure, refutation, loss, splits, leaving,
 * exclusion, sleep. Packets and streams pass through an event queue with delay and loss; nothing waits for real.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../kernel/random.ts";
import { seededRandom } from "../../kernel/random.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { TYPE, decodeAck, encodeAccusation } from "./codec.ts";
import { COORDINATE_EVERY, LOOKS_MAX, REFUTED_MIN, lan, testing } from "./constants.ts";
import type { Profile } from "./constants.ts";
import { createMembership } from "./membership.ts";
import { Timers } from "./timers.ts";
import type { Effect, Endpoint, Membership, MembershipConfig, MembershipEvent } from "./types.ts";
import { estimateRttMs } from "./vivaldi.ts";

interface Box {
  name: string;
  core: Membership;
  up: boolean;
  effects: Effect[];
  wakes: number;
}

/** The world: what happens when, and which packets arrive. */
class World {
  nowMs = 0;
  readonly random: Random;
  readonly queue = new Timers();
  readonly boxes: Box[] = [];
  readonly #byAddress = new Map<string, Box>();
  /** Chance that a packet is lost; and whether two boxes can reach one another at all. */
  loss = 0;
  reaches: (from: Box, to: Box) => boolean = () => true;
  delayMs: (from: Box, to: Box) => number = () => 1 + this.random.float();
  steps = 0;
  watch: (effect: Effect) => void = () => {};

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  add(name: string, profile: Profile = testing, more: Partial<MembershipConfig> = {}): Box {
    const index = this.boxes.length;
    const advertise = { address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 7946 };
    const core = createMembership(
      { name, advertise, profile, ...more },
      { random: seededRandom(this.random.below(2 ** 31)) },
    );
    const box: Box = { name, core, up: true, effects: [], wakes: 0 };
    this.boxes.push(box);
    this.#byAddress.set(advertise.address, box);
    this.step(box, { type: "tick" });
    return box;
  }

  /** The same name and address, with nothing remembered. */
  restart(box: Box, more: Partial<MembershipConfig> = {}): void {
    const config = { name: box.name, advertise: this.endpoint(box), profile: testing, ...more };
    box.core = createMembership(config, { random: seededRandom(this.random.below(2 ** 31)) });
    box.up = true;
    this.step(box, { type: "tick" });
  }

  step(box: Box, event: MembershipEvent): void {
    if (!box.up) return;
    this.steps++;
    for (const effect of box.core.step(this.nowMs, event)) this.#run(box, effect);
  }

  endpoint(box: Box): Endpoint {
    const { address, port } = box.core.self();
    return { address, port };
  }

  /** Runs until `untilMs` from now, or until `done`. Gives the time that passed. */
  run(forMs: number, done: () => boolean = () => false): number {
    const startMs = this.nowMs;
    const endMs = startMs + forMs;
    let checkMs = startMs;
    for (;;) {
      const nextMs = this.queue.nextMs();
      if (nextMs === undefined || nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.queue.due(this.nowMs)!.run();
      if (this.nowMs >= checkMs) {
        if (done()) return this.nowMs - startMs;
        checkMs = this.nowMs + 5;
      }
    }
    this.nowMs = endMs;
    return forMs;
  }

  #run(box: Box, effect: Effect): void {
    this.watch(effect);
    if (effect.type === "send")
      return this.#later(box, effect.to, this.loss, (to, from) => {
        this.step(to, { type: "packet", from, bytes: effect.bytes });
      });
    if (effect.type === "stream") return this.#stream(box, effect);
    if (effect.type === "wake") {
      const wake = ++box.wakes;
      this.queue.at(effect.atMs, () => {
        if (wake === box.wakes) this.step(box, { type: "tick" });
      });
      return;
    }
    box.effects.push(effect);
  }

  #later(from: Box, to: Endpoint, loss: number, arrive: (to: Box, from: Endpoint) => void, fail?: () => void): void {
    const target = this.#byAddress.get(to.address);
    if (!target || !this.reaches(from, target) || this.random.float() < loss || !target.up) {
      if (fail) this.queue.at(this.nowMs + 5, fail);
      return;
    }
    const source = this.endpoint(from);
    this.queue.at(this.nowMs + this.delayMs(from, target), () => arrive(target, source));
  }

  #stream(box: Box, effect: Extract<Effect, { type: "stream" }>): void {
    const failed = () => this.step(box, { type: "stream-failed", id: effect.id });
    this.#later(
      box,
      effect.to,
      0,
      (to, from) => {
        if (!to.up) return failed();
        const id = 1_000_000 + this.steps++;
        let reply: Uint8Array | undefined;
        for (const made of to.core.step(this.nowMs, { type: "stream-received", id, from, bytes: effect.bytes })) {
          if (made.type === "stream-reply") reply = made.bytes;
          else if (made.type !== "stream-close") this.#run(to, made);
        }
        if (!reply) return failed();
        const bytes = reply;
        this.queue.at(this.nowMs + 2, () => this.step(box, { type: "stream-answer", id: effect.id, bytes }));
      },
      failed,
    );
  }
}

function cluster(seed: number, count: number, profile: Profile = testing, more: Partial<MembershipConfig> = {}): World {
  const world = new World(seed);
  for (let i = 0; i < count; i++) {
    const box = world.add(`box-${i}`, profile, more);
    if (i > 0) world.step(box, { type: "join", addresses: [world.endpoint(world.boxes[world.random.below(i)]!)] });
    world.run(2);
  }
  return world;
}

const sees = (box: Box, name: string) => box.core.member(name)?.status;
const everyUp = (world: World, check: (box: Box) => boolean) => world.boxes.filter((box) => box.up).every(check);
const changes = (box: Box, change: string) =>
  box.effects.filter((effect) => effect.type === "member" && effect.change === change).length;
const bytes = (text: string) => new TextEncoder().encode(text);

test("5, 20 and 50 boxes come to know one another", () => {
  for (const count of [5, 20, 50]) {
    const world = cluster(count, count);
    const tookMs = world.run(10_000, () => everyUp(world, (box) => box.core.aliveCount() === count));
    assert.ok(tookMs < 2000, `${count} boxes: ${tookMs} ms`);
    world.run(5000);
    assert.ok(everyUp(world, (box) => box.core.aliveCount() === count && box.core.health() === 0));
    for (const box of world.boxes) assert.equal(changes(box, "failed") + changes(box, "suspect"), 0);
    for (const box of world.boxes) {
      const refused = Object.entries(box.core.counts().refused).filter(([, times]) => times > 0);
      assert.deepEqual(refused, []);
    }
  }
});

test("a killed box is failed everywhere, and comes back by itself after a restart", () => {
  const world = cluster(7, 10);
  world.run(1000);
  const victim = world.boxes[3]!;
  victim.up = false;
  const failMs = world.run(10_000, () => everyUp(world, (box) => sees(box, "box-3") === "failed"));
  assert.ok(failMs < 5000, `${failMs}`);
  assert.ok(everyUp(world, (box) => changes(box, "suspect") === 1 && changes(box, "failed") === 1));
  victim.up = true;
  world.step(victim, { type: "tick" });
  const backMs = world.run(20_000, () => world.boxes.every((box) => box.core.aliveCount() === 10));
  assert.ok(backMs < 15_000, `${backMs}`);
});

test("a box that begins anew under its name is taken back though its incarnation starts at 1", () => {
  const world = cluster(8, 5);
  world.run(500);
  const box = world.boxes[2]!;
  for (const [version, waitMs] of [
    ["2", 0],
    ["3", 1500],
    ["4", 6000],
  ] as const) {
    world.step(box, { type: "set-tags", tags: { v: "old" } });
    world.run(500);
    box.up = false;
    world.run(waitMs);
    world.restart(box, { tags: { v: version } });
    world.step(box, { type: "join", addresses: [world.endpoint(world.boxes[0]!)] });
    world.run(3000);
    for (const other of world.boxes) {
      assert.equal(sees(other, "box-2"), "alive");
      assert.equal(other.core.member("box-2")!.tags.v, version);
    }
  }
});

test("leaving is seen as leaving, and then nothing is heard any more", () => {
  const world = cluster(9, 8);
  world.run(1000);
  const leaver = world.boxes[4]!;
  world.step(leaver, { type: "leave" });
  world.run(2000);
  assert.ok(leaver.effects.some((effect) => effect.type === "left"));
  assert.equal(leaver.core.nextWakeMs(), undefined);
  for (const box of world.boxes) {
    if (box === leaver) continue;
    assert.equal(sees(box, "box-4"), "left");
    assert.equal(changes(box, "leave"), 1);
    assert.equal(changes(box, "failed"), 0);
  }
  const alone = new World(1);
  const single = alone.add("alone");
  alone.step(single, { type: "leave" });
  assert.ok(single.effects.some((effect) => effect.type === "left"));
});

test("a member that stays away is reaped", () => {
  const world = cluster(10, 4);
  world.run(500);
  world.boxes[1]!.up = false;
  world.run(testing.reapMs + 6000);
  const rest = world.boxes.filter((box) => box.up);
  for (const box of rest) {
    assert.equal(box.core.member("box-1"), undefined);
    assert.equal(changes(box, "reap"), 1);
    assert.equal(box.core.members().length, 3);
  }
});

test("one direction cut off: indirect probes and TCP keep a member alive", () => {
  const world = cluster(11, 6);
  world.run(500);
  const [a, b] = [world.boxes[0]!, world.boxes[1]!];
  world.reaches = (from, to) => !(from === a && to === b) && !(from === b && to === a);
  world.run(8000);
  assert.ok(everyUp(world, (box) => changes(box, "failed") === 0));
  assert.equal(a.core.health(), 0);
});

test("a split heals: both halves fail the other, and find it again", () => {
  const world = cluster(12, 10);
  world.run(500);
  const half = (box: Box) => Number(box.name.slice(4)) < 5;
  world.reaches = (from, to) => half(from) === half(to);
  const splitMs = world.run(15_000, () => everyUp(world, (box) => box.core.aliveCount() === 5));
  assert.ok(splitMs < 8000, `${splitMs}`);
  world.run(1000);
  world.reaches = () => true;
  const healMs = world.run(20_000, () => everyUp(world, (box) => box.core.aliveCount() === 10));
  assert.ok(healMs < 10_000, `${healMs}`);
});

test("two communities that a newcomer joins at one time become one", () => {
  const world = cluster(25, 10);
  world.run(1000);
  const half = (box: Box) => Number(box.name.slice(4)) < 5;
  world.reaches = (from, to) => half(from) === half(to);
  world.run(testing.reapMs + 12_000);
  assert.ok(everyUp(world, (box) => box.core.members().length === 5));
  world.reaches = () => true;
  const newcomer = world.add("box-10");
  world.step(newcomer, { type: "join", addresses: [0, 9].map((index) => world.endpoint(world.boxes[index]!)) });
  const tookMs = world.run(10_000, () => world.boxes.every((box) => box.core.aliveCount() === 11));
  assert.ok(tookMs < 2000, `${tookMs}`);
});

test("at rest tables are compared, not sent; pings are short, and few acks bring a coordinate", () => {
  const world = cluster(26, 20);
  world.run(60_000);
  const types = new Map<number, number>();
  const acks = { all: 0, withCoordinate: 0 };
  let longestPing = 0;
  world.watch = (effect) => {
    if (effect.type === "stream") types.set(effect.bytes[0]!, (types.get(effect.bytes[0]!) ?? 0) + effect.bytes.length);
    if (effect.type !== "send") return;
    const reader = new MsgpackReader(effect.bytes, 1);
    if (effect.bytes[0] === TYPE.ping) longestPing = Math.max(longestPing, effect.bytes.length);
    if (effect.bytes[0] !== TYPE.ack) return;
    acks.all++;
    if (decodeAck(reader).payload.length > 0) acks.withCoordinate++;
  };
  world.run(60_000);
  assert.ok(longestPing > 0 && longestPing < 30, `${longestPing}`);
  const share = acks.withCoordinate / acks.all;
  assert.ok(share > 0.9 / COORDINATE_EVERY && share < 1.2 / COORDINATE_EVERY, `${share}`);
  assert.deepEqual([...types.keys()], [TYPE.compare]);
  assert.ok(types.get(TYPE.compare)! / (20 * 60) < 200, `${types.get(TYPE.compare)}`);
});

test("20 % packet loss makes suspicions, and refutation turns them back", () => {
  const world = cluster(13, 20);
  world.run(500);
  world.loss = 0.2;
  world.run(20_000);
  const total = (pick: (box: Box) => number) => world.boxes.reduce((sum, box) => sum + pick(box), 0);
  assert.ok(total((box) => box.core.counts().probes) > 3000);
  assert.equal(
    total((box) => changes(box, "failed")),
    0,
  );
  world.loss = 0;
  world.run(2000);
  assert.ok(everyUp(world, (box) => box.core.aliveCount() === 20));
});

/** How often a member is wrongly suspected that is not reached for 2 s in each 10 s, and when its death is seen. */
function withSlowMember(secondLooks: number): { suspected: number; failed: number; deathMs: number } {
  const world = cluster(21, 20, { ...lan, secondLooks });
  world.run(20_000);
  const [judge, slow] = [world.boxes[0]!, world.boxes[7]!];
  const told = (change: string) =>
    judge.effects
      .filter((effect) => effect.type === "member" && effect.change === change)
      .filter((effect) => effect.type === "member" && effect.member.name === slow.name).length;
  for (let turn = 0; turn < 30; turn++) {
    world.reaches = (from, to) => from !== slow && to !== slow;
    world.run(2000);
    world.reaches = () => true;
    world.run(8000);
  }
  const failed = told("failed");
  const suspected = told("suspect");
  slow.up = false;
  const deathMs = world.run(60_000, () => sees(judge, slow.name) === "failed");
  return { suspected, failed, deathMs };
}

test("who refuted suspicions of late is looked at again before it is accused; its death is seen a little later", () => {
  const [once, again] = [withSlowMember(0), withSlowMember(lan.secondLooks)];
  assert.ok(once.suspected > 15, `${once.suspected} suspicions without a second look`);
  assert.ok(again.suspected <= REFUTED_MIN + 1 && again.suspected > 0, `${again.suspected} with it`);
  assert.equal(again.failed, 0);
  assert.ok(again.deathMs < once.deathMs + (lan.secondLooks + 2) * lan.probeIntervalMs, `${again.deathMs} ms`);
});

test("no more than so many members are looked at again at one time", () => {
  const count = LOOKS_MAX + 20;
  const world = cluster(22, count + 1, { ...lan, probeIntervalMs: 50, probeTimeoutMs: 25, secondLooks: 1000 });
  world.run(5000);
  const judge = world.boxes[0]!;
  for (let turn = 0; turn < REFUTED_MIN; turn++) {
    const accuse = (box: Box) => {
      const { incarnation } = judge.core.member(box.name)!;
      const accusation = { incarnation, node: box.name, from: "box-1" };
      const packet = encodeAccusation(TYPE.suspect, accusation);
      world.step(judge, { type: "packet", from: world.endpoint(box), bytes: packet });
    };
    for (const box of world.boxes.slice(1)) accuse(box);
    world.run(5000);
  }
  for (const box of world.boxes.slice(1)) box.up = false;
  world.run(120_000);
  assert.equal(judge.core.aliveCount() - 1, LOOKS_MAX, "the others were accused, and failed");
});

test("tags, events and queries reach everybody once", () => {
  const world = cluster(14, 20);
  world.run(1000);
  const [first] = world.boxes;
  world.step(first!, { type: "set-tags", tags: { zone: "Raval" } });
  const tagMs = world.run(2000, () => everyUp(world, (box) => box.core.member("box-0")!.tags.zone === "Raval"));
  assert.ok(tagMs < 300, `${tagMs}`);
  for (let i = 0; i < 30; i++) {
    world.step(world.boxes[i % 20]!, { type: "user-event", name: "e", payload: bytes(String(i)) });
  }
  world.run(2000);
  for (const box of world.boxes) {
    const heard = box.effects.flatMap((e) => (e.type === "user-event" ? [new TextDecoder().decode(e.payload)] : []));
    assert.equal(heard.length, 30);
    assert.equal(new Set(heard).size, 30);
  }
  const filters = [{ type: "nodes" as const, nodes: ["box-3", "box-4"] }];
  const query = { name: "who", payload: bytes("?"), wantAck: true, filters, relayFactor: 2 };
  world.step(first!, { type: "query", key: "k", query });
  world.run(200);
  for (const box of world.boxes) {
    for (const effect of box.effects) {
      if (effect.type !== "query") continue;
      assert.equal(effect.from, "box-0");
      world.step(box, { type: "respond", query: effect.key, payload: bytes(box.name) });
    }
  }
  world.run(3000);
  const answers = first!.effects.flatMap((e) => (e.type === "query-response" ? [e.from] : []));
  assert.deepEqual(answers.sort(), ["box-3", "box-4"]);
  const done = first!.effects.find((effect) => effect.type === "query-done");
  assert.deepEqual(done, { type: "query-done", key: "k", acks: 2, responses: 2 });
  assert.throws(() => world.step(first!, { type: "respond", query: "1:1", payload: bytes("") }), /no-such-query/);
});

test("a change is seen by 99 of 100 boxes within 0.1 s, and costs no more packets than with rounds alone", () => {
  const tookMs: number[] = [];
  const packetsOf = (profile: Profile) => {
    const world = cluster(24, 100, profile);
    world.run(60_000);
    const sent = () => world.boxes.reduce((sum, box) => sum + box.core.counts().packetsOut, 0);
    const before = sent();
    for (let i = 0; i < 10; i++) {
      const teller = world.boxes[world.random.below(100)]!;
      const hasSeen = (box: Box) => box.core.member(teller.name)!.tags.v === `${i}`;
      world.step(teller, { type: "set-tags", tags: { v: `${i}` } });
      tookMs.push(world.run(5000, () => world.boxes.filter(hasSeen).length >= 99));
      world.run(5000 - tookMs.at(-1)!);
    }
    return sent() - before;
  };
  const packets = packetsOf(lan);
  const median = tookMs.sort((a, b) => a - b)[5]!;
  assert.ok(median < 100, `${median}`);
  const before = packetsOf({ ...lan, gossipNodesAtOnce: lan.gossipNodes });
  assert.ok(packets <= 1.03 * before, `${packets}, ${before}`);
});

test("who joins later does not hear the events of the past, unless it asks for them", () => {
  const world = cluster(15, 3);
  world.step(world.boxes[0]!, { type: "user-event", name: "past", payload: bytes("x") });
  world.run(1000);
  for (const replay of [false, true]) {
    const late = world.add(`late-${replay}`);
    world.step(late, { type: "join", addresses: [world.endpoint(world.boxes[1]!)], replay });
    world.run(3000);
    assert.equal(late.effects.filter((effect) => effect.type === "user-event").length, replay ? 1 : 0);
  }
});

test("an excluded member is dead at once and stays so", () => {
  const world = cluster(16, 6);
  world.run(500);
  const rest = world.boxes.filter((box) => box.name !== "box-5");
  for (const box of rest) world.step(box, { type: "forget", name: "box-5" });
  for (const box of rest) assert.equal(sees(box, "box-5"), "failed");
  world.run(5000);
  for (const box of rest) {
    assert.equal(sees(box, "box-5"), "failed");
    assert.equal(changes(box, "join"), 5);
    assert.ok(box.core.counts().refused.forgotten > 0);
  }
  for (const box of rest) world.step(box, { type: "readmit", name: "box-5" });
  world.run(10_000);
  for (const box of rest) assert.equal(sees(box, "box-5"), "alive");
});

test("members that are not admitted, and those beyond the limit, do not enter the table", () => {
  const world = new World(17);
  const strict = world.add("strict", testing, { admit: (name) => name !== "box-b" });
  const small = world.add("small", testing, { membersMax: 2 });
  for (const name of ["box-a", "box-b", "box-c"]) {
    const box = world.add(name);
    world.step(box, { type: "join", addresses: [world.endpoint(strict), world.endpoint(small)] });
    world.run(1000);
  }
  assert.equal(sees(strict, "box-b"), undefined);
  assert.equal(sees(strict, "box-c"), "alive");
  assert.ok(strict.core.counts().refused["not-admitted"] > 0);
  assert.equal(small.core.members().length, 2);
  assert.ok(small.core.counts().refused["table-full"] > 0);
});

test("a box that slept for a day accuses nobody", () => {
  const world = cluster(18, 6);
  world.run(1000);
  const sleeper = world.boxes[2]!;
  sleeper.up = false;
  world.run(5000);
  assert.equal(sees(world.boxes[0]!, "box-2"), "failed");
  const suspectedBefore = changes(sleeper, "suspect");
  sleeper.up = true;
  world.nowMs += 24 * 3600_000;
  world.step(sleeper, { type: "tick" });
  world.run(20_000, () => world.boxes.every((box) => box.core.aliveCount() === 6));
  assert.equal(changes(sleeper, "failed"), 0);
  assert.ok(changes(sleeper, "suspect") - suspectedBefore <= 1);
  assert.equal(sleeper.core.counts().stalls, 1);
});

test("coordinates come to predict round trips that were never measured", () => {
  const world = new World(19);
  const place = new Map<Box, [number, number]>();
  world.delayMs = (from, to) => {
    const [a, b] = [place.get(from)!, place.get(to)!];
    return 1 + Math.hypot(a[0] - b[0], a[1] - b[1]) / 2;
  };
  for (let i = 0; i < 20; i++) {
    const box = world.add(`box-${i}`, lan);
    place.set(box, [world.random.float() * 60, world.random.float() * 60]);
    if (i > 0) world.step(box, { type: "join", addresses: [world.endpoint(world.boxes[0]!)] });
  }
  world.run(400_000);
  const errors: number[] = [];
  for (const a of world.boxes) {
    for (const b of world.boxes) {
      if (a === b) continue;
      const trueMs = 2 * world.delayMs(a, b);
      errors.push(Math.abs(estimateRttMs(a.core.coordinate(), b.core.coordinate()) - trueMs) / trueMs);
    }
  }
  errors.sort((x, y) => x - y);
  const median = errors[errors.length >> 1]!;
  assert.ok(median < 0.1, `median relative error ${median}`);
});

test("packets stay within the limit", () => {
  const world = cluster(20, 30, testing, { packetBytesMax: 600 });
  let largest = 0;
  world.watch = (effect) => {
    if (effect.type === "send") largest = Math.max(largest, effect.bytes.length);
  };
  for (const box of world.boxes) {
    world.step(box, { type: "set-tags", tags: { note: "x".repeat(200) } });
    world.step(box, { type: "user-event", name: "e", payload: new Uint8Array(300) });
  }
  world.run(3000);
  assert.ok(largest > 500 && largest <= 600, `${largest}`);
  assert.ok(everyUp(world, (box) => box.core.members().every((m) => m.tags.note?.length === 200)));
});

test("a snapshot brings a box back among its own, quietly", () => {
  const world = cluster(22, 10);
  world.run(1000);
  const box = world.boxes[3]!;
  const snapshot = box.core.snapshot();
  box.up = false;
  world.restart(box);
  let alive = 0;
  world.watch = (effect) => (alive += effect.type === "stream" ? 1 : 0);
  world.step(box, { type: "restore", snapshot });
  assert.equal(alive, 0);
  assert.equal(box.core.aliveCount(), 10);
  world.run(2000);
  assert.ok(everyUp(world, (other) => other.core.aliveCount() === 10 && sees(other, "box-3") === "alive"));
  world.step(box, { type: "restore", snapshot: snapshot.subarray(0, 100) });
  assert.equal(box.core.counts().refused.malformed, 1);
});

test("100 boxes join within 0.2 s", (t) => {
  const world = cluster(23, 100, lan);
  const tookMs = world.run(60_000, () => everyUp(world, (box) => box.core.aliveCount() === 100));
  assert.ok(tookMs < 10_000, `${tookMs}`);
  t.diagnostic(`all know all after ${Math.round(tookMs)} ms`);
});

test("1,000 boxes: a minute of rest, one change, ten crashes", (t) => {
  const world = new World(21);
  for (let i = 0; i < 1000; i++) world.add(`box-${i}`, lan);
  const first = world.boxes[0]!;
  for (const box of world.boxes) world.step(first, { type: "restore", snapshot: box.core.snapshot() });
  const snapshot = first.core.snapshot();
  for (const box of world.boxes) world.step(box, { type: "restore", snapshot });
  assert.ok(everyUp(world, (box) => box.core.aliveCount() === 1000));
  world.run(60_000);
  const sum = (count: (box: Box) => number) => world.boxes.reduce((total, box) => total + count(box), 0);
  const bytesEach = sum((box) => box.core.counts().bytesOut) / 60_000;
  assert.ok(bytesEach < 400, `${bytesEach}`);
  // At rest the cost of a box must not depend on the number of members.
  assert.ok(world.steps < 1000 * 60 * 5, `${world.steps}`);
  t.diagnostic(`60 s at rest: ${world.steps} steps, ${Math.round(bytesEach)} bytes a second and box`);
  world.step(first, { type: "set-tags", tags: { v: "1" } });
  const tagMs = world.run(10_000, () => everyUp(world, (box) => box.core.member("box-0")!.tags.v === "1"));
  assert.ok(tagMs < 3000, `${tagMs}`);
  for (let i = 100; i < 110; i++) world.boxes[i]!.up = false;
  const failMs = world.run(120_000, () => everyUp(world, (box) => box.core.aliveCount() === 990));
  assert.ok(failMs < 60_000, `${failMs}`);
  world.run(5000);
  assert.equal(
    sum((box) => (box.up ? changes(box, "failed") : 0)),
    9900,
  );
  t.diagnostic(
    `a tag reached all in ${Math.round(tagMs)} ms, ten crashes were known to all after ${Math.round(failMs)} ms`,
  );
});
