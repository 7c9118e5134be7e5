/**
 * The failure detector: one member is probed in each interval, in a shuffled round (SWIM, section 4.3).
 *
 *   direct ──ack──▶ good
 *     │ probe timeout
 *     ▼
 *   indirect (3 others ask for us, and a ping over TCP) ──ack──▶ good
 *     │ end of the interval
 *     ▼
 *   suspect
 *
 * A member that has refuted suspicions of late is probed some more times before it is accused.
 *
 * Those asked say after the timeout that they had no answer either (nack). Missing nacks mean that our own link is
 * bad, and raise our awareness (Lifeguard). Both timeouts grow with it.
 */
import { addressFromBytes } from "../wire/address.ts";
import { WireError } from "../wire/errors.ts";
import type { Ack, IndirectPing, Ping } from "./codec.ts";
import { STATE, TYPE, encodeAccusation, encodeAck, encodeIndirectPing, encodeNack, encodePing } from "./codec.ts";
import {
  COMPARE_VERSION,
  COORDINATE_EVERY,
  COORDINATE_SETTLED_ERROR,
  LOOKS_MAX,
  LOOK_AGAIN_MEMBERS,
  NACK_PART,
  PINGS_MAX,
  PING_TIMEOUT_MS,
  REFUTED_HALVED_MS,
  REFUTED_MIN,
  RELAYS_MAX,
} from "./constants.ts";
import type { Core } from "./core.ts";
import { MembershipError } from "./errors.ts";
import { openStream } from "./exchange.ts";
import type { MemberRecord } from "./record.ts";
import type { Facts } from "./facts.ts";
import { send } from "./sending.ts";
import { onSuspect } from "./state.ts";
import type { Timer } from "./timers.ts";
import type { Endpoint } from "./types.ts";
import { decodeAckPayload, encodeAckPayload } from "./vivaldi.ts";

/** Members of this protocol version send nacks, and accept a ping over TCP. */
const NACK_VERSION = 4;
const STREAM_PING_VERSION = 3;

export interface Probe {
  node: string;
  /** As it described itself when the probe began. */
  facts: Facts;
  incarnation: number;
  sequence: number;
  sentMs: number;
  stage: "direct" | "indirect";
  acked: boolean;
  /** The ping over TCP came back: UDP may be barred, the member lives. */
  streamAcked: boolean;
  nacksExpected: number;
  nacks: number;
  timer: Timer;
  /** Looks before this one that failed. */
  looks: number;
}

/** Who waits for an ack: our own probe, one that we run for another member, or a ping that somebody asked for. */
export type PendingAck =
  | { type: "probe"; probe: Probe }
  | { type: "relay"; to: Endpoint; sequence: number; timer: Timer }
  | { type: "ping"; key: string; sentMs: number; timer: Timer };

/** Probes the next member, and itself again after the interval. */
export function probeNext(core: Core): void {
  const { profile, timers } = core;
  const target = core.table.nextToProbe();
  if (!target) {
    timers.at(core.nowMs + profile.probeIntervalMs, () => probeNext(core));
    return;
  }
  core.probe = look(core, target, 0);
}

/** Begins to probe a member; `looks` probes of it have failed just before. */
function look(core: Core, target: MemberRecord, looks: number): Probe {
  const { profile, awareness, timers } = core;
  core.counts.probes++;
  const sequence = core.nextSequence();
  const probe: Probe = {
    node: target.name,
    facts: target.facts,
    incarnation: target.incarnation,
    sequence,
    sentMs: core.nowMs,
    stage: "direct",
    acked: false,
    streamAcked: false,
    nacksExpected: 0,
    nacks: 0,
    timer: timers.at(core.nowMs + awareness.scaleMs(profile.probeTimeoutMs), () => askOthers(core, probe)),
    looks,
  };
  timers.at(core.nowMs + awareness.scaleMs(profile.probeIntervalMs), () => finish(core, probe));
  core.pendingAcks.set(sequence, { type: "probe", probe });
  const ping = encodePing(pingTo(core, sequence, target.name));
  if (target.state === STATE.suspect) {
    // The suspect hears at once what is said of it, and can refute.
    const accusation = { incarnation: target.incarnation, node: target.name, from: core.self.name };
    send(core, target, ping, encodeAccusation(TYPE.suspect, accusation));
  } else send(core, target, ping);
  return probe;
}

function askOthers(core: Core, probe: Probe): void {
  probe.stage = "indirect";
  const { node, facts } = probe;
  const suitable = (other: MemberRecord) => other.name !== node && other.state === STATE.alive;
  for (const helper of core.table.pick(core.profile.indirectProbes, suitable)) {
    const nack = (helper.versions[1] ?? 0) >= NACK_VERSION;
    if (nack) probe.nacksExpected++;
    const ping = pingOf(core, probe.sequence, node);
    send(core, helper, encodeIndirectPing({ ...ping, target: facts.addressBytes, port: facts.port, nack }));
  }
  if ((facts.versions[1] ?? 0) < STREAM_PING_VERSION) return;
  const ping = encodePing(pingOf(core, probe.sequence, node));
  openStream(core, facts, ping, { type: "ping", probe }, core.profile.probeIntervalMs - core.profile.probeTimeoutMs);
}

function finish(core: Core, probe: Probe): void {
  core.pendingAcks.delete(probe.sequence);
  core.cancel(probe.timer);
  const isOfRound = probe.looks === 0;
  if ((isOfRound ? core.probe : core.looks.get(probe.node)) === probe) {
    if (isOfRound) core.probe = undefined;
    else core.looks.delete(probe.node);
    if (!probe.acked && !probe.streamAcked) fail(core, probe);
  }
  if (isOfRound) probeNext(core);
}

function fail(core: Core, probe: Probe): void {
  core.counts.probesFailed++;
  const missing = probe.nacksExpected - probe.nacks;
  core.awareness.add(probe.nacksExpected > 0 ? Math.max(0, missing) : 1);
  if (core.looks.has(probe.node)) return;
  const target = core.table.get(probe.node);
  if (target && deservesAnotherLook(core, target, probe.looks))
    core.looks.set(probe.node, look(core, target, probe.looks + 1));
  else onSuspect(core, { incarnation: probe.incarnation, node: probe.node, from: core.self.name });
}

/**
 * A member that was wrongly suspected again and again is slow now and then. Each accusation of it would be news for
 * all, and so would its refutation: with many such members they would fill every packet. Among very many members there
 * are always many, so each is looked at again.
 */
function deservesAnotherLook(core: Core, { state, refuted }: MemberRecord, looks: number): boolean {
  if (state !== STATE.alive || (refuted < REFUTED_MIN && core.aliveCount < LOOK_AGAIN_MEMBERS)) return false;
  return looks < core.profile.secondLooks && core.looks.size < LOOKS_MAX;
}

/** What a member refuted long ago counts less and less. */
export function forgetRefutations(core: Core): void {
  const { refuted } = core.table.columns;
  for (let number = 0; number < refuted.length; number++) refuted[number]! >>= 1;
  core.timers.at(core.nowMs + REFUTED_HALVED_MS, () => forgetRefutations(core));
}

/** After we were asleep: the running probes say nothing about their targets. */
export function abandonProbes(core: Core): void {
  for (const probe of core.probe ? [core.probe, ...core.looks.values()] : core.looks.values()) {
    core.pendingAcks.delete(probe.sequence);
    core.cancel(probe.timer);
  }
  core.probe = undefined;
  core.looks.clear();
}

export function onPing(core: Core, from: Endpoint, ping: Ping): void {
  if (!pingIsForUs(core, ping)) return;
  // To where it came from, not to the address that it names: right behind NAT, and no way to aim us at others.
  send(core, from, ping.sourceNode === "" ? encodeShortAck(core, ping.seq) : encodeOwnAck(core, ping.seq));
}

/** Counts and refuses pings for another name at our address, and those of excluded members. */
export function pingIsForUs(core: Core, ping: Ping): boolean {
  const wrong = ping.node !== "" && ping.node !== core.self.name;
  const excluded = core.forgotten.has(ping.sourceNode);
  if (wrong) core.refuse("wrong-node");
  else if (excluded) core.refuse("forgotten");
  return !wrong && !excluded;
}

export function encodeOwnAck(core: Core, sequence: number): Uint8Array {
  return encodeAck({ seq: sequence, payload: encodeAckPayload(core.vivaldi.coordinate) });
}

/** To one of ours: it needs our coordinate now and then, when that hardly moves any more. */
function encodeShortAck(core: Core, sequence: number): Uint8Array {
  const { coordinate } = core.vivaldi;
  const isSettled = coordinate.error < COORDINATE_SETTLED_ERROR;
  if (isSettled && core.acks++ % COORDINATE_EVERY !== 0)
    return encodeAck({ seq: sequence, payload: new Uint8Array(0) });
  return encodeOwnAck(core, sequence);
}

/** Another member cannot reach its target and asks us to try. */
export function onIndirectPing(core: Core, from: Endpoint, ask: IndirectPing): void {
  const address = addressFromBytes(ask.target);
  if (!address || ask.port === 0) return core.refuse("bad-address");
  if (core.relays >= RELAYS_MAX) return core.refuse("relays-full");
  core.relays++;
  const sequence = core.nextSequence();
  const { probeTimeoutMs } = core.profile;
  const timer = core.timers.at(core.nowMs + probeTimeoutMs, () => {
    core.pendingAcks.delete(sequence);
    core.relays--;
  });
  const isPending = () => core.pendingAcks.has(sequence);
  // In time for the asker's own timeout, which began before we heard of it (Lifeguard, section IV.A).
  const sendNack = () => isPending() && send(core, from, encodeNack(ask.seq));
  if (ask.nack) core.timers.at(core.nowMs + NACK_PART * probeTimeoutMs, sendNack);
  core.pendingAcks.set(sequence, { type: "relay", to: from, sequence: ask.seq, timer });
  send(core, { address, port: ask.port }, encodePing(pingTo(core, sequence, ask.node)));
}

export function onAck(core: Core, from: Endpoint, ack: Ack): void {
  const pending = core.pendingAcks.get(ack.seq);
  if (!pending) return core.refuse("stale-ack");
  core.pendingAcks.delete(ack.seq);
  if (pending.type === "relay") {
    core.cancel(pending.timer);
    core.relays--;
    return send(core, pending.to, encodeAck({ seq: pending.sequence, payload: ack.payload }));
  }
  if (pending.type === "ping") {
    core.cancel(pending.timer);
    return pinged(core, pending.key, core.nowMs - pending.sentMs);
  }
  const { probe } = pending;
  probe.acked = true;
  core.cancel(probe.timer);
  core.awareness.add(-1);
  const direct = from.address === probe.facts.address && from.port === probe.facts.port;
  if (probe.stage === "direct" && direct) observe(core, probe, ack.payload);
}

export function onNack(core: Core, sequence: number): void {
  const pending = core.pendingAcks.get(sequence);
  if (pending?.type !== "probe") return core.refuse("stale-ack");
  if (pending.probe.nacks < pending.probe.nacksExpected) pending.probe.nacks++;
}

function observe(core: Core, probe: Probe, payload: Uint8Array): void {
  if (payload.length === 0) return;
  try {
    const coordinate = decodeAckPayload(payload);
    const record = core.table.get(probe.node);
    if (!record) return;
    const { rttSamples } = core.table.places.get(record.number) ?? { rttSamples: [] };
    core.table.places.set(record.number, { coordinate, rttSamples, atMs: core.nowMs });
    core.vivaldi.observe(coordinate, core.nowMs - probe.sentMs, rttSamples);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    core.refuse("malformed");
  }
}

/**
 * Measures the round trip to a member once. It says nothing about the member's state, and moves no coordinate.
 * Throws MembershipError "too-many-pings".
 */
export function pingOnce(core: Core, key: string, name: string): void {
  if (core.pings >= PINGS_MAX) throw new MembershipError("too-many-pings", `${PINGS_MAX} open`);
  const target = core.table.get(name);
  if (!target || target === core.self) return core.emit({ type: "ping-done", key, rttMs: undefined });
  core.pings++;
  const sequence = core.nextSequence();
  const timer = core.timers.at(core.nowMs + PING_TIMEOUT_MS, () => {
    core.pendingAcks.delete(sequence);
    pinged(core, key, undefined);
  });
  core.pendingAcks.set(sequence, { type: "ping", key, sentMs: core.nowMs, timer });
  send(core, target, encodePing(pingOf(core, sequence, target.name)));
}

function pinged(core: Core, key: string, rttMs: number | undefined): void {
  core.pings--;
  core.emit({ type: "ping-done", key, rttMs });
}

/** Our own answer to where a ping comes from, and need not be told who sent it. */
function pingTo(core: Core, sequence: number, node: string): Ping {
  const isOurs = core.table.get(node)?.facts.versions[4] === COMPARE_VERSION;
  const ping = pingOf(core, sequence, node);
  return isOurs ? { ...ping, sourceNode: "" } : ping;
}

function pingOf(core: Core, sequence: number, node: string): Ping {
  const { self } = core;
  return { seq: sequence, node, sourceAddress: self.addressBytes, sourcePort: self.port, sourceNode: self.name };
}
