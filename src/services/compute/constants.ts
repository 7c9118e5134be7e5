/** Limits and times of the compute service. Those of lending itself are in `protocols/compute/constants.ts`. */

/** The engine is looked at this often when nothing happens. */
export const LOOK_MS = 30_000;
/** A sliver that is being made, started or stopped is looked at this often, as long as its host was heard of late. */
export const LOOK_SOON_MS = 1_000;
export const UNDER_WAY_MS = 60_000;
/** Or when its hosts say that it stands, but not sooner than so long after they were asked. */
export const SETTLED_PAUSE_MS = 50;
/** Questions of that kind that wait on one host; others hear at once that it is not so far. */
export const SETTLING_MAX = 512;
/** Steps under way at once on one host: more make a small machine slower, not quicker. */
export const STEPS_AT_ONCE = 4;
/** More slivers than this are looked at in one list of all. */
export const LOOKED_AT_ALONE_MAX = 8;
/** Fetching an image over a slow link takes longest. */
export const STEP_TIMEOUT_MS = 60 * 60_000;
/** An instance that the books lost is kept so long at least, for its borrower to say that it is still wanted. */
export const ADOPTED_LEASE_MS = 24 * 3_600_000;

/** Questions between boxes. */
export const MESSAGE_TIMEOUT_MS = 10_000;
/** Slivers that one message speaks of. */
export const MESSAGE_SLIVERS_MAX = 64;

/** What a slice asks its hosts for at once; it is renewed from half of that on. */
export const LEASE_MS = 7 * 24 * 3_600_000;
/** And what it asks a host for that does not lend for so long: no host's owner can set less. */
export const SHORT_LEASE_MS = 24 * 3_600_000;
/** Two looks tell of the same lease in spans that were so long on their way. */
export const LEASE_TOLERANCE_MS = 60_000;
/**
 * A new sliver is reserved for so long at first, and renewed when its host has been heard: what was reserved by a
 * message that came too late ends soon.
 */
export const FIRST_LEASE_MS = 15 * 60_000;
/** How much one look, at which a host answered or did not, counts in its reliability. */
export const RELIABILITY_WEIGHT = 0.02;
/** A change of it that is not worth a write on the disk. */
export const RELIABILITY_STEP = 0.01;
/** Offers are asked for again when somebody else was quicker. */
export const RESERVE_TRIES_MAX = 4;
export const SLIVER_ID_BYTES = 12;

export const SLICE_SLIVERS_MAX = 64;
export const SLICE_FILE_BYTES_MAX = 64 * 1024;
export const SLICES_PER_ACCOUNT_MAX = 100;

/** What one box tells the community about. */
export const IMAGES_PER_BOX_MAX = 32;
export const IMAGE_BYTES_MAX = 64 * 2 ** 30;
/** The answer of a command in a sliver, each of both outputs, and how long it may take. */
export const EXEC_BYTES_MAX = 64 * 1024;
export const EXEC_TIMEOUT_MS = 60_000;
/** Commands at once in the slivers of a host, and those of one borrower; others hear that it is busy. */
export const EXECS_MAX = 24;
export const EXECS_PER_BOX_MAX = 8;
/** Who launches a slice waits so long for it to run. */
export const LAUNCH_WAIT_MS = 120_000;
/** Processes of one sliver: a fork bomb stays inside. */
export const SLIVER_PROCESSES_MAX = 2_000;

/** Pages are told of changes at most this often. */
export const CHANGED_PAUSE_MS = 500;
/** Whether an engine is there, and what it has. */
export const ENGINE_LOOK_MS = 60_000;

/** Of one sliver: each takes the host's disk as often as it is changed afterwards. */
export const SLIVER_SNAPSHOTS_MAX = 8;
/** A snapshot, or going back to one, in a storage that copies. Links end what is still for five minutes. */
export const SNAPSHOT_TIMEOUT_MS = 4 * 60_000;
/** Who has gone back to one waits so long at most for the sliver to run again. */
export const RESTORED_WAIT_MS = 30_000;

/** Streams into slivers on one host, and those of one borrower: a file, a log, a question. */
export const INSIDE_STREAMS_MAX = 64;
export const INSIDE_STREAMS_PER_BOX_MAX = 16;
/** Of a question, with a path in it, and of an answer, with a folder. */
export const INSIDE_QUESTION_BYTES_MAX = 32 * 1024;
export const INSIDE_LINE_BYTES_MAX = 2 * 2 ** 20;
/** Entries of a folder that are told; more are not shown. */
export const FOLDER_ENTRIES_MAX = 1_000;
/** A file goes into a sliver in pieces of at most so many bytes, and is as long as this at most. */
export const INSIDE_PIECE_BYTES_MAX = 4 * 2 ** 20;
export const INSIDE_FILE_BYTES_MAX = 2 ** 40;
/** What came of a file is taken away when no piece has come for so long: until then whoever sent it may go on. */
export const UPLOAD_IDLE_MS = 60 * 60_000;
export const UPLOADS_LOOK_MS = 10 * 60_000;
/** Files of several pieces on their way into one sliver, those that were given up included. */
export const UPLOADS_PER_SLIVER_MAX = 32;
/** Lines of a log that are told, and all of them together; one that is followed has no end. */
export const LOG_LINES_MAX = 1_000;
export const LOG_BYTES_MAX = 2 ** 20;
/** One line; a longer one is shown in parts. */
export const LOG_LINE_CHARS_MAX = 64 * 1024;
/** Of the console of a sliver that somebody looked at, kept in memory. */
export const CONSOLE_KEPT_CHARS = 64 * 1024;
/** The engine's console says nothing by itself: it is looked at this often while somebody follows it. */
export const CONSOLE_LOOK_MS = 2_000;
/** Whoever follows a log in which nothing happens hears of it, so that the line is not taken for dead. */
export const LOG_ALIVE_MS = 60_000;

/** A host is told again who is in a slice: it may have lost it. */
export const NETWORK_AGAIN_MS = 5 * 60_000;
/** The tunnel between hosts listens so far above the mesh, unless the settings say where. */
export const TUNNEL_PORT_ABOVE = 1_000;
/**
 * What a sliver may send at once beyond its rate: the kernel hands over up to 64 KiB as one packet, and a line of TCP
 * needs some of them on their way.
 */
export const EGRESS_BURST_BYTES_MIN = 256 * 1024;
export const EGRESS_BURST_S = 0.25;
/** No rule says more: beyond some 18 GB a second, burst included, nftables takes none of the rules. */
export const EGRESS_BYTES_PER_S_MAX = 10_000_000_000;
/** Of a sliver's own list of names; a longer one is left alone. */
export const GUEST_HOSTS_BYTES_MAX = 256 * 1024;

/** What slivers use is read from the engine this often, and kept for an hour. */
export const FIGURES_EVERY_MS = 60_000;
export const FIGURES_KEPT_MAX = 60;
/** Whoever looks gets figures that are no older than this; all who look share them. */
export const FIGURES_FRESH_MS = 2_000;
/** A slice is shown without them when its hosts take longer. Each host is asked about so many slivers at once. */
export const FIGURES_WAIT_MS = 3_000;
export const FIGURES_AT_ONCE = 8;

/** The recipe of an app: what an image is made of beside Debian itself. */
export const APP_PACKAGES_MAX = 200;
export const APP_FILES_MAX = 500;
export const APP_COMMANDS_MAX = 100;
export const APP_COMMAND_CHARS_MAX = 16_000;
/** Its file, and a text in it. */
export const APP_FILE_CHARS_MAX = 256 * 1024;
/** All its files together. */
export const APP_FILES_BYTES_MAX = 256 * 2 ** 20;

/** Consoles open at once: in one sliver, from one box, and on a host, whose engine has only so many lines. */
export const CONSOLES_PER_SLIVER_MAX = 4;
export const CONSOLES_PER_BOX_MAX = 16;
export const CONSOLES_MAX = 64;
/** From a stream's beginning to what is wanted of it, and from there to the first word of its host. */
export const CONSOLE_BEGIN_TIMEOUT_MS = 10_000;
export const CONSOLE_OPEN_TIMEOUT_MS = 30_000;
/** A console in which nobody types and nothing is shown for so long is ended. */
export const CONSOLE_IDLE_MS = 60 * 60_000;
/** A quiet one says so this often, since links end what is still for five minutes. */
export const CONSOLE_ALIVE_MS = 60_000;
/** Sent to a page and not shown by it yet: beyond it the sliver has to wait, and Ctrl-C is seen soon. */
export const CONSOLE_UNSHOWN_BYTES_MAX = 256 * 1024;
/** A window that is drawn larger changes with each pixel; the shell hears of it this often. */
export const CONSOLE_RESIZE_MS = 50;

/** Ports of one sliver that the community sees, and of all slivers of a host; the records of a box are limited too. */
export const SLIVER_PORTS_MAX = 8;
export const HOST_PORTS_MAX = 64;
/** Where they are on the host: below the ports that the kernel gives to clients. */
export const HOST_PORT_FIRST = 20_000;
export const HOST_PORT_RANGE = 1_000;
/** Ports of the range that others have, before it is given up. */
export const HOST_PORT_TRIES_MAX = 100;
/** Whether somebody listens behind them is looked at this often; after so many silences in a row nobody does. */
export const PORTS_LOOK_MS = 20_000;
export const PORT_SILENCES_MAX = 2;
/** A host is told again which ports are published: it may have lost it. */
export const PORTS_AGAIN_MS = 5 * 60_000;
