/**
 * The messages of HashiCorp memberlist 0.2 to 0.6, in bytes. One type byte, then a MessagePack map whose keys are
 * the Go field names. Field names, type numbers and field types are the wire contract; the rest here is ours.
 *
 *   0 ping   1 indirect ping   2 ack   3 suspect   4 alive   5 dead   6 push/pull   7 compound   8 user
 *   9 compressed   10 encrypted   11 nack   12 CRC-32 wrapper   13 error   244 label header
 */
import { crc32 } from "../wire/crc32.ts";
import { WireError } from "../wire/errors.ts";
import { lzwDecode, lzwEncode } from "../wire/lzw.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { META_BYTES_MAX, NAME_BYTES_MAX, STREAM_BYTES_MAX } from "./constants.ts";

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

export interface Alive {
  incarnation: number;
  node: string;
  address: Uint8Array;
  port: number;
  meta: Uint8Array;
  versions: Uint8Array;
}

export interface NodeState extends Alive {
  state: WireState;
}

export interface PushPull {
  join: boolean;
  nodes: NodeState[];
  userState: Uint8Array;
}

const EMPTY = new Uint8Array(0);
const UINT32_MAX = 2 ** 32 - 1;
const UINT16_MAX = 65_535;
const writer = new MsgpackWriter(2048);

expectKeys(["SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode", "Target", "Port", "Nack", "Payload"]);
expectKeys(["Incarnation", "From", "Addr", "Meta", "Vsn", "Name", "State", "Nodes", "UserStateLen", "Join"]);
expectKeys(["Algo", "Buf", "Error", "UserMsgLen"]);

export function encodePing(ping: Ping): Uint8Array {
  const w = writer.reset().byte(TYPE.ping).map(5);
  return pingFields(w, ping).finish();
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
  return writer.reset().byte(TYPE.ack).map(2).text("SeqNo").int(ack.seq).text("Payload").raw(ack.payload).finish();
}

export function encodeNack(seq: number): Uint8Array {
  return writer.reset().byte(TYPE.nack).map(1).text("SeqNo").int(seq).finish();
}

export function encodeAccusation(type: 3 | 5, message: Accusation): Uint8Array {
  const w = writer.reset().byte(type).map(3).text("Incarnation").int(message.incarnation);
  return w.text("Node").text(message.node).text("From").text(message.from).finish();
}

export function encodeAlive(alive: Alive): Uint8Array {
  const w = writer.reset().byte(TYPE.alive).map(6);
  return aliveFields(w, alive, "Node").finish();
}

function aliveFields(w: MsgpackWriter, alive: Alive, nameKey: "Node" | "Name"): MsgpackWriter {
  w.text("Incarnation").int(alive.incarnation).text(nameKey).text(alive.node);
  w.text("Addr").raw(alive.address).text("Port").int(alive.port);
  return w.text("Meta").raw(alive.meta).text("Vsn").raw(alive.versions);
}

export function encodeUser(message: Uint8Array): Uint8Array {
  return writer.reset().byte(TYPE.user).plain(message).finish();
}

/** A push/pull. `nodes` is called once for each node with a function to write it, so that no list is built. */
export function encodePushPull(
  join: boolean,
  count: number,
  userState: Uint8Array,
  nodes: (put: (node: NodeState) => void) => void,
): Uint8Array {
  const w = new MsgpackWriter(256 + count * 128 + userState.length).byte(TYPE.pushPull).map(3);
  w.text("Nodes").int(count).text("UserStateLen").int(userState.length).text("Join").bool(join);
  nodes((node) => aliveFields(w.map(7), node, "Name").text("State").int(node.state));
  return w.plain(userState).finish();
}

export function encodeError(text: string): Uint8Array {
  return writer.reset().byte(TYPE.error).map(1).text("Error").text(text).finish();
}

/** Several messages in one packet: a count byte, u16 lengths, then the messages. At most 255, each under 64 KiB. */
export function encodeCompound(messages: readonly Uint8Array[]): Uint8Array {
  let size = 2 + 2 * messages.length;
  for (const message of messages) size += message.length;
  const packet = new Uint8Array(size);
  packet[0] = TYPE.compound;
  packet[1] = messages.length;
  let at = 2 + 2 * messages.length;
  messages.forEach((message, i) => {
    packet[2 + 2 * i] = message.length >> 8;
    packet[3 + 2 * i] = message.length & 0xff;
    packet.set(message, at);
    at += message.length;
  });
  return packet;
}

/** The parts of a compound whose type byte is at `start - 1`, as views. A cut last part is dropped, as Go does. */
export function decodeCompound(packet: Uint8Array, start: number): Uint8Array[] {
  const count = packet[start];
  if (count === undefined) throw new WireError("truncated", "compound without a count");
  let at = start + 1 + 2 * count;
  if (at > packet.length) throw new WireError("truncated", "compound lengths are cut");
  const parts: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const length = (packet[start + 1 + 2 * i]! << 8) | packet[start + 2 + 2 * i]!;
    if (at + length > packet.length) break;
    parts.push(packet.subarray(at, at + length));
    at += length;
  }
  return parts;
}

/** The packet inside a compressed one. */
export function decodeCompressed(packet: Uint8Array, start: number, outputBytesMax: number): Uint8Array {
  let algorithm = -1;
  let packed: Uint8Array | undefined;
  fields(new MsgpackReader(packet, start), (key, r) => {
    if (key === "Algo") algorithm = r.uint(255);
    else if (key === "Buf") packed = r.raw();
    else r.skip();
  });
  if (algorithm !== 0 || !packed) throw new WireError("bad-value", `compression ${algorithm}`);
  return lzwDecode(packed, outputBytesMax);
}

export function encodeCompressed(message: Uint8Array): Uint8Array {
  const packed = lzwEncode(message);
  const w = new MsgpackWriter(packed.length + 32).byte(TYPE.compress).map(2);
  return w.text("Algo").int(0).text("Buf").raw(packed).finish();
}

/** The packet inside a CRC wrapper whose type byte is at `start - 1`. */
export function decodeCrc(packet: Uint8Array, start: number): Uint8Array {
  if (packet.length < start + 4) throw new WireError("truncated", "CRC header is cut");
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (view.getUint32(start) !== crc32(packet, start + 4)) throw new WireError("bad-checksum", "CRC-32 differs");
  return packet.subarray(start + 4);
}

export function encodeCrc(message: Uint8Array): Uint8Array {
  const packet = new Uint8Array(5 + message.length);
  packet[0] = TYPE.hasCrc;
  new DataView(packet.buffer).setUint32(1, crc32(message));
  packet.set(message, 5);
  return packet;
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

/** Alive messages, and the node states of a push/pull (which carry the name and the state under other keys). */
export function decodeNode(reader: MsgpackReader): NodeState {
  const node: NodeState = {
    incarnation: 0,
    node: "",
    address: EMPTY,
    port: 0,
    meta: EMPTY,
    versions: EMPTY,
    state: STATE.alive,
  };
  fields(reader, (key, r) => {
    if (key === "Incarnation") node.incarnation = r.uint(UINT32_MAX);
    else if (key === "Node" || key === "Name") node.node = name(r);
    else if (key === "Addr") node.address = limited(r.raw(), 16);
    else if (key === "Port") node.port = r.uint(UINT16_MAX);
    else if (key === "Meta") node.meta = limited(r.raw(), META_BYTES_MAX);
    else if (key === "Vsn") node.versions = limited(versions(r), 6);
    else if (key === "State") node.state = r.uint(3) as WireState;
    else r.skip();
  });
  if (node.node === "") throw new WireError("bad-value", "a node without a name");
  return node;
}

export function decodePushPull(reader: MsgpackReader, nodesMax: number): PushPull {
  let count = 0;
  let userLength = 0;
  let join = false;
  fields(reader, (key, r) => {
    if (key === "Nodes") count = r.uint(nodesMax);
    else if (key === "UserStateLen") userLength = r.uint(STREAM_BYTES_MAX);
    else if (key === "Join") join = r.bool();
    else r.skip();
  });
  const nodes: NodeState[] = [];
  for (let i = 0; i < count; i++) nodes.push(decodeNode(reader));
  if (reader.offset + userLength > reader.end) throw new WireError("truncated", "user state is cut");
  const userState = reader.bytes.subarray(reader.offset, reader.offset + userLength);
  return { join, nodes, userState };
}

/** Reads a map and hands each field to `take`, which reads or skips its value. */
export function fields(reader: MsgpackReader, take: (key: string, reader: MsgpackReader) => void): void {
  const count = reader.mapHeader();
  for (let i = 0; i < count; i++) take(reader.key(), reader);
}

/** A node name, with its limit. */
export function name(reader: MsgpackReader): string {
  const start = reader.offset;
  const text = reader.text();
  if (reader.offset - start > NAME_BYTES_MAX + 5) throw new WireError("too-large", "name");
  return text;
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
