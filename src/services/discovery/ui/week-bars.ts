/** Where the bars of the drawn week stand. Pure. */
import type { Output } from "../../../../ui/src/api.ts";

type Hour = Output<"discovery.quality">["history"][number];

export const HOURS = 168;
const HOUR_MS = 3_600_000;
/** A bar that is there is seen, however quick the answers were. */
const SHARE_MIN = 0.06;

export interface Bar {
  /** From 0, the oldest hour, to 167, this one. */
  at: number;
  /** Of the full height; null when nothing answered. */
  share: number | null;
  /** Share of the measurements that had no answer. */
  failed: number;
}

/** How long answers took: to the first byte, or else the round trip. */
export function timeOf(hour: Hour): number | null {
  return hour.firstByteMs ?? hour.rttMs;
}

export function barsOf(hours: readonly Hour[], topMs: number, nowMs: number): Bar[] {
  const last = Math.floor(nowMs / HOUR_MS);
  const bars = hours.map((hour) => {
    const at = HOURS - 1 - (last - Math.floor(Date.parse(hour.from) / HOUR_MS));
    const timeMs = timeOf(hour);
    const share = timeMs === null ? null : Math.min(1, Math.max(SHARE_MIN, timeMs / topMs));
    return { at, share: hour.answered > 0 ? share : null, failed: 1 - hour.answered / hour.samples };
  });
  return bars.filter(({ at }) => at >= 0 && at < HOURS);
}
