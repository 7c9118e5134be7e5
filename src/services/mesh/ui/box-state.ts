/** How the state of a box is coloured, and in which order boxes stand. Pure. */

export type BoxState = "up" | "suspect" | "away" | "pending" | "excluded";

export const stateTone: Record<BoxState, "ok" | "warn" | "bad" | "info" | ""> = {
  up: "ok",
  suspect: "warn",
  away: "",
  pending: "info",
  excluded: "bad",
};

const RANK: Record<BoxState, number> = { pending: 0, up: 1, suspect: 1, away: 2, excluded: 3 };

interface Placed {
  id: string;
  name: string;
  self: boolean;
  state: BoxState;
  rttMs: number | null;
}

/** Who waits first, then this box, then the nearest; who is gone last. */
export function boxOrder(a: Placed, b: Placed): number {
  const [near, far] = [a.rttMs ?? Number.MAX_VALUE, b.rttMs ?? Number.MAX_VALUE];
  return RANK[a.state] - RANK[b.state] || Number(b.self) - Number(a.self) || near - far || (a.name < b.name ? -1 : 1);
}
