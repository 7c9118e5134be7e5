/** Frames of a console: whole again however they are cut, and nothing but frames. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WireError } from "../wire/errors.ts";
import {
  CONSOLE_CELLS_MAX,
  CONSOLE_FRAME_BYTES_MAX,
  ConsoleFrameReader,
  encodeConsoleFrame,
} from "./console-frames.ts";
import type { ConsoleFrame } from "./console-frames.ts";

const cells = fc.integer({ min: 1, max: CONSOLE_CELLS_MAX });
const frame: fc.Arbitrary<ConsoleFrame> = fc.oneof(
  fc.record({
    type: fc.constantFrom("begin" as const, "data" as const, "refused" as const),
    bytes: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({ type: fc.constant("window" as const), columns: cells, rows: cells }),
  fc.record({ type: fc.constant("exit" as const), code: fc.integer() }),
  fc.record({ type: fc.constantFrom("alive" as const, "opened" as const) }),
);

const bytesOf = (frames: readonly ConsoleFrame[]) => Buffer.concat(frames.map(encodeConsoleFrame));
const plain = (frames: readonly ConsoleFrame[]) =>
  frames.map((one) => ("bytes" in one ? { ...one, bytes: [...one.bytes] } : { ...one }));

test("frames that are cut anywhere are whole again", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
      const reader = new ConsoleFrameReader();
      const bytes = bytesOf(frames);
      const read: ConsoleFrame[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        read.push(...reader.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      assert.deepEqual(plain(read), plain(frames));
    }),
  );
});

test("any bytes are frames or a WireError, and little is held", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (junk) => {
      try {
        new ConsoleFrameReader().push(junk);
      } catch (error) {
        assert.ok(error instanceof WireError);
      }
    }),
  );
});

test("each limit is reached: as long and as large as may be, and no more", () => {
  const [full] = new ConsoleFrameReader().push(
    bytesOf([{ type: "data", bytes: Buffer.alloc(CONSOLE_FRAME_BYTES_MAX) }]),
  );
  assert.ok(full?.type === "data" && full.bytes.length === CONSOLE_FRAME_BYTES_MAX);
  const over = Buffer.alloc(CONSOLE_FRAME_BYTES_MAX + 1);
  assert.throws(() => encodeConsoleFrame({ type: "data", bytes: over }), /a frame of/);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(CONSOLE_FRAME_BYTES_MAX + 1);
  head[0] = 2;
  assert.throws(() => new ConsoleFrameReader().push(head), /too-large/);
  const window = (columns: number, rows: number) => bytesOf([{ type: "window", columns, rows }]);
  assert.equal(new ConsoleFrameReader().push(window(CONSOLE_CELLS_MAX, 1)).length, 1);
  for (const [columns, rows] of [
    [CONSOLE_CELLS_MAX + 1, 1],
    [1, CONSOLE_CELLS_MAX + 1],
    [0, 1],
    [1, 0],
  ] as const) {
    assert.throws(() => new ConsoleFrameReader().push(window(columns, rows)), /bad-value/);
  }
  for (const junk of [[0], [8], [3, 0, 0, 1, 9], [4, 0, 0, 1, 0], [6, 0, 0, 0]]) {
    assert.throws(() => new ConsoleFrameReader().push(Buffer.from(junk)), WireError);
  }
});
