/**
 * Reads requests of the Redis protocol out of chunks of bytes: arrays of bulk strings, and lines that people type.
 * What it finds does not depend on where the chunks are cut. Arguments are views of the chunks, not copies: whoever
 * keeps one for long copies it. Source: the protocol's specification, and how Redis 7 answers what breaks it.
 *
 *   ┌─► line ──"*n"──► head ("$length") ──► body ─┐
 *   │    └─ words ─► request            ▲─ more ──┴─ all n ─► request
 *   └──────────────────────────────────────────────────────────┘      any of them ─► failed, for ever
 */
import {
  ARGUMENTS_MAX,
  ARGUMENT_OVERHEAD_BYTES,
  BULK_BYTES_MAX,
  INLINE_BYTES_MAX,
  REQUEST_BYTES_MAX,
  UNTRUSTED_ARGUMENTS_MAX,
  UNTRUSTED_BULK_BYTES_MAX,
} from "./constants.ts";
import { splitInline } from "./inline.ts";

/** The bytes of an error answer without "-" and line end. Nothing that follows on the connection can be understood. */
export interface ProtocolError {
  error: string;
}

export type Request = Uint8Array[];

export interface RequestLimits {
  inlineBytesMax: number;
  bulkBytesMax: number;
  argumentsMax: number;
  requestBytesMax: number;
}

const LIMITS: RequestLimits = {
  inlineBytesMax: INLINE_BYTES_MAX,
  bulkBytesMax: BULK_BYTES_MAX,
  argumentsMax: ARGUMENTS_MAX,
  requestBytesMax: REQUEST_BYTES_MAX,
};

const CR = 0x0d;
const LF = 0x0a;
const STAR = 0x2a;
const DOLLAR = 0x24;
const NOTHING = new Uint8Array(0);
const NO_INTEGER = -2;
const ADVICE = "larger things do not belong here";

export class RequestParser {
  /** False until the other side has said the password: then it may send little. */
  trusted = true;
  readonly #limits: RequestLimits;
  /** Read so far, and not taken yet: from `#at` to `#end`. */
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #end = 0;
  /** From `#at`: bytes that have been searched for the end of a line. */
  #searched = 0;
  /** True when `#bytes` was made here, so that more may be written behind `#end`. */
  #own = false;
  #request: Request = [];
  /** Arguments that the request has; 0: none has begun. */
  #count = 0;
  /** Length of the argument that comes; -1: its head comes first. */
  #length = -1;
  /** What the arguments with a known length will take, and what those that are here take. */
  #announcedBytes = 0;
  #takenBytes = 0;
  #failed: ProtocolError | undefined;

  constructor(limits: Partial<RequestLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Bytes kept for a request that is not whole yet, or was not asked for yet. */
  heldBytes(): number {
    return this.#end - this.#at + this.#takenBytes;
  }

  /** True when a request has begun that is not whole yet, or bytes wait for `next`. */
  isInside(): boolean {
    return this.#count > 0 || this.#end > this.#at;
  }

  /** Takes the next bytes. They must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#failed || chunk.length === 0) return;
    const left = this.#end - this.#at;
    if (left === 0) {
      this.#bytes = chunk;
      this.#at = 0;
      this.#end = chunk.length;
      this.#own = false;
      return;
    }
    const needed = left + chunk.length;
    if (!this.#own || this.#bytes.length - this.#end < chunk.length) {
      // Doubled, so that small chunks of a large value are copied a few times at most; never beyond what is awaited.
      const awaited = this.#length < 0 ? 2 * needed : Math.max(needed, this.#length + 2);
      const grown = new Uint8Array(Math.min(2 * needed, awaited));
      grown.set(this.#bytes.subarray(this.#at, this.#end));
      this.#bytes = grown;
      this.#at = 0;
      this.#end = left;
      this.#own = true;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next whole request; undefined: more bytes are needed. After an error it gives that error for ever. */
  next(): Request | ProtocolError | undefined {
    while (!this.#failed) {
      if (this.#count === 0) {
        if (this.#at >= this.#end) return undefined;
        const begun = this.#bytes[this.#at] === STAR ? this.#readCount() : this.#readInline();
        if (begun === undefined) return this.#failed;
        if (Array.isArray(begun) && begun.length > 0) return begun;
        continue;
      }
      if (this.#length < 0 && !this.#readLength()) return this.#failed;
      if (!this.#readBody()) return undefined;
      if (this.#request.length === this.#count) {
        const request = this.#request;
        this.#request = [];
        this.#count = 0;
        this.#takenBytes = 0;
        return request;
      }
    }
    return this.#failed;
  }

  /** Undefined: not whole yet, or failed. */
  #readInline(): Request | undefined {
    const end = this.#find(LF);
    if (end < 0) return this.#tooLong("too big inline request");
    const line = this.#bytes.subarray(this.#at, this.#bytes[end - 1] === CR && end > this.#at ? end - 1 : end);
    this.#take(end + 1);
    const words = splitInline(line);
    if (!words) return this.#fail("unbalanced quotes in request");
    return words;
  }

  /** True: a count was read. Undefined: not whole yet, or failed. */
  #readCount(): true | undefined {
    const end = this.#findHeadEnd();
    if (end < 0) return this.#tooLong("too big mbulk count string");
    const count = integer(this.#bytes, this.#at + 1, end);
    if (count === NO_INTEGER || count > this.#limits.argumentsMax) return this.#fail("invalid multibulk length");
    if (!this.trusted && count > UNTRUSTED_ARGUMENTS_MAX) return this.#fail("unauthenticated multibulk length");
    this.#take(end + 2);
    // As in Redis, a request of no arguments is passed over in silence.
    if (count <= 0) return true;
    this.#count = count;
    this.#length = -1;
    this.#announcedBytes = count * ARGUMENT_OVERHEAD_BYTES;
    return true;
  }

  #readLength(): boolean {
    if (this.#at >= this.#end) return false;
    const end = this.#findHeadEnd();
    if (end < 0) {
      this.#tooLong("too big bulk count string");
      return false;
    }
    const first = this.#bytes[this.#at]!;
    if (first !== DOLLAR) {
      this.#fail(`expected '$', got '${String.fromCharCode(first)}'`);
      return false;
    }
    const length = integer(this.#bytes, this.#at + 1, end);
    const { bulkBytesMax, requestBytesMax } = this.#limits;
    if (length < 0) this.#fail("invalid bulk length");
    else if (!this.trusted && length > UNTRUSTED_BULK_BYTES_MAX) this.#fail("unauthenticated bulk length");
    else if (length > bulkBytesMax) this.#fail(`invalid bulk length, at most ${bulkBytesMax} bytes; ${ADVICE}`);
    else if (this.#announcedBytes + length > requestBytesMax)
      this.#fail(`too big request, at most ${requestBytesMax} bytes`);
    if (this.#failed) return false;
    this.#take(end + 2);
    this.#length = length;
    this.#announcedBytes += length;
    return true;
  }

  #readBody(): boolean {
    // The two bytes behind the argument are passed over whatever they are, as in Redis.
    const end = this.#at + this.#length;
    if (end + 2 > this.#end) return false;
    this.#request.push(this.#bytes.subarray(this.#at, end));
    this.#takenBytes += this.#length + ARGUMENT_OVERHEAD_BYTES;
    this.#length = -1;
    this.#take(end + 2);
    return true;
  }

  /** Where the CR of a head is, once the byte behind it is there, too; else -1. */
  #findHeadEnd(): number {
    const end = this.#find(CR);
    if (end < 0) return -1;
    if (end + 2 <= this.#end) return end;
    this.#searched = end - this.#at;
    return -1;
  }

  /** Where the byte is, within the limit of a line; else -1. */
  #find(byte: number): number {
    // A head is short and its end near: a loop finds it sooner than a call of indexOf would.
    const from = this.#at + this.#searched;
    const near = Math.min(this.#end, from + 16);
    const limit = this.#at + this.#limits.inlineBytesMax;
    for (let at = from; at < near; at += 1) if (this.#bytes[at] === byte) return at <= limit ? at : -1;
    const found = near < this.#end ? this.#bytes.indexOf(byte, near) : -1;
    if (found >= 0 && found < this.#end && found <= limit) return found;
    this.#searched = Math.min(this.#end, limit + 1) - this.#at;
    return -1;
  }

  /** After a search for a line's end was in vain: fails if no end can come any more. */
  #tooLong(error: string): undefined {
    return this.#end - this.#at > this.#limits.inlineBytesMax + 1 ? this.#fail(error) : undefined;
  }

  #take(to: number): void {
    this.#at = to;
    this.#searched = 0;
  }

  #fail(error: string): undefined {
    this.#failed = { error: `ERR Protocol error: ${error}` };
    this.#bytes = NOTHING;
    this.#at = this.#end = 0;
    this.#request = [];
    this.#count = this.#takenBytes = 0;
    return undefined;
  }
}

/**
 * A decimal integer as Redis writes it: no sign but "-", no zero in front. What has more than 15 digits is above
 * every limit and given as infinite. -1 for every negative one.
 */
function integer(bytes: Uint8Array, from: number, to: number): number {
  const negative = bytes[from] === 0x2d;
  const first = negative ? from + 1 : from;
  const digits = to - first;
  if (digits < 1 || (bytes[first] === 0x30 && (digits > 1 || negative))) return NO_INTEGER;
  let value = 0;
  for (let at = first; at < to; at += 1) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return NO_INTEGER;
    value = value * 10 + digit;
  }
  if (negative) return -1;
  return digits > 15 ? Infinity : value;
}
