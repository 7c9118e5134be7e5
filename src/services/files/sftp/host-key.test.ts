/** The key of the SFTP door: one that can be read again, whatever the library makes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeHostKey, publicHostKey } from "./host-key.ts";

test("a malformed key is not taken, and not asked for for ever", () => {
  const good = makeHostKey();
  assert.match(publicHostKey(good).fingerprint, /^SHA256:[\w+/]{43}$/);
  const given = ["", "-----BEGIN OPENSSH PRIVATE KEY-----\n", good];
  assert.equal(
    makeHostKey(() => given.shift()!),
    good,
  );
  let made = 0;
  assert.throws(() => makeHostKey(() => String(made++)), /no SSH key/);
  assert.equal(made, 20);
});

test("every key that is made can be read", () => {
  // One of some 400 is malformed as the library makes them.
  for (let n = 0; n < 2000; n++) publicHostKey(makeHostKey());
});
