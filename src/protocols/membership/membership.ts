/**
 * Membership: who is in the community, who can be reached, and small messages to all. SWIM with Lifeguard, on the
 * wire as HashiCorp memberlist and Serf 0.9 (docs/protocols/membership.md has messages, states and limits).
 *
 * This is the pure core: `step` takes one event and the time and gives back effects. It opens no socket, sets no
 * timer and holds no key. The driver outside
 *   - sends what "send" says over UDP, sealed when the community has keys, and hands in opened packets as "packet";
 *   - runs streams ("stream", and "stream-received" for those that peers open), whole messages in and out;
 *   - calls step with "tick" at the time of the last "wake".
 * Commands (join, restore, leave, set-tags, user-event, query, respond, ping, forget, readmit) are events, too. Only
 * they throw, and only MembershipError; whatever bytes arrive, step does not throw.
 */
import { encodeAccusation, STATE, TYPE } from "./codec.ts";
import { voteOnOwnName } from "./conflicts.ts";
import { JOIN_ADDRESSES_MAX, REFUTED_HALVED_MS } from "./constants.ts";
import { Core, view } from "./core.ts";
import { MembershipError } from "./errors.ts";
import { onStreamAnswer, onStreamFailed, onStreamReceived, pushPull, pushPullDelayMs } from "./exchange.ts";
import { pushPullNext, reconnectNext, restore } from "./exchange.ts";
import { announceLeave } from "./intents.ts";
import { answerKeyRequest, manageKeys } from "./key-requests.ts";
import { encodeLocalState } from "./local-state.ts";
import { abandonProbes, forgetRefutations, pingOnce, probeNext } from "./probe.ts";
import { respond, sendQuery } from "./queries.ts";
import { onPacket } from "./receive.ts";
import { QUEUE, broadcast } from "./sending.ts";
import { forget, readmit, setTags } from "./state.ts";
import type { Effect, Endpoint, Membership, MembershipConfig, MembershipDeps, MembershipEvent } from "./types.ts";
import { sendUserEvent } from "./user-events.ts";

export function createMembership(config: MembershipConfig, deps: MembershipDeps): Membership {
  const core = new Core(config, deps);
  const like = deps.like && cores.get(deps.like);
  if (like) core.table.copyFrom(like.table);
  let announcedWakeMs: number | undefined;
  const membership: Membership = {
    step(nowMs: number, event: MembershipEvent): Effect[] {
      core.nowMs = core.phase === "idle" ? nowMs : Math.max(core.nowMs, nowMs);
      core.effects = [];
      if (core.phase === "idle") start(core);
      noticeStall(core);
      if (core.phase !== "left") handle(core, event);
      else if (event.type === "stream-received") core.emit({ type: "stream-close", id: event.id });
      for (let timer = core.timers.due(core.nowMs); timer; timer = core.timers.due(core.nowMs)) timer.run();
      voteOnOwnName(core);
      const wakeMs = core.timers.nextMs();
      // A tick uses up the wake that called for it, even when the driver's timer was a moment early.
      if (event.type === "tick") announcedWakeMs = undefined;
      if (wakeMs !== undefined && wakeMs !== announcedWakeMs) core.emit({ type: "wake", atMs: wakeMs });
      announcedWakeMs = wakeMs;
      const { effects } = core;
      core.effects = [];
      return effects;
    },
    members: () => Array.from(core.table.all(), view),
    member: (name) => {
      const record = core.table.get(name);
      return record && view(record);
    },
    snapshot: () => encodeLocalState(core, false),
    self: () => view(core.self),
    aliveCount: () => (core.phase === "left" ? 0 : core.aliveCount),
    health: () => core.awareness.score,
    coordinate: () => core.vivaldi.coordinate,
    counts: () => {
      const broadcastsDropped = core.queues.reduce((sum, queue) => sum + queue.dropped, 0);
      return { ...core.counts, refused: { ...core.counts.refused }, broadcastsDropped };
    },
    nextWakeMs: () => core.timers.nextMs(),
    close: () => core.table.close(),
  };
  cores.set(membership, core);
  return membership;
}

const cores = new WeakMap<Membership, Core>();

function handle(core: Core, event: MembershipEvent): void {
  switch (event.type) {
    case "tick":
      return;
    case "packet":
      return onPacket(core, event.from, event.bytes);
    case "stream-received":
      return onStreamReceived(core, event.id, event.from, event.bytes);
    case "stream-answer":
      return onStreamAnswer(core, event.id, event.bytes);
    case "stream-failed":
      return onStreamFailed(core, event.id);
    case "join":
      return join(core, event.addresses, event.replay ?? false);
    case "restore":
      return restore(core, event.snapshot);
    case "leave":
      return leave(core);
    case "set-tags":
      return setTags(core, event.tags);
    case "user-event":
      return sendUserEvent(core, event.name, event.payload, event.coalesce ?? false);
    case "query":
      return sendQuery(core, event.key, event.query);
    case "respond":
      return respond(core, event.query, false, () => event.payload);
    case "manage-keys":
      return manageKeys(core, event.key, event.op, event.op === "list" ? undefined : event.secret, event.timeoutMs);
    case "answer-key-request":
      return answerKeyRequest(core, event.query, event);
    case "ping":
      return pingOnce(core, event.key, event.name);
    case "forget":
      return forget(core, event.name);
    case "readmit":
      return readmit(core, event.name);
  }
}

/** Each periodic act begins at a random point of its first period, so that boxes started together spread out. */
function start(core: Core): void {
  core.phase = "running";
  core.table.setState(core.self, STATE.alive, core.nowMs);
  const { profile, random, timers, nowMs } = core;
  timers.at(nowMs + random.float() * profile.probeIntervalMs, () => probeNext(core));
  timers.at(nowMs + REFUTED_HALVED_MS, () => forgetRefutations(core));
  const pushPullMs = pushPullDelayMs(profile.pushPullIntervalMs, core.aliveCount);
  timers.at(nowMs + random.float() * pushPullMs, () => pushPullNext(core));
  timers.at(nowMs + random.float() * profile.reconnectIntervalMs, () => reconnectNext(core));
}

/**
 * When a timer is overdue by far, this machine was asleep or starved. Silence in that time says nothing about the
 * others, so everything moves on by the delay, and our health is taken to be worse.
 */
function noticeStall(core: Core): void {
  const dueMs = core.timers.nextMs();
  if (dueMs === undefined || core.nowMs - dueMs <= core.profile.stallMs) return;
  const lateMs = core.nowMs - dueMs;
  core.counts.stalls++;
  core.awareness.add(1);
  core.timers.postpone(lateMs);
  abandonProbes(core);
  core.reaping.postpone(lateMs);
  for (const suspicion of core.table.suspicions.values()) suspicion.startMs += lateMs;
}

function join(core: Core, addresses: readonly Endpoint[], replay: boolean): void {
  if (addresses.length > JOIN_ADDRESSES_MAX) {
    throw new MembershipError("too-many-addresses", `${addresses.length} of ${JOIN_ADDRESSES_MAX}`);
  }
  if (core.phase !== "running") return;
  for (const to of addresses) pushPull(core, to, true, replay);
}

/** Leave intent, then our own death, then silence; see leaveIntentMs and leavePropagateMs. */
function leave(core: Core): void {
  if (core.phase !== "running") return;
  core.phase = "leaving";
  if (core.table.activeCount === 0) return gone(core);
  announceLeave(core);
  const { leaveIntentMs, leavePropagateMs } = core.profile;
  core.timers.at(core.nowMs + leaveIntentMs, () => {
    const { name, incarnation } = core.self;
    broadcast(core, QUEUE.members, encodeAccusation(TYPE.dead, { incarnation, node: name, from: name }), name);
  });
  core.timers.at(core.nowMs + leaveIntentMs + leavePropagateMs, () => gone(core));
}

function gone(core: Core): void {
  core.phase = "left";
  core.table.setState(core.self, STATE.left, core.nowMs);
  core.timers.clear();
  for (const queue of core.queues) queue.clear();
  core.emit({ type: "left" });
}
