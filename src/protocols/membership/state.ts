/**
 * The rules by which news about a member change what we think of it (SWIM, section 4.2, with memberlist's
 * additions): a higher incarnation wins, suspect beats alive of the same incarnation, dead beats both, and only the
 * member itself raises its incarnation. Whatever changes our mind is passed on.
 */
import { addressFromBytes } from "../wire/address.ts";
import type { Accusation, NodeState } from "./codec.ts";
import { KnownNode, STATE, TYPE, encodeAccusation, encodeAlive } from "./codec.ts";
import { CONFLICT_REFUTE_MS, FORGOTTEN_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import { applyBufferedIntent } from "./intents.ts";
import { reapLater } from "./reaping.ts";
import type { MemberRecord } from "./record.ts";
import { Facts, sameBytes } from "./facts.ts";
import { QUEUE, broadcast } from "./sending.ts";
import { Suspicion, suspicionMinMs } from "./suspicion.ts";
import { encodeTags } from "./tags.ts";
import type { Tags } from "./tags.ts";

const INCARNATION_MAX = 2 ** 32 - 1;

/** Somebody says that a member is alive; most often the member itself. */
export function onAlive(core: Core, alive: NodeState): void {
  if (alive.node === core.self.name) return onAliveSelf(core, alive);
  if (core.forgotten.has(alive.node)) return core.refuse("forgotten");
  const known = core.table.get(alive.node);
  // Most alive messages are echoes of what we know: a quick way out.
  if (known && isEcho(known, alive)) return;
  const address = alive.facts?.address ?? addressFromBytes(alive.address);
  if (!address || alive.port === 0) return core.refuse("bad-address");
  if (!known) {
    if (core.table.size >= core.membersMax) return core.refuse("table-full");
    if (!admitted(core, alive)) return core.refuse("not-admitted");
    const facts = new Facts(address, alive);
    return acceptAlive(core, core.table.enter(alive.node, facts), alive, facts);
  }
  const sinceMs = core.nowMs - known.stateSinceMs;
  const gone = !known.isActive;
  const moved = known.address !== address || known.port !== alive.port;
  if (moved && !(gone && (known.state === STATE.left || sinceMs >= core.profile.deadNodeReclaimMs))) {
    if (claimConflict(core))
      core.emit({ type: "name-conflict", name: alive.node, other: { address, port: alive.port } });
    return;
  }
  // Others forget a dead member's incarnation after a while, so a restarted one begins again at 1.
  const restarted = gone && (moved || sinceMs > core.profile.gossipToDeadMs);
  if (alive.incarnation <= known.incarnation && !restarted) return;
  if (!sameBytes(known.facts.meta, alive.meta) && !admitted(core, alive)) return core.refuse("not-admitted");
  acceptAlive(core, known, alive, alive.facts ?? new Facts(address, alive));
}

function isEcho(known: MemberRecord, alive: NodeState): boolean {
  if (!known.isActive || alive.incarnation > known.incarnation) return false;
  if (alive.facts) return true;
  const { port, addressBytes } = known.facts;
  return alive.port === port && sameBytes(alive.address, addressBytes);
}

function acceptAlive(core: Core, record: MemberRecord, alive: NodeState, facts: Facts): void {
  const wasGone = !record.isActive;
  const changed = record.state === STATE.suspect || (!wasGone && !sameBytes(record.facts.meta, facts.meta));
  if (record.state === STATE.suspect) record.refuted++;
  clearSuspicion(core, record);
  core.table.describe(record, facts);
  record.incarnation = alive.incarnation;
  broadcast(core, QUEUE.members, encodeAlive(stateOf(record)), alive.node);
  if (record.state !== STATE.alive) core.table.setState(record, STATE.alive, core.nowMs);
  if (wasGone) {
    record.leaving = false;
    applyBufferedIntent(core, record);
    core.emitMember("join", record);
  } else if (changed) core.emitMember("update", record);
}

/** About ourselves: harmless echoes are passed over, anything else is refuted. */
function onAliveSelf(core: Core, alive: NodeState): void {
  if (core.phase !== "running") return;
  const self = core.self;
  const address = addressFromBytes(alive.address);
  if (address !== self.address || alive.port !== self.port) {
    if (!claimConflict(core)) return;
    if (address) core.emit({ type: "name-conflict", name: self.name, other: { address, port: alive.port } });
    return refute(core, alive.incarnation);
  }
  if (alive.incarnation < self.incarnation) return;
  if (alive.incarnation === self.incarnation && self.facts.describes(alive)) return;
  refute(core, alive.incarnation);
}

/** Two with one name would refute one another for ever; this lets us speak only now and then. */
function claimConflict(core: Core): boolean {
  if (core.nowMs < core.conflictUntilMs) return false;
  core.conflictUntilMs = core.nowMs + CONFLICT_REFUTE_MS;
  return true;
}

/** Says that we are alive with an incarnation above the accusation's. */
export function refute(core: Core, accusedIncarnation: number): void {
  core.counts.refutations++;
  core.awareness.add(1);
  announceSelf(core, accusedIncarnation);
}

/** Raises our incarnation above `atLeast` and tells everybody. */
export function announceSelf(core: Core, atLeast = 0): void {
  core.self.incarnation = Math.min(INCARNATION_MAX, Math.max(core.self.incarnation, atLeast) + 1);
  broadcast(core, QUEUE.members, encodeAlive(stateOf(core.self)), core.self.name);
}

/** Somebody (we, too) failed to reach a member. */
export function onSuspect(core: Core, accusation: Accusation): void {
  const record = core.table.get(accusation.node);
  if (!record || accusation.incarnation < record.incarnation) return;
  if (record.suspicion) {
    if (!record.suspicion.confirm(accusation.from)) return;
    broadcast(core, QUEUE.members, encodeAccusation(TYPE.suspect, accusation), record.name);
    return armSuspicion(core, record);
  }
  if (record.state !== STATE.alive) return;
  if (record === core.self) {
    if (core.phase === "running") refute(core, accusation.incarnation);
    return;
  }
  core.counts.suspicions++;
  broadcast(core, QUEUE.members, encodeAccusation(TYPE.suspect, accusation), record.name);
  record.incarnation = accusation.incarnation;
  const profile = core.profile;
  const members = core.aliveCount;
  const minMs = suspicionMinMs(profile.suspicionMult, members, profile.probeIntervalMs);
  // Without so many others, besides us and the suspect, nobody could confirm.
  const expected = members - 2 < profile.suspicionConfirmations ? 0 : profile.suspicionConfirmations;
  const suspicion = new Suspicion(accusation.from, expected, minMs, minMs * profile.suspicionMaxMult, core.nowMs);
  core.table.suspicions.set(record.number, suspicion);
  core.table.setState(record, STATE.suspect, core.nowMs);
  armSuspicion(core, record);
  core.emitMember("suspect", record);
  // We had no answer from it either, and were about to look again: that makes two of us.
  if (core.looks.delete(record.name)) onSuspect(core, { ...accusation, from: core.self.name });
}

function armSuspicion(core: Core, record: MemberRecord): void {
  const suspicion = record.suspicion!;
  core.cancel(suspicion.timer);
  suspicion.timer = core.timers.at(Math.max(core.nowMs, suspicion.deadlineMs), () => {
    onDead(core, { incarnation: record.incarnation, node: record.name, from: core.self.name });
  });
}

function clearSuspicion(core: Core, record: MemberRecord): void {
  core.cancel(record.suspicion?.timer);
  core.table.suspicions.delete(record.number);
}

/** A suspicion ran out, here or elsewhere; or a member says itself that it goes. */
export function onDead(core: Core, accusation: Accusation): void {
  const record = core.table.get(accusation.node);
  if (!record || accusation.incarnation < record.incarnation) return;
  if (record === core.self) {
    if (core.phase === "running") refute(core, accusation.incarnation);
    return;
  }
  if (!record.isActive) return;
  broadcast(core, QUEUE.members, encodeAccusation(TYPE.dead, accusation), record.name);
  record.incarnation = accusation.incarnation;
  bury(core, record, record.leaving || accusation.from === accusation.node);
}

function bury(core: Core, record: MemberRecord, departed: boolean): void {
  clearSuspicion(core, record);
  core.table.places.delete(record.number);
  core.table.setState(record, departed ? STATE.left : STATE.dead, core.nowMs);
  reapLater(core, record.number);
  core.emitMember(departed ? "leave" : "failed", record);
}

/** Drops a member that has been gone long enough, or that was pruned. */
export function reap(core: Core, record: MemberRecord): void {
  if (record === core.self) return;
  core.emitMember("reap", record);
  clearSuspicion(core, record);
  core.table.delete(record);
}

/** An excluded member: dead at once, and what is said of it or comes from its address is not heard any more. */
export function forget(core: Core, name: string): void {
  if (name === core.self.name) return;
  if (core.forgotten.size >= FORGOTTEN_MAX) core.forgotten.delete(core.forgotten.values().next().value!);
  core.forgotten.add(name);
  const record = core.table.get(name);
  if (!record) return;
  if (core.forgottenEndpoints.size >= FORGOTTEN_MAX) core.forgottenEndpoints.clear();
  core.forgottenEndpoints.add(`${record.address} ${record.port}`);
  if (record.isActive) bury(core, record, false);
}

export function readmit(core: Core, name: string): void {
  core.forgotten.delete(name);
  const record = core.table.get(name);
  if (record) core.forgottenEndpoints.delete(`${record.address} ${record.port}`);
}

/** What a push/pull says of a member. Dead is only suspected, so that it can still refute. */
export function mergeState(core: Core, node: NodeState): void {
  const { incarnation } = node;
  if (node.state === STATE.alive) onAlive(core, node);
  else if (node.state === STATE.left) onDead(core, { incarnation, node: node.node, from: node.node });
  else onSuspect(core, { incarnation, node: node.node, from: core.self.name });
}

export function stateOf(record: MemberRecord): NodeState {
  return new KnownNode(record.name, record.incarnation, record.state, record.facts);
}

/** Throws MembershipError "tags-too-large". */
export function setTags(core: Core, tags: Tags): void {
  const { address, addressBytes, port, versions } = core.self.facts;
  const described = { address: addressBytes, port, meta: encodeTags(tags), versions };
  core.table.describe(core.self, new Facts(address, described));
  announceSelf(core);
  core.emitMember("update", core.self);
}

function admitted(core: Core, alive: NodeState): boolean {
  return core.config.admit?.(alive.node, alive.meta) ?? true;
}
