/** Reconciliation between two boxes: the union at the end, cheap when little differs, bounded when much does. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { leastMs } from "../../kernel/cost.fixture.ts";
import { seededRandom } from "../../kernel/random.ts";
import {
  identity,
  NOW_MS,
  put,
  receive,
  receiveAll,
  sha256,
  signed,
  synchronise,
  verifyEd25519,
  World,
  type Identity,
} from "./boxes.test.ts";
import {
  CHECKS_PER_STEP_MAX,
  LEAF_AUTHORS_MAX,
  MESSAGE_MAX_BYTES,
  RECORDS_PER_MESSAGE_MAX,
  SYNC_QUEUE_MAX,
  SYNC_ROUNDS_MAX,
  SYNC_USELESS_ROUNDS_MAX,
} from "./constants.ts";
import { DigestTree, EMPTY_DIGEST } from "./digest-tree.ts";
import type { SignedRecord } from "./record.ts";
import type { RecordsDeps } from "./records.ts";
import { readAnswer, readRequest, type SyncAnswer } from "./sync-messages.ts";

const EMPTY_ANSWER: SyncAnswer = {
  compared: 0,
  nodes: [],
  answered: 0,
  cut: false,
  want: [],
  fetched: 0,
  next: null,
  large: [],
  records: [],
};

function people(world: World, count: number, name: string): Identity[] {
  return Array.from({ length: count }, (_, i) => world.add(identity(`${name} ${i}`)));
}

test("the tree's digest follows from the set, not from its history", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5000), { minLength: 1, maxLength: 400 }), fc.nat(), (numbers, seed) => {
      const ids = numbers.map((n) => identityLike(n));
      const straight = new DigestTree(sha256);
      for (const id of ids) straight.set(id, "d".repeat(16));
      const winding = new DigestTree(sha256);
      for (let n = 6000; n < 6300; n++) winding.set(identityLike(n), "e".repeat(16));
      winding.digest("");
      const random = seededRandom(seed);
      for (const id of ids.toSorted(() => random.float() - 0.5)) winding.set(id, "d".repeat(16));
      for (let n = 6000; n < 6300; n++) winding.set(identityLike(n), EMPTY_DIGEST);
      assert.equal(winding.digest(""), straight.digest(""));
      assert.equal(winding.size, ids.length);
      assert.deepEqual(winding.view(""), straight.view(""));
      assert.equal(straight.view("").shape, ids.length > LEAF_AUTHORS_MAX ? "inner" : "leaf");
      straight.set(ids[0]!, "f".repeat(16));
      assert.notEqual(winding.digest(""), straight.digest(""));
    }),
    { numRuns: 30 },
  );
});

const likes = new Map<number, string>();
function identityLike(n: number): string {
  let id = likes.get(n);
  if (!id) likes.set(n, (id = identity(`like ${n}`).id));
  return id;
}

test("two boxes with any two sets end with the union, and the same digest", () => {
  const world = new World();
  const authors = people(world, 90, "author");
  const pool = authors.flatMap((who) => [1, 2, 3].map((seq) => signed(who, { seq, key: `k${seq % 2}` })));
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: pool.length, maxLength: pool.length }), (where) => {
      const [left, right, both] = [1, 2, 3].map(() => world.records(identity("left")));
      receiveAll(
        left!,
        pool.filter((_, i) => where[i]! & 1),
      );
      receiveAll(
        right!,
        pool.filter((_, i) => where[i]! & 2),
      );
      receiveAll(
        both!,
        pool.filter((_, i) => where[i]! > 0),
      );
      synchronise(left!, right!);
      assert.equal(left!.digest(), right!.digest());
      assert.equal(left!.digest(), both!.digest());
      assert.equal(synchronise(left!, right!).rounds, 1);
    }),
    { numRuns: 12 },
  );
});

test("authors with more than a message holds arrive in parts, in both directions", () => {
  const world = new World();
  const [big, other] = people(world, 2, "big");
  const list: SignedRecord[] = [];
  for (let seq = 1; seq <= 400; seq++)
    list.push(signed(big!, { seq, kind: `kind${seq % 4}`, key: `k${seq}` }, "y".repeat(4000)));
  const full = world.records(identity("full"));
  receiveAll(full, [...list, signed(other!, { seq: 1 })]);
  const empty = world.records(identity("empty"));
  const pulled = synchronise(empty, full);
  assert.equal(empty.stats().records, 401);
  assert.equal(pulled.session.state.state === "done" && pulled.session.state.outcome, "complete");
  const away = world.records(identity("away"));
  receive(away, [signed(other!, { seq: 1 })]);
  const given = synchronise(full, away);
  assert.equal(away.digest(), full.digest());
  const half = world.records(identity("half"));
  receive(half, list.slice(0, 5));
  synchronise(half, full);
  assert.equal(half.digest(), full.digest());
  for (const { largest } of [pulled, given]) assert.ok(largest <= MESSAGE_MAX_BYTES, `${largest}`);
});

test("records that one side refuses do not keep the session going for ever", () => {
  const world = new World();
  const stranger = identity("stranger");
  const full = world.records(identity("f"), {}, { mayWrite: () => true, publicKeyOf: () => stranger.publicKey });
  const many = Array.from({ length: 300 }, (_, i) =>
    signed(stranger, { seq: i + 1, kind: `kind${i % 4}`, key: `k${i}` }, "y".repeat(4000)),
  );
  receiveAll(full, many);
  const strict = world.records(identity("s"));
  const wire = synchronise(strict, full);
  assert.equal(strict.stats().records, 0);
  assert.ok(wire.rounds < 20, `${wire.rounds} rounds`);
});

test("20,000 authors: agreement, one difference, and an empty box", () => {
  const world = new World();
  const authors = people(world, 20_000, "a");
  const rows = authors.map((who) => signed(who, { seq: 1 }, { title: "Parish radio", port: 8080 }));
  const one = world.records(identity("one"));
  const two = world.records(identity("two"));
  one.load(rows);
  two.load(rows);
  one.digest();
  two.digest();
  const agree = synchronise(one, two);
  receive(two, [signed(authors[77]!, { seq: 2 }, "newer")]);
  const differ = synchronise(one, two);
  assert.equal(one.digest(), two.digest());
  receive(one, [signed(authors[78]!, { seq: 2 }, "newer")]);
  const other = synchronise(one, two);
  assert.equal(one.digest(), two.digest());
  const empty = world.records(identity("empty"));
  const whole = synchronise(empty, two);
  assert.equal(empty.digest(), two.digest());
  const month = world.records(identity("month"));
  month.load(rows);
  const later = world.records(identity("later"));
  later.load(authors.map((who) => signed(who, { seq: 2, floor: 2 }, "refreshed")));
  const back = synchronise(month, later);
  assert.equal(month.digest(), later.digest());
  const name = (wire: { rounds: number; bytes: number; largest: number }) =>
    `${wire.rounds} rounds, ${wire.bytes} bytes, largest message ${wire.largest}`;
  console.log(`agree: ${name(agree)}\none newer there: ${name(differ)}\none newer here: ${name(other)}`);
  console.log(`empty: ${name(whole)}\nall changed: ${name(back)}`);
  assert.equal(agree.rounds, 1);
  assert.ok(agree.bytes < 300, `${agree.bytes}`);
  assert.ok(differ.rounds <= 5 && differ.bytes < 10_000);
  assert.ok(other.rounds <= 6 && other.bytes < 10_000);
  for (const { largest } of [whole, back]) assert.ok(largest <= MESSAGE_MAX_BYTES, `${largest}`);
});

test("an answer that does not fit its request ends the session", () => {
  const world = new World();
  const records = world.records(identity("self"));
  const author = identity("x").id;
  const wrong: SyncAnswer[] = [
    EMPTY_ANSWER,
    { ...EMPTY_ANSWER, compared: 2 },
    { ...EMPTY_ANSWER, compared: 1, nodes: [["zz", "leaf", []]] },
    { ...EMPTY_ANSWER, compared: 1, want: [[author, []]] },
    { ...EMPTY_ANSWER, compared: 1, answered: 1, cut: true },
    { ...EMPTY_ANSWER, compared: 1, large: [author] },
    { ...EMPTY_ANSWER, compared: 1, next: author },
    { ...EMPTY_ANSWER, compared: 1, fetched: 1 },
  ];
  for (const answer of wrong) {
    const session = records.startSync();
    session.next();
    records.step(NOW_MS, { type: "syncAnswer", session, answer, from: "p" });
    assert.deepEqual(session.state, { state: "done", outcome: "protocol" }, JSON.stringify(answer));
  }
  const session = records.startSync();
  session.next();
  records.step(NOW_MS, { type: "syncAnswer", session, answer: { nodes: 7 }, from: "p" });
  assert.deepEqual(session.state, { state: "done", outcome: "protocol" });
});

test("a hostile answerer who always differs is left at the limit of rounds, and of the queue", () => {
  const records = new World().records(identity("self"));
  const session = records.startSync();
  let turn = 0;
  const after = (fetch: [string, string]) => fetch[0] + nextAfter(fetch, ++turn);
  let request = session.next();
  for (; request; request = session.next()) {
    const nodes: SyncAnswer["nodes"] = request.compare.map(([prefix]) => [prefix, "inner", [["a", "A".repeat(16)]]]);
    const [fetch] = request.fetch;
    const next = fetch ? after(fetch) : null;
    session.answered({ ...EMPTY_ANSWER, compared: request.compare.length, nodes, next }, []);
  }
  assert.deepEqual(session.state, { state: "done", outcome: "useless" });
  assert.equal(session.rounds, SYNC_USELESS_ROUNDS_MAX);
  const patient = records.startSync();
  for (let ask = patient.next(); ask; ask = patient.next()) {
    const nodes: SyncAnswer["nodes"] = ask.compare.map(([prefix]) => [prefix, "inner", [["a", "A".repeat(16)]]]);
    const [fetch] = ask.fetch;
    patient.took(1, 0);
    patient.answered({ ...EMPTY_ANSWER, compared: ask.compare.length, nodes, next: fetch ? after(fetch) : null }, []);
  }
  assert.deepEqual([patient.state, patient.rounds], [{ state: "done", outcome: "rounds" }, SYNC_ROUNDS_MAX]);

  const world = new World();
  const someone = world.records(world.add(identity("someone")));
  put(someone, "k", 1);
  const crowded = someone.startSync();
  const leaf = Array.from(
    { length: LEAF_AUTHORS_MAX },
    (_, i) => [identityLike(i), "B".repeat(16)] as [string, string],
  );
  for (let ask = crowded.next(), begun = false; ask; ask = crowded.next(), begun = true) {
    const nodes: SyncAnswer["nodes"] = ask.compare.flatMap(([prefix]) =>
      Array.from({ length: 256 }, () => [prefix, "leaf", leaf] as SyncAnswer["nodes"][number]),
    );
    const answer = { ...EMPTY_ANSWER, compared: ask.compare.length, nodes: begun ? [] : nodes };
    for (let i = 0; i < 10 && !begun; i++) answer.nodes = [...answer.nodes, ...nodes];
    crowded.answered(answer, []);
  }
  assert.deepEqual(crowded.state, { state: "done", outcome: "queue" });
  assert.ok(SYNC_QUEUE_MAX < 11 * 256 * LEAF_AUTHORS_MAX);
});

/** Ever higher ids within the fetched prefix. */
function nextAfter([prefix]: [string, string], round: number): string {
  const digits = "abcdefghijklmnopqrstuvwxyz234567";
  // In order of the alphabet's code points: digits first.
  const ordered = [...digits].sort().join("");
  const number = ordered[(round >> 10) & 31]! + ordered[(round >> 5) & 31]! + ordered[round & 31]!;
  return number.padEnd(52 - prefix.length, "z");
}

test("what is no message is refused whole", () => {
  const good = { compare: [["", ""]], authors: [], fetch: [], records: [] };
  assert.ok(readRequest(good));
  const tooMany = Array.from({ length: RECORDS_PER_MESSAGE_MAX + 1 }, () => ({}));
  const bad = [
    null,
    7,
    "x",
    [],
    {},
    { ...good, compare: [["A", ""]] },
    { ...good, compare: [["a"]] },
    { ...good, compare: Array.from({ length: 257 }, () => ["", ""]) },
    { ...good, fetch: [["a"]] },
    { ...good, fetch: null },
    { ...good, fetch: Array.from({ length: 65 }, () => ["", ""]) },
    { ...good, authors: [["short", []]] },
    { ...good, authors: [[identityLike(1), ["1:zz"]]] },
    { ...good, authors: [[identityLike(1), Array.from({ length: 1537 }, () => `1:${"0".repeat(16)}`)]] },
    { ...good, records: tooMany },
    { ...good, records: "x" },
  ];
  for (const value of bad) assert.equal(readRequest(value), undefined, JSON.stringify(value)?.slice(0, 80));
  assert.ok(readAnswer(EMPTY_ANSWER));
  const badAnswers = [
    null,
    { ...EMPTY_ANSWER, compared: -1 },
    { ...EMPTY_ANSWER, cut: 1 },
    { ...EMPTY_ANSWER, next: "x" },
    { ...EMPTY_ANSWER, nodes: [["", "inner", [["ab", ""]]]] },
    { ...EMPTY_ANSWER, nodes: [["", "round", []]] },
    { ...EMPTY_ANSWER, nodes: [["zzz", "leaf", [[identityLike(1), ""]]]] },
    { ...EMPTY_ANSWER, records: tooMany },
  ];
  for (const value of badAnswers) assert.equal(readAnswer(value), undefined, JSON.stringify(value)?.slice(0, 80));
  const records = new World().records(identity("self"));
  assert.deepEqual(records.step(NOW_MS, { type: "syncRequest", request: { compare: 1 }, from: "p" }), []);
  assert.equal(records.stats().refused.malformed, 1);
});

test("what a driver gives to one step costs one check for each record, and all else less than the checks", () => {
  const world = new World();
  const authors = people(world, CHECKS_PER_STEP_MAX, "block");
  const list = authors.map((who) => signed(who, { seq: 1 }, { title: "Parish radio", port: 8080 }));
  const stepMs = (verify: RecordsDeps["verify"]) =>
    leastMs(() => {
      let checks = 0;
      const records = world.records(identity("self"), {}, { verify: (...parts) => (checks++, verify(...parts)) });
      receive(records, list);
      receive(records, list);
      assert.deepEqual([checks, records.stats().records], [CHECKS_PER_STEP_MAX, CHECKS_PER_STEP_MAX]);
    }, 7);
  const [whole, unchecked] = [stepMs(verifyEd25519), stepMs(() => true)];
  assert.ok(unchecked < whole / 2, `${unchecked} of ${whole} ms`);
});

test("an answerer that cuts one author again and again without sending anything new is not asked again", () => {
  const world = new World();
  const records = world.records(identity("self"));
  const author = identityLike(3);
  const session = records.startSync();
  let rounds = 0;
  for (let request = session.next(); request; request = session.next(), rounds++) {
    const nodes: SyncAnswer["nodes"] = request.compare.map(([prefix]) => [prefix, "leaf", [[author, "A".repeat(16)]]]);
    const answered = request.authors.length;
    session.answered({ ...EMPTY_ANSWER, compared: request.compare.length, nodes, answered, cut: answered > 0 }, []);
  }
  assert.deepEqual([session.state, rounds], [{ state: "done", outcome: "complete" }, 2]);
});
