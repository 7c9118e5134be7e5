/**
 * Every limit of the platform rooms, by name, with the reason. A part that needs a smaller value in a test takes it
 * through its `limits` option; these are what a box ships with.
 */

// Files and folders

/** Mode of a folder that holds secrets. */
export const PRIVATE_FOLDER_MODE = 0o700;
/** Mode of a file that holds secrets. */
export const PRIVATE_FILE_MODE = 0o600;

// Store

/** Page cache of one database, in KiB: the whole daemon has 110 MB of memory. */
export const STORE_CACHE_KIB = 2048;
/** How long a statement waits for another process (a backup, `comu doctor`) that holds the database. */
export const STORE_BUSY_TIMEOUT_MS = 5000;
/** Prepared statements kept per database; the one used longest ago is dropped. */
export const STORE_STATEMENTS_MAX = 256;
/** The write-ahead log is folded back into the database when it has this many pages (4 KiB each). */
export const STORE_WAL_PAGES = 1000;
/** After a checkpoint the log file is cut back to this size, so that one burst does not hold the disk for ever. */
export const STORE_WAL_BYTES_KEPT = 4 * 1024 * 1024;
/** Problems that an integrity check lists before it stops. */
export const STORE_PROBLEMS_MAX = 20;
/** An input/output error with less room than this is a full disk. */
export const STORE_ROOM_BYTES_MIN = 1024 * 1024;

// Journal

/**
 * A segment file is filled with zeros to this size before it is used, so that a sync writes no size and no block map
 * (half the time of one that does). An empty store takes one such file, a busy one has one ready ahead.
 */
export const JOURNAL_SEGMENT_BYTES = 16 * 1024 * 1024;
/** With smaller ones the headers would be most of it, and compaction would never end. */
export const JOURNAL_SEGMENT_BYTES_MIN = 1024;
/** Zeros are written in such pieces, each synced: one large flush would hold up the appends. */
export const JOURNAL_FILL_BYTES = 1024 * 1024;
/** A segment ahead that could not be made is tried again after this time. */
export const JOURNAL_SPARE_AGAIN_MS = 1_000;
export const JOURNAL_ID_BYTES_MAX = 1024;
/** The largest value of the key-value store, and what it keeps beside it. */
export const JOURNAL_VALUE_BYTES_MAX = 8 * 1024 * 1024 + 64 * 1024;
/** All puts of one append, taken as a whole: the largest value and some small ones. Copying it takes some 25 ms. */
export const JOURNAL_APPEND_BYTES_MAX = 9 * 1024 * 1024;
/** Appends that wait for the disk, together. */
export const JOURNAL_WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** And how many. */
export const JOURNAL_WAITING_MAX = 65_536;
/** Appends that share one write and one sync, together; a larger one goes alone. */
export const JOURNAL_GROUP_BYTES_MAX = 1024 * 1024;
/** Buffers of groups: one is being written while the next is being filled. */
export const JOURNAL_BUFFERS_MAX = 2;
/** What is read at once of a segment when it is opened. A longer frame is read whole. */
export const JOURNAL_READ_BYTES = 256 * 1024;
/**
 * Compaction begins when the segments hold more than so many times what is alive, and two segments: each byte is then
 * written twice at most.
 */
export const JOURNAL_GARBAGE_RATIO = 2;
/** With so many segments more than what is alive (times the ratio), each append waits for a step of compaction. */
export const JOURNAL_BACKLOG_SEGMENTS = 6;
/** The same while the disk is nearly full: less garbage, and each byte is written nine times at most. */
export const JOURNAL_TIGHT_GARBAGE_RATIO = 1.125;
export const JOURNAL_TIGHT_BACKLOG_SEGMENTS = 2;
/** What compaction reads at once: a multiple of what was appended meanwhile, so that it keeps up, but within these. */
export const JOURNAL_COPY_BYTES_MIN = 64 * 1024;
export const JOURNAL_COPY_BYTES_MAX = 4 * 1024 * 1024;

// UDP

/** The largest payload that fits an IPv4 datagram. */
export const UDP_PACKET_BYTES_MAX = 65_507;
/** Kernel buffer asked for: a burst of gossip must survive a pause of the event loop of some tens of ms. */
export const UDP_BUFFER_BYTES = 512 * 1024;

// The mesh TCP port

export const PORT_CONNECTIONS_MAX = 512;
/** Many boxes may stand behind one NAT address, but none may take the whole port. */
export const PORT_CONNECTIONS_PER_ADDRESS_MAX = 64;
/** A connection that says nothing is closed after this time. */
export const PORT_FIRST_BYTE_TIMEOUT_MS = 5000;
/** A memberlist stream that is silent for this time is closed. Links keep their own time. */
export const PORT_STREAM_IDLE_MS = 30_000;
/** On close, open memberlist streams have this time to end by themselves. */
export const PORT_CLOSE_GRACE_MS = 1000;
/** Connections that wait in the kernel to be accepted. */
export const PORT_BACKLOG = 511;

// Links

/** TCP connect to a peer. */
export const LINK_CONNECT_TIMEOUT_MS = 10_000;
/** A request of ours that names no time of its own. */
export const LINK_REQUEST_TIMEOUT_MS = 15_000;
/** From the first byte to an authenticated peer, absolute: a byte now and then does not prolong it. */
export const LINK_HANDSHAKE_TIMEOUT_MS = 10_000;
/** Body of one request or one answer. What is bigger goes through a stream. */
export const LINK_BODY_BYTES_MAX = 1024 * 1024;
/** Bodies being received at one moment, all peers together: memory stays bounded whatever the peers do. */
export const LINK_BODIES_BYTES_MAX = 16 * 1024 * 1024;
/** Of these, the share that one peer may take. */
export const LINK_BODIES_PER_PEER_BYTES_MAX = LINK_BODIES_BYTES_MAX / 4;
/** A request that the handler has not answered by then is aborted. */
export const LINK_REQUEST_DEADLINE_MS = 30_000;
/** Requests that one peer may have open on one link. */
export const LINK_STREAMS_MAX = 64;
/** After an early answer (refused, too large) the rest of the request is read and thrown away for this time. */
export const LINK_DISCARD_MS = 1000;
/** Requests being answered at one moment, all peers together. */
export const LINK_REQUESTS_MAX = 256;
/** Of these, the share that one peer may take. */
export const LINK_REQUESTS_PER_PEER_MAX = LINK_REQUESTS_MAX / 4;
/** Who was told that it asks too much has its requests left unread for this time, unless they are light. */
export const LINK_REFUSED_PAUSE_MS = 500;
export const LINK_LIGHT_BYTES = 16 * 1024;
/** A byte stream over which nothing moves for this time is closed. */
export const LINK_STREAM_IDLE_MS = 300_000;
/** Links that one peer may hold open towards us: one in use, and some room for changes of address and restarts. */
export const LINK_SESSIONS_PER_PEER_MAX = 4;
/** Links that we hold open towards others. */
export const LINK_POOL_MAX = 128;
/** Our own requests that wait on one link. */
export const LINK_REQUESTS_PER_LINK_MAX = 256;
/** A link of ours that carried nothing for this time is closed. */
export const LINK_IDLE_MS = 120_000;
/** A link of a peer that carried nothing, not even a ping, for this time is closed. */
export const LINK_SERVER_IDLE_MS = 300_000;
export const LINK_PING_INTERVAL_MS = 30_000;
/** A link whose ping is not answered by then is dead. */
export const LINK_PING_TIMEOUT_MS = 10_000;
/** Flow control: 256 KiB per stream carries 5 MB/s over 50 ms of distance; a link may hold four such windows. */
export const LINK_STREAM_WINDOW_BYTES = 256 * 1024;
export const LINK_WINDOW_BYTES = 1024 * 1024;
/** Headers of one request, and how many. Paths and a few fields; never data. */
export const LINK_HEADER_BYTES_MAX = 8192;
export const LINK_HEADERS_MAX = 40;
/** Memory that one HTTP/2 session may take, in MB (the unit that Node takes). */
export const LINK_SESSION_MEMORY_MB = 4;
/** On close, open requests have this time to finish. */
export const LINK_CLOSE_GRACE_MS = 1000;

// Probes

export const PROBE_TIMEOUT_MS = 5000;
/** The head of an HTTP answer; ordinary ones have less than one KiB. */
export const PROBE_HEAD_BYTES_MAX = 16 * 1024;
/** With interim answers. What the kernel had already received comes on top: at most one read of 64 KiB. */
export const PROBE_BYTES_MAX = 64 * 1024;
/** Names being looked up at one time: a look-up that hangs holds one of Node's four threads, which files need, too. */
export const RESOLVE_AT_ONCE_MAX = 2;
/** Whoever asked for an address goes on without it then. */
export const RESOLVE_TIMEOUT_MS = 3000;

// TCP servers for requests and answers (the Redis protocol)

/** As in Redis. Each takes some KiB. */
export const TCP_CONNECTIONS_MAX = 10_000;
/** Connections above this number that are being told so at one moment; what comes on top is cut without a word. */
export const TCP_REFUSED_MAX = 128;
/** Connections that wait in the kernel to be accepted; a pool of clients opens many at once. */
export const TCP_BACKLOG = 1024;
/** The kernel asks so often whether the other side of a silent connection is still there. As in Redis. */
export const TCP_KEEP_ALIVE_MS = 300_000;
/** Who was told good-bye has this time to hear it. */
export const TCP_LINGER_MS = 2000;
/** Who takes not one byte of its answers for this time is cut off. */
export const TCP_UNREAD_MS = 30_000;
/** All connections are looked at so often, by one timer. */
export const TCP_SWEEP_MS = 1000;

// mDNS: mdns-constants.ts

// Erasure code

/** Blocks go through the SIMD module in strides of at most this size: sources and target fit into the caches. */
export const ERASURE_STRIDE_BYTES = 16_384;

// Threads

/** A thread without work ends after this time: it holds some 10 MB. */
export const WORKER_IDLE_MS = 20_000;
/** Memory shared with threads that is kept for the next work: about what one large upload needs. */
export const SHARED_MEMORY_KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** So long after the last work. */
export const SHARED_MEMORY_IDLE_MS = 20_000;

// Memory

/** How often the box looks whether it rests. */
export const TIDY_LOOK_MS = 2_000;
/** With less processor time than this between two looks, a twentieth of a core, it rests. */
export const TIDY_REST_CPU_MS = 100;
/** Processor time that must have been used before the heap is tidied again: tidying takes about a tenth of it. */
export const TIDY_WORK_CPU_MS = 1_000;
/** A larger heap is not tidied: the whole process would stand still for too long. */
export const TIDIED_HEAP_BYTES_MAX = 64 * 1024 * 1024;

/** Until a port of this machine takes a connection, and so long without being closed it has somebody behind it. */
export const PORT_TAKEN_MS = 3_000;
export const PORT_QUIET_MS = 1_000;
