/** Uploads in pieces: order, resuming, limits, failures that pass and those that do not, and what is told of them. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isFailure } from "../../src/kernel/errors.ts";
import { settled, virtualClock } from "../../src/kernel/virtual-clock.ts";
import { filesErrors } from "../../src/services/files/errors.ts";
import {
  IN_MEMORY_ALL_MAX_BYTES,
  IN_MEMORY_MAX_BYTES,
  PIECE_MAX_BYTES,
  SPOOL_ROOM_KEPT_BYTES,
  STORING_MAX,
  STORING_RETRY_MS,
  STORING_SMALL_MAX,
  STORING_TRIES_MAX,
  UPLOADS_MAX,
  UPLOAD_IDLE_MS,
  UPLOAD_MAX_BYTES,
  UPLOAD_SHOWN_MS,
} from "../../src/services/files/tree/constants.ts";
import type { Tree } from "../../src/services/files/tree/tree.ts";
import { UploadRows } from "../../src/services/files/tree/upload-rows.ts";
import type { UploadSeen } from "../../src/services/files/tree/uploads.ts";
import { eventually } from "../support/process.ts";
import { memoryGrid } from "./memory-grid.ts";
import { bytesOf, content, noise, treeBox } from "./tree-box.ts";

const failsWith = (code: string, params?: object) => (error: unknown) =>
  isFailure(error, code) && (params === undefined || JSON.stringify(error.params) === JSON.stringify(params));

async function until(tree: Tree, id: string, state: string): Promise<UploadSeen> {
  for (const endMs = performance.now() + 30_000; performance.now() < endMs;) {
    const seen = tree.uploads.get("anna", id);
    if (seen.state === state) return seen;
    await sleep(5);
  }
  throw new Error(`not ${state}: ${JSON.stringify(tree.uploads.get("anna", id))}`);
}

test("pieces in order, each answered with how far it is, then it is stored by itself", async (t) => {
  const told: string[] = [];
  const folders: string[] = [];
  const { tree, files, folder } = await treeBox(t, {
    uploadChanged: (account, { state }) => void told.push(`${account} ${state}`),
    changed: (_account, path) => void folders.push(path),
  });
  await files.makeFolder("/a");
  const bytes = noise(1_500_000);
  const wish = { path: "/a/f.bin", bytes: bytes.length, modifiedMs: 99, mediaType: "video/mp4" };
  const { id, ...begun } = await tree.uploads.begin("anna", wish);
  assert.deepEqual(begun, {
    path: "/a/f.bin",
    bytes: bytes.length,
    receivedBytes: 0,
    state: "receiving",
    storedBytes: 0,
    error: undefined,
    waitingFor: undefined,
  });
  const one = await tree.uploads.piece("anna", id, 0, bytes.subarray(0, 1_000_000));
  assert.equal(one.receivedBytes, 1_000_000);
  const offset = { offset: 1_000_000 };
  for (const at of [0, 999_999, 1_000_001]) {
    const again = tree.uploads.piece("anna", id, at, bytes.subarray(0, 10));
    await assert.rejects(again, failsWith("files-upload-offset", offset));
  }
  await assert.rejects(tree.uploads.piece("anna", id, 1_000_000, noise(500_001)), failsWith("files-too-large"));
  await assert.rejects(tree.uploads.piece("bert", id, 1_000_000, noise(5)), failsWith("files-upload-unknown"));
  assert.deepEqual(readdirSync(join(folder, "spool")), [id]);
  const sealed = readFileSync(join(folder, "spool", id));
  assert.equal(sealed.indexOf(bytes.subarray(0, 32)), -1);
  await tree.uploads.piece("anna", id, 1_000_000, bytes.subarray(1_000_000));
  const done = await until(tree, id, "done");
  assert.equal(done.storedBytes, bytes.length);
  const entry = (await files.stat("/a/f.bin"))!;
  assert.deepEqual([entry.bytes, entry.modifiedMs, entry.mediaType], [bytes.length, 99, "video/mp4"]);
  assert.ok((await bytesOf((await files.read("/a/f.bin")).content)).equals(bytes));
  await eventually("the spool is empty", 30_000, () => readdirSync(join(folder, "spool")).length === 0, 10);
  await eventually("its end is told", 30_000, () => told.at(-1) === "anna done", 10);
  assert.equal(told[0], "anna receiving");
  assert.deepEqual(folders, ["/", "/a"]);
});

test("the same fingerprint gives the same upload back until it is done", async (t) => {
  const { tree } = await treeBox(t);
  const wish = { path: "/f", bytes: 100, fingerprint: "f 100 5" };
  const one = await tree.uploads.begin("anna", wish);
  await tree.uploads.piece("anna", one.id, 0, noise(40));
  const again = await tree.uploads.begin("anna", wish);
  assert.deepEqual([again.id, again.receivedBytes], [one.id, 40]);
  assert.notEqual((await tree.uploads.begin("bert", wish)).id, one.id);
  assert.notEqual((await tree.uploads.begin("anna", { ...wish, fingerprint: "other" })).id, one.id);
  await tree.uploads.piece("anna", one.id, 40, noise(60));
  await until(tree, one.id, "done");
  assert.notEqual((await tree.uploads.begin("anna", wish)).id, one.id);
});

test("a taken name: refused, replaced, or beside it", async (t) => {
  const { tree, files } = await treeBox(t);
  await files.write("/f.txt", content("first"));
  await assert.rejects(
    tree.uploads.begin("anna", { path: "/f.txt", bytes: 0, mode: "new" }),
    failsWith("files-exists"),
  );
  const beside = await tree.uploads.begin("anna", { path: "/f.txt", bytes: 0, mode: "rename" });
  assert.equal((await until(tree, beside.id, "done")).path, "/f (2).txt");
  const over = await tree.uploads.begin("anna", { path: "/f.txt", bytes: 0 });
  await until(tree, over.id, "done");
  assert.equal((await files.stat("/f.txt"))!.versions, 2);
  // It came while the other was on its way.
  const late = await tree.uploads.begin("anna", { path: "/g", bytes: 1, mode: "new" });
  await files.write("/g", content("sooner"));
  await tree.uploads.piece("anna", late.id, 0, noise(1));
  assert.equal((await until(tree, late.id, "failed")).error, "files-exists");
  assert.equal((await bytesOf((await files.read("/g")).content)).toString(), "sooner");
});

test("how far an upload is spread does not go back when it is tried again", async (t) => {
  const grid = memoryGrid();
  const clock = virtualClock();
  let tries = 0;
  const upload: typeof grid.upload = async (stored, options = {}) => {
    tries += 1;
    if (tries > 1) {
      options.onProgress?.({ doneBytes: 10, totalBytes: 100 });
      return grid.upload(stored, { ...options, onProgress: () => {} });
    }
    options.onProgress?.({ doneBytes: 60, totalBytes: 100 });
    throw filesErrors.fail("files-not-spread", { params: { found: 1, wanted: 2 } });
  };
  const told: number[] = [];
  const uploadChanged = (_account: string, { storedBytes }: { storedBytes: number }) => void told.push(storedBytes);
  const { tree } = await treeBox(t, { grid: { ...grid, upload }, clock, uploadChanged });
  const { id } = await tree.uploads.begin("anna", { path: "/f", bytes: 100 });
  await tree.uploads.piece("anna", id, 0, noise(100));
  await eventually("it waits", 30_000, async () => tree.uploads.get("anna", id).waitingFor === "files-not-spread");
  assert.equal(tree.uploads.get("anna", id).storedBytes, 60);
  clock.advance(STORING_RETRY_MS);
  await eventually("its end is told", 30_000, async () => told.at(-1) === 100);
  assert.equal(tries, 2);
  assert.deepEqual(
    told,
    told.toSorted((a, b) => a - b),
  );
});

test("a failure that passes is tried again, each time later; one that stays is told", async (t) => {
  const clock = virtualClock();
  let failures = 0;
  const uploadChanged = (_account: string, { error }: UploadSeen) => void (failures += error === undefined ? 0 : 1);
  const { tree, grid, files } = await treeBox(t, { clock, uploadChanged });
  await files.list("/");
  grid.failWith("files-not-spread");
  const { id } = await tree.uploads.begin("anna", { path: "/f", bytes: 100 });
  grid.failWith(undefined);
  await files.list("/");
  grid.failWith("files-not-spread");
  await tree.uploads.piece("anna", id, 0, noise(100));
  for (let i = 0; i < STORING_TRIES_MAX - 1; i += 1) {
    await eventually(`it has failed ${i + 1} times`, 30_000, () => failures === i + 1, 5);
    await settled();
    const { state, error, waitingFor } = tree.uploads.get("anna", id);
    assert.deepEqual([state, error, waitingFor], ["storing", "files-not-spread", "files-not-spread"]);
    clock.advance(STORING_RETRY_MS * 2 ** i);
    await settled();
  }
  const { error, waitingFor } = await until(tree, id, "failed");
  assert.deepEqual([error, waitingFor], ["files-not-spread", undefined]);
  grid.failWith(undefined);
  assert.equal(tree.uploads.retry("anna", id).state, "storing");
  await until(tree, id, "done");
  assert.equal((await files.stat("/f"))!.bytes, 100);
  assert.equal(tree.uploads.retry("anna", id).state, "done");
});

test("cancelled while it comes in, while it is stored, and after", async (t) => {
  let hold = true;
  const grid = memoryGrid({
    pause: async (operation) => {
      while (operation === "upload" && hold) await sleep(2);
    },
  });
  const { tree, files, folder } = await treeBox(t, { grid });
  const one = await tree.uploads.begin("anna", { path: "/f", bytes: 100 });
  await tree.uploads.piece("anna", one.id, 0, noise(10));
  await tree.uploads.cancel("anna", one.id);
  const other = await tree.uploads.begin("anna", { path: "/g", bytes: 0 });
  await sleep(20);
  const cancelled = tree.uploads.cancel("anna", other.id);
  await sleep(20);
  hold = false;
  await cancelled;
  assert.deepEqual(tree.uploads.list("anna"), []);
  assert.deepEqual(readdirSync(join(folder, "spool")), []);
  assert.deepEqual(await files.list("/"), []);
  await assert.rejects(tree.uploads.cancel("anna", one.id), failsWith("files-upload-unknown"));
});

test("limits: bytes, and room on the disk", async (t) => {
  const free = SPOOL_ROOM_KEPT_BYTES + 1000;
  const { tree } = await treeBox(t, {
    freeBytes: () => Promise.resolve(free),
  });
  const begin = (bytes: number, path = "/f") => tree.uploads.begin("anna", { path, bytes });
  await assert.rejects(begin(UPLOAD_MAX_BYTES + 1), failsWith("files-too-large"));
  await assert.rejects(begin(-1), failsWith("files-too-large"));
  await assert.rejects(begin(1001), failsWith("files-spool-full"));
  const one = await begin(600);
  await assert.rejects(begin(401), failsWith("files-spool-full"));
  await tree.uploads.cancel("anna", one.id);
});

test("no more than so many that have not ended", async (t) => {
  const { tree, files } = await treeBox(t, { quotaBytes: () => 10_000 });
  await assert.rejects(tree.uploads.begin("anna", { path: "/f", bytes: 10_001 }), failsWith("files-no-room"));
  const { id } = await tree.uploads.begin("anna", { path: "/f", bytes: 9000 });
  const large = noise(PIECE_MAX_BYTES + 1);
  await assert.rejects(tree.uploads.piece("anna", id, 0, large), failsWith("files-too-large"));
  const { store } = files.view.parts;
  const rows = new UploadRows(store);
  const one = rows.get(id)!;
  store.transaction(() => {
    for (let i = 1; i < UPLOADS_MAX - 1; i += 1) rows.add({ ...one, id: `${i}` });
  });
  await tree.uploads.begin("anna", { path: "/last", bytes: 1 });
  await assert.rejects(tree.uploads.begin("anna", { path: "/more", bytes: 1 }), failsWith("files-too-many"));
  await tree.uploads.begin("bert", { path: "/more", bytes: 1 });
});

test("what nobody goes on with is given up, and what is done is shown for a day", async (t) => {
  const clock = virtualClock();
  const { tree, folder } = await treeBox(t, { clock });
  const idle = await tree.uploads.begin("anna", { path: "/f", bytes: 10 });
  await tree.uploads.piece("anna", idle.id, 0, noise(5));
  const done = await tree.uploads.begin("anna", { path: "/g", bytes: 0 });
  await until(tree, done.id, "done");
  clock.setWall(clock.wallMs() + UPLOAD_SHOWN_MS + 1);
  await tree.sweep();
  assert.deepEqual(
    tree.uploads.list("anna").map(({ id }) => id),
    [idle.id],
  );
  clock.setWall(clock.wallMs() + UPLOAD_IDLE_MS);
  await tree.sweep();
  assert.deepEqual(tree.uploads.list("anna"), []);
  assert.deepEqual(readdirSync(join(folder, "spool")), []);
});

test("so many go into the grid at the same time, and large writes lie sealed on the disk meanwhile", async (t) => {
  const now = { small: 0, large: 0 };
  const most = { small: 0, large: 0 };
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const grid = memoryGrid();
  const upload = grid.upload.bind(grid);
  grid.upload = async (...given) => {
    const kind = given[0].bytes > IN_MEMORY_MAX_BYTES ? "large" : "small";
    now[kind] += 1;
    most[kind] = Math.max(most[kind], now[kind]);
    await released;
    const done = await upload(...given);
    now[kind] -= 1;
    return done;
  };
  const { files, folder } = await treeBox(t, { grid });
  const large = noise(IN_MEMORY_MAX_BYTES + 1);
  const isLarge = (i: number) => i < STORING_MAX + 1;
  const count = STORING_MAX + 1 + STORING_SMALL_MAX + 1;
  const writes = Array.from({ length: count }, (_, i) =>
    files.write(`/${i}`, content(isLarge(i) ? large : noise(100))),
  );
  await eventually("as many as may are under way", 30_000, async () => {
    if (now.small < STORING_SMALL_MAX || now.large < STORING_MAX) throw new Error(JSON.stringify(now));
    return readdirSync(join(folder, "spool")).length === STORING_MAX + 1;
  });
  release();
  await Promise.all(writes);
  assert.deepEqual(most, { small: STORING_SMALL_MAX, large: STORING_MAX });
  assert.deepEqual(readdirSync(join(folder, "spool")), []);
});

test("small writes go over the disk, too, when there are many of them", async (t) => {
  let hold = true;
  const grid = memoryGrid({
    pause: async (operation) => {
      while (operation === "upload" && hold) await sleep(5);
    },
  });
  const { files, folder } = await treeBox(t, { grid });
  const count = IN_MEMORY_ALL_MAX_BYTES / IN_MEMORY_MAX_BYTES + 2;
  const bytes = noise(IN_MEMORY_MAX_BYTES);
  const writes = Array.from({ length: count }, (_, i) => files.write(`/${i}`, content(bytes)));
  await eventually("two are on the disk", 30_000, () => readdirSync(join(folder, "spool")).length >= 2, 5);
  assert.equal(readdirSync(join(folder, "spool")).length, 2);
  hold = false;
  await Promise.all(writes);
  assert.equal((await files.list("/")).length, count);
});

test("a write that the disk has no room for is refused, and leaves nothing", async (t) => {
  let free = SPOOL_ROOM_KEPT_BYTES;
  const { files, folder } = await treeBox(t, { freeBytes: () => Promise.resolve((free -= 10)) });
  const write = files.write("/f", content(noise(2 * IN_MEMORY_MAX_BYTES)));
  await assert.rejects(write, failsWith("files-spool-full"));
  assert.deepEqual(readdirSync(join(folder, "spool")), []);
  await files.write("/small", content("still goes"));
});
