/**
 * The body of a service record, as it travels between boxes, and its reading. Whatever comes from another box is
 * taken apart here once; what does not fit is not shown.
 */
import { isForeignHost } from "../../platform/addresses.ts";
import { CATEGORIES, SCOPES, serviceType } from "./contract.ts";
import type { Category } from "./kinds.ts";

export const SERVICE_KIND = "service";
/** Own services that one box may announce; the record core refuses more. */
export const SERVICES_PER_BOX_MAX = 100;
/** All texts at their longest, in a script of three bytes a letter, take 2,400 bytes. */
export const SERVICE_BODY_BYTES_MAX = 3072;

export interface ServiceBody {
  type: string;
  title: string;
  description: string;
  category: Category;
  scope: (typeof SCOPES)[number];
  open: boolean;
  /** Where it runs; null for the box itself, whatever its address is. */
  host: string | null;
  port: number;
  path: string;
  scheme: string;
  version: string;
  sinceMs: number;
}

/** Schemes that a browser would run or read from its own disk. */
const FORBIDDEN_SCHEMES = new Set([
  "javascript",
  "data",
  "vbscript",
  "file",
  "blob",
  "about",
  "filesystem",
  "view-source",
]);

/** Control characters, and those that turn the direction of text: they make a title look like another one. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

const cache = new WeakMap<object, ServiceBody | null>();

/** The body of a record, or null when it is not a service as we know it. The same object gives the same answer. */
export function readBody(body: unknown): ServiceBody | null {
  if (typeof body !== "object" || body === null) return null;
  const known = cache.get(body);
  if (known !== undefined) return known;
  const read = parse(body as Record<string, unknown>);
  cache.set(body, read);
  return read;
}

function parse(body: Record<string, unknown>): ServiceBody | null {
  const scheme = body["scheme"];
  const host = body["host"] ?? null;
  const fits =
    isText(body["type"], 1, 64) &&
    serviceType.safeParse(body["type"]).success &&
    isText(body["title"], 1, 80) &&
    isText(body["description"], 0, 300) &&
    CATEGORIES.includes(body["category"] as Category) &&
    SCOPES.includes(body["scope"] as "zone") &&
    (host === null || (isText(host, 1, 253) && isForeignHost(host))) &&
    isPort(body["port"]) &&
    isText(body["path"], 0, 200) &&
    /^(\/[^\s]*)?$/.test(body["path"] as string) &&
    isText(scheme, 1, 20) &&
    /^[a-z][a-z0-9+.-]*$/.test(scheme) &&
    !FORBIDDEN_SCHEMES.has(scheme) &&
    isText(body["version"], 0, 40) &&
    typeof body["sinceMs"] === "number" &&
    Number.isSafeInteger(body["sinceMs"]) &&
    Math.abs(body["sinceMs"]) < 8.64e15;
  if (!fits) return null;
  return {
    type: body["type"] as string,
    title: body["title"] as string,
    description: body["description"] as string,
    category: body["category"] as Category,
    scope: body["scope"] as ServiceBody["scope"],
    open: body["open"] === true,
    host: host as string | null,
    port: body["port"] as number,
    path: body["path"] as string,
    scheme: scheme as string,
    version: body["version"] as string,
    sinceMs: body["sinceMs"] as number,
  };
}

function isText(value: unknown, lengthMin: number, lengthMax: number): value is string {
  return typeof value === "string" && value.length >= lengthMin && value.length <= lengthMax && !UNSEEN.test(value);
}

function isPort(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
}
