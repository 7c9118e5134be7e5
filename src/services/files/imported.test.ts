/** Servers of Tahoe-LAFS in and out: what is taken in is there after a restart, and what goes out comes in again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openStore } from "../../platform/store.ts";
import { IMPORTED_MAX } from "./constants.ts";
import type { ServerPlace } from "./grid/storage-client.ts";
import { createImported, exportPlaces } from "./imported.ts";
import { spaceStore } from "./space-store.ts";

const place = (n: number): ServerPlace => ({
  id: `v0-server${n}`,
  name: `Server ${n}`,
  seed: Buffer.alloc(20, n),
  tubId: Buffer.alloc(20, n + 1),
  owner: undefined,
  zone: undefined,
  nurls: [{ pin: Buffer.alloc(32, n).toString("base64url"), host: "::1", port: 1000 + n, swissnum: `swiss${n}` }],
});
const some = (from: number, count: number) => Array.from({ length: count }, (_none, n) => place(from + n));
const plain = (places: readonly ServerPlace[]) =>
  places.map(({ seed, tubId, ...rest }) => ({ ...rest, bytes: Buffer.concat([seed, tubId]).toString("hex") }));

test("a list goes out and comes in", async () => {
  const rows = spaceStore(openStore(":memory:"));
  const imported = createImported(rows);
  assert.deepEqual(imported.places(), []);
  await imported.add(await exportPlaces(some(0, 3)));
  assert.deepEqual(plain(imported.places()), plain(some(0, 3)));
  await imported.add(await exportPlaces(some(2, 2)));
  assert.deepEqual(plain(createImported(rows).places()), plain(some(0, 4)), "after a restart");
  imported.drop("v0-server1");
  assert.deepEqual(
    imported.places().map(({ name }) => name),
    ["Server 0", "Server 2", "Server 3"],
  );
  assert.throws(() => imported.drop("v0-server1"), /files-server-unknown/);
});

test("what is no list, or too long, changes nothing", async () => {
  const imported = createImported(spaceStore(openStore(":memory:")));
  for (const text of ["", "x: [", "storage: {}", 'storage: {"a": {"ann": {"nickname": "b"}}}'])
    await assert.rejects(imported.add(text), /files-bad-servers/, text);
  const list = async (places: readonly ServerPlace[]) => imported.add(await exportPlaces(places));
  for (let from = 0; from < IMPORTED_MAX; from += 64) await list(some(from, 64));
  await assert.rejects(list(some(IMPORTED_MAX, 1)), /files-too-many/);
  await list(some(0, 3));
  assert.equal(imported.places().length, IMPORTED_MAX);
});
