/** Mutable shares by raw requests: tests, reads and writes of all shares as one, limits, and what a crash leaves. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import {
  MEMORY_BODIES_MAX_BYTES,
  MEMORY_BODY_MAX_BYTES,
  READ_RESULT_MAX_BYTES,
  SYNCED_TOGETHER_MAX,
  VECTORS_MAX,
  WRITES_MAX,
} from "../../src/services/files/storage/constants.ts";
import { Room, takenBytes } from "../../src/services/files/storage/room.ts";
import { WriteBodies } from "../../src/services/files/storage/write-bodies.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { ENABLER, LEASE, SI, StorageBox, allocate, anna, cbor, contentOf, fromCbor, patch } from "./storage-box.ts";
import { secret } from "./storage-box.ts";
import { writing } from "./storage-writing.ts";
import type { Wish } from "./storage-writing.ts";

async function write(box: StorageBox, body: Uint8Array, enabler = ENABLER["write-enabler"], swissnum?: string) {
  const secrets = { ...LEASE, "write-enabler": enabler };
  const answer = await box.ask("POST", `mutable/${SI}/read-test-write`, { secrets, body, swissnum });
  if (answer.status !== 200) return { status: answer.status };
  const map = fromCbor(answer.body) as Map<string, unknown>;
  const data = map.get("data") as Map<number, Uint8Array[]>;
  const texts = [...data].map(([number, parts]) => [number, ...parts.map((part) => Buffer.from(part).toString())]);
  return { status: 200, success: map.get("success"), data: texts };
}

const bytes = (text: string) => Buffer.from(text);
const readBack = async (box: StorageBox, number: number) => {
  const answer = await box.ask("GET", `mutable/${SI}/${number}`);
  return answer.status === 200 ? answer.body.toString("latin1") : answer.status;
};

test("more shares than are synced together are written and removed in one request", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const numbers = Array.from({ length: 2 * SYNCED_TOGETHER_MAX + 1 }, (_, index) => index);
  const all = (wish: (number: number) => Wish) => writing(Object.fromEntries(numbers.map((one) => [one, wish(one)])));
  const wrote = await write(
    box,
    all((number) => ({ write: [{ offset: 0, data: bytes(`share ${number}`) }] })),
  );
  assert.equal(wrote.success, true);
  for (const number of numbers) assert.equal(await readBack(box, number), `share ${number}`);
  const used = box.store.room.usedBytes("anna");
  assert.equal(
    used,
    numbers.reduce((sum, number) => sum + takenBytes(`share ${number}`.length), 0),
  );
  assert.equal(
    (
      await write(
        box,
        all(() => ({ length: 0 })),
      )
    ).success,
    true,
  );
  assert.equal(await readBack(box, numbers.length - 1), 404);
  assert.equal(box.store.room.usedBytes("anna"), 0);
});

test("tests, reads and writes of all shares are one step", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const empty = { offset: 0, size: 1, specimen: bytes("") };
  const first = writing({ 0: { test: [empty], write: [{ offset: 0, data: bytes("hello") }] }, 3: {} }, [[1, 3]]);
  assert.deepEqual(await write(box, first), { status: 200, success: true, data: [] });
  assert.equal(await readBack(box, 0), "hello");
  assert.equal(await readBack(box, 3), "", "a share without data is there");

  const failing = { 0: { test: [empty], write: [{ offset: 0, data: bytes("WRONG") }] }, 5: {} };
  const failed = await write(
    box,
    writing(failing, [
      [1, 3],
      [4, 9],
      [9, 9],
    ]),
  );
  assert.deepEqual(failed, {
    status: 200,
    success: false,
    data: [
      [0, "ell", "o", ""],
      [3, "", "", ""],
    ],
  });
  assert.equal(await readBack(box, 0), "hello");
  assert.equal(await readBack(box, 5), 404, "nothing was made");

  const cut = { offset: 3, size: 99, specimen: bytes("lo") };
  const holes = [
    { offset: 10, data: bytes("end") },
    { offset: 0, data: bytes("J") },
  ];
  assert.equal((await write(box, writing({ 0: { test: [cut], write: holes } }))).success, true);
  assert.equal(await readBack(box, 0), "Jello\0\0\0\0\0end", "holes are zeros");
  await write(box, writing({ 0: { length: 4 }, 3: { length: 100 } }));
  assert.equal(await readBack(box, 0), "Jell");
  assert.equal(await readBack(box, 3), "", "a longer length does nothing");
  await write(box, writing({ 0: { write: [{ offset: 6, data: bytes("!") }] } }));
  assert.equal(await readBack(box, 0), "Jell\0\0!", "what was cut off does not come back");

  assert.deepEqual(await write(box, writing({ 0: { length: 0 } }), secret("wrong")), { status: 401 });
  assert.deepEqual(await write(box, writing({}), secret("wrong")), { status: 401 }, "also for reading");
  assert.deepEqual(fromCbor((await box.ask("GET", `mutable/${SI}/shares`)).body), new Set([0, 3]));
  const range = { headers: { range: "bytes=1-2" } };
  assert.equal((await box.ask("GET", `mutable/${SI}/0`, range)).body.toString(), "el");
  assert.equal(box.store.room.usedBytes("anna"), takenBytes(7) + takenBytes(0));
  await write(box, writing({ 0: { length: 0 }, 3: { length: 0 }, 4: { length: 0 } }));
  assert.deepEqual(fromCbor((await box.ask("GET", `mutable/${SI}/shares`)).body), new Set());
  assert.equal(box.store.room.usedBytes("anna"), 0);
  assert.equal(
    (await write(box, writing({ 1: {} }), secret("wrong"))).success,
    true,
    "an empty slot takes any enabler",
  );
});

test("more than four leases move with the end of the data", async (t) => {
  const box = await StorageBox.start({ owner: t });
  await write(box, writing({ 0: { write: [{ offset: 0, data: bytes("abc") }] } }));
  for (let index = 0; index < 7; index++) {
    const secrets = { ...LEASE, "lease-renew-secret": secret(`renew ${index}`) };
    assert.equal((await box.ask("PUT", `lease/${SI}`, { secrets })).status, 204);
  }
  const leases = async () => {
    const share = (await box.store.open("mutable", SI, 0))!;
    const found = await share.leases();
    await share.file.close();
    return found.map(({ renewal }) => Buffer.from(renewal).toString("hex"));
  };
  const before = await leases();
  assert.equal(new Set(before).size, 8);
  await write(box, writing({ 0: { write: [{ offset: 500, data: contentOf(3000) }] } }));
  assert.deepEqual(await leases(), before);
  await write(box, writing({ 0: { length: 2 } }));
  assert.deepEqual(await leases(), before);
  assert.equal(await readBack(box, 0), "ab");
});

test("limits and shapes of the body", async (t) => {
  const members = [anna({ quotaBytes: 40 * 2 ** 20 }), anna({ swissnum: "reader", member: "b", mayWrite: false })];
  const box = await StorageBox.start({ owner: t, members });
  const status = async (body: Uint8Array, swissnum?: string) => (await write(box, body, undefined, swissnum)).status;
  const reads = (count: number, size = 1) =>
    writing(
      {},
      Array.from({ length: count }, () => [0, size]),
    );
  assert.equal(await status(reads(VECTORS_MAX)), 200);
  assert.equal(await status(reads(VECTORS_MAX + 1)), 400);
  const writes = (count: number) =>
    writing({ 0: { write: Array.from({ length: count }, () => ({ offset: 0, data: bytes("x") })) } });
  assert.equal(await status(writes(WRITES_MAX + 1)), 400);
  assert.equal(await status(writing({ 0: { write: [{ offset: 2 ** 40, data: bytes("x") }] } })), 400);
  assert.equal(await status(writing({ 0: { write: [{ offset: 50 * 2 ** 20, data: bytes("x") }] } })), 507);
  assert.equal(await status(cbor({ "read-vector": [] })), 400);
  assert.equal(await status(cbor({ "test-write-vectors": new Map(), "read-vector": [], more: 1 })), 400);
  assert.equal(await status(Buffer.concat([reads(1), bytes("x")])), 400);
  assert.equal(await status(writing({ 0: {} }), "reader"), 403);
  assert.equal(await status(writing({ 0: { write: [{ offset: 2 ** 20, data: bytes("x") }] } })), 200);
  assert.equal(await status(reads(1, 2 ** 40), "reader"), 200);
  assert.equal(await status(reads(Math.floor(READ_RESULT_MAX_BYTES / 2 ** 20), 2 ** 20)), 200);
  assert.equal(await status(reads(VECTORS_MAX, 2 ** 21)), 400);
});

test("a storage index of immutable shares is not written", async (t) => {
  const box = await StorageBox.start({ owner: t });
  await allocate(box, [1], 10);
  await patch(box, 1, 0, contentOf(10));
  assert.deepEqual(await write(box, writing({ 1: { length: 0 } })), { status: 400 });
  assert.equal((await box.ask("GET", `immutable/${SI}/1`)).body.length, 10);
});

test("bodies lie in memory up to a size, each and all together, and in files beyond", async () => {
  const folder = temporaryFolder("bodies");
  const bodies = new WriteBodies(folder, new Room({ capacity: () => 2 ** 30, members: [] }));
  const receive = (size: number) => bodies.receive(pieces(contentOf(size)));
  const inFiles = () => readdirSync(folder).length;
  const first = await receive(MEMORY_BODY_MAX_BYTES);
  assert.equal(inFiles(), 0);
  const large = await receive(MEMORY_BODY_MAX_BYTES + 1);
  assert.equal(inFiles(), 1);
  assert.ok(contentOf(large.bytes).equals(large.read(0, large.bytes)), "also what was in memory first");
  await bodies.drop(large);
  const others = [];
  for (let held = first.bytes; held < MEMORY_BODIES_MAX_BYTES; held += MEMORY_BODY_MAX_BYTES) {
    others.push(await receive(MEMORY_BODY_MAX_BYTES));
  }
  assert.equal(inFiles(), 0);
  const full = await receive(10);
  assert.equal(inFiles(), 1, "together they are enough");
  assert.ok(contentOf(10).subarray(3, 7).equals(full.read(3, 4)));
  await bodies.drop(first);
  const again = await receive(10);
  assert.equal(inFiles(), 1, "what is dropped leaves its place");
  const kept = await again.keep();
  assert.ok(readdirSync(folder).includes(kept));
  for (const one of [...others, full, again]) await bodies.drop(one);
  assert.equal(inFiles(), 0);
});

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}
