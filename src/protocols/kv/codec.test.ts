/**
 * Frames: what was written is read as it was, and whatever else comes is refused, or read as something that can be
 * written again. In bounded time and room, however the bytes were chosen.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leastMs } from "../../kernel/cost.fixture.ts";
import fc from "fast-check";
import { FRAME_ITEMS_MAX, FrameError, FrameReader, FrameWriter } from "./bytes.ts";
import { decodeFrame, encodeFrame, framesOf } from "./codec.ts";
import { decodeAnswer, decodeCommand, encodeAnswer, encodeCommand } from "./command-codec.ts";
import { VALUE_BYTES_MAX } from "./constants.ts";
import type { Answer } from "./content.ts";
import type { Message, MessageType, Refusal, Told } from "./messages.ts";
import type { ListedKey, Page } from "./pages.ts";
import type { Command, Condition, Expiry, Version } from "./types.ts";

type Of<T extends MessageType> = Extract<Message, { type: T }>;
/** All fields but the type. */
type Fields<T extends MessageType> = { [F in Exclude<keyof Of<T>, "type">]: fc.Arbitrary<Of<T>[F]> };

const FUZZED = 100_000;
const MS_MAX = 10 ** 14;
const uint = (bits: number) => fc.oneof(fc.nat({ max: 2 ** bits - 1 }), fc.constantFrom(0, 1, 2 ** bits - 1));
const [u16, u32, u48] = [
  uint(16),
  uint(32),
  fc.oneof(
    fc.maxSafeNat().map((n) => n % 2 ** 48),
    fc.constant(2 ** 48 - 1),
  ),
];
const bytes = fc.uint8Array({ maxLength: 40 });
const key = bytes.map((some) => String.fromCharCode(...some));
const record = <T>(fields: { [F in keyof T]: fc.Arbitrary<T[F]> }) =>
  fc.record(fields, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>;
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });
const list = <T>(some: fc.Arbitrary<T>) => fc.array(some, { maxLength: 5 });
const ballot = record<{ round: number; node: number }>({ round: u48, node: u48 });
const version = record<{ round: number; node: number; n: number }>({ round: u48, node: u48, n: u48 });
/** Some under one ballot, as most are. */
const ofFew = fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1);
const fewVersions = record<Version>({ round: ofFew, node: ofFew, n: ofFew });
const listedKey = record<ListedKey>({ key, version: fc.oneof(version, fewVersions), isThere: fc.boolean() });
const nodes = list(u48);
const view = record<{ number: number; members: number[] }>({ number: u48, members: nodes });
const ofView = { slot: u16, view: u48 };

const ms = fc.nat({ max: MS_MAX });
const expiry = fc.oneof(
  fc.constantFrom<Expiry>({ type: "never" }, { type: "keep" }),
  ms.map((ttlMs): Expiry => ({ type: "after", ttlMs })),
  ms.map((at): Expiry => ({ type: "at", ms: at })),
);
const condition = fc.oneof(
  fc.constantFrom<Condition>({ is: "absent" }, { is: "present" }),
  version.map((one): Condition => ({ is: "version", version: one })),
  bytes.map((value): Condition => ({ is: "value", value })),
);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const how = fc.tuple(fc.boolean(), maybe(condition)).map(([returnBefore, when]) => ({
  ...(returnBefore ? { returnBefore: true } : {}),
  ...(when ? { when } : {}),
}));
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constantFrom<Command>({ type: "get" }),
  fc.tuple(bytes, expiry, how).map(([value, one, more]): Command => ({ type: "put", value, expiry: one, ...more })),
  how.map((more): Command => ({ type: "delete", ...more })),
  int64.map((by): Command => ({ type: "add", by })),
  expiry.map((one): Command => ({ type: "expire", expiry: one })),
);
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.constantFrom<Answer>(
    { status: "read" },
    { status: "done" },
    { status: "unchanged" },
    { status: "not-an-integer" },
  ),
  int64.map((after): Answer => ({ status: "integer", after })),
);
const told = record<Told>({ answer, before: maybe(bytes), version: maybe(version), expiresMs: fc.option(u48) });
const why = fc.constantFrom<Refusal>("not-coordinator", "not-ready", "lost-ballot", "forgotten", "full", "too-many");
const accepted = maybe(record<{ ballot: typeof aBallot; members: number[] }>({ ballot, members: nodes }));
const aBallot = { round: 0, node: 0 };
const standing = record<{ view: number; ballot: typeof aBallot }>({ view: u48, ballot });

const FIELDS: { [T in MessageType]: Fields<T> } = {
  forward: { slot: u16, key, origin: u48, first: u48, commands: list(command), tries: u16, confirms: maybe(standing) },
  told: { slot: u16, key, first: u48, told: list(told), repeated: fc.boolean() },
  refused: { slot: u16, key, first: u48, tries: u16, why, hint: maybe(view) },
  prepare: { ...ofView, ballot },
  promise: { ...ofView, ballot, digest: key },
  outbid: { ...ofView, promised: ballot },
  "other-view": { ...ofView, hint: view },
  read: { ...ofView, ballot, key },
  holds: { ...ofView, ballot, key, content: maybe(bytes) },
  accept: { ...ofView, ballot, key, content: bytes },
  accepted: { ...ofView, ballot, n: u48, isFull: fc.boolean() },
  confirm: {
    id: u48,
    slots: list(record<{ slot: number; view: number; ballot: typeof aBallot }>({ ...ofView, ballot })),
  },
  confirmed: { id: u48, refused: list(u16) },
  drop: { ...ofView, ballot, key, version },
  "view-prepare": { ...ofView, ballot },
  "view-promise": { ...ofView, ballot, accepted },
  "view-accept": { ...ofView, ballot, members: nodes },
  "view-accepted": { ...ofView, ballot },
  "view-outbid": { ...ofView, promised: ballot },
  decided: { ...ofView, members: nodes, before: maybe(view) },
  "ask-view": { slot: u16 },
  learn: { ...ofView, from: nodes },
  learned: ofView,
  index: { ...ofView, after: maybe(key), isFinal: fc.boolean() },
  indexed: {
    ...{ ...ofView, after: maybe(key), promised: ballot, isEnd: fc.boolean(), isFinal: fc.boolean() },
    keys: list(record<{ key: string; version: { round: number; node: number; n: number } }>({ key, version })),
  },
  fetch: { ...ofView, keys: list(key) },
  fetched: { ...ofView, contents: list(record<{ key: string; content: Uint8Array }>({ key, content: bytes })) },
  ready: ofView,
  "ask-ready": ofView,
  list: {
    id: u48,
    prefix: key,
    after: maybe(key),
    slots: list(record<{ slot: number; view: number }>(ofView)),
    limit: u32,
  },
  listed: {
    id: u48,
    slots: list(record<{ slot: number } & Page>({ slot: u16, keys: list(listedKey), isEnd: fc.boolean() })),
    refused: list(u16),
  },
  watch: { id: u48, prefix: key, isOn: fc.boolean() },
  changed: { id: u48, key, version },
  peek: { id: u48, slot: u16, key },
  peeked: { id: u48, content: maybe(bytes) },
};
const TYPES = Object.keys(FIELDS) as MessageType[];
const messageOf = (type: MessageType) =>
  record<Message>({ type: fc.constant(type), ...FIELDS[type] } as never) as fc.Arbitrary<Message>;
const message = fc.oneof(...TYPES.map(messageOf));

/** What it was read as; undefined: refused. Anything but the codec's own error is thrown on. */
function readOrRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FrameError) return undefined;
    throw error;
  }
}

for (const type of TYPES)
  test(`${type}: what was written is read`, () => {
    fc.assert(fc.property(list(messageOf(type)), (sent) => assert.deepEqual(decodeFrame(encodeFrame(sent)), sent)));
  });

interface Change {
  at: number;
  how: "set" | "flip" | "cut" | "add" | "double";
  value: number;
}

const change = record<Change>({
  at: fc.nat(),
  how: fc.constantFrom("set", "flip", "cut", "add", "double"),
  value: fc.oneof(fc.constantFrom(0, 1, 2, 127, 128, 255), fc.nat(255)),
});

function changed(frame: Uint8Array, changes: readonly Change[]): Uint8Array {
  let some = [...frame];
  for (const { at, how: kind, value } of changes) {
    const place = at % (some.length || 1);
    if (kind === "set") some[place] = value;
    else if (kind === "flip") some[place] = (some[place] ?? 0) ^ (1 << (value % 8));
    else if (kind === "cut") some = some.slice(0, place);
    else if (kind === "add") some.splice(place, 0, value);
    else some = [...some, ...some.slice(place)];
  }
  return Uint8Array.from(some);
}

const spoiled = fc.tuple(fc.array(message, { maxLength: 3 }), fc.array(change, { minLength: 1, maxLength: 4 }));

test("changed frames and random bytes: refused, or read as something that can be written and read again", () => {
  let read = 0;
  const look = (frame: Uint8Array) => {
    const once = readOrRefused(() => decodeFrame(frame));
    if (once === undefined) return;
    read++;
    assert.deepEqual(decodeFrame(encodeFrame(once)), once);
  };
  fc.assert(
    fc.property(spoiled, ([sent, changes]) => look(changed(encodeFrame(sent), changes))),
    { numRuns: FUZZED * 0.7 },
  );
  const random = fc.tuple(fc.nat(TYPES.length), fc.uint8Array({ maxLength: 60 }));
  fc.assert(
    fc.property(random, ([type, rest]) => look(Uint8Array.from([type, ...rest]))),
    { numRuns: FUZZED * 0.3 },
  );
  assert.ok(read > FUZZED / 20, `only ${read} were read at all`);
});

test("commands and answers by themselves: the same", () => {
  const codecs = [
    { write: encodeCommand as (w: FrameWriter, one: never) => void, read: decodeCommand },
    { write: encodeAnswer as (w: FrameWriter, one: never) => void, read: decodeAnswer },
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...codecs), (some, { write, read }) => {
      const once = readOrRefused(() => read(new FrameReader(some)));
      if (once === undefined) return;
      const writer = new FrameWriter();
      write(writer, once as never);
      assert.deepEqual(read(new FrameReader(writer.take())), once);
    }),
    { numRuns: FUZZED },
  );
});

test("few bytes do not become many objects, and a false count costs nothing", () => {
  const asks = (count: number) =>
    new Uint8Array(3 * count).fill(0).map((_, at) => (at % 3 ? 0 : TYPES.indexOf("ask-view")));
  assert.equal(decodeFrame(asks(FRAME_ITEMS_MAX)).length, FRAME_ITEMS_MAX);
  assert.throws(() => decodeFrame(asks(FRAME_ITEMS_MAX + 1)), FrameError);
  const writer = new FrameWriter()
    .u8(TYPES.indexOf("fetch"))
    .u16(1)
    .u48(1)
    .u32(2 ** 32 - 1);
  const frame = writer.take();
  assert.ok(leastMs(() => assert.throws(() => decodeFrame(frame), FrameError)) < 1_000);
});

test("much is sent in several frames, none longer than it must be, and read as it was", () => {
  const large: Message = { ...aView(1), type: "accept", key: "k", content: new Uint8Array(3_000) };
  const small: Message[] = Array.from({ length: 500 }, (_, slot) => ({ type: "ask-view", slot }));
  const sent = [...small, large, ...small, large, large];
  const frames = [...framesOf(sent, 1_000)];
  assert.deepEqual(
    frames.flatMap((frame) => decodeFrame(frame)),
    sent,
  );
  assert.ok(frames.length > 3);
  for (const frame of frames) assert.ok(frame.length < 1_000 + 3_100);
  assert.deepEqual([...framesOf([], 1_000)], []);
  const bytesOf = new Map<string, number>();
  const tally = (type: string, size: number) => void bytesOf.set(type, (bytesOf.get(type) ?? 0) + size);
  assert.equal([...framesOf(sent, 1_000, tally)].length, frames.length);
  const all = frames.reduce((sum, frame) => sum + frame.length, 0);
  assert.deepEqual([bytesOf.get("ask-view"), [...bytesOf.values()].reduce((a, b) => a + b)], [3_000, all]);
});

test("what a value may not be is no frame", () => {
  const put = (value: Uint8Array): Message => ({
    ...{ type: "forward", slot: 0, key: "k", origin: 1, first: 1, tries: 0, confirms: undefined },
    commands: [{ type: "put", value, expiry: { type: "never" } }],
  });
  assert.equal(decodeFrame(encodeFrame([put(new Uint8Array(VALUE_BYTES_MAX))])).length, 1);
  assert.throws(() => decodeFrame(encodeFrame([put(new Uint8Array(VALUE_BYTES_MAX + 1))])), FrameError);
});

function aView(slot: number) {
  return { slot, view: 1, ballot: { round: 1, node: 1 } };
}
