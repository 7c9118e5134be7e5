/**
 * Names and addresses that slivers have in the network of their slice. Each follows from ids by a hash, so that every
 * box computes the same without asking, and nobody can claim another's: the network is a hash over the home box too.
 *
 *   fd │ 56 bits: home box, slice │ 64 bits: sliver          IPv6, unique local (RFC 4193), the same on all boxes
 *   100.64.0.0/10: 22 bits: sliver                           IPv4 (RFC 6598), known only to its own host, for NAT
 */
import { utf8 } from "../wire/utf8.ts";
import { DEVICE_PREFIX, TUNNEL_PREFIX } from "./constants.ts";

export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export interface SliverPlace {
  /** The box whose member has the slice. */
  home: string;
  slice: string;
  sliver: string;
}

/** Its address in the slice, as RFC 5952 writes it. */
export function sliverAddress(sha256: Sha256, { home, slice, sliver }: SliverPlace): string {
  const network = digest(sha256, "slice network", home, slice);
  const own = digest(sha256, "sliver address", sliver);
  return ipv6(Uint8Array.of(0xfd, ...network.subarray(0, 7), ...own.subarray(0, 8)));
}

/** Its address towards its host, where it may speak beyond its slice. */
export function sliverAddress4(sha256: Sha256, sliver: string): string {
  const [a = 0, b = 0, c = 0] = digest(sha256, "sliver address 4", sliver);
  return `100.${64 + (a & 63)}.${b}.${c}`;
}

/** The host's end of its cable; 14 characters of the 15 that Linux allows. */
export function sliverDevice(sha256: Sha256, sliver: string): string {
  return `${DEVICE_PREFIX}${hex(digest(sha256, "sliver device", sliver).subarray(0, 6))}`;
}

/** The tunnel of a box to the others. Two boxes on one machine have two. */
export function tunnelDevice(sha256: Sha256, box: string): string {
  return `${TUNNEL_PREFIX}${hex(digest(sha256, "tunnel device", box).subarray(0, 6))}`;
}

function digest(sha256: Sha256, ...words: string[]): Uint8Array {
  return sha256(utf8(["comu", ...words].join("\n")));
}

const hex = (bytes: Uint8Array) => [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");

/** 16 bytes, with the first of the longest runs of zeros left out. */
export function ipv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! << 8) | bytes[2 * at + 1]!);
  let longest = { at: 0, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (groups[at + length] === 0) length += 1;
    if (length > longest.length) longest = { at, length };
  }
  const text = (part: readonly number[]) => part.map((one) => one.toString(16)).join(":");
  if (longest.length === 1) return text(groups);
  return `${text(groups.slice(0, longest.at))}::${text(groups.slice(longest.at + longest.length))}`;
}
