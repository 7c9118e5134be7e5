/** How entries look to clients: rights, times at the ends of what fits, and the line that programs take apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf, longName } from "./attributes.ts";

const DAY_MS = 86_400_000;
const file = { kind: "file", bytes: 1234, modifiedMs: Date.UTC(2026, 4, 7, 8, 9), canWrite: true } as const;

test("rights and times", () => {
  assert.deepEqual(attributesOf(file), { size: 1234, mode: 0o100600, modifiedS: file.modifiedMs / 1000 });
  assert.equal(attributesOf({ ...file, canWrite: false }).mode, 0o100400);
  assert.equal(attributesOf({ ...file, kind: "folder" }).mode, 0o040700);
  assert.equal(attributesOf({ ...file, modifiedMs: -5 }).modifiedS, 0);
  assert.equal(attributesOf({ ...file, modifiedMs: 1e15 }).modifiedS, 2 ** 32 - 1);
});

test("the long name", () => {
  const line = (nowMs: number, owner = "ana") => longName("ú x", file, owner, nowMs);
  assert.equal(line(file.modifiedMs + DAY_MS), "-rw-------    1 ana      ana          1234 May  7 08:09 ú x");
  assert.equal(line(file.modifiedMs + 200 * DAY_MS), "-rw-------    1 ana      ana          1234 May  7  2026 ú x");
  assert.match(line(0, "a b/ç"), / 1 a_b__ {4}a_b__ {4}/);
});
