/**
 * Every limit and time of the mDNS room, by name, with the reason. Beside constants.ts because they are many and only
 * the mDNS files read them. The local network is a place of strangers: each of these has a test that reaches it.
 * Sections are those of RFC 6762 unless another RFC is named.
 */

export const MDNS_PORT = 5353;
export const MDNS_GROUP_4 = "224.0.0.251";
export const MDNS_GROUP_6 = "ff02::fb";

// Packets

/** What a packet may hold at most, headers aside (section 17). Longer ones are not read. */
export const MDNS_PACKET_BYTES_MAX = 9000;
/** What we put into one packet: it fits an Ethernet frame over IPv6 too, so that nothing is fragmented. */
export const MDNS_SENT_BYTES_MAX = 1440;
/** An answer to a plain resolver that names no size of its own (RFC 1035, section 2.3.4). */
export const MDNS_PLAIN_BYTES = 512;
/** Records and questions of one packet; the header could promise 262,140 and allocate for them. */
export const MDNS_RECORDS_PER_PACKET_MAX = 512;
/** Bytes of one name (RFC 1035, section 2.3.4). */
export const MDNS_NAME_BYTES_MAX = 255;
/** Compression pointers followed in one name. They may only point back, but a chain of them could still be long. */
export const MDNS_POINTERS_MAX = 64;
/** Packets taken from one address per second; who resolves two hundred services one by one sends as many. */
export const MDNS_PACKETS_PER_SOURCE_S_MAX = 250;
/** Addresses counted one by one; all others share one allowance. */
export const MDNS_SOURCES_MAX = 256;
/** Packets taken from all together per second: reading one costs some tens of microseconds. */
export const MDNS_PACKETS_PER_S_MAX = 1000;
/** Own packets remembered, to know them when multicast brings them back. */
export const MDNS_ECHOES_MAX = 256;

// What is remembered of others, per interface

/** Services. When they are full, whoever brought most gives way (see mdns-shares.ts). */
export const MDNS_SERVICES_MAX = 1000;
/** Service types browsed: an ordinary network has ten or twenty. */
export const MDNS_TYPES_MAX = 64;
/** Hosts whose addresses are remembered. */
export const MDNS_HOSTS_MAX = 1000;
/** Addresses kept per host. */
export const MDNS_ADDRESSES_MAX = 16;
/** Boxes remembered that announce one and the same service. */
export const MDNS_SPEAKERS_MAX = 8;
/** Strings of a TXT record that are read, and their bytes together (RFC 6763, section 6.2, advises 1300). */
export const MDNS_TXT_ENTRIES_MAX = 32;
export const MDNS_TXT_BYTES_MAX = 1300;
/** A record never lives longer here than this, whatever it says (section 10 proposes 75 min). */
export const MDNS_TTL_MAX_S = 4500;
/** Addresses that came before their service wait so long for it. */
export const MDNS_ADDRESS_WAIT_MS = 60_000;
/** A goodbye takes effect after a second, so that another host can object (section 10.1). */
export const MDNS_GOODBYE_MS = 1000;
/** The ends of a record's life at which it is asked for again (section 5.2). */
export const MDNS_REFRESH_AT = [0.8, 0.85, 0.9, 0.95] as const;
/** Questions for a missing SRV, TXT or address before we wait for the service to speak again. */
export const MDNS_COMPLETION_TRIES_MAX = 4;

// Asking

/** Questions are repeated at growing distance, up to this one (section 5.2 allows 60 min). */
export const MDNS_QUERY_FIRST_MS = 1000;
export const MDNS_QUERY_INTERVAL_MAX_MS = 300_000;
/** Questions in one packet. */
export const MDNS_QUESTIONS_PER_PACKET_MAX = 20;
/** Listeners hear of what came and went at most this often. */
export const MDNS_SHOW_MS = 100;
/** How often the cache is looked through for what expired. */
export const MDNS_SWEEP_MS = 5000;
/** Questions asked in one sweep; the rest waits for the next. */
export const MDNS_QUESTIONS_PER_SWEEP_MAX = 100;
/** Packets that one round of browsing may take with its known answers (section 7.2). */
export const MDNS_BROWSE_PACKETS_MAX = 16;
/** How long after a first failure the network is tried again. */
export const MDNS_RETRY_MS = 60_000;

// Announcing

/** Services that we announce on one interface. */
export const MDNS_ANNOUNCED_MAX = 256;
/** TXT of one of them: it fits one packet together with its names. */
export const MDNS_TXT_SENT_BYTES_MAX = 900;
/** Records of a host (SRV, A, AAAA) live this long (section 10). */
export const MDNS_HOST_TTL_S = 120;
/** Other records. */
export const MDNS_TTL_S = 4500;
/** Records in an answer to a plain resolver (section 6.7). */
export const MDNS_PLAIN_TTL_S = 10;
/** Three probes, 250 ms apart, after a pause by chance of up to 250 ms (section 8.1). */
export const MDNS_PROBES = 3;
export const MDNS_PROBE_MS = 250;
/** Two announcements, a second apart (section 8.3). */
export const MDNS_ANNOUNCEMENTS = 2;
export const MDNS_ANNOUNCE_MS = 1000;
/** Who loses when two probe for one name at the same time tries again after this (section 8.2). */
export const MDNS_PROBE_LOST_MS = 1000;
/** After so many conflicts in that time each further probing waits (section 8.1). */
export const MDNS_CONFLICTS_MAX = 15;
export const MDNS_CONFLICTS_MS = 10_000;
export const MDNS_CONFLICT_PAUSE_MS = 5000;
/** A network that takes no packets does not hold up the end of the daemon. */
export const MDNS_LEAVE_TIMEOUT_MS = 500;

// Answering

/** Answers that others may give as well wait this long, by chance (section 6). */
export const MDNS_ANSWER_DELAY_MIN_MS = 20;
export const MDNS_ANSWER_DELAY_MAX_MS = 120;
/** So long we wait for the rest of the known answers when a query says that it goes on (section 7.2). */
export const MDNS_MORE_DELAY_MIN_MS = 400;
export const MDNS_MORE_DELAY_MAX_MS = 500;
/** Queries that wait for their rest, and known answers kept for one. */
export const MDNS_HELD_QUERIES_MAX = 16;
export const MDNS_HELD_ANSWERS_MAX = 1024;
/** A record is multicast at most once in this time, and in defence against a probe in that (section 6). */
export const MDNS_RECORD_PAUSE_MS = 1000;
export const MDNS_DEFENCE_PAUSE_MS = 250;
/** Multicast answers per second on one interface. All that a box may announce fits into one such second. */
export const MDNS_MULTICAST_BYTES_PER_S_MAX = 65_536;
/** Unicast answers per second: to one address, and to all. Its sender may be forged, so it must not pay to ask. */
export const MDNS_UNICASTS_PER_SOURCE_S_MAX = 20;
export const MDNS_UNICASTS_PER_S_MAX = 100;
