/**
 * A comparison instead of a push/pull: two members find out by digests whether their tables differ, and exchange the
 * members of those buckets that do, by the rules of a push/pull. Nearly always nothing differs, and two messages of
 * some 150 bytes take the place of two whole tables. Only between members that announce it (COMPARE_VERSION); a join,
 * and everything with others, is memberlist's push/pull.
 *
 *   asks     compare {salt, digest, events seen}    ──▶
 *            ◀── compare {digest, sums of buckets when the digests differ, events that the asker lacks, events seen}
 *   if anything differs
 *            differences {salt, which buckets, their members, events that the other lacks}   ──▶
 *            ◀── push/pull {members of those buckets}
 *
 * Not in a digest: who is gone. Departures of the last minutes are told with each comparison, and those in a bucket
 * that differs with it.
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { utf8Length } from "../wire/utf8.ts";
import { STATE, TYPE, fields } from "./codec.ts";
import type { Selection } from "./codec.ts";
import { BUCKETS_MAX, COMPARE_VERSION, EVENT_SLOTS_COMPARED, LAMPORT_MAX, LEAVES_TOLD_MAX } from "./constants.ts";
import { EVENTS_TOLD_BYTES_MAX, LEAVES_TOLD_MS, PLAIN_FOR_MS, PLAIN_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { bucketCount, bucketOf, digestOf } from "./digest.ts";
import { mix } from "../mix.ts";
import type { Digest } from "./digest.ts";
import { encodeLocalState } from "./local-state.ts";
import type { MemberRecord } from "./record.ts";
import { encodeSerfState } from "./serf-state.ts";
import type { UserEvent } from "./serf.ts";

export interface Comparison {
  salt: number;
  living: number;
  sums: readonly [number, number];
  /** Sums of buckets, four bytes each; empty when they were not asked for or nothing differs. */
  buckets: Uint8Array;
  /** Lamport times with events, and a hash over those of each. */
  seen: ReadonlyMap<number, number>;
  /** In an answer: the asker has seen the same, and `seen` is empty. */
  isSeenSame: boolean;
  /** Events before this Lamport time are not wanted. */
  eventsFrom: number;
  serf: Uint8Array;
}

expectKeys(["Salt", "Living", "Sums", "Buckets", "Seen", "SeenSame", "EventsFrom", "Serf"]);

/** Does this member compare? */
export function compares(core: Core, record: MemberRecord): boolean {
  if (record.facts.versions[4] !== COMPARE_VERSION) return false;
  return core.nowMs >= (core.plainUntilMs.get(record.name) ?? -Infinity);
}

/**
 * It did not answer a comparison, though it seems to live: out of reach, or something else than it says. The next
 * exchange with it is a push/pull; when that fails, too, it was out of reach (`forgetUncompared`).
 */
export function noteUncompared(core: Core, name: string): void {
  if (core.table.get(name)?.state !== STATE.alive) return;
  if (core.plainUntilMs.size >= PLAIN_MAX) core.plainUntilMs.delete(core.plainUntilMs.keys().next().value!);
  core.plainUntilMs.set(name, core.nowMs + PLAIN_FOR_MS);
}

export function forgetUncompared(core: Core, name: string): void {
  core.plainUntilMs.delete(name);
}

/** The first message; the answer to it is for `salt`. */
export function encodeQuestion(core: Core, salt: number): Uint8Array {
  const digest = digestOf(core.table, salt, 1);
  return encode(core, digest, { salt, seen: seenEvents(core), isSeenSame: false, buckets: new Uint8Array(0) }, []);
}

/** What another member's question is answered with, before anything of it is taken over. */
export function encodeAnswer(core: Core, question: Comparison): Uint8Array {
  const digest = digestOf(core.table, question.salt, bucketCount(core.aliveCount));
  const buckets = isSame(digest, question) ? new Uint8Array(0) : toBytes(digest.buckets);
  const ours = seenEvents(core);
  const fromTime = Math.max(core.events.minTime, question.eventsFrom);
  const isSeenSame = isSameFrom(fromTime, ours, question.seen) && isSameFrom(fromTime, question.seen, ours);
  const seen = isSeenSame ? new Map<number, number>() : ours;
  return encode(core, digest, { salt: question.salt, seen, isSeenSame, buckets }, lacking(core, question));
}

/** Are all that `some` has from that time on the same with `others`? */
function isSameFrom(time: number, some: ReadonlyMap<number, number>, others: ReadonlyMap<number, number>): boolean {
  return [...some].every(([ltime, print]) => ltime < time || others.get(ltime) === print);
}

/** What to send when the answer shows a difference. */
export function encodeDifferences(core: Core, salt: number, answer: Comparison): Uint8Array | undefined {
  const buckets = answer.buckets.length >> 2;
  const which = buckets > 0 ? differing(digestOf(core.table, salt, buckets).buckets, answer.buckets) : [];
  const events = answer.isSeenSame ? [] : lacking(core, answer);
  if (which.length === 0 && events.length === 0) return undefined;
  const selection: Selection = { salt, buckets, which: new Uint8Array(2 * which.length) };
  const view = new DataView(selection.which.buffer);
  which.forEach((bucket, i) => view.setUint16(2 * i, bucket));
  return encodeLocalState(core, false, { has: selects(core, selection), events, selection });
}

/** The answer to differences: our members of those buckets. */
export function encodeSelected(core: Core, selection: Selection): Uint8Array {
  return encodeLocalState(core, false, { has: selects(core, selection), events: [] });
}

/** Throws WireError. */
function selects(core: Core, { salt, buckets, which }: Selection): (number: number) => boolean {
  if (which.length === 0) return () => false;
  if (!isPowerOfTwo(buckets) || which.length % 2 !== 0) throw new WireError("bad-value", `${buckets} buckets`);
  const chosen = new Uint8Array(buckets);
  for (let i = 0; i < which.length; i += 2) {
    const bucket = (which[i]! << 8) | which[i + 1]!;
    if (bucket >= buckets) throw new WireError("bad-value", `bucket ${bucket} of ${buckets}`);
    chosen[bucket] = 1;
  }
  return (number) => chosen[bucketOf(core.table, number, salt, buckets)] === 1;
}

function differing(ours: Uint32Array, theirs: Uint8Array): number[] {
  const view = new DataView(theirs.buffer, theirs.byteOffset, theirs.length);
  return [...ours.keys()].filter((bucket) => ours[bucket] !== view.getUint32(4 * bucket));
}

function isSame(digest: Digest, other: Comparison): boolean {
  const { living, sums } = digest;
  return living === other.living && sums[0] === other.sums[0] && sums[1] === other.sums[1];
}

function isPowerOfTwo(count: number): boolean {
  return count > 0 && (count & (count - 1)) === 0;
}

function toBytes(sums: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * sums.length);
  const view = new DataView(bytes.buffer);
  sums.forEach((sum, i) => view.setUint32(4 * i, sum));
  return bytes;
}

function seenEvents(core: Core): Map<number, number> {
  const slots = core.events.newest(EVENT_SLOTS_COMPARED);
  return new Map(slots.map(({ ltime, keys }) => [ltime, printOfKeys(keys)]));
}

/** The same for the same keys in any order. */
function printOfKeys(keys: Iterable<string>): number {
  let sum = 0;
  for (const key of keys) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    sum = (sum + mix(hash)) | 0;
  }
  return sum >>> 0;
}

/** Our events of the Lamport times at which the other has others, the newest first, as many as one message takes. */
function lacking(core: Core, { seen, eventsFrom }: Comparison): UserEvent[] {
  const events: UserEvent[] = [];
  let bytesLeft = EVENTS_TOLD_BYTES_MAX;
  const ours = seenEvents(core);
  for (const { ltime, entries } of core.events.newest(EVENT_SLOTS_COMPARED)) {
    if (ltime < eventsFrom || seen.get(ltime) === ours.get(ltime)) continue;
    for (const event of entries) {
      bytesLeft -= event.payload.length + utf8Length(event.name);
      if (bytesLeft < 0) return events;
      events.push(event);
    }
  }
  return events;
}

function encode(
  core: Core,
  { living, sums }: Digest,
  { salt, buckets, seen, isSeenSame }: Pick<Comparison, "salt" | "buckets" | "seen" | "isSeenSame">,
  events: readonly UserEvent[],
): Uint8Array {
  const pairs = new MsgpackWriter(64);
  for (const [ltime, print] of seen) pairs.int(ltime).int(print);
  const w = new MsgpackWriter(256 + buckets.length).byte(TYPE.compare).map(8);
  w.text("Salt").int(salt).text("Living").int(living);
  w.text("Sums").raw(toBytes(Uint32Array.from(sums)));
  w.text("Buckets").raw(buckets).text("Seen").raw(pairs.finish()).text("SeenSame").bool(isSeenSame);
  w.text("EventsFrom").int(core.events.minTime);
  return w.text("Serf").raw(recentSerfState(core, events)).finish();
}

/** Clocks, the newest departures, and some events. */
function recentSerfState(core: Core, events: readonly UserEvent[]): Uint8Array {
  const { table } = core;
  const left: number[] = [];
  for (const number of core.reaping.newest(core.nowMs - LEAVES_TOLD_MS)) {
    if (left.length >= LEAVES_TOLD_MAX) break;
    const isOut = table.columns.has(number) && table.columns.state(number) === STATE.left;
    if (isOut && !left.includes(number)) left.push(number);
  }
  return encodeSerfState({
    ltime: core.clock.time,
    eventLtime: core.eventClock.time,
    queryLtime: core.queryClock.time,
    left: left.map((number) => table.nameOf(number)),
    events,
    statusCount: left.length,
    statuses: (put) => left.forEach((number) => put(table.nameOf(number), table.columns.statusTime(number))),
  });
}

/** `reader` stands after the type byte. Throws WireError. */
export function decodeComparison(reader: MsgpackReader): Comparison {
  const empty = new Uint8Array(0);
  const comparison: Comparison = {
    ...{ salt: 0, living: 0, sums: [0, 0], buckets: empty, seen: new Map() },
    ...{ isSeenSame: false, eventsFrom: 0, serf: empty },
  };
  fields(reader, (key, r) => {
    if (key === "Salt") comparison.salt = r.uint(2 ** 32 - 1);
    else if (key === "Living") comparison.living = r.uint(2 ** 32 - 1);
    else if (key === "Sums") comparison.sums = decodeSums(r.raw());
    else if (key === "Buckets") comparison.buckets = decodeBuckets(r.raw());
    else if (key === "Seen") comparison.seen = decodeSeen(r.raw());
    else if (key === "SeenSame") comparison.isSeenSame = r.bool();
    else if (key === "EventsFrom") comparison.eventsFrom = r.uint(LAMPORT_MAX);
    else if (key === "Serf") comparison.serf = r.raw();
    else r.skip();
  });
  return comparison;
}

function decodeSums(bytes: Uint8Array): [number, number] {
  if (bytes.length !== 8) throw new WireError("bad-value", `sums of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [view.getUint32(0), view.getUint32(4)];
}

function decodeBuckets(bytes: Uint8Array): Uint8Array {
  const buckets = bytes.length / 4;
  if (buckets > BUCKETS_MAX) throw new WireError("too-large", `${buckets} buckets`);
  if (bytes.length > 0 && !isPowerOfTwo(buckets)) throw new WireError("bad-value", `${buckets} buckets`);
  return bytes;
}

function decodeSeen(bytes: Uint8Array): Map<number, number> {
  const seen = new Map<number, number>();
  const reader = new MsgpackReader(bytes);
  while (!reader.done) {
    seen.set(reader.uint(LAMPORT_MAX), reader.uint(2 ** 32 - 1));
    if (seen.size > EVENT_SLOTS_COMPARED) throw new WireError("too-large", "times of events");
  }
  return seen;
}
