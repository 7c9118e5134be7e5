/**
 * Figures, sizes, durations and dates in the reader's language. Every figure carries its unit. Pure.
 */

const DAY_MS = 86_400_000;

/** "12.3 GB"; decimal units, as disks are sold. */
export function bytes(value: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
  let step = 0;
  let left = Math.max(0, value);
  while (left >= 999.5 && step < units.length - 1) {
    left /= 1000;
    step += 1;
  }
  const digits = left < 10 && step > 0 ? 1 : 0;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[step] ?? "byte",
    // "25 bytes": the short name of this one has no plural.
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: digits,
  }).format(left);
}

/** "12 ms", "1.2 s". */
export function milliseconds(value: number, language: string): string {
  const seconds = value >= 1000;
  const shown = seconds ? value / 1000 : value;
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: seconds ? "second" : "millisecond",
    unitDisplay: "short",
    maximumFractionDigits: shown < 10 && (seconds || value < 1) ? 1 : 0,
  }).format(shown);
}

export function percent(value: number, language: string): string {
  const digits = value > 99 && value < 100 ? 1 : 0;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(value / 100);
}

export function count(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

type Unit = "second" | "minute" | "hour" | "day" | "month" | "year";
const STEPS: readonly [Unit, number][] = [
  ["year", 365 * DAY_MS],
  ["month", 30 * DAY_MS],
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

function inUnit(ms: number): [Unit, number] {
  for (const [unit, size] of STEPS) {
    if (ms >= size) return [unit, Math.floor(ms / size)];
  }
  return ["second", 0];
}

/** "3 days": how long something has lasted. */
export function duration(ms: number, language: string): string {
  const [unit, value] = inUnit(Math.max(0, ms));
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(value);
}

/** "3 min ago", "in 2 days"; "now" within five seconds. */
export function relative(atMs: number, nowMs: number, language: string): string {
  const distanceMs = atMs - nowMs;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  if (Math.abs(distanceMs) < 5_000) return format.format(0, "second");
  const [unit, value] = inUnit(Math.abs(distanceMs));
  return new Intl.RelativeTimeFormat(language, { numeric: "always", style: "short" }).format(
    distanceMs < 0 ? -value : value,
    unit,
  );
}

/** Milliseconds until the text of `relative` may change, for a clock that ticks no more than it must. */
export function relativeChangesAfterMs(atMs: number, nowMs: number): number {
  const distanceMs = Math.abs(nowMs - atMs);
  if (distanceMs < 60_000) return 5_000;
  return distanceMs < 3_600_000 ? 30_000 : 600_000;
}

export function date(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(iso));
}

export function dateTime(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

export function clockTime(iso: string, language: string): string {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(new Date(iso));
}

/** Which greeting fits the hour of the reader's own clock. */
export function partOfDay(hour: number): "morning" | "afternoon" | "evening" {
  if (hour >= 5 && hour < 13) return "morning";
  return hour >= 13 && hour < 20 ? "afternoon" : "evening";
}
