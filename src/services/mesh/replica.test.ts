/** What the driver of the records does besides the core: own news come first, and a failing disk holds all back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, isFailure } from "../../kernel/errors.ts";
import { createLog } from "../../kernel/log.ts";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { newIdentity } from "../../platform/identity.ts";
import type { Identity } from "../../platform/identity.ts";
import { openStore } from "../../platform/store.ts";
import { signRecord } from "../../protocols/records/record.ts";
import type { SignedRecord } from "../../protocols/records/record.ts";
import { createRecords } from "../../protocols/records/records.ts";
import { recordCrypto } from "./crypto.ts";
import { createReplica, OWN_PUSH_AGAIN_MS, OWN_PUSH_TRIES, PUSH_PAUSE_MS } from "./replica.ts";
import { meshStore } from "./store.ts";

const KIND = { kind: "note", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 100 };

function setUp() {
  const clock = virtualClock();
  const [self, friend] = [newIdentity(), newIdentity()];
  const store = openStore(":memory:");
  const rows = meshStore(store);
  const core = createRecords(
    { community: "c", self: self.boxId, selfKey: self.publicKey, kinds: [KIND], adoptFirst: false },
    { ...recordCrypto, sign: self.sign, publicKeyOf: () => friend.publicKey, mayWrite: () => true },
  );
  const pushed: { box: string; authors: string[] }[] = [];
  const answers: { give: (box: string) => Promise<unknown> } = { give: async () => ({}) };
  let failing: "disk-full" | "storage-failed" | undefined;
  const replica = createReplica({
    ...{ clock, core, random: seededRandom(1), self: self.boxId, syncIntervalMs: 3_600_000 },
    log: createLog({ clock, level: "error", write: () => {} }),
    rows: {
      ...rows,
      transaction: (run) => {
        if (failing) throw fail(failing);
        return rows.transaction(run);
      },
    },
    peersUp: () => ["a", "b"],
    ask(box, _path, body) {
      const { records } = body as { records: SignedRecord[] };
      pushed.push({ box, authors: records.map(({ author }) => author) });
      return answers.give(box);
    },
    busy: async (part) => part(),
    onChanged: () => {},
    onEquivocation: () => {},
  });
  replica.start();
  const ofFriend = (seq: number) => recordOf(friend, seq, clock.wallMs());
  return {
    clock,
    self,
    friend,
    rows,
    replica,
    pushed,
    answers,
    ofFriend,
    fails: (as: typeof failing) => (failing = as),
  };
}

function recordOf(who: Identity, seq: number, timeMs: number): SignedRecord {
  const fields = { author: who.boxId, seq, kind: "note", key: `k${seq}`, timeMs, floor: 1, untilMs: null, body: seq };
  return signRecord(fields, "c", who.sign, recordCrypto.sha256).record;
}

test("news of others go to a box one message at a time, one's own at once beside them", async () => {
  const { clock, self, replica, pushed, answers, ofFriend } = setUp();
  answers.give = () => new Promise(() => {});
  replica.step({ type: "received", records: [ofFriend(1)], from: "x", via: "sync" });
  await clock.advanceSettled(PUSH_PAUSE_MS);
  assert.deepEqual(pushed.map(({ box }) => box).sort(), ["a", "b"]);
  replica.step({ type: "received", records: [ofFriend(2)], from: "x", via: "sync" });
  replica.put("note", "mine", 1);
  await clock.advanceSettled(PUSH_PAUSE_MS);
  assert.deepEqual(
    pushed.slice(2).map(({ authors }) => authors),
    [[self.boxId], [self.boxId]],
    "the others wait for the answer to what was passed on",
  );
});

test("a box that says it is too busy for our news is told again, some times; others are not", async () => {
  const { clock, replica, pushed, answers } = setUp();
  answers.give = (box) => Promise.reject(box === "a" ? fail("too-many") : new Error("gone"));
  replica.put("note", "mine", 1);
  await clock.advanceSettled(PUSH_PAUSE_MS + OWN_PUSH_TRIES * OWN_PUSH_AGAIN_MS + 100, 10);
  assert.equal(pushed.filter(({ box }) => box === "a").length, OWN_PUSH_TRIES);
  assert.equal(pushed.filter(({ box }) => box === "b").length, 1);
});

test("while the disk fails nothing is taken in nor told, the error names it, and then all is saved", async () => {
  const { clock, rows, replica, pushed, ofFriend, fails } = setUp();
  for (const code of ["disk-full", "storage-failed"] as const) {
    fails(code);
    assert.throws(
      () => replica.put("note", code, 1),
      (error) => isFailure(error, code),
    );
    await assert.rejects(
      replica.answer("x", "push", { records: [ofFriend(1)] }, async (part) => part()),
      (error) => isFailure(error, code),
    );
    await clock.advanceSettled(100);
    assert.deepEqual([pushed.length, [...rows.records()].length], [0, 0]);
  }
  fails(undefined);
  assert.deepEqual(await replica.answer("x", "push", { records: [ofFriend(1)] }, async (part) => part()), {});
  replica.put("note", "after", 1);
  const stored = ([...rows.records()] as SignedRecord[]).filter(({ body }) => body !== null);
  assert.deepEqual(stored.map(({ key }) => key).sort(), ["after", "k1"]);
  assert.equal(await replica.answer("x", "push", { records: "none" }, async (part) => part()), undefined);
});
