/**
 * What the disk can give to the store: so that changes are refused while there is still room to remove and to compact,
 * and not by the disk in the midst of a write.
 *
 * ```
 * free  ──────────────────────────────────────────────────────────────────────────────▶ 0
 *        all goes on │ journal keeps less garbage │ nothing that grows │ nothing from others, too
 *                 TIGHT_SEGMENTS             reserve + KEPT_SEGMENTS   LAST_SEGMENTS
 * ```
 */
import type { Clock } from "../../kernel/clock.ts";
import { JOURNAL_SEGMENT_BYTES } from "../../platform/constants.ts";
import { ROOM_TIMES_MAX } from "../../protocols/kv/constants.ts";

/** How often the disk is asked. */
export const DISK_LOOK_MS = 1_000;
/** Beside the owner's reserve, for compaction: one to copy into, one made ahead, and what comes until the next look. */
export const KEPT_SEGMENTS = 3;
/** Above that, from here on the journal gives up removed values sooner. */
export const TIGHT_SEGMENTS = 4;
/** With less than this free, whatever the reserve, what other boxes send is not taken either. */
export const LAST_SEGMENTS = 2;

export interface DiskQuota {
  /** What the store may hold as far as the disk is concerned; Infinity before the first look. */
  quotaBytes(): number;
  /** As the last look found it; undefined before. */
  freeBytes(): number | undefined;
  isTight(): boolean;
  /** Never rejects: what cannot be asked stays as it was. */
  look(): Promise<void>;
}

export interface DiskQuotaNeeds {
  clock: Clock;
  freeBytes: () => Promise<number>;
  reserveBytes: () => number;
  /** False: nobody needs it, and the disk is not asked. */
  isWanted: () => boolean;
  /** Held by the store now. */
  usedBytes: () => number;
}

export function createDiskQuota(needs: DiskQuotaNeeds): DiskQuota & { start(): Promise<void>; stop(): void } {
  let quotaBytes = Number.POSITIVE_INFINITY;
  let free: number | undefined;
  let isTight = false;
  let cancel = () => {};

  const look = async () => {
    try {
      free = await needs.freeBytes();
    } catch {
      // The disk that cannot be asked cannot be written either: that is told by whoever writes.
      return;
    }
    const usedBytes = needs.usedBytes();
    const roomBytes = free - needs.reserveBytes() - KEPT_SEGMENTS * JOURNAL_SEGMENT_BYTES;
    isTight = roomBytes < TIGHT_SEGMENTS * JOURNAL_SEGMENT_BYTES;
    // The core takes from other boxes up to so many times the quota: nothing more, then.
    const isLast = free < LAST_SEGMENTS * JOURNAL_SEGMENT_BYTES;
    quotaBytes = isLast ? Math.floor(usedBytes / ROOM_TIMES_MAX) : usedBytes + Math.max(0, roomBytes);
  };
  return {
    quotaBytes: () => quotaBytes,
    freeBytes: () => free,
    isTight: () => isTight,
    look,
    async start() {
      await look();
      cancel = needs.clock.every(DISK_LOOK_MS, () => void (needs.isWanted() && look()));
    },
    stop: () => cancel(),
  };
}
