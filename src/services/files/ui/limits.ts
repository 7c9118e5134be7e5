/**
 * Limits of the page. The first three are those of the contract, which never travels to a browser; a test keeps them
 * equal.
 */

export const PIECE_MAX_BYTES = 8 * 1024 * 1024;
export const SHARE_DAYS_MAX = 3650;
export const PHRASE_MAX_CHARS = 1_000;

/** A slow line sends small pieces, so that a broken one costs little. */
export const PIECE_MIN_BYTES = 4 * 1024 * 1024;
/** A piece that took no longer than this is followed by a large one. */
export const PIECE_QUICK_MS = 2_000;
/** Up to here a file goes in one request. */
export const SMALL_MAX_BYTES = 1024 * 1024;
/**
 * Requests with content at one time. A browser opens six connections to one address: one is the event stream, one stays
 * free for the page itself.
 */
export const SENDING_MAX = 4;
/** Files up to here are over in a moment, so that with them the page need not wait for its turn: more at one time. */
export const TINY_MAX_BYTES = 64 * 1024;
export const TINY_SENDING_MAX = 6;
/** Of them, pieces of large files. */
export const LARGE_SENDING_MAX = 3;
/** Files and folders in the queue at one time, whatever was dropped. */
export const QUEUE_MAX = 20_000;
/** Folders within folders that a drop is followed into. */
export const DEPTH_MAX = 60;
/** Attempts at what the box refused for the moment. */
export const TRIES_MAX = 6;
/** Attempts at reaching a box that does not answer: about a day. */
export const UNREACHABLE_TRIES_MAX = 6_000;
export const PAUSE_MIN_MS = 1_000;
export const PAUSE_MAX_MS = 15_000;
/** While something is being stored, how far it is is asked for this often, beside the events. */
export const LOOK_EVERY_MS = 2_000;
/** Which boxes are away is asked for this often while an upload waits for them. */
export const AWAY_EVERY_MS = 10_000;
/** Lines of the tray; the rest is a number. */
export const TRAY_ROWS_MAX = 40;
/** Speed is the mean over so long. */
export const SPEED_OVER_MS = 10_000;

/** Of a text that is shown; the rest is for a program. */
export const TEXT_SHOWN_BYTES_MAX = 256 * 1024;
/** One after the other without a question. */
export const DOWNLOADS_MAX = 20;
/** The search is asked for when the reader has not typed for this long. */
export const TYPING_PAUSE_MS = 300;
/** A check or repair of a folder reads from many boxes. */
export const CHECK_TIMEOUT_MS = 600_000;
/** A folder with everything in it may take a while to be copied, moved or removed. */
export const DEED_TIMEOUT_MS = 120_000;
/** A list of storage servers that is taken in. */
export const SERVERS_YAML_MAX_BYTES = 256 * 1024;
