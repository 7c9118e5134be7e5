/**
 * Frames of a web socket (RFC 6455), client's side, without its masking's secrecy: the mask is there so that a page
 * cannot write what it wants through a proxy, and between us and a Unix socket there is neither. So the mask is all
 * zeros, and payloads are sent as they are. Node's own WebSocket cannot speak through a Unix socket.
 */
import { FRAME_BYTES_MAX } from "./constants.ts";
import { fail } from "./errors.ts";

export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(OPCODE));
const CONTROL_BYTES_MAX = 125;
const TWO_32 = 2 ** 32;

export interface Frame {
  opcode: number;
  /** The last frame of its message. */
  last: boolean;
  payload: Buffer;
}

export interface FrameReader {
  /** The frames that are whole now. Throws `engine-garbled`, `engine-answer-too-large`. */
  push(chunk: Buffer): Frame[];
}

export function createFrameReader(payloadMax = FRAME_BYTES_MAX): FrameReader {
  let chunks: Buffer[] = [];
  let size = 0;
  /** So much has to be there before it is worth looking again. */
  let wanted = 2;

  const gather = (): Buffer => {
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
    chunks = [all];
    return all;
  };

  const take = (): Frame | undefined => {
    if (size < wanted) return undefined;
    const bytes = gather();
    const head = headOf(bytes, payloadMax);
    if (typeof head === "number" || size < head.begin + head.length) {
      wanted = typeof head === "number" ? head : head.begin + head.length;
      return undefined;
    }
    const end = head.begin + head.length;
    chunks = size > end ? [bytes.subarray(end)] : [];
    size -= end;
    wanted = 2;
    return { opcode: head.opcode, last: head.last, payload: bytes.subarray(head.begin, end) };
  };

  return {
    push(chunk) {
      chunks.push(chunk);
      size += chunk.length;
      const frames: Frame[] = [];
      for (let frame = take(); frame; frame = take()) frames.push(frame);
      return frames;
    },
  };
}

interface Head {
  opcode: number;
  last: boolean;
  begin: number;
  length: number;
}

/** The head, or how many bytes it needs. */
function headOf(bytes: Buffer, payloadMax: number): Head | number {
  const [first, second] = [bytes[0]!, bytes[1]!];
  const [opcode, last] = [first & 0x0f, (first & 0x80) !== 0];
  if ((first & 0x70) !== 0 || !KNOWN.has(opcode)) throw fail("engine-garbled", { params: { what: "a web socket" } });
  // A server does not mask.
  if ((second & 0x80) !== 0) throw fail("engine-garbled", { params: { what: "a web socket" } });
  const short = second & 0x7f;
  if (opcode >= OPCODE.close && (!last || short > CONTROL_BYTES_MAX)) {
    throw fail("engine-garbled", { params: { what: "a web socket" } });
  }
  const begin = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < begin) return begin;
  const length =
    short === 127
      ? bytes.readUInt32BE(2) * TWO_32 + bytes.readUInt32BE(6)
      : short === 126
        ? bytes.readUInt16BE(2)
        : short;
  if (length > payloadMax) throw fail("engine-answer-too-large", { params: { limit: payloadMax } });
  return { opcode, last, begin, length };
}

/** The head of a frame of ours; the payload follows as it is. */
export function frameHead(opcode: number, length: number): Buffer {
  const extended = length > 0xffff ? 8 : length > CONTROL_BYTES_MAX ? 2 : 0;
  const head = Buffer.alloc(2 + extended + 4);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (extended === 8 ? 127 : extended === 2 ? 126 : length);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) {
    head.writeUInt32BE(Math.floor(length / TWO_32), 2);
    head.writeUInt32BE(length % TWO_32, 6);
  }
  return head;
}
