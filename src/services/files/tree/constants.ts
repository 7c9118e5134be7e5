/** Every limit of a member's tree. Each has a test that reaches it. */

// --- Folders ------------------------------------------------------------------------------------------------------

/** Entries of a folder that we write; some 400 bytes each, and the whole folder is written at each change. */
export const FOLDER_ENTRIES_MAX = 4000;
/** A folder's content that we write. Former versions of files count, too. */
export const FOLDER_MAX_BYTES = 2 * 1024 * 1024;
/** Of an immutable folder, somebody else's, that we read. */
export const FOLDER_READ_MAX_BYTES = 16 * 1024 * 1024;
/** For so long a folder is taken to be what it was when it was last read or written. */
export const FOLDER_FRESH_MS = 2000;
/** Content of folders that are kept in memory; what is made of it takes some five times as much. */
export const FOLDER_CACHE_BYTES = 8 * 1024 * 1024;
export const FOLDER_CACHE_MAX = 2000;
/** Changes to one folder that wait for the write that is under way. */
export const FOLDER_CHANGES_MAX = 10_000;
/** Changes that go into one write: the loop must not stand still over them. */
export const FOLDER_BATCH_MAX = 250;
/** Of a folder larger than this, the steps in which it is read and listed let others go in between. */
export const FOLDER_PAUSE_ENTRIES = 500;
/** How long a change waits for those that were announced. */
export const FOLDER_GATHER_MS = 250;

// --- Entries ------------------------------------------------------------------------------------------------------

/** Former contents of a file that are kept; the oldest go first. */
export const VERSIONS_MAX = 10;
/** Properties of one entry, all together, as JSON. */
export const PROPERTIES_MAX_BYTES = 16 * 1024;
export const MEDIA_TYPE_MAX_CHARS = 120;
/** Sizes of mutable files, which must be asked for. */
export const MUTABLE_SIZES_MAX = 1000;
/** "name (2)", "name (3)" …: so many are tried. */
export const FREE_NAMES_MAX = 1000;
/** Entries of a tree that is copied or walked. */
export const COPY_ENTRIES_MAX = 100_000;
export const WALK_ENTRIES_MAX = 1_000_000;
export const TRASH_ITEMS_MAX = 10_000;
/** What a search gives. */
export const SEARCH_RESULTS_MAX = 200;
export const SEARCH_WORDS_MAX = 8;

// --- Uploads ------------------------------------------------------------------------------------------------------

/** Content up to this is not laid on the disk on its way. */
export const IN_MEMORY_MAX_BYTES = 1024 * 1024;
/** Of all writes together that is kept in memory; beyond it also small ones go over the disk. */
export const IN_MEMORY_ALL_MAX_BYTES = 32 * 1024 * 1024;
export const PIECE_MAX_BYTES = 8 * 1024 * 1024;
/** What is sealed and written, or read back and deciphered, at once. */
export const SPOOL_PART_BYTES = 256 * 1024;
/** Left free on the disk for everything else. */
export const SPOOL_ROOM_KEPT_BYTES = 256 * 1024 * 1024;
/** A write of unknown length looks at the room again after so much. */
export const SPOOL_ROOM_EVERY_BYTES = 32 * 1024 * 1024;
export const UPLOAD_MAX_BYTES = 2 ** 40;
/** Of one account, those that have not ended. */
export const UPLOADS_MAX = 2000;
/** An upload to which nothing came for so long is given up. */
export const UPLOAD_IDLE_MS = 7 * 24 * 3_600_000;
/** One that has ended is shown for so long. */
export const UPLOAD_SHOWN_MS = 24 * 3_600_000;
export const UPLOAD_SWEEP_MS = 600_000;
/** Uploads whose keys are made while they come: each keeps a thread from ending, which takes some 10 MB. */
export const COMING_KEYS_MAX = 8;
/** When nothing has come for so long, its content is read for the key later. */
export const COMING_KEY_IDLE_MS = 60_000;
/** Content that goes into the grid at the same time, and what may wait for that. */
export const STORING_MAX = 6;
/** The same of files whose shares go in one request to each server. */
export const STORING_SMALL_MAX = 16;
/** The same of those that go with the changes of their folders: 70 kB of memory each. */
export const STORING_DRAFTS_MAX = 128;
export const STORING_WAITING_MAX = 20_000;
/** After a failure that may pass: so often, each time after twice as long. */
export const STORING_TRIES_MAX = 5;
export const STORING_RETRY_MS = 5000;
/** Progress of one upload is told at most this often. */
export const PROGRESS_MS = 500;

// --- Sharing ------------------------------------------------------------------------------------------------------

export const SHARES_MAX = 1000;
export const SHARE_NOTE_MAX_CHARS = 200;
export const LINKS_MAX = 1000;
export const DEVICES_MAX = 100;
