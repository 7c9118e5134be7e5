/**
 * The cryptography of the grid formats with Node's own (OpenSSL): what `protocols/grid` asks for as `GridCrypto`.
 * Here only because pure rooms may not import node:crypto.
 */
import { constants, createCipheriv, createHash, createPrivateKey, createPublicKey, hash } from "node:crypto";
import { sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { verify as verifyEd25519 } from "./identity.ts";
import { release } from "./memory.ts";

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const RSA_BITS = 2048;
const AES_BLOCK_BYTES = 16;
const TWO_32 = 2 ** 32;
/** Taken out of their DER, which takes a part of what a signature takes; 10 kB each. */
export const PRIVATE_KEYS_KEPT = 32;
/** Parts up to this length together are copied into one: cheaper than a hash object. */
const COPY_MAX_BYTES = 2048;
/** Goes through the processor's caches, in memory that is used again each time. */
const IN_PLACE_BYTES = 128 * 1024;

/** Fits `GridCrypto` of `protocols/grid/crypto.ts`, which says what each function takes and gives. */
export function gridCrypto() {
  return {
    sha1,
    sha256,
    sha256Stream,
    aesCtr,
    aesCtrInPlace,
    rsaSign,
    rsaVerify,
    rsaPublicKey,
    ed25519Verify: verifyEd25519,
  };
}

function sha1(bytes: Uint8Array): Uint8Array {
  return plain(hash("sha1", bytes, "buffer"));
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return plain(hash("sha256", parts[0]!, "buffer"));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length <= COPY_MAX_BYTES) return plain(hash("sha256", Buffer.concat(parts, length), "buffer"));
  const hasher = createHash("sha256");
  for (const part of parts) hasher.update(part);
  return plain(hasher.digest());
}

function sha256Stream() {
  const hasher = createHash("sha256");
  return {
    update: (bytes: Uint8Array): void => void hasher.update(bytes),
    digest: (): Uint8Array => plain(hasher.digest()),
  };
}

function aesCtr(key: Uint8Array, data: Uint8Array, atByte = 0): Uint8Array {
  return plain(cipherAt(key, atByte).update(data));
}

function aesCtrInPlace(key: Uint8Array, data: Uint8Array, atByte = 0): void {
  const cipher = cipherAt(key, atByte);
  for (let at = 0; at < data.length; at += IN_PLACE_BYTES) {
    const done = cipher.update(data.subarray(at, at + IN_PLACE_BYTES));
    data.set(done, at);
    release(done);
  }
}

function cipherAt(key: Uint8Array, atByte: number) {
  const counter = Buffer.alloc(AES_BLOCK_BYTES);
  const block = Math.floor(atByte / AES_BLOCK_BYTES);
  counter.writeUInt32BE(Math.floor(block / TWO_32), 8);
  counter.writeUInt32BE(block % TWO_32, 12);
  const cipher = createCipheriv("aes-128-ctr", key, counter);
  cipher.update(Buffer.alloc(atByte % AES_BLOCK_BYTES));
  return cipher;
}

function rsaSign(pkcs8Der: Uint8Array, message: Uint8Array): Uint8Array {
  return plain(sign("sha256", message, { key: privateKeyOf(pkcs8Der), ...PSS }));
}

/** By the array that it was taken out of; the one used longest ago first. */
const privateKeys = new Map<Uint8Array, KeyObject>();

/** A folder is signed with the same key at each change. Throws for what is no key. */
function privateKeyOf(pkcs8Der: Uint8Array): KeyObject {
  const known = privateKeys.get(pkcs8Der);
  const key = known ?? createPrivateKey({ key: Buffer.from(pkcs8Der), format: "der", type: "pkcs8" });
  privateKeys.delete(pkcs8Der);
  privateKeys.set(pkcs8Der, key);
  if (privateKeys.size > PRIVATE_KEYS_KEPT) privateKeys.delete(privateKeys.keys().next().value!);
  return key;
}

function rsaVerify(spkiDer: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(spkiDer), format: "der", type: "spki" });
    return key.asymmetricKeyType === "rsa" && verify("sha256", message, { key, ...PSS }, signature);
  } catch {
    return false;
  }
}

function rsaPublicKey(pkcs8Der: Uint8Array): Uint8Array | undefined {
  try {
    const key = privateKeyOf(pkcs8Der);
    if (key.asymmetricKeyType !== "rsa" || key.asymmetricKeyDetails?.modulusLength !== RSA_BITS) return undefined;
    return plain(createPublicKey(key).export({ format: "der", type: "spki" }));
  } catch {
    return undefined;
  }
}

/** A Uint8Array that is no Buffer: the cores compare and slice them as such. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
