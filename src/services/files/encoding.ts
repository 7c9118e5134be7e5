/**
 * Into how many pieces files are made, and on how many servers they must come to lie. The numbers of pieces do not
 * depend on how many servers there are: in a community that grows, the pieces of old files move out onto new boxes,
 * while a file that was made into one piece would stay on one box for ever.
 */
import type { Encoding } from "./grid/grid.ts";

/** "Servers of happiness" of Tahoe-LAFS for ten pieces; fewer servers, the same share of them. */
const HAPPY_MAX = 7;
const HAPPY_SHARE = 0.7;
const KIB = 1024;

/** So many servers must take pieces when there are `servers`: some may be away, and no single one can lose it. */
export function happyOf(servers: number, total: number): number {
  return Math.max(1, Math.min(HAPPY_MAX, total, Math.floor(servers * HAPPY_SHARE)));
}

/** `servers`: those that are known, whether or not they answer now. */
export function encodingOf(
  wanted: { needed: number; total: number; happy: number; segmentKiB: number },
  servers: number,
): Encoding {
  const total = Math.max(wanted.needed, wanted.total);
  const happy = Math.min(total, wanted.happy || happyOf(servers, total));
  return { needed: wanted.needed, total, happy, segmentMaxBytes: wanted.segmentKiB * KIB };
}
