/**
 * The two caps of a child: which of them a directory may hold, how each is shown and stored, and the encryption of the
 * write cap, so that who may only read a directory learns only what can be read.
 *
 * A cap of an unknown kind is kept for programs that know it. As nobody here can tell what right it gives, it carries
 * what its place promises: "ro." when it was given as a read cap, "imm." when everything below must be immutable.
 */
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import { IMMUTABLE_PREFIX, READ_ONLY_PREFIX, formatCap, isWritable, parseCap, readCapOf } from "./caps.ts";
import type { Cap } from "./caps.ts";
import { concat } from "./concat.ts";
import { KEY_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import { GridError } from "./errors.ts";
import { childKey, childSalt } from "./hashes.ts";

/** What a child leads to, as it is in memory: with the prefixes that its place implies. */
export interface ChildCaps {
  /** The strongest there is. */
  cap: Cap;
  write?: string;
  /** Absent only where a cap of an unknown kind came without one. */
  read?: string;
}

export interface GivenCaps {
  write?: string;
  read?: string;
}

export type DirectoryKind = "mutable" | "immutable";

/** Why a child cannot be used. */
export type ChildProblem = "bad-cap" | "bad-slot" | "bad-metadata" | "duplicate";

/** A directory without a writeKey shows no write caps, so an unknown one alone is not refused there. */
export function childCaps(crypto: GridCrypto, kind: DirectoryKind, given: GivenCaps): ChildCaps | undefined {
  const write = given.write ?? "";
  const read = given.read ?? "";
  if (write === "") return readOnlyCaps(crypto, kind, read);
  const cap = parseCap(write);
  if (cap.kind !== "unknown") {
    if (!isWritable(cap)) return readOnlyCaps(crypto, kind, write);
    const weaker = readCapOf(crypto, cap);
    if (kind === "immutable" || !weaker) return undefined;
    return { cap, write: formatCap(cap), read: formatCap(weaker) };
  }
  if (cap.problem !== undefined) return undefined;
  if (read === "") return hasPrefix(write) ? fromWriteSlot(crypto, kind, write) : undefined;
  if (kind === "immutable" || hasPrefix(write) || read.startsWith(IMMUTABLE_PREFIX)) return undefined;
  const weaker = parseCap(read, { readOnly: true });
  if (weaker.kind === "unknown" && weaker.problem !== undefined) return undefined;
  return { cap, write, read: prefixed(READ_ONLY_PREFIX, read) };
}

/** One with a prefix is a read cap, wherever it was given; "ro." promises too little for an immutable directory. */
function fromWriteSlot(crypto: GridCrypto, kind: DirectoryKind, write: string): ChildCaps | undefined {
  if (kind === "immutable" && !write.startsWith(IMMUTABLE_PREFIX)) return undefined;
  return readOnlyCaps(crypto, kind, write);
}

function readOnlyCaps(crypto: GridCrypto, kind: DirectoryKind, read: string): ChildCaps | undefined {
  const cap = parseCap(read, kind === "immutable" ? { immutable: true } : { readOnly: true });
  if (cap.kind !== "unknown") {
    const readable = readCapOf(crypto, cap);
    // What is only good for checking shares leads nowhere.
    return readable && { cap: readable, read: formatCap(readable) };
  }
  if (cap.problem !== undefined) return undefined;
  if (read === "") return { cap };
  const text =
    kind === "immutable" ? IMMUTABLE_PREFIX + bare(read) : hasPrefix(read) ? read : prefixed(READ_ONLY_PREFIX, read);
  return { cap: { kind: "unknown", text }, read: text };
}

/** The read slot on disk: without the prefix that the directory implies. */
export function storedRead(kind: DirectoryKind, read: string | undefined): string {
  if (read === undefined) return "";
  return kind === "immutable" || read.startsWith(READ_ONLY_PREFIX) ? bare(read) : read;
}

const hasPrefix = (text: string) => text.startsWith(READ_ONLY_PREFIX) || text.startsWith(IMMUTABLE_PREFIX);
const prefixed = (prefix: string, text: string) => (hasPrefix(text) ? text : prefix + text);
const bare = (text: string) => text.replace(/^(?:ro|imm)\./, "");

const MAC_BYTES = 32;

/** The write slot of a mutable directory: salt (16), encrypted cap, MAC (32). `writeCap` may be empty. */
export function sealWriteCap(crypto: GridCrypto, writeKey: Uint8Array, writeCap: string): Uint8Array {
  const plain = utf8(writeCap);
  const salt = childSalt(crypto, plain);
  const key = childKey(crypto, salt, writeKey);
  const sealed = crypto.aesCtr(key, plain);
  return concat([salt, sealed, slotMac(crypto, key, salt, sealed)]);
}

/** Not HMAC as it is defined: the key is not filled up to a block. 32 bytes over the parts one after the other. */
export function slotMac(crypto: GridCrypto, key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return crypto.sha256(xored(key, 0x5c), crypto.sha256(xored(key, 0x36), ...parts));
}

/**
 * The write cap, "" for none. The MAC is not looked at, as no reader does: the directory's signature covers it. Throws
 * GridError `bad-directory` when it is too short, or no text: another write key.
 */
export function openWriteCap(crypto: GridCrypto, writeKey: Uint8Array, slot: Uint8Array): string {
  const length = slot.length - KEY_BYTES - MAC_BYTES;
  if (length < 0) throw new GridError("bad-directory", `a write slot of ${slot.length} bytes`);
  // Most children are files that nobody can write to; a large folder of them need not be decrypted.
  if (length === 0) return "";
  const key = childKey(crypto, slot.subarray(0, KEY_BYTES), writeKey);
  return slotText(crypto.aesCtr(key, slot.subarray(KEY_BYTES, KEY_BYTES + length)));
}

/** The text of a slot. Some writers of old filled it up with spaces. Throws GridError `bad-directory`. */
export function slotText(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0x20) end--;
  try {
    return fromUtf8(bytes, 0, end);
  } catch {
    throw new GridError("bad-directory", "a cap that is no text");
  }
}

function xored(key: Uint8Array, value: number): Uint8Array {
  return key.map((byte) => byte ^ value);
}
