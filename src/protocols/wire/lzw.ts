/**
 * LZW as memberlist uses it: least significant bit first, 8-bit literals, codes of 9 to 12 bits, clear code 256,
 * end code 257, and no early width change (Welch 1984; the variant of Go's compress/lzw and of GIF).
 * The decoder takes an output limit, because a small packet may unpack to a thousand times its size.
 */
import { WireError } from "./errors.ts";

const CLEAR = 256;
const END = 257;
const WIDTH_MIN = 9;
const WIDTH_MAX = 12;
const CODES_MAX = 1 << WIDTH_MAX;
const NONE = 0xffff;

/** Unpacks `packed`; throws WireError "too-large" beyond `outputBytesMax`, "bad-value" or "truncated" on garbage. */
export function lzwDecode(packed: Uint8Array, outputBytesMax: number): Uint8Array {
  const prefix = new Uint16Array(CODES_MAX);
  const suffix = new Uint8Array(CODES_MAX);
  const stack = new Uint8Array(CODES_MAX);
  let output = new Uint8Array(Math.min(outputBytesMax, Math.max(64, packed.length * 4)));
  let size = 0;
  let width = WIDTH_MIN;
  let highest = END;
  let last = NONE;
  let bits = 0;
  let bitCount = 0;
  let offset = 0;
  for (;;) {
    while (bitCount < width) {
      if (offset >= packed.length) throw new WireError("truncated", "LZW data without an end code");
      bits |= packed[offset++]! << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    bitCount -= width;
    if (code === END) return output.slice(0, size);
    if (code === CLEAR) {
      width = WIDTH_MIN;
      highest = END;
      last = NONE;
      continue;
    }
    if (code > highest || (code === highest && code > END && last === NONE && highest < CODES_MAX - 1)) {
      throw new WireError("bad-value", `LZW code ${code} of ${highest}`);
    }
    let depth = CODES_MAX;
    let at = code;
    const isNew = code === highest && last !== NONE && code > END;
    if (isNew) {
      depth--;
      at = last;
    }
    while (at > END) {
      stack[--depth] = suffix[at]!;
      at = prefix[at]!;
    }
    stack[--depth] = at;
    if (isNew) stack[CODES_MAX - 1] = at;
    if (size + CODES_MAX - depth > outputBytesMax)
      throw new WireError("too-large", `LZW output over ${outputBytesMax}`);
    if (size + CODES_MAX - depth > output.length) output = grown(output, size + CODES_MAX - depth, outputBytesMax);
    for (let i = depth; i < CODES_MAX; i++) output[size++] = stack[i]!;
    if (last !== NONE) {
      suffix[highest] = at;
      prefix[highest] = last;
    }
    last = code;
    highest++;
    if (highest === 1 << width) {
      if (width === WIDTH_MAX) {
        last = NONE;
        highest--;
      } else width++;
    }
  }
}

/** Packs `bytes`; the answer may be larger than the input when that does not repeat itself. */
export function lzwEncode(bytes: Uint8Array): Uint8Array {
  const output = new Uint8Array(Math.ceil(bytes.length * 1.6) + 16);
  const codes = new Map<number, number>();
  let size = 0;
  let width = WIDTH_MIN;
  let highest = END;
  let bits = 0;
  let bitCount = 0;
  const emit = (code: number) => {
    bits |= code << bitCount;
    bitCount += width;
    while (bitCount >= 8) {
      output[size++] = bits & 0xff;
      bits >>>= 8;
      bitCount -= 8;
    }
  };
  /** Counts one more code; false when the table was full and has been cleared. */
  const advance = () => {
    highest++;
    if (highest === 1 << width) width++;
    if (highest < CODES_MAX - 1) return true;
    emit(CLEAR);
    width = WIDTH_MIN;
    highest = END;
    codes.clear();
    return false;
  };
  emit(CLEAR);
  let code = -1;
  for (const byte of bytes) {
    if (code < 0) {
      code = byte;
      continue;
    }
    const key = (code << 8) | byte;
    const known = codes.get(key);
    if (known !== undefined) {
      code = known;
      continue;
    }
    emit(code);
    code = byte;
    if (advance()) codes.set(key, highest);
  }
  if (code >= 0) {
    emit(code);
    advance();
  }
  emit(END);
  if (bitCount > 0) output[size++] = bits & 0xff;
  return output.slice(0, size);
}

function grown(output: Uint8Array<ArrayBuffer>, needed: number, limit: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(limit, Math.max(needed, output.length * 2)));
  larger.set(output);
  return larger;
}
