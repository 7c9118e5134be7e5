/** Base32 (RFC 4648, section 6) in lower case without padding: the form of box and community ids. */

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** The characters in the order in which strings compare (digits first), by which a digest tree divides and goes on. */
export const BASE32_CHARS: readonly string[] = [...ALPHABET].sort();

export function base32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  if (bits > 0) text += ALPHABET[(buffer << (5 - bits)) & 31];
  return text;
}
