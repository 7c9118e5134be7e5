/** A disk that fails, or is slow, at a chosen step: what is only written is not taken for kept. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fs, { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { temporaryFolder } from "../support/at-exit.ts";

// Before the store is loaded, which takes it from here.
const { fsync, write } = fs;
let isFailing = false;
let isWriteFailing = false;
let onSync: () => void | Promise<void> = () => {};
let onWritten: () => void | Promise<void> = () => {};
fs.fsync = ((fd: number, done: (error: NodeJS.ErrnoException | null) => void) => {
  if (isFailing) process.nextTick(done, failed("fsync"));
  else void Promise.resolve(onSync()).then(() => fsync(fd, done));
}) as typeof fs.fsync;
type Written = (error: NodeJS.ErrnoException | null, bytes: number) => void;
fs.write = ((fd: number, bytes: Uint8Array, from: number, length: number, at: number, done: Written) => {
  const tell = async (...answer: Parameters<Written>) => {
    await onWritten();
    done(...answer);
  };
  if (isWriteFailing) process.nextTick(done, failed("write"), 0);
  else write(fd, bytes, from, length, at, (error, count) => void tell(error, count));
}) as typeof fs.write;
syncBuiltinESMExports();
const { PendingShares } = await import("../../src/services/files/storage/pending-shares.ts");
const { PENDING_AGAIN_MS } = await import("../../src/services/files/storage/constants.ts");
const { sharePaths } = await import("../../src/services/files/storage/share-paths.ts");

function failed(call: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`EIO: i/o error, ${call}`), { code: "EIO" });
}

const SI = "abcdefghijklmnopqrstuvwxya";

async function open(folder: string) {
  const paths = sharePaths(folder);
  for (const path of [paths.incoming, paths.writes]) mkdirSync(path, { recursive: true });
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  return { pending: await PendingShares.open({ paths, clock, log, isTight: () => false }), clock, paths };
}

test("a share stays in the journal until its file is synced", async (t) => {
  const folder = temporaryFolder("sync");
  const { pending, clock, paths } = await open(folder);
  t.after(() => pending.close());
  const content = randomBytes(5000);
  await pending.put(SI, new Map([[3, content]]));
  isFailing = true;
  await assert.rejects(pending.checkpoint(), { code: "EIO" });
  assert.ok(existsSync(paths.share(SI, 3)), "it was written");
  assert.ok(pending.content(SI, 3), "and is still held");
  const copy = temporaryFolder("sync");
  cpSync(folder, copy, { recursive: true });
  rmSync(join(copy, "shares"), { recursive: true });
  isFailing = false;
  const after = await open(copy);
  t.after(() => after.pending.close());
  assert.ok(readFileSync(after.paths.share(SI, 3)).equals(content), "the journal brings it back");
  clock.advance(PENDING_AGAIN_MS);
  await pending.checkpoint();
  assert.equal(pending.size.shares, 0);
  assert.ok(readFileSync(paths.share(SI, 3)).equals(content));
});

function afterPowerLoss(folder: string): string {
  const copy = temporaryFolder("sync");
  cpSync(folder, copy, { recursive: true });
  return copy;
}

test("all shares of a put come onto the disk with one write", async (t) => {
  const folder = temporaryFolder("sync");
  const { pending } = await open(folder);
  t.after(() => pending.close());
  const copies: string[] = [];
  onWritten = () => void copies.push(afterPowerLoss(folder));
  await pending.put(SI, new Map([0, 1, 2].map((number) => [number, Buffer.alloc(9, number)])));
  onWritten = () => {};
  assert.ok(copies.length > 0);
  for (const copy of copies) {
    const after = await open(copy);
    t.after(() => after.pending.close());
    for (const number of [0, 1, 2]) assert.ok(existsSync(after.paths.share(SI, number)), `${number}`);
  }
});

test("a put that meets a checkpoint of the same share is there when it is answered", async (t) => {
  const folder = temporaryFolder("sync");
  const { pending } = await open(folder);
  t.after(() => pending.close());
  await pending.put(SI, new Map([[0, Buffer.from("old")]]));
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let newer: Promise<void> | undefined;
  onSync = () => {
    onWritten = () => held;
    newer ??= pending.put(SI, new Map([[0, Buffer.from("newer")]]));
  };
  const checkpoint = pending.checkpoint();
  await checkpoint;
  assert.ok(newer !== undefined, "it comes to its end while the journal writes the newer one");
  onSync = () => {};
  onWritten = () => {};
  release();
  await newer;
  const after = await open(afterPowerLoss(folder));
  t.after(() => after.pending.close());
  assert.equal(readFileSync(after.paths.share(SI, 0), "latin1"), "newer");
});

test("a journal that fails while files are written is not thrown away with what came meanwhile", async (t) => {
  const folder = temporaryFolder("sync");
  const { pending, paths } = await open(folder);
  t.after(() => pending.close());
  await pending.put(SI, new Map([[0, Buffer.from("old")]]));
  let isFirst = true;
  onSync = async () => {
    if (!isFirst) return;
    isFirst = false;
    await pending.put(SI, new Map([[0, Buffer.from("newer")]]));
    isWriteFailing = true;
    await assert.rejects(pending.put(SI, new Map([[1, Buffer.from("refused")]])), { code: "storage-failed" });
    isWriteFailing = false;
  };
  await pending.checkpoint();
  onSync = () => {};
  assert.equal(pending.content(SI, 0), undefined, "all is in files, and the journal is a new one");
  assert.equal(readFileSync(paths.share(SI, 0), "latin1"), "newer");
  const copy = await open(afterPowerLoss(folder));
  t.after(() => copy.pending.close());
  assert.equal(readFileSync(copy.paths.share(SI, 0), "latin1"), "newer");
  await pending.put(SI, new Map([[1, Buffer.from("taken again")]]));
});
