/** What the grid formats get as their cryptography: standard vectors, positions in a stream, and wrong keys. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { GridCrypto } from "../protocols/grid/crypto.ts";
import { PRIVATE_KEYS_KEPT, gridCrypto } from "./grid-crypto.ts";

const crypto: GridCrypto = gridCrypto();
const text = (value: string) => new Uint8Array(Buffer.from(value));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("SHA-1 and SHA-256, whole and in parts of any length", () => {
  assert.equal(hex(crypto.sha1(text("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(hex(crypto.sha256(text("abc"))), abc);
  assert.equal(hex(crypto.sha256(text("a"), text(""), text("bc"))), abc);
  const whole = new Uint8Array(5000).map((_, index) => index);
  for (const cut of [0, 1, 2047, 2048, 2049, 5000]) {
    assert.deepEqual(crypto.sha256(whole.subarray(0, cut), whole.subarray(cut)), crypto.sha256(whole));
    const stream = crypto.sha256Stream();
    stream.update(whole.subarray(0, cut));
    stream.update(whole.subarray(cut));
    assert.deepEqual(stream.digest(), crypto.sha256(whole));
  }
});

test("AES-128 in CTR mode: the block of zeros of FIPS-197, and any part of a stream", () => {
  // The key stream's first block under the zero key is AES(0, 0).
  assert.equal(hex(crypto.aesCtr(new Uint8Array(16), new Uint8Array(16))), "66e94bd4ef8a2c3b884cfa59ca342b2e");
  const key = text("0123456789abcdef");
  const whole = crypto.aesCtr(key, new Uint8Array(300));
  fc.assert(
    fc.property(fc.nat({ max: 300 }), fc.nat({ max: 300 }), (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      assert.deepEqual(crypto.aesCtr(key, new Uint8Array(to - from), from), whole.slice(from, to));
    }),
  );
  // Where the counter leaves 32 bits, the stream goes on.
  const at = 2 ** 36 - 16;
  const crossing = crypto.aesCtr(key, new Uint8Array(32), at);
  assert.deepEqual(crossing.slice(16), crypto.aesCtr(key, new Uint8Array(16), at + 16));
  assert.deepEqual(crypto.aesCtr(key, crossing, at), new Uint8Array(32));
});

test("AES in place gives the same, also in shared memory and where its parts end", () => {
  const key = text("0123456789abcdef");
  const part = 128 * 1024;
  for (const [length, at] of [
    [0, 0],
    [1, 5],
    [part - 1, 0],
    [part, 16],
    [2 * part + 3, 2 ** 36 - 21],
  ] as const) {
    const memory = new Uint8Array(new SharedArrayBuffer(length));
    for (let index = 0; index < length; index += 1) memory[index] = index % 251;
    const expected = crypto.aesCtr(key, memory, at);
    crypto.aesCtrInPlace(key, memory, at);
    assert.ok(Buffer.from(memory).equals(expected), `${length} bytes at ${at}`);
  }
});

test("RSA-PSS: signs, verifies, and is false for whatever is wrong", () => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const privateDer = new Uint8Array(pair.privateKey.export({ format: "der", type: "pkcs8" }));
  const publicDer = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));
  assert.deepEqual(crypto.rsaPublicKey(privateDer), publicDer);
  const message = text("prefix");
  const signature = crypto.rsaSign(privateDer, message);
  assert.equal(signature.length, 256);
  assert.ok(crypto.rsaVerify(publicDer, message, signature));
  assert.ok(!crypto.rsaVerify(publicDer, text("prefiy"), signature));
  assert.ok(!crypto.rsaVerify(publicDer, message, signature.subarray(1)));
  assert.ok(!crypto.rsaVerify(text("no key"), message, signature));
  const pkcs1 = new Uint8Array(sign("sha256", message, pair.privateKey));
  assert.ok(!crypto.rsaVerify(publicDer, message, pkcs1), "another padding");
  assert.equal(crypto.rsaPublicKey(text("no key")), undefined);
  assert.throws(() => crypto.rsaSign(text("no key"), message));
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const smallDer = new Uint8Array(small.export({ format: "der", type: "pkcs8" }));
  assert.equal(crypto.rsaPublicKey(smallDer), undefined);
  const ed = generateKeyPairSync("ed25519");
  const edDer = new Uint8Array(ed.privateKey.export({ format: "der", type: "pkcs8" }));
  assert.equal(crypto.rsaPublicKey(edDer), undefined);
  const edPublic = new Uint8Array(ed.publicKey.export({ format: "der", type: "spki" }));
  assert.ok(!crypto.rsaVerify(edPublic, message, new Uint8Array(sign(null, message, ed.privateKey))), "another kind");
});

test("Ed25519", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(publicKey.export({ format: "der", type: "spki" })).slice(-32);
  const signature = new Uint8Array(sign(null, text("m"), privateKey));
  assert.ok(crypto.ed25519Verify(raw, text("m"), signature));
  assert.ok(!crypto.ed25519Verify(raw, text("n"), signature));
  assert.ok(!crypto.ed25519Verify(raw.subarray(1), text("m"), signature));
  assert.ok(!crypto.ed25519Verify(raw, text("m"), signature.subarray(1)));
});

test("each of many keys signs with its own, whatever was signed before", () => {
  const keys = Array.from({ length: 3 }, () => {
    const type = { format: "der", type: "pkcs8" } as const;
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { format: "der", type: "spki" },
      privateKeyEncoding: type,
    });
    return new Uint8Array(privateKey);
  });
  const message = text("message");
  const check = (key: Uint8Array) => {
    assert.ok(crypto.rsaVerify(crypto.rsaPublicKey(key)!, message, crypto.rsaSign(key, message)));
  };
  for (const key of [...keys, ...keys]) check(key);
  // More arrays than are remembered.
  for (let at = 0; at < 2 * PRIVATE_KEYS_KEPT; at += 1) check(keys[at % 3]!.slice());
  check(keys[0]!);
  assert.throws(() => crypto.rsaSign(text("no key"), message));
});
