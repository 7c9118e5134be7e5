/** The limits of the WebDAV server, each with its reason. Times in ms, sizes in bytes. */

// --- Connections --------------------------------------------------------------------------------------------------

export const CONNECTIONS_MAX = 256;
/** Of one address: a home behind one address has several machines, each with some connections. */
export const CONNECTIONS_PER_ADDRESS_MAX = 64;
export const HEADERS_MAX_BYTES = 16 * 1024;
export const HEADERS_TIMEOUT_MS = 20_000;
/** Between two requests of one connection. */
export const KEEP_ALIVE_MS = 30_000;
/** Nothing came of a body, or nothing was taken of an answer, for so long. */
export const STALL_MS = 60_000;
/** Whoever sends a body may take this long in all, and must then have been at least this fast. */
export const BODY_GRACE_MS = 30_000;
export const BODY_MIN_BYTES_PER_S = 512;
/** Of a body that is not wanted, so much is read, that the other side comes to read why. */
export const UNWANTED_BODY_MAX_BYTES = 1024 * 1024;
export const UNWANTED_BODY_MS = 3_000;
/**
 * A large file is stored after its last byte has come. Clients that wait 30 s for an answer (davfs2) are told that it
 * goes on ("102 Processing"), but not often: Go's HTTP client, which rclone uses, gives up at the sixth such answer.
 */
export const PROCESSING_EVERY_MS = 20_000;
export const PROCESSING_MAX = 4;

// --- Signing in ---------------------------------------------------------------------------------------------------

/** Passwords of one address that are looked at, right or wrong. One that was right is remembered for a while. */
export const SIGN_INS_PER_MINUTE_MAX = 20;
/** How long a right password is remembered; a device that is taken back is gone at once (`forget`). */
export const SIGN_IN_KEPT_MS = 60_000;
export const SIGN_INS_KEPT_MAX = 512;
export const AUTHORIZATION_MAX_CHARS = 1024;

// --- XML ----------------------------------------------------------------------------------------------------------

export const XML_MAX_BYTES = 64 * 1024;
export const XML_DEPTH_MAX = 32;
export const XML_ELEMENTS_MAX = 1000;
export const XML_ATTRIBUTES_MAX = 32;
/** Properties that one PROPFIND names: each is answered for each entry. */
export const PROPERTIES_ASKED_MAX = 128;
/** Dead properties of one entry, as they are stored: they lie in the folder beside its name. */
export const PROPERTIES_STORED_MAX_BYTES = 8 * 1024;
/** What is gathered of an answer before it is sent. */
export const ANSWER_PIECE_BYTES = 32 * 1024;

// --- Work ---------------------------------------------------------------------------------------------------------

/** Folders that are listed at one time, and that wait; beyond it, 503. */
export const LISTINGS_AT_ONCE_MAX = 8;
export const LISTINGS_WAITING_MAX = 128;
/** Lists and conditions of one If header. */
export const IF_CONDITIONS_MAX = 64;
/** A file may be replaced between looking at it and reading it; then it is looked at again. */
export const LOOKS_MAX = 3;

// --- Locks --------------------------------------------------------------------------------------------------------

export const LOCKS_PER_ACCOUNT_MAX = 1000;
export const LOCKS_MAX = 10_000;
export const LOCK_OWNER_MAX_BYTES = 2048;
export const LOCK_DEFAULT_MS = 600_000;
export const LOCK_MAX_MS = 3_600_000;
