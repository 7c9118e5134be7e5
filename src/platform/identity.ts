/**
 * Who this box is: one Ed25519 key, made at the first start and kept in the data folder for ever. The box id is a
 * name for the public key, so that nobody hands out ids and nobody can take another's.
 */
import type { KeyObject } from "node:crypto";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { sign as signWith, verify as verifyWith } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { isFailure } from "../kernel/errors.ts";
import { pemOf, selfSignedCertificate } from "./certificate.ts";
import { PRIVATE_FILE_MODE } from "./constants.ts";
import { fail } from "./errors.ts";
import { ensureFolder, writeAtomic } from "./files.ts";

export interface Identity {
  /** 52 characters, see `boxIdOf`. */
  boxId: string;
  /** 32 raw bytes. */
  publicKey: Uint8Array;
  /** An Ed25519 signature of 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
  certificatePem: string;
  /** PKCS8. Never logged, never sent. */
  privateKeyPem: string;
}

/** Reads the key from the folder, or makes it there. Throws `identity-exposed`, `identity-broken`, `disk-full`. */
export async function openIdentity(dataFolder: string): Promise<Identity> {
  await ensureFolder(dataFolder);
  const file = join(dataFolder, "identity.key");
  const stored = await readPrivate(file);
  if (stored !== undefined) return identityFrom(stored, file);
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  await writeAtomic(file, pem, PRIVATE_FILE_MODE);
  return identityFrom(pem, file);
}

/** The identity of a key that is only in memory: for tests and the simulator. */
export function newIdentity(): Identity {
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  return identityFrom(pem, "");
}

async function readPrivate(file: string): Promise<string | undefined> {
  let handle;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fail("identity-broken", { params: { file }, cause: error });
  }
  try {
    // The mode of the open file, not of the name: nobody can swap the file between check and reading.
    const { mode } = await handle.stat();
    if (mode & 0o077) throw fail("identity-exposed", { params: { file, mode: (mode & 0o777).toString(8) } });
    return await handle.readFile("utf8");
  } catch (error) {
    throw isFailure(error) ? error : fail("identity-broken", { params: { file }, cause: error });
  } finally {
    await handle.close();
  }
}

function identityFrom(pem: string, file: string): Identity {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw fail("identity-broken", { params: { file }, cause: error });
  }
  if (key.asymmetricKeyType !== "ed25519") throw fail("identity-broken", { params: { file } });
  const publicKey = rawPublicKey(createPublicKey(key))!;
  const boxId = boxIdOf(publicKey);
  const sign = (bytes: Uint8Array) => new Uint8Array(signWith(null, bytes, key));
  const certificate = selfSignedCertificate({ commonName: boxId, publicKey, sign });
  return { boxId, publicKey, sign, certificatePem: pemOf("CERTIFICATE", certificate), privateKeyPem: pem };
}

/** The 32 bytes of an Ed25519 public key; undefined for a key of another kind. */
export function rawPublicKey(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== "ed25519") return undefined;
  const { x } = key.export({ format: "jwk" });
  return x === undefined ? undefined : new Uint8Array(Buffer.from(x, "base64url"));
}

/** Lower-case base32 (RFC 4648, section 6, without padding) of the SHA-256 of the raw public key: 52 characters. */
export function boxIdOf(publicKey: Uint8Array): string {
  return base32(createHash("sha256").update(publicKey).digest());
}

/** True when `signature` is the key's signature of `bytes`. False for anything malformed; never throws. */
export function verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const x = Buffer.from(publicKey).toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return verifyWith(null, bytes, key, signature);
  } catch {
    return false;
  }
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    heldBits += 8;
    for (; heldBits >= 5; heldBits -= 5) text += ALPHABET[(held >>> (heldBits - 5)) & 31];
    held &= (1 << heldBits) - 1;
  }
  return heldBits > 0 ? text + ALPHABET[(held << (5 - heldBits)) & 31] : text;
}
