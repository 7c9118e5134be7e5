/**
 * Every limit of the container engine's client, with the reason. `limits` of `openEngine` takes smaller ones.
 */

/** From asking to the head of the answer, for what the engine answers at once. */
export const ENGINE_ANSWER_TIMEOUT_MS = 20_000;
/** From starting a task (create, start, import …) to its end; a slow disk unpacks a large image for minutes. */
export const ENGINE_TASK_TIMEOUT_MS = 600_000;
/** One question "is it done?" waits this long in the engine, then is asked again. */
export const ENGINE_WAIT_ROUND_MS = 30_000;
/** A stream of bytes, in or out, that does not move for this long is given up. */
export const ENGINE_STREAM_IDLE_MS = 60_000;
/** A JSON answer. A container with its state is some 5 KB in the longest list. */
export const ENGINE_ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Questions under way at once, waits for tasks included. */
export const ENGINE_REQUESTS_MAX = 256;
/** Open web sockets: each command in a container has up to four, each console two. */
export const ENGINE_SOCKETS_MAX = 256;

/** One message of a web socket, an event or bytes of a command, which may come in several frames. */
export const EVENT_BYTES_MAX = 4 * 1024 * 1024;
/** What waits to be sent on a web socket before the writer has to wait. */
export const SOCKET_UNSENT_BYTES_MAX = 256 * 1024;
/** From the engine asking whether we are there to our answer, so that a quick command has ended before. */
export const SOCKET_PONG_DELAY_MS = 1_000;
/** From saying goodbye on a web socket to cutting it. */
export const SOCKET_CLOSE_GRACE_MS = 2_000;

/** Output kept of a command that `run` runs to its end; more of it is a failure. */
export const RUN_OUTPUT_BYTES_MAX = 1024 * 1024;
/** A command that `run` runs to its end. */
export const RUN_TIMEOUT_MS = 60_000;
/** The words of a command together, and its environment: what the kernel takes is 2 MB. */
export const COMMAND_BYTES_MAX = 128 * 1024;
/** A file read out of a container, if the caller names no limit; files of any size stream. */
export const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** One packet of SFTP: a piece of a file, or the names of some hundred. */
export const SFTP_PACKET_BYTES_MAX = 1024 * 1024;
/** A piece of a file in one packet, and how many are under way at once in one file. */
export const SFTP_PIECE_BYTES = 32 * 1024;
export const SFTP_PIECES_MAX = 8;
/** A file that does not say how long it is, as those of /proc, is read up to here. */
export const UNSIZED_FILE_BYTES_MAX = 1024 * 1024;
/** The log of a console, which the engine keeps in a ring of 128 KB. */
export const CONSOLE_LOG_BYTES_MAX = 1024 * 1024;

/** The events' stream is opened again after this time, doubled each time that it fails. */
export const EVENTS_AGAIN_MS_MIN = 250;
export const EVENTS_AGAIN_MS_MAX = 15_000;

/** Text of the engine in an error. */
export const ENGINE_SAID_CHARS_MAX = 400;

/** Of an image: files in it, its metadata.yaml, and a name or what is said of one. */
export const IMAGE_ENTRIES_MAX = 1_000_000;
export const IMAGE_METADATA_BYTES_MAX = 256 * 1024;
export const TAR_NAME_BYTES_MAX = 64 * 1024;
