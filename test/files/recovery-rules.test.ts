/** Recovery phrases between boxes: made, found, renewed, replaced, taken back; where a tree that was found goes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import {
  HOLDERS_WANTED,
  KEPT_MS,
  LET_GO_EVERY_MS,
  RECOVERY_LOOK_MS,
  RENEW_EVERY_MS,
  RENEW_FEW_EVERY_MS,
} from "../../src/services/files/recovery/constants.ts";
import { KEEP_PATH } from "../../src/services/files/recovery/messages.ts";
import { town } from "./recovery-boxes.ts";
import type { RecoveryBox, Town } from "./recovery-boxes.ts";
import { bytesOf, content, noise } from "./tree-box.ts";

const { signal } = new AbortController();
const folder = "/recovered";
const make = (box: RecoveryBox, replace = false) => box.recovery.make("anna", { replace, signal });
const recover = (box: RecoveryBox, words: string) => box.recovery.recover("anna", words, { folder, signal });
const names = async (box: RecoveryBox, path = "/") =>
  (await box.tree.files("anna").list(path)).map(({ name }) => name).toSorted();
const text = async (box: RecoveryBox, path: string) =>
  (await bytesOf((await box.tree.files("anna").read(path)).content)).toString();
const keptBy = (boxes: readonly RecoveryBox[]) => boxes.filter(({ rows }) => rows.keptInAll() > 0).map(({ id }) => id);

async function townOf(t: Parameters<typeof town>[0], ids: readonly string[]) {
  const all = town(t);
  const boxes: RecoveryBox[] = [];
  for (const id of ids) boxes.push(await all.join(id));
  return { ...all, boxes };
}

/** Its process is gone, and its data folder. */
function lose({ meshes }: Town, box: RecoveryBox): Promise<void> {
  meshes.states.set(box.id, "away");
  return box.recovery.stop();
}

test("a lost box: the words bring all of its files back to a fresh one, and go on working there", async (t) => {
  const all = await townOf(t, ["lost", "a", "b"]);
  const [lost, a, b] = all.boxes as [RecoveryBox, RecoveryBox, RecoveryBox];
  await lost.files.makeFolder("/Photos");
  await lost.files.write("/Photos/a", content("one"));
  await lost.files.write("/b", content("two"));
  const words = await make(lost);
  assert.deepEqual(lost.recovery.seen("anna")?.boxIds, ["a", "b"]);
  await lose(all, lost);

  const fresh = await all.join("fresh");
  assert.deepEqual(await names(fresh), [], "it has a top folder of its own, with nothing in it");
  const found = await recover(fresh, words.toUpperCase());
  assert.deepEqual([found.state, found.path, found.entries], ["whole", "/", 2]);
  assert.deepEqual(found.holders.map(({ id }) => id).toSorted(), ["a", "b"]);
  assert.deepEqual([found.answered, found.silent.map(({ id }) => id), fresh.taken()], [2, ["lost"], 1]);
  assert.deepEqual(await names(fresh), ["Photos", "b"]);
  assert.equal(await text(fresh, "/Photos/a"), "one");
  await fresh.tree.files("anna").write("/Photos/new", content("three"));

  assert.deepEqual((await recover(fresh, words)).state, "already");
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  for (const { rows, id } of [a, b]) assert.equal(rows.keptOf("fresh"), 1, `${id} was left it by the new box, too`);
  const later = await all.join("later");
  await lose(all, fresh);
  assert.equal((await recover(later, words)).state, "whole");
  assert.equal(await text(later, "/Photos/new"), "three");
});

test("where there are files already, or things on their way, it becomes a folder, once", async (t) => {
  const all = await townOf(t, ["lost", "full", "trash", "coming"]);
  const [lost, full, trash, coming] = all.boxes as [RecoveryBox, RecoveryBox, RecoveryBox, RecoveryBox];
  await lost.files.write("/a", content("mine"));
  const words = await make(lost);
  await full.files.write("/recovered", content("a file of that name"));
  await trash.files.write("/b", content("b"));
  await trash.files.remove("/b");
  const { id } = await coming.tree.uploads.begin("anna", { path: "/film", bytes: 1000 });
  await coming.tree.uploads.piece("anna", id, 0, noise(10));
  let entries = 0;
  for (const [box, path] of [
    [full, "/recovered (2)"],
    [trash, folder],
    [coming, folder],
  ] as const) {
    const before = box.tree.rootOf("anna");
    const found = await recover(box, words);
    assert.deepEqual([found.state, found.path, found.entries], ["folder", path, (entries += 1)], box.id);
    assert.equal((await recover(box, words)).path, path, "it hangs there already");
    assert.equal(await text(box, `${path}/a`), "mine");
    await box.tree.files("anna").write(`${path}/from-${box.id}`, content("x"));
    assert.deepEqual([box.recovery.seen("anna"), box.taken()], [undefined, 1], "a tree has words of its own");
    if (before !== undefined) assert.equal(box.tree.rootOf("anna"), before);
  }
  assert.deepEqual(await names(coming, folder), ["a", "from-coming", "from-full", "from-trash"], "one tree for all");
});

test("a box that keeps it for the lost one finds it here, and ends it here when it has other words", async (t) => {
  const all = await townOf(t, ["lost", "a"]);
  const [lost, a] = all.boxes as [RecoveryBox, RecoveryBox];
  const words = await make(lost);
  const b = await all.join("b");
  await lose(all, lost);
  const found = await recover(a, words);
  assert.deepEqual([found.state, found.holders.map(({ id }) => id), found.answered], ["whole", ["a"], 1]);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.deepEqual([a.recovery.seen("anna")?.boxIds, b.rows.keptOf("a")], [["b"], 1]);
  await make(a, true);
  assert.equal(a.rows.keptInAll(), 0);
});

test("while its pieces cannot be reached nothing is changed", async (t) => {
  const all = await townOf(t, ["lost", "fresh"]);
  const [lost, fresh] = all.boxes as [RecoveryBox, RecoveryBox];
  const words = await make(lost);
  all.grid.failWith("files-unreachable");
  await assert.rejects(recover(fresh, words), /files-unreachable/);
  assert.deepEqual([fresh.tree.rootOf("anna"), fresh.recovery.seen("anna"), fresh.taken()], [undefined, undefined, 0]);
  all.grid.failWith(undefined);
  assert.equal((await recover(fresh, words)).state, "whole");
});

test("who writes into the empty tree in that moment is told, and nothing is lost without a word", async (t) => {
  const all = await townOf(t, ["lost", "fresh"]);
  const [lost, fresh] = all.boxes as [RecoveryBox, RecoveryBox];
  await lost.files.write("/a", content("mine"));
  const words = await make(lost);
  await fresh.files.list("/");
  let go = () => {};
  const waiting = new Promise<void>((resolve) => (go = resolve));
  async function* slow() {
    yield Buffer.from("some");
    await waiting;
  }
  const refused = assert.rejects(fresh.files.write("/late", slow()), /files-not-found/);
  assert.equal((await recover(fresh, words)).state, "whole");
  go();
  await refused;
  assert.deepEqual(await names(fresh), ["a"]);
});

test("new words replace the former, also with a box that was away meanwhile", async (t) => {
  const all = await townOf(t, ["own", "a", "b", "fresh"]);
  const [own, a, b, fresh] = all.boxes as [RecoveryBox, RecoveryBox, RecoveryBox, RecoveryBox];
  const first = await make(own);
  await assert.rejects(make(own), /files-recovery-exists/);
  all.meshes.states.set("b", "away");
  const second = await make(own, true);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.deepEqual([a.rows.keptInAll(), b.rows.keptInAll()], [1, 1]);
  all.meshes.states.set("b", "up");
  all.meshes.states.set("own", "away");
  assert.equal((await recover(fresh, first)).state, "whole", "a box that was away still has it");
  assert.equal((await recover(fresh, second)).state, "already");
  all.meshes.states.set("own", "up");
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  const later = await all.join("later");
  await assert.rejects(recover(later, first), (error) => isFailure(error, "files-recovery-not-found"));
  assert.equal((await recover(later, second)).state, "whole");
});

test("words that a fresh box has taken up are replaced with the boxes of the lost one, too", async (t) => {
  const all = await townOf(t, ["lost", "a", "b", "c"]);
  const [lost, , b] = all.boxes as [RecoveryBox, RecoveryBox, RecoveryBox];
  const first = await make(lost);
  await lose(all, lost);
  all.meshes.states.set("b", "away");
  const fresh = await all.join("fresh");
  assert.equal((await recover(fresh, first)).state, "whole");
  const second = await make(fresh, true);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.equal(b.rows.keptOf("lost"), 1, "it is away, and knows nothing of it");
  all.meshes.states.set("b", "up");
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  for (const box of all.boxes) assert.equal(box.rows.keptOf("lost"), 0, box.id);
  const later = await all.join("later");
  await assert.rejects(recover(later, first), /files-recovery-away/, "only the lost box does not answer");
  assert.equal((await recover(later, second)).state, "whole");
});

test("it is removed by hand and with its account, and what is under way then is taken back", async (t) => {
  const all = await townOf(t, ["own", "a"]);
  const [own, a] = all.boxes as [RecoveryBox, RecoveryBox];
  await make(own);
  await own.recovery.remove("anna");
  await own.recovery.remove("anna");
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.deepEqual([own.recovery.seen("anna"), a.rows.keptInAll()], [undefined, 0]);

  await make(own);
  const forget = () => {
    own.tree.forget("anna");
    own.recovery.forget("anna");
  };
  forget();
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.deepEqual([own.rows.phrases(), own.rows.ending(), a.rows.keptInAll()], [[], [], 0]);

  all.answerInstead((_boxId, path) => void (path === KEEP_PATH && forget()));
  await assert.rejects(make(own), /files-changed/);
  all.answerInstead(() => undefined);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.deepEqual([own.rows.phrases(), own.rows.ending(), a.rows.keptInAll()], [[], [], 0]);
});

test("replaced while it is renewed: what the renewal has left is taken back", async (t) => {
  const all = await townOf(t, ["own", "a"]);
  const [own, a] = all.boxes as [RecoveryBox, RecoveryBox];
  await make(own);
  const late = await all.join("late");
  let second: Promise<string> | undefined;
  all.answerInstead((boxId, path) => {
    if (boxId === "late" && path === KEEP_PATH) second ??= make(own, true);
    return undefined;
  });
  await all.clock.advanceSettled(RENEW_FEW_EVERY_MS, RECOVERY_LOOK_MS);
  assert.ok(await second);
  await all.clock.advanceSettled(2 * RECOVERY_LOOK_MS, RECOVERY_LOOK_MS);
  assert.deepEqual([own.rows.ending(), a.rows.keptInAll(), late.rows.keptInAll()], [[], 1, 1]);
});

test("nobody there: no words are made, and those of before stay", async (t) => {
  const all = await townOf(t, ["own", "a"]);
  const [own, a] = all.boxes as [RecoveryBox, RecoveryBox];
  all.meshes.states.set("a", "away");
  await assert.rejects(make(own), /files-recovery-nobody/);
  assert.equal(own.recovery.seen("anna"), undefined);
  all.meshes.states.set("a", "up");
  await make(own);
  const { madeMs } = own.recovery.seen("anna")!;
  all.clock.advance(1000);
  all.meshes.states.set("a", "excluded");
  await assert.rejects(make(own, true), /files-recovery-nobody/);
  assert.deepEqual([own.recovery.seen("anna")!.madeMs, a.rows.keptInAll()], [madeMs, 1]);
});

test("it is renewed each three days, and spreads within the hour when boxes come", async (t) => {
  const all = await townOf(t, ["own", "a"]);
  const [own, a] = all.boxes as [RecoveryBox, RecoveryBox];
  await make(own);
  for (const id of ["b", "c", "d", "e", "f", "g"]) all.boxes.push(await all.join(id));
  await all.clock.advanceSettled(RENEW_FEW_EVERY_MS - RECOVERY_LOOK_MS, RECOVERY_LOOK_MS);
  assert.deepEqual(keptBy(all.boxes), ["a"]);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  const kept = keptBy(all.boxes);
  assert.ok(kept.length >= HOLDERS_WANTED && kept.length <= HOLDERS_WANTED + 1, kept.join(" "));
  const seenMs = () => Math.max(...all.boxes.flatMap(({ rows }) => seenIn(rows)));
  const seenIn = (rows: RecoveryBox["rows"]) =>
    own.rows.phrases().flatMap(({ locator }) => rows.kept(locator).map((one) => one.seenMs));
  const beforeMs = seenMs();
  await all.clock.advanceSettled(RENEW_EVERY_MS - RECOVERY_LOOK_MS, RECOVERY_LOOK_MS);
  assert.equal(seenMs(), beforeMs);
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.equal(seenMs(), all.clock.wallMs());
  assert.equal(own.recovery.seen("anna")!.renewedMs, all.clock.wallMs());
  assert.ok(a.rows.keptInAll() <= 1);
});

test("one that nobody renews is kept for more than a year, whatever a wrong clock says, and then let go", async (t) => {
  const all = await townOf(t, ["lost", "a"]);
  const [lost, a] = all.boxes as [RecoveryBox, RecoveryBox];
  const words = await make(lost);
  await lose(all, lost);
  all.clock.setWall(all.clock.wallMs() + 366 * 86_400_000);
  await all.clock.advanceSettled(LET_GO_EVERY_MS, RECOVERY_LOOK_MS);
  const fresh = await all.join("fresh");
  assert.equal((await recover(fresh, words)).state, "whole");
  await lose(all, fresh);

  all.clock.setWall(all.clock.wallMs() + KEPT_MS);
  all.meshes.clockOffsetMs = -KEPT_MS;
  await all.clock.advanceSettled(LET_GO_EVERY_MS, RECOVERY_LOOK_MS);
  assert.equal(a.rows.keptInAll(), 2, "the others say that it has leaped");
  all.meshes.clockOffsetMs = 0;
  await all.clock.advanceSettled(RECOVERY_LOOK_MS);
  assert.equal(a.rows.keptInAll(), 0);
});
