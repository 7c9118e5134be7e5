/** Limits and times of the compute service. Those of lending itself are in `protocols/compute/constants.ts`. */

/** The engine is looked at this often when nothing happens. */
export const LOOK_MS = 30_000;
/** A sliver that is being made, started or stopped is looked at this often, as long as its host was heard of late. */
export const LOOK_SOON_MS = 1_000;
export const UNDER_WAY_MS = 60_000;
/** Steps under way at once on one host: more make a small machine slower, not quicker. */
export const STEPS_AT_ONCE = 4;
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
/** Who launches a slice waits so long for it to run. */
export const LAUNCH_WAIT_MS = 120_000;
/** Processes of one sliver: a fork bomb stays inside. */
export const SLIVER_PROCESSES_MAX = 2_000;

/** Pages are told of changes at most this often. */
export const CHANGED_PAUSE_MS = 500;
/** Whether an engine is there, and what it has. */
export const ENGINE_LOOK_MS = 60_000;
