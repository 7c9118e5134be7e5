/**
 * Every period, limit and multiplier of membership, with its formula and what changing it costs. Three profiles:
 * `lan` is HashiCorp's default for a local network, `mesh` is for radio links that lose packets and stall,
 * `test` is fast enough for tests on loopback. Limits that guard against hostile or broken peers do not vary.
 */

export interface Profile {
  name: "lan" | "mesh" | "test";
  /** One member is probed in each. Shorter: failures are seen sooner, and more packets at rest. */
  probeIntervalMs: number;
  /** Wait for the direct answer before asking others: above nearly all round trips, below the interval. */
  probeTimeoutMs: number;
  /** Members asked to probe on our behalf. Each costs four packets; more survive more loss on our own links. */
  indirectProbes: number;
  /** suspicion minimum = suspicionMult * max(1, log10(members)) * probeIntervalMs. Higher: fewer errors, later news. */
  suspicionMult: number;
  /** suspicion maximum = this * minimum; a suspicion that nobody confirms waits so long (Lifeguard). */
  suspicionMaxMult: number;
  /** Independent confirmations that bring a suspicion from its maximum down to its minimum (Lifeguard's K). */
  suspicionConfirmations: number;
  /** Lifeguard's S: our own timeouts grow up to this many times while we seem to be the slow one. */
  awarenessMax: number;
  /** So many more probes before a member is accused that has refuted suspicions of late. */
  secondLooks: number;
  /** Waiting broadcasts go out in each, to `gossipNodes` members. Spread takes about log(n)/log(nodes) intervals. */
  gossipIntervalMs: number;
  gossipNodes: number;
  /** News after silence go to so many at once: of n boxes, about n * e^-nodes have to wait for the next round. */
  gossipNodesAtOnce: number;
  /** A dead member still hears gossip for this long, so that it can refute; after it, its incarnation is forgotten. */
  gossipToDeadMs: number;
  /** Each broadcast is sent retransmitMult * ceil(log10(members + 1)) times from each member. */
  retransmitMult: number;
  /** Full exchange with one member; times ceil(log2(n) - 5) + 1 beyond 32 members, since it costs O(n) bytes. */
  pushPullIntervalMs: number;
  /** A stream that takes longer has failed. */
  streamTimeoutMs: number;
  /** A dead member's name may come back from another address after this. Shorter: easier theft of a name. */
  deadNodeReclaimMs: number;
  /** One failed member is tried again in each, with probability failed/alive, as Serf does. */
  reconnectIntervalMs: number;
  /** A failed or left member is dropped from the table after this. */
  reapMs: number;
  /** After our leave intent, wait this long before saying that we are dead, so that the intent arrives first. */
  leaveIntentMs: number;
  /** After that, wait this long so that the news spreads, before the driver may close its socket. */
  leavePropagateMs: number;
  /** query timeout = gossipIntervalMs * this * ceil(log10(n + 1)). */
  queryTimeoutMult: number;
  /** A step later than this after a timer was due means that we were asleep: the timers move on by the delay. */
  stallMs: number;
}

export const lan: Profile = {
  name: "lan",
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectProbes: 3,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  suspicionConfirmations: 3,
  awarenessMax: 8,
  secondLooks: 4,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipNodesAtOnce: 5,
  gossipToDeadMs: 30_000,
  retransmitMult: 4,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 10_000,
  deadNodeReclaimMs: 30_000,
  reconnectIntervalMs: 30_000,
  reapMs: 24 * 3600_000,
  leaveIntentMs: 400,
  leavePropagateMs: 1000,
  queryTimeoutMult: 16,
  stallMs: 3000,
};

/** Radio links: round trips of seconds under load, bursts of loss, and air time shared by all. */
export const mesh: Profile = {
  ...lan,
  name: "mesh",
  probeIntervalMs: 5000,
  probeTimeoutMs: 2500,
  suspicionMult: 5,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToDeadMs: 60_000,
  pushPullIntervalMs: 60_000,
  streamTimeoutMs: 30_000,
  deadNodeReclaimMs: 60_000,
  leaveIntentMs: 1000,
  leavePropagateMs: 3000,
  stallMs: 15_000,
};

export const testing: Profile = {
  ...lan,
  name: "test",
  probeIntervalMs: 100,
  probeTimeoutMs: 40,
  suspicionMult: 2,
  suspicionMaxMult: 3,
  gossipIntervalMs: 20,
  gossipToDeadMs: 2000,
  pushPullIntervalMs: 1000,
  streamTimeoutMs: 1000,
  deadNodeReclaimMs: 2000,
  reconnectIntervalMs: 1000,
  reapMs: 10_000,
  leaveIntentMs: 50,
  leavePropagateMs: 100,
  stallMs: 1000,
};

export const profiles = { lan, mesh, test: testing } as const;

/**
 * Whose maximum of Serf's protocol is this one compares tables instead of sending them whole. Serf takes any maximum
 * that is not below what others speak, and is far from this one (5, since 2016).
 */
export const COMPARE_VERSION = 69;
/** Protocol versions that we announce: memberlist minimum, maximum, current; then Serf's. */
export const VERSIONS: readonly number[] = [1, 5, 2, 2, COMPARE_VERSION, 4];
/** A member that did not answer a comparison gets whole push/pulls for this long. */
export const PLAIN_FOR_MS = 3600_000;
/** So many are remembered; the oldest is forgotten. */
export const PLAIN_MAX = 1024;
/** Departures are told with each comparison for so long, and so many of them: who is gone is in no digest. */
export const LEAVES_TOLD_MS = 10 * 60_000;
export const LEAVES_TOLD_MAX = 32;
/** Lamport times with events, the newest, that are compared. A join brings all. */
export const EVENT_SLOTS_COMPARED = 64;
/** Names and payloads of events that one comparison brings; the rest comes with the next. */
export const EVENTS_TOLD_BYTES_MAX = 32_768;
/** A UDP payload that fits an Ethernet frame with IP, UDP and tunnel headers to spare. */
export const PACKET_BYTES_MAX = 1400;
/** Larger packets do not exist in UDP; anything that unpacks to more is refused. */
export const PACKET_UNPACKED_BYTES_MAX = 65_536;
/** Bytes that one packet may unpack to in all its nested parts together. */
export const PACKET_WORK_BYTES_MAX = 4 * PACKET_UNPACKED_BYTES_MAX;
/** Compressed in compound in checksum in label: nothing honest nests deeper. */
export const PACKET_DEPTH_MAX = 5;
/** One push/pull, unpacked. 20,000 members with full tags take about 13 MB; memberlist's own limit is 20 MB. */
export const STREAM_BYTES_MAX = 20 * 1024 * 1024;
/** Below this a message is not worth compressing. */
export const COMPRESS_BYTES_MIN = 512;
/** Members are compared in so many buckets: a power of two, about one for eight members. */
export const MEMBERS_PER_BUCKET = 8;
export const BUCKETS_MIN = 16;
export const BUCKETS_MAX = 4096;
/** Members in the table, the failed ones too, unless the configuration says otherwise. Below 1 kB each. */
export const MEMBERS_MAX = 50_000;
/** A name is a key in every table; memberlist sets no limit, we do. */
export const NAME_BYTES_MAX = 256;
/** Tags, encoded. Wire limit of memberlist (MetaMaxSize). */
export const META_BYTES_MAX = 512;
export const TAGS_MAX = 64;
/** Name plus payload of one user event, as Serf's default. */
export const USER_EVENT_BYTES_MAX = 512;
/** Hard limit for what others send, as Serf's (UserEventSizeLimit of 9 KiB). */
export const USER_EVENT_BYTES_HARD_MAX = 9 * 1024;
/** One query and one response, encoded, as Serf's defaults. */
export const QUERY_BYTES_MAX = 1024;
export const QUERY_RESPONSE_BYTES_MAX = 1024;
/** Our own queries waiting for answers. */
export const QUERIES_OWN_MAX = 64;
/** Others' queries that our side may still answer; the oldest is forgotten. */
export const QUERIES_OPEN_MAX = 256;
/** A query may not keep state anywhere for longer, whatever it asks for. */
export const QUERY_TIMEOUT_MS_MAX = 10 * 60_000;
/** Copies of an answer sent through other members. */
export const RELAY_FACTOR_MAX = 5;
/** Keys of AES-128, 192 and 256: memberlist takes no others. */
export const KEY_BYTES: readonly number[] = [16, 24, 32];
/** Keys in an answer of ours to `list-keys`, as Serf: what no longer fits into 1024 bytes with keys of 16 bytes. */
export const KEYS_TOLD_MAX = 40;
/** Keys that we read from one answer; more is not an answer of Serf's. */
export const KEYS_HEARD_MAX = 64;
/** Different keys in one report: members may name what they like. */
export const KEYS_REPORTED_MAX = 1024;
/** Characters of what one member says in a report. */
export const KEY_MESSAGE_MAX = 256;
/** We ask at most once in this time who has our name: each question costs an answer of every member. */
export const NAME_VOTE_INTERVAL_MS = 60_000;
/** News wait for company until none came for the quiescent period, or the whole period is over (Serf's agent). */
export const COALESCE_PERIOD_MS = 3000;
export const QUIESCENT_PERIOD_MS = 1000;
/** Members, and events, that wait together; one more sends all of them at once. */
export const COALESCED_MAX = 4096;
/** Filters of one query, and characters of a tag expression. */
export const QUERY_FILTERS_MAX = 16;
export const TAG_EXPRESSION_MAX = 128;
/** Lamport times remembered for deduplication (Serf's default), and different events at one time. */
export const EVENT_SLOTS = 512;
export const EVENTS_PER_SLOT_MAX = 64;
/** No honest Lamport clock reaches this; a forged one near 2^64 would end every clock of the community. */
export const LAMPORT_MAX = 2 ** 48;
/** Leave and join intents of members that we do not know yet, and how long they wait. */
export const INTENTS_MAX = 4096;
export const INTENT_KEPT_MS = 5 * 60_000;
/** Recently dead members that still hear gossip; the oldest gives way. */
export const RECENT_DEAD_MAX = 1024;
/** Entries of members that came back may stand beside those of the gone until there are so many more. */
export const REAP_SLACK = 64;
/** News wait for gossipIntervalMs divided by this, so that those that come together go in one packet. */
export const GOSSIP_COALESCE_PARTS = 40;
/** Broadcasts waiting in one queue; the most often sent are dropped first. */
export const BROADCASTS_MAX = 4096;
/** Entries that did not fit after which one packet counts as full. More fill packets better and cost time. */
export const BROADCAST_MISFITS_MAX = 16;
/** Pings that somebody asked for, at one time, and how long each waits for its ack. */
export const PINGS_MAX = 16;
export const PING_TIMEOUT_MS = 5000;
/** Who has refuted so many suspicions of late is looked at again (`secondLooks`) before it is accused once more. */
export const REFUTED_MIN = 2;
/** With so many members alive, each is looked at again. */
export const LOOK_AGAIN_MEMBERS = 5_000;
/** The count is halved so often. */
export const REFUTED_HALVED_MS = 10 * 60_000;
/** Members that are looked at again at one time. */
export const LOOKS_MAX = 64;
/** After this part of the probe timeout, who was asked to ping says that it has no answer. Later is too late. */
export const NACK_PART = 0.8;
/** Probes that we run for others at one time. */
export const RELAYS_MAX = 256;
/** Members of a push/pull that one step takes over, at some 8 µs each; the rest waits for the next step. */
export const MERGED_AT_ONCE_MAX = 2000;
/** The driver's time for other things between two such steps. */
export const MERGE_PAUSE_MS = 1;
/** Push/pulls that may wait so at one time, each of at most STREAM_BYTES_MAX; one more is taken over at once. */
export const MERGES_MAX = 8;
/** Streams of ours open at one time. */
export const STREAMS_MAX = 64;
/** Addresses of one join. */
export const JOIN_ADDRESSES_MAX = 64;
/** Names that were excluded by `forget`. */
export const FORGOTTEN_MAX = 10_000;
/** Answer to an alive message with our name and another address, at most once in this time. */
export const CONFLICT_REFUTE_MS = 5000;
/** A box whose own place is known as well as this sends it with one of so many acks to boxes of our kind. */
export const COORDINATE_SETTLED_ERROR = 0.3;
export const COORDINATE_EVERY = 4;
/** Samples of the latency filter kept per member (Ledlie 2007). */
export const LATENCY_SAMPLES = 3;
/** Its length is one byte on the wire. */
export const LABEL_BYTES_MAX = 255;
/** Sealed packets: version byte, nonce and tag of AES-GCM, before or around the payload. */
export const SEAL_VERSION = 1;
export const SEAL_NONCE_BYTES = 12;
export const SEAL_TAG_BYTES = 16;
export const SEAL_OVERHEAD_BYTES = 1 + SEAL_NONCE_BYTES + SEAL_TAG_BYTES;
