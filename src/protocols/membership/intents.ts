/**
 * Serf's join and leave intents. A leave intent says beforehand that a member goes on purpose, so that its death
 * counts as a departure; a later join intent takes it back. Lamport times decide which of two is newer.
 */
import { STATE } from "./codec.ts";
import { INTENTS_MAX, INTENT_KEPT_MS } from "./constants.ts";
import type { Core } from "./core.ts";
import { QUEUE, broadcastUser } from "./sending.ts";
import type { Intent } from "./serf.ts";
import { SERF, encodeIntent } from "./serf.ts";
import { reap } from "./state.ts";
import type { MemberRecord } from "./record.ts";

/** About a member that we do not know yet: intents may overtake the alive message. */
export interface BufferedIntent {
  leave: boolean;
  ltime: number;
  atMs: number;
}

/** Tells everybody that we are in, with a time above all that we have seen. */
export function announceJoin(core: Core): void {
  const ltime = core.clock.increment();
  core.self.statusTime = ltime;
  const intent = { ltime, node: core.self.name, prune: false };
  broadcastUser(core, QUEUE.intents, encodeIntent(SERF.join, intent), core.self.name);
}

export function announceLeave(core: Core): void {
  const ltime = core.clock.time;
  core.clock.increment();
  core.self.statusTime = ltime;
  core.self.leaving = true;
  const intent = { ltime, node: core.self.name, prune: false };
  broadcastUser(core, QUEUE.intents, encodeIntent(SERF.leave, intent), core.self.name);
}

/** True when it was news, and so is worth passing on. */
export function onIntent(core: Core, leave: boolean, intent: Intent): boolean {
  core.clock.witness(intent.ltime);
  const record = core.table.get(intent.node);
  if (!record) return buffer(core, leave, intent);
  if (intent.ltime <= record.statusTime) return false;
  if (record === core.self) {
    // A rumour from before our restart, or a forgery. While leaving it is our own. Also when it says that we joined: a
    // push/pull tells only the time of an intent, and to others it may have been to leave.
    if (core.phase === "running") announceJoin(core);
    return false;
  }
  record.statusTime = intent.ltime;
  if (leave) applyLeave(core, record, intent.prune);
  else if (record.leaving && record.activeIndex >= 0) {
    record.leaving = false;
    core.emitMember("update", record);
  }
  return true;
}

function applyLeave(core: Core, record: MemberRecord, prune: boolean): void {
  if (record.activeIndex >= 0) {
    if (!record.leaving) {
      record.leaving = true;
      core.emitMember("update", record);
    }
  } else if (record.state === STATE.dead) {
    core.table.setState(record, STATE.left, core.nowMs);
    core.emitMember("leave", record);
  }
  if (prune && record.activeIndex < 0) reap(core, record);
}

function buffer(core: Core, leave: boolean, intent: Intent): boolean {
  const known = core.intents.get(intent.node);
  if (known && known.ltime >= intent.ltime) return false;
  core.intents.delete(intent.node);
  for (const [name, old] of core.intents) {
    const expired = core.nowMs - old.atMs > INTENT_KEPT_MS;
    if (!expired && core.intents.size < INTENTS_MAX) break;
    core.intents.delete(name);
  }
  core.intents.set(intent.node, { leave, ltime: intent.ltime, atMs: core.nowMs });
  return true;
}

/** Called when a member has come into the table. */
export function applyBufferedIntent(core: Core, record: MemberRecord): void {
  const intent = core.intents.get(record.name);
  if (!intent) return;
  core.intents.delete(record.name);
  if (core.nowMs - intent.atMs > INTENT_KEPT_MS || intent.ltime <= record.statusTime) return;
  record.statusTime = intent.ltime;
  record.leaving = intent.leave;
}
