/** Which part of a file a `Range` header asks for (RFC 9110, section 14): for pages, programs and WebDAV clients. */
import type { ByteRange } from "../../protocols/grid/pieces.ts";

/**
 * The range, cut to what is there; undefined: all of it, also for several ranges and for what is none, as the RFC
 * allows; "none": there is nothing of it (416).
 */
export function rangeOf(header: string | undefined, bytes: number): ByteRange | "none" | undefined {
  const [, first, last] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})$/i.exec(header?.trim() ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  if (first === "") {
    const length = Math.min(Number(last), bytes);
    return length === 0 ? "none" : { at: bytes - length, length };
  }
  const at = Number(first);
  const end = last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== "" && Number(last) < at) return undefined;
  return at >= bytes ? "none" : { at, length: end - at + 1 };
}
