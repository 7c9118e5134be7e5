/** Tests of the messages on the wire: bytes as Go writes them, everything back and forth, streams in pieces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../kernel/random.ts";
import { WireError } from "../wire/errors.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import * as codec from "./codec.ts";
import { LABEL_BYTES_MAX, PACKET_UNPACKED_BYTES_MAX } from "./constants.ts";
import { SEAL_OVERHEAD_BYTES } from "./constants.ts";
import { StreamReader, labelHeader, sealedStreamHeader, splitLabel, splitSealed } from "./framing.ts";
import * as serf from "./serf.ts";
import { decodeSerfState, encodeSerfState } from "./serf-state.ts";
import * as wrapping from "./wrapping.ts";
import { decodeTags, encodeTags } from "./tags.ts";
import { decodeAckPayload, encodeAckPayload, originCoordinate } from "./vivaldi.ts";

type Put = (node: string, ltime: number) => void;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const body = (bytes: Uint8Array) => new MsgpackReader(bytes, 1);
const node = (name: string): codec.NodeState => ({
  node: name,
  incarnation: 7,
  address: Uint8Array.of(10, 0, 0, 1),
  port: 7946,
  meta: Uint8Array.of(1, 2),
  versions: Uint8Array.of(1, 5, 2, 2, 5, 4),
  state: codec.STATE.suspect,
});

test("messages have the bytes that memberlist has", () => {
  // 0b nack, 81 map of one, a5 "SeqNo", 2a
  assert.equal(hex(codec.encodeNack(42)), "0b81a55365714e6f2a");
  const dead = codec.encodeAccusation(codec.TYPE.dead, { incarnation: 300, node: "a", from: "b" });
  assert.equal(hex(dead), "0583ab496e6361726e6174696f6ecd012ca44e6f6465a161a446726f6da162");
  assert.equal(hex(wrapping.encodeCompound([Uint8Array.of(1), Uint8Array.of(2, 3)])), "070200010002010203");
  assert.equal(hex(encodeTags({ role: "x" })), "ff81a4726f6c65a178");
});

test("every message comes back as it went", () => {
  const ping = {
    seq: 2 ** 32 - 1,
    node: "b",
    sourceAddress: Uint8Array.of(1, 2, 3, 4),
    sourcePort: 9,
    sourceNode: "a",
  };
  assert.deepEqual(codec.decodePing(body(codec.encodePing(ping))), ping);
  const indirect = { ...ping, target: new Uint8Array(16), port: 65_535, nack: true };
  assert.deepEqual(codec.decodeIndirectPing(body(codec.encodeIndirectPing(indirect))), indirect);
  const ack = { seq: 1, payload: encodeAckPayload(originCoordinate()) };
  assert.deepEqual(codec.decodeAck(body(codec.encodeAck(ack))), ack);
  const { height, ...place } = originCoordinate();
  assert.deepEqual(decodeAckPayload(ack.payload), { ...place, height: Math.fround(height) });
  assert.equal(hex(codec.encodeAck({ seq: 3, payload: new Uint8Array(0) })), "0281a55365714e6f03");
  const short = { ...ping, sourceNode: "" };
  const nobody = { sourceAddress: new Uint8Array(0), sourcePort: 0 };
  assert.deepEqual(codec.decodePing(body(codec.encodePing(short))), { ...short, ...nobody });
  const accusation = { incarnation: 1, node: "Gràcia", from: "b" };
  assert.deepEqual(codec.decodeAccusation(body(codec.encodeAccusation(3, accusation))), accusation);
  assert.deepEqual(codec.decodeNode(body(codec.encodeAlive(node("n")))), { ...node("n"), state: codec.STATE.alive });
  const userState = Uint8Array.of(9, 9);
  const exchange = codec.encodePushPull(true, 2, userState, (put) => ["a", "b"].forEach((name) => put(node(name))));
  const reader = body(exchange);
  const head = codec.decodePushPullHead(reader, 10);
  assert.deepEqual([head.join, head.nodes], [true, 2]);
  assert.deepEqual([codec.decodeNode(reader), codec.decodeNode(reader)], [node("a"), node("b")]);
  assert.equal(hex(codec.decodeUserState(reader, head.userBytes)), "0909");
  const events = [{ ltime: 1, name: "e", payload: Uint8Array.of(1), coalesce: false }];
  const times = { ltime: 5, eventLtime: 2, queryLtime: 8 };
  const parts = { ...times, left: ["a"], events, statusCount: 1, statuses: (put: Put) => put("a", 3) };
  const { statuses, ...state } = decodeSerfState(encodeSerfState(parts));
  assert.deepEqual(state, { ...times, left: new Set(["a"]), events });
  statuses((bytes, start, end, ltime) => assert.deepEqual([bytes[start], end - start, ltime], [97, 1, 3]));
  const query: serf.Query = {
    ltime: 1,
    id: 2,
    address: Uint8Array.of(127, 0, 0, 1),
    port: 3,
    sourceNode: "s",
    filters: [
      { type: "nodes", nodes: ["a"] },
      { type: "tag", tag: "t", expression: "^x" },
    ],
    flags: 1,
    relayFactor: 2,
    timeoutMs: 15_000,
    name: "q",
    payload: Uint8Array.of(4),
  };
  assert.deepEqual(serf.decodeQuery(body(serf.encodeQuery(query))), query);
  const relay = { address: Uint8Array.of(1, 1, 1, 1), port: 4, node: "n", message: Uint8Array.of(5, 6) };
  assert.deepEqual(serf.decodeRelay(body(serf.encodeRelay(relay))), relay);
  assert.deepEqual(serf.decodeIntent(body(serf.encodeIntent(0, { ltime: 4, node: "x", prune: true }))).prune, true);
});

test("fields that we do not know are passed over, nil stands for empty", () => {
  const w = new MsgpackWriter().byte(2).map(3).text("New").map(1).text("x").array(1).int(1);
  const ack = codec.decodeAck(body(w.text("SeqNo").int(5).text("Payload").nil().finish()));
  assert.deepEqual(ack, { seq: 5, payload: new Uint8Array(0) });
});

test("checksum and compression wrap any message", () => {
  const alive = codec.encodeAlive(node("a".repeat(100)));
  const checked = wrapping.encodeCrc(alive);
  assert.deepEqual(hex(wrapping.decodeCrc(checked, 1)), hex(alive));
  checked[20]! ^= 1;
  assert.throws(() => wrapping.decodeCrc(checked, 1), /bad-checksum/);
  const packed = wrapping.encodeCompressed(alive);
  assert.ok(packed.length < alive.length);
  assert.equal(hex(wrapping.decodeCompressed(packed, 1, PACKET_UNPACKED_BYTES_MAX)), hex(alive));
  assert.throws(() => wrapping.decodeCompressed(packed, 1, 50), /too-large/);
});

test("tags hold 512 bytes and no more; the old role form is read", () => {
  assert.equal(decodeTags(encodeTags({ a: "x".repeat(505) })).a!.length, 505);
  assert.throws(() => encodeTags({ a: "x".repeat(506) }), /tags-too-large/);
  assert.throws(
    () => encodeTags(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`${i}`, ""]))),
    /tags-too-large/,
  );
  assert.equal(decodeTags(Buffer.from("web")).role, "web");
  assert.deepEqual({ ...decodeTags(new Uint8Array(0)) }, {});
  assert.equal(decodeTags(encodeTags({ ["__proto__"]: "p" }))["__proto__"], "p");
});

test("a stream is whole at its last byte, whatever pieces it comes in", () => {
  const exchange = codec.encodePushPull(false, 50, new Uint8Array(500), (put) => {
    for (let i = 0; i < 50; i++) put(node(`node-${i}`));
  });
  const ping = codec.encodePing({ seq: 1, node: "n", sourceAddress: new Uint8Array(4), sourcePort: 1, sourceNode: "" });
  const user = new MsgpackWriter()
    .byte(codec.TYPE.user)
    .map(1)
    .text("UserMsgLen")
    .int(3)
    .plain(Uint8Array.of(1, 2, 3));
  const sealed = Buffer.concat([sealedStreamHeader(100), new Uint8Array(129)]);
  const labelled = Buffer.concat([labelHeader("comú"), exchange]);
  const random = seededRandom(1);
  for (const message of [exchange, wrapping.encodeCompressed(exchange), ping, user.finish(), sealed, labelled]) {
    for (const pieces of [1, 7, 4096]) {
      const reader = new StreamReader();
      let at = 0;
      let whole: Uint8Array | undefined;
      while (at < message.length) {
        assert.equal(whole, undefined);
        const next = Math.min(message.length, at + 1 + random.below(pieces));
        whole = reader.push(message.subarray(at, next));
        at = next;
      }
      assert.equal(hex(whole!), hex(message));
    }
  }
});

test("a stream that is garbage, or too large, is refused before it is kept", () => {
  const refused = (bytes: Uint8Array, limit?: number) =>
    assert.throws(
      () => new StreamReader(limit).push(bytes),
      (error) => error instanceof WireError,
    );
  refused(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  refused(new Uint8Array(2000), 1000);
  refused(Uint8Array.of(10, 0xff, 0xff, 0xff, 0xff));
  refused(new MsgpackWriter().byte(6).map(1).text("Nodes").int(1e9).finish());
  const endless = new StreamReader();
  endless.push(new MsgpackWriter().byte(6).map(1).text("Nodes").int(5).finish());
  endless.push(Uint8Array.of(0xdf, 0, 0x08, 0, 0));
  assert.throws(() => {
    for (let i = 0; i < 100; i++) endless.push(new Uint8Array(1000).fill(0x90));
  }, /too-large/);
});

test("labels and sealed parts come apart", () => {
  const { label, rest } = splitLabel(Buffer.concat([labelHeader("x"), Uint8Array.of(5)]));
  assert.deepEqual([label, rest[0]], ["x", 5]);
  assert.throws(() => splitLabel(Uint8Array.of(244, 9, 1)), /truncated/);
  // As memberlist writes it: f4, the length, the label, then the packet. No label, no header; an empty one is an error.
  assert.equal(hex(Buffer.concat([labelHeader("foo"), Buffer.from("ping")])), "f403666f6f70696e67");
  assert.equal(labelHeader("").length, 0);
  assert.throws(() => splitLabel(Uint8Array.of(244, 0, 1)), /truncated/);
  assert.equal(splitLabel(labelHeader("x".repeat(LABEL_BYTES_MAX))).label.length, LABEL_BYTES_MAX);
  assert.throws(() => labelHeader("x".repeat(LABEL_BYTES_MAX + 1)), /too-large/);
  assert.equal(splitSealed(new Uint8Array(28)), undefined);
  assert.equal(splitSealed(new Uint8Array(29)), undefined);
  const parts = splitSealed(Uint8Array.of(1, ...new Uint8Array(40)))!;
  assert.deepEqual([parts.nonce.length, parts.ciphertext.length, parts.tag.length], [12, 12, 16]);
});

test("a sealed stream may be long, and arrives in pieces", () => {
  const body = new Uint8Array(300_000).fill(7);
  const header = sealedStreamHeader(body.length - SEAL_OVERHEAD_BYTES);
  const whole = new Uint8Array([...header, ...body]);
  const reader = new StreamReader();
  let message: Uint8Array | undefined;
  for (let at = 0; at < whole.length; at += 60_000) message = reader.push(whole.subarray(at, at + 60_000));
  assert.deepEqual(message, whole);
});
