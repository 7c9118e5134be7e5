/** Conditional requests and ranges, as RFC 9110 has them (sections 13 and 14). */
import type { IncomingHttpHeaders } from "node:http";
import type { ByteRange } from "../../../protocols/grid/pieces.ts";
import { rangeOf } from "../byte-range.ts";
import { refuse } from "./refusal.ts";

/** What is there now. */
export interface Validators {
  /** With its quotes. */
  etag: string;
  modifiedMs: number;
}

/** `not-modified`: 304, only for GET and HEAD. Refuses with 412. */
export function checkConditions(
  headers: IncomingHttpHeaders,
  current: Validators | undefined,
  isRead: boolean,
): "go" | "not-modified" {
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current?.etag, "strong")) refuse(412, "it is not what If-Match says");
  } else {
    const unmodifiedMs = dateOf(headers["if-unmodified-since"]);
    if (unmodifiedMs !== undefined && current && seconds(current.modifiedMs) > unmodifiedMs) {
      refuse(412, "it was modified since");
    }
  }
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) {
    if (!matches(ifNoneMatch, current?.etag, "weak")) return "go";
    return isRead ? "not-modified" : refuse(412, "it is what If-None-Match excludes");
  }
  const sinceMs = isRead ? dateOf(headers["if-modified-since"]) : undefined;
  return sinceMs !== undefined && current && seconds(current.modifiedMs) <= sinceMs ? "not-modified" : "go";
}

/** Whether the request depends on what is there: then nothing may come in between. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return ["if-match", "if-none-match", "if-unmodified-since"].some((name) => headers[name] !== undefined);
}

/** The range to send; undefined: all of it. Refuses with 416. */
export function rangeWanted(headers: IncomingHttpHeaders, bytes: number, current: Validators): ByteRange | undefined {
  if (!mayRange(headers["if-range"], current)) return undefined;
  const range = rangeOf(headers.range, bytes);
  if (range === "none") refuse(416, "there is nothing there", { headers: { "content-range": `bytes */${bytes}` } });
  return range;
}

function mayRange(ifRange: string | string[] | undefined, current: Validators): boolean {
  if (typeof ifRange !== "string") return true;
  if (/^(?:W\/)?"/.test(ifRange)) return ifRange === current.etag;
  return dateOf(ifRange) === seconds(current.modifiedMs);
}

/** `header` is "*" or a list of etags. Weak ones never match strongly. */
function matches(header: string, etag: string | undefined, comparison: "strong" | "weak"): boolean {
  if (etag === undefined) return false;
  if (header.trim() === "*") return true;
  for (const [, weak, tag] of header.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weak === undefined || comparison === "weak")) return true;
  }
  return false;
}

/** Of an HTTP date; what is none is passed over. */
function dateOf(header: string | undefined): number | undefined {
  const ms = header === undefined ? NaN : Date.parse(header);
  return Number.isNaN(ms) ? undefined : ms;
}

/** HTTP dates have no parts of seconds. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
