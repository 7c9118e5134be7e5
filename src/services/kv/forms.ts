/**
 * Between the store's bytes and what stands in JSON, queries and headers: keys, values, versions, conditions, ends.
 */
import { isoTime } from "../../kernel/clock.ts";
import { durationMs } from "../../kernel/duration.ts";
import type { Failure } from "../../kernel/errors.ts";
import { fail as kernelFail } from "../../kernel/errors.ts";
import { KEY_BYTES_MAX } from "../../protocols/kv/constants.ts";
import { readVersion, versionText } from "../../protocols/kv/content.ts";
import type { Condition, Expiry } from "../../protocols/kv/types.ts";
import type { Found, Key } from "./client.ts";
import { keyOf, textOf } from "./client.ts";
import { kvErrors } from "./contract.ts";
import { JSON_VALUE_CHARS_MAX } from "./shapes.ts";

export type Encoding = "text" | "base64url";

/** Throws `bad-input`, `kv-key-too-long`. */
export function keyFrom(text: string, encoding: Encoding, field = "key"): Key {
  const key = encoding === "text" ? keyOf(wellFormed(text, field)) : latin1(bytesFrom(text, encoding, field));
  if (key.length > KEY_BYTES_MAX) throw kvErrors.fail("kv-key-too-long", { params: { limit: KEY_BYTES_MAX } });
  return key;
}

export function keyShown(key: Key): { key: string; keyEncoding: Encoding } {
  const text = textOf(key);
  if (text !== undefined) return { key: text, keyEncoding: "text" };
  return { key: base64(Buffer.from(key, "latin1")), keyEncoding: "base64url" };
}

/** Throws `bad-input`. */
export function bytesFrom(text: string, encoding: Encoding, field: string): Uint8Array {
  if (encoding === "text") return new TextEncoder().encode(wellFormed(text, field));
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) throw badField(field, "no base64url");
  return new Uint8Array(Buffer.from(text, "base64url"));
}

/** What changed under a key, or stands there. */
export function changedShown(key: Key, found: Found) {
  const { version, expiresMs } = found;
  return {
    ...keyShown(key),
    version: versionText(version),
    expiresAt: expiresMs === null ? null : isoTime(expiresMs),
  };
}

export function entryShown(key: Key, found: Found) {
  return { ...changedShown(key, found), ...valueShown(found.value), sizeBytes: found.value.length };
}

/** As text when it is text; null when it is too long for JSON. */
function valueShown(value: Uint8Array): { value: string | null; valueEncoding: Encoding } {
  if (value.length > JSON_VALUE_CHARS_MAX) return { value: null, valueEncoding: "text" };
  const text = textOf(latin1(value));
  if (text !== undefined) return { value: text, valueEncoding: "text" };
  const shown = base64(value);
  return shown.length > JSON_VALUE_CHARS_MAX
    ? { value: null, valueEncoding: "base64url" }
    : { value: shown, valueEncoding: "base64url" };
}

/** Of what a caller said; at most one may be said. Throws `bad-input`. */
export function conditionFrom(said: { ifAbsent?: boolean; ifVersion?: string | undefined }): { when?: Condition } {
  const { ifAbsent, ifVersion } = said;
  if (ifVersion === undefined) return ifAbsent ? { when: { is: "absent" } } : {};
  if (ifAbsent) throw badField("ifVersion", "not together with ifAbsent");
  if (ifVersion === "*") return { when: { is: "present" } };
  const version = readVersion(ifVersion.replaceAll('"', ""));
  if (!version) throw badField("ifVersion", "no version");
  return { when: { is: "version", version } };
}

/** Without a time a key stays. */
export function expiryFrom(ttl: string | undefined): Expiry {
  return ttl === undefined || ttl === "never" ? { type: "never" } : { type: "after", ttlMs: durationMs(ttl) };
}

export function badField(field: string, reason: string): Failure {
  return kernelFail("bad-input", { params: { field, reason } });
}

/** Half a character would become another one. */
function wellFormed(text: string, field: string): string {
  if (!text.isWellFormed()) throw badField(field, "no text");
  return text;
}

/** One character for each byte. */
export function latin1(bytes: Uint8Array): Key {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
}
