/**
 * One signed record: its fields, the bytes that are signed, its id, and the checks that need no other record.
 *
 * Signed bytes: "comu-record-1\n" + community id + "\n" + canonical JSON of
 * [author, seq, kind, key, timeMs, floor, untilMs, body]. The community is part of them, so that a record cannot be
 * replayed in another community where the same box is a member. The genesis record alone is signed for community "",
 * because the community's id is made from it.
 */
import { utf8 } from "../wire/utf8.ts";
import { base32 } from "./base32.ts";
import { fromBase64url, toBase64url } from "./base64url.ts";
import { canonicalJson, type Json } from "./canonical-json.ts";
import { BODY_DEPTH_MAX, BODY_MAX_BYTES, FUTURE_MAX_MS, KEY_MAX_CHARS } from "./constants.ts";

export interface SignedRecord {
  /** Box id of the author. */
  author: string;
  /** Numbered by the author, from 1. Holes are normal. */
  seq: number;
  kind: string;
  key: string;
  /** When it was signed, by the author's clock. A refresh changes it: content that needs a time carries its own. */
  timeMs: number;
  /** Everything of this author numbered lower is withdrawn. At most `seq`. */
  floor: number;
  /** When every box drops it, or null. In the record, so that boxes that do not know the kind agree. */
  untilMs: number | null;
  /** null is a tombstone. */
  body: Json;
  /** Ed25519, base64url. */
  sig: string;
}

export type UnsignedRecord = Omit<SignedRecord, "sig">;

/** The functions that a pure core cannot have of its own. All synchronous. */
export interface RecordCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** A record with what is computed once: `ref` names its content, `size` is its length as sent. */
export interface Held {
  record: SignedRecord;
  /** "seq:first 8 bytes of the hash in hex". The signature is not part of it: the author could make many. */
  ref: string;
  size: number;
  signedBytes: Uint8Array;
}

const DOMAIN = "comu-record-1\n";
const KIND = /^[a-z0-9.-]{1,32}$/;
const BOX_ID = /^[a-z2-7]{52}$/;
export const GENESIS_KIND = "community";
export const JOIN_KIND = "join";
/** Everything of a record's JSON but its key, its body and its numbers. */
const FIELD_NAMES_BYTES = 110;

/** The box id that belongs to a raw Ed25519 public key. */
export function boxIdOf(publicKey: Uint8Array, sha256: RecordCrypto["sha256"]): string {
  return base32(sha256(publicKey));
}

export function isBoxId(value: unknown): value is string {
  return typeof value === "string" && BOX_ID.test(value);
}

export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The fields of `value` as a record, nothing else kept; undefined when a field is missing or out of its range. */
export function readRecord(value: unknown): SignedRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { author, seq, kind, key, timeMs, floor, untilMs, body, sig } = value as Record<string, unknown>;
  if (!isBoxId(author) || !isTime(seq) || seq < 1 || !isTime(floor) || floor < 1 || floor > seq) return undefined;
  if (typeof kind !== "string" || !KIND.test(kind) || !isKey(key)) return undefined;
  if (!isTime(timeMs) || !(untilMs === null || (isTime(untilMs) && untilMs > timeMs))) return undefined;
  if (body === undefined || typeof sig !== "string" || sig.length !== 86) return undefined;
  return { author, seq, kind, key, timeMs, floor, untilMs, body: body as Json, sig };
}

function isKey(key: unknown): key is string {
  return typeof key === "string" && key.length >= 1 && key.length <= KEY_MAX_CHARS && key.isWellFormed();
}

/** What is signed, and the bytes of the body in it; undefined when the body is not plain JSON. */
export function signedBytesOf(record: UnsignedRecord, community: string) {
  const body = canonicalJson(record.body, BODY_DEPTH_MAX);
  if (body === undefined) return undefined;
  const { author, seq, kind, key, timeMs, floor, untilMs } = record;
  const head = JSON.stringify([author, seq, kind, key, timeMs, floor, untilMs]).slice(0, -1);
  const scope = kind === GENESIS_KIND ? "" : community;
  const bytes = utf8(`${DOMAIN}${scope}\n${head},${body}]`);
  return { bytes, bodyBytes: utf8(body).length };
}

export type Hold = { held: Held } | { refused: "malformed" | "too-large" };

/** Reads a record that came from outside; its signature is not checked here. */
export function hold(value: unknown, community: string, sha256: RecordCrypto["sha256"]): Hold {
  const record = readRecord(value);
  if (!record) return { refused: "malformed" };
  const signed = signedBytesOf(record, community);
  if (!signed) return { refused: "malformed" };
  if (signed.bodyBytes > BODY_MAX_BYTES) return { refused: "too-large" };
  return { held: holdChecked(record, signed.bytes, sha256) };
}

function holdChecked(record: SignedRecord, signedBytes: Uint8Array, sha256: RecordCrypto["sha256"]): Held {
  const hash = sha256(signedBytes);
  let hex = "";
  for (let i = 0; i < 8; i++) hex += hash[i]!.toString(16).padStart(2, "0");
  const size = signedBytes.length + record.sig.length + FIELD_NAMES_BYTES;
  return { record, ref: `${record.seq}:${hex}`, size, signedBytes };
}

/** Signs a record of our own. The caller has checked the body's size. */
export function signRecord(
  unsigned: UnsignedRecord,
  community: string,
  sign: (bytes: Uint8Array) => Uint8Array,
  sha256: RecordCrypto["sha256"],
): Held {
  const signed = signedBytesOf(unsigned, community);
  if (!signed || signed.bodyBytes > BODY_MAX_BYTES) throw new Error("signing a body that was not checked");
  return holdChecked({ ...unsigned, sig: toBase64url(sign(signed.bytes)) }, signed.bytes, sha256);
}

/** True when `publicKey` is the author's and signed exactly this. */
export function isGenuine(held: Held, publicKey: Uint8Array, crypto: RecordCrypto): boolean {
  const signature = fromBase64url(held.record.sig, 64);
  if (!signature || boxIdOf(publicKey, crypto.sha256) !== held.record.author) return false;
  return crypto.verify(publicKey, held.signedBytes, signature);
}

export function isFuture(record: SignedRecord, nowMs: number): boolean {
  return record.timeMs > nowMs + FUTURE_MAX_MS;
}

export function isExpired(record: SignedRecord, nowMs: number): boolean {
  return record.untilMs !== null && record.untilMs <= nowMs;
}

/**
 * The order of one author's records: by number, then by content. That two records with one number are ordered too is
 * what makes an equivocating author harmless: every box keeps the same one whichever came first.
 */
export function compareHeld(a: Held, b: Held): number {
  return a.record.seq - b.record.seq || (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : 0);
}
