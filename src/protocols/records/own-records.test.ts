/** The author's side: numbers, floors, refreshing, and what happens when the disk was lost or the clock was wrong. */
import assert from "node:assert/strict";
import test from "node:test";
import { identity, NOW_MS, put, pushed, receive, synchronise, World } from "./boxes.test.ts";
import { FUTURE_MAX_MS, OWN_TOMBSTONES_MAX, PUT_QUEUE_MAX, REFRESH_BATCH_MAX, REFRESH_MS } from "./constants.ts";
import { GENESIS_KIND } from "./record.ts";
import type { Records } from "./records.ts";

const DAY_MS = 24 * 3_600_000;
const NOTE = { kind: "note", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 100 };

function setUp() {
  const world = new World();
  const self = world.add(identity("self"));
  const records = world.records(self);
  const witness = world.records(world.add(identity("witness")));
  return { world, self, records, witness };
}

function remove(records: Records, key: string, nowMs = NOW_MS) {
  return records.step(nowMs, { type: "remove", kind: "note", key });
}

test("own records are numbered, signed so that others take them, and written once when nothing changed", () => {
  const { self, records, witness } = setUp();
  const effects = [...put(records, "a", 1), ...put(records, "b", 2), ...put(records, "a", 3)];
  assert.deepEqual(
    pushed(effects).map(({ seq, floor }) => [seq, floor]),
    [
      [1, 1],
      [2, 1],
      [3, 2],
    ],
  );
  const store = effects.findLast((effect) => effect.type === "store");
  assert.ok(store?.type === "store" && store.ownSeq === 3);
  receive(witness, pushed(effects));
  assert.equal(witness.digest(), records.digest());
  assert.deepEqual(put(records, "a", 3), []);
  assert.equal(witness.ofAuthor(self.id).length, 2);
});

test("removal reaches who missed it, and the tombstone vanishes once the floor has passed it", () => {
  const { records, witness } = setUp();
  receive(witness, pushed([...put(records, "old", 1), ...put(records, "gone", 2)]));
  remove(records, "gone");
  assert.deepEqual(remove(records, "gone"), []);
  assert.equal(records.stats().records, 2);
  records.step(NOW_MS + REFRESH_MS + 1, { type: "tick" });
  assert.equal(records.stats().records, 1, "the old record was signed anew, the tombstone is gone");
  synchronise(witness, records, NOW_MS + REFRESH_MS + 1);
  assert.deepEqual(
    witness.list("note").map((record) => record.key),
    ["old"],
  );
  assert.equal(witness.digest(), records.digest());
});

test("many tombstones make the floor rise before the week is over, a bounded number of records a tick", () => {
  const { records } = setUp();
  for (let i = 0; i < REFRESH_BATCH_MAX + 3; i++) put(records, `stays${i}`, 1);
  for (let i = 0; i <= OWN_TOMBSTONES_MAX; i++) {
    put(records, `goes${i}`, 1);
    remove(records, `goes${i}`);
  }
  assert.equal(pushed(records.step(NOW_MS, { type: "tick" })).length, REFRESH_BATCH_MAX);
  assert.equal(pushed(records.step(NOW_MS, { type: "tick" })).length, 3);
  assert.equal(records.stats().records, REFRESH_BATCH_MAX + 3);
  assert.deepEqual(records.step(NOW_MS, { type: "tick" }), []);
});

test("records dated in the future by a wrong clock are signed anew when the clock is right", () => {
  const { records, witness } = setUp();
  const early = pushed(put(records, "a", 1, NOW_MS + 30 * DAY_MS));
  receive(witness, early);
  assert.equal(witness.stats().refused.future, 1);
  const again = pushed(records.step(NOW_MS, { type: "tick" }));
  assert.equal(again[0]!.timeMs, NOW_MS);
  receive(witness, again);
  assert.equal(witness.list("note").length, 1);
  put(records, "b", 1, NOW_MS + FUTURE_MAX_MS);
  assert.deepEqual(records.step(NOW_MS, { type: "tick" }), []);
});

test("a box that lost its disk takes its own records back before it numbers new ones", () => {
  const { world, self, records, witness } = setUp();
  receive(witness, pushed([...put(records, "a", 1), ...put(records, "b", 2), ...put(records, "a", 3)]));
  const reborn = world.records(self, { adoptFirst: true });
  assert.deepEqual(put(reborn, "c", 9), [], "it waits");
  for (let i = 1; i < PUT_QUEUE_MAX; i++) put(reborn, "c", i);
  const last = put(reborn, "c", 9)[0];
  assert.ok(last?.type === "putRefused" && last.reason === "queue-full");
  synchronise(reborn, witness);
  const effects = reborn.step(NOW_MS, { type: "adopted" });
  assert.equal(pushed(effects)[0]!.seq, 4);
  assert.equal(reborn.list("note").length, 3);
  assert.equal(pushed(put(reborn, "d", 1))[0]!.seq, 3 + PUT_QUEUE_MAX + 1);
});

test("without that, an earlier life does not undo what this one wrote, and there is no endless fight", () => {
  const { world, self, records, witness } = setUp();
  for (let i = 0; i < 9; i++) receive(witness, pushed(put(records, "a", `old ${i}`)));
  const reborn = world.records(self);
  put(reborn, "a", "new");
  synchronise(reborn, witness);
  synchronise(reborn, witness);
  assert.equal(witness.get(self.id, "note", "a")?.body, "new");
  assert.equal(witness.digest(), reborn.digest());
  const copy = pushed(put(records, "a", "of a copy")).concat(pushed(put(records, "a", "of a copy, again")));
  const answer = pushed(receive(reborn, [copy[1]]));
  assert.ok(answer.length <= 1, "at most once");
  assert.equal(
    pushed(receive(reborn, pushed(put(records, "a", "third")))).filter(({ body }) => body === "new").length,
    0,
  );
});

test("own numbers go on after a restart, even when the last record has ended", () => {
  const { world, self } = setUp();
  const first = world.records(self, { kinds: [{ ...NOTE, retentionMs: 1000 }] });
  const effects = put(first, "a", 1);
  const store = effects[0];
  assert.ok(store?.type === "store");
  assert.equal(pushed(effects)[0]!.untilMs, NOW_MS + 1000);
  const second = world.records(self);
  second.load([], store.ownSeq);
  assert.equal(pushed(put(second, "a", 2))[0]!.seq, 2);
});

test("what may not be written is refused with a reason", () => {
  const { world, self } = setUp();
  const kind = { ...NOTE, bodyMaxBytes: 20, livePerAuthorMax: 2, validate: (body: unknown) => body !== "bad" };
  const records = world.records(self, { kinds: [kind] });
  const reason = (key: string, body: never | string | null, name = "note") => {
    const effect = records.step(NOW_MS, { type: "put", kind: name, key, body })[0];
    return effect?.type === "putRefused" ? effect.reason : undefined;
  };
  assert.equal(reason("a", "x", "other"), "unregistered");
  assert.equal(reason("a", "x".repeat(19)), "too-large");
  assert.equal(reason("a", "bad"), "malformed");
  assert.equal(reason("", "x"), "malformed");
  assert.equal(reason("a", "x"), undefined);
  assert.equal(reason("b", "x"), undefined);
  assert.equal(reason("c", "x"), "too-many-live");
  assert.equal(reason("b", "y"), undefined);
  assert.throws(() => world.records(self, { kinds: [{ ...NOTE, bodyMaxBytes: 5000 }] }), /more than records can hold/);
});

test("the community's first record outlives every refresh, since its content is the community's id", () => {
  const { world, self } = setUp();
  const kinds = [NOTE, { kind: GENESIS_KIND, retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 1 }];
  const [founder, other] = [world.records(self, { kinds }), world.records(world.add(identity("other")), { kinds })];
  founder.step(NOW_MS, { type: "put", kind: GENESIS_KIND, key: "self", body: { name: "Riu" } });
  const { sig } = founder.get(self.id, GENESIS_KIND, "self")!;
  synchronise(founder, other);
  for (let week = 1; week <= 3; week++) {
    const nowMs = NOW_MS + week * (REFRESH_MS + 1);
    put(founder, "a", week, nowMs);
    remove(founder, "b", nowMs);
    founder.step(nowMs, { type: "tick" });
    synchronise(founder, other, nowMs);
  }
  assert.ok(founder.ofAuthor(self.id).find((record) => record.key === "a")!.floor > 1);
  for (const records of [founder, other]) assert.equal(records.get(self.id, GENESIS_KIND, "self")?.sig, sig);
  assert.equal(other.digest(), founder.digest());
});
