/** Small shares: what a crash of an older version left, and requests that meet. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mutableHeader } from "../../src/services/files/storage/mutable-container.ts";
import { WHOLE_MAX_BYTES } from "../../src/services/files/storage/constants.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { ENABLER, LEASE, SI, StorageBox, UPLOAD, allocate, cbor, contentOf, patch, secret } from "./storage-box.ts";

const GROUP = `${SI}.${"0".repeat(24)}`;

test("what was decided before a crash is done at the start, what was not is gone", async (t) => {
  const folder = temporaryFolder("storage");
  const writes = join(folder, "writes");
  mkdirSync(writes, { recursive: true });
  const container = mutableHeader(new Uint8Array(20), secret("enabler"));
  const other = `b${SI.slice(1)}.${"1".repeat(24)}`;
  for (const name of [`${GROUP}.0.go`, `${GROUP}.4.new`, `${other}.0.new`, `${other}.1.new`, "1f.share"]) {
    writeFileSync(join(writes, name), container);
  }
  const box = await StorageBox.start({ owner: t, folder });
  assert.deepEqual(readdirSync(writes), []);
  assert.deepEqual(await box.store.numbers("mutable", SI), [0, 4]);
  assert.deepEqual(await box.store.numbers("mutable", other.slice(0, 26)), []);
});

test("a small mutable share grows, shrinks, keeps its lease once, and leaves nothing behind", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const write = (data: Buffer, length: number) => {
    const wish = { test: [], write: [{ offset: 3, data }], "new-length": length };
    const body = cbor({ "test-write-vectors": new Map([0, 7].map((one) => [one, wish])), "read-vector": [] });
    return box.ask("POST", `mutable/${SI}/read-test-write`, { secrets: { ...LEASE, ...ENABLER }, body });
  };
  for (const [size, length] of [
    [50, 53],
    [5000, 5003],
    [10, 13],
  ] as const) {
    assert.equal((await write(Buffer.alloc(size, size), length)).status, 200);
    const { body } = await box.ask("GET", `mutable/${SI}/7`);
    assert.deepEqual([body.length, body[2], body[3]], [length, 0, size % 256]);
  }
  assert.deepEqual(readdirSync(join(box.folder, "writes")), []);
  assert.equal(box.store.room.usedBytes("anna"), 2 * takenBytes(13));
});

test("a small share in one request is there; in two requests, too; other bytes are refused", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const bytes = contentOf(WHOLE_MAX_BYTES);
  await allocate(box, [1, 2, 3], bytes.length);
  const incoming = () => readdirSync(join(box.folder, "shares", "incoming"), { recursive: true });
  assert.deepEqual(incoming(), [], "nothing is on the disk before there is something");
  assert.equal((await patch(box, 1, 0, bytes)).status, 201);
  assert.equal((await patch(box, 2, 0, bytes.subarray(0, 1000))).status, 200);
  assert.notDeepEqual(incoming(), []);
  assert.equal((await patch(box, 2, 0, Buffer.alloc(bytes.length))).status, 409);
  assert.equal((await patch(box, 2, 0, bytes)).status, 201);
  const both = await Promise.all([patch(box, 3, 0, bytes), patch(box, 3, 0, bytes)]);
  assert.ok(both.some(({ status }) => status === 201));
  assert.ok(both.every(({ status }) => status === 201 || status === 404));
  for (const number of [1, 2, 3]) {
    const { body } = await box.ask("GET", `immutable/${SI}/${number}`, { secrets: {} });
    assert.ok(body.equals(bytes), `share ${number}`);
  }
  const headers = { "content-range": `bytes 0-${bytes.length - 1}/*` };
  assert.equal((await allocate(box, [4], bytes.length)).got[0], 4);
  const short = await box.ask("PATCH", `immutable/${SI}/4`, { secrets: UPLOAD, headers, body: bytes.subarray(1) });
  assert.equal(short.status, 400);
  assert.deepEqual(readdirSync(join(box.folder, "writes")), []);
});
