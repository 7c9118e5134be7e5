/**
 * Every limit of the pages, by name.
 */

/** A call that has no answer by then has failed. */
export const CALL_TIMEOUT_MS = 20_000;
/** A call with bytes that has moved none of them for so long has failed. */
export const SEND_STALLED_MS = 60_000;
/** Founding or joining a community talks to other boxes, which may be far. */
export const SETUP_TIMEOUT_MS = 120_000;
/** A part of the page that did not come is asked for once more after this pause, before anything is said. */
export const PART_RETRY_MS = 1_000;
/** A change is asked for again this long after its event, so that a burst costs one request. */
export const REFETCH_DEBOUNCE_MS = 300;
/** A large list is not asked for more often than this, whatever happens in the community. */
export const REFETCH_LARGE_PAUSE_MS = 5_000;
/** From this many entries a list counts as large. */
export const LARGE_LIST_ENTRIES = 500;
/** Answers kept in memory, so that going back is instant. */
export const RESOURCES_KEPT_MAX = 60;
/** Live figures (memory, disk, load) of a page in view are asked for this often. */
export const FIGURES_PERIOD_MS = 10_000;
/** The event stream is opened again after this pause, which doubles up to the maximum. */
export const RECONNECT_PAUSE_MS = 1_000;
export const RECONNECT_PAUSE_MAX_MS = 15_000;
/** Without a stream for this long, the page says that the box does not answer. */
export const OFFLINE_AFTER_MS = 3_000;
/** Messages shown at one time; the oldest gives way. */
export const TOASTS_MAX = 3;
export const TOAST_MS = 6_000;
/** A message that can be undone stays longer. */
export const TOAST_UNDO_MS = 12_000;
/** Results shown by the search that jumps anywhere, per kind. */
export const JUMP_RESULTS_MAX = 6;
/** A list takes up a new order only after the reader has been still for this long. */
export const STILL_MS = 3_000;
/** Up to this many rows a list is drawn whole, so that the browser's own search finds all. */
export const WHOLE_LIST_ROWS_MAX = 40;
/** Rows drawn above and below what is in view. */
export const ROWS_AROUND = 8;
/** Dots drawn per zone on the map; the rest is a number. */
export const MAP_BOXES_PER_ZONE_MAX = 60;
/** Zones drawn around the own one; the rest is only in the list. */
export const MAP_ZONES_MAX = 12;
