/**
 * Reads MessagePack as HashiCorp's Go programs write it (the writer is msgpack-writer.ts). It takes the whole of the
 * present specification, and every read is bounded: by the buffer, by a depth, and by a count of items.
 *
 * It is a stream over one buffer, not a converter to objects: a message is decoded field by field into its own type,
 * so that a hostile packet cannot make us build a large structure before we look at it.
 */
import { WireError } from "./errors.ts";
import { fromUtf8, utf8 } from "./utf8.ts";

/** Containers inside containers. Our deepest message (recent events in a push/pull) needs 5. */
export const MSGPACK_DEPTH_MAX = 16;
/** Entries of one array or map, whatever the buffer could hold. */
export const MSGPACK_ITEMS_MAX = 1 << 20;

/** What `MsgpackReader.value` gives: raw, str, bin and ext all as bytes, since the old family does not tell them. */
export type MsgpackValue = null | boolean | number | Uint8Array | MsgpackValue[] | Map<string, MsgpackValue>;

const TWO_32 = 2 ** 32;

export class MsgpackReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  /** Entries of the map that begins here; nil counts as an empty one, as Go writes it. */
  mapHeader(): number {
    const type = this.#byte();
    if (type === 0xc0) return 0;
    if (type >= 0x80 && type <= 0x8f) return this.#items(type & 0x0f, 2);
    if (type === 0xde) return this.#items(this.#uint(2), 2);
    if (type === 0xdf) return this.#items(this.#uint(4), 2);
    throw new WireError("bad-type", `${type} where a map belongs`);
  }

  arrayHeader(): number {
    const type = this.#byte();
    if (type === 0xc0) return 0;
    if (type >= 0x90 && type <= 0x9f) return this.#items(type & 0x0f, 1);
    if (type === 0xdc) return this.#items(this.#uint(2), 1);
    if (type === 0xdd) return this.#items(this.#uint(4), 1);
    throw new WireError("bad-type", `${type} where an array belongs`);
  }

  /** A field name. Names that our messages use are found without building a string. */
  key(): string {
    const length = this.#rawLength();
    const start = this.offset;
    this.offset += length;
    let hash = length;
    for (let i = start; i < this.offset; i++) hash = (Math.imul(hash, 31) + this.bytes[i]!) >>> 0;
    const known = knownKeys.get(hash);
    if (known && sameBytes(known.bytes, this.bytes, start, length)) return known.text;
    return fromUtf8(this.bytes, start, this.offset);
  }

  text(): string {
    const length = this.#rawLength();
    const start = this.offset;
    this.offset += length;
    return fromUtf8(this.bytes, start, this.offset);
  }

  /** A copy, so that a small field does not keep a large packet alive. */
  raw(): Uint8Array {
    const length = this.#rawLength();
    if (length === 0) return EMPTY;
    return this.#copy(length);
  }

  /** Steps over text or bytes and gives their length; they end where the reader stands then. */
  span(): number {
    const length = this.#rawLength();
    this.offset += length;
    return length;
  }

  bool(): boolean {
    const type = this.#byte();
    if (type === 0xc3) return true;
    if (type === 0xc2 || type === 0xc0) return false;
    throw new WireError("bad-type", `${type} where a boolean belongs`);
  }

  /** A whole number from 0 to `max`, in whatever width it came. */
  uint(max = Number.MAX_SAFE_INTEGER): number {
    const value = this.number();
    if (!(value >= 0 && value <= max) || !Number.isInteger(value)) {
      throw new WireError("bad-value", `${value} is not between 0 and ${max}`);
    }
    return value;
  }

  /** Any number. Whole numbers beyond 2^53 lose their last digits. */
  number(): number {
    const type = this.#byte();
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return 0;
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        return this.#uint(4) * TWO_32 + this.#uint(4);
      case 0xd0:
        return (this.#uint(1) << 24) >> 24;
      case 0xd1:
        return (this.#uint(2) << 16) >> 16;
      case 0xd2:
        return this.#uint(4) | 0;
      case 0xd3:
        return (this.#uint(4) | 0) * TWO_32 + this.#uint(4);
      case 0xca:
      case 0xcb:
        return this.#float(type === 0xca ? 4 : 8);
      default:
        throw new WireError("bad-type", `${type} where a number belongs`);
    }
  }

  /** Steps over one value of any type. */
  skip(depth = 0): void {
    this.#any(depth, false);
  }

  /** One value of any type. Map keys that are not raw are refused. */
  value(depth = 0): MsgpackValue {
    return this.#any(depth, true);
  }

  #any(depth: number, keep: boolean): MsgpackValue {
    if (depth > MSGPACK_DEPTH_MAX) throw new WireError("too-deep", `more than ${MSGPACK_DEPTH_MAX} levels`);
    if (this.done) throw new WireError("truncated", "no value");
    const type = this.bytes[this.offset]!;
    if ((type & 0xf0) === 0x80 || type === 0xde || type === 0xdf) return this.#map(depth, keep);
    if ((type & 0xf0) === 0x90 || type === 0xdc || type === 0xdd) {
      const length = this.arrayHeader();
      const list: MsgpackValue[] = [];
      for (let i = 0; i < length; i++) {
        const item = this.#any(depth + 1, keep);
        if (keep) list.push(item);
      }
      return list;
    }
    if (type === 0xc0) {
      this.offset++;
      return null;
    }
    if (type === 0xc2 || type === 0xc3) return this.bool();
    const ext = extBytes(type);
    if (ext !== undefined) return this.#ext(type, ext);
    if ((type & 0xe0) === 0xa0 || (type >= 0xd9 && type <= 0xdb) || (type >= 0xc4 && type <= 0xc6)) {
      if (keep) return this.raw();
      const length = this.#rawLength();
      this.offset += length;
      return null;
    }
    return this.number();
  }

  #map(depth: number, keep: boolean): MsgpackValue {
    const length = this.mapHeader();
    const map = new Map<string, MsgpackValue>();
    for (let i = 0; i < length; i++) {
      if (keep) map.set(this.text(), this.#any(depth + 1, true));
      else {
        this.#any(depth + 1, false);
        this.#any(depth + 1, false);
      }
    }
    return map;
  }

  #ext(type: number, fixed: number): Uint8Array {
    this.offset++;
    const length = fixed > 0 ? fixed : this.#uint(1 << (type - 0xc7));
    this.#uint(1);
    this.#need(length);
    return this.#copy(length);
  }

  /** Not `slice`, which on Node's Buffer gives a view into the packet. */
  #copy(length: number): Uint8Array {
    this.offset += length;
    return new Uint8Array(this.bytes.subarray(this.offset - length, this.offset));
  }

  #rawLength(): number {
    const type = this.#byte();
    let length: number;
    if ((type & 0xe0) === 0xa0) length = type & 0x1f;
    else if (type === 0xc0) length = 0;
    else if (type === 0xd9 || type === 0xc4) length = this.#uint(1);
    else if (type === 0xda || type === 0xc5) length = this.#uint(2);
    else if (type === 0xdb || type === 0xc6) length = this.#uint(4);
    else throw new WireError("bad-type", `${type} where text or bytes belong`);
    this.#need(length);
    return length;
  }

  #items(count: number, bytesEach: number): number {
    if (count > MSGPACK_ITEMS_MAX) throw new WireError("too-large", `${count} items`);
    this.#need(count * bytesEach);
    return count;
  }

  #float(width: number): number {
    this.#need(width);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.offset, width);
    this.offset += width;
    return width === 4 ? view.getFloat32(0) : view.getFloat64(0);
  }

  #uint(width: number): number {
    this.#need(width);
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.bytes[this.offset++]!;
    return value;
  }

  #byte(): number {
    if (this.offset >= this.end) throw new WireError("truncated", "a byte is missing");
    return this.bytes[this.offset++]!;
  }

  #need(length: number): void {
    if (this.offset + length > this.end) throw new WireError("truncated", `${length} bytes are missing`);
  }
}

const EMPTY = new Uint8Array(0);
const knownKeys = new Map<number, { bytes: Uint8Array; text: string }>();

/** Tells the reader which field names to expect; unknown ones work too, only slower. */
export function expectKeys(names: readonly string[]): void {
  for (const text of names) {
    const bytes = utf8(text);
    let hash = bytes.length;
    for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) >>> 0;
    knownKeys.set(hash, { bytes, text });
  }
}

/** Data bytes of a fixed ext type, 0 for ext8 to ext32 (a length follows), undefined when it is no ext. */
function extBytes(type: number): number | undefined {
  if (type >= 0xc7 && type <= 0xc9) return 0;
  if (type >= 0xd4 && type <= 0xd8) return 1 << (type - 0xd4);
  return undefined;
}

function sameBytes(expected: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (expected.length !== length) return false;
  for (let i = 0; i < length; i++) if (expected[i] !== bytes[start + i]) return false;
  return true;
}
