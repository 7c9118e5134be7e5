/**
 * The mesh's own kinds of records, beside those of admission: what a box says of itself, what stewards say about the
 * community, requests that wait for approval, and which gossip key is in force.
 */
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";
import { isBoxId } from "../../protocols/records/record.ts";

const DAY_MS = 86_400_000;
/** Name, owner and zone at their longest in a script of three bytes a letter take 420 bytes alone. */
const BOX_BYTES_MAX = 1024;

export interface BoxBody {
  name: string;
  owner: string;
  zone: string;
  version: string;
  address: string;
  meshPort: number;
  webPort: number;
  startedMs: number;
}

export interface AboutBody {
  about: string;
  accent: string;
  atMs: number;
}

export interface RequestBody {
  box: string;
  /** Raw public key, base64url. */
  key: string;
  name: string;
  owner: string;
  zone: string;
  atMs: number;
}

export interface KeyBody {
  epoch: number;
  /** First bytes of the SHA-256 of the key, base64url: so that nobody hands out a wrong one. */
  check: string;
  atMs: number;
  /** The box whose exclusion made the change; none when a steward did it by hand. */
  excluded?: string;
}

/** Control characters, and those that turn the direction of text: they make a name look like another one. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

export const ACCENT_DEFAULT = "#a8472a";

export function readBoxBody(body: Json): BoxBody | undefined {
  const fields = asFields(body);
  const texts =
    isText(fields["name"], 40) &&
    isText(fields["owner"], 60) &&
    isText(fields["zone"], 40) &&
    isText(fields["version"], 40);
  const numbers = isPort(fields["meshPort"]) && isPort(fields["webPort"]) && isTime(fields["startedMs"]);
  const address = isText(fields["address"], 64) && /^[0-9a-fA-F.:]*$/.test(fields["address"] as string);
  return texts && numbers && address ? (fields as unknown as BoxBody) : undefined;
}

export function readAbout(body: Json): AboutBody | undefined {
  const { about, accent, atMs } = asFields(body);
  const good =
    typeof about === "string" &&
    about.length <= 1000 &&
    typeof accent === "string" &&
    /^#[0-9a-f]{6}$/.test(accent) &&
    isTime(atMs);
  return good ? (body as unknown as AboutBody) : undefined;
}

export function readRequestBody(body: Json): RequestBody | undefined {
  const { box, key, name, owner, zone, atMs } = asFields(body);
  const good =
    isBoxId(box) && isText(key, 43) && isText(name, 40) && isText(owner, 60) && isText(zone, 40) && isTime(atMs);
  return good ? (body as unknown as RequestBody) : undefined;
}

export function readKeyBody(body: Json): KeyBody | undefined {
  const { epoch, check, atMs, excluded } = asFields(body);
  const made = Number.isSafeInteger(epoch) && (epoch as number) >= 1 && isText(check, 43) && isTime(atMs);
  const good = made && (excluded === undefined || isBoxId(excluded));
  return good ? (body as unknown as KeyBody) : undefined;
}

export const meshKinds: readonly KindSpec[] = [
  {
    kind: "box",
    retentionMs: null,
    bodyMaxBytes: BOX_BYTES_MAX,
    livePerAuthorMax: 1,
    validate: (body) => readBoxBody(body) !== undefined,
  },
  {
    kind: "about",
    retentionMs: null,
    bodyMaxBytes: 3500,
    livePerAuthorMax: 1,
    validate: (body) => readAbout(body) !== undefined,
  },
  {
    kind: "request",
    retentionMs: 14 * DAY_MS,
    bodyMaxBytes: BOX_BYTES_MAX,
    livePerAuthorMax: 32,
    validate: (body) => readRequestBody(body) !== undefined,
  },
  {
    kind: "key",
    retentionMs: null,
    bodyMaxBytes: 256,
    livePerAuthorMax: 1,
    validate: (body) => readKeyBody(body) !== undefined,
  },
];

function asFields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax && !UNSEEN.test(value);
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}

function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
