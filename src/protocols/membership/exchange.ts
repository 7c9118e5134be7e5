/**
 * Streams: the push/pull, in which two members give each other all they know, and the ping over TCP. A join is a
 * push/pull with the join flag. Streams are whole messages here; the driver finds their end (see framing.ts).
 */
import { WireError } from "../wire/errors.ts";
import { MsgpackReader } from "../wire/msgpack.ts";
import { STATE, TYPE, decodeAck, decodePing, decodePushPullHead, fields } from "./codec.ts";
import type { PushPullHead } from "./codec.ts";
import { compares, decodeComparison, encodeAnswer, encodeDifferences, encodeQuestion } from "./comparing.ts";
import { encodeSelected, forgetUncompared, noteUncompared } from "./comparing.ts";
import { STREAMS_MAX, STREAM_BYTES_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { announceJoin } from "./intents.ts";
import { encodeLocalState } from "./local-state.ts";
import { merge, mergeSerf } from "./merging.ts";
import type { Probe } from "./probe.ts";
import { encodeOwnAck, pingIsForUs } from "./probe.ts";
import { onUser, refuseFault } from "./receive.ts";
import type { MemberRecord } from "./record.ts";
import type { Endpoint } from "./types.ts";
import { decodeCompressed } from "./wrapping.ts";

/** Gossip intervals after which a newcomer compares for the first time. */
const SETTLING_FIRST = 4;
/** Beyond this many members push/pull becomes rarer. */
const PUSH_PULL_SCALE_FROM = 32;

export type StreamPurpose =
  /** `node`: whom we know to compare, but it did not answer. */
  | { type: "push-pull"; join: boolean; replay: boolean; node?: string }
  | { type: "compare"; node: string; salt: number }
  | { type: "ping"; probe: Probe };

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

/** Compares tables when the other does so, too; else it is a push/pull. */
function pushPullOrCompare(core: Core, target: MemberRecord): void {
  const { streamTimeoutMs } = core.profile;
  const node = target.name;
  if (!compares(core, target)) {
    const purpose: StreamPurpose = { type: "push-pull", join: false, replay: false, node };
    openStream(core, target, encodeLocalState(core, false), purpose, streamTimeoutMs);
    return;
  }
  const salt = core.random.below(2 ** 31);
  openStream(core, target, encodeQuestion(core, salt), { type: "compare", node, salt }, streamTimeoutMs);
}

/** One push/pull with a random member, and itself again. */
export function pushPullNext(core: Core): void {
  const [target] = core.table.pick(1, (record) => record.state === STATE.alive);
  if (target) pushPullOrCompare(core, target);
  core.timers.at(core.nowMs + pushPullDelayMs(core.profile.pushPullIntervalMs, core.aliveCount), () => {
    pushPullNext(core);
  });
}

/**
 * Others that join at the same time may have been told of before the two of us knew one another. So a newcomer
 * compares again and again, each time after twice as long, until the usual exchanges take over.
 */
function compareSoon(core: Core, afterMs: number): void {
  if (core.settleTimer || afterMs >= core.profile.pushPullIntervalMs) return;
  core.settleTimer = core.timers.at(core.nowMs + afterMs, () => {
    core.settleTimer = undefined;
    const [target] = core.table.pick(1, (record) => record.state === STATE.alive && compares(core, record));
    if (target) pushPullOrCompare(core, target);
    compareSoon(core, 2 * afterMs);
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
  if (target && !core.forgotten.has(target.name)) pushPullOrCompare(core, target);
}

/** A peer's stream. Throws nothing: garbage is counted and the stream closed. */
export function onStreamReceived(core: Core, id: number, from: Endpoint, bytes: Uint8Array): void {
  core.counts.bytesIn += bytes.length;
  const before = core.effects.length;
  try {
    const message = unpacked(bytes);
    const reader = new MsgpackReader(message, 1);
    if (message[0] === TYPE.pushPull) {
      const head = decodePushPullHead(reader, core.membersMax);
      return answerAndMerge(core, id, head, reader, encodeLocalState(core, false));
    }
    if (message[0] === TYPE.compare) {
      const question = decodeComparison(reader);
      core.emit({ type: "stream-reply", id, bytes: encodeAnswer(core, question) });
      return mergeSerf(core, question.serf, false);
    }
    if (message[0] === TYPE.differences) {
      const head = decodePushPullHead(reader, core.membersMax);
      return answerAndMerge(core, id, head, reader, encodeSelected(core, head.selection));
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

/** The answer is what we knew before. It goes out only when nothing is wrong with what was asked. */
function answerAndMerge(core: Core, id: number, head: PushPullHead, reader: MsgpackReader, answer: Uint8Array): void {
  const first = core.effects.length;
  merge(core, head, reader);
  core.effects.splice(first, 0, { type: "stream-reply", id, bytes: answer });
}

/** The answer to a stream of ours. */
export function onStreamAnswer(core: Core, id: number, bytes: Uint8Array): void {
  const stream = core.streams.get(id);
  if (!stream) return;
  core.counts.bytesIn += bytes.length;
  try {
    const message = unpacked(bytes);
    if (takeAnswer(core, stream, message[0]!, new MsgpackReader(message, 1))) {
      core.streams.delete(id);
      return;
    }
    core.refuse(message[0] === TYPE.error ? "remote-error" : "unknown-type");
  } catch (error) {
    refuseFault(core, error);
  }
  onStreamFailed(core, id);
}

/** False when it is no answer to what was asked. Throws WireError. */
function takeAnswer(core: Core, stream: OpenStream, type: number, reader: MsgpackReader): boolean {
  if (stream.type === "ping" && type === TYPE.ack) {
    if (decodeAck(reader).seq === stream.probe.sequence) stream.probe.streamAcked = true;
    return true;
  }
  if (stream.type === "push-pull" && type === TYPE.pushPull) {
    const { to, join, replay } = stream;
    const head = decodePushPullHead(reader, core.membersMax);
    // Were we alone, then all whom we could tell are those that it names, and it has told them.
    const quiet = join && core.table.activeCount === 0;
    merge(core, head, reader, { quiet, skipPast: join && !replay, done: (ok) => join && joined(core, to, ok) });
    return true;
  }
  if (stream.type !== "compare" || type !== TYPE.compare) return false;
  const answer = decodeComparison(reader);
  const bytes = encodeDifferences(core, stream.salt, answer);
  mergeSerf(core, answer.serf, false);
  forgetUncompared(core, stream.node);
  const purpose: StreamPurpose = { type: "push-pull", join: false, replay: false };
  if (bytes) openStream(core, stream.to, bytes, purpose, core.profile.streamTimeoutMs);
  return true;
}

function joined(core: Core, to: Endpoint, ok: boolean): void {
  if (ok) announceJoin(core);
  core.emit({ type: "join-result", to, ok });
  if (ok) compareSoon(core, core.profile.gossipIntervalMs * SETTLING_FIRST);
}

export function onStreamFailed(core: Core, id: number): void {
  const stream = core.streams.get(id);
  core.streams.delete(id);
  if (stream?.type === "compare") return noteUncompared(core, stream.node);
  if (stream?.type !== "push-pull") return;
  if (stream.node !== undefined) forgetUncompared(core, stream.node);
  if (stream.join) core.emit({ type: "join-result", to: stream.to, ok: false });
}

/** Merges a snapshot and passes nothing on. Garbage is counted as refused. */
export function restore(core: Core, snapshot: Uint8Array): void {
  try {
    const message = unpacked(snapshot);
    if (message[0] !== TYPE.pushPull) return core.refuse("unknown-type");
    const reader = new MsgpackReader(message, 1);
    merge(core, decodePushPullHead(reader, core.membersMax), reader, { quiet: true, skipPast: true });
  } catch (error) {
    refuseFault(core, error);
  }
}

/** The message inside compression; the driver has taken label and seal off. Throws WireError. */
function unpacked(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw new WireError("truncated", "empty stream");
  if (bytes[0] !== TYPE.compress) return bytes;
  const message = decodeCompressed(bytes, 1, STREAM_BYTES_MAX);
  if (message.length === 0) throw new WireError("truncated", "empty stream");
  return message;
}
