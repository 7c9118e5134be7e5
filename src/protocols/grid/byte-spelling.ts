/**
 * Bytes as text when nobody said which spelling it is. Some short texts are right in two spellings ("abcd" is two bytes
 * in hexadecimal and three in base64), so the texts that belong together are looked at together.
 */
import { fromBase64url } from "../records/base64url.ts";
import { utf8 } from "../wire/utf8.ts";
import { decodeBase32 } from "./base32.ts";

export type ByteSpelling = "hex" | "base64" | "base32" | "text";

const ORDER = ["hex", "base64", "base32"] as const;
/** Texts this long are right in these by no chance: base64 has many more letters. */
const SURE_HEX_CHARS = 16;
const SURE_BASE32_CHARS = 26;

/** The bytes, or undefined when it is not right in that spelling. */
export function spelled(text: string, spelling: ByteSpelling): Uint8Array | undefined {
  switch (spelling) {
    case "hex":
      return fromHex(text);
    case "base64":
      return fromBase64(text);
    case "base32":
      return fromBase32(text);
    case "text":
      return utf8(text);
  }
}

/**
 * The bytes of each text, undefined where it is right in no spelling. What leaves a choice is taken as those of the
 * other texts that leave none, else as hexadecimal, base64 (also of URLs, with or without padding), base32.
 */
export function spelledTogether(texts: readonly string[]): (Uint8Array | undefined)[] {
  const sure = texts.flatMap((text) => sureSpelling(text) ?? []);
  return texts.map((text) => spelledInOneOf(text, [sureSpelling(text) ?? [], ...sure, ...ORDER].flat()));
}

function sureSpelling(text: string): ByteSpelling | undefined {
  const fitting = ORDER.filter((spelling) => spelled(text, spelling) !== undefined);
  if (fitting.length === 1) return fitting[0];
  if (fitting.includes("hex") && text.length >= SURE_HEX_CHARS) return "hex";
  return fitting.includes("base32") && text.length >= SURE_BASE32_CHARS ? "base32" : undefined;
}

/** The bytes in the first spelling in which they are right. */
export function spelledInOneOf(text: string, spellings: readonly ByteSpelling[]): Uint8Array | undefined {
  for (const spelling of spellings) {
    const bytes = spelled(text, spelling);
    if (bytes) return bytes;
  }
  return undefined;
}

/** Lower or upper case, with all of its padding or none. */
function fromBase32(text: string): Uint8Array | undefined {
  const bare = text.replace(/={1,6}$/, "");
  if (bare.length < text.length && text.length % 8 !== 0) return undefined;
  return decodeBase32(bare === bare.toUpperCase() ? bare.toLowerCase() : bare);
}

function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = hexDigit(text.charCodeAt(2 * at));
    const low = hexDigit(text.charCodeAt(2 * at + 1));
    if (high === undefined || low === undefined) return undefined;
    bytes[at] = high * 16 + low;
  }
  return bytes;
}

function hexDigit(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}

function fromBase64(text: string): Uint8Array | undefined {
  const bare = text.replace(/={1,2}$/, "");
  if (bare.length < text.length && text.length % 4 !== 0) return undefined;
  return fromBase64url(bare.replaceAll("+", "-").replaceAll("/", "_"), Math.floor((bare.length * 3) / 4));
}
