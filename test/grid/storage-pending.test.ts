/** Small shares between the journal and their files: what a loss of power leaves, limits, and disks that fail. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { VirtualClock } from "../../src/kernel/virtual-clock.ts";
import {
  FILED_AT_ONCE,
  PENDING_AGAIN_MS,
  PENDING_AGE_MS,
  PENDING_BYTES_MAX,
  PENDING_IDLE_MS,
  PENDING_PUT_BYTES_MAX,
  PENDING_SEGMENT_BYTES,
  PENDING_SHARES_MAX,
} from "../../src/services/files/storage/constants.ts";
import { PendingShares } from "../../src/services/files/storage/pending-shares.ts";
import { sharePaths } from "../../src/services/files/storage/share-paths.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import type { Owner } from "../support/process.ts";
import { eventually } from "../support/process.ts";
import { ENABLER, LEASE, SI, StorageBox, allocate, cbor, contentOf, fromCbor, patch, secret } from "./storage-box.ts";

const indexOf = (n: number) => encodeBase32(Buffer.from(secret(`index ${n}`).subarray(0, 16)));
const one = (content: Buffer, number = 0) => new Map([[number, content]]);

interface Opened {
  pending: PendingShares;
  folder: string;
  clock: VirtualClock;
  said: string[];
}

async function open(owner: Owner, folder = temporaryFolder("pending")): Promise<Opened> {
  const clock = virtualClock();
  const said: string[] = [];
  const log = createLog({ clock, level: "warn", write: (line) => said.push(line) });
  const paths = sharePaths(folder);
  mkdirSync(paths.incoming, { recursive: true });
  mkdirSync(paths.writes, { recursive: true });
  const pending = await PendingShares.open({ paths, clock, log, isTight: () => false });
  owner.after(() => pending.close());
  return { pending, folder, clock, said };
}

/** The folder as a loss of power at this moment leaves it at worst: with these files only half written, or gone. */
function afterPowerLoss(folder: string, torn: readonly string[] = []): string {
  const copy = temporaryFolder("power");
  cpSync(folder, copy, { recursive: true });
  for (const path of torn) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), "torn");
  }
  return copy;
}

const fileOf = (si: string, number = 0) => join("shares", si.slice(0, 2), si, String(number));
/** What is read after a start: from here, or else from the file. */
function readAfter({ pending, folder }: Opened, si: string, number = 0): Buffer | undefined {
  const path = join(folder, fileOf(si, number));
  return pending.content(si, number) ?? (existsSync(path) ? readFileSync(path) : undefined);
}

test("what was answered is there after a loss of power, before its file is and after", async (t) => {
  const first = await open(t);
  const contents = Array.from({ length: 2 * FILED_AT_ONCE + 3 }, (_, n) => contentOf(500 + n));
  for (const [n, content] of contents.entries()) await first.pending.put(indexOf(n), one(content));
  const all = contents.map((_, n) => fileOf(indexOf(n)));
  assert.ok(
    all.every((path) => !existsSync(join(first.folder, path))),
    "nothing is in a file yet",
  );
  const expectAll = async (folder: string) => {
    const after = await open(t, folder);
    for (const [n, content] of contents.entries()) assert.ok(readAfter(after, indexOf(n))!.equals(content), `${n}`);
    assert.deepEqual(after.pending.size, { shares: 0, bytes: 0 }, "a start puts them into their files");
    assert.deepEqual(readdirSync(join(folder, "writes")), []);
  };
  await expectAll(afterPowerLoss(first.folder));
  await expectAll(afterPowerLoss(first.folder, all));
  await first.pending.checkpoint();
  assert.deepEqual(first.pending.size, { shares: 0, bytes: 0 });
  for (const [n, path] of all.entries()) assert.ok(readFileSync(join(first.folder, path)).equals(contents[n]!));
  const without = afterPowerLoss(first.folder);
  rmSync(join(without, "journal"), { recursive: true });
  await expectAll(without);
});

test("it is on the disk at the very moment of the answer", async (t) => {
  const { pending, folder } = await open(t);
  for (let version = 1; version <= 20; version += 1) {
    const shares = new Map([0, 1, 2].map((number) => [number, Buffer.alloc(3000, version)]));
    const putting = pending.put(SI, shares);
    const during = await open(t, afterPowerLoss(folder));
    const seen = [0, 1, 2].map((number) => readAfter(during, SI, number)?.[0] ?? 0);
    assert.ok(new Set(seen).size === 1 && [version, version - 1].includes(seen[0]!), seen.join(" "));
    await putting;
    const after = await open(t, afterPowerLoss(folder));
    for (const number of [0, 1, 2]) assert.equal(readAfter(after, SI, number)![0], version);
  }
});

test("files are written after a while of rest, and at length without any", async (t) => {
  const { pending, clock } = await open(t);
  await pending.put(SI, one(contentOf(10)));
  clock.advance(PENDING_IDLE_MS - 1);
  assert.equal(pending.size.shares, 1);
  clock.advance(1);
  await eventually("they are in files", 30_000, async () => pending.size.shares === 0);
  for (let passedMs = 0; passedMs < PENDING_AGE_MS; passedMs += PENDING_IDLE_MS / 2) {
    await pending.put(SI, one(contentOf(10)));
    assert.equal(pending.size.shares, 1, `${passedMs}`);
    clock.advance(PENDING_IDLE_MS / 2);
  }
  clock.advance(PENDING_IDLE_MS / 2);
  await eventually("they are in files at last", 30_000, async () => pending.size.shares === 0);
});

test("no more is held than the limits, in bytes and in number", { timeout: 180_000 }, async (t) => {
  const { pending } = await open(t);
  let most = { shares: 0, bytes: 0 };
  const put = async (si: string, shares: Map<number, Buffer>) => {
    await pending.put(si, shares);
    most = { shares: Math.max(most.shares, pending.size.shares), bytes: Math.max(most.bytes, pending.size.bytes) };
  };
  const content = contentOf(PENDING_PUT_BYTES_MAX);
  await Promise.all(Array.from({ length: 12 }, (_, n) => put(indexOf(n), one(content))));
  assert.ok(most.bytes > PENDING_BYTES_MAX / 2 && most.bytes <= PENDING_BYTES_MAX, `${most.bytes}`);
  const tiny = Buffer.from("tiny");
  const many = new Map(Array.from({ length: 256 }, (_, number) => [number, tiny]));
  await Promise.all(Array.from({ length: PENDING_SHARES_MAX / 256 + 4 }, (_, n) => put(indexOf(n), many)));
  assert.ok(most.shares > PENDING_SHARES_MAX / 2 && most.shares <= PENDING_SHARES_MAX, `${most.shares}`);
});

test("files that cannot be written: held up to the limit, then refused, and taken again", async (t) => {
  const { pending, folder, clock, said } = await open(t);
  const content = contentOf(PENDING_PUT_BYTES_MAX);
  const si = (n: number) => `${SI.slice(0, 2)}${indexOf(n).slice(2)}`;
  // A file is where the folder of all of them is to be.
  const inTheWay = join(folder, "shares", SI.slice(0, 2));
  writeFileSync(inTheWay, "");
  const fit = PENDING_BYTES_MAX / PENDING_PUT_BYTES_MAX;
  for (let n = 0; n < fit; n += 1) await pending.put(si(n), one(content));
  await assert.rejects(pending.put(si(fit), one(content)), { code: "ENOTDIR" });
  await assert.rejects(pending.settle(si(0)), { code: "ENOTDIR" });
  assert.ok(said.some((line) => line.includes("small shares cannot be put into their files")));
  const copy = afterPowerLoss(folder);
  rmSync(join(copy, "shares", SI.slice(0, 2)));
  const after = await open(t, copy);
  for (let n = 0; n < fit; n += 1) assert.ok(readAfter(after, si(n))!.equals(content), "nothing was let go of");

  rmSync(inTheWay);
  await assert.rejects(pending.put(si(fit), one(content)), { code: "ENOTDIR" }, "not tried at once");
  clock.advance(PENDING_AGAIN_MS);
  await pending.put(si(fit), one(content));
  await pending.settle(si(fit));
  assert.ok(readFileSync(join(folder, fileOf(si(fit)))).equals(content));
});

test("a damaged journal is put aside, and the rest is served", async (t) => {
  const first = await open(t);
  await first.pending.put(SI, one(contentOf(100)));
  await first.pending.checkpoint();
  await first.pending.put(indexOf(1), one(contentOf(100)));
  await first.pending.put(indexOf(2), one(contentOf(100)));
  const copy = afterPowerLoss(first.folder);
  const journal = join(copy, "journal");
  const segment = join(
    journal,
    readdirSync(journal).find((name) => name.endsWith(".journal"))!,
  );
  assert.equal(statSync(segment).size, PENDING_SEGMENT_BYTES);
  const bytes = readFileSync(segment);
  bytes[bytes.indexOf(indexOf(1))]! ^= 1;
  writeFileSync(segment, bytes);
  const after = await open(t, copy);
  assert.match(after.said.join("\n"), /damaged and was put aside/);
  assert.ok(existsSync(`${journal}.damaged`));
  assert.ok(readAfter(after, SI)!.equals(contentOf(100)));
  await after.pending.put(indexOf(3), one(contentOf(5)));
});

test("what is changed where it lies is not taken back by the journal", async (t) => {
  const box = await StorageBox.start({ owner: t, clock: virtualClock() });
  const write = async (data: Buffer) => {
    const wish = { test: [], write: [{ offset: 0, data }], "new-length": data.length };
    const body = cbor({ "test-write-vectors": new Map([[0, wish]]), "read-vector": [] });
    const secrets = { ...LEASE, ...ENABLER };
    assert.equal((await box.ask("POST", `mutable/${SI}/read-test-write`, { secrets, body })).status, 200);
  };
  const small = Buffer.alloc(100, 1);
  const large = Buffer.alloc(600_000, 2);
  const read = async (at: StorageBox) => (await at.ask("GET", `mutable/${SI}/0`)).body;
  for (const data of [small, large, small, Buffer.alloc(0), small]) {
    await write(data);
    const after = await StorageBox.start({ owner: t, folder: afterPowerLoss(box.folder) });
    assert.ok((await read(after)).equals(data) || data.length === 0);
    if (data.length === 0) assert.deepEqual(await after.store.numbers("mutable", SI), []);
    await after.stop();
  }
});

test("every reader sees what is in no file yet, and its lease is renewed there", async (t) => {
  const clock = virtualClock();
  const box = await StorageBox.start({ owner: t, clock });
  await allocate(box, [4], 50);
  await patch(box, 4, 0, contentOf(50));
  const inFile = () => existsSync(join(box.folder, fileOf(SI, 4)));
  assert.ok((await box.ask("GET", `immutable/${SI}/4`)).body.equals(contentOf(50)));
  const part = await box.ask("GET", `immutable/${SI}/4`, { headers: { range: "bytes=10-19" } });
  assert.ok(part.body.equals(contentOf(50).subarray(10, 20)));
  assert.deepEqual(fromCbor((await box.ask("GET", `immutable/${SI}/shares`)).body), new Set([4]));
  assert.deepEqual((await allocate(box, [4], 50)).have, [4]);
  const body = cbor({ reason: "bad" });
  assert.equal((await box.ask("POST", `immutable/${SI}/4/corrupt`, { body })).status, 200);
  const indexes = [];
  for await (const index of box.store.storageIndexes()) indexes.push(index);
  assert.deepEqual(indexes, [SI]);
  const secrets = { ...LEASE, "lease-renew-secret": secret("another") };
  assert.equal((await box.ask("PUT", `lease/${SI}`, { secrets })).status, 204);
  assert.equal(inFile(), false);
  const after = await StorageBox.start({ owner: t, clock, folder: afterPowerLoss(box.folder) });
  const share = (await after.store.open("immutable", SI, 4))!;
  assert.equal((await share.leases()).length, 2);
  await share.file.close();
  assert.equal(after.store.room.usedBytes("anna"), box.store.room.usedBytes("anna"));
  const gone = { removed: 0, bytes: 0 };
  assert.deepEqual(await box.store.removeExpired(SI, () => true), gone, "it has a lease");
  clock.advance(PENDING_IDLE_MS);
  await eventually("it is in its file", 30_000, async () => inFile());
});

test("an orderly end leaves Tahoe's own layout", async (t) => {
  const box = await StorageBox.start({ owner: t, clock: systemClock() });
  await allocate(box, [4], 50);
  await patch(box, 4, 0, contentOf(50));
  await box.stop();
  assert.ok(
    readFileSync(join(box.folder, fileOf(SI, 4)))
      .subarray(12, 62)
      .equals(contentOf(50)),
  );
});
