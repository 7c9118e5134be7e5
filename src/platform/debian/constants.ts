/** Limits of making a Debian. `limits` of `buildDebian` takes smaller ones. */

/** From the beginning to the packed image; the slowest tried took four minutes. */
export const BUILD_TIMEOUT_MS = 60 * 60_000;
/** All files of the image, unpacked. */
export const BUILD_SIZE_MIB_MAX = 8 * 1024;
/** What the smallest Debian needs while it is made: files, downloaded packages, the packed image. */
export const BUILD_ROOM_BYTES_MIN = 1_200 * 2 ** 20;
/** What stays free for the rest of the box, whatever is made. */
export const BUILD_SPARED_BYTES = 256 * 2 ** 20;
/** How often the disk is looked at meanwhile. */
export const BUILD_DISK_LOOK_MS = 2_000;
/** Of what the tools say: the newest is kept, for whoever looks for the reason of a failure. */
export const BUILD_LOG_CHARS_MAX = 32 * 1024;
/** A line of theirs in an error. */
export const BUILD_SAID_CHARS_MAX = 300;
/** Asking apt where its packages come from. */
export const APT_TIMEOUT_MS = 20_000;
export const APT_OUTPUT_BYTES_MAX = 1024 * 1024;
