/**
 * The state that the parts of membership share, and the few acts that all of them need: emit an effect, count a
 * refusal, queue a broadcast. The parts are functions over this Core, one concept per file:
 *
 *   receive  packets by type        state     alive, suspect, dead, refute       probe     failure detector
 *   sending  piggyback and gossip   exchange  push/pull, join, streams           intents   join and leave (Serf)
 *   user-events, queries            Serf's messages to all members
 *   key-requests, conflicts         Serf's own queries, about keys and about a name that two have
 */
import type { Random } from "../../kernel/random.ts";
import { addressFromBytes, addressToBytes } from "../wire/address.ts";
import { utf8Length } from "../wire/utf8.ts";
import { Awareness } from "./awareness.ts";
import { Broadcasts } from "./broadcasts.ts";
import { STATE } from "./codec.ts";
import type { Profile } from "./constants.ts";
import { MEMBERS_MAX, NAME_BYTES_MAX, PACKET_BYTES_MAX, VERSIONS } from "./constants.ts";
import { MembershipError } from "./errors.ts";
import { EventBuffer } from "./event-buffer.ts";
import type { BufferedIntent } from "./intents.ts";
import { LamportClock } from "./lamport.ts";
import type { PendingAck, Probe } from "./probe.ts";
import type { OpenQuery, OwnQuery } from "./queries.ts";
import type { OpenStream } from "./exchange.ts";
import type { UserEvent } from "./serf.ts";
import { ReapQueue } from "./reaping.ts";
import type { MemberRecord } from "./record.ts";
import { Facts } from "./facts.ts";
import { Roster } from "./roster.ts";
import { MemberTable } from "./table.ts";
import { encodeTags } from "./tags.ts";
import type { Timer } from "./timers.ts";
import { Timers } from "./timers.ts";
import type { Effect, Endpoint, Member, MemberChange, MembershipConfig, MembershipCounts } from "./types.ts";
import type { MembershipDeps, MemberStatus, RefuseReason } from "./types.ts";
import { Vivaldi } from "./vivaldi.ts";

/** idle ──first step──▶ running ──leave──▶ leaving ──propagated──▶ left */
export type Phase = "idle" | "running" | "leaving" | "left";

export class Core {
  readonly config: MembershipConfig;
  readonly profile: Profile;
  readonly random: Random;
  readonly packetBytesMax: number;
  readonly membersMax: number;
  readonly table: MemberTable;
  readonly timers = new Timers();
  readonly awareness: Awareness;
  readonly vivaldi: Vivaldi;
  readonly self: MemberRecord;
  readonly reaping = new ReapQueue();
  reapTimer: Timer | undefined;
  phase: Phase = "idle";
  nowMs = 0;
  effects: Effect[] = [];
  readonly counts: MembershipCounts = newCounts();

  /** In the order in which they fill a packet. */
  readonly queues = [new Broadcasts(), new Broadcasts(), new Broadcasts(), new Broadcasts()] as const;
  gossipTimer: Timer | undefined;
  /** When the last round of gossip was. */
  gossipedMs = -Infinity;
  /** While a snapshot is merged nothing is passed on: the community knows it already. */
  quiet = false;

  sequence: number;
  probe: Probe | undefined;
  readonly pendingAcks = new Map<number, PendingAck>();
  relays = 0;
  pings = 0;
  /** Probes of members that are looked at again before they are accused, by name. */
  readonly looks = new Map<string, Probe>();
  /** Acks to our own kind, of which not each has our coordinate. */
  acks = 0;

  streamId = 0;
  settleTimer: Timer | undefined;
  /** Push/pulls that are taken over bit by bit. */
  merges = 0;
  readonly streams = new Map<number, OpenStream>();
  /** Members that did not answer a comparison, and until when they get whole push/pulls. */
  readonly plainUntilMs = new Map<string, number>();

  readonly clock = new LamportClock();
  readonly eventClock = new LamportClock();
  readonly queryClock = new LamportClock();
  readonly intents = new Map<string, BufferedIntent>();
  readonly events = new EventBuffer<UserEvent>();
  readonly queriesSeen = new EventBuffer<true>();
  readonly ownQueries = new Map<string, OwnQuery>();
  readonly openQueries = new Map<string, OpenQuery>();

  readonly forgotten = new Set<string>();
  readonly forgottenEndpoints = new Set<string>();
  conflictUntilMs = -Infinity;
  nameVoteUntilMs = -Infinity;

  constructor(config: MembershipConfig, deps: MembershipDeps) {
    const addressBytes = addressToBytes(config.advertise.address);
    if (!addressBytes || config.advertise.port < 1 || config.advertise.port > 65_535) {
      throw new MembershipError("bad-address", `${config.advertise.address} port ${config.advertise.port}`);
    }
    if (config.name === "" || utf8Length(config.name) > NAME_BYTES_MAX) {
      throw new MembershipError("bad-name", `1 to ${NAME_BYTES_MAX} bytes`);
    }
    this.config = config;
    this.profile = config.profile;
    this.random = deps.random;
    this.packetBytesMax = config.packetBytesMax ?? PACKET_BYTES_MAX;
    this.membersMax = config.membersMax ?? MEMBERS_MAX;
    this.table = new MemberTable(deps.random, deps.roster ?? new Roster());
    this.awareness = new Awareness(config.profile.awarenessMax);
    this.vivaldi = new Vivaldi(deps.random);
    this.sequence = deps.random.below(2 ** 31);
    const meta = encodeTags(config.tags ?? {});
    const address = addressFromBytes(addressBytes)!;
    const facts = new Facts(address, {
      address: addressBytes,
      port: config.advertise.port,
      meta,
      versions: Uint8Array.from(VERSIONS),
    });
    this.self = this.table.enterSelf(config.name, facts);
    this.self.incarnation = 1;
    // Zero means "no time", as in Serf.
    for (const clock of [this.clock, this.eventClock, this.queryClock]) clock.increment();
  }

  /** Members that take part, with ourselves. */
  get aliveCount(): number {
    return this.table.activeCount + 1;
  }

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  emitMember(change: MemberChange, record: MemberRecord): void {
    this.effects.push({ type: "member", change, member: view(record) });
  }

  refuse(reason: RefuseReason): void {
    this.counts.refused[reason]++;
  }

  nextSequence(): number {
    this.sequence = (this.sequence + 1) >>> 0;
    return this.sequence;
  }

  cancel(timer: Timer | undefined): undefined {
    if (timer) timer.cancelled = true;
    return undefined;
  }

  isSelf(endpoint: Endpoint): boolean {
    return endpoint.address === this.self.address && endpoint.port === this.self.port;
  }
}

export function view(record: MemberRecord): Member {
  return {
    name: record.name,
    address: record.address,
    port: record.port,
    tags: record.facts.tags,
    status: statusOf(record),
    incarnation: record.incarnation,
    statusSinceMs: record.stateSinceMs,
    coordinate: record.coordinate,
    coordinateAtMs: record.coordinateAtMs,
    protocol: record.versions[5] ?? 0,
  };
}

function statusOf(record: MemberRecord): MemberStatus {
  if (record.state === STATE.dead) return "failed";
  if (record.state === STATE.left) return "left";
  if (record.leaving) return "leaving";
  return record.state === STATE.suspect ? "suspect" : "alive";
}

function newCounts(): MembershipCounts {
  const refused: Record<RefuseReason, number> = {
    malformed: 0,
    "too-deep": 0,
    "too-large": 0,
    "bad-checksum": 0,
    "unknown-type": 0,
    "wrong-node": 0,
    "table-full": 0,
    "not-admitted": 0,
    forgotten: 0,
    "bad-address": 0,
    "relays-full": 0,
    "stale-ack": 0,
    "old-event": 0,
    "remote-error": 0,
  };
  const counted = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, streams: 0, probes: 0, probesFailed: 0 };
  return { refused, ...counted, suspicions: 0, refutations: 0, stalls: 0, broadcastsDropped: 0 };
}
