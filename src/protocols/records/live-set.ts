/**
 * Which records of one author are live: the merge of the replicated set, as one pure function.
 *
 * `liveOf` keeps, of any set of one author's records,
 *   1. the witness: the record with the highest floor (then highest in order), always;
 *   2. of the rest only those numbered at or above the witness's floor, and the permanent ones,
 *   3. only the highest of each (kind, key),
 *   4. only the newest LIVE_PER_KIND_MAX of a kind and LIVE_PER_AUTHOR_MAX in all, the permanent ones besides.
 * Permanent are the community's first record, which cannot be signed anew (the community's id is made from it), and an
 * author's join, on which the membership of others may lean: no floor and no flood of its author takes it away.
 * For all A, B: liveOf(liveOf(A) + B) = liveOf(A + B), whatever the author does, which is what makes the order of
 * arrival irrelevant. An honest author's floor never falls, so its witness is simply its last record; the witness of
 * a dishonest one may be a record that is superseded otherwise, and it stays as the proof of the floor. The limits of
 * step 4 keep the newest, not the first to arrive, for the same reason.
 */
import { LIVE_PER_AUTHOR_MAX, LIVE_PER_KIND_MAX } from "./constants.ts";
import { compareHeld, GENESIS_KIND, JOIN_KIND, type Held } from "./record.ts";

export interface LiveLimits {
  perKind: number;
  perAuthor: number;
}

export const LIVE_LIMITS: LiveLimits = { perKind: LIVE_PER_KIND_MAX, perAuthor: LIVE_PER_AUTHOR_MAX };

export interface LiveSet {
  /** In order; the witness is among them. */
  kept: Held[];
  /** Those that a reader sees as the author's word (tombstones too): `kept` without a superseded witness. */
  current: Held[];
  /** Dropped by step 4. */
  crowdedOut: Held[];
  witness: Held | undefined;
}

/** Two positions as one map key; kinds cannot contain the separator. */
export function slotOf(held: Held): string {
  return `${held.record.kind}\n${held.record.key}`;
}

export function liveOf(records: readonly Held[], limits: LiveLimits = LIVE_LIMITS): LiveSet {
  const witness = witnessOf(records);
  if (!witness) return { kept: [], current: [], crowdedOut: [], witness };
  const { floor } = witness.record;
  const isStanding = ({ record }: Held) => record.seq >= floor || isPermanent({ record });
  const candidates = highestPerSlot(records).filter(isStanding);
  const { current, crowdedOut } = newestWithin(candidates, limits);
  const kept = current.includes(witness) ? current : [...current, witness].sort(compareHeld);
  return { kept, current, crowdedOut: crowdedOut.filter((held) => held !== witness), witness };
}

export function isPermanent({ record }: Pick<Held, "record">): boolean {
  return record.key === "self" && (record.kind === GENESIS_KIND || record.kind === JOIN_KIND);
}

/** True when `held` is a better proof than `witness` of what its author withdrew. */
export function isHigherWitness(held: Held, witness: Held): boolean {
  return (held.record.floor - witness.record.floor || compareHeld(held, witness)) > 0;
}

function witnessOf(records: readonly Held[]): Held | undefined {
  let best = records[0];
  for (const held of records) if (isHigherWitness(held, best!)) best = held;
  return best;
}

function highestPerSlot(records: readonly Held[]): Held[] {
  const highest = new Map<string, Held>();
  for (const held of records) {
    const slot = slotOf(held);
    const other = highest.get(slot);
    if (!other || compareHeld(held, other) > 0) highest.set(slot, held);
  }
  return [...highest.values()];
}

function newestWithin(candidates: Held[], limits: LiveLimits) {
  const current: Held[] = [];
  const crowdedOut: Held[] = [];
  const perKind = new Map<string, number>();
  let counted = 0;
  for (const held of candidates.sort(compareHeld).reverse()) {
    const sameKind = perKind.get(held.record.kind) ?? 0;
    if (isPermanent(held)) current.push(held);
    else if (sameKind >= limits.perKind || counted >= limits.perAuthor) crowdedOut.push(held);
    else {
      perKind.set(held.record.kind, sameKind + 1);
      counted++;
      current.push(held);
    }
  }
  return { current: current.reverse(), crowdedOut };
}
