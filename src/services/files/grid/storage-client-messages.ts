/** The CBOR that goes to a storage server, and what comes back, which may be anything. */
import type { ByteRange } from "../../../protocols/grid/pieces.ts";
import { Token, Tokenizer, Type, decode, encode } from "cborg";
import type { DecodeOptions, EncodeOptions, TokenOrNestedTokens } from "cborg/interface";
import type { AllocateWish, Allocated, LeaseSecrets, PutWhole } from "./server.ts";
import type { ReadTestWrite, ReadTestWritten, WholePut } from "./server.ts";
import { ANSWER_ITEMS_MAX, BEFORE_WRITE_MARK, JOINED_PART_BYTES } from "./storage-client-constants.ts";
import { WHOLE_SHARES_MARK } from "./storage-client-constants.ts";

const SET_TAG = 258;
const SHARE_NUMBER_MAX = 255;
const SHARES_MAX = 256;
const STORAGE_V1 = "http://allmydata.org/tahoe/protocols/storage/v1";

const WITH_SETS: EncodeOptions = {
  typeEncoders: {
    // The library knows sets by their name only.
    Set: (set: Set<number>): TokenOrNestedTokens => [
      new Token(Type.tag, SET_TAG),
      [new Token(Type.array, set.size), ...[...set].map((one) => new Token(Type.uint, one))],
    ],
  },
};

/** An answer that is none of the protocol. */
export class Garbled extends Error {}

export function allocateBody({ shares, bytes }: AllocateWish): Uint8Array {
  return encode({ "share-numbers": new Set(shares), "allocated-size": bytes }, WITH_SETS);
}

/** In parts, as `readTestWriteBody`. */
export function putWholeBody({ shares }: PutWhole): Uint8Array[] {
  const parts = new Parts();
  parts.head(MAP, 1);
  parts.shares(shares);
  return parts.all();
}

/** A write with what must be there before it; the secrets of that are in the body, each with its own. */
export function beforeWriteBody(wish: ReadTestWrite): Uint8Array[] {
  const { before = [] } = wish;
  const parts = new Parts();
  parts.head(MAP, 2);
  parts.text("before");
  parts.head(ARRAY, before.length);
  for (const one of before) {
    parts.head(MAP, 3);
    parts.text("storage-index");
    parts.text(one.storageIndex);
    parts.text("secrets");
    if (one.kind === "whole") {
      parts.secrets({ ...leaseSecrets(one.put.lease), "upload-secret": one.put.uploadSecret });
      parts.shares(one.put.shares);
    } else {
      parts.secrets({ ...leaseSecrets(one.wish.lease), "write-enabler": one.wish.writeEnabler });
      parts.text("write");
      parts.bytes(Buffer.concat(readTestWriteBody(one.wish)));
    }
  }
  parts.text("write");
  parts.within(readTestWriteBody(wish));
  return parts.all();
}

/** Secrets by the names that the protocol has for them. */
export type Secrets = Readonly<Record<string, Uint8Array>>;

export function leaseSecrets({ renewSecret, cancelSecret }: LeaseSecrets): Secrets {
  return { "lease-renew-secret": renewSecret, "lease-cancel-secret": cancelSecret };
}

export function adviceBody(reason: string): Uint8Array {
  return encode({ reason });
}

/** In parts, so that share data is not copied: they go out one after the other. */
export function readTestWriteBody(wish: ReadTestWrite): Uint8Array[] {
  const parts = new Parts();
  parts.head(MAP, 2);
  parts.text("test-write-vectors");
  parts.head(MAP, wish.shares.size);
  for (const [number, { test, write, newLength }] of wish.shares) {
    parts.head(UINT, number);
    parts.head(MAP, 3);
    parts.text("test");
    parts.head(ARRAY, test.length);
    for (const { offset, size, specimen } of test) {
      parts.head(MAP, 3);
      parts.field("offset", offset);
      parts.field("size", size);
      parts.text("specimen");
      parts.bytes(specimen);
    }
    parts.text("write");
    parts.head(ARRAY, write.length);
    for (const { offset, data } of write) {
      parts.head(MAP, 2);
      parts.field("offset", offset);
      parts.text("data");
      parts.bytes(data);
    }
    parts.text("new-length");
    if (newLength === null) parts.raw(NULL);
    else parts.head(UINT, newLength);
  }
  parts.text("read-vector");
  parts.head(ARRAY, wish.read.length);
  for (const { offset, size } of wish.read) {
    parts.head(MAP, 2);
    parts.field("offset", offset);
    parts.field("size", size);
  }
  return parts.all();
}

export interface VersionRead {
  /** Bytes that it still takes. */
  availableBytes: number;
  /** Several whole shares at once; and small things before a write. */
  takesWhole: boolean;
  takesBefore: boolean;
}

/** Keys here are byte strings. */
export function readVersion(body: Uint8Array): VersionRead {
  const document = byText(mapOf(decoded(body)));
  const storage = mapOf(document.get(STORAGE_V1));
  const application = document.get("application-version");
  const words = application instanceof Uint8Array ? latin1(application).split(/[ ;,()]+/) : [];
  return {
    availableBytes: countOf(byText(storage).get("available-space")),
    takesWhole: words.includes(WHOLE_SHARES_MARK),
    takesBefore: words.includes(BEFORE_WRITE_MARK),
  };
}

export function readAllocated(body: Uint8Array, wished: readonly number[]): Allocated {
  const answer = mapOf(decoded(body));
  const allocated = numbersOf(answer.get("allocated"));
  if (allocated.some((one) => !wished.includes(one))) throw new Garbled("it allocated what nobody wished for");
  return { alreadyHave: numbersOf(answer.get("already-have")), allocated };
}

export function readWholePut(body: Uint8Array, sent: ReadonlyMap<number, unknown>): WholePut {
  const answer = mapOf(decoded(body));
  const [alreadyHave, stored] = ["already-have", "stored"].map((name) => new Set(listOf(answer.get(name))));
  const put = { alreadyHave: numbersOf(alreadyHave), stored: numbersOf(stored) };
  if (put.stored.some((one) => !sent.has(one))) throw new Garbled("it stored what was not sent");
  return put;
}

export function readShareNumbers(body: Uint8Array): number[] {
  return numbersOf(decoded(body));
}

/** What is missing, within `total` bytes. */
export function readRequired(body: Uint8Array, total: number): ByteRange[] {
  return listOf(mapOf(decoded(body)).get("required"))
    .map((one) => {
      const range = mapOf(one);
      const [begin, end] = [countOf(range.get("begin")), countOf(range.get("end"))];
      if (begin >= end || end > total) throw new Garbled("a missing range is not within the share");
      return { at: begin, length: end - begin };
    })
    .toSorted((one, other) => one.at - other.at);
}

/** `sizes`: what was asked to be read of each share. */
export function readReadTestWritten(body: Uint8Array, sizes: readonly number[]): ReadTestWritten {
  const answer = mapOf(decoded(body));
  const success = answer.get("success");
  if (typeof success !== "boolean") throw new Garbled("it does not say whether it wrote");
  const data = new Map<number, Uint8Array[]>();
  for (const [number, parts] of mapOf(answer.get("data"))) {
    const read = listOf(parts);
    if (read.length !== sizes.length) throw new Garbled("it read other vectors than were asked for");
    data.set(
      numberOf(number),
      read.map((one, index) => bytesOf(one, sizes[index]!)),
    );
  }
  return { success, data };
}

/** Stops at `ANSWER_ITEMS_MAX`. */
class FewItems extends Tokenizer {
  #left = ANSWER_ITEMS_MAX;

  override next(): Token {
    if ((this.#left -= 1) < 0) throw new Garbled("an answer of too many items");
    return super.next();
  }
}

function decoded(body: Uint8Array): unknown {
  const options: DecodeOptions = {
    useMaps: true,
    rejectDuplicateMapKeys: true,
    allowIndefinite: true,
    allowBigInt: true,
    tags: { [SET_TAG]: (content) => new Set(listOf(content())) },
  };
  try {
    return decode(body, { ...options, tokenizer: new FewItems(body, options) }) as unknown;
  } catch (error) {
    if (error instanceof Garbled) throw error;
    throw new Garbled("its answer is not CBOR", { cause: error });
  }
}

function byText(map: Map<unknown, unknown>): Map<string, unknown> {
  const entries = [...map].map(([key, value]) => [key instanceof Uint8Array ? latin1(key) : "", value] as const);
  return new Map(entries);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 100)).toString("latin1");
}

function mapOf(value: unknown): Map<unknown, unknown> {
  return value instanceof Map ? value : garbled("a map");
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : garbled("a list");
}

function bytesOf(value: unknown, maxBytes: number): Uint8Array {
  return value instanceof Uint8Array && value.length <= maxBytes ? value : garbled("bytes of that length");
}

/** The protocol knows 64-bit figures; no share and no disk is beyond 2^53. */
function countOf(value: unknown): number {
  if (typeof value === "bigint" && value >= 0n) return Number.MAX_SAFE_INTEGER;
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : garbled("a count");
}

function numberOf(value: unknown): number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= SHARE_NUMBER_MAX
    ? (value as number)
    : garbled("a share number");
}

function numbersOf(value: unknown): number[] {
  if (!(value instanceof Set) || value.size > SHARES_MAX) return garbled("a set of share numbers");
  return [...value].map(numberOf).toSorted((one, other) => one - other);
}

function garbled(wanted: string): never {
  throw new Garbled(`its answer lacks ${wanted}`);
}

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const NULL = Uint8Array.of(0xf6);

/** CBOR as it grows; long byte strings stand in it as they are, all between them is joined. */
class Parts {
  readonly #parts: Uint8Array[] = [];
  #joined: Uint8Array[] = [];
  #joinedBytes = 0;

  raw(bytes: Uint8Array): void {
    this.#joined.push(bytes);
    this.#joinedBytes += bytes.length;
    if (this.#joinedBytes >= JOINED_PART_BYTES) this.#close();
  }

  head(major: number, value: number): void {
    this.raw(head(major, value));
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.head(TEXT, bytes.length);
    this.raw(bytes);
  }

  field(name: string, value: number): void {
    this.text(name);
    this.head(UINT, value);
  }

  bytes(bytes: Uint8Array): void {
    this.head(BYTES, bytes.length);
    this.#put(bytes);
  }

  shares(shares: ReadonlyMap<number, Uint8Array>): void {
    this.text("shares");
    this.head(MAP, shares.size);
    for (const [number, data] of shares) {
      this.head(UINT, number);
      this.bytes(data);
    }
  }

  secrets(secrets: Secrets): void {
    const all = Object.entries(secrets);
    this.head(MAP, all.length);
    for (const [kind, secret] of all) {
      this.text(kind);
      this.bytes(secret);
    }
  }

  /** Other parts as one byte string. */
  within(parts: readonly Uint8Array[]): void {
    this.head(
      BYTES,
      parts.reduce((sum, { length }) => sum + length, 0),
    );
    for (const part of parts) this.#put(part);
  }

  all(): Uint8Array[] {
    this.#close();
    return this.#parts;
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length < JOINED_PART_BYTES) {
      this.raw(bytes);
      return;
    }
    this.#close();
    this.#parts.push(bytes);
  }

  #close(): void {
    if (this.#joinedBytes > 0) this.#parts.push(Buffer.concat(this.#joined, this.#joinedBytes));
    this.#joined = [];
    this.#joinedBytes = 0;
  }
}

/** Type and number in their shortest form (RFC 8949, section 3). */
function head(major: number, value: number): Uint8Array {
  const type = major << 5;
  if (value < 24) return Uint8Array.of(type | value);
  const bytes = Buffer.alloc(9);
  if (value < 2 ** 8) {
    bytes.writeUInt8(value, 1);
    bytes[0] = type | 24;
    return bytes.subarray(0, 2);
  }
  if (value < 2 ** 16) {
    bytes.writeUInt16BE(value, 1);
    bytes[0] = type | 25;
    return bytes.subarray(0, 3);
  }
  if (value < 2 ** 32) {
    bytes.writeUInt32BE(value, 1);
    bytes[0] = type | 26;
    return bytes.subarray(0, 5);
  }
  bytes.writeBigUInt64BE(BigInt(value), 1);
  bytes[0] = type | 27;
  return bytes;
}
