/** Every limit of the Redis front end, with the reason; those of its reader are in protocols/resp/constants.ts. */

/** Where it listens unless told otherwise: this machine only, on the port that every client tries first. */
export const RESP_ADDRESS = "127.0.0.1";
export const RESP_PORT = 6379;
/** What it says it is compatible with; libraries look at it. */
export const RESP_COMPATIBLE_VERSION = "7.0.0";
/** Operations of one connection that run at one time. */
export const RESP_IN_FLIGHT_MAX = 128;
/** Answers of one connection that wait for an earlier one. */
export const RESP_QUEUED_MAX = 1024;
/** Operations are started only as long as what they bring, going by the last answers, fits this. */
export const RESP_EXPECTED_BYTES_MAX = 8 * 1024 * 1024;
/** What a connection's first answers are taken for. Fewer run at one time until it is seen that they are small. */
export const RESP_EXPECTED_FIRST_BYTES = 1024 * 1024;
/** Above this much of answers that wait to be sent, or of requests that run, no further request is begun. */
export const RESP_WAITING_BYTES_MAX = 1024 * 1024;
/** What may come in while requests wait, before it stops reading. */
export const RESP_READ_AHEAD_BYTES = 64 * 1024;
/** A connection with more than this in unsent answers is cut off. */
export const RESP_OUTPUT_BYTES_MAX = 96 * 1024 * 1024;
/** Requests and answers of all connections together; above it the connection that holds most is cut off. */
export const RESP_HELD_BYTES_MAX = 128 * 1024 * 1024;
/** A request that has begun has to be whole after this. */
export const RESP_REQUEST_MS = 60_000;
/** Who has opened a connection, and, where there is one, not said the password, has this time. */
export const RESP_FIRST_MS = 60_000;
/** A connection over which nothing came for this time is closed. */
export const RESP_IDLE_MS = 3_600_000;
/** Arguments of a command; those of many keys take as many as they name. */
export const RESP_ARGUMENTS_MAX = 1024;
export const RESP_KEYS_MAX = 10_000;
/** Keys of one command that are asked for at one time. */
export const RESP_KEYS_AT_ONCE = 64;
/** What one MGET may answer. */
export const RESP_ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Rounds of compare and set of one APPEND or conditional EXPIRE, before it says that others were always faster. */
export const RESP_ROUNDS_MAX = 16;
/** Keys that KEYS and DBSIZE look at; with more they refer to SCAN. */
export const RESP_LOOKED_AT_MAX = 100_000;
/** Keys in one page of a SCAN, and pages that are remembered for those who come back with their cursor. */
export const RESP_PAGE_KEYS_MAX = 1_000;
export const RESP_PAGE_KEYS = 10;
export const RESP_CURSORS_MAX = 4_096;
/** Characters of a pattern: time grows with it and with the length of keys. */
export const RESP_PATTERN_CHARS_MAX = 1024;
/** Name that a connection gives itself, and what it says about its library. */
export const RESP_NAME_CHARS_MAX = 256;
/** Passwords that are being checked and wait to be, all connections together. A check takes 16 MiB and some 50 ms. */
export const RESP_CHECKS_AT_ONCE = 1;
export const RESP_CHECKS_WAITING_MAX = 256;
/** Different wrong passwords from one address in a window of time, and addresses that are remembered. */
export const RESP_WRONG_MAX = 10;
export const RESP_WRONG_WINDOW_MS = 20_000;
/** Of an address that says wrong ones, the log tells this often. */
export const RESP_WRONG_LOG_MS = 60_000;
export const RESP_WRONG_ADDRESSES_MAX = 4_096;
/** A password may have so many bytes. */
export const RESP_PASSWORD_BYTES_MAX = 512;
