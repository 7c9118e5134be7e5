/** A write and what comes before it go to the disk in one step, and no two requests wait for each other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { PENDING_PUT_BYTES_MAX, REPLACED_MAX_BYTES } from "../../src/services/files/storage/constants.ts";
import { ENABLER, LEASE, SI, StorageBox, UPLOAD, anna, cbor, secret } from "./storage-box.ts";
import { writing } from "./storage-writing.ts";

const bytes = (text: string) => Buffer.from(text);
const index = (name: string) => encodeBase32(secret(name).subarray(0, 16));
const ABSENT = { offset: 0, size: 1, specimen: new Uint8Array(0) };
const folder = (text: string) => writing({ 1: { write: [{ offset: 0, data: bytes(text) }] } });
/** What a share takes of the room beside its data. */
const BASE_BYTES = 4096;

function part(name: string, secrets: Record<string, Uint8Array>, more: Record<string, unknown>) {
  const all = { "storage-index": index(name), secrets: new Map(Object.entries({ ...LEASE, ...secrets })), ...more };
  return new Map<string, unknown>(Object.entries(all));
}

function file(name: string, numbers: readonly number[] = [1, 6]) {
  return part(name, UPLOAD, { shares: new Map(numbers.map((number) => [number, bytes(`content of ${name}`)])) });
}

/** A new mutable file whose two shares are so long, of which only the end is sent. */
function child(name: string, length = 10) {
  const write = { test: [ABSENT], write: [{ offset: length - 1, data: bytes("x") }] };
  return part(name, { "write-enabler": secret("child") }, { write: writing({ 1: write, 6: write }) });
}

async function store(box: StorageBox, before: readonly unknown[], text: string): Promise<number> {
  const body = cbor(new Map<string, unknown>(Object.entries({ before, write: folder(text) })));
  const ask = { root: "/comu/v1/", secrets: { ...LEASE, ...ENABLER }, body };
  return (await box.ask("POST", `mutable/${SI}/read-test-write`, ask)).status;
}

/** The storage indexes of each step of the journal from now on. */
function stepsOf({ store: { pending } }: StorageBox): string[][] {
  const steps: string[][] = [];
  const putAll = pending.putAll.bind(pending);
  pending.putAll = (all) => {
    steps.push([...all.keys()]);
    return putAll(all);
  };
  return steps;
}

async function stored(box: StorageBox, path: string): Promise<string | number> {
  const { status, body } = await box.ask("GET", path);
  return status === 200 ? body.toString() : status;
}

test("all of a request is one step of the journal, with what links to the rest at its end", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const steps = stepsOf(box);
  assert.equal(await store(box, [file("a"), child("b")], "links"), 200);
  assert.deepEqual(steps, [[index("a"), index("b"), SI]]);
  assert.equal(await store(box, [file("a"), file("c")], "again"), 200);
  assert.deepEqual(steps.at(-1), [index("c"), SI]);
  assert.equal(await stored(box, `immutable/${index("c")}/6`), "content of c");
});

test("where a part is refused the others are stored, and nothing links to them", async (t) => {
  const box = await StorageBox.start({ owner: t });
  assert.equal(await store(box, [child("b")], "links"), 200);
  const steps = stepsOf(box);
  assert.equal(await store(box, [file("a"), child("b"), file("c")], "more"), 409);
  assert.deepEqual(steps, [[index("a"), index("c")]]);
  assert.equal(await stored(box, `mutable/${SI}/1`), "links");
});

test("a step that fails leaves nothing behind, neither shares nor what they take of the room", async (t) => {
  const box = await StorageBox.start({ owner: t, say: () => {} });
  const { pending, room } = box.store;
  assert.equal(await store(box, [file("a")], "links"), 200);
  const used = room.usedBytes("anna");
  const { putAll } = pending;
  pending.putAll = () => Promise.reject(Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" }));
  assert.equal(await store(box, [file("b"), child("c")], "more"), 507);
  pending.putAll = putAll;
  assert.equal(room.usedBytes("anna"), used);
  assert.deepEqual(
    [await stored(box, `immutable/${index("b")}/1`), await stored(box, `mutable/${SI}/1`)],
    [404, "links"],
  );
});

test("the room that is left counts what comes before", async (t) => {
  const quotaBytes = 4 * (BASE_BYTES + 20) + BASE_BYTES;
  const box = await StorageBox.start({ owner: t, members: [anna({ quotaBytes })] });
  assert.equal(
    await store(box, [file("a"), file("b")], "more than twenty bytes for each of those shares, to be sure"),
    507,
  );
  assert.equal(await stored(box, `immutable/${index("b")}/6`), "content of b");
  assert.equal(await stored(box, `mutable/${SI}/1`), 404);
  assert.equal(await store(box, [file("a"), file("b")], "short"), 200);
  assert.equal(await store(box, [file("c", [1])], "longer"), 507);
  assert.equal(await stored(box, `immutable/${index("c")}/1`), 404, "of one file all shares or none");
});

test("what is too much for one step comes in several, and what links to it last", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const steps = stepsOf(box);
  const long = REPLACED_MAX_BYTES - 1000;
  const names = Array.from({ length: Math.ceil(PENDING_PUT_BYTES_MAX / long / 2) + 1 }, (_, at) => `child ${at}`);
  assert.equal(await store(box, [...names.map((name) => child(name, long)), file("a")], "links"), 200);
  assert.deepEqual(steps.flat().toSorted(), [...names, "a"].map(index).concat(SI).toSorted());
  assert.ok(steps.length > 1);
  assert.deepEqual(steps.at(-1), [SI]);
});

test("the same file twice, and one of which a part was sent before", async (t) => {
  const box = await StorageBox.start({ owner: t });
  assert.equal(await store(box, [file("a"), file("a")], "links"), 200);
  assert.equal(await stored(box, `immutable/${index("a")}/1`), "content of a");
  const body = cbor({ "share-numbers": new Set([1]), "allocated-size": "content of b".length });
  const begin = await box.ask("POST", `immutable/${index("b")}`, { secrets: { ...LEASE, ...UPLOAD }, body });
  assert.equal(begin.status, 200);
  assert.equal(await store(box, [file("b")], "more"), 200);
  assert.equal(await stored(box, `immutable/${index("b")}/1`), "content of b");
});

test("requests that have storage indexes in common, in any order, all come to their end", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const orders = [
    ["a", "b", "c"],
    ["c", "b", "a"],
    ["b", "a", "c"],
  ];
  const done = await Promise.all(
    Array.from({ length: 30 }, (_, at) =>
      store(
        box,
        orders[at % 3]!.map((name) => file(name)),
        `links ${at}`,
      ),
    ),
  );
  assert.deepEqual(new Set(done), new Set([200]));
});
