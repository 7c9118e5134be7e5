/**
 * The code by which a box joins: one string that can be read aloud, pasted, or shown as a QR picture.
 *
 *   "comu-" + base32 of: version 1 | community id 16 | flags 1 | [seed 16 | expiry 4] | count 1 | addresses | check 4
 *   address: family 4 or 6, then 4 or 16 bytes, then the mesh port in two. Expiry: minutes since 2020 (UTC).
 *   check: the first four bytes of SHA-256 over all before it, against misreading.
 *
 * The seed makes the invitation's Ed25519 key pair; whoever knows it may join, so the code is a secret until used.
 * Addresses are hints where to ask first: any box of the community will do, and what it answers is verified against
 * the community's id.
 */
import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import { base32 } from "../../protocols/records/base32.ts";
import { meshErrors } from "./contract.ts";

const PREFIX = "comu-";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const VERSION = 1;
const FLAG_INVITATION = 1;
const COMMUNITY_BYTES = 16;
const SEED_BYTES = 16;
const CHECK_BYTES = 4;
const EPOCH_MS = Date.UTC(2020, 0, 1);
const MINUTE_MS = 60_000;
/** Addresses in one code: more make it too long to read. */
export const CODE_ADDRESSES_MAX = 4;
export const CODE_LENGTH_MAX = 300;

export interface JoinCode {
  /** 16 bytes. */
  community: Uint8Array;
  invitation?: { seed: Uint8Array; expiresMs: number };
  addresses: { address: string; port: number }[];
}

export function writeCode(code: JoinCode): string {
  const addresses = code.addresses.slice(0, CODE_ADDRESSES_MAX);
  const head = Buffer.from([VERSION, ...code.community, code.invitation ? FLAG_INVITATION : 0]);
  const invitation = Buffer.alloc(code.invitation ? SEED_BYTES + 4 : 0);
  if (code.invitation) {
    invitation.set(code.invitation.seed);
    invitation.writeUInt32BE(Math.ceil((code.invitation.expiresMs - EPOCH_MS) / MINUTE_MS), SEED_BYTES);
  }
  const body = Buffer.concat([head, invitation, Buffer.from([addresses.length]), ...addresses.map(packAddress)]);
  return PREFIX + base32(Buffer.concat([body, checkOf(body)]));
}

/** Reads a code however it was typed: spaces, line breaks and capitals do not matter. Throws `code-malformed`. */
export function readCode(text: string): JoinCode {
  const plain = text.toLowerCase().replaceAll(/[\s-]/g, "");
  if (!plain.startsWith("comu") || plain.length > CODE_LENGTH_MAX) throw meshErrors.fail("code-malformed");
  const bytes = fromBase32(plain.slice("comu".length));
  if (!bytes || bytes.length < 1 + COMMUNITY_BYTES + 2 + CHECK_BYTES) throw meshErrors.fail("code-malformed");
  const body = Buffer.from(bytes.subarray(0, -CHECK_BYTES));
  if (!checkOf(body).equals(bytes.subarray(-CHECK_BYTES)) || body[0] !== VERSION)
    throw meshErrors.fail("code-malformed");
  try {
    return parse(body);
  } catch (cause) {
    throw meshErrors.fail("code-malformed", { cause });
  }
}

function parse(body: Buffer): JoinCode {
  let at = 1;
  const take = (length: number) => {
    if (at + length > body.length) throw new Error("the code is cut");
    at += length;
    return body.subarray(at - length, at);
  };
  const code: JoinCode = { community: new Uint8Array(take(COMMUNITY_BYTES)), addresses: [] };
  const flags = take(1)[0]!;
  if (flags & FLAG_INVITATION) {
    const seed = new Uint8Array(take(SEED_BYTES));
    code.invitation = { seed, expiresMs: EPOCH_MS + take(4).readUInt32BE() * MINUTE_MS };
  }
  const count = take(1)[0]!;
  if (count > CODE_ADDRESSES_MAX) throw new Error("too many addresses");
  for (let index = 0; index < count; index += 1) {
    const family = take(1)[0]!;
    if (family !== 4 && family !== 6) throw new Error("an unknown family");
    const raw = take(family === 4 ? 4 : 16);
    const address = family === 4 ? raw.join(".") : ipv6Text(raw);
    code.addresses.push({ address, port: take(2).readUInt16BE() });
  }
  if (at !== body.length) throw new Error("something follows the code");
  return code;
}

function packAddress({ address, port }: { address: string; port: number }): Buffer {
  const tail = Buffer.alloc(2);
  tail.writeUInt16BE(port);
  if (isIPv4(address)) return Buffer.concat([Buffer.from([4, ...address.split(".").map(Number)]), tail]);
  if (!isIPv6(address)) throw new Error(`not an address: ${address}`);
  return Buffer.concat([Buffer.from([6]), ipv6Bytes(address), tail]);
}

/** The 16 bytes of an IPv6 address; URL parsing writes it in its shortest form first. */
function ipv6Bytes(address: string): Buffer {
  const short = new URL(`http://[${address.split("%")[0]}]`).hostname.slice(1, -1);
  const [left = "", right] = short.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [front, back] = [groups(left), groups(right ?? "")];
  const middle = right === undefined ? [] : Array.from({ length: 8 - front.length - back.length }, () => "0");
  const bytes = Buffer.alloc(16);
  [...front, ...middle, ...back].forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2));
  return bytes;
}

function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_none, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** The 16 bytes of a community's id. */
export function communityBytes(id: string): Uint8Array {
  const bytes = fromBase32(id);
  if (bytes?.length !== COMMUNITY_BYTES) throw new Error("not the id of a community");
  return bytes;
}

/** The reverse of `base32`; undefined for a character that does not belong, or bits left over that are not zero. */
function fromBase32(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const char of text) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) return undefined;
    buffer = (buffer << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((buffer >> bits) & 255);
    }
    buffer &= (1 << bits) - 1;
  }
  return buffer === 0 && bits < 5 ? Uint8Array.from(bytes) : undefined;
}

function checkOf(body: Uint8Array): Buffer {
  return createHash("sha256").update(body).digest().subarray(0, CHECK_BYTES);
}
