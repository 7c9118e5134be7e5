/**
 * Seals and opens what gossip sends, as memberlist does: AES-256-GCM with the community's keys. The first key seals;
 * every key is tried when opening, so that keys can change while packets are on their way.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { SEAL_NONCE_BYTES, SEAL_TAG_BYTES, SEAL_VERSION } from "../../protocols/membership/constants.ts";
import { sealedStreamHeader, splitSealed } from "../../protocols/membership/framing.ts";
import type { Random } from "../../kernel/random.ts";

/** Keys tried at the most for one packet: the present one, the one before, and one that is on its way. */
export const KEYS_MAX = 4;
const STREAM_HEADER_BYTES = 5;
const NOTHING = new Uint8Array(0);

export interface Sealing {
  sealPacket(message: Uint8Array): Uint8Array;
  /** Undefined when no key opens it. */
  openPacket(bytes: Uint8Array): Uint8Array | undefined;
  sealStream(message: Uint8Array): Uint8Array;
  openStream(bytes: Uint8Array): Uint8Array | undefined;
}

export function createSealing(keys: () => readonly Uint8Array[], random: Random): Sealing {
  const seal = (message: Uint8Array, header: Uint8Array): Uint8Array => {
    const nonce = random.bytes(SEAL_NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", keys()[0]!, nonce, { authTagLength: SEAL_TAG_BYTES });
    cipher.setAAD(header);
    const sealed = Buffer.concat([
      header,
      Uint8Array.of(SEAL_VERSION),
      nonce,
      cipher.update(message),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return sealed;
  };
  const open = (bytes: Uint8Array, header: Uint8Array): Uint8Array | undefined => {
    const parts = splitSealed(bytes);
    if (!parts) return undefined;
    for (const key of keys().slice(0, KEYS_MAX)) {
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, parts.nonce, { authTagLength: SEAL_TAG_BYTES });
        decipher.setAAD(header).setAuthTag(parts.tag);
        return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()]);
      } catch {
        // Not this key.
      }
    }
    return undefined;
  };
  return {
    sealPacket: (message) => seal(message, NOTHING),
    openPacket: (bytes) => open(bytes, NOTHING),
    sealStream: (message) => seal(message, sealedStreamHeader(message.length)),
    openStream: (bytes) => open(bytes.subarray(STREAM_HEADER_BYTES), bytes.subarray(0, STREAM_HEADER_BYTES)),
  };
}
