/**
 * Values and keys are bytes. What of them can be shown, and typed, as text, and how the rest is shown. Pure.
 */
import { shownText } from "../../../kernel/unseen.ts";

/** Rows of the table of bytes, and characters of a text, that are put on the page at one time. */
export const HEX_ROWS_MAX = 256;
export const TEXT_CHARS_MAX = 20_000;
/** Bytes in a row of that table. */
const ROW_BYTES = 8;

/** The text, when the bytes are one without characters that nobody sees; undefined otherwise. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    // A mark of byte order is no letter: with it the text would not give the same bytes again.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return shownText(text) === text ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Can it be typed in a field and come out as the same bytes? Browsers turn every end of a line into a line feed. */
export function isTypeable(text: string): boolean {
  return !text.includes("\r");
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export interface HexRow {
  /** Where the row begins, as eight hexadecimal digits. */
  at: string;
  hex: string;
  /** The same as ASCII; a dot for what is not. */
  text: string;
}

/** The beginning as rows of eight bytes, as every tool shows them. */
export function hexRows(bytes: Uint8Array, rowsMax = HEX_ROWS_MAX): HexRow[] {
  const rows = Math.min(rowsMax, Math.ceil(bytes.length / ROW_BYTES));
  return Array.from({ length: rows }, (_, row) => {
    const part = bytes.subarray(row * ROW_BYTES, (row + 1) * ROW_BYTES);
    return {
      at: (row * ROW_BYTES).toString(16).padStart(8, "0"),
      hex: hexOf(part, " "),
      text: Array.from(part, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : ".")).join(""),
    };
  });
}

export function hexOf(bytes: Uint8Array, between = ""): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(between);
}

/** Bytes of hexadecimal digits, with any space between pairs; undefined when it is something else. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replaceAll(/\s+/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16),
  );
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export function base64urlOf(bytes: Uint8Array): string {
  const chars = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(chars).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function bytesOfBase64url(text: string): Uint8Array<ArrayBuffer> {
  const chars = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(chars, (char) => char.charCodeAt(0));
}
