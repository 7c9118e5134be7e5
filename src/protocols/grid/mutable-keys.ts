/**
 * The keys of a mutable file. All come from one RSA key pair of its own: whoever has the write key opens the private
 * key, which every share carries encrypted, and can sign; whoever has the read key can only read.
 *
 * The DER bytes of the private key are kept as they are: another serialisation of the same key would hash to another
 * write key, and the file's caps would no longer fit it.
 */
import type { GridCrypto } from "./crypto.ts";
import { GridError } from "./errors.ts";
import { fingerprintOf, mutableStorageIndex, readKeyOf, writeKeyOf } from "./hashes.ts";
import { sameBytes } from "./merkle.ts";

export interface MutableKeys {
  /** PKCS#8 PrivateKeyInfo, DER, not encrypted. */
  privateKey: Uint8Array;
  /** X.509 SubjectPublicKeyInfo, DER. */
  publicKey: Uint8Array;
  /** 16 bytes each; so is the storage index. */
  writeKey: Uint8Array;
  readKey: Uint8Array;
  storageIndex: Uint8Array;
  /** 32 bytes, in every cap of the file. */
  fingerprint: Uint8Array;
}

/**
 * All keys of a file, of its private key: for a new file one of 2048 bits, exponent 65537, as PKCS#8 DER. Throws
 * GridError `bad-key` when it is no such key.
 */
export function mutableKeys(crypto: GridCrypto, privateKey: Uint8Array): MutableKeys {
  const publicKey = crypto.rsaPublicKey(privateKey);
  if (!publicKey) throw new GridError("bad-key", "not an RSA key of 2048 bits");
  const writeKey = writeKeyOf(crypto, privateKey);
  const readKey = readKeyOf(crypto, writeKey);
  const storageIndex = mutableStorageIndex(crypto, readKey);
  return { privateKey, publicKey, writeKey, readKey, storageIndex, fingerprint: fingerprintOf(crypto, publicKey) };
}

/** What stands in the shares: as long as the DER. */
export function sealPrivateKey(crypto: GridCrypto, keys: MutableKeys): Uint8Array {
  return crypto.aesCtr(keys.writeKey, keys.privateKey);
}

/**
 * All keys, from a write cap and what stands in a share. Throws GridError `bad-key` if the share's key is not the one
 * that this write key was made of, or if it is not the one of the fingerprint.
 */
export function openKeys(
  crypto: GridCrypto,
  cap: { writeKey: Uint8Array; fingerprint: Uint8Array },
  encryptedPrivateKey: Uint8Array,
): MutableKeys {
  const privateKey = crypto.aesCtr(cap.writeKey, encryptedPrivateKey);
  // Before anything parses it: with a wrong write key these are random bytes.
  if (!sameBytes(writeKeyOf(crypto, privateKey), cap.writeKey)) {
    throw new GridError("bad-key", "not the private key of this cap");
  }
  const keys = mutableKeys(crypto, privateKey);
  if (!sameBytes(keys.fingerprint, cap.fingerprint)) throw new GridError("bad-key", "not the key pair of this cap");
  return keys;
}
