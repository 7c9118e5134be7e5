/** Reconciling as the driver does it: in parts, paced, one session a box; who stalls or wastes time gives way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, isFailure } from "../../kernel/errors.ts";
import { createLog } from "../../kernel/log.ts";
import { seededRandom } from "../../kernel/random.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { newIdentity } from "../../platform/identity.ts";
import type { Identity } from "../../platform/identity.ts";
import { CHECKS_PER_STEP_MAX, RECORDS_PER_MESSAGE_MAX } from "../../protocols/records/constants.ts";
import { checksOf } from "../../protocols/records/intake-rates.ts";
import { createRecords } from "../../protocols/records/records.ts";
import type { Records, RecordsEvent } from "../../protocols/records/records.ts";
import { recordCrypto } from "./crypto.ts";
import {
  BUSY_PAUSE_MS,
  BUSY_TRIES,
  createReconciling,
  inParts,
  NUMBERS_ASKED_MAX,
  NUMBERS_GRACE_MS,
  PASSES_MAX,
  SYNCS_AT_ONCE_MAX,
  SYNC_PATIENCE_MS,
  USELESS_MAX,
  USELESS_PAUSE_MS,
} from "./reconciling.ts";

const KIND = { kind: "note", retentionMs: null, bodyMaxBytes: 1024, livePerAuthorMax: 100 };

/** A core that takes what these identities sign. */
function coreOf(self: Identity, writers: readonly Identity[], adoptFirst = false): Records {
  const keys = new Map([self, ...writers].map((one) => [one.boxId, one.publicKey]));
  return createRecords(
    { community: "c", self: self.boxId, selfKey: self.publicKey, kinds: [KIND], adoptFirst },
    {
      ...recordCrypto,
      sign: self.sign,
      publicKeyOf: (author) => keys.get(author),
      mayWrite: (author) => keys.has(author),
    },
  );
}

function put(core: Records, key: string, nowMs: number): void {
  core.step(nowMs, { type: "put", kind: "note", key, body: key });
}

type Ask = (box: string, path: "sync", body: object) => Promise<unknown>;

function setUp(core: Records, ask: Ask, boxes: string[] = []) {
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const steps: RecordsEvent[] = [];
  const step = (event: RecordsEvent) => {
    steps.push(event);
    core.step(clock.wallMs(), event);
  };
  const needs = { clock, log, random: seededRandom(1), core, self: "", peersUp: () => boxes, ask, step };
  const busy = async <T>(part: () => T) => part();
  return { clock, steps, syncs: createReconciling({ ...needs, save: () => true, busy }) };
}

const answering =
  (other: Records, nowMs: () => number): Ask =>
  async (_box, _path, request) => {
    const effects = other.step(nowMs(), { type: "syncRequest", request: structuredClone(request), from: "us" });
    const effect = effects.find((one) => one.type === "syncAnswer");
    return effect?.type === "syncAnswer" ? structuredClone(effect.answer) : {};
  };

test("a message's records are given in parts that cost no more than a step may", () => {
  const notes = Array.from({ length: RECORDS_PER_MESSAGE_MAX + 50 }, (_none, n) => ({ kind: "note", n }));
  assert.deepEqual(
    inParts(notes).map((part) => part.length),
    Array.from({ length: RECORDS_PER_MESSAGE_MAX / CHECKS_PER_STEP_MAX }, () => CHECKS_PER_STEP_MAX),
  );
  const joins = Array.from({ length: 30 }, () => ({ kind: "join" }));
  for (const part of inParts([...joins, ...notes])) {
    const checks = part.reduce<number>((sum, record) => sum + checksOf(record), 0);
    assert.ok(checks <= CHECKS_PER_STEP_MAX);
  }
  assert.deepEqual([inParts(undefined), inParts("x"), inParts([])], [[], [], []]);
});

test("both hold the same afterwards, and what came was given in parts", async () => {
  const [us, them] = [newIdentity(), newIdentity()];
  const [ours, theirs] = [coreOf(us, [them]), coreOf(them, [us])];
  const { clock, steps, syncs } = setUp(ours, (...call) => answering(theirs, clock.wallMs)(...call));
  for (let n = 0; n < 90; n += 1) put(theirs, `k${n}`, clock.wallMs());
  put(ours, "mine", clock.wallMs());
  const done = syncs.with("them");
  await clock.advanceSettled(5_000, 5);
  assert.equal(await done, true);
  assert.equal(ours.digest(), theirs.digest());
  const given = steps.filter((event) => event.type === "received").map((event) => event.records.length);
  assert.deepEqual(given, [64, 26]);
});

test("one session with a box; a few at once; one that lasts too long gives way", async () => {
  const core = coreOf(newIdentity(), []);
  const asked: string[] = [];
  const never: Ask = (box) => {
    asked.push(box);
    return new Promise(() => {});
  };
  const { clock, syncs } = setUp(core, never);
  for (let n = 0; n < SYNCS_AT_ONCE_MAX; n += 1) void syncs.with(`slow ${n}`);
  assert.equal(await syncs.with("slow 0"), false, "there is one already");
  assert.equal(await syncs.with("next"), false, "all are taken");
  await clock.advanceSettled(SYNC_PATIENCE_MS);
  for (let n = 0; n < SYNCS_AT_ONCE_MAX; n += 1) void syncs.with(`next ${n}`);
  assert.equal(asked.length, 2 * SYNCS_AT_ONCE_MAX);
  assert.equal(await syncs.with("another"), false, "only those give way that lasted long");
});

test("a box that says we ask too much is asked again later, not for ever", async () => {
  const [us, them] = [newIdentity(), newIdentity()];
  const theirs = coreOf(them, [us]);
  put(theirs, "k", virtualClock().wallMs());
  let asked = 0;
  let busyTurns = 3;
  const ours = coreOf(us, [them]);
  const { clock, syncs } = setUp(ours, async (box, path, body) => {
    asked += 1;
    if (asked <= busyTurns) throw fail("too-many");
    return answering(theirs, clock.wallMs)(box, path, body);
  });
  const done = syncs.with("them");
  await clock.advanceSettled(busyTurns * BUSY_PAUSE_MS + 100, 50);
  assert.equal(await done, true);
  assert.equal(ours.digest(), theirs.digest());
  asked = 0;
  busyTurns = Infinity;
  const failed = assert.rejects(syncs.with("them"), (error) => isFailure(error, "too-many"));
  await clock.advanceSettled(BUSY_TRIES * BUSY_PAUSE_MS, 500);
  await failed;
  assert.equal(asked, BUSY_TRIES);
});

test("a box whose answers make no sense is left alone for a while, unless there is no other", async () => {
  const core = coreOf(newIdentity(), []);
  const boxes = ["bad", "good"];
  const asked: string[] = [];
  const other = coreOf(newIdentity(), []);
  const { clock, syncs } = setUp(
    core,
    async (box, path, body) => {
      asked.push(box);
      return box === "good" ? answering(other, clock.wallMs)(box, path, body) : { nonsense: true };
    },
    boxes,
  );
  await syncs.with("bad");
  for (let n = 0; n < 20; n += 1) {
    syncs.withSomebody();
    await clock.advanceSettled(10);
  }
  assert.equal(asked.filter((box) => box === "bad").length, 1);
  await clock.advanceSettled(USELESS_PAUSE_MS);
  for (let n = 0; n < 20; n += 1) {
    syncs.withSomebody();
    await clock.advanceSettled(10);
  }
  assert.ok(asked.filter((box) => box === "bad").length > 1, "later again");
  boxes.splice(0, 2, "bad");
  const before = asked.length;
  syncs.withSomebody();
  await clock.advanceSettled(10);
  assert.equal(asked.length, before + 1, "better than none");
  for (let n = 0; n <= USELESS_MAX; n += 1) {
    const failed = syncs.with(`bad ${n}`);
    await clock.advanceSettled(10);
    await failed;
  }
  assert.ok(asked.length > USELESS_MAX);
});

test("what came before its author's admission is asked for again at once, a bounded number of times", async () => {
  const [us, them] = [newIdentity(), newIdentity()];
  const newcomers = Array.from({ length: 5 }, newIdentity);
  const all = [them, ...newcomers];
  const theirs = coreOf(them, all);
  const clockMs = virtualClock().wallMs();
  for (const one of newcomers) {
    const own = coreOf(one, []);
    put(own, "k", clockMs);
    theirs.step(clockMs, { type: "received", records: own.ofAuthor(one.boxId), from: "", via: "sync" });
  }
  // One more of them may write after each pass, as admission goes from welcome to welcome.
  let passes = 0;
  const keys = new Map(all.map((one) => [one.boxId, one.publicKey]));
  const ours = createRecords(
    { community: "c", self: us.boxId, selfKey: us.publicKey, kinds: [KIND], adoptFirst: false },
    {
      ...recordCrypto,
      sign: us.sign,
      publicKeyOf: (author) => keys.get(author),
      mayWrite: (author) => newcomers.slice(0, passes).some(({ boxId }) => boxId === author),
    },
  );
  const { clock, syncs } = setUp(ours, (box, path, body) => {
    if ("compare" in body && (body.compare as unknown[]).length > 0) passes += 1;
    return answering(theirs, clock.wallMs)(box, path, body);
  });
  const done = syncs.with("them");
  await clock.advanceSettled(20_000, 5);
  assert.equal(await done, true);
  assert.equal(ours.list("note").length, newcomers.length);
  assert.ok(passes <= PASSES_MAX);
});

test("asked for our own records, some are asked at once, and the first answers decide", async () => {
  const us = newIdentity();
  const before = coreOf(us, []);
  const nowMs = virtualClock().wallMs();
  for (let n = 0; n < 9; n += 1) before.step(nowMs, { type: "put", kind: "note", key: `k${n % 3}`, body: n });
  const witness = coreOf(newIdentity(), [us]);
  witness.step(nowMs, { type: "received", records: before.ofAuthor(us.boxId), from: "", via: "sync" });
  const reborn = coreOf(us, [], true);
  const asked: string[] = [];
  const boxes = ["down", "knows", "slow", "silent", "not asked"];
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const syncs = createReconciling({
    ...{ clock, log, random: seededRandom(1), core: reborn, self: us.boxId, peersUp: () => boxes, save: () => true },
    step: (event) => void reborn.step(clock.wallMs(), event),
    busy: async (part) => part(),
    ask(box, path, body) {
      asked.push(box);
      if (box === "down") return Promise.reject(new Error("refused"));
      return box === "knows" ? answering(witness, clock.wallMs)(box, path, body) : new Promise(() => {});
    },
  });
  let answered: string | undefined;
  void syncs.askOwn(boxes, 1_000).then((value) => (answered = value));
  await clock.advanceSettled(20, 1);
  assert.equal(answered, undefined, "the others get a moment");
  await clock.advanceSettled(NUMBERS_GRACE_MS);
  assert.equal(answered, "knows");
  assert.deepEqual([...new Set(asked)], boxes.slice(0, NUMBERS_ASKED_MAX));
  assert.equal(reborn.ownSeq(), 9);
  assert.equal(reborn.list("note").length, 3);
  let late: string | undefined = "not yet";
  void syncs.askOwn(["silent"], 1_000).then((value) => (late = value));
  await clock.advanceSettled(1_000);
  assert.equal(late, undefined);
  assert.equal(await syncs.askOwn([], 1_000), undefined);
});
