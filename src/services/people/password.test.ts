/** Password hashes: right and wrong, Unicode, older parameters, and how many may run and wait. */
import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { test } from "node:test";
import { isFailure } from "../../kernel/errors.ts";
import { seededRandom } from "../../kernel/random.ts";
import { createPasswords, HASHES_AT_ONCE_MAX, HASHES_WAITING_MAX } from "./password.ts";

test("a hash matches its password, in any Unicode composition, and no other", async () => {
  const passwords = createPasswords(seededRandom(1));
  const stored = await passwords.hash("pàssword\u{1F511}");
  assert.equal(await passwords.matches("pa\u0300ssword\u{1F511}", stored), true);
  for (const guess of ["password", "", "pàssword", "PÀSSWORD\u{1F511}"])
    assert.equal(await passwords.matches(guess, stored), false);
  assert.notEqual(await passwords.hash("pàssword\u{1F511}"), stored);
  for (const nothing of [undefined, "", "argon2id$19456$2$"]) assert.equal(await passwords.matches("", nothing), false);
});

test("a hash with other parameters, made by another version, still matches", async () => {
  const nonce = Buffer.alloc(16, 7);
  const tag = argon2Sync("argon2id", {
    message: "old one",
    nonce,
    parallelism: 1,
    tagLength: 32,
    memory: 1024,
    passes: 1,
  });
  const stored = `argon2id$1024$1$${nonce.toString("base64url")}$${tag.toString("base64url")}`;
  assert.equal(await createPasswords(seededRandom(1)).matches("old one", stored), true);
  assert.equal(await createPasswords(seededRandom(1)).matches("new one", stored), false);
});

test("so many run and wait, more are told to come back, and afterwards all is free again", async () => {
  const passwords = createPasswords(seededRandom(1));
  const places = HASHES_AT_ONCE_MAX + HASHES_WAITING_MAX;
  for (let round = 0; round < 2; round += 1) {
    const asked = Array.from({ length: places + 3 }, () => passwords.matches("x", undefined));
    const results = await Promise.allSettled(asked);
    const refused = results.filter((one) => one.status === "rejected");
    assert.equal(refused.length, 3);
    assert.ok(refused.every((one) => isFailure(one.reason, "too-many")));
    assert.ok(results.slice(0, places).every((one) => one.status === "fulfilled"));
  }
});
