/**
 * The body of a read-test-write request, taken apart where it lies, possibly on the disk: shares of any size are
 * written with constant memory, since specimens and data stay there and only their places are known. It is CBOR of one
 * fixed shape; lengths must be definite, as every client of this protocol writes them.
 */
import { MUTABLE_END_MAX_BYTES, SHARE_NUMBERS_MAX, SHARE_NUMBER_MAX, VECTORS_MAX, WRITES_MAX } from "./constants.ts";
import { refuse } from "./refusal.ts";
import type { BodyBytes } from "./write-bodies.ts";

/** A part of the body. */
export interface Span {
  at: number;
  length: number;
}

export interface ReadVector {
  offset: number;
  size: number;
}

export interface ShareWish {
  tests: (ReadVector & { specimen: Span })[];
  writes: { offset: number; data: Span }[];
  /** Undefined where the request says null. */
  newLength: number | undefined;
}

export interface WriteRequest {
  shares: Map<number, ShareWish>;
  reads: ReadVector[];
}

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const NULL = 0xf6;
const WINDOW_BYTES = 4096;
const KEY_MAX_CHARS = 32;

/** Throws a 400 for everything that is not such a request. */
export function readWriteRequest(body: BodyBytes): WriteRequest {
  const cbor = new CborBody(body);
  let writes = 0;
  let shares: Map<number, ShareWish> | undefined;
  let reads: ReadVector[] | undefined;
  cbor.fields({
    "test-write-vectors": () => {
      shares = new Map();
      for (let left = cbor.head(MAP, SHARE_NUMBERS_MAX); left > 0; left--) {
        const number = cbor.head(UINT, SHARE_NUMBER_MAX);
        if (shares.has(number)) refuse(400, "a share is named twice");
        const wish = readWish(cbor, WRITES_MAX - writes);
        writes += wish.writes.length;
        shares.set(number, wish);
      }
    },
    "read-vector": () => {
      reads = cbor.list(VECTORS_MAX, () => {
        const vector = { offset: 0, size: 0 };
        cbor.fields({
          offset: () => (vector.offset = cbor.head(UINT)),
          size: () => (vector.size = cbor.head(UINT)),
        });
        return vector;
      });
    },
  });
  cbor.end();
  return { shares: shares!, reads: reads! };
}

function readWish(cbor: CborBody, writesMax: number): ShareWish {
  const wish: ShareWish = { tests: [], writes: [], newLength: undefined };
  cbor.fields({
    test: () => {
      wish.tests = cbor.list(VECTORS_MAX, () => {
        const test = { offset: 0, size: 0, specimen: { at: 0, length: 0 } };
        cbor.fields({
          offset: () => (test.offset = cbor.head(UINT)),
          size: () => (test.size = cbor.head(UINT)),
          specimen: () => (test.specimen = cbor.bytes()),
        });
        return test;
      });
    },
    write: () => {
      wish.writes = cbor.list(writesMax, () => {
        const write = { offset: 0, data: { at: 0, length: 0 } };
        cbor.fields({
          offset: () => (write.offset = cbor.head(UINT, MUTABLE_END_MAX_BYTES)),
          data: () => (write.data = cbor.bytes()),
        });
        return write;
      });
    },
    "new-length": () => {
      wish.newLength = cbor.isNull() ? undefined : cbor.head(UINT);
    },
  });
  return wish;
}

/** Reads forward through CBOR, a small window at a time. */
class CborBody {
  readonly #body: BodyBytes;
  readonly #bytes: number;
  #window: Uint8Array = new Uint8Array();
  #windowAt = 0;
  #at = 0;

  constructor(body: BodyBytes) {
    this.#body = body;
    this.#bytes = body.bytes;
  }

  /** The value of a head of this major type. */
  head(major: number, max = Number.MAX_SAFE_INTEGER): number {
    const first = this.#byte();
    if (first >> 5 !== major) refuse(400, `byte ${this.#at - 1}: another type is expected here`);
    let value = first & 31;
    if (value > 27) refuse(400, `byte ${this.#at - 1}: lengths must be definite`);
    if (value > 23) {
      let left = 1 << (value - 24);
      for (value = 0; left > 0; left--) value = value * 256 + this.#byte();
    }
    if (value > max) refuse(400, `byte ${this.#at}: a value is too large`);
    return value;
  }

  isNull(): boolean {
    if (this.#byte() === NULL) return true;
    this.#at--;
    return false;
  }

  /** A byte string, which is left where it is. */
  bytes(): Span {
    const length = this.head(BYTES);
    const at = this.#at;
    if (length > this.#bytes - at) refuse(400, "the body ends in a byte string");
    this.#at += length;
    return { at, length };
  }

  list<T>(max: number, one: () => T): T[] {
    const items: T[] = [];
    for (let left = this.head(ARRAY, max); left > 0; left--) items.push(one());
    return items;
  }

  /** A map with exactly these keys, in any order. */
  fields(readers: Readonly<Record<string, () => void>>): void {
    const wanted = new Map(Object.entries(readers));
    for (let left = this.head(MAP, wanted.size); left > 0; left--) {
      let key = "";
      for (let chars = this.head(TEXT, KEY_MAX_CHARS); chars > 0; chars--) key += String.fromCharCode(this.#byte());
      const read = wanted.get(key) ?? refuse(400, `byte ${this.#at}: unknown or repeated key`);
      wanted.delete(key);
      read();
    }
    if (wanted.size > 0) refuse(400, `missing: ${[...wanted.keys()].join(", ")}`);
  }

  end(): void {
    if (this.#at !== this.#bytes) refuse(400, "the body goes on behind its end");
  }

  #byte(): number {
    if (this.#at >= this.#bytes) refuse(400, "the body ends too early");
    if (this.#at < this.#windowAt || this.#at >= this.#windowAt + this.#window.length) {
      this.#windowAt = this.#at;
      this.#window = this.#body.read(this.#at, Math.min(WINDOW_BYTES, this.#bytes - this.#at));
    }
    return this.#window[this.#at++ - this.#windowAt]!;
  }
}
