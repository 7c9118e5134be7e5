/** The history of a service as one line of text, for a terminal. Pure. */
import { HOUR_MS, HOURS_MAX } from "./history.ts";
import type { Hour } from "./history.ts";

const STEP_HOURS = 3;
const STEPS = HOURS_MAX / STEP_HOURS;
const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const NO_ANSWER = "x";
const NOT_MEASURED = "·";

/**
 * Seven days until now, a character for three hours: how long its answers took, from nothing to the slowest; "x" where
 * more than half of the measurements had no answer, "·" where nothing was measured.
 */
export function weekLine(hours: readonly Hour[], nowMs: number): string {
  const last = Math.floor(nowMs / HOUR_MS / STEP_HOURS);
  const steps = Array.from({ length: STEPS }, (_, index) => stepOf(hours, last - STEPS + 1 + index));
  const top = Math.max(...steps.map((step) => step?.timeMs ?? 0));
  return steps.map((step) => (step ? barOf(step.timeMs, top) : NOT_MEASURED)).join("");
}

/** The time is null when more than half had no answer. */
function stepOf(hours: readonly Hour[], step: number): { timeMs: number | null } | undefined {
  const within = hours.filter((one) => Math.floor(one.hour / STEP_HOURS) === step);
  if (within.length === 0) return undefined;
  const sum = (key: "samples" | "answered") => within.reduce((total, one) => total + one[key], 0);
  if (sum("answered") * 2 < sum("samples")) return { timeMs: null };
  const times = within.map((one) => one.firstByteMs ?? one.rttMs).filter((ms) => ms !== null);
  return { timeMs: times.length > 0 ? Math.max(...times) : null };
}

function barOf(timeMs: number | null, top: number): string {
  if (timeMs === null) return NO_ANSWER;
  return BARS[top > 0 ? Math.min(BARS.length - 1, Math.floor((timeMs / top) * BARS.length)) : 0]!;
}
