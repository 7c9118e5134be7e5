/** Every limit of folders that are given as one .zip. Each has a test that reaches it. */

/** Files and folders in one; some 300 bytes each in memory while it is made. */
export const ZIP_ENTRIES_MAX = 20_000;
/** Under way at one time, and of these for one account or one link. */
export const ZIPS_MAX = 16;
export const ZIPS_PER_OWNER_MAX = 4;
/** Small files that are read before their turn, and how large one of them may be. */
export const ZIP_AHEAD = 4;
export const ZIP_AHEAD_FILE_MAX_BYTES = 256 * 1024;
/** What is gathered before it goes out. */
export const ZIP_PIECE_BYTES = 64 * 1024;
