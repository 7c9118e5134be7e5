/** What another box says of its storage server is taken apart with care. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STORAGE_BODY_BYTES_MAX, readStorageBody, roomClassOf, storageKind } from "./storage-record.ts";

const good = { port: 7990, pin: "A".repeat(43), tub: "a".repeat(32), room: "some" } as const;

test("a record as we write it is read, and fits", () => {
  assert.deepEqual(readStorageBody(good), good);
  assert.ok(JSON.stringify({ ...good, port: 65_535, room: "little" }).length < STORAGE_BODY_BYTES_MAX);
  assert.equal(storageKind.validate!({ ...good }), true);
});

test("what is none is not", () => {
  const bad: unknown[] = [null, undefined, 7, "x", [], {}];
  for (const port of [0, 65_536, 1.5, -1, "80", null]) bad.push({ ...good, port });
  for (const pin of ["", "A".repeat(42), `${"A".repeat(42)}/`, 7]) bad.push({ ...good, pin });
  for (const tub of ["", "a".repeat(31), "A".repeat(32), "1".repeat(32), 7]) bad.push({ ...good, tub });
  for (const room of ["", "all", 7]) bad.push({ ...good, room });
  for (const body of bad) assert.equal(readStorageBody(body), undefined, JSON.stringify(body));
  assert.deepEqual(readStorageBody({ ...good, address: "10.0.0.1" }), good, "an address in it says nothing");
});

test("classes of room change seldom", () => {
  const gib = 2 ** 30;
  assert.deepEqual([0, 1, gib - 1, gib, 99 * gib, 100 * gib].map(roomClassOf), [
    ...["none", "little", "little", "some", "some", "much"],
  ]);
});
