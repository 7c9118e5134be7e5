/** Every limit and time of the key-value store; each is reached by a test. */

/** Parts of the key space, each with a group of its own. More: finer moves; each costs some bytes on each member. */
export const SLOTS = 1024;
/** Members of a group once so many boxes take part. */
export const DEGREE = 3;
export const KEY_BYTES_MAX = 512;
export const VALUE_BYTES_MAX = 8 * 1024 * 1024;
/** Operations of one origin on one key that travel together; the rest waits for their answer. */
export const BATCH_OPS_MAX = 64;
/** And the bytes of their values, but for a single one. */
export const BATCH_BYTES_MAX = 1024 * 1024;
/** Operations of this box that wait for an answer; beyond it `too-many`. */
export const OPEN_OPS_MAX = 16_384;
/** Operations that a coordinator keeps for a slot while it has no ballot or has to settle a key. */
export const WAITING_BATCHES_MAX = 4096;
/**
 * Of so many origins a key's content says which operation was their last. When there are more, a repeated operation of
 * one that was dropped is answered `unknown`.
 */
export const ORIGINS_MAX = 64;
/** Keys whose state below its ballot a coordinator remembers to have settled, for each slot. */
export const SETTLED_MAX = 65_536;
/** An answer that has not come after this is asked for again, from the next member; doubles up to the maximum. */
export const RETRY_MS = 400;
export const RETRY_MS_MAX = 3_000;
/** After a refusal, before the next try; random up to this, doubles up to RETRY_MS_MAX. */
export const REFUSED_PAUSE_MS = 20;
/** An operation that names no time of its own fails after this. */
export const OPERATION_TIMEOUT_MS = 10_000;
/** What is asked of a slot is refused at once when no majority of its members has seemed to be up for so long. */
export const GONE_AFTER_MS = 3_000;
/** Proposals without a majority are sent again after this. */
export const PROPOSE_AGAIN_MS = 300;
/** Who asked for a ballot waits so long for promises before it asks again with a higher one. */
export const PREPARE_AGAIN_MS = 400;
/** Changes of groups that one box carries on at one time. More end hardly sooner, and operations wait longer. */
export const VIEW_CHANGES_MAX = 8;
/** So often it looks whether one is due. */
export const VIEW_LOOK_MS = 500;
/** A node that had so many rounds since the last look works for clients. */
export const USED_ROUNDS = 10;
/**
 * Then it rests after the changes that it began together, for so many times as long as they took, and no longer than
 * this: they take a tenth of the time at most, and all slots of a store that one node coordinates less than five
 * minutes beyond what they take in themselves.
 */
export const REST_TIMES = 9;
export const REST_MS_MAX = 2_000;
/** A change of a group that has not come on for so long is tried again with a higher ballot. */
export const VIEW_AGAIN_MS = 2_000;
/** Keys in one page of an index, and bytes of contents in one answer, while a new member copies. */
export const INDEX_KEYS_MAX = 2_048;
export const FETCH_BYTES_MAX = 512 * 1024;
export const FETCH_KEYS_MAX = 512;
/** A part of a copy that was not answered is asked for again. */
export const SYNC_AGAIN_MS = 1_000;
/** A copy before the view is decided that has not come on for so long is given up; who wants it asks again. */
export const LEARN_GIVEN_UP_MS = 5_000;
/** Who was left out asks so often whether the others have all. */
export const LEFT_ASK_MS = 2_000;
/** Keys of slots that it left, of which it lets go in a tick; one slot always. */
export const DROPPED_KEYS_MAX = 1_024;
/** So often, a member asks about so many of its slots whether others are in a newer view. */
export const ASKED_AROUND_MAX = 32;
/** Removed keys are remembered at least so long. */
export const TOMBSTONE_MS = 3_600_000;
/** Expired keys are looked for so often, among so many, so many at a time. */
export const SWEEP_MS = 1_000;
export const SWEEP_LOOKED_MAX = 4_096;
export const SWEPT_KEYS_MAX = 256;
/** A stale read asks all members after this, and after the second takes what it has, from however few. */
export const PEEK_AGAIN_MS = 100;
export const PEEK_PATIENCE_MS = 1_000;
/** Watches of others on what a node holds; they are renewed so often, and end when they are not. */
export const WATCHERS_MAX = 4_096;
export const WATCH_AGAIN_MS = 5_000;
export const WATCH_LASTS_MS = 15_000;
/** Keys of one watch whose last version is remembered. */
export const WATCHED_KEYS_MAX = 65_536;
/** Keys in one page of a listing, and in what one member tells of it at one time, removed ones included. */
export const LIST_KEYS_MAX = 1_000;
/** Slots that a listing asks for at first, or two for each key that is wanted; when they hold little, all others. */
export const LIST_SLOTS = 128;
/** Changed contents that wait for a node's disk; beyond it, it takes and proposes none until some are on the disk. */
export const UNSTORED_BYTES_MAX = 64 * 1024 * 1024;
/** A member that said that it is full is asked for room again after this. */
export const FULL_LASTS_MS = 5_000;
// What members that lie can do at most; docs/protocols/kv.md says what that leaves them.
/** Keys that one node makes another look at in one step, for indices and lists; the rest it must ask for again. */
export const LOOKED_KEYS_MAX = 256 * 1024;
/** A ballot is not taken that is so far above the last one: nobody can use up all numbers. */
export const BALLOT_JUMP_MAX = 2 ** 20;
/** Others make a node hold no more than so many times the room that it gives. */
export const ROOM_TIMES_MAX = 4;
