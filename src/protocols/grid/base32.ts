/**
 * Base32 as caps have it (RFC 4648, lower case, no padding), with a strict decoder: one value has one spelling, so
 * that two strings are the same cap only when they are equal.
 */
import { base32 } from "../records/base32.ts";

const VALUES = new Int8Array(128).fill(-1);
for (const [value, char] of [..."abcdefghijklmnopqrstuvwxyz234567"].entries()) VALUES[char.charCodeAt(0)] = value;

export function encodeBase32(bytes: Uint8Array): string {
  return base32(bytes);
}

/** The bytes, or undefined when `text` is not the one spelling of any. */
export function decodeBase32(text: string): Uint8Array | undefined {
  const over = text.length % 8;
  if (over === 1 || over === 3 || over === 6) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return undefined;
    held = (held << 5) | value;
    heldBits += 5;
    if (heldBits >= 8) {
      heldBits -= 8;
      bytes[at++] = held >>> heldBits;
      held &= (1 << heldBits) - 1;
    }
  }
  return held === 0 ? bytes : undefined;
}
