/** What goes around messages in a packet: several in one, compressed, or with a checksum. As memberlist has it. */
import { crc32 } from "../wire/crc32.ts";
import { WireError } from "../wire/errors.ts";
import { lzwDecode, lzwEncode } from "../wire/lzw.ts";
import { MsgpackReader, expectKeys } from "../wire/msgpack.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { TYPE, fields } from "./codec.ts";

expectKeys(["Algo", "Buf"]);

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
