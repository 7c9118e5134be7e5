/** Times as people write them on a command line: 500ms, 30s, 10m, 2h, 1d. */

export const DURATION = /^\d{1,6}(?:ms|s|m|h|d)$/;
const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** In milliseconds. The text must fit `DURATION`. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)(\w+)$/.exec(text)!;
  return Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
