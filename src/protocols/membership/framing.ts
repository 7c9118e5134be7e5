/**
 * What surrounds a message on the wire, as pure helpers for the driver that owns sockets and keys.
 *
 *   packet   [244, length, label]? then either the message, or  1 | nonce(12) | ciphertext | tag(16)
 *   stream   [244, length, label]? then either the message, or  10 | u32 length | 1 | nonce | ciphertext | tag
 *
 * Additional data of AES-GCM: for a packet the label; for a stream its five bytes (10, length), then the label.
 * A plain stream does not tell its length: `StreamReader` finds the end of the one message while it arrives.
 */
import { fromUtf8, utf8 } from "../wire/utf8.ts";
import { WireError } from "../wire/errors.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { TYPE, fields } from "./codec.ts";
import {
  LABEL_BYTES_MAX,
  MEMBERS_MAX,
  SEAL_NONCE_BYTES,
  SEAL_OVERHEAD_BYTES,
  SEAL_TAG_BYTES,
  SEAL_VERSION,
} from "./constants.ts";
import { STREAM_BYTES_MAX } from "./constants.ts";

const STREAM_HEADER_BYTES = 5;
/** One node state or header of a stream; an honest one stays under 1 KiB. What is incomplete is read again. */
const NODE_BYTES_MAX = 65_536;

/**
 * The header that goes before a packet or stream; empty for the empty label. The driver writes it, and takes it off:
 * a packet that still has one when it comes to the core is of another cluster. Throws WireError over 255 bytes.
 */
export function labelHeader(label: string): Uint8Array {
  if (label === "") return new Uint8Array(0);
  const text = utf8(label);
  if (text.length > LABEL_BYTES_MAX) throw new WireError("too-large", `label of ${text.length} bytes`);
  return Uint8Array.of(TYPE.label, text.length, ...text);
}

/** Takes the label off. Throws WireError when it is cut. */
export function splitLabel(bytes: Uint8Array): { label: string; rest: Uint8Array } {
  if (bytes[0] !== TYPE.label) return { label: "", rest: bytes };
  const length = bytes[1] ?? 0;
  if (length === 0 || bytes.length < 2 + length) throw new WireError("truncated", "label is cut");
  return { label: fromUtf8(bytes, 2, 2 + length), rest: bytes.subarray(2 + length) };
}

export interface SealedParts {
  nonce: Uint8Array;
  ciphertext: Uint8Array;
  tag: Uint8Array;
}

/** The parts of a sealed packet, or of the body of a sealed stream; undefined when it cannot be one. */
export function splitSealed(bytes: Uint8Array): SealedParts | undefined {
  if (bytes.length < SEAL_OVERHEAD_BYTES || bytes[0] !== SEAL_VERSION) return undefined;
  const tagAt = bytes.length - SEAL_TAG_BYTES;
  return {
    nonce: bytes.subarray(1, 1 + SEAL_NONCE_BYTES),
    ciphertext: bytes.subarray(1 + SEAL_NONCE_BYTES, tagAt),
    tag: bytes.subarray(tagAt),
  };
}

/** The five bytes before a sealed stream whose message has `messageBytes`. They are additional data, too. */
export function sealedStreamHeader(messageBytes: number): Uint8Array {
  const header = new Uint8Array(STREAM_HEADER_BYTES);
  header[0] = TYPE.encrypt;
  new DataView(header.buffer).setUint32(1, messageBytes + SEAL_OVERHEAD_BYTES);
  return header;
}

/**
 * Collects the bytes of one stream until its one message is whole. The place up to which values are complete is
 * kept between calls, and what comes after it is either short or stepped over at once.
 */
export class StreamReader {
  #bytes = new Uint8Array(4096);
  #size = 0;
  /** Up to here whole values have been seen. */
  #checked = 0;
  /** Node states still to come; -1 until the header was read. */
  #nodesLeft = -1;
  #tailBytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number = STREAM_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Adds what arrived. Gives the whole message (label included) once it is there, undefined before.
   * Throws WireError when it is too large or no stream message.
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    const size = this.#size + chunk.length;
    if (size > this.#bytesMax) throw new WireError("too-large", `stream over ${this.#bytesMax} bytes`);
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#bytesMax, Math.max(size, this.#bytes.length * 2)));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
    const end = this.#end();
    if (end !== undefined) return this.#bytes.subarray(0, end);
    // A sealed or packed message is one long value; the limit of the whole stream holds for it.
    const oneValue = this.#type() === TYPE.compress || this.#type() === TYPE.encrypt;
    if (this.#nodesLeft !== 0 && size - this.#checked > NODE_BYTES_MAX && !oneValue) {
      throw new WireError("too-large", "one value of a stream");
    }
    return undefined;
  }

  #type(): number {
    return this.#bytes[this.#bytes[0] === TYPE.label ? 2 + this.#bytes[1]! : 0]!;
  }

  #end(): number | undefined {
    try {
      return this.#scan();
    } catch (error) {
      if (error instanceof WireError && error.fault === "truncated") return undefined;
      throw error;
    }
  }

  #scan(): number | undefined {
    const bytes = this.#bytes.subarray(0, this.#size);
    const start = bytes[0] === TYPE.label ? 2 + (bytes[1] ?? 0) : 0;
    if (start >= bytes.length) return undefined;
    const type = bytes[start]!;
    if (type === TYPE.encrypt) {
      const reader = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (bytes.length < start + STREAM_HEADER_BYTES) return undefined;
      const end = start + STREAM_HEADER_BYTES + reader.getUint32(start + 1);
      if (end > this.#bytesMax) throw new WireError("too-large", "sealed stream");
      return end <= bytes.length ? end : undefined;
    }
    const single = SINGLE_VALUES.has(type);
    if (!single && !hasNodes(type) && type !== TYPE.user) {
      throw new WireError("bad-type", `stream message ${type}`);
    }
    const reader = new MsgpackReader(bytes, Math.max(this.#checked, start + 1));
    if (this.#nodesLeft < 0) {
      if (single) flatMap(reader);
      else this.#header(reader, type);
      this.#nodesLeft = Math.max(0, this.#nodesLeft);
      this.#checked = reader.offset;
    }
    for (; this.#nodesLeft > 0; this.#nodesLeft--) {
      reader.skip();
      this.#checked = reader.offset;
    }
    const end = this.#checked + this.#tailBytes;
    return end <= bytes.length ? end : undefined;
  }

  /** Reads how much follows; keeps nothing when the header itself is not whole yet. */
  #header(reader: MsgpackReader, type: number): void {
    let nodes = 0;
    let tail = 0;
    fields(reader, (key, r) => {
      if (hasNodes(type) && key === "Nodes") nodes = r.uint(MEMBERS_MAX);
      else if (key === (hasNodes(type) ? "UserStateLen" : "UserMsgLen")) tail = r.uint(this.#bytesMax);
      else r.skip();
    });
    this.#nodesLeft = nodes;
    this.#tailBytes = tail;
  }
}

/** Streams of one map. */
const SINGLE_VALUES: ReadonlySet<number> = new Set([TYPE.compress, TYPE.ping, TYPE.ack, TYPE.error, TYPE.compare]);

/** Streams of a header, node states and a tail. */
function hasNodes(type: number): boolean {
  return type === TYPE.pushPull || type === TYPE.differences;
}

/** Steps over a map whose values are no containers, in a time that does not depend on their sizes. */
function flatMap(reader: MsgpackReader): void {
  fields(reader, (_key, r) => {
    const type = r.bytes[r.offset] ?? 0xc0;
    const container = (type >= 0x80 && type <= 0x9f) || (type >= 0xdc && type <= 0xdf);
    if (container) throw new WireError("bad-type", "a container in a flat message");
    r.skip();
  });
}
