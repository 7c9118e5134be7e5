/** Limits of the client side of the grid, block by block: what is waited for, and how much. Each has a test. */

// --- Servers -------------------------------------------------------------------------------------------------------

/** In one list of a Tahoe grid, and in the list that a grid works with. */
export const SERVERS_MAX = 256;

// --- Immutable files: work ----------------------------------------------------------------------------------------

/** Hashing is nearly all of the work; a third thread would have no processor on most boxes. */
export const ENCODE_THREADS_MAX = 2;
/** Up to this size a file is worked on on the spot: some 2 ms. */
export const SMALL_FILE_MAX_BYTES = 192 * 1024;
/** Up to this size it may go with the change of its folder: the requests for that stay short. */
export const DRAFT_MAX_BYTES = 16 * 1024;
/** Bytes of one share that are sent in one request, about. */
export const CHUNK_BYTES = 1_000_000;
/** Content that is encoded in one go is at most this, or one segment. */
export const BATCH_MAX_BYTES = 4 * 1024 * 1024;
/** Content that is hashed in one go for the key. */
export const KEY_PART_BYTES = 1024 * 1024;
/** Parts that wait to be hashed for the key. */
export const KEY_PARTS_AHEAD = 3;
/** Batches that wait behind the one that is being encoded: each is ten megabytes of blocks. */
export const ENCODE_AHEAD = 1;

// --- Immutable files: upload --------------------------------------------------------------------------------------

/** Chunks of one share that are under way. */
export const CHUNKS_AHEAD = 2;
/** Servers that are considered at first, for each share; more when some fail. */
export const CANDIDATES_PER_SHARE = 2;
/** Rounds of asking servers to take shares, until all have a place. */
export const PLACING_ROUNDS_MAX = 6;
/** Sendings: what a server did not take is sent to another one. */
export const SENDINGS_MAX = 3;
/** A chunk whose connection broke is sent once more. */
export const CHUNK_TRIES_MAX = 2;
/** What is asked of many: whoever takes this many times as long as half of them did is late. */
export const LATE_FACTOR = 4;
/** But not before this. */
export const LATE_MIN_MS = 300;
/** Who stores whole shares syncs them to its disk before it answers: not before this. */
export const WHOLE_LATE_MIN_MS = 600;
/** Nobody is waited for longer than this where others have answered. */
export const ANSWER_MAX_MS = 10_000;
/** All other servers have nothing to do because of a few for so long: those are given up. */
export const STALL_MAX_MS = 600;
/** At the end each server syncs its share to its disk, which takes a while. */
export const STALL_AT_END_MAX_MS = 1500;
/** All such times together, and as a part of what the sending took: beyond this the server is too slow. */
export const STALLS_MAX_MS = 1000;
export const STALLS_MAX_SHARE = 0.1;
/** If too few would be left, they are waited for as long. */
export const STALL_LAST_MAX_MS = 20_000;
/** How often this is looked at. */
export const STALL_TICK_MS = 50;
/** Chunks whose duration is remembered. */
export const CHUNK_TIMES_KEPT = 32;

// --- Immutable files: download ------------------------------------------------------------------------------------

/** Bytes of one share that are read in one request, about. */
export const READ_RUN_BYTES = 1_000_000;
/** Content that is under way or waits to be taken. */
export const READ_AHEAD_BYTES = 12 * 1024 * 1024;
/** Servers that are asked at first for their shares, besides the k that are needed. */
export const ASKED_SPARE = 2;
/** Questions for shares under way. */
export const ASKED_MAX = 20;
/** Shares that are read besides the k that are needed, because some are late. */
export const HEDGES_MAX = 3;
/** A reading that takes so much longer than others, or than the usual one, is late: another share is read, too. */
export const READ_LATE_FACTOR = 3;
export const READ_LATE_MIN_MS = 250;
/** When there is nothing to compare with. */
export const READ_LATE_UNKNOWN_MS = 1000;
/** Servers are equally quick when their small requests differ by no more than this, or by less than twice. */
export const READ_NEAR_MS = 10;
/** Readings whose duration is remembered. */
export const READ_TIMES_KEPT = 16;
/** A question for shares that takes so long is late: the next server is asked, too. */
export const ASK_LATE_MS = 250;
/** One that takes so long is given up. */
export const ASK_MAX_MS = 10_000;
/** All servers were asked, and the last ones are silent: so long they are waited for. */
export const READ_LAST_MAX_MS = 30_000;
/** Rounds of requests until a run of blocks of one share is there. Honest ones take three. */
export const READ_ROUNDS_MAX = 8;
