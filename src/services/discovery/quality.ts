/**
 * How good a service is, seen from here: one score from what was measured. The formula, in full:
 *
 *   success  lower end of the Wilson interval of the share of measurements of the last seven days that answered: few
 *            measurements say little, so two answers of two count less than two hundred of two hundred
 *   speed    150 / (150 + t)   with t the median time to the first byte, or else of the round trip, in milliseconds
 *   ease     1 / (1 + load)    with load per core as the host claims it; 1/2 while unknown or stale
 *   score  = 100 · (0.5 · success + 0.4 · speed + 0.1 · ease) · (1 − loss)
 *
 * with loss the share of the recent measurements whose packets were lost. A service that did not answer last time has
 * the score 0; one that was never measured from here, or whose box is away, has none: an estimate is not a measurement.
 */

/** A service that answers within this time has half of the points for speed. */
export const HALF_SPEED_MS = 150;
export const WEIGHTS = { success: 0.5, speed: 0.4, ease: 0.1 } as const;
/** The true share of answers is at least the success that we count, nine times out of ten (a one-sided 90 %). */
export const WILSON_Z = 1.2816;
/** Ease while the host says nothing, or nothing new: a host that claims no load gains 5 points by it, and no more. */
export const EASE_UNKNOWN = 0.5;

export interface QualityFacts {
  /** The host's box is there. */
  boxUp: boolean;
  /** Did the last measurement answer? null before the first. */
  reachable: boolean | null;
  /** Medians of what was measured; null where nothing was. */
  rttMs: number | null;
  firstByteMs: number | null;
  /** 0 to 1. */
  loss: number;
  /** Measurements of the last seven days, and how many of them answered. */
  samples: number;
  answered: number;
  /** Per core, as the host claims; null when it does not, or not lately. */
  load: number | null;
}

/** What the score is made of, each from 0 to 1. */
export interface ScoreParts {
  success: number;
  speed: number;
  ease: number;
  loss: number;
}

/**
 * The lower end of Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical
 * inference", 1927): the smallest true share with which `answered` of `samples` is still plausible.
 */
export function wilsonLower(answered: number, samples: number): number {
  if (samples === 0) return 0;
  const share = answered / samples;
  const z2 = WILSON_Z ** 2;
  const centre = share + z2 / (2 * samples);
  const spread = WILSON_Z * Math.sqrt((share * (1 - share)) / samples + z2 / (4 * samples ** 2));
  return Math.max(0, (centre - spread) / (1 + z2 / samples));
}

/** Undefined while nothing was measured. */
export function scoreParts(facts: QualityFacts): ScoreParts | undefined {
  const timeMs = facts.firstByteMs ?? facts.rttMs;
  if (facts.reachable === null || facts.samples === 0) return undefined;
  return {
    success: wilsonLower(facts.answered, facts.samples),
    speed: timeMs === null ? 0 : HALF_SPEED_MS / (HALF_SPEED_MS + Math.max(0, timeMs)),
    ease: facts.load === null ? EASE_UNKNOWN : 1 / (1 + Math.max(0, facts.load)),
    loss: facts.loss,
  };
}

/** 0 to 100, or null while nothing was measured and while its box is away. */
export function qualityScore(facts: QualityFacts): number | null {
  const parts = scoreParts(facts);
  if (!parts || !facts.boxUp) return null;
  if (facts.reachable === false) return 0;
  const { success, speed, ease, loss } = parts;
  const whole = WEIGHTS.success * success + WEIGHTS.speed * speed + WEIGHTS.ease * ease;
  return Math.round(100 * whole * (1 - loss));
}
