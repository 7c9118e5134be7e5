/** Several small immutable shares in one request, which is ours and not Tahoe's: what it takes and refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SMALL_SHARES_BODY_MAX_BYTES } from "../../src/services/files/storage/constants.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { SI, StorageBox, UPLOAD, allocate, anna, cbor, contentOf, fromCbor } from "./storage-box.ts";
import { patch, secret, wholeShares } from "./storage-box.ts";
import type { Ask } from "./storage-box.ts";

async function store(box: StorageBox, shares: Record<number, Uint8Array>, ask: Ask = {}) {
  const map = new Map(Object.entries(shares).map(([number, bytes]) => [Number(number), bytes]));
  const answer = await box.ask("POST", `immutable/${SI}`, { ...wholeShares(map), ...ask });
  if (answer.status > 201) return { status: answer.status };
  const said = fromCbor(answer.body) as Map<string, number[]>;
  return { status: answer.status, have: said.get("already-have"), stored: said.get("stored") };
}

const readBack = async (box: StorageBox, number: number) => (await box.ask("GET", `immutable/${SI}/${number}`)).body;

test("shares come together, get their leases, and are there", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const document = fromCbor((await box.ask("GET", "version")).body) as Map<Uint8Array, Uint8Array>;
  const named = [...document].find(([key]) => Buffer.from(key).toString() === "application-version")!;
  assert.ok(Buffer.from(named[1]).toString().split(" ").includes("comu-small-shares-1"));
  const shares = { 0: contentOf(700), 7: contentOf(800), 255: new Uint8Array() };
  assert.deepEqual(await store(box, shares), { status: 201, have: [], stored: [0, 7, 255] });
  for (const [number, bytes] of Object.entries(shares)) assert.ok((await readBack(box, Number(number))).equals(bytes));
  const used = takenBytes(700) + takenBytes(800) + takenBytes(0);
  assert.equal(box.store.room.usedBytes("anna"), used);
  assert.deepEqual(await store(box, { ...shares, 8: contentOf(9) }), { status: 201, have: [0, 7, 255], stored: [8] });
  assert.deepEqual(await store(box, { 7: Buffer.alloc(800) }), {
    status: 200,
    have: [0, 7, 8, 255],
    stored: [],
  });
  assert.ok((await readBack(box, 7)).equals(shares[7]), "what is complete stays as it is");
  const share = (await box.store.open("immutable", SI, 7))!;
  const leases = await share.leases();
  await share.file.close();
  assert.equal(leases.length, 1, "the same client's lease is there once");
  await box.stop();
  const again = await StorageBox.start({ owner: t, folder: box.folder });
  assert.ok((await readBack(again, 7)).equals(shares[7]));
  assert.equal(again.store.room.usedBytes("anna"), used + takenBytes(9));
});

test("an upload of the same share that is in progress", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const bytes = contentOf(500);
  await allocate(box, [1, 2, 3, 4], bytes.length);
  await patch(box, 2, 0, bytes.subarray(0, 100));
  await patch(box, 3, 0, Buffer.alloc(100));
  assert.deepEqual(await store(box, { 1: bytes, 2: bytes }), { status: 201, have: [], stored: [1, 2] });
  assert.deepEqual(await store(box, { 3: bytes, 9: bytes }), { status: 409 }, "other bytes are there already");
  assert.equal((await box.ask("GET", `immutable/${SI}/9`)).status, 404, "nothing of it is stored");
  const other = { secrets: { ...wholeShares(new Map()).secrets, "upload-secret": secret("other") } };
  assert.deepEqual(await store(box, { 4: bytes, 5: bytes }, other), { status: 201, have: [1, 2], stored: [5] });
  assert.deepEqual(await store(box, { 4: bytes.subarray(1) }), { status: 200, have: [1, 2, 5], stored: [] });
  for (const number of [1, 2, 5]) assert.ok((await readBack(box, number)).equals(bytes));
  assert.equal(box.store.room.usedBytes("anna"), 5 * takenBytes(500));
  assert.equal((await patch(box, 4, 0, bytes)).status, 201);
});

test("as many as there is room for; readers store nothing", async (t) => {
  const members = [
    anna({ quotaBytes: takenBytes(400) * 2 }),
    anna({ swissnum: "reader", member: "b", mayWrite: false }),
  ];
  let capacity = 10_000;
  const box = await StorageBox.start({ owner: t, members, capacity: () => capacity });
  const bytes = contentOf(400);
  const reader = { swissnum: "reader" };
  assert.deepEqual(await store(box, { 0: bytes }, reader), { status: 200, have: [], stored: [] });
  const three = { 0: bytes, 1: bytes, 2: bytes };
  assert.deepEqual(await store(box, three), { status: 201, have: [], stored: [0, 1] }, "the quota");
  assert.deepEqual(await store(box, { 3: bytes }), { status: 200, have: [0, 1], stored: [] });
  capacity = takenBytes(400) * 3 - 1;
  box.store.room.know([anna()]);
  assert.deepEqual(await store(box, { 3: bytes, 4: bytes, 5: bytes }), { status: 201, have: [0, 1], stored: [3, 4] });
  assert.equal(box.store.room.usedBytes("anna"), 4 * takenBytes(400));
});

test("damaged, too large, and without the right to ask", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const good = wholeShares(new Map([[1, contentOf(10)]]));
  const status = async (changes: Ask, method = "POST", path = `immutable/${SI}`) =>
    (await box.ask(method, path, { ...good, ...changes })).status;
  const bodies = [
    Buffer.from("no cbor"),
    good.body!.subarray(0, -1),
    cbor({}),
    cbor({ shares: [contentOf(10)] }),
    cbor({ shares: new Map([[256, contentOf(10)]]) }),
    cbor({ shares: new Map([[-1, contentOf(10)]]) }),
    cbor({ shares: new Map([["1", contentOf(10)]]) }),
    cbor({ shares: new Map([[1, "text"]]) }),
    cbor({ shares: new Map([[1, contentOf(10)]]), more: 1 }),
    Buffer.concat([good.body!, Buffer.from([0])]),
  ];
  for (const [index, body] of bodies.entries()) assert.equal(await status({ body }), 400, `body ${index}`);
  assert.equal(await status({ swissnum: "wrong" }), 401);
  assert.equal(await status({ secrets: UPLOAD }), 400, "no lease secrets");
  assert.equal(await status({ secrets: { ...good.secrets, "upload-secret": new Uint8Array(257) } }), 400);
  assert.equal(await status({ headers: { "content-type": "text/plain" } }), 415);
  assert.equal(await status({ headers: { accept: "text/html" } }), 406);
  assert.equal(await status({}, "PUT"), 405);
  assert.equal(await status({}, "POST", `immutable/${SI.slice(1)}`), 404);
  assert.equal(await status({}, "POST", `immutable/${SI}/1`), 404);
  assert.equal(await status({ root: "/comu/v2/" }), 404);
  const frame = cbor({ shares: new Map([[1, new Uint8Array(SMALL_SHARES_BODY_MAX_BYTES)]]) }).length;
  const largest = new Uint8Array(2 * SMALL_SHARES_BODY_MAX_BYTES - frame);
  assert.equal(await status({ body: cbor({ shares: new Map([[1, new Uint8Array(largest.length + 1)]]) }) }), 413);
  assert.deepEqual(await box.store.numbers("immutable", SI), []);
  assert.equal(await status({ body: cbor({ shares: new Map([[1, largest]]) }) }), 201);
  assert.equal(box.store.room.usedBytes("anna"), takenBytes(largest.length));
});

test("a storage index of mutable shares takes none", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const wish = { test: [], write: [{ offset: 0, data: contentOf(5) }], "new-length": null };
  const body = cbor({ "test-write-vectors": new Map([[1, wish]]), "read-vector": [] });
  const { secrets } = wholeShares(new Map());
  const { "upload-secret": _, ...lease } = secrets!;
  const enabler = { "write-enabler": secret("enabler") };
  const written = await box.ask("POST", `mutable/${SI}/read-test-write`, { secrets: { ...lease, ...enabler }, body });
  assert.equal(written.status, 200);
  assert.deepEqual(await store(box, { 1: contentOf(5) }), { status: 200, have: [], stored: [] });
});
