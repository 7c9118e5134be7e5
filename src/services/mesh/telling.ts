/**
 * When a box tells all others something new of itself. Each telling reaches every box, so what all boxes say together
 * must not grow with their number: the more there are, the rarer each speaks, and the longer the time over which
 * they spread what happened to all of them at once (a new key).
 */

/** Between two tellings that only bring a new load: it is an average over so long. */
export const LOAD_MS_MIN = 300_000;
/** What has not changed is said again after this, so that the others know that it still holds. */
export const AGAIN_MS_MIN = 600_000;
/** All boxes together bring a new load, or the same again, about once in this time. */
export const LOAD_MS_PER_BOX = 1000;
/** All boxes together tell what cannot wait (name, health, key) about once in this time. */
export const NEWS_MS_PER_BOX = 50;
/** A load that moved less is no news, in percent of a core. */
export const LOAD_STEP_PERCENT = 50;

export interface Told {
  /** Load per core in percent. */
  load: number;
  /** Everything else, as one text. */
  rest: string;
}

/**
 * Milliseconds to wait from `sinceMs` ago, when `before` was told; the caller looks again after it.
 * @param boxes members that take part
 * @param chance 0 to 1, drawn once for each change
 */
export function waitMs(before: Told | undefined, now: Told, sinceMs: number, boxes: number, chance: number): number {
  if (!before || before.rest !== now.rest) return chance * boxes * NEWS_MS_PER_BOX;
  const intervalMs = boxes * LOAD_MS_PER_BOX;
  const moved = Math.abs(now.load - before.load);
  const isNews = moved >= LOAD_STEP_PERCENT && moved * 2 >= Math.min(now.load, before.load);
  return Math.max(0, Math.max(isNews ? LOAD_MS_MIN : AGAIN_MS_MIN, intervalMs) - sinceMs);
}
