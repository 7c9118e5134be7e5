/**
 * Every limit of the replicated records, in one place. Those in the first group decide what a box holds and must be
 * the same on every box, or two boxes would never agree; the others each box may choose for itself.
 */

// --- Part of the protocol: equal everywhere -------------------------------------------------------------------

/** Canonical JSON of the body, in bytes. */
export const BODY_MAX_BYTES = 4096;
/** Depth of arrays and objects inside a body. */
export const BODY_DEPTH_MAX = 16;
export const KEY_MAX_CHARS = 128;
/** Live records of one author in one kind; the newest stay. */
export const LIVE_PER_KIND_MAX = 128;
/** Live records of one author over all kinds; the newest stay. */
export const LIVE_PER_AUTHOR_MAX = 512;
/** How far ahead of our clock a record may be dated. */
export const FUTURE_MAX_MS = 10 * 60_000;
/** Authors under one node of the digest tree before it divides by the next character of their ids. */
export const LEAF_AUTHORS_MAX = 64;

// --- Messages of reconciliation ---------------------------------------------------------------------------------

/** Budget of one request or answer, bytes of JSON. The one item that crosses it still goes (at most 16 KiB more). */
export const MESSAGE_BUDGET_BYTES = 240 * 1024;
/** What the driver lets through before it even parses; budget plus the largest single item. */
export const MESSAGE_MAX_BYTES = 256 * 1024;
export const RECORDS_PER_MESSAGE_MAX = 192;
/**
 * Signature checks that one step of the core makes, some 0.11 ms each: a driver gives it the records of a message in
 * parts that need no more, and lets others have their turn between them.
 */
export const CHECKS_PER_STEP_MAX = 64;
/** What a join may cost: its own signature, its welcomes, its invitation and the proof. */
export const JOIN_CHECKS = 7;
export const COMPARES_PER_MESSAGE_MAX = 256;
export const AUTHORS_PER_MESSAGE_MAX = 1024;
export const FETCHES_PER_MESSAGE_MAX = 64;
/** Round trips of one session; what is left waits for the next one. 192 records each: 390,000 records. */
export const SYNC_ROUNDS_MAX = 2048;
/** Prefixes, authors and pushes that one session remembers to do. */
export const SYNC_QUEUE_MAX = 131_072;
/**
 * Records that a session's answers may bring and that are refused, beyond as many as are taken: then the other side
 * wastes our time, and the session ends as `useless`.
 */
export const SYNC_USELESS_RECORDS_MAX = 4096;
/** So many whose author is not admitted count as one: the record that admits it may come later in the session. */
export const SYNC_UNKNOWN_PER_USELESS = 16;
/** Answers in a row that bring no record that is taken, while we send none: 32 MiB at the most for nothing. */
export const SYNC_USELESS_ROUNDS_MAX = 128;

// --- Own choice of each box -------------------------------------------------------------------------------------

export const AUTHORS_MAX = 32_768;
/** Bytes of records (as sent) that a box keeps over all authors but itself; beyond it refuses with `full`. */
export const TOTAL_BYTES_MAX = 256 * 1024 * 1024;
/** When so much of it is taken, */
export const CROWDED_SHARE = 0.75;
/** nothing new is taken of authors who have more than this: the rest of the room is for those who need little. */
export const AUTHOR_BYTES_CROWDED = 64 * 1024;
/** Records pushed by one author, taken at once, and then per second. */
export const AUTHOR_PUSH_BURST = 64;
export const AUTHOR_PUSH_PER_SECOND = 1;
/**
 * Records of one author that reconciliation brings, taken at once, and then per second: twice all that an author can
 * have, so that who was away gets it whole, and no more than an honest author can need.
 */
export const AUTHOR_SYNC_BURST = 1024;
export const AUTHOR_SYNC_PER_SECOND = 4;
/** Signatures checked of what one neighbour sends unasked (pushed, or offered in a request), at once and per second. */
export const PEER_CHECKS_BURST = 4096;
export const PEER_CHECKS_PER_SECOND = 256;
/**
 * Records with a bad signature from one neighbour, then one more in so many seconds: no honest box sends any. Who has
 * sent more is not listened to until it has some left.
 */
export const PEER_FORGERIES_BURST = 32;
export const PEER_FORGERIES_PER_SECOND = 0.1;
/** Buckets kept per table; the one unused for longest gives way. */
export const BUCKETS_MAX = 32_768;
/** Records that came before their author's admission and wait for it. */
export const WAITING_MAX = 2048;
/** Of these from one neighbour, so that none takes all the room. */
export const WAITING_PER_PEER_MAX = 1024;
export const WAITING_MAX_MS = 10 * 60_000;
/** A record older than this is not pushed on: whoever lacks it will ask. */
export const FRESH_MAX_MS = 10 * 60_000;
/** To the next in so many rings (rings.ts). */
export const PUSH_FANOUT = 3;
/**
 * Every so often with anybody; in between in turns with those to whom our news go anyway. Opening a link costs five
 * times the bytes of finding out that both hold the same; so used, these links are never idle long enough to be closed.
 */
export const STRANGER_TURNS = 4;
/** Own live records older than this are signed anew, so that the floor rises and tombstones can go. */
export const REFRESH_MS = 7 * 24 * 3_600_000;
/** Own tombstones that may wait for the floor to rise; above it the oldest live records are signed anew at once. */
export const OWN_TOMBSTONES_MAX = 32;
/** Own records signed anew in one tick. */
export const REFRESH_BATCH_MAX = 32;
/** Own puts that wait until the box has asked its peers which numbers it used in an earlier life. */
export const PUT_QUEUE_MAX = 256;
/** Authors of whom two contents of one number are remembered; each is reported once in a run. */
export const EQUIVOCATORS_MAX = 256;
/** How often the expired are looked for. */
export const EXPIRY_SCAN_MS = 60_000;

// --- Admission ---------------------------------------------------------------------------------------------------

/** Welcomes inside one join record. */
export const WELCOMES_MAX = 4;
/** Earlier policies that a policy record carries with it. */
export const POLICY_HISTORY_MAX = 16;
export const INVITATION_USES_MAX = 10_000;
/** With more uncertain events than this the fold looks at all of them in order, which then is quicker. */
export const UNCERTAIN_MAX = 256;
/** Joins held of boxes that are no members although one member welcomed all of them. */
export const STRANGERS_PER_VOUCHER_MAX = 64;
