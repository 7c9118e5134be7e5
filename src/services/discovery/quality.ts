/**
 * How good a service is, seen from here: one score from what was measured. The formula, in full:
 *
 *   success  share of measurements of the last seven days that answered; 1 while there is none
 *   speed    150 / (150 + t)   with t the time to the first byte, or else the round trip, in milliseconds
 *   ease     1 / (1 + load)    with load per core as the host reports it; 1 while unknown
 *   score  = 100 · (0.5 · success + 0.35 · speed + 0.15 · ease) · (1 − loss)
 *
 * with loss the share of the last 20 measurements without an answer. A service whose box is away or that did not
 * answer last time has the score 0; one of which neither time nor answer is known has none.
 */

/** A service that answers within this time has half of the points for speed. */
export const HALF_SPEED_MS = 150;
/** Measurements that count for the loss. */
export const LOSS_WINDOW = 20;

export interface QualityFacts {
  /** The host's box is there. */
  boxUp: boolean;
  /** Did the last measurement answer? null before the first. */
  reachable: boolean | null;
  rttMs: number | null;
  firstByteMs: number | null;
  /** 0 to 1. */
  loss: number | null;
  success7d: number | null;
  load: number | null;
}

/** 0 to 100, or null while nothing is known. */
export function qualityScore(facts: QualityFacts): number | null {
  if (!facts.boxUp || facts.reachable === false) return 0;
  const timeMs = facts.firstByteMs ?? facts.rttMs;
  if (timeMs === null) return null;
  const speed = HALF_SPEED_MS / (HALF_SPEED_MS + timeMs);
  const ease = 1 / (1 + Math.max(0, facts.load ?? 0));
  const whole = 0.5 * (facts.success7d ?? 1) + 0.35 * speed + 0.15 * ease;
  return Math.round(100 * whole * (1 - (facts.loss ?? 0)));
}
