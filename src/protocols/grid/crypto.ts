/**
 * The cryptography that the grid formats need and a pure core cannot have of its own: handed in by whoever makes the
 * core. On Node it is `src/platform/grid-crypto.ts`. Everything is synchronous. No reference is kept to any input but a
 * private key, whose bytes must never change.
 */

/** A SHA-256 that is given its input in parts. */
export interface HashStream {
  update(bytes: Uint8Array): void;
  /** 32 bytes. Once; nothing may follow. */
  digest(): Uint8Array;
}

export interface GridCrypto {
  /** 20 bytes. */
  sha1(bytes: Uint8Array): Uint8Array;
  /** 32 bytes: the hash of the parts one after the other. */
  sha256(...parts: Uint8Array[]): Uint8Array;
  sha256Stream(): HashStream;
  /**
   * AES-128 in CTR mode, both directions: `data` as the bytes from `atByte` on of a stream whose 128-bit big-endian
   * counter began at 0. `key` has 16 bytes. A new array of the same length.
   */
  aesCtr(key: Uint8Array, data: Uint8Array, atByte?: number): Uint8Array;
  /** The same, written over `data`. */
  aesCtrInPlace(key: Uint8Array, data: Uint8Array, atByte?: number): void;
  /** RSASSA-PSS, SHA-256, MGF1 with SHA-256, salt of 32 bytes: 256 bytes. Throws when the key is none. */
  rsaSign(pkcs8Der: Uint8Array, message: Uint8Array): Uint8Array;
  /** False for anything malformed. */
  rsaVerify(spkiDer: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** The public key (DER of SubjectPublicKeyInfo) of a private RSA key; undefined when it is none of 2048 bits. */
  rsaPublicKey(pkcs8Der: Uint8Array): Uint8Array | undefined;
  /** `publicKey` has 32 bytes, `signature` 64. False for anything malformed. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}
