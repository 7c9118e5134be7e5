/**
 * What a client knows of a mutable file after asking servers: which versions there are, which one to read, whether it
 * is safe to write, and which share to write where. Pure functions over what was seen, so that every judgement about
 * old, lost and competing versions stands in one place and is tested without a server.
 *
 * Only shares whose signature was verified count as `good`: a server can show an old version again, it cannot make one.
 */
import { SERVER_MAP_SHARES_MAX } from "./constants.ts";
import { GridError } from "./errors.ts";
import type { MutableHeader } from "./mutable-layout.ts";

/** One share as one server showed it. */
export type SeenShare = {
  /** Any name of the server that is unique. */
  server: string;
  /** Share number. */
  share: number;
} & (
  | { state: "good"; header: MutableHeader }
  /** Malformed or not verified; `remembered` is the beginning of what was read, for the test vector. */
  | { state: "bad"; remembered: Uint8Array }
);

export interface MutableVersion {
  header: MutableHeader;
  /** Share number to the servers that hold it. */
  shares: Map<number, string[]>;
  /** At least k distinct share numbers are known. */
  isRecoverable: boolean;
}

export interface ServerMap {
  seen: readonly SeenShare[];
  /** Newest first: by sequence number, then by root hash. */
  versions: MutableVersion[];
  /** The newest recoverable one. */
  best: MutableVersion | undefined;
  /** Unrecoverable, of a higher sequence number than `best`: what is read is old, and a repair would lose them. */
  newerUnrecoverable: MutableVersion[];
  /** Other recoverable versions with the sequence number of `best`: two writers did not know of each other. */
  rivals: MutableVersion[];
  /** Of good shares, recoverable or not; 0 when there are none. */
  highestSequence: bigint;
  /** Exactly one version, recoverable, and all N share numbers are there. */
  isHealthy: boolean;
}

const SEQUENCE_MAX = 2n ** 64n - 1n;

/** Throws GridError `too-large` for more shares than any honest grid shows. */
export function serverMap(seen: readonly SeenShare[]): ServerMap {
  if (seen.length > SERVER_MAP_SHARES_MAX) throw new GridError("too-large", `${seen.length} shares of one file`);
  const byVersion = new Map<string, MutableVersion>();
  for (const one of seen) {
    if (one.state === "bad") continue;
    const name = versionName(one.header);
    let version = byVersion.get(name);
    if (!version) byVersion.set(name, (version = { header: one.header, shares: new Map(), isRecoverable: false }));
    const servers = version.shares.get(one.share);
    if (!servers) version.shares.set(one.share, [one.server]);
    else if (!servers.includes(one.server)) servers.push(one.server);
  }
  const versions = [...byVersion.values()].toSorted((a, b) => compareVersions(b.header, a.header));
  for (const version of versions) version.isRecoverable = version.shares.size >= version.header.k;
  const best = versions.find((version) => version.isRecoverable);
  const bestSequence = best?.header.sequence ?? -1n;
  // With the signed root hash of the best one the content is the same, whatever a server did to the unsigned offsets.
  const rivals = versions.filter(
    ({ header, isRecoverable }) =>
      isRecoverable && header.sequence === bestSequence && best && compareVersions(header, best.header) !== 0,
  );
  return {
    seen,
    versions,
    best,
    newerUnrecoverable: versions.filter((version) => version.header.sequence > bestSequence),
    rivals,
    highestSequence: versions[0]?.header.sequence ?? 0n,
    isHealthy: versions.length === 1 && best !== undefined && hasAllShares(best),
  };
}

/** By sequence number, then by root hash as bytes. */
export function compareVersions(a: MutableHeader, b: MutableHeader): number {
  if (a.sequence !== b.sequence) return a.sequence < b.sequence ? -1 : 1;
  for (let index = 0; index < a.rootHash.length; index++) {
    const difference = a.rootHash[index]! - b.rootHash[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Shares are of one version only if the signed prefix and the table of offsets are equal. */
export function versionName({ prefix, sections }: MutableHeader): string {
  const { publicKey, signature, chain, blockHashes, data, encryptedPrivateKey, end } = sections;
  const ends = [publicKey, signature, chain, blockHashes, data, encryptedPrivateKey].map((section) => section.start);
  let hex = "";
  for (const byte of prefix) hex += byte.toString(16).padStart(2, "0");
  return `${hex}/${[...ends, publicKey.end, end].join(",")}`;
}

function hasAllShares({ header, shares }: MutableVersion): boolean {
  for (let number = 0; number < header.n; number++) if (!shares.has(number)) return false;
  return true;
}

/** The number of the next version. Throws GridError `too-large` after 2^64 - 1. */
export function nextSequence(map: ServerMap): bigint {
  if (map.highestSequence >= SEQUENCE_MAX) throw new GridError("too-large", "no sequence number is left");
  return map.highestSequence + 1n;
}

export type RepairVerdict =
  | { state: "healthy" }
  | { state: "repair"; version: MutableVersion }
  /** Nothing can be read. */
  | { state: "unrecoverable" }
  /** Repair would destroy a newer version, or choose between two; only when a person insists on `version`. */
  | { state: "refused"; because: "newer-unrecoverable" | "rivals"; version: MutableVersion };

export function judgeRepair(map: ServerMap): RepairVerdict {
  if (!map.best) return { state: "unrecoverable" };
  const version = map.best;
  if (map.newerUnrecoverable.length > 0) return { state: "refused", because: "newer-unrecoverable", version };
  if (map.rivals.length > 0) return { state: "refused", because: "rivals", version };
  return map.isHealthy ? { state: "healthy" } : { state: "repair", version };
}

/** A server that the client is connected with. */
export interface MutableServer {
  id: string;
  /** It may get shares that it does not have yet. */
  mayTakeNew: boolean;
  /** It failed in this operation: nothing is written there. */
  hasFailed: boolean;
}

/** What the writer expects to find where it writes. */
export type KnownShare =
  | { state: "absent" }
  | { state: "good"; checkstring: Uint8Array }
  | { state: "bad"; remembered: Uint8Array };

export interface PlannedWrite {
  server: string;
  share: number;
  known: KnownShare;
}

export interface WritePlan {
  writes: PlannedWrite[];
  /** Share numbers for which no server is left. */
  unplaced: number[];
}

/**
 * Where the N shares of a new version go: over every known share, good or bad, where it is; those without a home, in
 * turn, to the servers with the fewest shares of this file. `servers` are in the permuted order of the file. Known
 * shares with a number of N or more (of an earlier version with more shares) are left as they are.
 */
export function planWrites(map: ServerMap, servers: readonly MutableServer[], n: number): WritePlan {
  const usable = new Map(servers.filter((server) => !server.hasFailed).map((server) => [server.id, server]));
  const writes: PlannedWrite[] = [];
  const housed = new Set<number>();
  const counts = new Map<string, number>();
  const planned = new Set<string>();
  for (const one of map.seen) {
    const name = `${one.share}/${one.server}`;
    if (!usable.has(one.server) || one.share >= n || planned.has(name)) continue;
    planned.add(name);
    housed.add(one.share);
    counts.set(one.server, (counts.get(one.server) ?? 0) + 1);
    writes.push({ server: one.server, share: one.share, known: knownShare(one) });
  }
  const homeless = Array.from({ length: n }, (_, number) => number).filter((number) => !housed.has(number));
  const takers = [...usable.values()].filter((server) => server.mayTakeNew);
  // The sort is stable: servers with as many shares stay in the permuted order.
  takers.sort((a, b) => (counts.get(a.id) ?? 0) - (counts.get(b.id) ?? 0));
  if (takers.length === 0) return { writes, unplaced: homeless };
  homeless.forEach((share, index) => {
    writes.push({ server: takers[index % takers.length]!.id, share, known: { state: "absent" } });
  });
  return { writes, unplaced: [] };
}

/** What a share that was seen makes its writer expect. */
function knownShare(seen: SeenShare): KnownShare {
  return seen.state === "good"
    ? { state: "good", checkstring: seen.header.checkstring }
    : { state: "bad", remembered: seen.remembered };
}

/** What each server is known to hold, for `judgeAnswer` of mutable-writes.ts. */
export function knownShares(map: ServerMap, server: string): Map<number, KnownShare> {
  const known = new Map<number, KnownShare>();
  for (const one of map.seen) if (one.server === server) known.set(one.share, knownShare(one));
  return known;
}
