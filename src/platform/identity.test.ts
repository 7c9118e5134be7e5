/** The box's key: made once, kept, guarded; ids and signatures against published test vectors. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFailure } from "../kernel/errors.ts";
import { boxIdOf, newIdentity, openIdentity, verify } from "./identity.ts";

const root = await mkdtemp(join(tmpdir(), "comu-identity-"));
after(() => rm(root, { recursive: true }));
const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

test("the key is made once, privately, and read again", async () => {
  const folder = join(root, "data");
  const first = await openIdentity(folder);
  const second = await openIdentity(folder);
  assert.equal(second.boxId, first.boxId);
  assert.equal(second.certificatePem, first.certificatePem);
  assert.match(first.boxId, /^[a-z2-7]{52}$/);
  assert.equal((await stat(join(folder, "identity.key"))).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.match(await readFile(join(folder, "identity.key"), "utf8"), /^-----BEGIN PRIVATE KEY-----/);
});

test("a key that others can read is refused, and so is one of another kind or a broken one", async () => {
  const folder = join(root, "bad");
  await openIdentity(folder);
  const file = join(folder, "identity.key");
  await chmod(file, 0o640);
  await assert.rejects(
    openIdentity(folder),
    (error) => isFailure(error, "identity-exposed") && error.params.mode === "640",
  );
  await chmod(file, 0o600);
  const other = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "pem" });
  for (const content of [other as string, "", "garbage"]) {
    await writeFile(file, content);
    await assert.rejects(openIdentity(folder), (error) => isFailure(error, "identity-broken"));
  }
});

test("the box id is base32 of SHA-256", () => {
  // SHA-256 of nothing is e3b0c442 98fc1c14 9afbf4c8 996fb924 27ae41e4 649b934c a495991b 7852b855.
  assert.equal(boxIdOf(new Uint8Array(0)), "4oymiquy7qobjgx36tejs35zeqt24qpemsnzgtfeswmrw6csxbkq");
});

test("signatures agree with RFC 8032, section 7.1, test 2", () => {
  const key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const signature = hex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  assert.ok(verify(key, hex("72"), signature));
  assert.ok(!verify(key, hex("73"), signature));
});

test("verify is false, not an error, for anything malformed", () => {
  const identity = newIdentity();
  const bytes = new TextEncoder().encode("hello");
  const signature = identity.sign(bytes);
  assert.ok(verify(identity.publicKey, bytes, signature));
  assert.ok(!verify(newIdentity().publicKey, bytes, signature));
  assert.ok(!verify(identity.publicKey.subarray(1), bytes, signature));
  assert.ok(!verify(identity.publicKey, bytes, signature.subarray(1)));
  assert.ok(!verify(new Uint8Array(32).fill(255), bytes, signature));
});
