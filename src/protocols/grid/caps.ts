/**
 * Caps: the strings that are at once name and right of a file or directory. Who has the string has the right, so a
 * cap only ever yields weaker ones: write, read, verify.
 */
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { SHARES_MAX } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import { chkStorageIndex, mutableStorageIndex, readKeyOf } from "./hashes.ts";

/** The content itself. No server is asked, so there is nothing to verify and no storage index. */
export interface LitCap {
  kind: "lit";
  data: Uint8Array;
}

interface ChkFields {
  /** 32 bytes. */
  uebHash: Uint8Array;
  k: number;
  n: number;
  /** Plaintext length in bytes. */
  size: number;
}

export interface ChkReadCap extends ChkFields {
  kind: "chk";
  /** 16 bytes. */
  key: Uint8Array;
}

export interface ChkVerifyCap extends ChkFields {
  kind: "chk-verify";
  /** 16 bytes. */
  storageIndex: Uint8Array;
}

export type MutableFormat = "sdmf" | "mdmf";

interface MutableFields {
  format: MutableFormat;
  /** 32 bytes, of the public key. */
  fingerprint: Uint8Array;
}

export interface MutableWriteCap extends MutableFields {
  kind: "mutable-write";
  /** 16 bytes. */
  writeKey: Uint8Array;
}

export interface MutableReadCap extends MutableFields {
  kind: "mutable-read";
  /** 16 bytes. */
  readKey: Uint8Array;
}

export interface MutableVerifyCap extends MutableFields {
  kind: "mutable-verify";
  /** 16 bytes. */
  storageIndex: Uint8Array;
}

export type FileCap = LitCap | ChkReadCap | ChkVerifyCap | MutableWriteCap | MutableReadCap | MutableVerifyCap;

/** A file whose content is a directory. */
export interface DirectoryCap {
  kind: "directory";
  file: FileCap;
}

export type KnownCap = FileCap | DirectoryCap;

/** What can be kept, listed and copied, but not opened. */
export interface UnknownCap {
  kind: "unknown";
  /** As it was given, with its prefix. */
  text: string;
  /** Absent for a kind of the future. With one, the cap must not be used at all. */
  problem?: "malformed" | "writable" | "mutable";
}

export type Cap = KnownCap | UnknownCap;

/** What the place where a cap was found promises about it. */
export interface CapConstraint {
  /** It gives no right to write. */
  readOnly?: boolean;
  /** Neither it nor what it leads to can change. */
  immutable?: boolean;
}

export const READ_ONLY_PREFIX = "ro.";
export const IMMUTABLE_PREFIX = "imm.";

const FORMAT_NAMES: Record<MutableFormat, string> = { sdmf: "SSK", mdmf: "MDMF" };
const KEY_CHARS = 26;
const HASH_CHARS = 52;

/** Reads any text; what is not a cap of ours is an unknown one. Never throws. */
export function parseCap(text: string, constraint: CapConstraint = {}): Cap {
  const immutableOnly = constraint.immutable === true || text.startsWith(IMMUTABLE_PREFIX);
  const readOnly = constraint.readOnly === true || text.startsWith(READ_ONLY_PREFIX) || immutableOnly;
  const cap = parseBare(text.replace(/^(?:ro|imm)\./, ""));
  if (cap === undefined) return { kind: "unknown", text };
  if (cap === "malformed") return { kind: "unknown", text, problem: "malformed" };
  if (readOnly && isWritable(cap)) return { kind: "unknown", text, problem: "writable" };
  if (immutableOnly && isMutable(cap)) return { kind: "unknown", text, problem: "mutable" };
  return cap;
}

/** The canonical string. Two caps are the same when these are equal. */
export function formatCap(cap: Cap): string {
  switch (cap.kind) {
    case "unknown":
      return cap.text;
    case "directory":
      return directoryText(formatCap(cap.file));
    case "lit":
      return `URI:LIT:${encodeBase32(cap.data)}`;
    case "chk":
      return `URI:CHK:${encodeBase32(cap.key)}:${chkText(cap)}`;
    case "chk-verify":
      return `URI:CHK-Verifier:${encodeBase32(cap.storageIndex)}:${chkText(cap)}`;
    case "mutable-write":
      return mutableText(cap, "", cap.writeKey);
    case "mutable-read":
      return mutableText(cap, "-RO", cap.readKey);
    case "mutable-verify":
      return mutableText(cap, "-Verifier", cap.storageIndex);
  }
}

/** True when it gives the right to change something. */
export function isWritable(cap: KnownCap): boolean {
  return fileOf(cap).kind === "mutable-write";
}

/** True when what it lets one read may change. Verify caps let one read nothing. */
export function isMutable(cap: KnownCap): boolean {
  const { kind } = fileOf(cap);
  return kind === "mutable-write" || kind === "mutable-read";
}

/** The cap of the file: of a directory, the one that its content is in. */
export function fileOf(cap: KnownCap): FileCap {
  return cap.kind === "directory" ? cap.file : cap;
}

/** The cap without the right to write; the same when it has none. Undefined for a verify cap. */
export function readCapOf(crypto: GridCrypto, cap: KnownCap): KnownCap | undefined {
  if (cap.kind === "directory") return directoryOf(readCapOf(crypto, cap.file));
  if (cap.kind === "lit" || cap.kind === "chk" || cap.kind === "mutable-read") return cap;
  if (cap.kind !== "mutable-write") return undefined;
  const { format, fingerprint, writeKey } = cap;
  return { kind: "mutable-read", format, fingerprint, readKey: readKeyOf(crypto, writeKey) };
}

/** The cap with which one can check and carry the shares, and read nothing. Undefined for what has no shares. */
export function verifyCapOf(crypto: GridCrypto, cap: KnownCap): KnownCap | undefined {
  if (cap.kind === "directory") return directoryOf(verifyCapOf(crypto, cap.file));
  const storageIndex = storageIndexOf(crypto, cap);
  if (storageIndex === undefined || cap.kind === "lit") return undefined;
  if (cap.kind === "chk" || cap.kind === "chk-verify") {
    const { uebHash, k, n, size } = cap;
    return { kind: "chk-verify", storageIndex, uebHash, k, n, size };
  }
  return { kind: "mutable-verify", format: cap.format, fingerprint: cap.fingerprint, storageIndex };
}

/** 16 bytes: where servers keep the shares. Undefined for what has none. */
export function storageIndexOf(crypto: GridCrypto, cap: KnownCap): Uint8Array | undefined {
  const file = fileOf(cap);
  switch (file.kind) {
    case "lit":
      return undefined;
    case "chk":
      return chkStorageIndex(crypto, file.key);
    case "chk-verify":
    case "mutable-verify":
      return file.storageIndex;
    case "mutable-write":
      return mutableStorageIndex(crypto, readKeyOf(crypto, file.writeKey));
    case "mutable-read":
      return mutableStorageIndex(crypto, file.readKey);
  }
}

function directoryOf(file: KnownCap | undefined): DirectoryCap | undefined {
  return file === undefined || file.kind === "directory" ? undefined : { kind: "directory", file };
}

// --- Strings ------------------------------------------------------------------------------------------------------

const CAP = /^URI:(DIR2-|DIR2(?=:|-RO:|-Verifier:))?(LIT|CHK|SSK|MDMF|)(-RO|-Verifier)?:([^]*)$/;

/** "malformed": it begins like a cap of ours and is none. Undefined: it begins like none. */
function parseBare(text: string): KnownCap | "malformed" | undefined {
  const parts = CAP.exec(text);
  if (!parts) return undefined;
  const [, directory, name, right = "", fields] = parts;
  // "URI:DIR2:" is the directory of "URI:SSK:"; the other directories name their kind.
  if (directory === "DIR2-" ? name === "" || name === "SSK" : (name === "") !== (directory === "DIR2"))
    return undefined;
  const read = readerOf(name === "" ? "SSK" : name!, right);
  if (!read) return undefined;
  const file = read(fields!);
  if (!file) return "malformed";
  return directory === undefined ? file : { kind: "directory", file };
}

type FieldReader = (fields: string) => FileCap | undefined;

function readerOf(name: string, right: string): FieldReader | undefined {
  if (name === "LIT") return right === "" ? readLit : undefined;
  if (name === "CHK") return right === "-RO" ? undefined : (fields) => readChk(fields, right === "-Verifier");
  const format = name === "MDMF" ? "mdmf" : "sdmf";
  return (fields) => readMutable(fields, format, right);
}

function readLit(fields: string): LitCap | undefined {
  const data = decodeBase32(fields);
  return data && { kind: "lit", data };
}

function readChk(fields: string, isVerify: boolean): ChkReadCap | ChkVerifyCap | undefined {
  const parts = /^([^:]*):([^:]*):(\d+):(\d+):(\d+)$/.exec(fields);
  if (!parts) return undefined;
  const first = decode(parts[1]!, KEY_CHARS);
  const uebHash = decode(parts[2]!, HASH_CHARS);
  const [k, n, size] = [Number(parts[3]), Number(parts[4]), Number(parts[5])];
  if (!first || !uebHash || !Number.isSafeInteger(size) || k < 1 || k > n || n > SHARES_MAX) return undefined;
  const rest = { uebHash, k, n, size };
  return isVerify ? { kind: "chk-verify", storageIndex: first, ...rest } : { kind: "chk", key: first, ...rest };
}

function readMutable(fields: string, format: MutableFormat, right: string): FileCap | undefined {
  const [key, hash, ...extension] = fields.split(":");
  // Older writers of MDMF caps appended hints, which mean nothing any more.
  if (hash === undefined || (extension.length > 0 && format !== "mdmf")) return undefined;
  const first = decode(key!, KEY_CHARS);
  const fingerprint = decode(hash, HASH_CHARS);
  if (!first || !fingerprint) return undefined;
  if (right === "") return { kind: "mutable-write", format, writeKey: first, fingerprint };
  if (right === "-RO") return { kind: "mutable-read", format, readKey: first, fingerprint };
  return { kind: "mutable-verify", format, storageIndex: first, fingerprint };
}

function decode(text: string, chars: number): Uint8Array | undefined {
  return text.length === chars ? decodeBase32(text) : undefined;
}

function chkText({ uebHash, k, n, size }: ChkFields): string {
  return `${encodeBase32(uebHash)}:${k}:${n}:${size}`;
}

function mutableText({ format, fingerprint }: MutableFields, right: string, key: Uint8Array): string {
  return `URI:${FORMAT_NAMES[format]}${right}:${encodeBase32(key)}:${encodeBase32(fingerprint)}`;
}

/** "URI:SSK…" is the one kind whose directory does not name it. */
function directoryText(file: string): string {
  return file.startsWith("URI:SSK") ? file.replace("URI:SSK", "URI:DIR2") : file.replace("URI:", "URI:DIR2-");
}
