/** Large shares on a disk that is slow, or fails, when it is asked to keep what it was given. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { UPLOAD_CHECKPOINT_BYTES } from "../../src/services/files/storage/constants.ts";
import { PendingShares } from "../../src/services/files/storage/pending-shares.ts";
import { Room } from "../../src/services/files/storage/room.ts";
import { sharePaths } from "../../src/services/files/storage/share-paths.ts";
import { Uploads } from "../../src/services/files/storage/uploads.ts";
import type { Owner } from "../support/process.ts";
import { eventually } from "../support/process.ts";
import { temporaryFolder } from "../support/at-exit.ts";

const SI = "abcdefghijklmnopqrstuvwxya";
const NUMBER = 3;
const PART = UPLOAD_CHECKPOINT_BYTES;
const BYTES = 4 * PART;
const SECRET = randomBytes(32);
const LEASE = { renewSecret: randomBytes(32), cancelSecret: randomBytes(32), owner: 2, expiryS: 2 ** 31 };
const data = randomBytes(BYTES);

const file = await open(join(temporaryFolder("proto"), "file"), "w");
const prototype = Object.getPrototypeOf(file) as FileHandle;
await file.close();
const { datasync, sync } = prototype;
afterEach(() => Object.assign(prototype, { datasync, sync }));

const broken = async () => {
  throw Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });
};

async function openUploads(owner: Owner, folder = temporaryFolder("uploads")) {
  const paths = sharePaths(folder);
  for (const path of [paths.incoming, paths.writes, paths.shares]) mkdirSync(path, { recursive: true });
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const pending = await PendingShares.open({ paths, clock, log, isTight: () => false });
  owner.after(() => pending.close());
  const room = new Room({ capacity: () => 2 ** 30, members: [] });
  const uploads = new Uploads({ paths, pending, clock, room });
  const noteOf = () => JSON.parse(readFileSync(`${paths.upload(SI, NUMBER)}.note`, "utf8")) as { written: number[][] };
  return { uploads, pending, paths, folder, noteOf };
}

async function begun(uploads: Uploads) {
  assert.ok(await uploads.begin({ storageIndex: SI, number: NUMBER, bytes: BYTES, secret: SECRET, lease: LEASE }));
  return uploads.get(SI, NUMBER, SECRET);
}

/** Bytes in pieces as they come from a line. */
async function* piecesOf(from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; at += 65_536) yield data.subarray(at, Math.min(to, at + 65_536));
}

test("while the disk takes one part the next one comes, and no more; what is noted was synced", async (t) => {
  const { uploads, noteOf } = await openUploads(t);
  const upload = await begun(uploads);
  const gate = Promise.withResolvers<void>();
  prototype.datasync = async function (this: FileHandle) {
    await gate.promise;
    return datasync.call(this);
  };
  let taken = 0;
  const body = (async function* () {
    for await (const piece of piecesOf(0, 3 * PART)) {
      yield piece;
      taken += piece.length;
    }
  })();
  const writing = uploads.write(upload, 0, 3 * PART, body);
  await eventually("a second part", 30_000, async () => taken >= 2 * PART - 65_536);
  for (let turn = 0; turn < 1_000; turn += 1) await setImmediate();
  assert.ok(taken < 2 * PART + 65_536, `${taken} bytes`);
  assert.deepEqual(noteOf().written, []);
  gate.resolve();
  assert.deepEqual(await writing, [{ begin: 3 * PART, end: BYTES }]);
  await upload.noted;
  assert.deepEqual(noteOf().written.length, 1);
  assert.ok(noteOf().written[0]![1]! >= PART);
  await uploads.close();
  assert.deepEqual(noteOf().written, [[0, 3 * PART]]);
});

test("a checkpoint that fails gives the upload up; begun again it is stored", async (t) => {
  const { uploads } = await openUploads(t);
  const upload = await begun(uploads);
  prototype.datasync = broken;
  await assert.rejects(uploads.write(upload, 0, BYTES, piecesOf(0, BYTES)), { code: "EIO" });
  assert.equal(uploads.find(SI, NUMBER), undefined);
  assert.equal(uploads.size, 0);
  await assert.rejects(uploads.write(upload, 0, 10, piecesOf(0, 10)));
  Object.assign(prototype, { datasync });
  const again = await begun(uploads);
  assert.deepEqual(await uploads.write(again, 0, BYTES, piecesOf(0, BYTES)), []);
  assert.equal(again.state, "complete");
});

test("a share whose last sync fails is not complete, also when the next sync says that all is well", async (t) => {
  const { uploads } = await openUploads(t);
  const upload = await begun(uploads);
  prototype.sync = async function (this: FileHandle) {
    // Folders are not what is looked at here.
    if ((await this.stat()).isFile()) await broken();
  };
  await assert.rejects(uploads.write(upload, 0, BYTES, piecesOf(0, BYTES)), { code: "EIO" });
  Object.assign(prototype, { sync });
  await assert.rejects(uploads.write(upload, BYTES - 10, 10, piecesOf(BYTES - 10, BYTES)));
  assert.notEqual(upload.state, "complete");
});

test("an upload that is given up while its checkpoint is under way leaves nothing", async (t) => {
  const { uploads, paths } = await openUploads(t);
  const upload = await begun(uploads);
  const [gate, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  prototype.datasync = async function (this: FileHandle) {
    asked.resolve();
    await gate.promise;
    return datasync.call(this);
  };
  await uploads.write(upload, 0, PART, piecesOf(0, PART));
  await asked.promise;
  await uploads.abort(upload);
  gate.resolve();
  await upload.noted;
  for (const name of ["", ".note", ".note.tmp"]) {
    assert.throws(() => readFileSync(`${paths.upload(SI, NUMBER)}${name}`), { code: "ENOENT" }, name);
  }
});

test("after a kill, what the note says is known and the rest is asked for", async (t) => {
  const { uploads, pending, folder, paths } = await openUploads(t);
  const upload = await begun(uploads);
  await uploads.write(upload, 0, PART + 1000, piecesOf(0, PART + 1000));
  await upload.noted;
  // What was not synced is lost with the power.
  const path = paths.upload(SI, NUMBER);
  const noted = (JSON.parse(readFileSync(`${path}.note`, "utf8")) as { written: [number, number][] }).written;
  const end = noted[0]![1];
  assert.ok(end >= PART && end <= PART + 1000);
  writeFileSync(path, readFileSync(path).subarray(0, 12 + end));
  await pending.close();
  const { uploads: later } = await openUploads(t, folder);
  await later.recover();
  const known = later.get(SI, NUMBER, SECRET);
  assert.deepEqual(known.written.ranges, [{ begin: 0, end }]);
  assert.deepEqual(await later.write(known, end, BYTES - end, piecesOf(end, BYTES)), []);
});
