/** Sizes that the container formats fix, and every limit of the storage server. Each limit has a test. */

// --- Fixed by the formats -----------------------------------------------------------------------------------------

export const SECRET_BYTES = 32;
export const IMMUTABLE_HEADER_BYTES = 12;
export const IMMUTABLE_LEASE_BYTES = 72;
/** Where the data of a mutable container begins: magic, node id, write enabler, two lengths, four leases. */
export const MUTABLE_HEADER_BYTES = 468;
export const MUTABLE_LEASE_BYTES = 92;
/** Leases in the header of a mutable container; more of them follow the data. */
export const MUTABLE_LEASE_SLOTS = 4;
/** A share number is a byte. */
export const SHARE_NUMBER_MAX = 255;
export const SHARE_NUMBERS_MAX = 256;
export const LEASE_DURATION_S = 2_678_400;

// --- Shares -------------------------------------------------------------------------------------------------------

/** An upload in which nothing was written for this long is aborted. */
export const UPLOAD_IDLE_MS = 30 * 60_000;
/** Uploads in progress at once, of all members: each is a file and some hundred bytes of memory. */
export const UPLOADS_MAX = 4096;
/** Of these for one member. */
export const UPLOADS_PER_MEMBER_MAX = 1024;
/** How much of a share may have to be sent again after the server lost its power. */
export const UPLOAD_CHECKPOINT_BYTES = 8 * 1024 * 1024;
/** Separate written ranges of one upload. Clients write in order; a hole at every byte must not eat the memory. */
export const UPLOAD_RANGES_MAX = 4096;
/** Upload secrets are any bytes in the protocol; 20 in practice. */
export const UPLOAD_SECRET_MAX_BYTES = 256;
/** Mutable shares of one request that are written side by side: the file system syncs them together. */
export const SYNCED_TOGETHER_MAX = 8;
/** A mutable share up to this size is replaced as a whole file; a larger one is changed where it lies. */
export const REPLACED_MAX_BYTES = 256 * 1024;
/** An immutable share up to this size that comes in one request is kept only when it is whole. */
export const WHOLE_MAX_BYTES = 256 * 1024;
/** What a share takes of somebody's room beside its data: header, leases, the rest of a block, its name in a folder. */
export const SHARE_BASE_BYTES = 4096;
/** Members whose number in leases is remembered. */
export const OWNER_NUMBERS_KEPT = 1000;
/** Shares that are in the journal and not in their files yet, in memory; from half of it on they are put into files. */
export const PENDING_BYTES_MAX = 8 * 1024 * 1024;
export const PENDING_SHARES_MAX = 4096;
/** Mutable shares of one request that go through the journal together; more are changed where they lie. */
export const PENDING_PUT_BYTES_MAX = 2 * 1024 * 1024;
/** They are put into files when nothing has come for so long, and after the longer time in any case. */
export const PENDING_IDLE_MS = 2_000;
export const PENDING_AGE_MS = 30_000;
/** What could not be put into files is not tried again sooner. */
export const PENDING_AGAIN_MS = 1_000;
/** Files of the journal: two or three of them as a rule. */
export const PENDING_SEGMENT_BYTES = 4 * 1024 * 1024;
/** Files that are open at once while shares are put into them, and of these that the disk works on. */
export const FILED_AT_ONCE = 64;
export const FILED_SIDE_BY_SIDE = 3;
/** Leases of one share: one for each client that cares for it. */
export const LEASES_MAX = 1000;
/**
 * Shares without a lease are counted in rounds: a new one begins so long after the last by the clock, and after so much
 * running, whatever the clock says.
 */
export const EXPIRED_ROUND_MS = 20 * 3_600_000;
export const EXPIRED_RUNNING_MS = 3 * 3_600_000;
/** One look at them, and what it looks at and removes at most. */
export const EXPIRED_LOOK_MS = 30_000;
export const EXPIRED_LOOKED_AT_ONCE = 500;
export const EXPIRED_REMOVED_AT_ONCE = 50;
/** What is read or compared at once. */
export const PIECE_BYTES = 256 * 1024;
/** Buffers of that size that are kept for the next request. */
export const PIECES_KEPT = 4;
/** What the version document says: it is the reference's own figure. */
export const MUTABLE_SHARE_MAX_BYTES = 69_105_000_000_000_000n;
/** Where writes into mutable shares end in fact. */
export const MUTABLE_END_MAX_BYTES = 2 ** 40;
/** Advisories of damaged shares that are kept; the oldest go first. */
export const ADVISORIES_MAX = 1000;
/** What is kept of a reason. */
export const ADVISORY_KEPT_CHARS_MAX = 1000;

// --- Requests -----------------------------------------------------------------------------------------------------

export const ALLOCATE_BODY_MAX_BYTES = 8192;
/** Small immutable shares of one storage index that come whole in one request. */
export const SMALL_SHARES_BODY_MAX_BYTES = 1024 * 1024;
/** A write with what must be there before it, all together; and so many things before it. */
export const BEFORE_BODY_MAX_BYTES = 1024 * 1024;
export const BEFORE_WRITES_MAX = 256;
/** Also bounds the reason in it: the 32,765 bytes that the protocol names for it do not fit. */
export const ADVISORY_BODY_MAX_BYTES = 32_768;
/** A read-test-write body; the protocol would allow 2^48. */
export const WRITE_BODY_MAX_BYTES = 1024 * 1024 * 1024;
/** In memory up to this size, and so much together; others lie on the disk while they are read. */
export const MEMORY_BODY_MAX_BYTES = 256 * 1024;
export const MEMORY_BODIES_MAX_BYTES = 8 * 1024 * 1024;
/** Such bodies are never refused for want of room up to here, each, and all together. */
export const LYING_BODY_MIN_BYTES = 512 * 1024;
export const LYING_BODIES_MIN_BYTES = 64 * 1024 * 1024;
/** Read and test vectors of one share. */
export const VECTORS_MAX = 30;
/** Write vectors of one request, of all its shares. */
export const WRITES_MAX = 65_536;
/** What the read vectors of one request may bring: clients take no answer of more than 30 MiB. */
export const READ_RESULT_MAX_BYTES = 30 * 1024 * 1024;
export const HEADERS_MAX_BYTES = 16 * 1024;
export const CONNECTIONS_MAX = 512;
/** Of one address: several boxes with several accounts may stand behind it, and nobody may take all. */
export const CONNECTIONS_PER_ADDRESS_MAX = 256;
/** A connection on which nothing moves is cut. */
export const CONNECTION_IDLE_MS = 60_000;
export const HEADERS_TIMEOUT_MS = 20_000;
/** After its first seconds a body must come at least this fast. */
export const BODY_GRACE_MS = 30_000;
export const BODY_MIN_BYTES_PER_S = 512;
