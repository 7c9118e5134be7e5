/**
 * What goes into membership and what comes out: configuration, events, effects and the view of a member.
 * The driver (sockets and keys) turns packets, streams and time into events, and effects into packets and streams.
 */
import type { Random } from "../../kernel/random.ts";
import type { Profile } from "./constants.ts";
import type { Roster } from "./roster.ts";
import type { QueryFilter } from "./serf.ts";
import type { Tags } from "./tags.ts";
import type { Coordinate } from "./vivaldi.ts";

export interface Endpoint {
  /** An IPv4 or IPv6 address as text. */
  address: string;
  port: number;
}

export interface MembershipConfig {
  /** Unique in the community, at most 256 bytes. Opaque here. */
  name: string;
  /** Where others reach us, UDP and TCP alike. */
  advertise: Endpoint;
  profile: Profile;
  tags?: Tags;
  /** Largest UDP payload before sealing; with AES-GCM subtract SEAL_OVERHEAD_BYTES. Default 1400. */
  packetBytesMax?: number;
  /** Members in the table, failed ones included. Default 50,000. */
  membersMax?: number;
  /** False refuses a member, new or with new tags: for boxes that the community has not admitted. */
  admit?: (name: string, meta: Uint8Array) => boolean;
  /** Compress messages that gain by it. Costs CPU, saves air time. Default: false. Compressed ones are always read. */
  compress?: boolean;
}

export interface MembershipDeps {
  random: Random;
  /** Names and what members say of themselves; one of our own unless several boxes of a process share it. */
  roster?: Roster;
  /** Begins with the members that this one knows, which shares the roster; it is news to nobody. For simulators. */
  like?: Membership;
}

/**
 * alive ──▶ suspect ──▶ failed ──▶ (reaped)          alive ──▶ leaving ──▶ left ──▶ (reaped)
 *   ▲          │           │                           ▲                     │
 *   └──────────┴───────────┘ refuted, or came back     └─────────────────────┘ came back
 */
export type MemberStatus = "alive" | "suspect" | "leaving" | "left" | "failed";

export interface Member {
  name: string;
  address: string;
  port: number;
  tags: Tags;
  status: MemberStatus;
  incarnation: number;
  /** On the clock of `step`. */
  statusSinceMs: number;
  /** Known once we have probed it. */
  coordinate: Coordinate | undefined;
  /** When it told us that coordinate, on the clock of `step`. */
  coordinateAtMs: number | undefined;
  /** The version of Serf's protocol that it speaks; 0 when it does not say. */
  protocol: number;
}

export type MemberChange = "join" | "leave" | "failed" | "suspect" | "update" | "reap";

export type MembershipEvent =
  /** Time has come to the last `wake`, or it has not: a tick too many is harmless. */
  | { type: "tick" }
  | { type: "packet"; from: Endpoint; bytes: Uint8Array }
  /** A peer opened a stream and its one message is whole; answered by "stream-reply" or "stream-close". */
  | { type: "stream-received"; id: number; from: Endpoint; bytes: Uint8Array }
  | { type: "stream-answer"; id: number; bytes: Uint8Array }
  | { type: "stream-failed"; id: number }
  /** Push/pull with each of these; "join-result" for each. `replay` delivers the events of the past, too. */
  | { type: "join"; addresses: readonly Endpoint[]; replay?: boolean }
  /**
   * A snapshot, ours from before a restart or one handed over at admission: merged as a push/pull, told to nobody.
   * Who is gone by now is found by probing.
   */
  | { type: "restore"; snapshot: Uint8Array }
  /** Ends in the effect "left". */
  | { type: "leave" }
  | { type: "set-tags"; tags: Tags }
  | { type: "user-event"; name: string; payload: Uint8Array; coalesce?: boolean }
  | { type: "query"; key: string; query: QueryRequest }
  /** `query` is the key of a "query" effect. */
  | { type: "respond"; query: string; payload: Uint8Array }
  /** Serf's key management: asks all members, ourselves too; ends in "key-report". `secret` is 16, 24 or 32 bytes. */
  | { type: "manage-keys"; key: string; op: "list"; timeoutMs?: number }
  | { type: "manage-keys"; key: string; op: "install" | "use" | "remove"; secret: Uint8Array; timeoutMs?: number }
  /** `query` is the key of a "key-request" effect. */
  | ({ type: "answer-key-request"; query: string } & KeyAnswer)
  /** One ping to a member, beside the failure detector; ends in "ping-done". */
  | { type: "ping"; key: string; name: string }
  /** Excluded: dead for us at once, and not heard any more. */
  | { type: "forget"; name: string }
  | { type: "readmit"; name: string };

export interface QueryRequest {
  name: string;
  payload: Uint8Array;
  filters?: readonly QueryFilter[];
  wantAck?: boolean;
  /** Copies of each answer that go through other members. */
  relayFactor?: number;
  /** Default: gossip interval * 16 * ceil(log10(n + 1)). */
  timeoutMs?: number;
}

/** What a member is asked to do with its ring of keys: `use` makes a key the one that it seals with. */
export type KeyOp = "install" | "use" | "remove" | "list";

export interface KeyAnswer {
  ok: boolean;
  /** Why not. */
  message?: string;
  /** For "list": the keys in base64, those that fit into an answer, and the one that seals. */
  keys?: readonly string[];
  primary?: string;
}

/** All did it when `errors` is 0 and `responses` is `nodes`. */
export interface KeyReport {
  op: KeyOp;
  /** Members that took part when we asked, with ourselves. */
  nodes: number;
  responses: number;
  errors: number;
  /** By member: what it said, most often why it did not. */
  messages: Map<string, string>;
  /** By key in base64: how many have it, and how many seal with it. */
  keys: Map<string, number>;
  primaryKeys: Map<string, number>;
}

export type Effect =
  | { type: "send"; to: Endpoint; bytes: Uint8Array }
  /** Open a stream, write `bytes`, read one message back: "stream-answer" or "stream-failed". */
  | { type: "stream"; id: number; to: Endpoint; bytes: Uint8Array; timeoutMs: number }
  | { type: "stream-reply"; id: number; bytes: Uint8Array }
  | { type: "stream-close"; id: number }
  | { type: "member"; change: MemberChange; member: Member }
  /** Somebody else says that it has this name. */
  | { type: "name-conflict"; name: string; other: Endpoint }
  | { type: "user-event"; name: string; payload: Uint8Array; ltime: number; coalesce: boolean }
  /** `filtered`: only some members are asked. */
  | {
      type: "query";
      key: string;
      name: string;
      payload: Uint8Array;
      from: string;
      filtered: boolean;
      deadlineMs: number;
    }
  | { type: "query-ack"; key: string; from: string }
  | { type: "query-response"; key: string; from: string; payload: Uint8Array }
  | { type: "query-done"; key: string; acks: number; responses: number }
  /** Undefined: no ack within PING_TIMEOUT_MS, or no such member. */
  | { type: "ping-done"; key: string; rttMs: number | undefined }
  /**
   * Somebody asks us to change or tell keys; whether we do is the program's decision. Answered by
   * "answer-key-request". `secret` is empty for "list".
   */
  | { type: "key-request"; key: string; op: KeyOp; secret: Uint8Array; from: string; deadlineMs: number }
  | { type: "key-report"; key: string; report: KeyReport }
  /**
   * Two of us have our name, and the members have said which of both they know. Lost: most of them know the other.
   * Serf's agent shuts down then; here the program decides, since a vote proves nothing.
   */
  | { type: "name-kept" | "name-lost"; responses: number; matching: number }
  | { type: "join-result"; to: Endpoint; ok: boolean }
  | { type: "left" }
  /** The next time at which a tick is wanted. It replaces the one before. */
  | { type: "wake"; atMs: number };

/** Why bytes were refused. */
export type RefuseReason =
  | "malformed"
  | "too-deep"
  | "too-large"
  | "bad-checksum"
  | "unknown-type"
  | "wrong-node"
  | "table-full"
  | "not-admitted"
  | "forgotten"
  | "bad-address"
  | "relays-full"
  | "stale-ack"
  | "old-event"
  | "remote-error";

export interface MembershipCounts {
  refused: Record<RefuseReason, number>;
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
  streams: number;
  probes: number;
  probesFailed: number;
  suspicions: number;
  refutations: number;
  stalls: number;
  broadcastsDropped: number;
}

export interface Membership {
  /** One event in, effects out. `nowMs` is monotonic; a smaller value than before counts as the one before. */
  step(nowMs: number, event: MembershipEvent): Effect[];
  /** All members, we ourselves first. Builds a new array: not for each packet. */
  members(): Member[];
  member(name: string): Member | undefined;
  /** What we know, as a push/pull message, for the event "restore". */
  snapshot(): Uint8Array;
  self(): Member;
  /** Alive and suspect ones, with ourselves. */
  aliveCount(): number;
  /** Local health, 0 (good) to 7. */
  health(): number;
  coordinate(): Coordinate;
  counts(): MembershipCounts;
  nextWakeMs(): number | undefined;
  /** Gives back what it holds in a roster that it shares. Nothing may be called after it. */
  close(): void;
}
