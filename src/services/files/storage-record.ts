/**
 * The signed record by which a box tells the community that it gives space, and its reading. Where the box is, is
 * where it answers gossip: a record cannot point somewhere else. The swissnum is not in it; each account gets its own.
 */
import { decodeBase32, encodeBase32 } from "../../protocols/grid/base32.ts";
import { PEER_ID_BYTES } from "../../protocols/grid/constants.ts";
import type { Json } from "../../protocols/records/canonical-json.ts";
import type { KindSpec } from "../../protocols/records/kinds.ts";

export const STORAGE_KIND = "storage";
export const STORAGE_KEY = "self";
export const STORAGE_BODY_BYTES_MAX = 512;
const RETENTION_MS = 30 * 86_400_000;

/** How much there is still room for: it changes seldom, so that the record does. */
export const ROOM_CLASSES = ["none", "little", "some", "much"] as const;
export type RoomClass = (typeof ROOM_CLASSES)[number];
const LITTLE_BYTES = 2 ** 30;
const SOME_BYTES = 100 * 2 ** 30;

export interface StorageBody {
  port: number;
  /** SHA-256 of the SubjectPublicKeyInfo of its certificate, base64url. */
  pin: string;
  /** 20 bytes in base32: they place the server in the order of a file's servers, and go into its lease secrets. */
  tub: string;
  room: RoomClass;
}

/** The body of a record; undefined when it is none as we know it. */
export function readStorageBody(body: unknown): StorageBody | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { port, pin, tub, room } = body as Record<string, unknown>;
  const isPort = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (!isPort || !isPin(pin) || !isTub(tub) || !ROOM_CLASSES.includes(room as RoomClass)) return undefined;
  return { port, pin, tub, room: room as RoomClass };
}

export const storageKind: KindSpec = {
  kind: STORAGE_KIND,
  retentionMs: RETENTION_MS,
  bodyMaxBytes: STORAGE_BODY_BYTES_MAX,
  livePerAuthorMax: 1,
  validate: (body: Json) => readStorageBody(body) !== undefined,
};

export function roomClassOf(availableBytes: number): RoomClass {
  if (availableBytes <= 0) return "none";
  if (availableBytes < LITTLE_BYTES) return "little";
  return availableBytes < SOME_BYTES ? "some" : "much";
}

function isPin(pin: unknown): pin is string {
  return typeof pin === "string" && /^[\w-]{43}$/.test(pin);
}

function isTub(tub: unknown): tub is string {
  if (typeof tub !== "string" || !/^[a-z2-7]{32}$/.test(tub)) return false;
  const bytes = decodeBase32(tub);
  return bytes?.length === PEER_ID_BYTES && encodeBase32(bytes) === tub;
}
