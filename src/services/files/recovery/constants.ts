/** Every limit and every wait of recovery phrases. Days and longer are of the wall, since they outlast restarts. */

// --- Of this box's own phrases ------------------------------------------------------------------------------------

/** 128 bits and 4 of a checksum, at 11 bits a word. */
export const PHRASE_WORDS = 12;
export const PHRASE_ENTROPY_BYTES = 16;
/** Longer than twelve words with numbers and spaces around them. */
export const PHRASE_CHARS_MAX = 1_000;
/** With so many other boxes a sealed root is left. */
export const HOLDERS_WANTED = 5;
/** So many are asked for it at most, at one time. */
export const HOLDERS_ASKED_MAX = 20;
/** It is left anew after this time, as often as care goes round. */
export const RENEW_EVERY_MS = 3 * 86_400_000;
/** Fewer have it than are wanted: it is looked for more after this time. */
export const RENEW_FEW_EVERY_MS = 3_600_000;
/** What is due is looked for this often. */
export const RECOVERY_LOOK_MS = 600_000;
/** Takings back that wait for boxes that are away; the oldest are given up. */
export const ENDING_MAX = 1_000;
/** Phrases that one address may make, and may try, in a minute. */
export const MAKE_PER_MINUTE_MAX = 30;
export const RECOVER_PER_MINUTE_MAX = 30;

// --- Asking the others --------------------------------------------------------------------------------------------

export const RECOVERY_TIMEOUT_MS = 10_000;
/** A recovery asks so many boxes, so many of them side by side, and ends with what it has after this time. */
export const FIND_BOXES_MAX = 2_000;
export const FIND_AT_ONCE = 32;
export const FIND_TIMEOUT_MS = 60_000;
/** Names of boxes that did not answer, in an answer. */
export const SILENT_TOLD_MAX = 20;

// --- For other boxes ----------------------------------------------------------------------------------------------

/** A sealed root has this length, whatever is in it. */
export const SEALED_BYTES = 512;
/** One that nobody renewed for so long is let go: a year, and a month beyond. */
export const KEPT_MS = 400 * 86_400_000;
/** It is looked for such ones this often, by running time. */
export const LET_GO_EVERY_MS = 86_400_000;
/** Sealed roots of one box, and of all: 8 MiB. */
export const KEPT_PER_BOX_MAX = 256;
export const KEPT_MAX = 16_384;
/** Under one locator, each of another box. Who came first stays. */
export const KEPT_PER_LOCATOR_MAX = 8;
/** Of a message, and of an answer: eight sealed roots in base64 and what stands around them. */
export const ASKED_BYTES_MAX = 2_048;
export const ANSWER_BYTES_MAX = 8_192;
/** Requests of one box: at once, and per second after that. A box with many accounts leaves all of them together. */
export const KEEP_BURST = 512;
export const KEEP_PER_SECOND = 1;
export const FIND_BURST = 12;
export const FIND_PER_SECOND = 0.2;
/** Boxes of which that is counted; the one that asked longest ago is forgotten. */
export const COUNTED_BOXES_MAX = 4_096;
