/** Streams between boxes: frames come whole whatever the chunks, and who sends garbage or halves is bounded. */
import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { createLog } from "../../kernel/log.ts";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { encodeFrame } from "../../protocols/kv/codec.ts";
import type { Message } from "../../protocols/kv/messages.ts";
import {
  FRAME_BYTES,
  FRAME_BYTES_MAX,
  HALF_FRAMES_BYTES_MAX,
  STREAMS_PER_PEER_MAX,
  UNREACHED_MS,
  WAITING_BYTES_MAX,
  createPeerStreams,
  readFrames,
} from "./peer-streams.ts";

const MIB = 1024 * 1024;
const asks = (count: number): Message[] => Array.from({ length: count }, (_, slot) => ({ type: "ask-view", slot }));
const settled = () => new Promise((resolve) => setImmediate(resolve));

function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function begin(openStream: () => Promise<Duplex> = () => Promise.reject(new Error("nobody there"))) {
  const clock = virtualClock();
  const log = createLog({ clock, level: "error", write: () => {} });
  const heard: [string, Message[]][] = [];
  const streams = createPeerStreams({
    ...{ clock, log, mesh: { openStream } },
    onFrame: (boxId, messages) => void heard.push([boxId, messages]),
    onChange: () => {},
  });
  streams.open();
  /** A stream that a box has opened to us: its end. */
  const from = (boxId: string) => {
    const [ours, theirs] = duplexPair();
    theirs.on("error", () => {});
    streams.take(boxId, ours);
    return theirs;
  };
  return { clock, streams, heard, from };
}

test("frames come whole, whatever the chunks; after garbage the stream is closed, and others go on", async () => {
  const { streams, heard, from } = begin();
  const bytes = Buffer.concat([framed(encodeFrame(asks(3))), framed(encodeFrame(asks(5)))]);
  const [good, bad] = [from("a"), from("b")];
  for (const byte of bytes) good.write(Buffer.of(byte));
  await settled();
  assert.deepEqual(
    heard.map(([boxId, messages]) => [boxId, messages.length]),
    [
      ["a", 3],
      ["a", 5],
    ],
  );
  bad.write(framed(Uint8Array.of(255, 1, 2)));
  const long = from("c");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(FRAME_BYTES_MAX + 1);
  long.write(length);
  await settled();
  assert.equal(streams.counts().garbled, 2);
  for (const stream of [bad, long, good]) stream.write(bytes);
  await settled();
  assert.equal(heard.length, 4);
});

test("of a box's streams the newest are kept", async () => {
  const { streams, heard, from } = begin();
  const all = Array.from({ length: 300 }, () => from("a"));
  assert.equal(streams.counts().refused, 300 - STREAMS_PER_PEER_MAX);
  for (const one of all) if (!one.destroyed) one.write(framed(encodeFrame(asks(1))));
  await settled();
  assert.equal(heard.length, STREAMS_PER_PEER_MAX);
});

test("half frames fill no more than their share: who holds most is closed", async () => {
  const { streams, from, heard } = begin();
  const begun = Buffer.alloc(4);
  begun.writeUInt32BE(FRAME_BYTES_MAX);
  const boxes = Math.ceil(HALF_FRAMES_BYTES_MAX / (FRAME_BYTES_MAX - MIB)) + 2;
  const small = from("small");
  const whole = framed(encodeFrame(asks(2)));
  small.write(whole.subarray(0, 5));
  for (let at = 0; at < boxes; at++) {
    const one = from(`half ${at}`);
    one.write(begun);
    for (let sent = 0; sent < FRAME_BYTES_MAX - MIB; sent += MIB) {
      one.write(Buffer.alloc(MIB));
      await settled();
    }
  }
  assert.ok(streams.counts().refused >= 1);
  small.write(whole.subarray(5));
  await settled();
  assert.deepEqual(
    heard.map(([boxId]) => boxId),
    ["small"],
  );
});

test("a frame of very small chunks is held in few pieces", () => {
  let got = 0;
  const read = readFrames((bytes) => void (got = bytes.length));
  const whole = framed(new Uint8Array(300_000));
  const before = process.memoryUsage().heapUsed;
  let held = 0;
  for (const byte of whole.subarray(0, -1)) held = read(Buffer.of(byte));
  assert.equal(held, whole.length - 1);
  assert.ok(process.memoryUsage().heapUsed - before < 100 * MIB);
  assert.equal(read(whole.subarray(-1)), 0);
  assert.equal(got, 300_000);
});

test("what is sent is counted by what it is for; a slow box loses frames and not our memory", async () => {
  const [ours, theirs] = duplexPair();
  const { streams, clock } = begin(async () => ours);
  const other: Message[] = [{ type: "peek", id: 1, slot: 1, key: "k" }];
  streams.send("a", [...asks(1), ...other]);
  await settled();
  const { copying, other: rest } = streams.counts().sent;
  assert.deepEqual([copying.messages, copying.bytes, rest.messages], [1, 3, 1]);
  assert.equal(rest.bytes, encodeFrame(other).length);
  const content = new Uint8Array(MIB);
  const large: Message[] = new Array(3 * (WAITING_BYTES_MAX / MIB)).fill({ type: "peeked", id: 1, content });
  streams.send("a", large);
  assert.ok(ours.writableLength <= WAITING_BYTES_MAX && streams.counts().lost === 1);
  let frames = 0;
  const read = readFrames((bytes) => {
    frames++;
    assert.ok(bytes.length < FRAME_BYTES + MIB + 100);
  });
  theirs.on("data", (chunk: Buffer) => void read(chunk));
  await settled();
  assert.ok(frames > 1);
  ours.destroy();
  await settled();
  assert.equal(streams.seemsUp("a"), false);
  clock.advance(UNREACHED_MS);
  assert.equal(streams.seemsUp("a"), true);
});
