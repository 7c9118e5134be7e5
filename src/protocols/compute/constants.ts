/** Limits of lending and using computers. What a host sets may be smaller, never larger. */

/** Slivers on one host, of all borrowers together: each costs the engine a process tree and the reconciler a look. */
export const HOST_SLIVERS_MAX = 256;
/** Offers that one choice weighs. */
export const OFFERS_MAX = 512;

export const CORES_MAX = 256;
export const BYTES_MAX = 2 ** 50;
/** A container with less does not start Debian's init. */
export const SLIVER_MEMORY_BYTES_MIN = 16 * 1024 * 1024;
export const SLIVER_DISK_BYTES_MIN = 16 * 1024 * 1024;

/** A lease ends unless it is renewed; none is longer, whatever host and borrower agree. */
export const LEASE_MAX_MS = 90 * 24 * 3600 * 1000;
/** A host that is away for so long has lost its slivers, for slices that ask to be made whole elsewhere. */
export const HOST_LOST_MS = 5 * 60_000;
/** A step that failed is done again after this, doubled each time up to the longest. */
export const STEP_PAUSE_MS = 2_000;
export const STEP_PAUSE_MS_MAX = 5 * 60_000;
/** After so many failures in a row of the same step a sliver counts as failed, until somebody wishes something new. */
export const STEP_TRIES_MAX = 8;

/**
 * The part of what a host lends that only borrowers who lend themselves can have: with no effort of their own all but
 * this part, with full effort everything.
 */
export const KEPT_FOR_LENDERS = 0.25;

/** Names of interfaces on a host: of a sliver, and of the tunnel to other boxes. Rules and cleaning go by them. */
export const DEVICE_PREFIX = "cs";
export const TUNNEL_PREFIX = "cw";
/** Slivers of one slice that a host is told of. */
export const SLICE_MEMBERS_MAX = 64;
/**
 * What a sliver may send in any case, in bytes a second: a shell, names and small questions to the others of its
 * slice. It counts nothing in what a host lends.
 */
export const EGRESS_FLOOR_BYTES_PER_S = 16 * 1024;
