/**
 * Limits of the page. The first three are those of the contract and the protocol, which never travel to a browser; a
 * test keeps them equal.
 */

/** Of a value in JSON, as it is written there. */
export const VALUE_CHARS_MAX = 32 * 1024;
export const KEY_BYTES_MAX = 512;
/** Copies that the store grows to. */
export const COPIES_WANTED = 3;

/** Keys that come with one request. */
export const PAGE_KEYS = 200;
/** Keys in the list; those that come on top are found by a longer prefix. */
export const KEYS_LISTED_MAX = 5_000;
/** The list is asked for when the reader has not typed for this long. */
export const TYPING_PAUSE_MS = 250;
/** A watch that ended is begun again after this. */
export const WATCH_AGAIN_MS = 3_000;
