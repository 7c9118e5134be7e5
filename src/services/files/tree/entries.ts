/**
 * A child of a directory as an entry of a member's files. Besides Tahoe's own `tahoe` (times of the link) its metadata
 * hold an object `comu`: what is said of a file and its former contents. It may come from a stranger who shares a
 * folder, so everything in it is looked at before it counts.
 */
import { fileOf, formatCap, isWritable, parseCap } from "../../../protocols/grid/caps.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { DirectoryChild } from "../../../protocols/grid/directory.ts";
import type { Metadata } from "../../../protocols/grid/directory-metadata.ts";
import { filesErrors } from "../errors.ts";
import { MEDIA_TYPE_MAX_CHARS, PROPERTIES_MAX_BYTES, VERSIONS_MAX } from "./constants.ts";
import type { FileEntry } from "./file-system.ts";
import { mediaTypeOf } from "./media-types.ts";
import { checkedName, join } from "./paths.ts";

/** A former content of a file. */
export interface Version {
  /** That reads it. */
  cap: string;
  bytes: number;
  modifiedMs: number;
}

/** What is said of an entry: the object `comu`. */
export interface Said {
  bytes?: number;
  modifiedMs?: number;
  createdMs?: number;
  mediaType?: string;
  properties?: Readonly<Record<string, string>>;
  /** The newest first. */
  versions?: readonly Version[];
  /** Of the upload that made it: how that one, begun again after a crash, knows that it was done. */
  upload?: string;
}

/** What a `comu` object holds that can be used. */
export function saidOf(metadata: Metadata): Said {
  const given = metadata["comu"];
  if (!isObject(given)) return {};
  const said: Said = {};
  for (const key of ["bytes", "modifiedMs", "createdMs"] as const) {
    const value = given[key];
    if (isCount(value)) said[key] = value;
  }
  const { mediaType, properties, versions, upload } = given;
  if (typeof mediaType === "string" && isMediaType(mediaType)) said.mediaType = mediaType;
  if (typeof upload === "string") said.upload = upload.slice(0, 64);
  if (isObject(properties)) {
    const texts = Object.entries(properties).filter((one): one is [string, string] => typeof one[1] === "string");
    if (texts.length > 0) said.properties = Object.fromEntries(texts);
  }
  if (Array.isArray(versions)) said.versions = versions.filter(isVersion).slice(0, VERSIONS_MAX);
  return said;
}

/** The metadata with this said, and all else that was in it. Throws `files-too-large` for too many properties. */
export function withSaid(metadata: Metadata | undefined, said: Said): Metadata {
  if (said.properties && Buffer.byteLength(JSON.stringify(said.properties)) > PROPERTIES_MAX_BYTES) {
    throw filesErrors.fail("files-too-large", { params: { limit: PROPERTIES_MAX_BYTES } });
  }
  return { ...metadata, comu: said };
}

export function isFolder(child: DirectoryChild): boolean {
  return child.cap.kind === "directory";
}

/** Undefined for a cap of a kind that this program does not know. */
export function knownCap(child: DirectoryChild): KnownCap | undefined {
  return child.cap.kind === "unknown" ? undefined : child.cap;
}

/** The cap of a version or of trash as it was kept. Throws `files-bad-cap`. */
export function readableCap(text: string): KnownCap {
  const cap = parseCap(text);
  if (cap.kind === "unknown") throw filesErrors.fail("files-bad-cap");
  return cap;
}

/** Undefined when only its content can tell: mutable files. */
export function bytesOf(child: DirectoryChild): number | undefined {
  const cap = knownCap(child);
  const file = cap && fileOf(cap);
  if (!file || cap.kind === "directory") return 0;
  if (file.kind === "lit") return file.data.length;
  return file.kind === "chk" ? file.size : undefined;
}

/** Of a file with its former contents. What others say of theirs is any number; the sum is one that can be kept. */
export function keptBytesOf(child: DirectoryChild): number {
  if (isFolder(child)) return 0;
  const said = saidOf(child.metadata);
  const former = (said.versions ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.min(Math.round((bytesOf(child) ?? said.bytes ?? 0) + former), Number.MAX_SAFE_INTEGER);
}

/** `mutable`: what was learned of a mutable file by reading it. */
export function entryOf(
  crypto: GridCrypto,
  child: DirectoryChild,
  parent: { path: string; canWrite: boolean },
  mutable?: { bytes: number; sequence: bigint },
): FileEntry {
  const said = saidOf(child.metadata);
  const times = timesOf(child.metadata);
  const cap = knownCap(child);
  const kind = isFolder(child) ? "folder" : "file";
  const canWrite = kind === "file" ? parent.canWrite : cap !== undefined && isWritable(cap);
  return {
    name: child.name,
    path: join(parent.path, child.name),
    kind,
    bytes: mutable?.bytes ?? bytesOf(child) ?? said.bytes ?? 0,
    modifiedMs: said.modifiedMs ?? times.linkedMs,
    createdMs: said.createdMs ?? times.madeMs,
    etag: etagOf(crypto, child, mutable?.sequence),
    mediaType: kind === "folder" ? "" : (said.mediaType ?? mediaTypeOf(child.name)),
    canWrite,
    properties: said.properties ?? {},
    ...(kind === "file" ? { versions: 1 + (said.versions?.length ?? 0) } : {}),
  };
}

export function etagOf(crypto: GridCrypto, child: DirectoryChild, sequence?: bigint): string {
  const text = `${child.read ?? formatCap(child.cap)}${sequence === undefined ? "" : ` ${sequence}`}`;
  return Buffer.from(crypto.sha256(Buffer.from(text)))
    .toString("hex")
    .slice(0, 32);
}

/** False for names that no path can hold. They stay in the folder and are not shown. */
export function isShowable(name: string): boolean {
  try {
    return checkedName(name) === name;
  } catch {
    return false;
  }
}

/** "type/subtype" with parameters, without anything that could begin another header. */
export function isMediaType(text: string): boolean {
  return text.length <= MEDIA_TYPE_MAX_CHARS && /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?: ?;[ -~]*)?$/.test(text);
}

/** Tahoe's times, seconds with fraction, in whole milliseconds; 0 where they are missing. */
export function timesOf(metadata: Metadata): { madeMs: number; linkedMs: number } {
  const times = isObject(metadata["tahoe"]) ? metadata["tahoe"] : {};
  const ms = (value: unknown) => (typeof value === "number" && isCount(value * 1000) ? Math.round(value * 1000) : 0);
  return { madeMs: ms(times["linkcrtime"]), linkedMs: ms(times["linkmotime"]) };
}

/** Bytes, and times: no more than a date can be. */
function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= DATE_MAX_MS;
}

const DATE_MAX_MS = 8.64e15;

function isVersion(value: unknown): value is Version {
  return isObject(value) && typeof value["cap"] === "string" && isCount(value["bytes"]) && isCount(value["modifiedMs"]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
