/**
 * The messages of HashiCorp memberlist 0.2 to 0.6, in bytes. One type byte, then a MessagePack map whose keys are
 * the Go field names. Field names, type numbers and field types are the wire contract; the rest here is ours.
 *
 *   0 ping   1 indirect ping   2 ack   3 suspect   4 alive   5 dead   6 push/pull   7 compound   8 user
 *   9 compressed   10 encrypted   11 nack   12 CRC-32 wrapper   13 error   244 label header
 *   32 comparison   33 differences (ours, see comparing.ts)
 *
 * What goes around messages (compound, compressed, checked) is in wrapping.ts.
 */
import { WireError } from "../wire/errors.ts";
import { expectKeys } from "../wire/msgpack.ts";
import type { MsgpackReader } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { fromUtf8 } from "../wire/utf8.ts";
import { BUCKETS_MAX, META_BYTES_MAX, NAME_BYTES_MAX, STREAM_BYTES_MAX } from "./constants.ts";
import type { Described, Facts } from "./facts.ts";

export const TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  error: 13,
  /** Ours, not memberlist's: only for members that announce it (`COMPARE_VERSION`). */
  compare: 32,
  differences: 33,
  label: 244,
} as const;

/** The states in a push/pull. */
export const STATE = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;
export type WireState = 0 | 1 | 2 | 3;

export interface Ping {
  seq: number;
  /** The name that the sender expects here; empty when it does not care. */
  node: string;
  sourceAddress: Uint8Array;
  sourcePort: number;
  sourceNode: string;
}

export interface IndirectPing extends Ping {
  target: Uint8Array;
  port: number;
  /** The asker understands a nack. */
  nack: boolean;
}

export interface Ack {
  seq: number;
  payload: Uint8Array;
}

/** Suspect and dead have the same shape. A dead message from the node itself means that it leaves. */
export interface Accusation {
  incarnation: number;
  node: string;
  from: string;
}

export interface Alive extends Described {
  incarnation: number;
  node: string;
}

export interface NodeState extends Alive {
  state: WireState;
  /** When it describes itself as we know it already. */
  facts?: Facts;
}

/** The members that we know, for a reader that need not build again what is there. */
export interface Known {
  /** The number of the name in bytes[start, end), -1 when we know none such. Throws WireError. */
  find(bytes: Uint8Array, start: number, end: number): number;
  nameOf(number: number): string;
  factsOf(number: number): Facts;
}

export interface PushPullHead {
  join: boolean;
  /** How many node states follow, and how many bytes of Serf's part after them. */
  nodes: number;
  userBytes: number;
  /** In differences only. */
  selection: Selection;
}

const EMPTY = new Uint8Array(0);
const UINT32_MAX = 2 ** 32 - 1;
const UINT16_MAX = 65_535;
const writer = new MsgpackWriter(2048);

expectKeys(["SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode", "Target", "Port", "Nack", "Payload"]);
expectKeys(["Incarnation", "From", "Addr", "Meta", "Vsn", "Name", "State", "Nodes", "UserStateLen", "Join"]);
expectKeys(["Error", "UserMsgLen", "Salt", "BucketCount", "Which"]);

/** Without its source when that is empty. */
export function encodePing(ping: Ping): Uint8Array {
  const w = writer.reset().byte(TYPE.ping);
  if (ping.sourceNode === "") return w.map(2).text("SeqNo").int(ping.seq).text("Node").text(ping.node).finish();
  return pingFields(w.map(5), ping).finish();
}

export function encodeIndirectPing(ping: IndirectPing): Uint8Array {
  const w = writer.reset().byte(TYPE.indirectPing).map(8);
  return pingFields(w, ping)
    .text("Target")
    .raw(ping.target)
    .text("Port")
    .int(ping.port)
    .text("Nack")
    .bool(ping.nack)
    .finish();
}

function pingFields(w: MsgpackWriter, ping: Ping): MsgpackWriter {
  w.text("SeqNo").int(ping.seq).text("Node").text(ping.node);
  w.text("SourceAddr").raw(ping.sourceAddress).text("SourcePort").int(ping.sourcePort);
  return w.text("SourceNode").text(ping.sourceNode);
}

export function encodeAck(ack: Ack): Uint8Array {
  const w = writer.reset().byte(TYPE.ack);
  if (ack.payload.length === 0) return w.map(1).text("SeqNo").int(ack.seq).finish();
  return w.map(2).text("SeqNo").int(ack.seq).text("Payload").raw(ack.payload).finish();
}

export function encodeNack(seq: number): Uint8Array {
  return writer.reset().byte(TYPE.nack).map(1).text("SeqNo").int(seq).finish();
}

export function encodeAccusation(type: 3 | 5, message: Accusation): Uint8Array {
  const w = writer.reset().byte(type).map(3).text("Incarnation").int(message.incarnation);
  return w.text("Node").text(message.node).text("From").text(message.from).finish();
}

export function encodeAlive(alive: Alive & { facts?: Facts }): Uint8Array {
  const w = writer.reset().byte(TYPE.alive).map(6);
  w.text("Incarnation").int(alive.incarnation).text("Node").text(alive.node);
  return described(w, alive).finish();
}

function described(w: MsgpackWriter, alive: Alive & { facts?: Facts }): MsgpackWriter {
  if (alive.facts) return w.plain(alive.facts.fields);
  w.text("Addr").raw(alive.address).text("Port").int(alive.port);
  return w.text("Meta").raw(alive.meta).text("Vsn").raw(alive.versions);
}

export function encodeUser(message: Uint8Array): Uint8Array {
  return writer.reset().byte(TYPE.user).plain(message).finish();
}

/** What a node state in a push/pull begins with, and what stands before its last value. */
const NODE_HEAD = new MsgpackWriter().map(7).text("Incarnation").finish();
const NODE_NAME = new MsgpackWriter().text("Name").finish();
const NODE_STATE = new MsgpackWriter().text("State").finish();

/** Buckets of a comparison whose members a message has, and asks for. */
export interface Selection {
  salt: number;
  buckets: number;
  /** Which of them, two bytes each. */
  which: Uint8Array;
}

/**
 * A push/pull, or with a selection the differences of a comparison. `nodes` is called once for each node with a
 * function to write it, so that no list is built.
 */
export function encodePushPull(
  join: boolean,
  count: number,
  userState: Uint8Array,
  nodes: (put: (node: NodeState) => void) => void,
  selection?: Selection,
): Uint8Array {
  const w = new MsgpackWriter(256 + count * 160 + userState.length);
  w.byte(selection ? TYPE.differences : TYPE.pushPull).map(selection ? 6 : 3);
  w.text("Nodes").int(count).text("UserStateLen").int(userState.length).text("Join").bool(join);
  if (selection) {
    w.text("Salt").int(selection.salt).text("BucketCount").int(selection.buckets).text("Which").raw(selection.which);
  }
  nodes((node) => {
    w.plain(NODE_HEAD).int(node.incarnation).plain(NODE_NAME).text(node.node);
    described(w, node).plain(NODE_STATE).int(node.state);
  });
  return w.plain(userState).finish();
}

export function encodeError(text: string): Uint8Array {
  return writer.reset().byte(TYPE.error).map(1).text("Error").text(text).finish();
}

/** `reader` stands after the type byte in all of these. Each throws WireError. */
export function decodePing(reader: MsgpackReader): Ping {
  return pingWith(reader, { seq: 0, node: "", sourceAddress: EMPTY, sourcePort: 0, sourceNode: "" });
}

export function decodeIndirectPing(reader: MsgpackReader): IndirectPing {
  const empty = { seq: 0, node: "", sourceAddress: EMPTY, sourcePort: 0, sourceNode: "" };
  const ping: IndirectPing = { ...empty, target: EMPTY, port: 0, nack: false };
  return pingWith(reader, ping, (key, r) => {
    if (key === "Target") ping.target = r.raw();
    else if (key === "Port") ping.port = r.uint(UINT16_MAX);
    else if (key === "Nack") ping.nack = r.bool();
    else r.skip();
  });
}

function pingWith<T extends Ping>(reader: MsgpackReader, ping: T, rest?: (key: string, r: MsgpackReader) => void): T {
  fields(reader, (key, r) => {
    if (key === "SeqNo") ping.seq = r.uint(UINT32_MAX);
    else if (key === "Node") ping.node = name(r);
    else if (key === "SourceAddr") ping.sourceAddress = r.raw();
    else if (key === "SourcePort") ping.sourcePort = r.uint(UINT16_MAX);
    else if (key === "SourceNode") ping.sourceNode = name(r);
    else if (rest) rest(key, r);
    else r.skip();
  });
  return ping;
}

/** Acks and nacks alike. */
export function decodeAck(reader: MsgpackReader): Ack {
  const ack: Ack = { seq: 0, payload: EMPTY };
  fields(reader, (key, r) => {
    if (key === "SeqNo") ack.seq = r.uint(UINT32_MAX);
    else if (key === "Payload") ack.payload = r.raw();
    else r.skip();
  });
  return ack;
}

export function decodeAccusation(reader: MsgpackReader): Accusation {
  const message: Accusation = { incarnation: 0, node: "", from: "" };
  fields(reader, (key, r) => {
    if (key === "Incarnation") message.incarnation = r.uint(UINT32_MAX);
    else if (key === "Node") message.node = name(r);
    else if (key === "From") message.from = name(r);
    else r.skip();
  });
  return message;
}

/**
 * Alive messages, and the node states of a push/pull (which carry the name and the state under other keys). Nearly
 * all say what we `known` already; then nothing is built but one small object.
 */
export function decodeNode(reader: MsgpackReader, known?: Known): NodeState {
  const { bytes } = reader;
  const node = { incarnation: 0, node: "", address: EMPTY, port: 0, meta: EMPTY, versions: EMPTY };
  let state: WireState = STATE.alive;
  let facts: Facts | undefined;
  for (let left = reader.mapHeader(); left > 0; left--) {
    const key = reader.key();
    if (key === "Incarnation") node.incarnation = reader.uint(UINT32_MAX);
    else if (key === "State") state = reader.uint(3) as WireState;
    else if (key === "Node" || key === "Name") {
      const length = nameSpan(reader);
      const number = known ? known.find(bytes, reader.offset - length, reader.offset) : -1;
      node.node = number < 0 ? fromUtf8(bytes, reader.offset - length, reader.offset) : known!.nameOf(number);
      const expected = number < 0 ? undefined : known!.factsOf(number);
      if (left <= FACTS_FIELDS || !expected?.standsAt(bytes, reader.offset, reader.end)) continue;
      facts = expected;
      reader.offset += facts.fields.length;
      left -= FACTS_FIELDS;
    } else if (facts) reader.skip();
    else describe(node, key, reader);
  }
  if (node.node === "") throw new WireError("bad-value", "a node without a name");
  return facts ? new KnownNode(node.node, node.incarnation, state, facts) : { ...node, state };
}

/** Addr, Port, Meta, Vsn. */
const FACTS_FIELDS = 4;

function describe(node: Described, key: string, reader: MsgpackReader): void {
  if (key === "Addr") node.address = limited(reader.raw(), 16);
  else if (key === "Port") node.port = reader.uint(UINT16_MAX);
  else if (key === "Meta") node.meta = limited(reader.raw(), META_BYTES_MAX);
  else if (key === "Vsn") node.versions = limited(versions(reader), 6);
  else reader.skip();
}

/** A member that says of itself what we know. */
export class KnownNode implements NodeState {
  readonly node: string;
  readonly incarnation: number;
  readonly state: WireState;
  readonly facts: Facts;

  constructor(node: string, incarnation: number, state: WireState, facts: Facts) {
    this.node = node;
    this.incarnation = incarnation;
    this.state = state;
    this.facts = facts;
  }

  get address(): Uint8Array {
    return this.facts.addressBytes;
  }

  get port(): number {
    return this.facts.port;
  }

  get meta(): Uint8Array {
    return this.facts.meta;
  }

  get versions(): Uint8Array {
    return this.facts.versions;
  }
}

/** What stands before the node states of a push/pull, or of differences. */
export function decodePushPullHead(reader: MsgpackReader, nodesMax: number): PushPullHead {
  const head = { join: false, nodes: 0, userBytes: 0 };
  const selection: Selection = { salt: 0, buckets: 0, which: EMPTY };
  fields(reader, (key, r) => {
    if (key === "Nodes") head.nodes = r.uint(nodesMax);
    else if (key === "UserStateLen") head.userBytes = r.uint(STREAM_BYTES_MAX);
    else if (key === "Join") head.join = r.bool();
    else if (key === "Salt") selection.salt = r.uint(UINT32_MAX);
    else if (key === "BucketCount") selection.buckets = r.uint(BUCKETS_MAX);
    else if (key === "Which") selection.which = limited(r.raw(), 2 * BUCKETS_MAX);
    else r.skip();
  });
  return { ...head, selection };
}

/** What stands behind the node states: Serf's part. A view. */
export function decodeUserState(reader: MsgpackReader, userBytes: number): Uint8Array {
  if (reader.offset + userBytes > reader.end) throw new WireError("truncated", "user state is cut");
  return reader.bytes.subarray(reader.offset, reader.offset + userBytes);
}

/** Reads a map and hands each field to `take`, which reads or skips its value. */
export function fields(reader: MsgpackReader, take: (key: string, reader: MsgpackReader) => void): void {
  const count = reader.mapHeader();
  for (let i = 0; i < count; i++) take(reader.key(), reader);
}

/** A node name, with its limit. */
export function name(reader: MsgpackReader): string {
  const length = nameSpan(reader);
  return fromUtf8(reader.bytes, reader.offset - length, reader.offset);
}

/** Steps over a node name and gives its length in bytes. */
export function nameSpan(reader: MsgpackReader): number {
  const length = reader.span();
  if (length > NAME_BYTES_MAX) throw new WireError("too-large", "name");
  return length;
}

function limited(bytes: Uint8Array, max: number): Uint8Array {
  if (bytes.length > max) throw new WireError("too-large", `field of ${bytes.length} bytes`);
  return bytes;
}

/** Go writes []uint8 as raw; other writers may use an array of numbers. */
function versions(reader: MsgpackReader): Uint8Array {
  const type = reader.bytes[reader.offset] ?? 0;
  if ((type & 0xf0) !== 0x90) return reader.raw();
  const list = new Uint8Array(reader.arrayHeader());
  for (let i = 0; i < list.length; i++) list[i] = reader.uint(255);
  return list;
}
