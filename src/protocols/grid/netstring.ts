/** Netstrings: how the formats frame what they hash, the fields of a UEB, and the entries of a directory. */
import { utf8 } from "../wire/utf8.ts";
import { GridError } from "./errors.ts";

const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;
/** Enough for any length that a number holds exactly. */
const LENGTH_DIGITS_MAX = 15;

/** Beginnings of short ones: each hash of a tree needs two. */
const HEADS: Uint8Array[] = Array.from({ length: 65 }, (_, length) => utf8(`${length}:`));

/** The decimal length, ":", the bytes and ",". */
export function netstring(bytes: Uint8Array): Uint8Array {
  const head = HEADS[bytes.length] ?? utf8(`${bytes.length}:`);
  const framed = new Uint8Array(head.length + bytes.length + 1);
  framed.set(head);
  framed.set(bytes, head.length);
  framed[framed.length - 1] = COMMA;
  return framed;
}

/** Reads netstrings one after the other. What it gives are parts of the input, not copies. */
export class NetstringReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Where the next one begins. */
  get at(): number {
    return this.#at;
  }

  get isEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The content of the next one. Throws GridError "bad-netstring". */
  next(): Uint8Array {
    const length = this.#length();
    const start = this.#at;
    const end = start + length;
    if (end >= this.#bytes.length || this.#bytes[end] !== COMMA) throw bad("it does not end where its length says");
    this.#at = end + 1;
    return this.#bytes.subarray(start, end);
  }

  /** The text up to the next ":", after which `next` reads on: the key of a field. Throws "bad-netstring". */
  key(maxChars: number): string {
    let key = "";
    for (let at = this.#at; at < this.#bytes.length && key.length <= maxChars; at++) {
      const char = this.#bytes[at]!;
      if (char === COLON) {
        this.#at = at + 1;
        return key;
      }
      key += String.fromCharCode(char);
    }
    throw bad("a key without an end");
  }

  #length(): number {
    let length = 0;
    let at = this.#at;
    for (; at < this.#bytes.length && this.#bytes[at] !== COLON; at++) {
      const digit = this.#bytes[at]! - ZERO;
      if (digit < 0 || digit > 9 || at - this.#at >= LENGTH_DIGITS_MAX) throw bad("its length is no number");
      length = length * 10 + digit;
    }
    const digits = at - this.#at;
    if (at >= this.#bytes.length || digits === 0) throw bad("it has no length");
    if (digits > 1 && this.#bytes[this.#at] === ZERO) throw bad("its length begins with 0");
    this.#at = at + 1;
    return length;
  }
}

function bad(problem: string): GridError {
  return new GridError("bad-netstring", problem);
}
