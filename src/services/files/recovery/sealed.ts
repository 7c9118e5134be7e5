/**
 * The root of an account's files, sealed for whoever has the phrase: AES-256-GCM, always of one length, so that who
 * keeps it learns nothing but that there is one.
 *
 *   version (1) │ nonce (12) │ encrypted: length (2), JSON, zeros │ tag (16)
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { parseCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import { SEALED_BYTES } from "./constants.ts";

const CIPHER = "aes-256-gcm";
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LENGTH_BYTES = 2;
const CONTENT_AT = 1 + NONCE_BYTES;
const CONTENT_BYTES = SEALED_BYTES - CONTENT_AT - TAG_BYTES;

export interface Root {
  /** The write cap of the top folder. */
  cap: string;
  madeMs: number;
}

export interface OpenedRoot extends Root {
  folder: DirectoryCap;
}

/** `nonce`: 12 random bytes. `key` serves one phrase only. Caps of folders are shorter than there is room. */
export function seal(key: Uint8Array, root: Root, nonce: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(root));
  if (json.length > CONTENT_BYTES - LENGTH_BYTES) throw new Error("the root of an account is too long to be sealed");
  const content = Buffer.alloc(CONTENT_BYTES);
  content.writeUInt16BE(json.length);
  json.copy(content, LENGTH_BYTES);
  const head = Buffer.of(VERSION, ...nonce);
  const cipher = createCipheriv(CIPHER, key, nonce);
  cipher.setAAD(Buffer.of(VERSION));
  return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined for whatever was not sealed with this key. */
export function open(key: Uint8Array, sealed: Uint8Array): OpenedRoot | undefined {
  if (sealed.length !== SEALED_BYTES || sealed[0] !== VERSION) return undefined;
  const tagAt = SEALED_BYTES - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(1, CONTENT_AT), { authTagLength: TAG_BYTES });
  decipher.setAAD(sealed.subarray(0, 1));
  decipher.setAuthTag(sealed.subarray(tagAt));
  try {
    const content = Buffer.concat([decipher.update(sealed.subarray(CONTENT_AT, tagAt)), decipher.final()]);
    return rootIn(content.subarray(LENGTH_BYTES, LENGTH_BYTES + content.readUInt16BE()));
  } catch {
    return undefined;
  }
}

function rootIn(json: Uint8Array): OpenedRoot | undefined {
  const { cap, madeMs } = JSON.parse(new TextDecoder().decode(json)) as Partial<Root>;
  if (typeof cap !== "string" || typeof madeMs !== "number") return undefined;
  const folder = parseCap(cap);
  return folder.kind === "directory" && folder.file.kind === "mutable-write" ? { cap, madeMs, folder } : undefined;
}
