/**
 * Comparisons in place of push/pulls: two messages when nothing differs, the members of differing buckets when
 * something does, and everything that a push/pull conveys.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import {
  TYPE,
  decodeNode,
  decodePushPullHead,
  encodeAccusation,
  encodeAlive,
  encodePushPull,
  encodeUser,
} from "./codec.ts";
import { decodeComparison } from "./comparing.ts";
import { BUCKETS_MAX, BUCKETS_MIN, COMPARE_VERSION, EVENTS_TOLD_BYTES_MAX, EVENT_SLOTS_COMPARED } from "./constants.ts";
import { LEAVES_TOLD_MAX, LEAVES_TOLD_MS, PLAIN_FOR_MS, PLAIN_MAX, VERSIONS, lan } from "./constants.ts";
import { bucketCount } from "./digest.ts";
import { createMembership } from "./membership.ts";
import { decodeSerfState } from "./serf-state.ts";
import { encodeIntent } from "./serf.ts";
import { encodeTags } from "./tags.ts";
import type { Effect, Endpoint, Membership, MembershipEvent } from "./types.ts";

/** Nothing but exchanges happens by itself. */
const profile = {
  ...lan,
  probeIntervalMs: 1e9,
  probeTimeoutMs: 1e9,
  reconnectIntervalMs: 1e9,
  pushPullIntervalMs: 1000,
};
const endpointOf = (name: string): Endpoint => ({ address: `10.0.0.${name.charCodeAt(0)}`, port: 7 });
const from = endpointOf("z");
const PLAIN_VERSIONS = Uint8Array.of(1, 5, 2, 2, 5, 4);

function make(name: string): Membership {
  return createMembership({ name, advertise: endpointOf(name), profile }, { random: seededRandom(name.charCodeAt(0)) });
}

function alive(node: string, incarnation = 1, tag = "x", versions = Uint8Array.from(VERSIONS)): Uint8Array {
  const address = Uint8Array.of(10, 1, node.charCodeAt(1) || 0, node.charCodeAt(0));
  return encodeAlive({ node, incarnation, address, port: 7, meta: encodeTags({ tag }), versions });
}

/** A core, and the other members that it is told of. */
function tell(core: Membership, nowMs: number, ...messages: Uint8Array[]): void {
  for (const bytes of messages) core.step(nowMs, { type: "packet", from, bytes });
}

const intent = (type: 0 | 1, node: string, ltime: number) =>
  encodeUser(encodeIntent(type, { ltime, node, prune: false }));
const dead = (node: string, by: string, incarnation = 1) =>
  encodeAccusation(TYPE.dead, { node, incarnation, from: by });

interface Talk {
  asker: Membership;
  answers: Membership;
  nowMs: number;
  /** Of each stream: question and answer. */
  said: [Uint8Array, Uint8Array][];
}

/** Two that know one another, so that all exchanges are between them. */
function pair(nowMs = 0): Talk {
  const [a, b] = [make("a"), make("b")];
  const self = (core: Membership) => {
    const { address, port, incarnation, name } = core.self();
    const bytes = Uint8Array.from(address.split(".").map(Number));
    const meta = encodeTags({});
    return encodeAlive({ node: name, incarnation, address: bytes, port, meta, versions: Uint8Array.from(VERSIONS) });
  };
  tell(a, nowMs, self(b));
  tell(b, nowMs, self(a));
  return { asker: a, answers: b, nowMs, said: [] };
}

/** Lets the asker come to its next exchange, with all that follows from it. */
function talk(talking: Talk, isOpen: (to: Endpoint) => boolean = () => true): Uint8Array[] {
  talking.said = [];
  for (let steps = 0; steps < 1000 && talking.said.length === 0; steps++) {
    talking.nowMs = talking.asker.nextWakeMs()!;
    talking.answers.step(talking.nowMs, { type: "tick" });
    carryOut(talking, talking.asker.step(talking.nowMs, { type: "tick" }), isOpen);
  }
  return talking.said.flat();
}

function carryOut(talking: Talk, effects: Effect[], isOpen: (to: Endpoint) => boolean): void {
  const { asker, answers, nowMs } = talking;
  for (const effect of effects) {
    if (effect.type !== "stream") continue;
    const given: MembershipEvent = { type: "stream-received", id: 9, from: endpointOf("a"), bytes: effect.bytes };
    const replies = isOpen(effect.to) ? answers.step(nowMs, given) : [];
    const reply = replies.find((made) => made.type === "stream-reply");
    talking.said.push([effect.bytes, reply?.bytes ?? new Uint8Array(0)]);
    const event: MembershipEvent = reply
      ? { type: "stream-answer", id: effect.id, bytes: reply.bytes }
      : { type: "stream-failed", id: effect.id };
    carryOut(talking, asker.step(nowMs, event), isOpen);
  }
}

const types = (messages: Uint8Array[]) => messages.map((bytes) => bytes[0]);
const ONE_ROUND = [TYPE.compare, TYPE.compare];
const TWO_ROUNDS = [TYPE.compare, TYPE.compare, TYPE.differences, TYPE.pushPull];
const told = (message: Uint8Array) => {
  const reader = new MsgpackReader(message, 1);
  const { nodes } = decodePushPullHead(reader, 10_000);
  return Array.from({ length: nodes }, () => decodeNode(reader).node).sort();
};

/** 26 members with names of two letters. */
const many = (first: string) => Array.from("abcdefghijklmnopqrstuvwxyz", (second) => first + second);

test("when nothing differs, one small message goes each way", () => {
  const talking = pair();
  for (const core of [talking.asker, talking.answers]) {
    for (const first of "ABCDEFGHIJ") tell(core, 0, ...many(first).map((name) => alive(name)));
  }
  const said = talk(talking);
  assert.deepEqual(types(said), ONE_ROUND);
  for (const { length } of said) assert.ok(length < 200, `${length}`);
});

test("what differs is told both ways, and little else", () => {
  const talking = pair();
  const { asker, answers } = talking;
  for (const core of [asker, answers]) {
    for (const first of "ABCDEFGHIJ") tell(core, 0, ...many(first).map((name) => alive(name)));
  }
  tell(asker, 0, alive("Aa", 2, "newer"), alive("1x"));
  tell(
    answers,
    0,
    alive("Bb", 3, "newest"),
    intent(1, "Cc", 7),
    encodeAccusation(3, { node: "Dd", incarnation: 1, from: "z" }),
  );
  const said = talk(talking);
  assert.deepEqual(types(said), TWO_ROUNDS);
  const names = [...told(said[2]!), ...told(said[3]!)];
  for (const name of ["Aa", "Bb", "Cc", "Dd"]) assert.equal(names.filter((other) => other === name).length, 2, name);
  assert.ok(names.length < 120, `${names.length} of 520`);
  for (const core of [asker, answers]) {
    assert.deepEqual({ ...core.member("Aa")!.tags }, { tag: "newer" });
    assert.equal(core.member("Bb")!.incarnation, 3);
    assert.equal(core.member("1x")!.status, "alive");
    assert.equal(core.member("Dd")!.status, "suspect");
  }
  assert.deepEqual(types(talk(talking)), ONE_ROUND);
});

test("whatever news each side has, after one exchange both know the same", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const talking = pair();
    const { asker, answers } = talking;
    for (let news = random.below(200); news > 0; news--) {
      const name = many("abcdefghijkl"[random.below(12)]!)[random.below(26)]!;
      const core = random.below(2) === 0 ? asker : answers;
      const incarnation = 1 + random.below(4);
      tell(core, 0, alive(name, incarnation, `${incarnation}`));
      if (random.below(4) === 0) tell(core, 0, intent(1, name, random.below(9)));
    }
    talk(talking);
    const known = (core: Membership) => {
      const rest = core.members().filter(({ name }) => name.length === 2);
      return new Map(rest.map(({ name, incarnation, status, tags }) => [name, `${incarnation} ${status} ${tags.tag}`]));
    };
    assert.deepEqual(known(asker), known(answers));
    assert.deepEqual(types(talk(talking)), ONE_ROUND);
  }
});

test("who is dead for one side is suspected by the other, and can refute; who left has left", () => {
  const talking = pair();
  const { asker, answers } = talking;
  for (const core of [asker, answers]) tell(core, 0, alive("Aa"), alive("Bb"), alive("Cc"));
  tell(asker, 0, dead("Aa", "z"));
  tell(answers, 0, dead("Bb", "Bb"));
  talk(talking);
  assert.deepEqual([answers.member("Aa")!.status, asker.member("Bb")!.status], ["suspect", "left"]);
});

test("a departure is told though both sides hold the member for gone, for a while and so many of them", () => {
  const talking = pair();
  const { asker, answers } = talking;
  const names = ["A", "B"].flatMap(many);
  for (const core of [asker, answers]) tell(core, 0, ...names.map((name) => alive(name)));
  for (const name of names) {
    tell(asker, 0, dead(name, "z"));
    tell(answers, 0, intent(0, name, 5), dead(name, "z"));
  }
  assert.deepEqual(types(talk(talking)), ONE_ROUND);
  const left = () => names.filter((name) => asker.member(name)!.status === "left").length;
  assert.equal(left(), LEAVES_TOLD_MAX);
  assert.ok(names.length > LEAVES_TOLD_MAX);
  const isTold = (answer: Uint8Array) => {
    const { serf } = decodeComparison(new MsgpackReader(answer, 1));
    return decodeSerfState(serf).left.has("Bz");
  };
  assert.ok(isTold(talk(talking)[1]!));
  while (talking.nowMs < LEAVES_TOLD_MS) talk(talking);
  assert.ok(!isTold(talk(talking)[1]!));
});

test("events that one side lacks are brought, once, in both directions, and not those before its time", () => {
  const talking = pair();
  const { asker, answers } = talking;
  const send = (core: Membership, name: string) =>
    core.step(talking.nowMs, { type: "user-event", name, payload: new Uint8Array(3) });
  const heard: string[] = [];
  const listen = (core: Membership) => {
    const step = core.step.bind(core);
    core.step = (nowMs, event) => {
      const effects = step(nowMs, event);
      for (const effect of effects) if (effect.type === "user-event") heard.push(`${core.self().name} ${effect.name}`);
      return effects;
    };
  };
  send(asker, "one");
  send(answers, "two");
  [asker, answers].forEach(listen);
  assert.deepEqual(types(talk(talking)), TWO_ROUNDS);
  assert.deepEqual(heard.sort(), ["a two", "b one"]);
  assert.deepEqual(types(talk(talking)), ONE_ROUND);
  send(answers, "three");
  const said = talk(talking);
  assert.deepEqual(types(said), ONE_ROUND);
  assert.deepEqual(heard.sort(), ["a three", "a two", "b one", "b three"]);
  const { serf } = decodeComparison(new MsgpackReader(said[1]!, 1));
  assert.deepEqual(
    decodeSerfState(serf).events.map(({ name }) => name),
    ["three"],
  );
});

test("a comparison tells no more times and no more bytes of events than it may", () => {
  const talking = pair();
  const { asker, answers } = talking;
  const count = EVENT_SLOTS_COMPARED + 40;
  for (let i = 0; i < count; i++) {
    answers.step(0, { type: "user-event", name: "e", payload: new Uint8Array(505).fill(i) });
  }
  const said = talk(talking);
  const answer = decodeComparison(new MsgpackReader(said[1]!, 1));
  assert.equal(answer.seen.size, EVENT_SLOTS_COMPARED);
  assert.equal(decodeSerfState(answer.serf).events.length, Math.floor(EVENTS_TOLD_BYTES_MAX / 506));
  assert.equal(asker.counts().refused["old-event"], 0);
});

test("a member that does not announce it gets push/pulls; one that announces and is silent, for an hour", () => {
  const plain = make("a");
  tell(plain, 0, alive("Aa", 1, "x", PLAIN_VERSIONS));
  const asking: Talk = { asker: plain, answers: make("b"), nowMs: 0, said: [] };
  assert.deepEqual(types(talk(asking)), [TYPE.pushPull, TYPE.pushPull]);
  const talking = pair();
  const asked = (isOpen: boolean) => types(talk(talking, () => isOpen))[0];
  // Out of reach: tried in turns. It answers a push/pull only: for an hour it gets no other.
  assert.deepEqual([false, false, false].map(asked), [TYPE.compare, TYPE.pushPull, TYPE.compare]);
  assert.equal(asked(true), TYPE.pushPull);
  const untilMs = talking.nowMs + PLAIN_FOR_MS;
  while (talking.nowMs < untilMs - 4000) assert.equal(asked(true), TYPE.pushPull);
  while (talking.nowMs < untilMs) asked(true);
  assert.equal(asked(true), TYPE.compare);
  assert.equal(VERSIONS[4], COMPARE_VERSION);
});

test("so many that did not compare are remembered", () => {
  const core = make("a");
  for (let i = 0; i < PLAIN_MAX + 20; i++) {
    const address = Uint8Array.of(10, 1, i >> 8, i & 255);
    const facts = { address, port: 7, meta: new Uint8Array(0), versions: Uint8Array.from(VERSIONS) };
    tell(core, 0, encodeAlive({ node: `m${i}`, incarnation: 1, ...facts }));
  }
  const asked = { compare: 0, plain: 0 };
  for (let i = 0; i < 5000; i++) {
    for (const effect of core.step(core.nextWakeMs()!, { type: "tick" })) {
      if (effect.type !== "stream") continue;
      asked[effect.bytes[0] === TYPE.compare ? "compare" : "plain"]++;
      core.step(0, { type: "stream-failed", id: effect.id });
    }
  }
  assert.ok(asked.compare > PLAIN_MAX + 20 && asked.plain > 500, JSON.stringify(asked));
});

test("buckets are as many as members need, and at least and at most so many", () => {
  assert.deepEqual([1, 128, 129, 20_000, 1e6].map(bucketCount), [
    BUCKETS_MIN,
    BUCKETS_MIN,
    2 * BUCKETS_MIN,
    BUCKETS_MAX,
    BUCKETS_MAX,
  ]);
});

test("what does not fit a comparison is refused with its reason", () => {
  const core = make("a");
  const refused = (reason: "malformed" | "too-large" | "unknown-type", bytes: Uint8Array) => {
    const before = core.counts().refused[reason];
    const effects = core.step(0, { type: "stream-received", id: 1, from, bytes });
    assert.equal(core.counts().refused[reason], before + 1);
    assert.ok(effects.some((effect) => effect.type === "stream-close"));
  };
  const compare = (key: string, value: Uint8Array) =>
    new MsgpackWriter().byte(TYPE.compare).map(2).text("Salt").int(1).text(key).raw(value).finish();
  refused("malformed", compare("Sums", new Uint8Array(7)));
  refused("malformed", compare("Buckets", new Uint8Array(12)));
  refused("too-large", compare("Buckets", new Uint8Array(8 * BUCKETS_MAX)));
  const seen = new MsgpackWriter();
  for (let i = 0; i <= EVENT_SLOTS_COMPARED; i++) seen.int(i).int(1);
  refused("too-large", compare("Seen", seen.finish()));
  refused("malformed", compare("Seen", Uint8Array.of(1)));
  const asks = (buckets: number, which: number[]) =>
    encodePushPull(false, 0, new Uint8Array(0), () => {}, { salt: 1, buckets, which: Uint8Array.from(which) });
  refused("malformed", asks(3, [0, 1]));
  refused("malformed", asks(4, [0, 4]));
  refused("malformed", asks(4, [0]));
  refused("malformed", asks(2 * BUCKETS_MAX, [0, 0]));
  refused("too-large", asks(4, new Array<number>(2 * BUCKETS_MAX + 2).fill(0)));
  const everything = core.step(0, { type: "stream-received", id: 2, from, bytes: asks(1, [0, 0]) });
  const reply = everything.find((effect) => effect.type === "stream-reply");
  assert.deepEqual(told(reply!.bytes), ["a"]);
});
