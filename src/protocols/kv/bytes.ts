/** The fields that frames are made of, written into one growing buffer and read with every length checked. */
import type { Ballot, View } from "./messages.ts";
import type { Key, Version } from "./types.ts";

/** A frame that no node of ours has made. */
export class FrameError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "FrameError";
  }
}

/**
 * Messages of a frame and items of their lists, together: few bytes may stand for one, and each is an object. A list
 * of keys has 2,000 at most; other frames are not longer than 256 KiB and one message.
 */
export const FRAME_ITEMS_MAX = 256 * 1024;
const FIRST_BYTES = 64 * 1024;
const TWO_32 = 2 ** 32;

export class FrameWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#size++] = value;
    return this;
  }

  u16(value: number): this {
    this.#room(2);
    this.#view.setUint16(this.#size, value);
    this.#size += 2;
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#view.setUint32(this.#size, value);
    this.#size += 4;
    return this;
  }

  u48(value: number): this {
    this.#room(6);
    this.#view.setUint16(this.#size, Math.floor(value / TWO_32));
    this.#view.setUint32(this.#size + 2, value >>> 0);
    this.#size += 6;
    return this;
  }

  i64(value: bigint): this {
    this.#room(8);
    this.#view.setBigInt64(this.#size, value);
    this.#size += 8;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#size);
    this.#size += value.length;
    return this;
  }

  /** Undefined is not the same as empty. */
  maybeBytes(value: Uint8Array | undefined): this {
    return value ? this.u8(1).bytes(value) : this.u8(0);
  }

  key(value: Key): this {
    this.u16(value.length);
    this.#room(value.length);
    for (let at = 0; at < value.length; at++) this.#bytes[this.#size++] = value.charCodeAt(at);
    return this;
  }

  maybeKey(value: Key | undefined): this {
    return value === undefined ? this.u8(0) : this.u8(1).key(value);
  }

  ballot({ round, node }: Ballot): this {
    return this.u48(round).u48(node);
  }

  version({ round, node, n }: Version): this {
    return this.u48(round).u48(node).u48(n);
  }

  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(item);
    return this;
  }

  nodes(nodes: readonly number[]): this {
    return this.list(nodes, (node) => this.u48(node));
  }

  view({ number, members }: View): this {
    return this.u48(number).nodes(members);
  }

  maybeView(view: View | undefined): this {
    return view ? this.u8(1).view(view) : this.u8(0);
  }

  /** What was written, and begins anew. A copy. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#size);
    this.#size = 0;
    // A large value is no reason to keep a large buffer for ever.
    if (this.#bytes.length > 16 * FIRST_BYTES) {
      this.#bytes = new Uint8Array(FIRST_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return bytes;
  }

  #room(bytes: number): void {
    if (this.#size + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size + bytes));
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export class FrameReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#step(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4));
  }

  u48(): number {
    const at = this.#step(6);
    return this.#view.getUint16(at) * TWO_32 + this.#view.getUint32(at + 2);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#step(8));
  }

  /** A part of the frame, not a copy. */
  bytes(): Uint8Array {
    const length = this.u32();
    const at = this.#step(length);
    return this.#bytes.subarray(at, at + length);
  }

  maybeBytes(): Uint8Array | undefined {
    return this.flag() ? this.bytes() : undefined;
  }

  key(): Key {
    const length = this.u16();
    const at = this.#step(length);
    let key = "";
    for (let next = at; next < at + length; next++) key += String.fromCharCode(this.#bytes[next]!);
    return key;
  }

  maybeKey(): Key | undefined {
    return this.flag() ? this.key() : undefined;
  }

  flag(): boolean {
    const flag = this.u8();
    if (flag > 1) throw new FrameError("a flag that is neither 0 nor 1");
    return flag === 1;
  }

  ballot(): Ballot {
    return { round: this.u48(), node: this.u48() };
  }

  version(): Version {
    return { round: this.u48(), node: this.u48(), n: this.u48() };
  }

  /** Counts one more. */
  item(): this {
    if (++this.#items > FRAME_ITEMS_MAX) throw new FrameError("a frame of too many parts");
    return this;
  }

  /** Nothing is made before its first byte is there, so a false count costs nothing. */
  list<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.u32(); left > 0; left--) {
      this.item();
      items.push(read());
    }
    return items;
  }

  nodes(): number[] {
    return this.list(() => this.u48());
  }

  view(): View {
    return { number: this.u48(), members: this.nodes() };
  }

  maybeView(): View | undefined {
    return this.flag() ? this.view() : undefined;
  }

  #step(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new FrameError("a frame that ends too early");
    this.#at += length;
    return at;
  }
}
