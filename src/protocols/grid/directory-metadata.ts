/**
 * What a directory says about a child besides its caps: a JSON object. Times of the link stand under `tahoe` and are
 * ours; the rest is the caller's and kept as it is.
 */
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import { CHILD_METADATA_MAX_BYTES } from "./constants.ts";
import { GridError } from "./errors.ts";

/** JSON values. `tahoe`: {linkcrtime, linkmotime}, in seconds since 1970 with fraction. */
export type Metadata = Readonly<Record<string, unknown>>;

/** The object, or undefined when the bytes are no JSON object. */
export function readMetadata(bytes: Uint8Array): Metadata | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The metadata of a link that is set now. What the caller gives replaces everything but `tahoe`, which cannot be given;
 * a link that replaces another of the same name keeps the time when the first was made.
 */
export function linkMetadata(before: Metadata | undefined, given: Metadata | undefined, nowMs: number): Metadata {
  const { tahoe: _ignored, ...rest } = given ?? before ?? {};
  const times = isObject(before?.["tahoe"]) ? before["tahoe"] : {};
  const madeBefore = times["linkcrtime"] ?? (typeof before?.["ctime"] === "number" ? before["ctime"] : undefined);
  const now = nowMs / 1000;
  return { ...rest, tahoe: { ...times, linkcrtime: madeBefore ?? now, linkmotime: now } };
}

/** True when only the read cap of the child is to be stored. */
export function isNoWrite(metadata: Metadata): boolean {
  return metadata["no-write"] === true;
}

/**
 * JSON in the spelling that other writers use: ASCII, a space after ":" and ",". Throws GridError `too-large`,
 * `bad-directory` for what is no JSON.
 */
export function writeMetadata(metadata: Metadata): Uint8Array {
  let text: string;
  try {
    text = JSON.stringify(metadata);
  } catch (cause) {
    throw new GridError("bad-directory", `metadata that are no JSON: ${String(cause)}`);
  }
  const bytes = utf8(spaced(text));
  if (bytes.length > CHILD_METADATA_MAX_BYTES) throw new GridError("too-large", `${bytes.length} bytes of metadata`);
  return bytes;
}

/** Strings are taken whole, so that ":" and "," in them stay. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[:,]/g;

function spaced(json: string): string {
  return json.replace(TOKEN, (token) => (token.length === 1 ? `${token} ` : escaped(token)));
}

function escaped(text: string): string {
  // By UTF-16 units, as JSON has it.
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
