/** Tests of the list of keys and of the lines that change it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Change, type KeyName, afterChange, inOrder, keyId, keyInput, keyShown, lineReader } from "./keys.ts";
import { KEYS_LISTED_MAX } from "./limits.ts";
import { base64urlOf, bytesOfBase64url, sameBytes } from "./value.ts";

const text = (key: string): KeyName => ({ key, keyEncoding: "text" });
const bytes = (key: string): KeyName => ({ key, keyEncoding: "base64url" });
const set = (key: string): Change => ({
  ...{ event: "set", key, keyEncoding: "text", version: "1.2.3", expiresAt: null },
  ...{ value: "x", valueEncoding: "text", sizeBytes: 1 },
});
const names = (keys: readonly KeyName[]) => keys.map(({ key }) => key).join(" ");

test("a key is one word, the same however it is written", () => {
  assert.equal(keyId(text("a/b.json")), "YS9iLmpzb24");
  assert.equal(keyId(bytes("YS9iLmpzb24")), "YS9iLmpzb24");
  assert.match(keyId(text("ràdio? + / =")), /^[\w-]+$/);
  assert.deepEqual(keyInput(keyId(bytes("_-8"))), bytes("_-8"));
});

test("what nobody sees in a key is marked, and bytes are digits", () => {
  assert.equal(keyShown(text("Ate\u202eneu")), "Ate\ufffdneu");
  assert.equal(keyShown(bytes("_-8")), "ff ef");
});

test("base64url of any bytes comes back", () => {
  fc.assert(fc.property(fc.uint8Array(), (value) => sameBytes(bytesOfBase64url(base64urlOf(value)), value)));
});

test("the list is in order, and says each key once", () => {
  assert.equal(names(inOrder([text("b"), text("a"), text("b"), text("c")])), "a b c");
});

test("a change adds a key, removes one, or leaves the very same list", () => {
  const keys = [text("a"), text("c")];
  assert.equal(names(afterChange(keys, set("b"))), "a b c");
  assert.equal(afterChange(keys, set("a")), keys);
  assert.equal(names(afterChange(keys, { event: "removed", ...text("a") })), "c");
  assert.equal(afterChange(keys, { event: "removed", ...text("z") }), keys);
  assert.equal(afterChange(keys, { event: "removed", ...bytes("a") }), keys, "the same letters, another key");
  assert.equal(afterChange(keys, { event: "lost" }), keys);
});

test("a list that is full takes no more, and still loses what is removed", () => {
  const full = Array.from({ length: KEYS_LISTED_MAX }, (_, index) => text(`k${index}`));
  assert.equal(afterChange(full, set("new")), full);
  assert.equal(afterChange(full, { event: "removed", ...text("k7") }).length, KEYS_LISTED_MAX - 1);
});

test("lines are read wherever the stream is cut", () => {
  const whole = '{"a":1}\n\n{"b":"x\\n"}\n\n';
  for (let cut = 0; cut <= whole.length; cut++) {
    const seen: unknown[] = [];
    const read = lineReader((line) => seen.push(line));
    read(whole.slice(0, cut));
    read(whole.slice(cut));
    assert.deepEqual(seen, [{ a: 1 }, { b: "x\n" }]);
  }
});
