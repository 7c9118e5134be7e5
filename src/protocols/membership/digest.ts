/**
 * Short hashes by which two members find out where their tables differ. Not for secrets, and not proof against
 * somebody who makes collisions on purpose: all that they hide is hidden for one exchange, since each has a salt of
 * its own, and whoever joins gets everything anyway.
 */

import { mix } from "../mix.ts";
import { BUCKETS_MAX, BUCKETS_MIN, MEMBERS_PER_BUCKET } from "./constants.ts";
import type { MemberTable } from "./table.ts";

/** What a box says of the members that live for it, in a few bytes. */
export interface Digest {
  living: number;
  /** Two sums over all of them. */
  sums: readonly [number, number];
  /** One sum for each bucket. */
  buckets: Uint32Array;
}

/** A power of two from 16 to 4096, about one for eight members. */
export function bucketCount(members: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, members / MEMBERS_PER_BUCKET)));
  return Math.min(BUCKETS_MAX, Math.max(BUCKETS_MIN, wanted));
}

/** In which of `buckets` (a power of two) a member stands while this salt is used. */
export function bucketOf(table: MemberTable, number: number, salt: number, buckets: number): number {
  return mix(table.roster.printOf(number) ^ salt) & (buckets - 1);
}

/**
 * Over all that live, with ourselves: name, what they say of themselves, incarnation, state, and the time of the last
 * intent. Not whether that was to leave, since a push/pull does not tell it of the living.
 */
export function digestOf(table: MemberTable, salt: number, buckets: number): Digest {
  const { columns, roster } = table;
  const sums = new Uint32Array(buckets);
  let living = 0;
  let [first, second] = [0, 0];
  for (let number = 0; number < columns.capacity; number++) {
    if (!table.isLiving(number)) continue;
    living++;
    const named = mix(roster.printOf(number) ^ salt);
    let hash = mix(named ^ roster.factsPrint(columns.facts[number]!));
    hash = mix(hash + columns.incarnation[number]!);
    hash = mix(hash ^ (columns.statusTime(number) * 4 + columns.state(number)));
    first = (first + hash) | 0;
    second = (second + mix(hash ^ named)) | 0;
    sums[named & (buckets - 1)]! += hash;
  }
  return { living, sums: [first >>> 0, second >>> 0], buckets: sums };
}

/** FNV-1a over bytes[start, end), mixed at the end. */
export function printOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return mix(hash);
}
