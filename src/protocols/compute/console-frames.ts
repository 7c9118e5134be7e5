/**
 * Frames of a console between two boxes: a terminal in a sliver, carried over one stream of the mesh. A frame is its
 * type in one byte, the length of what follows in three (big-endian), and so many bytes.
 *
 *   home box ── begin ─► then data, window, alive ──────► host
 *            ◄─ opened, then data, at last exit; or refused ──
 */
import { WireError } from "../wire/errors.ts";

/** What follows the head of one frame; longer output goes in several. */
export const CONSOLE_FRAME_BYTES_MAX = 16 * 1024;
/** A window's columns and rows, each. */
export const CONSOLE_CELLS_MAX = 1_000;

const HEAD_BYTES = 4;
const WINDOW_BYTES = 4;
const EXIT_BYTES = 4;
const TYPES = { begin: 1, data: 2, window: 3, alive: 4, opened: 5, exit: 6, refused: 7 } as const;
const NAMES = new Map(Object.entries(TYPES).map(([name, type]) => [type as number, name as keyof typeof TYPES]));

export type ConsoleFrame =
  /** `begin`: JSON, what is wanted. `data`: as it is typed, or shown. `refused`: a code in ASCII. */
  | { type: "begin" | "data" | "refused"; bytes: Uint8Array }
  /** In characters. */
  | { type: "window"; columns: number; rows: number }
  /** Of the shell, as a shell counts: 128 and the signal's number when a signal ended it. */
  | { type: "exit"; code: number }
  | { type: "alive" | "opened" };

/** `bytes` longer than the limit are a bug of the caller. */
export function encodeConsoleFrame(frame: ConsoleFrame): Uint8Array {
  const payload = payloadOf(frame);
  if (payload.length > CONSOLE_FRAME_BYTES_MAX) throw new Error(`a frame of ${payload.length} bytes`);
  const encoded = new Uint8Array(HEAD_BYTES + payload.length);
  new DataView(encoded.buffer).setUint32(0, payload.length);
  encoded[0] = TYPES[frame.type];
  encoded.set(payload, HEAD_BYTES);
  return encoded;
}

function payloadOf(frame: ConsoleFrame): Uint8Array {
  if ("bytes" in frame) return frame.bytes;
  const payload = new Uint8Array(frame.type === "window" ? WINDOW_BYTES : frame.type === "exit" ? EXIT_BYTES : 0);
  const view = new DataView(payload.buffer);
  if (frame.type === "exit") view.setInt32(0, frame.code);
  if (frame.type !== "window") return payload;
  view.setUint16(0, frame.columns);
  view.setUint16(2, frame.rows);
  return payload;
}

/** Bytes as they come, cut anywhere; holds less than one frame. */
export class ConsoleFrameReader {
  #held: Uint8Array = new Uint8Array(0);

  /** The frames that are whole now. Throws `WireError`; then nothing more can be read. */
  push(chunk: Uint8Array): ConsoleFrame[] {
    const bytes = joined(this.#held, chunk);
    const frames: ConsoleFrame[] = [];
    let at = 0;
    for (;;) {
      const end = endOf(bytes, at);
      if (end === undefined || end > bytes.length) break;
      frames.push(frameOf(bytes[at]!, bytes.subarray(at + HEAD_BYTES, end)));
      at = end;
    }
    this.#held = bytes.slice(at);
    return frames;
  }
}

function joined(held: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (held.length === 0) return chunk;
  const all = new Uint8Array(held.length + chunk.length);
  all.set(held);
  all.set(chunk, held.length);
  return all;
}

/** Where the frame that begins there ends; undefined while its head is not whole. */
function endOf(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length > at && !NAMES.has(bytes[at]!)) throw new WireError("bad-type", `type ${bytes[at]}`);
  if (bytes.length < at + HEAD_BYTES) return undefined;
  const length = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (length > CONSOLE_FRAME_BYTES_MAX) throw new WireError("too-large", `a frame of ${length} bytes`);
  return at + HEAD_BYTES + length;
}

function frameOf(number: number, payload: Uint8Array): ConsoleFrame {
  const type = NAMES.get(number)!;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const exactly = (bytes: number) => {
    if (payload.length !== bytes) throw new WireError("bad-value", `${type} of ${payload.length} bytes`);
  };
  switch (type) {
    case "begin":
    case "data":
    case "refused":
      return { type, bytes: payload };
    case "window": {
      exactly(WINDOW_BYTES);
      const [columns, rows] = [view.getUint16(0), view.getUint16(2)];
      if (Math.min(columns, rows) < 1 || Math.max(columns, rows) > CONSOLE_CELLS_MAX) {
        throw new WireError("bad-value", `a window of ${columns} x ${rows}`);
      }
      return { type, columns, rows };
    }
    case "exit":
      exactly(EXIT_BYTES);
      return { type, code: view.getInt32(0) };
    case "alive":
    case "opened":
      exactly(0);
      return { type };
  }
}
