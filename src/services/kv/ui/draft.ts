/** What the reader is writing: a value as text or as hexadecimal digits, and when the key ends. Pure. */
import type { Entry } from "./keys.ts";
import { base64urlOf, bytesOf, bytesOfBase64url, bytesOfHex, hexOf, isTypeable, textOf } from "./value.ts";

const UNITS = [
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
] as const;
const UNITS_MAX = 999_999;

export interface Draft {
  /** Only of a new key: an old one keeps its bytes. */
  key: string;
  mode: "text" | "bytes";
  content: string;
  /** "never", "keep", or a time such as "24h". */
  ends: string;
}

/** As text where that gives the same bytes again, as bytes otherwise. */
export function draftOf(entry: Pick<Entry, "value" | "valueEncoding" | "expiresAt"> | undefined): Draft {
  const ends = entry?.expiresAt ? "keep" : "never";
  const { value = "", valueEncoding = "text" } = entry ?? {};
  const bytes = valueEncoding === "text" ? bytesOf(value ?? "") : bytesOfBase64url(value ?? "");
  return { key: "", ends, ...shownAs(bytes) };
}

/** The same bytes in the other way to write them; undefined when that cannot be. */
export function switched(draft: Draft, mode: Draft["mode"]): Pick<Draft, "mode" | "content"> | undefined {
  if (mode === draft.mode) return undefined;
  if (mode === "bytes") return { mode, content: hexOf(bytesOf(draft.content), " ") };
  const bytes = bytesOfHex(draft.content);
  const shown = bytes && shownAs(bytes);
  return shown?.mode === "text" ? shown : undefined;
}

/** As a call takes it; undefined while the digits are none. */
export function encoded({
  mode,
  content,
}: Draft): { value: string; valueEncoding: Entry["valueEncoding"] } | undefined {
  if (mode === "text") return { value: content, valueEncoding: "text" };
  const bytes = bytesOfHex(content);
  return bytes && { value: base64urlOf(bytes), valueEncoding: "base64url" };
}

/** A time as a call takes it, six digits at most: exact where they suffice, and never shorter than it is. */
export function durationText(ms: number): string {
  for (const [unit, unitMs] of UNITS) {
    const units = Math.max(1, Math.ceil(ms / unitMs));
    if (units <= UNITS_MAX) return `${units}${unit}`;
  }
  return `${UNITS_MAX}d`;
}

function shownAs(bytes: Uint8Array): Pick<Draft, "mode" | "content"> {
  const text = textOf(bytes);
  return text !== undefined && isTypeable(text)
    ? { mode: "text", content: text }
    : { mode: "bytes", content: hexOf(bytes, " ") };
}
