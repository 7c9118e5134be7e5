/** Every limit and every wait of care. Times are of the wall, since they outlast restarts. */

/** A file is looked at again after this time; its leases are renewed with it. They last 31 days: two thirds are 20. */
export const CARE_EVERY_MS = 3 * 86_400_000;
/** One that is not well is looked at again after this time. */
export const WEAK_EVERY_MS = 3_600_000;
/** Between two looks whether something is due. */
export const CARE_LOOK_MS = 60_000;
/** Other servers than at the last look, for so long: all that was checked before is due again. */
export const SERVERS_SETTLED_MS = 600_000;
/**
 * A file that is weak only since a server is away is not repaired before so long: boxes are switched off for a night,
 * and come back. One that could not bear another loss is repaired at once.
 */
export const CARE_GRACE_MS = 12 * 3_600_000;
/** So many shares more than are needed are few enough for not waiting. */
export const URGENT_SPARE = 2;
/** Of all servers, this part must answer; else the trouble is more likely here, and repairing would do harm. */
export const REACHABLE_MIN = 0.5;
/** One check or one repair may take so long. */
export const CHECK_TIMEOUT_MS = 120_000;
export const REPAIR_TIMEOUT_MS = 6 * 3_600_000;
/** What a check costs, for the budget: requests and answers of all servers, about. */
export const CHECK_BYTES = 8 * 1024;

// --- For owners that are away -------------------------------------------------------------------------------------

/** So many boxes besides the owner's are given the verify cap of each file. */
export const CARE_TAKERS = 2;
/** Verify caps that one box may leave here, and all. */
export const DEPOSITS_PER_BOX_MAX = 50_000;
export const DEPOSITS_MAX = 500_000;
/** A deposit that its owner did not speak of for so long is let go. */
export const DEPOSIT_KEPT_MS = 180 * 86_400_000;
/** It is looked for such ones this often, by running time. */
export const DEPOSIT_LET_GO_MS = 86_400_000;
/** Caps in one message, and its length. */
export const DEPOSIT_CAPS_MAX = 500;
export const DEPOSIT_BYTES_MAX = 256 * 1024;
export const DEPOSIT_TIMEOUT_MS = 20_000;
