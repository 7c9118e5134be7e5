/** Every limit and every wait of the service. Those of its parts are in the `constants.ts` of their folders. */

// --- Giving space -------------------------------------------------------------------------------------------------

/** Accounts that may store here: each costs some hundred bytes of memory, and a hash for each request. */
export const MEMBERS_MAX = 4096;
/** So that one box cannot take them all. */
export const MEMBERS_PER_BOX_MAX = 256;
/** What failed (a port that is taken) is tried again this often. */
export const AGAIN_MS = 30_000;
/** The disk is asked this often how much room it has. */
export const DISK_LOOK_MS = 10_000;
/** A warning stands from this share of the space given on. */
export const FULL_WARN = 0.9;
/** While our clock differs by more than this from the other boxes', nothing is taken to be over. */
export const CLOCK_OFF_MAX_MS = 3_600_000;

// --- The grid -----------------------------------------------------------------------------------------------------

/** A box that did not say yet how we may store there is asked again after this time. */
export const ACCESS_AGAIN_MS = 60_000;
export const ACCESS_TIMEOUT_MS = 10_000;
export const ACCESS_BYTES_MAX = 4096;
/** An account's first work waits so long for the boxes that have not said it yet. */
export const FIRST_ANSWERS_MS = 1500;
/** Boxes come and go often in a large community: lists of servers are made anew at most this often. */
export const REFRESH_PAUSE_MS = 1000;
/** Imported servers. */
export const IMPORTED_MAX = 256;

// --- Addresses for players, links ---------------------------------------------------------------------------------

export const TICKET_MS = 12 * 3_600_000;
/** Kept in memory; the oldest goes. */
export const TICKETS_MAX = 20_000;
/** Of one account, or of one link: strangers who have it do not take the tickets of members away. */
export const TICKETS_PER_OWNER_MAX = 2000;
/** What another box says of a link. */
export const LINK_ANSWER_BYTES_MAX = 4 * 1024 * 1024;
export const LINK_TIMEOUT_MS = 30_000;
/** Entries of a shared folder that are told. */
export const LINK_ENTRIES_MAX = 2000;
/** Contents of links that other boxes read here at once. */
export const LINK_READS_MAX = 64;
/** Of these for one box: who reads slowly, or says nothing, leaves places for others. */
export const LINK_READS_PER_BOX_MAX = 16;

// --- Pages --------------------------------------------------------------------------------------------------------

/** Pages are told of changes at most this often. */
export const CHANGED_PAUSE_MS = 500;
