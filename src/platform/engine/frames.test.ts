/** Frames: however they are cut on the way, the same ones come out; what no server sends is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_BYTES_MAX } from "./constants.ts";
import { OPCODE, createFrameReader, frameHead } from "./frames.ts";

/** As a server writes it: like ours, without the mask. */
function served(opcode: number, payload: Uint8Array, last = true): Buffer {
  const head = frameHead(opcode, payload.length).subarray(0, -4);
  head[0] = (last ? 0x80 : 0) | opcode;
  head[1]! &= 0x7f;
  return Buffer.concat([head, payload]);
}

const frame = fc.record({
  opcode: fc.constantFrom(OPCODE.more, OPCODE.text, OPCODE.binary),
  last: fc.boolean(),
  payload: fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(125, 126, 127, 65_535, 65_536).map(filled)),
});

function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(7);
}

test("whatever the cuts, the same frames come out", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 5000 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map((one) => served(one.opcode, one.payload, one.last)));
      const reader = createFrameReader();
      const found = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        found.push(...reader.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      assert.deepEqual(
        found.map((one) => ({ opcode: one.opcode, last: one.last, payload: new Uint8Array(one.payload) })),
        frames.map((one) => ({ opcode: one.opcode, last: one.last, payload: new Uint8Array(one.payload) })),
      );
    }),
    { numRuns: 60 },
  );
});

test("what a server never sends is refused", () => {
  const refused = (bytes: number[], code: RegExp) =>
    assert.throws(() => createFrameReader().push(Buffer.from(bytes)), code);
  refused([0xc1, 0], /engine-garbled/); // a reserved bit
  refused([0x83, 0], /engine-garbled/); // an opcode that nobody knows
  refused([0x81, 0x80, 0, 0, 0, 0], /engine-garbled/); // a mask
  refused([0x09, 0], /engine-garbled/); // a ping in parts
  refused([0x88, 126, 0, 126], /engine-garbled/); // a goodbye of 126 bytes
});

test("a frame is refused by its head when it is over the limit", () => {
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  head[1] = 127;
  head.writeUInt32BE(FRAME_BYTES_MAX + 1, 6);
  assert.throws(() => createFrameReader().push(head), /engine-answer-too-large/);
  head.writeUInt32BE(FRAME_BYTES_MAX, 6);
  assert.deepEqual(createFrameReader().push(head), []);
});
