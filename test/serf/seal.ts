/**
 * AES-GCM with a ring of keys, as memberlist seals: writes with the first, reads with any. What a request about keys
 * does to the ring, and the words of a refusal, are memberlist's.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { TYPE } from "../../src/protocols/membership/codec.ts";
import {
  SEAL_NONCE_BYTES,
  SEAL_OVERHEAD_BYTES,
  SEAL_TAG_BYTES,
  SEAL_VERSION,
} from "../../src/protocols/membership/constants.ts";
import { sealedStreamHeader, splitSealed } from "../../src/protocols/membership/framing.ts";
import type { KeyAnswer, KeyOp } from "../../src/protocols/membership/types.ts";

const STREAM_HEADER_BYTES = 5;

/** No key means no sealing. The label goes into the additional data. */
export class Seal {
  keys: readonly Buffer[];
  readonly #label: Buffer;

  constructor(keys: readonly Buffer[], label = "") {
    this.keys = keys;
    this.#label = Buffer.from(label);
  }

  get on(): boolean {
    return this.keys.length > 0;
  }

  get overheadBytes(): number {
    return this.on ? SEAL_OVERHEAD_BYTES : 0;
  }

  sealPacket(message: Uint8Array): Uint8Array {
    return this.on ? this.#seal(message, this.#label) : message;
  }

  /** Undefined when no key opens it. */
  openPacket(bytes: Uint8Array): Uint8Array | undefined {
    return this.on ? this.#open(bytes, this.#label) : bytes;
  }

  sealStream(message: Uint8Array): Uint8Array {
    if (!this.on) return message;
    const header = sealedStreamHeader(message.length);
    return Buffer.concat([header, this.#seal(message, Buffer.concat([header, this.#label]))]);
  }

  openStream(bytes: Uint8Array): Uint8Array | undefined {
    if (!this.on) return bytes[0] === TYPE.encrypt ? undefined : bytes;
    if (bytes[0] !== TYPE.encrypt) return undefined;
    const header = bytes.subarray(0, STREAM_HEADER_BYTES);
    return this.#open(bytes.subarray(STREAM_HEADER_BYTES), Buffer.concat([header, this.#label]));
  }

  /** What somebody asks of the ring, done. */
  change(op: KeyOp, secret: Uint8Array): KeyAnswer {
    const has = this.keys.some((key) => key.equals(secret));
    const others = this.keys.filter((key) => !key.equals(secret));
    if (!this.on) {
      const message = op === "list" ? "Keyring is empty" : "No keyring to modify";
      return { ok: false, message: `${message} (encryption not enabled)` };
    }
    const [primary] = this.keys;
    if (op === "use" && !has) return { ok: false, message: "Requested key is not in the keyring" };
    if (op === "remove" && primary!.equals(secret)) {
      return { ok: false, message: "Removing the primary key is not allowed" };
    }
    if (op === "install" && !has) this.keys = [...this.keys, Buffer.from(secret)];
    if (op === "use") this.keys = [Buffer.from(secret), ...others];
    if (op === "remove") this.keys = others;
    if (op !== "list") return { ok: true };
    const keys = this.keys.map((key) => key.toString("base64"));
    return { ok: true, keys, primary: keys[0]! };
  }

  #seal(message: Uint8Array, additional: Uint8Array): Buffer {
    const key = this.keys[0]!;
    const nonce = randomBytes(SEAL_NONCE_BYTES);
    const cipher = createCipheriv(`aes-${(key.length * 8) as 128 | 256}-gcm`, key, nonce);
    cipher.setAAD(additional);
    const body = Buffer.concat([cipher.update(message), cipher.final()]);
    return Buffer.concat([Buffer.of(SEAL_VERSION), nonce, body, cipher.getAuthTag()]);
  }

  #open(sealed: Uint8Array, additional: Uint8Array): Uint8Array | undefined {
    const parts = splitSealed(sealed);
    if (!parts) return undefined;
    for (const key of this.keys) {
      const options = { authTagLength: SEAL_TAG_BYTES };
      const decipher = createDecipheriv(`aes-${(key.length * 8) as 128 | 256}-gcm`, key, parts.nonce, options);
      decipher.setAAD(additional);
      decipher.setAuthTag(parts.tag);
      try {
        return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()]);
      } catch {
        continue;
      }
    }
    return undefined;
  }
}
