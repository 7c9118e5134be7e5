/**
 * Writes MessagePack as every version of HashiCorp's Go programs reads it: only the old family (fixraw, raw16, raw32
 * both for text and for bytes, never str8 or bin). A stream over one buffer, not a converter of objects.
 */
import { utf8Length, writeUtf8 } from "./utf8.ts";

const TWO_32 = 2 ** 32;

export class MsgpackWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #size = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get size(): number {
    return this.#size;
  }

  /** Forgets what was written; the buffer stays, so that one writer serves many messages. */
  reset(): this {
    this.#size = 0;
    return this;
  }

  /** A copy of what was written since the last reset. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  /** One byte as it is, for instance a message type. */
  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#size++] = value;
    return this;
  }

  /** Bytes as they are, without a header. */
  plain(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
    return this;
  }

  nil(): this {
    return this.byte(0xc0);
  }

  bool(value: boolean): this {
    return this.byte(value ? 0xc3 : 0xc2);
  }

  /** A whole number within ±2^53, in its shortest form. */
  int(value: number): this {
    this.#room(9);
    const view = this.#view;
    const at = this.#size;
    if (value >= 0) {
      if (value < 0x80) return this.byte(value);
      if (value < 0x100) return this.byte(0xcc).byte(value);
      if (value < 0x10000) {
        view.setUint8(at, 0xcd);
        view.setUint16(at + 1, value);
        this.#size += 3;
      } else if (value < TWO_32) {
        view.setUint8(at, 0xce);
        view.setUint32(at + 1, value);
        this.#size += 5;
      } else {
        view.setUint8(at, 0xcf);
        view.setUint32(at + 1, Math.floor(value / TWO_32));
        view.setUint32(at + 5, value % TWO_32);
        this.#size += 9;
      }
    } else if (value >= -32) return this.byte(value & 0xff);
    else {
      view.setUint8(at, 0xd3);
      view.setBigInt64(at + 1, BigInt(value));
      this.#size += 9;
    }
    return this;
  }

  /** In four bytes, when seven digits are enough. */
  float32(value: number): this {
    this.#room(5);
    this.#view.setUint8(this.#size, 0xca);
    this.#view.setFloat32(this.#size + 1, value);
    this.#size += 5;
    return this;
  }

  /** Always the 8-byte form, also for 0, because the reader on the other side expects a float. */
  float(value: number): this {
    this.#room(9);
    this.#view.setUint8(this.#size, 0xcb);
    this.#view.setFloat64(this.#size + 1, value);
    this.#size += 9;
    return this;
  }

  text(value: string): this {
    if (value.length < 32 || !this.#asciiText(value)) return this.#anyText(value);
    return this;
  }

  /** Long ASCII texts, names of members, in one pass. */
  #asciiText(value: string): boolean {
    if (value.length >= 0x10000) return false;
    this.#room(value.length + 3);
    const bytes = this.#bytes;
    let at = this.#size + 3;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    this.#view.setUint8(this.#size, 0xda);
    this.#view.setUint16(this.#size + 1, value.length);
    this.#size = at;
    return true;
  }

  #anyText(value: string): this {
    const length = utf8Length(value);
    this.#rawHeader(length);
    this.#size = writeUtf8(value, this.#bytes, this.#size);
    return this;
  }

  raw(value: Uint8Array): this {
    this.#rawHeader(value.length);
    return this.plain(value);
  }

  array(length: number): this {
    return this.#container(length, 0x90, 0xdc);
  }

  map(length: number): this {
    return this.#container(length, 0x80, 0xde);
  }

  #container(length: number, short: number, long: number): this {
    this.#room(5);
    if (length < 16) return this.byte(short | length);
    if (length < 0x10000) {
      this.#view.setUint8(this.#size, long);
      this.#view.setUint16(this.#size + 1, length);
      this.#size += 3;
    } else {
      this.#view.setUint8(this.#size, long + 1);
      this.#view.setUint32(this.#size + 1, length);
      this.#size += 5;
    }
    return this;
  }

  #rawHeader(length: number): void {
    this.#room(length + 5);
    if (length < 32) this.byte(0xa0 | length);
    else if (length < 0x10000) {
      this.#view.setUint8(this.#size, 0xda);
      this.#view.setUint16(this.#size + 1, length);
      this.#size += 3;
    } else {
      this.#view.setUint8(this.#size, 0xdb);
      this.#view.setUint32(this.#size + 1, length);
      this.#size += 5;
    }
  }

  #room(length: number): void {
    const needed = this.#size + length;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
