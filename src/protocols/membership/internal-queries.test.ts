/**
 * Serf's own queries in the pure core: requests about keys and their answers, reports put together from what members
 * say, votes on a name, and what hostile members may send as any of these.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { utf8 } from "../wire/utf8.ts";
import * as codec from "./codec.ts";
import { KEYS_HEARD_MAX, KEYS_REPORTED_MAX, KEYS_TOLD_MAX, KEY_BYTES, KEY_MESSAGE_MAX } from "./constants.ts";
import { NAME_BYTES_MAX, NAME_VOTE_INTERVAL_MS, QUERIES_OWN_MAX, QUERY_RESPONSE_BYTES_MAX, lan } from "./constants.ts";
import * as internal from "./internal-codec.ts";
import { createMembership } from "./membership.ts";
import * as serf from "./serf.ts";
import { encodeTags } from "./tags.ts";
import type { Effect, Endpoint, KeyOp, KeyReport, Membership } from "./types.ts";
import { decodeCompound } from "./wrapping.ts";

const EMPTY: Uint8Array = new Uint8Array(0);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const at = (last: number): Endpoint => ({ address: `10.0.0.${last}`, port: 7 });
const nodeOf = (name: string, last: number, meta = EMPTY): codec.NodeState => ({
  ...{ node: name, incarnation: 1, address: Uint8Array.of(10, 0, 0, last), port: 7, meta, state: 0 },
  versions: Uint8Array.of(1, 5, 2, 2, 5, 4),
});

/** We are `a` at 10.0.0.1; each further name is a member. */
function make(...others: string[]): Membership {
  const core = createMembership({ name: "a", advertise: at(1), profile: lan }, { random: seededRandom(1) });
  others.forEach((name, i) => {
    core.step(0, { type: "packet", from: at(i + 2), bytes: codec.encodeAlive(nodeOf(name, i + 2)) });
  });
  return core;
}

let lastId = 0;

/** A query from member `b`; gives the effects, and the answers in them. */
function queried(core: Membership, name: string, payload: Uint8Array, nowMs = 0) {
  lastId++;
  const query: serf.Query = {
    ...{
      ltime: lastId,
      id: lastId,
      address: Uint8Array.of(10, 0, 0, 2),
      port: 7,
      sourceNode: "b",
      filters: [],
      flags: 0,
    },
    ...{ relayFactor: 0, timeoutMs: 1000, name, payload },
  };
  const bytes = codec.encodeUser(serf.encodeQuery(query));
  const effects = core.step(nowMs, { type: "packet", from: at(2), bytes });
  return { effects, answers: answersIn(effects) };
}

/** Payloads of the answers that these effects send. */
function answersIn(effects: Effect[]): Uint8Array[] {
  return serfMessages(effects, serf.SERF.queryResponse).map((message) => {
    return serf.decodeQueryResponse(new MsgpackReader(message, 1)).payload;
  });
}

/** Of packets, also in compounds, the messages of Serf that have this type. */
function serfMessages(effects: Effect[], type: number): Uint8Array[] {
  const packets = effects.flatMap((effect) => (effect.type === "send" ? [effect.bytes] : []));
  const parts = packets.flatMap((bytes) => {
    return bytes[0] === codec.TYPE.compound ? decodeCompound(bytes, 1) : [bytes];
  });
  return parts.filter((part) => part[0] === codec.TYPE.user && part[1] === type).map((part) => part.subarray(1));
}

/** Runs timers until the core sends a query of that name, and gives it. */
function spreadQuery(core: Membership, name: string, nowMs: number): serf.Query {
  for (let ms = nowMs; ms <= nowMs + 1000; ms += 50) {
    for (const message of serfMessages(core.step(ms, { type: "tick" }), serf.SERF.query)) {
      const query = serf.decodeQuery(new MsgpackReader(message, 1));
      if (query.name === name) return query;
    }
  }
  assert.fail(`no query ${name}`);
}

/** In steps that are no stall. */
function ticks(core: Membership, fromMs: number, toMs: number): Effect[] {
  const effects: Effect[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 500) effects.push(...core.step(ms, { type: "tick" }));
  return effects;
}

function answer(core: Membership, nowMs: number, query: serf.Query, from: string, payload: Uint8Array): Effect[] {
  const response = serf.encodeQueryResponse({ ltime: query.ltime, id: query.id, from, flags: 0, payload });
  return core.step(nowMs, { type: "packet", from: at(9), bytes: codec.encodeUser(response) });
}

const keyAnswer = (payload: Uint8Array) => internal.decodeKeyResponse(payload);
const reportIn = (effects: Effect[]): KeyReport | undefined =>
  effects.flatMap((effect) => (effect.type === "key-report" ? [effect.report] : []))[0];

test("they have the bytes that Serf has", () => {
  assert.equal(hex(internal.encodeKeyRequest(Uint8Array.of(1, 2))), "0781a34b6579a20102");
  const listed = internal.encodeKeyResponse({ ok: true, keys: ["eA=="], primary: "eA==" });
  const fields = "a6526573756c74c3a74d657373616765a0a44b65797391a465413d3daa5072696d6172794b6579a465413d3d";
  assert.equal(hex(listed), `0884${fields}`);
  assert.equal(hex(internal.encodeConflictResponse(undefined)), "06c0");
  const address = Uint8Array.of(10, 0, 0, 2);
  const versions = Uint8Array.of(1, 5, 2, 2, 5, 4);
  const member = { name: "b", address, port: 7, tags: { x: "y" }, status: "failed" as const, versions };
  const bytes = internal.encodeConflictResponse(member);
  assert.deepEqual(internal.decodeConflictResponse(bytes), { address, port: 7 });
  const value = new MsgpackReader(bytes, 1).value() as Map<string, unknown>;
  const names = ["Name", "Addr", "Port", "Tags", "Status", "ProtocolMin", "ProtocolMax", "ProtocolCur"];
  assert.deepEqual([...value.keys()], [...names, "DelegateMin", "DelegateMax", "DelegateCur"]);
  assert.deepEqual([value.get("Status"), value.get("DelegateMax")], [4, 5]);
  // A member of another writer, with a nil address and fields that we do not know.
  assert.deepEqual(internal.decodeConflictResponse(Uint8Array.of(6, 0x81, 0xa4, ...utf8("Addr"), 0xc0)).port, 0);
});

test("a request about keys comes out, and the answer goes back once", () => {
  const core = make("b");
  const ops: [KeyOp, string][] = [
    ["install", "install-key"],
    ["use", "use-key"],
    ["remove", "remove-key"],
    ["list", "list-keys"],
  ];
  for (const [op, name] of ops) {
    const secret = op === "list" ? EMPTY : new Uint8Array(KEY_BYTES[1]!).fill(7);
    const { effects, answers } = queried(core, `_serf_${name}`, internal.encodeKeyRequest(secret));
    const request = effects.find((effect) => effect.type === "key-request")!;
    assert.deepEqual([request.op, hex(request.secret), request.from, request.deadlineMs], [op, hex(secret), "b", 1000]);
    assert.deepEqual([answers.length, effects.some((effect) => effect.type === "query")], [0, false]);
    assert.throws(() => core.step(0, { type: "respond", query: request.key, payload: EMPTY }), /no-such-query/);
    const said = { ok: false, message: "no", keys: [], primary: "" };
    const sent = answersIn(core.step(0, { type: "answer-key-request", query: request.key, ok: false, message: "no" }));
    assert.deepEqual(sent.map(keyAnswer), [said]);
    const again = { type: "answer-key-request", query: request.key, ok: true } as const;
    assert.throws(() => core.step(0, again), /no-such-query/);
  }
  const { effects } = queried(core, "_serf_list-keys", internal.encodeKeyRequest(EMPTY));
  const late = effects.find((effect) => effect.type === "key-request")!;
  core.step(1001, { type: "tick" });
  assert.throws(() => core.step(1001, { type: "answer-key-request", query: late.key, ok: true }), /no-such-query/);
});

test("what is no key is refused at once, with memberlist's words, and is still passed on", () => {
  const core = make("b", "c");
  const wrong = [
    ...[0, 15, 17, 33, 800].map((size) => internal.encodeKeyRequest(new Uint8Array(size))),
    ...[EMPTY, Uint8Array.of(7), Uint8Array.of(7, 0xff), Uint8Array.of(8, 0x80), Uint8Array.of(7, 0x81, 0xa3)],
  ];
  for (const payload of wrong) {
    const before = core.counts().refused.malformed;
    const { effects, answers } = queried(core, "_serf_install-key", payload);
    assert.equal(core.counts().refused.malformed, before + 1);
    assert.ok(!effects.some((effect) => effect.type === "key-request"));
    assert.deepEqual(answers.map(keyAnswer), [
      { ok: false, message: "key size must be 16, 24 or 32 bytes", keys: [], primary: "" },
    ]);
  }
  assert.equal(spreadQuery(core, "_serf_install-key", 0).sourceNode, "b");
  // But for the one that would end a real agent: it goes no further.
  const other = make("b", "c");
  queried(other, "_serf_use-key", EMPTY);
  assert.deepEqual(serfMessages(ticks(other, 0, 3000), serf.SERF.query), []);
  queried(other, "_serf_use-key", internal.encodeKeyRequest(EMPTY), 3000);
  assert.equal(spreadQuery(other, "_serf_use-key", 3000).sourceNode, "b");
  // Others of Serf's names are acknowledged, and that is all.
  assert.deepEqual(queried(core, "_serf_new", EMPTY).answers, []);
});

test("keys that do not fit into an answer are left out, and the message says so", () => {
  const core = make("b");
  const listed = (keys: string[]) => {
    const { effects } = queried(core, "_serf_list-keys", internal.encodeKeyRequest(EMPTY));
    const { key } = effects.find((effect) => effect.type === "key-request")!;
    const primary = keys[0]!;
    const sent = core.step(0, { type: "answer-key-request", query: key, ok: true, keys, primary });
    const [message] = serfMessages(sent, serf.SERF.queryResponse);
    assert.ok(message!.length <= QUERY_RESPONSE_BYTES_MAX, `${message!.length}`);
    return keyAnswer(answersIn(sent)[0]!);
  };
  const keysOf = (count: number, length: number) => {
    return Array.from({ length: count }, (_, i) => `${i}`.padStart(length, "k"));
  };
  assert.deepEqual([listed(keysOf(16, 44)).keys.length, listed(keysOf(16, 44)).message], [16, ""]);
  const cut = listed(keysOf(60, 44));
  assert.deepEqual(cut.keys, keysOf(60, 44).slice(0, cut.keys.length));
  assert.ok(cut.keys.length >= 17 && cut.keys.length < 22, `${cut.keys.length}`);
  assert.equal(cut.message, `truncated key list response, showing first ${cut.keys.length} of 60 keys`);
  assert.equal(listed(keysOf(300, 4)).keys.length, KEYS_TOLD_MAX);
  const { effects } = queried(core, "_serf_list-keys", internal.encodeKeyRequest(EMPTY));
  const { key: query } = effects.find((effect) => effect.type === "key-request")!;
  const long = { type: "answer-key-request", query, ok: false, message: "x".repeat(1100) } as const;
  assert.equal(keyAnswer(answersIn(core.step(0, long))[0]!).message.slice(0, 9), "truncated");
});

test("a report counts answers, failures and keys, and ends with the last member or with time", () => {
  const core = make("b", "c", "d");
  const secret = new Uint8Array(32);
  const asked = core.step(0, { type: "manage-keys", key: "k", op: "install", secret });
  const own = asked.find((effect) => effect.type === "key-request")!;
  assert.deepEqual([own.op, own.from], ["install", "a"]);
  const query = spreadQuery(core, "_serf_install-key", 0);
  assert.deepEqual(internal.decodeKeyRequest(query.payload), secret);
  const ok = internal.encodeKeyResponse({ ok: true, keys: ["x", "y", "x"], primary: "x" });
  assert.equal(reportIn(core.step(1000, { type: "answer-key-request", query: own.key, ok: true })), undefined);
  assert.equal(reportIn(answer(core, 1000, query, "b", ok)), undefined);
  assert.equal(reportIn(answer(core, 1000, query, "b", ok)), undefined);
  assert.equal(reportIn(answer(core, 1000, query, "stranger", ok)), undefined);
  const failed = internal.encodeKeyResponse({ ok: false, message: "m".repeat(900) });
  assert.equal(reportIn(answer(core, 1000, query, "c", failed)), undefined);
  const report = reportIn(answer(core, 1000, query, "d", Uint8Array.of(1, 2)))!;
  assert.deepEqual([report.op, report.nodes, report.responses, report.errors], ["install", 4, 4, 2]);
  assert.deepEqual(
    [...report.keys],
    [
      ["x", 1],
      ["y", 1],
    ],
  );
  assert.deepEqual([...report.primaryKeys], [["x", 1]]);
  assert.deepEqual(
    [...report.messages],
    [
      ["c", "m".repeat(KEY_MESSAGE_MAX)],
      ["d", "not an answer about keys"],
    ],
  );

  core.step(1000, { type: "manage-keys", key: "l", op: "list", timeoutMs: 500 });
  answer(core, 1100, spreadQuery(core, "_serf_list-keys", 1000), "b", ok);
  const partial = reportIn(core.step(2100, { type: "tick" }))!;
  assert.deepEqual([partial.nodes, partial.responses, partial.errors], [4, 1, 0]);
});

test("limits of reports and of commands about keys", () => {
  const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
  const core = make(...names);
  for (const size of [0, 15, 33]) {
    const manage = { type: "manage-keys", key: "k", op: "use", secret: new Uint8Array(size) } as const;
    assert.throws(() => core.step(0, manage), /bad-key-size/);
  }
  const reserved = { type: "query", key: "q", query: { name: "_serf_install-key", payload: EMPTY } } as const;
  assert.throws(() => core.step(0, reserved), /reserved-name/);
  core.step(0, { type: "query", key: "p", query: { name: "_serf_ping", payload: EMPTY } });
  core.step(0, { type: "manage-keys", key: "k", op: "list", timeoutMs: 2000 });
  const query = spreadQuery(core, "_serf_list-keys", 0);
  names.forEach((name, i) => {
    const keys = Array.from({ length: KEYS_HEARD_MAX + (i === 0 ? 1 : 0) }, (_, n) => `${name}-${n}`);
    answer(core, 1000, query, name, internal.encodeKeyResponse({ ok: true, keys }));
  });
  const report = reportIn(core.step(2100, { type: "tick" }))!;
  assert.deepEqual([report.responses, report.errors], [20, 1]);
  assert.ok(19 * KEYS_HEARD_MAX > KEYS_REPORTED_MAX);
  assert.equal(report.keys.size, KEYS_REPORTED_MAX);
});

test("asked about a name we say where we know it, nil for a stranger, nothing for our own", () => {
  const core = make("b", "c");
  const known = queried(core, "_serf_conflict", utf8("c")).answers;
  assert.deepEqual(known.map(internal.decodeConflictResponse), [{ address: Uint8Array.of(10, 0, 0, 3), port: 7 }]);
  assert.deepEqual(queried(core, "_serf_conflict", utf8("stranger")).answers.map(hex), ["06c0"]);
  assert.deepEqual(queried(core, "_serf_conflict", utf8("a")).answers, []);
  for (const payload of [EMPTY, Uint8Array.of(0xff), utf8("n".repeat(NAME_BYTES_MAX + 1))]) {
    const before = core.counts().refused.malformed;
    assert.deepEqual(queried(core, "_serf_conflict", payload).answers, []);
    assert.equal(core.counts().refused.malformed, before + 1);
  }
});

test("a member whose tags do not fit into the answer is told without them", () => {
  const name = "n".repeat(NAME_BYTES_MAX);
  const own = { name: "o".repeat(NAME_BYTES_MAX), advertise: at(1), profile: lan };
  const core = createMembership(own, { random: seededRandom(1) });
  const meta = encodeTags({ tag: "x".repeat(500) });
  core.step(0, { type: "packet", from: at(3), bytes: codec.encodeAlive(nodeOf(name, 3, meta)) });
  const { answers } = queried(core, "_serf_conflict", utf8(name));
  const value = new MsgpackReader(answers[0]!, 1).value() as Map<string, unknown>;
  assert.deepEqual([value.get("Port"), value.get("Tags")], [7, new Map()]);
});

/** Somebody else says that it is `a`; what the vote that follows comes to. */
function vote(core: Membership, nowMs: number, answers: [from: string, payload: Uint8Array][]): Effect[] {
  const claim = codec.encodeAlive({ ...nodeOf("a", 200), incarnation: 9 });
  core.step(nowMs, { type: "packet", from: at(200), bytes: claim });
  const query = spreadQuery(core, "_serf_conflict", nowMs);
  assert.equal(Buffer.from(query.payload).toString(), "a");
  for (const [from, payload] of answers) answer(core, nowMs + 1100, query, from, payload);
  return ticks(core, nowMs + 1100, nowMs + 20_000).filter((effect) => effect.type.startsWith("name-"));
}

const knows = (last: number, port = 7) =>
  internal.encodeConflictResponse({
    ...{ name: "a", address: Uint8Array.of(10, 0, 0, last), port, tags: {}, status: "alive", versions: EMPTY },
  });

test("a name that another has, too, is kept by more than half of the answers", () => {
  const results: [[string, Uint8Array][], Partial<Effect>][] = [
    [
      [
        ["b", knows(1)],
        ["c", knows(1)],
        ["d", knows(200)],
      ],
      { type: "name-kept", responses: 3, matching: 2 },
    ],
    [
      [
        ["b", knows(1)],
        ["c", knows(200)],
      ],
      { type: "name-lost", responses: 2, matching: 1 },
    ],
    [[["b", knows(1, 8)]], { type: "name-lost", responses: 1, matching: 0 }],
    [[["b", internal.encodeConflictResponse(undefined)]], { type: "name-lost", responses: 1, matching: 0 }],
    // What is no answer does not count, nor who is no member, nor a second word of one.
    [
      [
        ["b", knows(1)],
        ["b", knows(200)],
        ["c", Uint8Array.of(9)],
        ["d", Uint8Array.of(6, 0x81)],
        ["x", knows(200)],
      ],
      { type: "name-kept", responses: 1, matching: 1 },
    ],
    [[], { type: "name-kept", responses: 0, matching: 0 }],
  ];
  for (const [answers, expected] of results) assert.deepEqual(vote(make("b", "c", "d"), 0, answers), [expected]);
});

test("we ask about our name once a minute at most, and not with all queries in use", () => {
  const core = make("b");
  const asked = (nowMs: number) => {
    const claim = codec.encodeAlive({ ...nodeOf("a", 200), incarnation: 9 });
    const effects = core.step(nowMs, { type: "packet", from: at(200), bytes: claim });
    assert.ok(effects.some((effect) => effect.type === "name-conflict"));
    const later = ticks(core, nowMs, nowMs + 20_000);
    return later.some((effect) => effect.type === "name-kept" || effect.type === "name-lost");
  };
  assert.equal(asked(0), true);
  assert.equal(asked(NAME_VOTE_INTERVAL_MS - 25_000), false);
  assert.equal(asked(NAME_VOTE_INTERVAL_MS), true);
  const busyAt = 3 * NAME_VOTE_INTERVAL_MS;
  const query = { name: "q", payload: EMPTY, timeoutMs: 600_000 };
  for (let i = 0; i < QUERIES_OWN_MAX; i++) core.step(busyAt, { type: "query", key: `${i}`, query });
  assert.equal(asked(busyAt), false);
  // Conflicts of others are theirs.
  const other = make("b", "c");
  const claim = codec.encodeAlive({ ...nodeOf("b", 200), incarnation: 9 });
  const effects = other.step(0, { type: "packet", from: at(200), bytes: claim });
  assert.ok(effects.some((effect) => effect.type === "name-conflict"));
  assert.ok(!ticks(other, 0, 20_000).some((effect) => effect.type === "name-kept"));
});

test("50,000 changed requests and answers throw nothing", () => {
  const random = seededRandom(7);
  const core = make("b", "c", "d");
  const seeds: [string, Uint8Array][] = [
    ["_serf_install-key", internal.encodeKeyRequest(new Uint8Array(32))],
    ["_serf_list-keys", internal.encodeKeyRequest(EMPTY)],
    ["_serf_conflict", utf8("c")],
  ];
  const replies = [internal.encodeKeyResponse({ ok: true, keys: ["x", "y"], message: "m", primary: "x" }), knows(1)];
  const changed = (seed: Uint8Array) => {
    const bytes = new Uint8Array(seed);
    for (let changes = random.below(4); changes > 0; changes--) bytes[random.below(bytes.length)] = random.below(256);
    return random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
  };
  let reports = 0;
  const count = (effects: Effect[]) => (reports += effects.filter((effect) => effect.type === "key-report").length);
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    const asked = core.step(nowMs, { type: "manage-keys", key: "k", op: "list", timeoutMs: 5 });
    const query = asked.find((effect) => effect.type === "key-request")!;
    const [ltime, id] = query.key.split(":").map(Number);
    const open = { ltime, id } as serf.Query;
    count(asked);
    for (const from of ["b", "c", "d"]) {
      count(answer(core, nowMs, open, from, changed(replies[random.below(replies.length)]!)));
    }
    const [name, payload] = seeds[random.below(seeds.length)]!;
    count(queried(core, name, changed(payload), nowMs).effects);
    count(core.step(nowMs, { type: "answer-key-request", query: query.key, ok: true, keys: ["x"] }));
  }
  assert.equal(reports, 10_000);
  assert.equal(core.self().status, "alive");
  assert.ok(core.counts().refused.malformed > 1000);
});
