/** Every limit of the client of one storage server. A test takes smaller ones through `limits`. */

/** To a checked connection: look-up, TCP, TLS. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** Without a byte that moves in either direction; the reference client's figure. */
export const SILENCE_TIMEOUT_MS = 60_000;
/** A whole request with little in it. */
export const SMALL_TIMEOUT_MS = 120_000;
/** A whole request with share data in it: 30 MiB at 50 kB/s. */
export const DATA_TIMEOUT_MS = 600_000;
/**
 * Connections to one server, all of which are kept for a while: a new one costs both sides more than a small file. The
 * reference server takes any number, and the reference client opens so many.
 */
export const SERVER_CONNECTIONS_MAX = 8;
/** An unused connection is closed by us first: servers do so after 60 s, and a request may cross that on its way. */
export const CONNECTION_KEPT_MS = 30_000;
/** Requests of one server under way or waiting for a connection. */
export const SERVER_REQUESTS_MAX = 256;
/** Bytes of share data in one answer; also the reference client's limit. */
export const DATA_ANSWER_MAX_BYTES = 30 * 1024 * 1024;
/** Any other answer. The longest honest one lists 4096 holes of an upload. */
export const SMALL_ANSWER_MAX_BYTES = 256 * 1024;
/** CBOR items of one answer: 30 MiB of one-byte items would be gigabytes of objects. */
export const ANSWER_ITEMS_MAX = 40_000;
/** What is kept of the sentence that comes with an error. */
export const REASON_MAX_CHARS = 200;
/** An answer with an error is read so far; the connection of a longer one is cut. */
export const REASON_MAX_BYTES = 10_000;
export const ANSWER_HEADERS_MAX_BYTES = 16 * 1024;
/** A body is handed over in such parts; each that the system took counts as a sign of life, also on a thin line. */
export const WRITE_PART_BYTES = 128 * 1024;
/** In the text of `application-version`: the server takes several whole shares in one request. */
export const WHOLE_SHARES_MARK = "comu-small-shares-1";
/** The body of such a request; what is more goes share by share. The server's own limit. */
export const WHOLE_BODY_MAX_BYTES = 1024 * 1024;
/** There, too: it stores small things and then does a write, in one request (`GridServer.takesBefore`). */
export const BEFORE_WRITE_MARK = "comu-before-write-1";
/** So many things, and the body of such a request. The server's own limits. */
export const BEFORE_WRITES_MAX = 256;
export const BEFORE_BODY_MAX_BYTES = 1024 * 1024;
/** Vectors of a write shorter than this are put together into one part. */
export const JOINED_PART_BYTES = 64 * 1024;
/** What the protocol allows for a reason in an advisory, made smaller by what our own server takes. */
export const ADVICE_MAX_CHARS = 1000;
/** A shorter answer is not worth memory of its own kind. */
export const MEMORY_MIN_BYTES = 64 * 1024;
/** What comes off a connection is read into this, and taken out of it at once: no TLS record is longer. */
export const READ_BUFFER_BYTES = 64 * 1024;
