/**
 * Packets out. Every packet that we send anyway (pings, acks) takes waiting broadcasts along; what still waits goes
 * out at the gossip interval to a few random members. With nothing waiting there is no timer and no packet.
 */
import { encodeUser } from "./codec.ts";
import { COMPRESS_BYTES_MIN, GOSSIP_COALESCE_PARTS } from "./constants.ts";
import type { Core } from "./core.ts";
import { transmitLimit } from "./broadcasts.ts";
import type { Endpoint } from "./types.ts";
import { encodeCompound, encodeCompressed } from "./wrapping.ts";

/** Each part of a compound costs its length field; the compound itself a type and a count byte. */
const PART_OVERHEAD = 2;
const COMPOUND_OVERHEAD = 2;
const PARTS_MAX = 255;

/** Which queue: memberlist's own news go first, then join and leave, then queries, then events, as in Serf. */
export const QUEUE = { members: 0, intents: 1, queries: 2, events: 3 } as const;

/** Queues a message for all members; `subject` lets a newer one replace it. */
export function broadcast(core: Core, queue: 0 | 1 | 2 | 3, message: Uint8Array, subject = ""): void {
  if (core.quiet) return;
  core.queues[queue].add(message, subject);
  armGossip(core);
}

/** Queues one of Serf's messages, given with its own type byte. */
export function broadcastUser(core: Core, queue: 1 | 2 | 3, message: Uint8Array, subject = ""): void {
  broadcast(core, queue, encodeUser(message), subject);
}

/** Sends messages in one packet, with as many broadcasts as still fit. */
export function send(core: Core, to: Endpoint, ...messages: Uint8Array[]): void {
  let left = core.packetBytesMax - COMPOUND_OVERHEAD;
  for (const message of messages) left -= message.length + PART_OVERHEAD;
  fill(core, left, messages);
  sendRaw(core, to, messages.length === 1 ? messages[0]! : encodeCompound(messages));
}

/** Sends one packet as it is. */
export function sendRaw(core: Core, to: Endpoint, packet: Uint8Array): void {
  let bytes = packet;
  if (core.config.compress && packet.length >= COMPRESS_BYTES_MIN) {
    const packed = encodeCompressed(packet);
    if (packed.length < packet.length) bytes = packed;
  }
  core.counts.packetsOut++;
  core.counts.bytesOut += bytes.length;
  core.emit({ type: "send", to: { address: to.address, port: to.port }, bytes });
}

function fill(core: Core, bytesLeft: number, into: Uint8Array[]): void {
  const limit = transmitLimit(core.profile.retransmitMult, core.aliveCount);
  for (const queue of core.queues) bytesLeft = queue.take(bytesLeft, PART_OVERHEAD, limit, PARTS_MAX, into);
}

function waiting(core: Core): boolean {
  return core.queues.some((queue) => queue.size > 0);
}

function armGossip(core: Core): void {
  if (core.gossipTimer || core.phase === "idle") return;
  const { gossipIntervalMs, gossipNodesAtOnce } = core.profile;
  const soonMs = core.nowMs + gossipIntervalMs / GOSSIP_COALESCE_PARTS;
  const atMs = Math.max(soonMs, core.gossipedMs + gossipIntervalMs);
  const nodes = atMs === soonMs ? gossipNodesAtOnce : core.profile.gossipNodes;
  core.gossipTimer = core.timers.at(atMs, () => gossip(core, nodes));
}

/** One gossip round. */
export function gossip(core: Core, nodes: number): void {
  core.gossipTimer = undefined;
  core.gossipedMs = core.nowMs;
  const targets = core.table.pickForGossip(nodes, core.nowMs - core.profile.gossipToDeadMs);
  for (const target of targets) {
    const messages: Uint8Array[] = [];
    fill(core, core.packetBytesMax - COMPOUND_OVERHEAD, messages);
    if (messages.length === 0) break;
    sendRaw(core, target, messages.length === 1 ? messages[0]! : encodeCompound(messages));
  }
  // Alone there is nobody to tell, and whoever joins gets everything by push/pull.
  if (core.table.activeCount === 0 && targets.length === 0) for (const queue of core.queues) queue.clear();
  if (!waiting(core)) return;
  core.gossipTimer = core.timers.at(core.nowMs + core.profile.gossipIntervalMs, () =>
    gossip(core, core.profile.gossipNodes),
  );
}
