/** Every limit of the Redis protocol's reader, with the reason; each is reached by a test. */

/** A line of plain text ("inline command") and the head of a request, without its end. As in Redis. */
export const INLINE_BYTES_MAX = 64 * 1024;
/** One argument: the largest value of the store, and a little, so that the store itself refuses what is just above. */
export const BULK_BYTES_MAX = 8 * 1024 * 1024 + 64 * 1024;
/** MSET with 10,000 pairs and its name. Most commands take fewer: their table says how many. */
export const ARGUMENTS_MAX = 20_001;
/** All arguments of one request, with what each takes besides its bytes: two of the largest values. */
export const REQUEST_BYTES_MAX = 2 * BULK_BYTES_MAX;
export const ARGUMENT_OVERHEAD_BYTES = 128;
/** What somebody may send who has not said a password yet. As in Redis. */
export const UNTRUSTED_ARGUMENTS_MAX = 10;
export const UNTRUSTED_BULK_BYTES_MAX = 16 * 1024;
/** An answer of at least so many bytes is handed on as it is, shorter ones are copied into one buffer. */
export const BULK_COPIED_BYTES_MAX = 16 * 1024;
/** What the writer's buffer begins with, and what it keeps between two uses. */
export const WRITER_BYTES = 16 * 1024;
export const WRITER_KEPT_BYTES_MAX = 1024 * 1024;
