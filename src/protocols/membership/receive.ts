/**
 * Packets in: taken apart (checksum, compression, compound) within limits, and handed on by type. Anything
 * may arrive here; what is not understood is counted by reason and dropped, and nothing throws.
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { TYPE, decodeAccusation, decodeAck, decodeIndirectPing, decodeNode, decodePing } from "./codec.ts";
import { PACKET_DEPTH_MAX, PACKET_UNPACKED_BYTES_MAX, PACKET_WORK_BYTES_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { onIntent } from "./intents.ts";
import { onAck, onIndirectPing, onNack, onPing } from "./probe.ts";
import { onQuery, onQueryResponse, onRelay } from "./queries.ts";
import { QUEUE, broadcastUser } from "./sending.ts";
import { SERF, decodeIntent, decodeQuery, decodeQueryResponse, decodeRelay, decodeUserEvent } from "./serf.ts";
import { QUERY_NO_BROADCAST } from "./serf.ts";
import { onAlive, onDead, onSuspect } from "./state.ts";
import type { Endpoint, RefuseReason } from "./types.ts";
import { onUserEvent } from "./user-events.ts";
import { decodeCompound, decodeCompressed, decodeCrc } from "./wrapping.ts";

export function onPacket(core: Core, from: Endpoint, bytes: Uint8Array): void {
  core.counts.packetsIn++;
  core.counts.bytesIn += bytes.length;
  if (bytes.length > PACKET_UNPACKED_BYTES_MAX) return core.refuse("too-large");
  if (core.forgottenEndpoints.size > 0 && core.forgottenEndpoints.has(`${from.address} ${from.port}`)) {
    return core.refuse("forgotten");
  }
  dispatch(core, from, bytes, { depth: 0, bytesLeft: PACKET_WORK_BYTES_MAX });
}

interface Budget {
  depth: number;
  bytesLeft: number;
}

/** One message; the parts of a compound fail alone. */
function dispatch(core: Core, from: Endpoint, bytes: Uint8Array, budget: Budget): void {
  if (budget.depth > PACKET_DEPTH_MAX) return core.refuse("too-deep");
  budget.depth++;
  try {
    take(core, from, bytes, budget);
  } catch (error) {
    refuseFault(core, error);
  } finally {
    budget.depth--;
  }
}

function take(core: Core, from: Endpoint, bytes: Uint8Array, budget: Budget): void {
  const reader = new MsgpackReader(bytes, 1);
  switch (bytes[0]) {
    case TYPE.ping:
      return onPing(core, from, decodePing(reader));
    case TYPE.indirectPing:
      return onIndirectPing(core, from, decodeIndirectPing(reader));
    case TYPE.ack:
      return onAck(core, from, decodeAck(reader));
    case TYPE.nack:
      return onNack(core, decodeAck(reader).seq);
    case TYPE.suspect:
      return onSuspect(core, decodeAccusation(reader));
    case TYPE.alive:
      return onAlive(core, decodeNode(reader, core.table));
    case TYPE.dead:
      return onDead(core, decodeAccusation(reader));
    case TYPE.user:
      return onUser(core, from, bytes.subarray(1));
    case TYPE.compound:
      for (const part of decodeCompound(bytes, 1)) dispatch(core, from, part, budget);
      return;
    case TYPE.compress: {
      const inner = decodeCompressed(bytes, 1, Math.min(PACKET_UNPACKED_BYTES_MAX, budget.bytesLeft));
      budget.bytesLeft -= inner.length;
      return dispatch(core, from, inner, budget);
    }
    case TYPE.hasCrc:
      return dispatch(core, from, decodeCrc(bytes, 1), budget);
    case undefined:
      return core.refuse("malformed");
    default:
      return core.refuse("unknown-type");
  }
}

/** One of Serf's messages. Throws WireError. */
export function onUser(core: Core, from: Endpoint, message: Uint8Array): void {
  const reader = new MsgpackReader(message, 1);
  switch (message[0]) {
    case SERF.leave:
    case SERF.join: {
      const intent = decodeIntent(reader);
      if (!onIntent(core, message[0] === SERF.leave, intent)) return;
      return broadcastUser(core, QUEUE.intents, message, intent.node);
    }
    case SERF.userEvent:
      if (onUserEvent(core, decodeUserEvent(reader))) broadcastUser(core, QUEUE.events, message);
      return;
    case SERF.query: {
      const query = decodeQuery(reader);
      if (onQuery(core, query) && !(query.flags & QUERY_NO_BROADCAST)) broadcastUser(core, QUEUE.queries, message);
      return;
    }
    case SERF.queryResponse:
      return onQueryResponse(core, decodeQueryResponse(reader));
    case SERF.relay:
      return onRelay(core, from, decodeRelay(reader));
    default:
      return core.refuse("unknown-type");
  }
}

/** Counts a WireError by its reason; anything else is a bug of ours and goes up. */
export function refuseFault(core: Core, error: unknown): void {
  if (!(error instanceof WireError)) throw error;
  core.refuse(reasons[error.fault] ?? "malformed");
}

const reasons: Partial<Record<WireError["fault"], RefuseReason>> = {
  "too-large": "too-large",
  "too-deep": "too-deep",
  "bad-checksum": "bad-checksum",
};
