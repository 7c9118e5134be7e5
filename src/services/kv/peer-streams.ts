/**
 * Frames between the boxes of a store: to each peer one stream of ours, opened when there is something to say. A frame
 * is its length in 4 bytes and its messages. What cannot be sent is lost, as on any network; the protocol asks again.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { decodeFrame, encodeFrame } from "../../protocols/kv/codec.ts";
import { FrameError } from "../../protocols/kv/bytes.ts";
import type { Message } from "../../protocols/kv/messages.ts";
import type { MeshClient } from "../mesh/client.ts";

export const STREAM_PATH = "/kv/frames";
/** A frame of a peer; larger is garbage. A message holds no more than some large values. */
export const FRAME_BYTES_MAX = 32 * 1024 * 1024;
/** What waits for a slow peer; beyond it frames are lost. */
export const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** A peer that could not be reached is left alone for so long. */
export const UNREACHED_MS = 1_000;
const LENGTH_BYTES = 4;

export interface PeerStreams {
  send(boxId: string, messages: readonly Message[]): void;
  /** False for a moment after a stream to it broke or could not be opened. */
  seemsUp(boxId: string): boolean;
  lost(): number;
  open(): void;
  close(): void;
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
  const taken = new Set<Duplex>();
  let lost = 0;
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
    lost += peer.waiting.length;
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

  return {
    send(boxId, messages) {
      if (closed) return;
      const peer = peerOf(boxId);
      const bytes = framed(encodeFrame(messages));
      if (peer.stream) {
        if (peer.stream.writableLength + bytes.length > WAITING_BYTES_MAX) return void lost++;
        return void peer.stream.write(bytes);
      }
      if (clock.monotonicMs() < peer.downUntilMs || peer.waitingBytes + bytes.length > WAITING_BYTES_MAX)
        return void lost++;
      peer.waiting.push(bytes);
      peer.waitingBytes += bytes.length;
      if (!peer.opening) void open(boxId, peer);
    },
    seemsUp: (boxId) => clock.monotonicMs() >= (peers.get(boxId)?.downUntilMs ?? 0),
    lost: () => lost,
    open: () => void (closed = false),
    take(boxId, stream) {
      if (closed) return void stream.destroy();
      taken.add(stream);
      stream.on("error", () => {});
      stream.once("close", () => taken.delete(stream));
      const read = readFrames((bytes) => needs.onFrame(boxId, decodeFrame(bytes)));
      stream.on("data", (chunk: Buffer) => {
        try {
          read(chunk);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
          log.warn("a box sent what is no frame", { box: boxId, error });
          stream.destroy();
        }
      });
    },
    close() {
      closed = true;
      for (const { stream } of peers.values()) stream?.destroy();
      for (const stream of taken) stream.destroy();
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

/** Puts chunks together to frames. Throws FrameError for one that is too long. */
export function readFrames(onFrame: (bytes: Uint8Array) => void): (chunk: Buffer) => void {
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
    size += chunk.length;
    if (size < wanted) return;
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
  };
}
