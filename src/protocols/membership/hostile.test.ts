/**
 * Golden traces (text in, text out) of the failure detector, and hostility: packets and streams that were cut,
 * changed, nested, forged or made to unpack without end. The core counts and drops them, and never throws.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { lzwEncode } from "../wire/lzw.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { utf8 } from "../wire/utf8.ts";
import * as codec from "./codec.ts";
import {
  COMPARE_VERSION,
  CONFLICT_REFUTE_MS,
  FORGOTTEN_MAX,
  INTENTS_MAX,
  JOIN_ADDRESSES_MAX,
  LAMPORT_MAX,
} from "./constants.ts";
import { QUERIES_OPEN_MAX, QUERIES_OWN_MAX, RELAYS_MAX, STREAMS_MAX, lan } from "./constants.ts";
import { encodeKeyRequest } from "./internal-codec.ts";
import { createMembership } from "./membership.ts";
import { labelHeader } from "./framing.ts";
import * as serf from "./serf.ts";
import { encodeSerfState } from "./serf-state.ts";
import * as wrapping from "./wrapping.ts";
import type { Effect, Endpoint, Membership, MembershipConfig, MembershipEvent, RefuseReason } from "./types.ts";

const nodeOf = (name: string, incarnation: number, state: codec.WireState = 0): codec.NodeState => ({
  node: name,
  incarnation,
  address: Uint8Array.of(10, 0, 0, name.charCodeAt(0)),
  port: 7,
  meta: new Uint8Array(0),
  versions: Uint8Array.of(1, 5, 2, 2, 5, 4),
  state,
});
const at = (name: string): Endpoint => ({ address: `10.0.0.${name.charCodeAt(0)}`, port: 7 });
const accusation = (node: string, incarnation: number, from: string) => ({ node, incarnation, from });

function make(more: Partial<MembershipConfig> = {}): Membership {
  return createMembership({ name: "a", advertise: at("a"), profile: lan, ...more }, { random: seededRandom(1) });
}

/** One line for each message of a packet, and for each other effect. */
function lines(effects: Effect[]): string[] {
  const name = (to: Endpoint) => String.fromCharCode(Number(to.address.split(".")[3]));
  return effects.flatMap((effect): string[] => {
    if (effect.type === "send") return [`-> ${name(effect.to)} ${messages(effect.bytes).join(" + ")}`];
    if (effect.type === "stream") return [`-> ${name(effect.to)} stream ${messages(effect.bytes).join("")}`];
    if (effect.type === "member") return [`${effect.member.name} ${effect.change}`];
    return [];
  });
}

function messages(bytes: Uint8Array): string[] {
  const reader = new MsgpackReader(bytes, 1);
  switch (bytes[0]) {
    case codec.TYPE.compound:
      return wrapping.decodeCompound(bytes, 1).flatMap(messages);
    case codec.TYPE.ping:
      return [`ping ${codec.decodePing(reader).node}`];
    case codec.TYPE.indirectPing:
      return [`ask-ping ${codec.decodeIndirectPing(reader).node}`];
    case codec.TYPE.alive: {
      const alive = codec.decodeNode(reader);
      return [`alive ${alive.node} ${alive.incarnation}`];
    }
    case codec.TYPE.suspect:
    case codec.TYPE.dead: {
      const { node, incarnation, from } = codec.decodeAccusation(reader);
      return [`${bytes[0] === codec.TYPE.dead ? "dead" : "suspect"} ${node} ${incarnation} by ${from}`];
    }
    case codec.TYPE.pushPull:
      return ["push/pull"];
    default:
      return [`type ${bytes[0]}`];
  }
}

/** Runs the timers up to `untilMs`, and gives what the core did on the way, without gossip and push/pull. */
function trace(core: Membership, fromMs: number, untilMs: number): string[] {
  const result: string[] = [];
  let nowMs = fromMs;
  for (;;) {
    const nextMs = core.nextWakeMs();
    if (nextMs === undefined || nextMs > untilMs) break;
    nowMs = Math.max(nowMs, nextMs);
    for (const line of lines(core.step(nowMs, { type: "tick" }))) {
      if (!line.includes("push/pull")) result.push(line);
    }
  }
  return result;
}

/** Lets the broadcasts of the beginning run out while all members answer every probe. */
function settled(names: string[]): { core: Membership; nowMs: number } {
  const core = make();
  const give = (nowMs: number, event: MembershipEvent) => {
    for (const effect of core.step(nowMs, event)) answer(core, nowMs, effect);
  };
  for (const name of names) give(0, { type: "packet", from: at(name), bytes: codec.encodeAlive(nodeOf(name, 1)) });
  let nowMs = 0;
  while (nowMs < 12_000) {
    nowMs = core.nextWakeMs()!;
    give(nowMs, { type: "tick" });
  }
  return { core, nowMs };
}

function answer(core: Membership, nowMs: number, effect: Effect): void {
  if (effect.type !== "send") return;
  const parts = effect.bytes[0] === codec.TYPE.compound ? wrapping.decodeCompound(effect.bytes, 1) : [effect.bytes];
  const ping = parts.find((part) => part[0] === codec.TYPE.ping);
  if (!ping) return;
  const { seq } = codec.decodePing(new MsgpackReader(ping, 1));
  core.step(nowMs, { type: "packet", from: effect.to, bytes: codec.encodeAck({ seq, payload: new Uint8Array(0) }) });
}

test("golden trace: a probe that is not answered asks others, then suspects, then fails the member", () => {
  const { core, nowMs } = settled(["b", "c"]);
  const seen = trace(core, nowMs, nowMs + 2500);
  const [, target] = /ping (\w)/.exec(seen[0]!)!;
  const helper = target === "b" ? "c" : "b";
  assert.deepEqual(seen.slice(0, 4), [
    `-> ${target} ping ${target}`,
    `-> ${helper} ask-ping ${target}`,
    `-> ${target} stream ping ${target}`,
    `${target} suspect`,
  ]);
  assert.ok(seen.some((line) => line.includes(`suspect ${target} 1 by a`) && line.startsWith(`-> ${helper}`)));
  const later = trace(core, nowMs + 2500, nowMs + 60_000);
  assert.ok(later.includes(`${target} failed`) && later.includes(`${helper} failed`), later.join("\n"));
  assert.ok(later.some((line) => line.includes(`dead ${target} 1 by a`)));
});

test("golden trace: an ack through another member, a missing nack, a nack", () => {
  for (const kind of ["ack", "nack", "nothing"] as const) {
    const { core, nowMs } = settled(["b", "c"]);
    let sequence = 0;
    let asked = false;
    const counts0 = core.counts().probesFailed;
    let t = nowMs;
    while (!asked) {
      t = core.nextWakeMs()!;
      for (const effect of core.step(t, { type: "tick" })) {
        if (effect.type !== "send") continue;
        for (const part of effect.bytes[0] === 7 ? wrapping.decodeCompound(effect.bytes, 1) : [effect.bytes]) {
          if (part[0] !== codec.TYPE.indirectPing) continue;
          sequence = codec.decodeIndirectPing(new MsgpackReader(part, 1)).seq;
          asked = true;
        }
      }
    }
    const empty = new Uint8Array(0);
    if (kind === "ack")
      core.step(t, { type: "packet", from: at("b"), bytes: codec.encodeAck({ seq: sequence, payload: empty }) });
    if (kind === "nack") core.step(t, { type: "packet", from: at("b"), bytes: codec.encodeNack(sequence) });
    trace(core, t, t + 700);
    assert.equal(core.counts().probesFailed - counts0, kind === "ack" ? 0 : 1, kind);
    assert.equal(core.health(), kind === "nothing" ? 1 : 0, kind);
  }
});

test("golden trace: accused, we refute with a higher incarnation and our health falls", () => {
  const { core, nowMs } = settled(["b", "c"]);
  const accuse = codec.encodeAccusation(codec.TYPE.suspect, accusation("a", 5, "b"));
  core.step(nowMs, { type: "packet", from: at("b"), bytes: accuse });
  assert.equal(core.self().incarnation, 6);
  assert.equal(core.health(), 1);
  assert.ok(trace(core, nowMs, nowMs + 250).some((line) => line.includes("alive a 6")));
  const dead = codec.encodeAccusation(codec.TYPE.dead, accusation("a", 6, "a"));
  core.step(nowMs + 250, { type: "packet", from: at("b"), bytes: dead });
  assert.equal(core.self().incarnation, 7);
  assert.equal(core.self().status, "alive");
});

test("a suspicion with enough members waits its maximum, and confirmations shorten it", () => {
  const names = "bcdefghi".split("");
  const failedAfterMs = (accusers: string[]) => {
    const core = make();
    for (const name of names)
      core.step(0, { type: "packet", from: at(name), bytes: codec.encodeAlive(nodeOf(name, 1)) });
    for (const from of accusers) {
      core.step(0, { type: "packet", from: at(from), bytes: codec.encodeAccusation(3, accusation("b", 1, from)) });
    }
    let nowMs = 0;
    while (core.member("b")!.status !== "failed") {
      nowMs = core.nextWakeMs()!;
      for (const effect of core.step(nowMs, { type: "tick" })) answer(core, nowMs, effect);
    }
    return nowMs;
  };
  assert.equal(failedAfterMs(["c"]), 24_000);
  assert.equal(failedAfterMs(["c", "c"]), 24_000);
  assert.equal(failedAfterMs(["c", "d"]), 14_000);
  assert.equal(failedAfterMs(["c", "d", "e", "f", "g"]), 4000);
});

test("old news change nothing: rules of incarnations", () => {
  const core = make();
  const packet = (bytes: Uint8Array) => core.step(0, { type: "packet", from: at("c"), bytes });
  const status = () => `${core.member("b")!.status} ${core.member("b")!.incarnation}`;
  packet(codec.encodeAccusation(3, accusation("b", 1, "c")));
  assert.equal(core.member("b"), undefined);
  packet(codec.encodeAlive(nodeOf("b", 5)));
  packet(codec.encodeAccusation(3, accusation("b", 4, "c")));
  assert.equal(status(), "alive 5");
  packet(codec.encodeAccusation(3, accusation("b", 5, "c")));
  packet(codec.encodeAlive(nodeOf("b", 5)));
  assert.equal(status(), "suspect 5");
  packet(codec.encodeAlive(nodeOf("b", 6)));
  assert.equal(status(), "alive 6");
  packet(codec.encodeAccusation(5, accusation("b", 6, "c")));
  packet(codec.encodeAlive(nodeOf("b", 6)));
  assert.equal(status(), "failed 6");
  packet(codec.encodeAlive(nodeOf("b", 7)));
  packet(codec.encodeAccusation(5, accusation("b", 7, "b")));
  assert.equal(status(), "left 7");
});

test("another address for a living name is a conflict; for ours it is refuted, now and then", () => {
  const core = make();
  const packet = (nowMs: number, node: codec.NodeState) => {
    const effects = core.step(nowMs, { type: "packet", from: at("x"), bytes: codec.encodeAlive(node) });
    return effects.flatMap((effect) => (effect.type === "name-conflict" ? [effect.name] : []));
  };
  packet(0, nodeOf("b", 1));
  assert.deepEqual(packet(0, { ...nodeOf("b", 9), port: 8 }), ["b"]);
  assert.equal(core.member("b")!.port, 7);
  assert.deepEqual(packet(CONFLICT_REFUTE_MS, { ...nodeOf("a", 9), port: 8 }), ["a"]);
  assert.equal(core.self().incarnation, 10);
  assert.deepEqual(packet(CONFLICT_REFUTE_MS + 1, { ...nodeOf("a", 19), port: 8 }), []);
  assert.equal(core.self().incarnation, 10);
  // A dead member's name may be taken over from elsewhere after a while.
  const dead = codec.encodeAccusation(codec.TYPE.dead, accusation("b", 1, "c"));
  core.step(6000, { type: "packet", from: at("c"), bytes: dead });
  packet(7000, { ...nodeOf("b", 1), port: 8 });
  assert.equal(core.member("b")!.status, "failed");
  packet(6000 + lan.deadNodeReclaimMs, { ...nodeOf("b", 1), port: 8 });
  assert.deepEqual([core.member("b")!.status, core.member("b")!.port], ["alive", 8]);
});

test("intents: leave before death, join takes it back, one for an unknown member waits, one for us is denied", () => {
  const core = make();
  const user = (type: 0 | 1, node: string, ltime: number, prune = false) =>
    core.step(0, {
      type: "packet",
      from: at("c"),
      bytes: codec.encodeUser(serf.encodeIntent(type, { ltime, node, prune })),
    });
  user(0, "b", 5);
  core.step(0, { type: "packet", from: at("b"), bytes: codec.encodeAlive(nodeOf("b", 1)) });
  assert.equal(core.member("b")!.status, "leaving");
  user(1, "b", 4);
  assert.equal(core.member("b")!.status, "leaving");
  user(1, "b", 6);
  assert.equal(core.member("b")!.status, "alive");
  core.step(0, { type: "packet", from: at("c"), bytes: codec.encodeAccusation(5, accusation("b", 1, "c")) });
  assert.equal(core.member("b")!.status, "failed");
  user(0, "b", 7);
  assert.equal(core.member("b")!.status, "left");
  user(0, "b", 8, true);
  assert.equal(core.member("b"), undefined);
  user(0, "a", 50);
  assert.equal(core.self().status, "alive");
});

test("a time of ours that we did not say is denied, also as a join: others may hold it for a leave", () => {
  const core = make();
  core.step(0, { type: "packet", from: at("b"), bytes: codec.encodeAlive(nodeOf("b", 1)) });
  const lie = serf.encodeIntent(1, { ltime: 50, node: "a", prune: false });
  const effects = core.step(0, { type: "packet", from: at("c"), bytes: codec.encodeUser(lie) });
  for (let ms = 1; ms < 1000; ms++) effects.push(...core.step(ms, { type: "tick" }));
  const denial = Buffer.from(serf.encodeIntent(1, { ltime: 52, node: "a", prune: false }));
  assert.ok(effects.some((effect) => effect.type === "send" && Buffer.from(effect.bytes).includes(denial)));
});

test("every refusal has its reason", () => {
  const core = make({ membersMax: 3, admit: (name) => name !== "z" });
  const refused = (reason: RefuseReason, bytes: Uint8Array, from = at("c")) => {
    const before = core.counts().refused[reason];
    core.step(0, { type: "packet", from, bytes });
    assert.equal(core.counts().refused[reason], before + 1, reason);
  };
  const alive = codec.encodeAlive(nodeOf("b", 1));
  refused("malformed", new Uint8Array(0));
  refused("malformed", alive.subarray(0, alive.length - 3));
  refused("unknown-type", Uint8Array.of(99));
  refused("unknown-type", Uint8Array.of(...labelHeader("another cluster"), ...alive));
  refused("unknown-type", codec.encodeUser(Uint8Array.of(77)));
  const checked = wrapping.encodeCrc(alive);
  checked[4]! ^= 1;
  refused("bad-checksum", checked);
  let nested = alive;
  for (let i = 0; i < 8; i++) nested = wrapping.encodeCompound([nested]);
  refused("too-deep", nested);
  refused("too-large", new Uint8Array(70_000));
  const bomb = new MsgpackWriter()
    .byte(9)
    .map(2)
    .text("Algo")
    .int(0)
    .text("Buf")
    .raw(lzwEncode(new Uint8Array(100_000)));
  refused("too-large", bomb.finish());
  refused("too-large", codec.encodeAlive({ ...nodeOf("b", 1), meta: new Uint8Array(513) }));
  refused("too-large", codec.encodeAlive(nodeOf("n".repeat(300), 1)));
  const ping = { seq: 1, node: "other", sourceAddress: new Uint8Array(0), sourcePort: 0, sourceNode: "" };
  refused("wrong-node", codec.encodePing(ping));
  refused("bad-address", codec.encodeAlive({ ...nodeOf("b", 1), address: Uint8Array.of(1, 2) }));
  refused("bad-address", codec.encodeAlive({ ...nodeOf("b", 1), port: 0 }));
  refused("not-admitted", codec.encodeAlive(nodeOf("z", 1)));
  core.step(0, { type: "packet", from: at("b"), bytes: alive });
  core.step(0, { type: "packet", from: at("c"), bytes: codec.encodeAlive(nodeOf("c", 1)) });
  refused("table-full", codec.encodeAlive(nodeOf("d", 1)));
  refused("stale-ack", codec.encodeAck({ seq: 4, payload: new Uint8Array(0) }));
  refused("stale-ack", codec.encodeNack(4));
  core.step(0, { type: "forget", name: "b" });
  refused("forgotten", alive);
  refused("forgotten", codec.encodePing({ ...ping, node: "a", sourceNode: "b" }));
  refused("forgotten", alive, at("b"));
  const future = serf.encodeUserEvent({
    ltime: LAMPORT_MAX + 1,
    name: "e",
    payload: new Uint8Array(0),
    coalesce: false,
  });
  refused("malformed", codec.encodeUser(future));
  const relay = serf.encodeRelay({
    address: Uint8Array.of(8, 8, 8, 8),
    port: 53,
    node: "c",
    message: Uint8Array.of(5),
  });
  refused("wrong-node", codec.encodeUser(relay));
  const ask = { ...ping, target: Uint8Array.of(9, 9, 9, 9), port: 1, nack: true };
  for (let i = 0; i < RELAYS_MAX; i++)
    core.step(0, { type: "packet", from: at("c"), bytes: codec.encodeIndirectPing(ask) });
  refused("relays-full", codec.encodeIndirectPing(ask));
  core.step(600, { type: "tick" });
  core.step(600, { type: "packet", from: at("c"), bytes: codec.encodeIndirectPing(ask) });
  assert.equal(core.counts().refused["relays-full"], 1);
});

test("limits of commands and of what others may leave here", () => {
  const core = make();
  const throws = (event: MembershipEvent, code: RegExp) => assert.throws(() => core.step(0, event), code);
  throws({ type: "set-tags", tags: { a: "x".repeat(600) } }, /tags-too-large/);
  throws({ type: "user-event", name: "e", payload: new Uint8Array(512) }, /event-too-large/);
  throws({ type: "query", key: "k", query: { name: "q", payload: new Uint8Array(1024) } }, /query-too-large/);
  throws({ type: "respond", query: "1:1", payload: new Uint8Array(0) }, /no-such-query/);
  throws(
    { type: "join", addresses: Array.from({ length: JOIN_ADDRESSES_MAX + 1 }, () => at("b")) },
    /too-many-addresses/,
  );
  const small = { name: "q", payload: new Uint8Array(0) };
  for (let i = 0; i < QUERIES_OWN_MAX; i++) core.step(0, { type: "query", key: `${i}`, query: small });
  throws({ type: "query", key: "more", query: small }, /too-many-queries/);
  const joins = core.step(0, { type: "join", addresses: Array.from({ length: JOIN_ADDRESSES_MAX }, () => at("b")) });
  assert.equal(joins.filter((effect) => effect.type === "stream").length, STREAMS_MAX);
  const more = core.step(0, { type: "join", addresses: [at("b")] });
  assert.ok(more.some((effect) => effect.type === "join-result" && !effect.ok));
  for (let i = 0; i < INTENTS_MAX + 500; i++) {
    const intent = serf.encodeIntent(0, { ltime: i, node: `ghost-${i}`, prune: false });
    core.step(1, { type: "packet", from: at("c"), bytes: codec.encodeUser(intent) });
  }
  for (let i = 0; i < QUERIES_OPEN_MAX + 50; i++) {
    const query: serf.Query = {
      ...{ ltime: 9, id: i, address: Uint8Array.of(10, 0, 0, 98), port: 7, sourceNode: "b", filters: [], flags: 0 },
      ...{ relayFactor: 0, timeoutMs: 1e12, name: "q", payload: new Uint8Array(0) },
    };
    query.ltime = 9 + (i >> 5);
    core.step(1, { type: "packet", from: at("b"), bytes: codec.encodeUser(serf.encodeQuery(query)) });
  }
  throws({ type: "respond", query: "9:0", payload: new Uint8Array(0) }, /no-such-query/);
  throws({ type: "respond", query: `${9 + (305 >> 5)}:305`, payload: new Uint8Array(2000) }, /response-too-large/);
  const answered = core.step(1, { type: "respond", query: `${9 + (305 >> 5)}:305`, payload: utf8("yes") });
  assert.ok(answered.some((effect) => effect.type === "send" && effect.to.address === "10.0.0.98"));
  for (let i = 0; i <= FORGOTTEN_MAX; i++) core.step(1, { type: "forget", name: `ghost-${i}` });
  assert.throws(() => make({ name: "" }), /bad-name/);
  assert.throws(() => make({ advertise: { address: "host", port: 1 } }), /bad-address/);
});

test("100,000 changed packets and 20,000 changed streams throw nothing and leave the table bounded", () => {
  const random = seededRandom(99);
  const core = make({ membersMax: 50 });
  for (const name of "bcdefg")
    core.step(0, { type: "packet", from: at(name), bytes: codec.encodeAlive(nodeOf(name, 1)) });
  const seeds = samples();
  let nowMs = 0;
  for (let i = 0; i < 120_000; i++) {
    const bytes = mutated(seeds[random.below(seeds.length)]!, random);
    nowMs += random.float() * 20;
    const from = at("bcdefg"[random.below(6)]!);
    if (i % 6 === 5) {
      core.step(nowMs, { type: "stream-received", id: i, from, bytes });
      core.step(nowMs, { type: "stream-answer", id: random.below(50), bytes });
    } else core.step(nowMs, { type: "packet", from, bytes });
  }
  const { refused } = core.counts();
  assert.ok(core.members().length <= 50);
  assert.equal(core.self().status, "alive");
  for (const reason of ["malformed", "unknown-type", "too-large", "bad-checksum"] as const)
    assert.ok(refused[reason] > 0, reason);
});

function samples(): Uint8Array[] {
  const ping = { seq: 3, node: "a", sourceAddress: new Uint8Array(4), sourcePort: 7, sourceNode: "b" };
  const query: serf.Query = {
    ...{ ltime: 3, id: 1, address: Uint8Array.of(10, 0, 0, 98), port: 7, sourceNode: "b", flags: 1, relayFactor: 3 },
    ...{ filters: [{ type: "tag", tag: "x", expression: "a*" }], timeoutMs: 1000, name: "q", payload: utf8("p") },
  };
  const event = { ltime: 2, name: "e", payload: utf8("x"), coalesce: true };
  const state = encodeSerfState({
    ...{ ltime: 3, left: ["c"], eventLtime: 3, events: [event], queryLtime: 1, statusCount: 1 },
    statuses: (put) => put("b", 2),
  });
  const plain = [
    codec.encodePing(ping),
    codec.encodeIndirectPing({ ...ping, target: Uint8Array.of(10, 0, 0, 99), port: 7, nack: true }),
    codec.encodeAck({ seq: 3, payload: utf8("p") }),
    codec.encodeNack(3),
    codec.encodeAlive(nodeOf("h", 2)),
    codec.encodeAccusation(3, accusation("b", 1, "c")),
    codec.encodeAccusation(5, accusation("d", 1, "d")),
    codec.encodePushPull(true, 2, state, (put) => [nodeOf("b", 3), nodeOf("k", 1, 2)].forEach(put)),
    codec.encodePushPull(false, 1, state, (put) => put(nodeOf("b", 3)), {
      salt: 9,
      buckets: 16,
      which: new Uint8Array(32),
    }),
    question(),
    codec.encodeUser(serf.encodeQuery(query)),
    codec.encodeUser(
      serf.encodeQuery({ ...query, name: "_serf_install-key", payload: encodeKeyRequest(new Uint8Array(16)) }),
    ),
    codec.encodeUser(serf.encodeQuery({ ...query, id: 2, name: "_serf_conflict", payload: utf8("b") })),
    codec.encodeUser(serf.encodeUserEvent(event)),
    codec.encodeUser(serf.encodeIntent(0, { ltime: 3, node: "b", prune: false })),
    codec.encodeUser(serf.encodeQueryResponse({ ltime: 1, id: 1, from: "b", flags: 0, payload: utf8("r") })),
    codec.encodeUser(
      serf.encodeRelay({ address: Uint8Array.of(10, 0, 0, 98), port: 7, node: "b", message: utf8("\u0005") }),
    ),
    codec.encodeError("no"),
  ];
  return [
    ...plain,
    wrapping.encodeCompound(plain),
    ...plain.map(wrapping.encodeCompressed),
    ...plain.map(wrapping.encodeCrc),
  ];
}

/** What a member sends that compares. */
function question(): Uint8Array {
  const core = make({ profile: { ...lan, pushPullIntervalMs: 10 } });
  core.step(0, { type: "user-event", name: "e", payload: utf8("x") });
  const versions = Uint8Array.of(1, 5, 2, 2, COMPARE_VERSION, 4);
  const effects = core.step(0, {
    type: "packet",
    from: at("b"),
    bytes: codec.encodeAlive({ ...nodeOf("b", 1), versions }),
  });
  while (effects.length < 1000) {
    const stream = effects.find((effect) => effect.type === "stream");
    if (stream) return stream.bytes;
    effects.push(...core.step(core.nextWakeMs()!, { type: "tick" }));
  }
  throw new Error("no comparison");
}

function mutated(seed: Uint8Array, random: ReturnType<typeof seededRandom>): Uint8Array {
  const bytes = new Uint8Array(seed);
  for (let changes = random.below(4); changes > 0; changes--) bytes[random.below(bytes.length)] = random.below(256);
  return random.below(5) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

test("asleep during a suspicion, we wake with the rest of its time, and the running probe accuses nobody", () => {
  const { core, nowMs } = settled(["b", "c"]);
  core.step(nowMs, { type: "packet", from: at("c"), bytes: codec.encodeAccusation(3, accusation("b", 1, "c")) });
  const wokenMs = nowMs + 86_400_000;
  const woken = core.step(wokenMs, { type: "tick" });
  assert.equal(core.member("b")!.status, "suspect");
  assert.deepEqual(
    lines(woken).filter((line) => /^\w (failed|suspect)$/.test(line)),
    [],
  );
  assert.equal(core.counts().stalls, 1);
  assert.ok(trace(core, wokenMs, wokenMs + 10_000).includes("b failed"));
});

test("a tick that comes too early is told the wake again", () => {
  const core = make();
  const wakes = (nowMs: number) => core.step(nowMs, { type: "tick" }).filter((effect) => effect.type === "wake");
  const [first] = wakes(0);
  assert.ok(first && first.atMs > 0);
  assert.deepEqual(wakes(first.atMs - 0.5), [first]);
  const packet = core.step(first.atMs - 0.4, { type: "packet", from: at("b"), bytes: Uint8Array.of(99) });
  assert.deepEqual(packet, []);
});

test("what a snapshot tells is not gossiped", () => {
  const { core: source } = settled(["b", "c", "d"]);
  const core = make();
  core.step(0, { type: "restore", snapshot: source.snapshot() });
  assert.equal(core.aliveCount(), 4);
  assert.ok(!trace(core, 0, 900).some((line) => /alive [bcd]/.test(line)));
  core.step(900, { type: "packet", from: at("e"), bytes: codec.encodeAlive(nodeOf("e", 1)) });
  assert.ok(trace(core, 900, 1500).some((line) => line.includes("alive e")));
});
