/** The records core: what is refused and why, what is kept, what is told, and that arrival order never matters. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../kernel/random.ts";
import {
  COMMUNITY,
  identity,
  NOW_MS,
  put,
  pushed,
  receive,
  receiveFrom,
  sha256,
  signed,
  synchronise,
  World,
} from "./boxes.test.ts";
import {
  BODY_DEPTH_MAX,
  BODY_MAX_BYTES,
  CHECKS_PER_STEP_MAX,
  FRESH_MAX_MS,
  FUTURE_MAX_MS,
  LIVE_PER_AUTHOR_MAX,
  LIVE_PER_KIND_MAX,
  PUSH_FANOUT,
  RECORDS_PER_MESSAGE_MAX,
  WAITING_MAX,
  WAITING_MAX_MS,
  WAITING_PER_PEER_MAX,
} from "./constants.ts";
import { signRecord, type SignedRecord } from "./record.ts";
import type { Refusal } from "./step.ts";

const HOUR_MS = 3_600_000;

function setUp() {
  const world = new World();
  const alice = world.add(identity("alice"));
  const records = world.records(world.add(identity("self")));
  const refuses = (list: unknown[], reason: Refusal, nowMs = NOW_MS) => {
    const before = records.stats();
    const effects = receive(records, list, nowMs);
    assert.deepEqual(effects, [], "a refused record has no effect");
    assert.equal(records.stats().refused[reason], before.refused[reason] + list.length, reason);
  };
  return { world, alice, records, refuses };
}

test("a good record is stored, told and pushed on, in that order; the second time it has no effect", () => {
  const { alice, records, refuses } = setUp();
  const record = signed(alice, { seq: 1 }, { title: "Parish radio" });
  const effects = receive(records, [record]);
  assert.deepEqual(
    effects.map((effect) => effect.type),
    ["store", "changed", "push"],
  );
  assert.ok(effects[2]!.type === "push" && effects[2]!.fanout === PUSH_FANOUT);
  assert.deepEqual(records.get(alice.id, "note", "k"), record);
  assert.deepEqual(records.list("note"), [record]);
  assert.deepEqual(records.ofAuthor(alice.id), [record]);
  refuses([record], "known");
});

test("an older record is superseded; a newer one replaces it in the store and for readers", () => {
  const { alice, records, refuses } = setUp();
  receive(records, [signed(alice, { seq: 2 }, "second")]);
  refuses([signed(alice, { seq: 1 }, "first")], "superseded");
  const effects = receive(records, [signed(alice, { seq: 3 }, null)]);
  assert.ok(effects[0]!.type === "store" && effects[0]!.drop.length === 1);
  assert.ok(effects[1]!.type === "changed" && effects[1]!.changes[0]!.record === null);
  assert.deepEqual(records.list("note"), []);
});

test("malformed records are refused", () => {
  const { alice, refuses } = setUp();
  const good = signed(alice, { seq: 1 });
  let deep: unknown = 1;
  for (let i = 0; i <= BODY_DEPTH_MAX; i++) deep = [deep];
  const bad = [
    null,
    1,
    "x",
    [],
    {},
    { ...good, seq: 0 },
    { ...good, seq: 1.5 },
    { ...good, author: "x" },
    { ...good, kind: "A" },
    { ...good, kind: "" },
    { ...good, kind: "k".repeat(33) },
    { ...good, key: "" },
    { ...good, key: "k".repeat(129) },
    { ...good, floor: 2 },
    { ...good, floor: 0 },
    { ...good, timeMs: -1 },
    { ...good, untilMs: good.timeMs },
    { ...good, sig: "short" },
    { ...good, body: undefined },
    { ...good, body: "\ud800" },
    { ...good, body: deep },
    { ...good, body: Infinity },
    { ...good, body: { a: undefined } },
  ];
  refuses(bad, "malformed");
});

test("a body of the limit passes, one byte more does not", () => {
  const { alice, records, refuses } = setUp();
  receive(records, [signed(alice, { seq: 1, kind: "other" }, "x".repeat(BODY_MAX_BYTES - 2))]);
  assert.equal(records.list("other").length, 1);
  refuses([{ ...signed(alice, { seq: 2 }), body: "x".repeat(BODY_MAX_BYTES - 1) }], "too-large");
});

test("forged and altered records are refused, whatever field was changed", () => {
  const { world, alice, refuses } = setUp();
  const mallory = world.add(identity("mallory"));
  const good = signed(alice, { seq: 5 });
  refuses(
    [
      { ...signed(mallory, { seq: 1 }), author: alice.id },
      { ...good, seq: 6 },
      { ...good, kind: "other" },
      { ...good, key: "z" },
      { ...good, timeMs: good.timeMs - 1 },
      { ...good, floor: 2 },
      { ...good, untilMs: NOW_MS + HOUR_MS },
      { ...good, body: "y" },
      { ...good, sig: `A${good.sig.slice(1)}` },
    ],
    "bad-signature",
  );
});

test("a record of another community, and a key that is not the author's, are refused", () => {
  const { world, alice, refuses } = setUp();
  const fields = { author: alice.id, seq: 1, kind: "note", key: "k", timeMs: NOW_MS, floor: 1, untilMs: null };
  refuses([signRecord({ ...fields, body: 1 }, `${COMMUNITY}2`, alice.sign, sha256).record], "bad-signature");
  const mallory = identity("mallory");
  world.keys.set(alice.id, mallory.publicKey);
  refuses([signed(mallory, { seq: 1, author: alice.id })], "bad-signature");
});

test("records from the future and expired ones are refused; what expires later is dropped everywhere", () => {
  const { alice, records, refuses } = setUp();
  refuses([signed(alice, { seq: 1, timeMs: NOW_MS + FUTURE_MAX_MS + 1 })], "future");
  refuses([signed(alice, { seq: 1, timeMs: NOW_MS - 9, untilMs: NOW_MS })], "expired");
  receive(records, [signed(alice, { seq: 1, untilMs: NOW_MS + HOUR_MS })]);
  receive(records, [signed(alice, { seq: 2, key: "soon", timeMs: NOW_MS + FUTURE_MAX_MS })]);
  assert.equal(records.step(NOW_MS + HOUR_MS - 1, { type: "tick" }).length, 0);
  const effects = records.step(NOW_MS + HOUR_MS + 60_000, { type: "tick" });
  assert.deepEqual(
    effects.map((effect) => effect.type),
    ["store", "changed"],
  );
  assert.equal(records.list("note").length, 1);
});

test("an equivocating author is noticed, and every box keeps the same of its records", () => {
  const { world, alice, records } = setUp();
  const pair = [signed(alice, { seq: 1 }, "one"), signed(alice, { seq: 1 }, "two")];
  const effects = [...receive(records, [pair[0]]), ...receive(records, [pair[1]])];
  const other = world.records(identity("other"));
  const others = [...receive(other, [pair[1]]), ...receive(other, [pair[0]])];
  assert.equal(records.digest(), other.digest());
  assert.deepEqual(records.list("note"), other.list("note"));
  for (const [box, seen] of [
    [records, effects],
    [other, others],
  ] as const) {
    assert.equal(box.stats().equivocations, 1, "whichever came first");
    const proofs = seen.filter((effect) => effect.type === "equivocation");
    assert.deepEqual(
      proofs.map(({ author, records: both }) => [author, both.map(({ sig }) => sig).sort()]),
      [[alice.id, pair.map(({ sig }) => sig).sort()]],
    );
    // Each author is reported once; and what it did not sign proves nothing.
    const again = [...receive(box, [signed(alice, { seq: 1 }, "three")]), ...receive(box, [{ ...pair[0], body: 4 }])];
    assert.equal(again.filter((effect) => effect.type === "equivocation").length, 0);
  }
  const bob = world.add(identity("bob"));
  receive(records, [signed(bob, { seq: 1 }, "one")]);
  const forged = { ...signed(bob, { seq: 1 }, "two"), sig: pair[0]!.sig };
  assert.deepEqual(receive(records, [forged]), []);
});

test("strangers' records wait for admission, a bounded number of them and a bounded time", () => {
  const { world, records } = setUp();
  const bob = identity("bob");
  const list = Array.from({ length: WAITING_MAX + 1 }, (_, i) => signed(bob, { seq: i + 1, key: `k${i % 100}` }));
  for (let i = 0; i < list.length; i += 190) {
    const from = `neighbour ${Math.floor(i / (WAITING_PER_PEER_MAX - 190))}`;
    assert.deepEqual(receiveFrom(from, records, list.slice(i, i + 190), NOW_MS, "sync"), []);
  }
  assert.equal(records.stats().refused["unknown-author"], WAITING_MAX + 1);
  assert.equal(records.stats().waiting, WAITING_MAX);
  assert.deepEqual(records.step(NOW_MS, { type: "recheck" }), []);
  world.add(bob);
  const effects = records.step(NOW_MS + 1, { type: "recheck" });
  assert.equal(effects[0]!.type, "store");
  assert.equal(records.list("note").length, CHECKS_PER_STEP_MAX);
  assert.equal(records.stats().waiting, WAITING_MAX - CHECKS_PER_STEP_MAX, "the rest at the next ticks");
  const ticks = WAITING_MAX / CHECKS_PER_STEP_MAX;
  for (let i = 0; i < ticks; i++) records.step(NOW_MS + 1, { type: "tick" });
  assert.equal(records.stats().waiting, 0);
  receive(records, [signed(identity("carol"), { seq: 1 })]);
  records.step(NOW_MS + WAITING_MAX_MS, { type: "tick" });
  assert.equal(records.stats().waiting, 0);
});

test("live records of one author are limited by kind and in all; the newest stay", () => {
  const { alice, records, refuses } = setUp();
  const flood = Array.from({ length: LIVE_PER_KIND_MAX + 3 }, (_, i) => signed(alice, { seq: i + 2, key: `k${i}` }));
  receive(records, flood);
  assert.equal(records.stats().records, LIVE_PER_KIND_MAX);
  refuses([signed(alice, { seq: 1, key: "late" })], "too-many-live");
  for (let kind = 0; kind < 5; kind++)
    receive(
      records,
      flood.map((_, i) => signed(alice, { seq: 1000 * (kind + 1) + i, kind: `x${kind}`, key: `k${i}` })),
    );
  assert.equal(records.stats().records, LIVE_PER_AUTHOR_MAX);
});

test("a box that is full refuses others' records but writes its own", () => {
  const world = new World();
  const [alice, bob] = [world.add(identity("alice")), world.add(identity("bob"))];
  const small = world.records(identity("self"), { totalBytesMax: 900 });
  receive(
    small,
    [1, 2, 3].map((seq) => signed(alice, { seq, key: `k${seq}` }, "x".repeat(100))),
  );
  assert.equal(small.stats().refused.full, 1);
  assert.equal(pushed(put(small, "mine", 1)).length, 1);
  const few = world.records(identity("self"), { authorsMax: 1 });
  receive(few, [signed(alice, { seq: 1 }), signed(bob, { seq: 1 }), signed(alice, { seq: 2, key: "b" })]);
  assert.deepEqual([few.stats().authors, few.stats().refused.full], [1, 1]);
});

test("one message carries a limited number of records, and old records are not pushed on", () => {
  const { alice, records } = setUp();
  const list = Array.from({ length: RECORDS_PER_MESSAGE_MAX + 1 }, (_, i) => signed(alice, { seq: i + 1 }));
  receive(records, list);
  assert.equal(records.stats().refused["too-many"], 1);
  const old = signed(alice, { seq: 5000, timeMs: NOW_MS - FRESH_MAX_MS - 1 });
  assert.deepEqual(
    receive(records, [old]).map((effect) => effect.type),
    ["store", "changed"],
  );
});

test("unknown kinds are carried; what a service cannot read is carried but not shown", () => {
  const world = new World();
  const alice = world.add(identity("alice"));
  const validate = (body: unknown) => typeof body === "number";
  const kind = { kind: "note", retentionMs: null, bodyMaxBytes: 10, livePerAuthorMax: 1, validate };
  const strict = world.records(identity("s"), { kinds: [kind] });
  const plain = world.records(identity("p"), { kinds: [] });
  const list = [
    signed(alice, { seq: 1 }, 7),
    signed(alice, { seq: 2, key: "b" }, 8),
    signed(alice, { seq: 3, key: "c" }),
  ];
  receive(strict, list);
  receive(plain, list);
  assert.equal(strict.digest(), plain.digest());
  assert.deepEqual(
    strict.list("note").map((record) => record.body),
    [8],
  );
  assert.equal(plain.list("note").length, 3);
  const changed = receive(strict, [signed(alice, { seq: 4, key: "b" }, "unreadable")])[1];
  assert.ok(changed?.type === "changed" && changed.changes[0]!.record === null);
});

test("an excluded author's records go and are refused, but for what is to be kept, until it is restored", () => {
  const { alice, records, refuses } = setUp();
  receive(records, [signed(alice, { seq: 1 }), signed(alice, { seq: 2, kind: "join" })]);
  const keep = (record: SignedRecord) => record.kind === "join";
  const effects = records.step(NOW_MS, { type: "dropAuthor", author: alice.id, keep });
  assert.ok(effects[0]!.type === "store" && effects[0]!.drop.length === 1);
  assert.deepEqual(
    records.ofAuthor(alice.id).map((record) => record.kind),
    ["join"],
  );
  refuses([signed(alice, { seq: 3 })], "excluded");
  records.step(NOW_MS, { type: "restoreAuthor", author: alice.id });
  assert.equal(receive(records, [signed(alice, { seq: 3 })]).length, 3);
});

test("any order, loss repaired by reconciliation, and repetition lead every box to the same state", () => {
  const world = new World();
  const authors = ["a", "b", "c"].map((name) => world.add(identity(name)));
  const field = fc.record({
    who: fc.nat(2),
    seq: fc.integer({ min: 1, max: 9 }),
    lag: fc.nat(8),
    key: fc.constantFrom("k1", "k2", "k3"),
    body: fc.constantFrom("x", "y", null),
  });
  fc.assert(
    fc.property(fc.array(field, { maxLength: 25 }), fc.nat(), (fields, seed) => {
      const all = fields.map(({ who, seq, lag, key, body }) =>
        signed(authors[who]!, { seq, key, floor: Math.max(1, seq - lag) }, body),
      );
      const random = seededRandom(seed);
      const boxes = [0, 1, 2].map(() => world.records(identity("box")));
      for (const record of all) {
        const lucky = random.below(boxes.length);
        for (const [i, box] of boxes.entries()) if (i === lucky || random.float() < 0.4) receive(box, [record]);
      }
      for (const record of all.toReversed()) if (random.float() < 0.3) receive(boxes[random.below(3)]!, [record]);
      for (const [i, j] of [
        [0, 1],
        [1, 2],
        [2, 0],
        [1, 0],
      ] as const)
        synchronise(boxes[i]!, boxes[j]!);
      const whole = world.records(identity("box"));
      receive(whole, all);
      for (const box of boxes) {
        assert.equal(box.digest(), whole.digest());
        const order = (list: SignedRecord[]) => list.map((record) => record.sig).sort();
        assert.deepEqual(order(box.list("note")), order(whole.list("note")));
      }
    }),
    { numRuns: 60 },
  );
});

test("what was stored, loaded again, is the same state", () => {
  const { world, alice, records } = setUp();
  const rows = new Map<string, SignedRecord>();
  for (let seq = 1; seq <= 30; seq++)
    for (const effect of receive(records, [signed(alice, { seq, key: `k${seq % 7}`, floor: Math.max(1, seq - 5) })]))
      if (effect.type === "store") {
        for (const row of effect.put) rows.set(row.ref, row.record);
        for (const row of effect.drop) assert.ok(rows.delete(row.ref));
      }
  const again = world.records(identity("again"));
  again.load([...rows.values(), { broken: true }]);
  assert.equal(again.digest(), records.digest());
  assert.equal(again.stats().refused.malformed, 1);
  assert.equal(again.stats().bytes, records.stats().bytes);
});
