/**
 * Names and paths that go into an address of the engine. What does not fit is refused before it is sent, so that a
 * name can never become another address ("..", "?project=").
 */
import { fail } from "../../kernel/errors.ts";

const INSTANCE = /^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const FINGERPRINT = /^[0-9a-f]{12,64}$/;
const OTHER = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/;
const PATH_BYTES_MAX = 4096;

/** A host name's label: letters, digits, hyphens; begins with a letter. */
export function instanceName(name: string): string {
  return checked(name, INSTANCE, "name");
}

/** SHA-256 of the image in hex, or at least its first twelve digits. */
export function fingerprint(text: string): string {
  return checked(text, FINGERPRINT, "fingerprint");
}

/** Names of snapshots, networks, profiles, pools and projects. */
export function plainName(name: string): string {
  return checked(name, OTHER, "name");
}

/** An absolute path inside a container, as a value of a query. */
export function insidePath(path: string): string {
  if (!path.startsWith("/") || path.includes("\0") || Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw fail("bad-input", { params: { field: "path", reason: "an absolute path, at most 4096 bytes" } });
  }
  return encodeURIComponent(path);
}

function checked(text: string, pattern: RegExp, field: string): string {
  if (typeof text === "string" && pattern.test(text)) return text;
  throw fail("bad-input", { params: { field, reason: "not a name that the engine takes" } });
}
