/** Recovery phrases among boxes that lie, stay away or ask for too much; every limit is reached. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import {
  ANSWER_BYTES_MAX,
  ASKED_BYTES_MAX,
  COUNTED_BOXES_MAX,
  ENDING_MAX,
  FIND_AT_ONCE,
  FIND_BOXES_MAX,
  FIND_BURST,
  HOLDERS_ASKED_MAX,
  HOLDERS_WANTED,
  KEEP_BURST,
  KEPT_MAX,
  KEPT_MS,
  KEPT_PER_BOX_MAX,
  KEPT_PER_LOCATOR_MAX,
  RECOVERY_LOOK_MS,
  SEALED_BYTES,
  SILENT_TOLD_MAX,
} from "../../src/services/files/recovery/constants.ts";
import { inOrder } from "../../src/services/files/recovery/holders.ts";
import type { Candidate } from "../../src/services/files/recovery/holders.ts";
import { createLeaving } from "../../src/services/files/recovery/leaving.ts";
import { DROP_PATH, FIND_PATH, foundIn, KEEP_PATH, keepAsked } from "../../src/services/files/recovery/messages.ts";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { BoxView } from "../../src/services/mesh/client.ts";
import { town } from "./recovery-boxes.ts";

const { signal } = new AbortController();
const wish = { folder: "/recovered", signal };
const hex = () => randomBytes(32).toString("hex");
const json = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const sealed = () => randomBytes(SEALED_BYTES);

test("whatever a box answers, another one's is used; and nothing of a liar is believed", async (t) => {
  const all = town(t);
  const own = await all.join("own");
  const honest = await all.join("honest");
  const words = await own.recovery.make("anna", { replace: false, signal });
  const good = own.rows.phrases()[0]!.sealed;
  assert.equal(honest.rows.keptInAll(), 1);
  all.meshes.states.set("own", "away");
  const changed = Uint8Array.from(good);
  changed[100]! ^= 1;
  const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const lies: Record<string, Uint8Array> = {
    nothing: json(""),
    "no JSON": json("{"),
    "no object": json("7"),
    null: json("null"),
    "no list": json({ sealed: b64(good) }),
    "a refusal": json({ error: "too-many" }),
    huge: json({ sealed: [b64(good)], more: "x".repeat(ANSWER_BYTES_MAX) }),
    "an answer without end": json(`[${"[".repeat(900_000)}`),
    "a list of anything": json({ sealed: [7, null, {}, [], "", "x".repeat(684), b64(sealed()).slice(1)] }),
    "sealed for somebody else": json({ sealed: [b64(sealed()), b64(sealed())] }),
    "a bit changed": json({ sealed: [b64(changed)] }),
    "cut off": json({ sealed: [b64(good).slice(0, -4)] }),
  };
  for (const [name, lie] of Object.entries(lies)) {
    all.meshes.states.set(name, "up");
    all.answerInstead((boxId, path) => (boxId === name && path === FIND_PATH ? lie : undefined));
    const fresh = await all.join(`fresh of ${name}`);
    const found = await fresh.recovery.recover("anna", words, wish);
    assert.equal(found.state, "whole", name);
    assert.ok(!found.holders.some(({ id }) => id === name), name);
    all.meshes.states.delete(name);
  }
  // All others lie: it is said that nothing was found, and nothing is changed.
  for (const [name, lie] of Object.entries(lies)) {
    const fresh = await all.join("alone");
    all.answerInstead((_boxId, path) => (path === FIND_PATH ? lie : undefined));
    await assert.rejects(fresh.recovery.recover("anna", words, wish), /files-recovery-(?:not-found|away)/, name);
    assert.equal(fresh.tree.rootOf("anna"), undefined);
  }
});

test("boxes that are away are named, not too many of them", async (t) => {
  const all = town(t);
  const own = await all.join("own");
  const strange = "legal winner thank year wave sausage worth useful legal winner thank yellow";
  await assert.rejects(own.recovery.recover("anna", strange, wish), (error: unknown) => {
    assert.ok(isFailure(error, "files-recovery-not-found"));
    assert.deepEqual(error.params, { answered: 0 });
    return true;
  });
  await all.join("here");
  for (let n = 0; n < SILENT_TOLD_MAX + 5; n += 1) all.meshes.states.set(`away ${n}`, "away");
  await assert.rejects(own.recovery.recover("anna", strange, wish), (error: unknown) => {
    assert.ok(isFailure(error, "files-recovery-away"));
    assert.deepEqual([error.params["answered"], error.params["away"]], [1, SILENT_TOLD_MAX + 5]);
    assert.equal(String(error.params["names"]).split(", ").length, SILENT_TOLD_MAX);
    return true;
  });
});

test("a keeper takes what has the form, within limits, and gives it to whoever knows the locator", async (t) => {
  const all = town(t);
  const keeper = await all.join("keeper");
  const giver = all.meshes.join("giver");
  const say = async (path: string, value: unknown, from = giver) => {
    const { body } = await from.request("keeper", path, value instanceof Uint8Array ? value : json(value));
    return JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
  };
  const good = { locator: hex(), proofHash: hex(), sealed: sealed().toString("base64") };
  const bads: unknown[] = [
    "",
    "{",
    "7",
    {},
    { ...good, locator: "short" },
    { ...good, locator: good.locator.toUpperCase() },
  ];
  bads.push({ ...good, proofHash: 7 }, { ...good, sealed: sealed().subarray(1).toString("base64") });
  bads.push({ ...good, more: "x".repeat(ASKED_BYTES_MAX) });
  for (const bad of bads) assert.deepEqual(await say(KEEP_PATH, bad), { error: "bad-input" }, JSON.stringify(bad));
  for (const path of [FIND_PATH, DROP_PATH]) assert.deepEqual(await say(path, { locator: 7 }), { error: "bad-input" });
  assert.equal(keeper.rows.keptInAll(), 0);

  assert.deepEqual(await say(KEEP_PATH, good), { kept: true });
  assert.deepEqual(await say(FIND_PATH, { locator: good.locator }), { sealed: [good.sealed] });
  assert.deepEqual(await say(FIND_PATH, { locator: hex() }), { sealed: [] });
  const stranger = all.meshes.join("stranger");
  await say(DROP_PATH, { locator: good.locator, proof: hex() }, stranger);
  await say(DROP_PATH, { locator: good.locator, proof: good.proofHash }, stranger);
  assert.equal(keeper.rows.keptInAll(), 1, "to know where it is, or what a keeper knows, is not enough to remove it");

  // Under one locator who came first stays.
  const { locator } = good;
  for (let n = 1; n < KEPT_PER_LOCATOR_MAX + 2; n += 1) {
    const kept = await say(KEEP_PATH, { ...good, sealed: sealed().toString("base64") }, all.meshes.join(`liar ${n}`));
    assert.equal(kept["kept"], n < KEPT_PER_LOCATOR_MAX, `liar ${n}`);
  }
  const { body } = await giver.request("keeper", FIND_PATH, json({ locator }));
  assert.ok(body.length <= ANSWER_BYTES_MAX, "a full answer is no longer than is read");
  const told = foundIn(body)!;
  assert.equal(told.length, KEPT_PER_LOCATOR_MAX);
  assert.ok(told.some((one) => Buffer.from(one).toString("base64") === good.sealed));
  assert.deepEqual(await say(KEEP_PATH, good), { kept: true }, "its own is renewed all the same");

  for (let n = keeper.rows.keptOf("giver"); n < KEPT_PER_BOX_MAX; n += 1) {
    assert.deepEqual(await say(KEEP_PATH, { ...good, locator: hex() }), { kept: true });
  }
  assert.deepEqual(await say(KEEP_PATH, { ...good, locator: hex() }), { kept: false });
  assert.deepEqual(await say(KEEP_PATH, good), { kept: true });
  assert.deepEqual(await say(KEEP_PATH, { ...good, locator: hex() }, stranger), { kept: true }, "another box");
});

test("there is an end to what all boxes together may leave", async (t) => {
  const all = town(t);
  const keeper = await all.join("keeper");
  const giver = all.meshes.join("giver");
  const asked = keepAsked({ locator: hex(), proofHash: hex(), sealed: sealed() });
  keeper.rows.transaction(() => {
    const row = { proofHash: hex(), sealed: sealed(), seenMs: 1 };
    for (let n = 0; n < KEPT_MAX; n += 1) keeper.rows.keep({ ...row, boxId: `box ${n}`, locator: `locator ${n}` });
  });
  const { body } = await giver.request("keeper", KEEP_PATH, asked);
  assert.deepEqual(JSON.parse(Buffer.from(body).toString()), { kept: false });
});

test("who asks too often is not heard for a moment, and the others are", async (t) => {
  const all = town(t);
  await all.join("keeper");
  const [loud, quiet] = [all.meshes.join("loud"), all.meshes.join("quiet")];
  const say = async (from: typeof loud, path: string) => {
    const { body } = await from.request("keeper", path, json({ locator: hex(), proof: hex() }));
    return (JSON.parse(Buffer.from(body).toString()) as { error?: string }).error;
  };
  for (const [path, burst] of [
    [FIND_PATH, FIND_BURST],
    [DROP_PATH, KEEP_BURST],
  ] as const) {
    for (let n = 0; n < burst; n += 1) assert.equal(await say(loud, path), undefined);
    assert.equal(await say(loud, path), "too-many");
    assert.equal(await say(quiet, path), undefined);
    all.clock.advance(10_000);
    assert.equal(await say(loud, path), undefined);
  }
  assert.equal(await say(loud, KEEP_PATH), "bad-input");
  for (let n = 0; n < COUNTED_BOXES_MAX; n += 1) await say(all.meshes.join(`box ${n}`), FIND_PATH);
});

const candidate = (id: string, owner: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ id, owner, name: id, state: "up", self: false },
  ...more,
});

test("boxes of other owners come first, then those that give; the same ones each time", () => {
  const boxes = [
    candidate("self", "Anna", { self: true }),
    candidate("hers", "anna"),
    ...["b1", "b2", "b3"].map((id) => candidate(id, "Berta")),
    ...["c1", "c2"].map((id) => candidate(id, "Carla")),
    candidate("d", ""),
    candidate("e", ""),
    candidate("out", "Dora", { state: "excluded" }),
    candidate("pending", "Eva", { state: "pending" }),
  ];
  const giving = new Set(["b2", "c1", "hers"]);
  for (const locator of ["one", "two", "three"]) {
    const ids = inOrder(locator, boxes, giving).map(({ id }) => id);
    assert.deepEqual(
      inOrder(locator, boxes.toReversed(), giving).map(({ id }) => id),
      ids,
    );
    assert.deepEqual(ids.toSorted(), ["b1", "b2", "b3", "c1", "c2", "d", "e", "hers"]);
    assert.deepEqual(ids.slice(0, 2).toSorted(), ["b2", "c1"], "one of each other owner, which gives");
    assert.deepEqual(ids.slice(2, 4).toSorted(), ["d", "e"], "who does not say whose it is stands for itself");
    assert.equal(ids[4], "hers");
  }
  const orders = new Set(
    Array.from({ length: 40 }, (_none, n) =>
      inOrder(`locator ${n}`, boxes, new Set())
        .map(({ id }) => id)
        .join(" "),
    ),
  );
  assert.ok(orders.size > 20, "others for each phrase");
});

test("a large community: as many are asked as needed, and no more than there are limits", async () => {
  const clock = virtualClock();
  const boxes = Array.from({ length: FIND_BOXES_MAX + 50 }, (_none, n) => candidate(`box ${n}`, "") as BoxView);
  let [asked, atOnce, mostAtOnce] = [0, 0, 0];
  let isKept = true;
  const request = async (_boxId: string, path: string) => {
    asked += 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await Promise.resolve();
    atOnce -= 1;
    return { status: 200, body: json(path === KEEP_PATH ? { kept: isKept } : { sealed: [] }), rttMs: 1 };
  };
  const log = createLog({ clock, level: "error", write: (line) => assert.fail(line) });
  const mesh = { request, boxes: () => boxes };
  const leaving = createLeaving({ log, mesh, givers: () => [], kept: () => [] });
  const left = { locator: hex(), proof: hex(), sealed: sealed() };
  assert.equal((await leaving.leave(left, signal)).length, HOLDERS_WANTED);
  assert.equal(asked, HOLDERS_WANTED);
  [asked, isKept] = [0, false];
  assert.deepEqual(await leaving.leave(left, signal), []);
  assert.equal(asked, HOLDERS_ASKED_MAX);
  [asked, mostAtOnce] = [0, 0];
  const found = await leaving.find({ locator: hex(), key: randomBytes(32) }, signal);
  assert.deepEqual(
    [asked, mostAtOnce, found.answered, found.root],
    [FIND_BOXES_MAX, FIND_AT_ONCE, FIND_BOXES_MAX, undefined],
  );
  const stop = new AbortController();
  stop.abort(new Error("nobody waits"));
  await assert.rejects(leaving.find({ locator: hex(), key: randomBytes(32) }, stop.signal), /nobody waits/);
});

test("takings back that never get through are given up, the oldest first", async (t) => {
  const all = town(t);
  const { rows } = await all.join("own");
  const locator = hex();
  for (let n = 1; n <= ENDING_MAX + 10; n += 1) {
    rows.setLeft({ locator, boxId: `gone ${n}`, proof: hex() }, all.clock.wallMs() + n);
  }
  rows.endLeft(locator, all.clock.wallMs());
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  const left = rows.ending();
  assert.equal(left.length, ENDING_MAX);
  assert.equal(left[0]!.boxId, "gone 11");
  all.clock.setWall(all.clock.wallMs() + KEPT_MS + ENDING_MAX);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.deepEqual(rows.ending(), [], "by then every box has let it go by itself");
});
