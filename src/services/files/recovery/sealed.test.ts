/** Sealed roots: always of one length, opened by their key alone, and by nothing that was changed in them. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { formatCap } from "../../../protocols/grid/caps.ts";
import type { FileCap, MutableFormat } from "../../../protocols/grid/caps.ts";
import { SEALED_BYTES } from "./constants.ts";
import { open, seal } from "./sealed.ts";

const capOf = (kind: "mutable-write" | "mutable-read", format: MutableFormat): string => {
  const fingerprint = randomBytes(32);
  const file: FileCap =
    kind === "mutable-write"
      ? { kind, format, fingerprint, writeKey: randomBytes(16) }
      : { kind, format, fingerprint, readKey: randomBytes(16) };
  return formatCap({ kind: "directory", file });
};

test("what was sealed is opened, whatever kind of folder it is, and looks the same from outside", () => {
  for (const format of ["sdmf", "mdmf"] as const) {
    const root = { cap: capOf("mutable-write", format), madeMs: format === "sdmf" ? 1 : 1_800_000_000_000 };
    const key = randomBytes(32);
    const sealed = seal(key, root, randomBytes(12));
    assert.equal(sealed.length, SEALED_BYTES);
    const { cap, madeMs, folder } = open(key, sealed)!;
    assert.deepEqual({ cap, madeMs }, root);
    assert.equal(formatCap(folder), root.cap);
    assert.equal(Buffer.from(sealed).includes("URI:"), false);
  }
});

test("no other key opens it, nor any byte of it changed", () => {
  const key = randomBytes(32);
  const sealed = seal(key, { cap: capOf("mutable-write", "sdmf"), madeMs: 1 }, randomBytes(12));
  assert.equal(open(randomBytes(32), sealed), undefined);
  for (let at = 0; at < SEALED_BYTES; at += 1) {
    const changed = Uint8Array.from(sealed);
    changed[at]! ^= 1;
    assert.equal(open(key, changed), undefined, `byte ${at}`);
  }
  for (const length of [0, 1, SEALED_BYTES - 1]) assert.equal(open(key, sealed.subarray(0, length)), undefined);
  assert.equal(open(key, Buffer.concat([sealed, Buffer.of(0)])), undefined);
});

test("what is no folder that can be written is no root", () => {
  const key = randomBytes(32);
  for (const cap of [capOf("mutable-read", "sdmf"), "URI:LIT:nbxwyyik", "", "nothing"]) {
    assert.equal(open(key, seal(key, { cap, madeMs: 1 }, randomBytes(12))), undefined, cap);
  }
  assert.throws(() => seal(key, { cap: "x".repeat(SEALED_BYTES), madeMs: 1 }, randomBytes(12)), /too long/);
});
