/**
 * Streams: the push/pull, in which two members give each other all they know, and the ping over TCP. A join is a
 * push/pull with the join flag. Streams are whole messages here; the driver finds their end (see framing.ts).
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { STATE, TYPE, decodeAck, decodeCompressed, decodePing, decodePushPull } from "./codec.ts";
import { encodeCompressed, encodePushPull, fields } from "./codec.ts";
import { COMPRESS_BYTES_MIN, STREAMS_MAX, STREAM_BYTES_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { announceJoin, onIntent } from "./intents.ts";
import type { Probe } from "./probe.ts";
import { encodeOwnAck, pingIsForUs } from "./probe.ts";
import { onUser, refuseFault } from "./receive.ts";
import { SERF, decodeSerfState, encodeSerfState } from "./serf.ts";
import { mergeState, stateOf } from "./state.ts";
import type { MemberRecord } from "./record.ts";
import type { Endpoint } from "./types.ts";
import { onUserEvent } from "./user-events.ts";

/** Beyond this many members push/pull becomes rarer. */
const PUSH_PULL_SCALE_FROM = 32;

export type StreamPurpose = { type: "push-pull"; join: boolean; replay: boolean } | { type: "ping"; probe: Probe };

export type OpenStream = StreamPurpose & { to: Endpoint };

/** False when too many are open. */
export function openStream(
  core: Core,
  to: Endpoint,
  bytes: Uint8Array,
  purpose: StreamPurpose,
  timeoutMs: number,
): boolean {
  if (core.streams.size >= STREAMS_MAX) return false;
  const id = ++core.streamId;
  const endpoint = { address: to.address, port: to.port };
  core.streams.set(id, { ...purpose, to: endpoint });
  core.counts.streams++;
  core.emit({ type: "stream", id, to: endpoint, bytes, timeoutMs });
  return true;
}

export function pushPull(core: Core, to: Endpoint, join: boolean, replay = false): void {
  const purpose: StreamPurpose = { type: "push-pull", join, replay };
  const opened = openStream(core, to, encodeLocalState(core, join), purpose, core.profile.streamTimeoutMs);
  if (!opened && join) core.emit({ type: "join-result", to, ok: false });
}

/** One push/pull with a random member, and itself again. */
export function pushPullNext(core: Core): void {
  const [target] = core.table.pick(1, (record) => record.state === STATE.alive);
  if (target) pushPull(core, target, false);
  core.timers.at(core.nowMs + pushPullDelayMs(core.profile.pushPullIntervalMs, core.aliveCount), () => {
    pushPullNext(core);
  });
}

/** interval * (ceil(log2(n) - log2(32)) + 1) beyond 32 members. */
export function pushPullDelayMs(intervalMs: number, members: number): number {
  if (members <= PUSH_PULL_SCALE_FROM) return intervalMs;
  return intervalMs * (Math.ceil(Math.log2(members) - Math.log2(PUSH_PULL_SCALE_FROM)) + 1);
}

/** Tries one failed member again, with probability failed/alive, and itself after the interval. */
export function reconnectNext(core: Core): void {
  core.timers.at(core.nowMs + core.profile.reconnectIntervalMs, () => reconnectNext(core));
  const { failed } = core.table;
  if (failed === 0 || core.random.float() > failed / core.aliveCount) return;
  const target = core.table.randomFailed();
  if (target && !core.forgotten.has(target.name)) pushPull(core, target, false);
}

export function encodeLocalState(core: Core, join: boolean): Uint8Array {
  // What died long ago is forgotten by memberlist; to name it again would only make others suspect it.
  const sinceMs = core.nowMs - core.profile.gossipToDeadMs;
  const told = (record: MemberRecord) =>
    record === core.self ||
    record.activeIndex >= 0 ||
    (record.stateSinceMs >= sinceMs && !core.forgotten.has(record.name));
  let count = 0;
  const statusTimes = new Map<string, number>();
  const left: string[] = [];
  for (const record of core.table.all()) {
    if (told(record)) count++;
    statusTimes.set(record.name, record.statusTime);
    if (record.state === STATE.left) left.push(record.name);
  }
  const userState = encodeSerfState({
    ltime: core.clock.time,
    statusTimes,
    left,
    eventLtime: core.eventClock.time,
    events: [...core.events.entries()],
    queryLtime: core.queryClock.time,
  });
  const bytes = encodePushPull(join, count, userState, (put) => {
    for (const record of core.table.all()) if (told(record)) put(stateOf(record));
  });
  if (!core.config.compress || bytes.length < COMPRESS_BYTES_MIN) return bytes;
  const packed = encodeCompressed(bytes);
  return packed.length < bytes.length ? packed : bytes;
}

/** A peer's stream. Throws nothing: garbage is counted and the stream closed. */
export function onStreamReceived(core: Core, id: number, from: Endpoint, bytes: Uint8Array): void {
  core.counts.bytesIn += bytes.length;
  const before = core.effects.length;
  try {
    const message = unpacked(bytes);
    const reader = new MsgpackReader(message, 1);
    if (message[0] === TYPE.pushPull) {
      const state = decodePushPull(reader, core.membersMax);
      core.emit({ type: "stream-reply", id, bytes: encodeLocalState(core, false) });
      return merge(core, state, false);
    }
    if (message[0] === TYPE.ping) {
      const ping = decodePing(reader);
      if (pingIsForUs(core, ping)) core.emit({ type: "stream-reply", id, bytes: encodeOwnAck(core, ping.seq) });
    } else if (message[0] === TYPE.user) {
      let length = 0;
      fields(reader, (key, r) => (key === "UserMsgLen" ? (length = r.uint(STREAM_BYTES_MAX)) : r.skip()));
      onUser(core, from, message.subarray(reader.offset, reader.offset + length));
    } else core.refuse("unknown-type");
  } catch (error) {
    refuseFault(core, error);
  }
  const replied = core.effects.slice(before).some((effect) => effect.type === "stream-reply" && effect.id === id);
  if (!replied) core.emit({ type: "stream-close", id });
}

/** The answer to a stream of ours. */
export function onStreamAnswer(core: Core, id: number, bytes: Uint8Array): void {
  const stream = core.streams.get(id);
  if (!stream) return;
  core.counts.bytesIn += bytes.length;
  try {
    const message = unpacked(bytes);
    if (stream.type === "ping" && message[0] === TYPE.ack) {
      core.streams.delete(id);
      const ack = decodeAck(new MsgpackReader(message, 1));
      if (ack.seq === stream.probe.sequence) stream.probe.streamAcked = true;
      return;
    }
    if (stream.type === "push-pull" && message[0] === TYPE.pushPull) {
      const state = decodePushPull(new MsgpackReader(message, 1), core.membersMax);
      core.streams.delete(id);
      merge(core, state, stream.join && !stream.replay);
      if (stream.join) {
        announceJoin(core);
        core.emit({ type: "join-result", to: stream.to, ok: true });
      }
      return;
    }
    core.refuse(message[0] === TYPE.error ? "remote-error" : "unknown-type");
  } catch (error) {
    refuseFault(core, error);
  }
  onStreamFailed(core, id);
}

export function onStreamFailed(core: Core, id: number): void {
  const stream = core.streams.get(id);
  core.streams.delete(id);
  if (stream?.type === "push-pull" && stream.join) core.emit({ type: "join-result", to: stream.to, ok: false });
}

/** Merges a snapshot and passes nothing on. Garbage is counted as refused. */
export function restore(core: Core, snapshot: Uint8Array): void {
  core.quiet = true;
  try {
    const message = unpacked(snapshot);
    if (message[0] !== TYPE.pushPull) return core.refuse("unknown-type");
    merge(core, decodePushPull(new MsgpackReader(message, 1), core.membersMax), true);
  } catch (error) {
    refuseFault(core, error);
  } finally {
    core.quiet = false;
  }
}

function merge(core: Core, state: ReturnType<typeof decodePushPull>, skipPast: boolean): void {
  for (const node of state.nodes) mergeState(core, node);
  if (state.userState.length > 0) mergeSerf(core, state.userState, skipPast);
}

function mergeSerf(core: Core, bytes: Uint8Array, skipPast: boolean): void {
  if (bytes[0] !== SERF.pushPull) return core.refuse("unknown-type");
  const state = decodeSerfState(new MsgpackReader(bytes, 1));
  // One less, since no message with that time has been sent yet.
  if (state.ltime > 0) core.clock.witness(state.ltime - 1);
  if (state.eventLtime > 0) core.eventClock.witness(state.eventLtime - 1);
  if (state.queryLtime > 0) core.queryClock.witness(state.queryLtime - 1);
  const left = new Set(state.left);
  for (const node of left) onIntent(core, true, { ltime: state.statusTimes.get(node) ?? 0, node, prune: false });
  for (const [node, ltime] of state.statusTimes) {
    if (!left.has(node)) onIntent(core, false, { ltime, node, prune: false });
  }
  if (skipPast) {
    core.events.minTime = Math.max(core.events.minTime, state.eventLtime);
    core.queriesSeen.minTime = Math.max(core.queriesSeen.minTime, state.queryLtime);
  }
  for (const event of state.events) onUserEvent(core, event);
}

/** The message inside compression; the driver has taken label and seal off. Throws WireError. */
function unpacked(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw new WireError("truncated", "empty stream");
  if (bytes[0] !== TYPE.compress) return bytes;
  const message = decodeCompressed(bytes, 1, STREAM_BYTES_MAX);
  if (message.length === 0) throw new WireError("truncated", "empty stream");
  return message;
}
