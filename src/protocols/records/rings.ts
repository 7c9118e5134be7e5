/**
 * To whom a box passes on what is new. All boxes stand in a few rings, each in another order, and each box tells the
 * one after it in every ring. Any single ring would already reach all, so nobody is left out by chance (of boxes that
 * each tell four random others, one in fifty hears nothing); several rings together make the way short, and lead
 * around a box that is gone. A box always tells the same few, so that their links stay open.
 *
 * The rings need no agreement: a box's id is a hash, and each ring sorts by another part of it.
 */

/** 13 characters of base32 are 65 bits: enough that no two boxes stand at one place. */
const PLACE_CHARS = 13;
/** So many parts of an id of 52 characters. */
export const RINGS_MAX = 4;

/** By what a ring sorts. */
export function ringPlace(box: string, ring: number): string {
  return box.slice(ring * PLACE_CHARS, (ring + 1) * PLACE_CHARS);
}

/** The next of `others` after `self` in each ring, without repetition: at most `rings`. Few others are all told. */
export function nextInRings(self: string, others: readonly string[], rings: number): string[] {
  if (others.length <= rings) return [...others];
  const next = new Set<string>();
  for (let ring = 0; ring < Math.min(rings, RINGS_MAX); ring += 1) {
    const place = (box: string) => ringPlace(box, ring);
    const own = place(self);
    let after: string | undefined;
    let first: string | undefined;
    for (const box of others) {
      const at = place(box);
      if (first === undefined || at < place(first)) first = box;
      if (at > own && (after === undefined || at < place(after))) after = box;
    }
    const found = after ?? first;
    if (found !== undefined) next.add(found);
  }
  return [...next];
}
