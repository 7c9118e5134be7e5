/**
 * The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's extensions (its file PROTOCOL, part 4):
 * bytes to requests, answers to bytes. Own code, because the `ssh2` package tells clients of no extensions and holds
 * nobody back who asks faster than is answered.
 */
import { PATH_MAX_BYTES } from "./constants.ts";

export const STATUS = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

export type StatusCode = (typeof STATUS)[keyof typeof STATUS];

export const OPEN = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

/** What a client wishes of a file or folder, or is told of it. */
export interface Attributes {
  size?: number;
  /** With the kind in its upper bits, as in Unix. */
  mode?: number;
  modifiedS?: number;
}

type Body =
  | { kind: "open"; path: string; flags: number; attributes: Attributes }
  | { kind: "close" | "fstat" | "readdir" | "fsync" | "fstatvfs"; handle: string }
  | { kind: "read"; handle: string; offset: number; length: number }
  | { kind: "write"; handle: string; offset: number; data: Buffer }
  | { kind: "lstat" | "stat" | "opendir" | "remove" | "rmdir" | "realpath" | "mkdir" | "statvfs"; path: string }
  | { kind: "setstat"; path: string; attributes: Attributes }
  | { kind: "fsetstat"; handle: string; attributes: Attributes }
  | { kind: "rename" | "posix-rename"; path: string; to: string }
  | { kind: "limits" }
  | { kind: "unsupported" }
  /** The packet cannot be read. */
  | { kind: "bad" };

/** One type for each kind, so that looking at the kind says what else there is. */
type OneEach<B> = B extends { kind: infer K } ? (K extends string ? Omit<B, "kind"> & { kind: K } : never) : never;

export type Request = { id: number } & OneEach<Body>;

const INIT = 1;
const EXTENDED = 200;
const ATTRIBUTE = { size: 1, owner: 2, mode: 4, times: 8, extended: 0x80000000 } as const;
const ATTRIBUTE_PAIRS_MAX = 64;

/** Told to the client when it says hello, with their versions. */
const EXTENSIONS = [
  ["posix-rename@openssh.com", "1"],
  ["statvfs@openssh.com", "2"],
  ["fstatvfs@openssh.com", "2"],
  ["fsync@openssh.com", "1"],
  ["lsetstat@openssh.com", "1"],
  ["limits@openssh.com", "1"],
  ["expand-path@openssh.com", "1"],
] as const;

class Unreadable extends Error {}

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new Unreadable();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** Beyond what a number holds exactly it is cut: no file is that long. */
  uint64(): number {
    return Math.min(Number(this.#take(8).readBigUInt64BE()), Number.MAX_SAFE_INTEGER);
  }

  bytes(): Buffer {
    return this.#take(this.uint32());
  }

  /** A path or a word; what is not UTF-8 makes a name that the file system refuses. */
  text(): string {
    const bytes = this.bytes();
    if (bytes.length > PATH_MAX_BYTES) throw new Unreadable();
    const text = bytes.toString("utf8");
    // A lone surrogate cannot be in any name: `checkedName` says so.
    return text.includes("\ufffd") && !Buffer.from(text).equals(bytes) ? "\ud800" : text;
  }

  handle(): string {
    return this.bytes().toString("latin1");
  }

  attributes(): Attributes {
    const flags = this.uint32();
    const found: Attributes = {};
    if (flags & ATTRIBUTE.size) found.size = this.uint64();
    if (flags & ATTRIBUTE.owner) this.#take(8);
    if (flags & ATTRIBUTE.mode) found.mode = this.uint32();
    if (flags & ATTRIBUTE.times) {
      this.uint32();
      found.modifiedS = this.uint32();
    }
    if (flags & ATTRIBUTE.extended) {
      const pairs = this.uint32();
      if (pairs > ATTRIBUTE_PAIRS_MAX) throw new Unreadable();
      for (let n = 0; n < 2 * pairs; n += 1) this.bytes();
    }
    return found;
  }
}

/** True for a client's first packet, of any version: 3 is what every one can go down to. */
export function isHello(packet: Buffer): boolean {
  return packet[0] === INIT && packet.length >= 5 && packet.readUInt32BE(1) >= 3;
}

/** Undefined: not even its number can be read. The data of a write is part of `packet`. */
export function readRequest(packet: Buffer): Request | undefined {
  if (packet.length < 5) return undefined;
  const id = packet.readUInt32BE(1);
  try {
    return { id, ...requestOf(packet[0]!, new Reader(packet, 5)) } as Request;
  } catch (error) {
    if (error instanceof Unreadable) return { id, kind: "bad" };
    throw error;
  }
}

function requestOf(type: number, from: Reader): object {
  switch (type) {
    case 3:
      return { kind: "open", path: from.text(), flags: from.uint32(), attributes: from.attributes() };
    case 4:
      return { kind: "close", handle: from.handle() };
    case 5:
      return { kind: "read", handle: from.handle(), offset: from.uint64(), length: from.uint32() };
    case 6:
      return { kind: "write", handle: from.handle(), offset: from.uint64(), data: from.bytes() };
    case 7:
      return { kind: "lstat", path: from.text() };
    case 8:
      return { kind: "fstat", handle: from.handle() };
    case 9:
      return { kind: "setstat", path: from.text(), attributes: from.attributes() };
    case 10:
      return { kind: "fsetstat", handle: from.handle(), attributes: from.attributes() };
    case 11:
      return { kind: "opendir", path: from.text() };
    case 12:
      return { kind: "readdir", handle: from.handle() };
    case 13:
      return { kind: "remove", path: from.text() };
    case 14:
      return { kind: "mkdir", path: from.text() };
    case 15:
      return { kind: "rmdir", path: from.text() };
    case 16:
      return { kind: "realpath", path: from.text() };
    case 17:
      return { kind: "stat", path: from.text() };
    case 18:
      return { kind: "rename", path: from.text(), to: from.text() };
    case EXTENDED:
      return extendedOf(from.text(), from);
    // 19 READLINK, 20 SYMLINK: there are no links. And what a later version may bring.
    default:
      return { kind: "unsupported" };
  }
}

function extendedOf(name: string, from: Reader): object {
  switch (name) {
    case "posix-rename@openssh.com":
      return { kind: "posix-rename", path: from.text(), to: from.text() };
    case "statvfs@openssh.com":
      return { kind: "statvfs", path: from.text() };
    case "fstatvfs@openssh.com":
      return { kind: "fstatvfs", handle: from.handle() };
    case "fsync@openssh.com":
      return { kind: "fsync", handle: from.handle() };
    case "lsetstat@openssh.com":
      return { kind: "setstat", path: from.text(), attributes: from.attributes() };
    case "expand-path@openssh.com":
      // "~" is the member's own root.
      return { kind: "realpath", path: from.text().replace(/^~(?=\/|$)/, "/") };
    case "limits@openssh.com":
      return { kind: "limits" };
    default:
      return { kind: "unsupported" };
  }
}

function packetOf(type: number, id: number, parts: readonly Uint8Array[]): Buffer {
  let length = 5;
  for (const part of parts) length += part.length;
  const packet = Buffer.allocUnsafe(4 + length);
  packet.writeUInt32BE(length);
  packet[4] = type;
  packet.writeUInt32BE(id, 5);
  let at = 9;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function attributesOf({ size, mode, modifiedS }: Attributes): Buffer {
  const parts: Buffer[] = [];
  let flags = 0;
  if (size !== undefined) {
    flags |= ATTRIBUTE.size;
    parts.push(uint64(size));
  }
  if (mode !== undefined) {
    flags |= ATTRIBUTE.mode;
    parts.push(uint32(mode));
  }
  if (modifiedS !== undefined) {
    flags |= ATTRIBUTE.times;
    parts.push(uint32(modifiedS), uint32(modifiedS));
  }
  return Buffer.concat([uint32(flags), ...parts]);
}

/** The answer to the hello: version 3, and what goes beyond it. */
export function versionPacket(): Buffer {
  return packetOf(
    2,
    3,
    EXTENSIONS.flatMap(([name, version]) => [text(name), text(version)]),
  );
}

export function statusPacket(id: number, code: StatusCode, message: string): Buffer {
  return packetOf(101, id, [uint32(code), text(message), text("en")]);
}

export function handlePacket(id: number, handle: string): Buffer {
  const bytes = Buffer.from(handle, "latin1");
  return packetOf(102, id, [uint32(bytes.length), bytes]);
}

export function dataPacket(id: number, data: Uint8Array): Buffer {
  return packetOf(103, id, [uint32(data.length), data]);
}

export interface ListedName {
  name: string;
  longName: string;
  attributes: Attributes;
}

export function namePacket(id: number, names: readonly ListedName[]): Buffer {
  const parts = names.flatMap((one) => [text(one.name), text(one.longName), attributesOf(one.attributes)]);
  return packetOf(104, id, [uint32(names.length), ...parts]);
}

export function attributesPacket(id: number, attributes: Attributes): Buffer {
  return packetOf(105, id, [attributesOf(attributes)]);
}

/** Answers to `limits@openssh.com` and `statvfs@openssh.com`: rows of 64-bit numbers. */
export function numbersPacket(id: number, numbers: readonly number[]): Buffer {
  return packetOf(201, id, numbers.map(uint64));
}
