/**
 * UTF-8 (RFC 3629) without TextEncoder, which the pure rooms do not have. The decoder is strict: overlong forms,
 * surrogates and stray bytes are refused, so that two different byte strings never become the same name.
 */
import { WireError } from "./errors.ts";

/** Bytes that `text` takes in UTF-8; a lone surrogate counts as U+FFFD, as it is written. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else {
      length += 2;
      if (isPair(text, i)) i++;
    }
  }
  return length;
}

/** Writes `text` at `offset` and returns the offset after it. The caller has made room. */
export function writeUtf8(text: string, target: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    let point = text.charCodeAt(i);
    if (point < 0x80) {
      target[offset++] = point;
      continue;
    }
    if (point < 0x800) {
      target[offset++] = 0xc0 | (point >> 6);
      target[offset++] = 0x80 | (point & 0x3f);
      continue;
    }
    if (isPair(text, i)) {
      point = 0x10000 + ((point & 0x3ff) << 10) + (text.charCodeAt(++i) & 0x3ff);
      target[offset++] = 0xf0 | (point >> 18);
      target[offset++] = 0x80 | ((point >> 12) & 0x3f);
    } else {
      if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
      target[offset++] = 0xe0 | (point >> 12);
    }
    target[offset++] = 0x80 | ((point >> 6) & 0x3f);
    target[offset++] = 0x80 | (point & 0x3f);
  }
  return offset;
}

export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(text, bytes, 0);
  return bytes;
}

/** The text in bytes[start, end). Throws WireError "bad-utf8". */
export function fromUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start <= ASCII_AT_ONCE_MAX && isAscii(bytes, start, end)) {
    return String.fromCharCode.apply(undefined, bytes.subarray(start, end) as unknown as number[]);
  }
  let text = "";
  let i = start;
  while (i < end) {
    const first = bytes[i]!;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      i++;
      continue;
    }
    const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 ? 4 : 0;
    if (length === 0 || first > 0xf4 || i + length > end) throw new WireError("bad-utf8", `byte ${first} at ${i}`);
    let point = first & (0x7f >> length);
    for (let k = 1; k < length; k++) {
      const next = bytes[i + k]!;
      if ((next & 0xc0) !== 0x80) throw new WireError("bad-utf8", `byte ${next} at ${i + k}`);
      point = (point << 6) | (next & 0x3f);
    }
    const overlong = (length === 3 && point < 0x800) || (length === 4 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      throw new WireError("bad-utf8", `code point ${point} at ${i}`);
    }
    text += String.fromCodePoint(point);
    i += length;
  }
  return text;
}

/** Longer texts than this would need too many arguments of one call. */
const ASCII_AT_ONCE_MAX = 1024;

export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

function isPair(text: string, i: number): boolean {
  const high = text.charCodeAt(i);
  if (high < 0xd800 || high > 0xdbff || i + 1 >= text.length) return false;
  const low = text.charCodeAt(i + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}
