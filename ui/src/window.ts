/** Which rows of a long list are in view. Pure. */

export interface RowRange {
  from: number;
  /** One past the last. */
  to: number;
}

/** `hiddenPx`: how much of the list lies above the view; negative when it begins below the top. */
export function rowsInView(hiddenPx: number, viewPx: number, rowPx: number, rows: number, around: number): RowRange {
  if (rowPx <= 0) return { from: 0, to: Math.min(rows, around) };
  const first = Math.floor(hiddenPx / rowPx);
  const last = Math.ceil((hiddenPx + viewPx) / rowPx);
  const from = Math.max(0, Math.min(first - around, rows));
  return { from, to: Math.max(from, Math.min(rows, last + around)) };
}
