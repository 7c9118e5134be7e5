/** Limits of mutable files, of their keys and of care, in one place. Each has a test that reaches it. */

/** Content of one mutable file: it is in memory as a whole, and so are all its shares while it is written. */
export const MUTABLE_CONTENT_MAX_BYTES = 32 * 1024 * 1024;
/** An SDMF file is one segment, which is encoded in one go: more would hold the event loop for too long. */
export const SDMF_CONTENT_MAX_BYTES = 4 * 1024 * 1024;
/** What is read of each share at first: header, keys, signature, and all of a small folder's share. */
export const SHARE_HEAD_BYTES = 8192;
/** One reading of the rest of a share. */
export const SHARE_READ_BYTES = 4 * 1024 * 1024;
/** One reading where every byte of a share is checked. */
export const AUDIT_READ_BYTES = 512 * 1024;
/** Shares of one file that are checked byte by byte at the same time. */
export const AUDITS_MAX = 4;
/** Questions of one survey that are under way at once when nothing readable was found yet. */
export const SURVEY_ASKED_MAX = 5;
/** Shares that are fetched at the same time besides the k that are needed, because one of those is late. */
export const SPARE_FETCHES_MAX = 3;
/** A server that takes longer than this factor of its usual time is late: others go on without it. */
export const LATE_FACTOR = 4;
/** Bounds of that time. Also what is taken for a server of which no usual time is known: the middle one. */
export const LATE_MIN_MS = 400;
export const LATE_UNKNOWN_MS = 800;
export const LATE_MAX_MS = 2000;
/** Rounds of one writing: after the first, shares that a server did not take go to other servers. */
export const WRITE_ROUNDS_MAX = 3;
/** Servers that are asked alone, one after the other, where another writer was met: the first that answers decides. */
export const DECIDING_SERVERS_MAX = 3;
/** A server that has not written within this time, and what its bytes take on a slow line, is late. */
export const WRITE_LATE_MS = 1500;
export const WRITE_SLOWEST_BYTES_PER_MS = 100;
/** Writings of one modification, each after another writer came between. */
export const MODIFY_ATTEMPTS_MAX = 12;
/** So often a writer waits for another one, whose version is there in part, to come to its end. */
export const UNFINISHED_WAITS_MAX = 3;
/** Readings of a file that somebody is just writing, so that no version of it can be read. */
export const READ_ATTEMPTS_MAX = 5;
/** The wait before the next attempt is random, below this; the bound doubles each time, up to the second. */
export const BACKOFF_FIRST_MS = 50;
export const BACKOFF_MAX_MS = 3000;
/** Modifications of one file that wait for their turn in this box. */
export const MODIFY_QUEUE_MAX = 256;
/** Files of which it is remembered where their shares are and which keys they have. */
export const REMEMBERED_FILES_MAX = 2000;
/** For so long a file that this box has written or looked through is taken to be as it was: then it asks first. */
export const KNOWN_FRESH_MS = 2000;
/** After it met another writer of a file it asks first for so long. */
export const KNOWN_PAUSE_MS = 60_000;
/**
 * For so long nothing is written upon a version that is older than one that was seen, unless all servers say that this
 * one is gone. Boxes that are off at night are back by then; what does not come back must not stop a folder for good.
 */
export const NEWEST_KEPT_MS = 12 * 3_600_000;
/** Content of such files that is kept, all together; folders share it with `FOLDER_CACHE_BYTES`. */
export const KNOWN_BYTES_MAX = 4 * 1024 * 1024;

/** RSA keys that are generated ahead: so many folders may be made at once before one costs the time of a key. */
export const KEYS_KEPT = 64;
/** With fewer, new ones are made at once; else only when none was taken for a while: it takes a processor's time. */
export const KEYS_LOW = 8;
export const KEY_QUIET_MS = 1000;
/** New mutable files that may wait for a key at once. */
export const KEY_WAITERS_MAX = 256;
/** Keys that are generated side by side while somebody waits; one at a time when the pool is filled up. */
export const KEY_MAKERS_MAX = 2;
/** After a key could not be generated. */
export const KEY_RETRY_MS = 1000;
/** The file of unused keys: what is longer is none. */
export const KEY_FILE_MAX_BYTES = 256 * 1024;

/** Bytes of one chunk of a share that a repair sends, about. */
export const REPAIR_CHUNK_BYTES = 1024 * 1024;
/** One reading of a share that a repair reads: more than one small block, less than would be wasted of a large one. */
export const REPAIR_READ_BYTES = 64 * 1024;
/** Servers that are asked for their shares of a file at the same time. */
export const LISTINGS_MAX = 32;
