/**
 * Frames between nodes: one message after the other, each a byte for its type and its fields. Numbers are big-endian:
 * slots of 2 bytes; views, rounds, nodes and times of 6; lengths of 4, of keys 2.
 */
import { FrameError, FrameReader, FrameWriter } from "./bytes.ts";
import { decodeAnswer, decodeCommand, encodeAnswer, encodeCommand } from "./command-codec.ts";
import type { Ballot, Message, MessageType, Refusal } from "./messages.ts";
import type { Page } from "./pages.ts";
import type { Version } from "./types.ts";

type Of<T extends MessageType> = Extract<Message, { type: T }>;

interface Form<T extends MessageType> {
  write(w: FrameWriter, message: Of<T>): void;
  /** With all fields in one place: objects of one shape, which what works on them finds quickly. */
  read(r: FrameReader): Of<T>;
}

const REFUSALS: readonly Refusal[] = ["not-coordinator", "not-ready", "lost-ballot", "forgotten", "full", "too-many"];

const ofView = (w: FrameWriter, { slot, view }: { slot: number; view: number }) => w.u16(slot).u48(view);
const readOfView = (r: FrameReader) => ({ slot: r.u16(), view: r.u48() });

const IS_THERE = 1;
const OTHER_BALLOT = 2;
const LONG_NUMBER = 4;

/** Most keys of a slot were written under one ballot, which is said once; few numbers in it need more than 4 bytes. */
function writePage(w: FrameWriter, { keys, isEnd }: Page): void {
  let last: Version | undefined;
  w.u8(Number(isEnd)).list(keys, ({ key, version, isThere }) => {
    const isSame = last && last.round === version.round && last.node === version.node;
    const isLong = version.n >= 2 ** 32;
    w.key(key).u8((isThere ? IS_THERE : 0) | (isSame ? 0 : OTHER_BALLOT) | (isLong ? LONG_NUMBER : 0));
    if (!isSame) w.ballot(version);
    if (isLong) w.u48(version.n);
    else w.u32(version.n);
    last = version;
  });
}

function readPage(r: FrameReader): Page {
  let ballot: Ballot | undefined;
  const isEnd = r.flag();
  const keys = r.list(() => {
    const [key, flags] = [r.key(), r.u8()];
    if (flags & OTHER_BALLOT) ballot = r.ballot();
    if (!ballot) throw new FrameError("a version without a ballot");
    const n = flags & LONG_NUMBER ? r.u48() : r.u32();
    return { key, version: { ...ballot, n }, isThere: (flags & IS_THERE) !== 0 };
  });
  return { keys, isEnd };
}

/** The order is the number on the wire: only ever append. */
const FORMS: { [T in MessageType]: Form<T> } = {
  forward: {
    write(w, { slot, key, origin, first, commands, tries, confirms }) {
      w.u16(slot).key(key).u48(origin).u48(first).u16(Math.min(tries, 65_535));
      w.list(commands, (command) => encodeCommand(w, command)).u8(Number(confirms !== undefined));
      if (confirms) w.u48(confirms.view).ballot(confirms.ballot);
    },
    read(r) {
      const slot = r.u16();
      const key = r.key();
      const origin = r.u48();
      const first = r.u48();
      const tries = r.u16();
      const commands = r.list(() => decodeCommand(r));
      const confirms = r.flag() ? { view: r.u48(), ballot: r.ballot() } : undefined;
      return { type: "forward", slot, key, origin, first, commands, tries, confirms };
    },
  },
  told: {
    write(w, { slot, key, first, told, repeated }) {
      w.u16(slot).key(key).u48(first).u8(Number(repeated));
      w.list(told, ({ answer, before, version, expiresMs }) => {
        encodeAnswer(w, answer);
        w.maybeBytes(before).u8((version ? 1 : 0) | (expiresMs === null ? 0 : 2));
        if (version) w.version(version);
        if (expiresMs !== null) w.u48(expiresMs);
      });
    },
    read(r) {
      const slot = r.u16();
      const key = r.key();
      const first = r.u48();
      const repeated = r.flag();
      const told = r.list(() => {
        const answer = decodeAnswer(r);
        const before = r.maybeBytes();
        const has = r.u8();
        return { answer, before, version: has & 1 ? r.version() : undefined, expiresMs: has & 2 ? r.u48() : null };
      });
      return { type: "told", slot, key, first, told, repeated };
    },
  },
  refused: {
    write(w, { slot, key, first, tries, why, hint }) {
      w.u16(slot).key(key).u48(first).u16(tries).u8(REFUSALS.indexOf(why)).maybeView(hint);
    },
    read(r) {
      const fields = { type: "refused", slot: r.u16(), key: r.key(), first: r.u48(), tries: r.u16() } as const;
      const why = REFUSALS[r.u8()];
      if (!why) throw new FrameError("an unknown refusal");
      return { ...fields, why, hint: r.maybeView() };
    },
  },
  prepare: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot),
    read: (r) => ({ type: "prepare", slot: r.u16(), view: r.u48(), ballot: r.ballot() }),
  },
  promise: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).key(m.digest),
    read: (r) => ({ type: "promise", slot: r.u16(), view: r.u48(), ballot: r.ballot(), digest: r.key() }),
  },
  outbid: {
    write: (w, m) => void ofView(w, m).ballot(m.promised),
    read: (r) => ({ type: "outbid", ...readOfView(r), promised: r.ballot() }),
  },
  "other-view": {
    write: (w, m) => void ofView(w, m).view(m.hint),
    read: (r) => ({ type: "other-view", ...readOfView(r), hint: r.view() }),
  },
  read: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).key(m.key),
    read: (r) => ({ type: "read", slot: r.u16(), view: r.u48(), ballot: r.ballot(), key: r.key() }),
  },
  holds: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).key(m.key).maybeBytes(m.content),
    read: (r) => ({
      type: "holds",
      slot: r.u16(),
      view: r.u48(),
      ballot: r.ballot(),
      key: r.key(),
      content: r.maybeBytes(),
    }),
  },
  accept: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).key(m.key).bytes(m.content),
    read: (r) => ({
      type: "accept",
      slot: r.u16(),
      view: r.u48(),
      ballot: r.ballot(),
      key: r.key(),
      content: r.bytes(),
    }),
  },
  accepted: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).u48(m.n).u8(Number(m.isFull)),
    read: (r) => ({ type: "accepted", slot: r.u16(), view: r.u48(), ballot: r.ballot(), n: r.u48(), isFull: r.flag() }),
  },
  confirm: {
    write: (w, { id, slots }) => void w.u48(id).list(slots, (one) => ofView(w, one).ballot(one.ballot)),
    read: (r) => ({
      type: "confirm",
      id: r.u48(),
      slots: r.list(() => ({ slot: r.u16(), view: r.u48(), ballot: r.ballot() })),
    }),
  },
  confirmed: {
    write: (w, { id, refused }) => void w.u48(id).list(refused, (slot) => w.u16(slot)),
    read: (r) => ({ type: "confirmed", id: r.u48(), refused: r.list(() => r.u16()) }),
  },
  drop: {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).key(m.key).version(m.version),
    read: (r) => ({ type: "drop", ...readOfView(r), ballot: r.ballot(), key: r.key(), version: r.version() }),
  },
  "view-prepare": {
    write: (w, m) => void ofView(w, m).ballot(m.ballot),
    read: (r) => ({ type: "view-prepare", ...readOfView(r), ballot: r.ballot() }),
  },
  "view-promise": {
    write(w, m) {
      ofView(w, m)
        .ballot(m.ballot)
        .u8(Number(m.accepted !== undefined));
      if (m.accepted) w.ballot(m.accepted.ballot).nodes(m.accepted.members);
    },
    read(r) {
      const fields = { type: "view-promise", ...readOfView(r), ballot: r.ballot() } as const;
      return { ...fields, accepted: r.flag() ? { ballot: r.ballot(), members: r.nodes() } : undefined };
    },
  },
  "view-accept": {
    write: (w, m) => void ofView(w, m).ballot(m.ballot).nodes(m.members),
    read: (r) => ({ type: "view-accept", ...readOfView(r), ballot: r.ballot(), members: r.nodes() }),
  },
  "view-accepted": {
    write: (w, m) => void ofView(w, m).ballot(m.ballot),
    read: (r) => ({ type: "view-accepted", ...readOfView(r), ballot: r.ballot() }),
  },
  "view-outbid": {
    write: (w, m) => void ofView(w, m).ballot(m.promised),
    read: (r) => ({ type: "view-outbid", ...readOfView(r), promised: r.ballot() }),
  },
  decided: {
    write: (w, m) => void ofView(w, m).nodes(m.members).maybeView(m.before),
    read: (r) => ({ type: "decided", ...readOfView(r), members: r.nodes(), before: r.maybeView() }),
  },
  "ask-view": {
    write: (w, { slot }) => void w.u16(slot),
    read: (r) => ({ type: "ask-view", slot: r.u16() }),
  },
  learn: {
    write: (w, m) => void ofView(w, m).nodes(m.from),
    read: (r) => ({ type: "learn", ...readOfView(r), from: r.nodes() }),
  },
  learned: { write: (w, m) => void ofView(w, m), read: (r) => ({ type: "learned", ...readOfView(r) }) },
  index: {
    write: (w, m) => void ofView(w, m).maybeKey(m.after).u8(Number(m.isFinal)),
    read: (r) => ({ type: "index", ...readOfView(r), after: r.maybeKey(), isFinal: r.flag() }),
  },
  indexed: {
    write(w, m) {
      ofView(w, m).maybeKey(m.after).ballot(m.promised).u8(Number(m.isEnd)).u8(Number(m.isFinal));
      w.list(m.keys, ({ key, version }) => w.key(key).version(version));
    },
    read: (r) => ({
      type: "indexed",
      ...{ ...readOfView(r), after: r.maybeKey(), promised: r.ballot(), isEnd: r.flag(), isFinal: r.flag() },
      keys: r.list(() => ({ key: r.key(), version: r.version() })),
    }),
  },
  fetch: {
    write: (w, m) => void ofView(w, m).list(m.keys, (key) => w.key(key)),
    read: (r) => ({ type: "fetch", ...readOfView(r), keys: r.list(() => r.key()) }),
  },
  fetched: {
    write(w, m) {
      ofView(w, m).list(m.contents, ({ key, content }) => w.key(key).bytes(content));
    },
    read: (r) => ({
      type: "fetched",
      ...readOfView(r),
      contents: r.list(() => ({ key: r.key(), content: r.bytes() })),
    }),
  },
  ready: { write: (w, m) => void ofView(w, m), read: (r) => ({ type: "ready", ...readOfView(r) }) },
  "ask-ready": { write: (w, m) => void ofView(w, m), read: (r) => ({ type: "ask-ready", ...readOfView(r) }) },
  list: {
    write(w, { id, prefix, after, slots, limit }) {
      w.u48(id).key(prefix).maybeKey(after).u32(limit);
      w.list(slots, (slot) => ofView(w, slot));
    },
    read: (r) => ({
      type: "list",
      ...{ id: r.u48(), prefix: r.key(), after: r.maybeKey(), limit: r.u32() },
      slots: r.list(() => readOfView(r)),
    }),
  },
  listed: {
    write(w, { id, slots, refused }) {
      w.u48(id).list(slots, ({ slot, ...page }) => writePage(w.u16(slot), page));
      w.list(refused, (slot) => w.u16(slot));
    },
    read: (r) => ({
      type: "listed",
      id: r.u48(),
      slots: r.list(() => ({ slot: r.u16(), ...readPage(r) })),
      refused: r.list(() => r.u16()),
    }),
  },
  watch: {
    write: (w, { id, prefix, isOn }) => void w.u48(id).key(prefix).u8(Number(isOn)),
    read: (r) => ({ type: "watch", id: r.u48(), prefix: r.key(), isOn: r.flag() }),
  },
  changed: {
    write: (w, { id, key, version }) => void w.u48(id).key(key).version(version),
    read: (r) => ({ type: "changed", id: r.u48(), key: r.key(), version: r.version() }),
  },
  peek: {
    write: (w, { id, slot, key }) => void w.u48(id).u16(slot).key(key),
    read: (r) => ({ type: "peek", id: r.u48(), slot: r.u16(), key: r.key() }),
  },
  peeked: {
    write: (w, { id, content }) => void w.u48(id).maybeBytes(content),
    read: (r) => ({ type: "peeked", id: r.u48(), content: r.maybeBytes() }),
  },
};

/** By number, and by type. */
const NUMBERED = Object.entries(FORMS).map(([type, form], number) => ({
  type,
  number,
  form: form as Form<MessageType>,
}));
const NAMED = new Map<string, (typeof NUMBERED)[number]>(NUMBERED.map((one) => [one.type, one]));

export function encodeMessage(w: FrameWriter, message: Message): void {
  const { number, form } = NAMED.get(message.type)!;
  w.u8(number);
  form.write(w, message as never);
}

const writer = new FrameWriter();

/** All in one frame. */
export function encodeFrame(messages: readonly Message[]): Uint8Array {
  for (const message of messages) encodeMessage(writer, message);
  return writer.take();
}

/**
 * Frames that end with the message that makes them `bytesMax` long, made when they are taken; `tally` is told the bytes
 * of each message.
 */
export function* framesOf(
  messages: readonly Message[],
  bytesMax: number,
  tally?: (type: MessageType, bytes: number) => void,
): Generator<Uint8Array> {
  for (const message of messages) {
    const before = writer.size;
    encodeMessage(writer, message);
    tally?.(message.type, writer.size - before);
    if (writer.size >= bytesMax) yield writer.take();
  }
  if (writer.size > 0) yield writer.take();
}

/** Contents are parts of `bytes`. Throws FrameError for anything that `framesOf` does not make. */
export function decodeFrame(bytes: Uint8Array): Message[] {
  const reader = new FrameReader(bytes);
  const messages: Message[] = [];
  while (!reader.isEnd) {
    const named = NUMBERED[reader.item().u8()];
    if (!named) throw new FrameError("an unknown message");
    messages.push(named.form.read(reader));
  }
  return messages;
}
