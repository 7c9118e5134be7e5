/** A storage server whose disk is full: it says so, keeps what it has, and goes on when there is room. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { UPLOAD_IDLE_MS, WHOLE_MAX_BYTES } from "../../src/services/files/storage/constants.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { clientAt } from "../files/storage-clients.ts";
import { pinOf } from "../../src/services/files/storage/announcement.ts";
import { fillDisk, smallDisk } from "../support/small-disk.ts";
import type { Owner } from "../support/process.ts";
import { eventually } from "../support/process.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { SI, StorageBox, allocate, contentOf, secret } from "./storage-box.ts";

const MIB = 2 ** 20;
const OTHER = "bbcdefghijklmnopqrstuvwxya";
const uploadSecret = secret("upload");
const lease = { renewSecret: secret("renew"), cancelSecret: secret("cancel") };
const full = { name: "ServerError", code: "no-room" };

async function boxOn(owner: Owner) {
  // Four of it are the journal of small shares.
  const disk = await smallDisk(12);
  const said: string[] = [];
  const box = await StorageBox.start({ owner, folder: join(disk, "storage"), say: (line) => said.push(line) });
  const client = clientAt(owner, pinOf(box.identity.certificatePem), box.port);
  return { disk, said, box, client, filler: join(disk, "filler") };
}

test("an upload on a full disk is told so, and goes on when there is room", { timeout: 180_000 }, async (t) => {
  const { disk, client, filler, box } = await boxOn(t);
  const data = contentOf(2 * MIB);
  const write = (share: number, from: number, to: number) =>
    client.writeChunk(SI, share, { uploadSecret, offset: from, data: data.subarray(from, to), total: data.length });
  const wish = { shares: [1, 2], bytes: data.length, uploadSecret, lease };
  assert.deepEqual((await client.allocate(SI, wish)).allocated, [1, 2]);
  assert.equal((await write(1, 0, data.length)).isComplete, true);
  await write(2, 0, MIB);
  fillDisk(disk);
  await assert.rejects(write(2, MIB, data.length), full);
  await assert.rejects(client.allocate(OTHER, wish), full);
  assert.equal(client.state(), "up", "who says that it has no room is there");
  assert.ok(data.equals(await client.read("immutable", SI, 1, { at: 0, length: data.length })));
  assert.deepEqual(await client.shares("immutable", SI), [1]);

  rmSync(filler);
  const again = await client.allocate(SI, wish);
  assert.deepEqual(again, { alreadyHave: [1], allocated: [2] });
  const { missing } = await write(2, 0, 10);
  assert.ok(missing.length === 1 && missing[0]!.at >= MIB, "what was written is known");
  assert.equal((await write(2, missing[0]!.at, data.length)).isComplete, true);
  assert.ok(data.equals(await client.read("immutable", SI, 2, { at: 0, length: data.length })));
  assert.equal(box.store.room.usedBytes("anna"), 2 * takenBytes(data.length), "what could not begin is not counted");
});

test("a write to mutable shares that the disk cannot take is done later or not at all", async (t) => {
  const { disk, client, filler } = await boxOn(t);
  const data = contentOf(MIB);
  const ask = (changes: object) => ({
    writeEnabler: secret("enabler"),
    lease,
    shares: new Map(),
    read: [],
    ...changes,
  });
  const write = (bytes: Buffer) =>
    ask({ shares: new Map([[0, { test: [], write: [{ offset: 0, data: bytes }], newLength: bytes.length }]]) });
  const read = async () => Buffer.from(await client.read("mutable", SI, 0, { at: 0, length: 2 * MIB }));
  await client.readTestWrite(SI, write(data.subarray(0, 100)));
  fillDisk(disk);
  await assert.rejects(client.readTestWrite(SI, write(data)), full);
  assert.ok((await read()).equals(data.subarray(0, 100)), "the body found no room: nothing has changed");

  // Room for the body, and not for what it makes of the share.
  truncateSync(filler, 6 * MIB);
  await assert.rejects(client.readTestWrite(SI, write(data)), full);
  rmSync(filler);
  const probe = await client.readTestWrite(SI, ask({ read: [{ offset: 0, size: MIB }] }));
  assert.ok(data.equals(probe.data.get(0)![0]!), "what was decided is done before the next request");
  assert.ok((await read()).equals(data));
  assert.deepEqual(readdirSync(join(disk, "storage", "writes")), []);
});

test(
  "small shares on a full disk: refused or there, and taken again when there is room",
  { timeout: 180_000 },
  async (t) => {
    const { disk, client, filler, box } = await boxOn(t);
    const answered = new Map<string, Buffer>();
    let refused = 0;
    const store = async (n: number) => {
      const index = encodeBase32(secret(`index ${n}`).subarray(0, 16));
      const data = contentOf(100_000 + n);
      await client.allocate(index, { shares: [1], bytes: data.length, uploadSecret, lease });
      await client.writeChunk(index, 1, { uploadSecret, offset: 0, data, total: data.length });
      answered.set(index, data);
    };
    const expectAll = async (at: StorageBox) => {
      for (const [index, data] of answered) {
        const share = (await at.store.open("immutable", index, 1))!;
        const found = Buffer.alloc(data.length);
        await share.file.read(found, 0, found.length, share.dataAt);
        await share.file.close();
        assert.ok(found.equals(data), index);
      }
    };
    for (let n = 0; n < 10; n += 1) await store(n);
    fillDisk(disk);
    // More than the journal has room for: it fails, too.
    for (let n = 10; n < 70; n += 1) {
      await store(n).catch((error: unknown) => {
        assert.equal((error as { code?: string }).code, "no-room");
        refused += 1;
      });
    }
    assert.ok(refused > 0 && answered.size > 10, `${refused} were refused, ${answered.size} taken`);
    await expectAll(box);
    // As if the power failed now, onto a disk with room.
    const copy = temporaryFolder("storage");
    cpSync(box.folder, copy, { recursive: true });
    await expectAll(await StorageBox.start({ owner: t, folder: copy }));
    rmSync(filler);
    await eventually("it takes them again", 30_000, async () => store(100).then(() => true));
    for (let n = 101; n < 110; n += 1) await store(n);
    await expectAll(box);
    await box.stop();
    const again = await StorageBox.start({ owner: t, folder: box.folder });
    await expectAll(again);
    await again.stop();
  },
);

test("an old upload that cannot be removed is in the log", async (t) => {
  const clock = virtualClock();
  const said: string[] = [];
  const folder = temporaryFolder("storage");
  const box = await StorageBox.start({ owner: t, folder, clock, say: (line) => said.push(line) });
  await allocate(box, [1], WHOLE_MAX_BYTES + 1);
  const incoming = join(folder, "shares", "incoming", SI.slice(0, 2), SI, "1");
  // A folder with something in it is in its place.
  rmSync(incoming);
  mkdirSync(join(incoming, "x"), { recursive: true });
  clock.advance(UPLOAD_IDLE_MS + 60_000);
  await eventually("something is said", 30_000, () => said.length > 0, 20);
  assert.match(said.join("\n"), /uploads that were left could not be removed/);
});
