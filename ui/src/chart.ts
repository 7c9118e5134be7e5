/**
 * Scaling for the small drawings: sparklines of quality and the curve of a community's growth. Pure.
 */

/** A round figure at or above `value` for the top of an axis: 1, 2, 5, 10, 20, 50, … */
export function roundTop(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 2, 5, 10]) {
    if (factor * power >= value) return factor * power;
  }
  return 10 * power;
}

export interface Point {
  x: number;
  y: number;
}

/** Places values over a width and a height, y downwards; a null is a gap. */
export function place(
  values: readonly (number | null)[],
  width: number,
  height: number,
  top: number,
): (Point | null)[] {
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const round = (value: number) => Math.round(value * 10) / 10;
  return values.map((value, index) => {
    if (value === null) return null;
    const share = Math.min(1, Math.max(0, top > 0 ? value / top : 0));
    return { x: round(values.length > 1 ? index * step : width / 2), y: round(height - share * height) };
  });
}

/** An SVG path through the points; it is broken where there is a gap. */
export function linePath(points: readonly (Point | null)[]): string {
  let open = false;
  let path = "";
  for (const point of points) {
    if (!point) open = false;
    else {
      path += `${open ? "L" : "M"}${point.x} ${point.y}`;
      open = true;
    }
  }
  return path;
}

/** The area below a line without gaps. */
export function areaPath(points: readonly Point[], height: number): string {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return "";
  return `${linePath(points)}L${last.x} ${height}L${first.x} ${height}Z`;
}

/** The 95th percentile, so that one slow answer does not flatten the rest. */
export function usualTop(values: readonly (number | null)[]): number {
  const sorted = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * 0.95)] ?? 0;
}

/** At most `limit` of the values, evenly spread, always with the last. */
export function thin<T>(values: readonly T[], limit: number): T[] {
  if (values.length <= limit) return [...values];
  const step = (values.length - 1) / (limit - 1);
  return Array.from({ length: limit }, (_, index) => values[Math.round(index * step)]!);
}
