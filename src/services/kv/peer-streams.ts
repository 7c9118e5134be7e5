/**
 * Frames between the boxes of a store: to each peer one stream of ours, opened when there is something to say. A frame
 * is its length in 4 bytes and its messages. What cannot be sent is lost, as on any network; the protocol asks again.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { decodeFrame, framesOf } from "../../protocols/kv/codec.ts";
import { FrameError } from "../../protocols/kv/bytes.ts";
import { COPYING } from "../../protocols/kv/messages.ts";
import type { Message, MessageType } from "../../protocols/kv/messages.ts";
import type { MeshClient } from "../mesh/client.ts";

export const STREAM_PATH = "/kv/frames";
/** A frame of a peer; larger is garbage. A message holds no more than some large values. */
export const FRAME_BYTES_MAX = 32 * 1024 * 1024;
/** Ours end with the message that makes them so long. */
export const FRAME_BYTES = 256 * 1024;
/** Streams of one peer: the one in use, and one from before that has not broken yet. The newest are kept. */
export const STREAMS_PER_PEER_MAX = 2;
/** Half frames of all peers together; beyond it the stream that holds most is closed. */
export const HALF_FRAMES_BYTES_MAX = 128 * 1024 * 1024;
/** What waits for a slow peer; beyond it frames are lost. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** A peer that could not be reached is left alone for so long. */
export const UNREACHED_MS = 1_000;
const LENGTH_BYTES = 4;
const SMALL_CHUNK_BYTES = 4096;

export interface Sent {
  messages: number;
  bytes: number;
}

/** Since the start. */
export interface PeerCounts {
  /** To other boxes: because groups change, and for all else. */
  sent: { copying: Sent; other: Sent };
  /** Frames that could not be sent. */
  lost: number;
  /** Streams that were closed because what came on them was no frame. */
  garbled: number;
  /** Streams that were closed because their box has too many. */
  refused: number;
}

export interface PeerStreams {
  send(boxId: string, messages: readonly Message[]): void;
  /** False for a moment after a stream to it broke or could not be opened. */
  seemsUp(boxId: string): boolean;
  counts(): PeerCounts;
  open(): void;
  close(): void;
}

/** A stream that a peer has opened. */
interface Taken {
  boxId: string;
  /** Of a frame that has not come whole. */
  heldBytes: number;
}

interface Peer {
  stream: Duplex | undefined;
  opening: boolean;
  waiting: Uint8Array[];
  waitingBytes: number;
  downUntilMs: number;
}

export interface PeerStreamsNeeds {
  clock: Clock;
  log: Log;
  mesh: Pick<MeshClient, "openStream">;
  onFrame: (boxId: string, messages: Message[]) => void;
  /** A peer went or came, as far as streams tell. */
  onChange: () => void;
}

export function createPeerStreams(
  needs: PeerStreamsNeeds,
): PeerStreams & { take(boxId: string, stream: Duplex): void } {
  const { clock, log } = needs;
  const peers = new Map<string, Peer>();
  const taken = new Map<Duplex, Taken>();
  const counts: PeerCounts = {
    sent: { copying: { messages: 0, bytes: 0 }, other: { messages: 0, bytes: 0 } },
    ...{ lost: 0, garbled: 0, refused: 0 },
  };
  let closed = true;

  const peerOf = (boxId: string): Peer => {
    const known = peers.get(boxId);
    if (known) return known;
    const peer: Peer = { stream: undefined, opening: false, waiting: [], waitingBytes: 0, downUntilMs: 0 };
    peers.set(boxId, peer);
    return peer;
  };
  const broke = (boxId: string, peer: Peer) => {
    peer.stream = undefined;
    counts.lost += peer.waiting.length;
    peer.waiting = [];
    peer.waitingBytes = 0;
    peer.downUntilMs = clock.monotonicMs() + UNREACHED_MS;
    if (closed) return;
    needs.onChange();
    clock.after(UNREACHED_MS, () => !closed && needs.onChange());
    log.debug("a stream to a box ended", { box: boxId });
  };
  const open = async (boxId: string, peer: Peer) => {
    peer.opening = true;
    try {
      const stream = await needs.mesh.openStream(boxId, STREAM_PATH);
      if (closed) return void stream.destroy();
      peer.stream = stream;
      stream.on("error", () => {});
      // Nothing comes back on it: the other side has a stream of its own.
      stream.resume();
      stream.once("close", () => peer.stream === stream && broke(boxId, peer));
      for (const bytes of peer.waiting.splice(0)) stream.write(bytes);
      peer.waitingBytes = 0;
    } catch (error) {
      log.debug("no stream to a box", { box: boxId, error });
      broke(boxId, peer);
    } finally {
      peer.opening = false;
    }
  };

  const sendFrame = (boxId: string, peer: Peer, frame: Uint8Array): boolean => {
    const bytes = framed(frame);
    if (peer.stream) {
      if (peer.stream.writableLength + bytes.length > WAITING_BYTES_MAX) return false;
      peer.stream.write(bytes);
      return true;
    }
    if (clock.monotonicMs() < peer.downUntilMs || peer.waitingBytes + bytes.length > WAITING_BYTES_MAX) return false;
    peer.waiting.push(bytes);
    peer.waitingBytes += bytes.length;
    if (!peer.opening) void open(boxId, peer);
    return true;
  };
  const tally = (type: MessageType, bytes: number) => {
    const sent = COPYING.has(type) ? counts.sent.copying : counts.sent.other;
    sent.messages++;
    sent.bytes += bytes;
  };
  const end = (stream: Duplex) => {
    taken.delete(stream);
    stream.destroy();
  };
  /** Whoever sends the beginnings of frames and no ends must not fill the memory. */
  const boundHalfFrames = () => {
    let sum = 0;
    let most: [Duplex, Taken] | undefined;
    for (const one of taken) {
      sum += one[1].heldBytes;
      if (!most || one[1].heldBytes > most[1].heldBytes) most = one;
    }
    if (!most || sum <= HALF_FRAMES_BYTES_MAX) return;
    counts.refused++;
    log.warn("boxes sent too many half frames; a stream is closed", { box: most[1].boxId });
    end(most[0]);
  };

  return {
    send(boxId, messages) {
      if (closed) return;
      const peer = peerOf(boxId);
      // Encoded one by one: what there is no room for is not even written.
      for (const frame of framesOf(messages, FRAME_BYTES, tally)) {
        if (sendFrame(boxId, peer, frame)) continue;
        counts.lost++;
        return;
      }
    },
    seemsUp: (boxId) => clock.monotonicMs() >= (peers.get(boxId)?.downUntilMs ?? 0),
    counts: () => structuredClone(counts),
    open: () => void (closed = false),
    take(boxId, stream) {
      if (closed) return void stream.destroy();
      stream.on("error", () => {});
      const others = [...taken].filter(([, one]) => one.boxId === boxId).map(([other]) => other);
      for (const other of others.slice(0, Math.max(0, others.length + 1 - STREAMS_PER_PEER_MAX))) {
        counts.refused++;
        end(other);
      }
      const one: Taken = { boxId, heldBytes: 0 };
      taken.set(stream, one);
      stream.once("close", () => taken.delete(stream));
      const read = readFrames((bytes) => needs.onFrame(boxId, decodeFrame(bytes)));
      stream.on("data", (chunk: Buffer) => {
        // What was under way when it was closed.
        if (!taken.has(stream)) return;
        try {
          one.heldBytes = read(chunk);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
          counts.garbled++;
          log.warn("a box sent what is no frame", { box: boxId, error });
          return end(stream);
        }
        if (one.heldBytes > 0) boundHalfFrames();
      });
    },
    close() {
      closed = true;
      for (const { stream } of peers.values()) stream?.destroy();
      for (const stream of taken.keys()) stream.destroy();
      peers.clear();
    },
  };
}

function framed(messages: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES + messages.length);
  new DataView(bytes.buffer).setUint32(0, messages.length);
  bytes.set(messages, LENGTH_BYTES);
  return bytes;
}

/** Puts chunks together to frames; says how many bytes it holds. Throws FrameError for one that is too long. */
export function readFrames(onFrame: (bytes: Uint8Array) => void): (chunk: Buffer) => number {
  let chunks: Buffer[] = [];
  let size = 0;
  const joined = () => {
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
    chunks = [all];
    return all;
  };
  let wanted = LENGTH_BYTES;
  return (chunk) => {
    chunks.push(chunk);
    // Many small ones would take far more room than their bytes.
    for (let last = chunks.length - 1; last > 0; last--) {
      const [before, after] = [chunks[last - 1]!, chunks[last]!];
      if (after.length > SMALL_CHUNK_BYTES || before.length > after.length) break;
      chunks.splice(last - 1, 2, Buffer.concat([before, after]));
    }
    size += chunk.length;
    if (size < wanted) return size;
    const all = joined();
    let at = 0;
    for (;;) {
      wanted = LENGTH_BYTES;
      if (size - at < wanted) break;
      const length = all.readUInt32BE(at);
      if (length > FRAME_BYTES_MAX) throw new FrameError(`a frame of ${length} bytes`);
      wanted += length;
      if (size - at < wanted) break;
      onFrame(new Uint8Array(all.buffer, all.byteOffset + at + LENGTH_BYTES, length));
      at += wanted;
    }
    const rest = all.subarray(at);
    chunks = rest.length > 0 ? [rest] : [];
    size = rest.length;
    return size;
  };
}
