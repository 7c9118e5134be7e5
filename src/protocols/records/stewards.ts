/**
 * Who are the stewards, and whom they excluded. Stewards are reached from the founder by grants, layer by layer; in
 * each layer by time of the grant, then box id. A steward may exclude only who comes after it in that order, so two
 * who exclude one another do not depend on whose record arrives first, and nobody excludes the founder.
 */
import { readExclude, readSteward, type ExcludeBody } from "./membership-facts.ts";
import type { SignedRecord } from "./record.ts";

export interface Exclusion extends ExcludeBody {
  by: string;
}

interface Term {
  atMs: number;
  endedMs?: number;
}

export interface Stewards {
  /** Everybody who is or was one, in order. */
  terms: Map<string, Term>;
  excluded: Map<string, Exclusion>;
}

export interface StewardRecords {
  founder: string;
  createdMs: number;
  /** Records of kind "steward" and "exclude" by author. */
  grantsBy: Map<string, SignedRecord[]>;
  exclusionsBy: Map<string, SignedRecord[]>;
}

export function foldStewards(records: StewardRecords): Stewards {
  const stewards: Stewards = {
    terms: new Map([[records.founder, { atMs: records.createdMs }]]),
    excluded: new Map(),
  };
  const acted = new Set<string>();
  for (let layer = [records.founder]; layer.length;) {
    for (const author of layer) {
      acted.add(author);
      applyExclusions(stewards, records.exclusionsBy.get(author) ?? [], acted);
    }
    layer = nextLayer(stewards, layer, records.grantsBy);
  }
  return stewards;
}

/** True when `author` could decide this, then: a steward at that time, and not voided by an exclusion. */
export function mayDecide(stewards: Stewards, author: string, atMs: number, seq: number): boolean {
  const exclusion = stewards.excluded.get(author);
  return isStewardAt(stewards, author, atMs) && (!exclusion || seq <= exclusion.lastSeq);
}

export function isStewardAt(stewards: Stewards, box: string, atMs: number): boolean {
  const term = stewards.terms.get(box);
  if (!term || atMs < term.atMs || atMs > (term.endedMs ?? Infinity)) return false;
  return atMs <= (stewards.excluded.get(box)?.atMs ?? Infinity);
}

function applyExclusions(stewards: Stewards, records: SignedRecord[], acted: Set<string>): void {
  for (const record of records) {
    const exclusion = readExclude(record.body);
    const target = record.key;
    if (!exclusion || acted.has(target) || stewards.excluded.has(target)) continue;
    if (!mayDecide(stewards, record.author, exclusion.atMs, record.seq)) continue;
    stewards.excluded.set(target, { ...exclusion, by: record.author });
  }
}

function nextLayer(stewards: Stewards, layer: string[], grantsBy: Map<string, SignedRecord[]>): string[] {
  const next: [box: string, term: Term, place: number][] = [];
  for (const [place, author] of layer.entries())
    for (const record of grantsBy.get(author) ?? []) {
      const term = readSteward(record.body);
      if (term && mayDecide(stewards, author, term.atMs, record.seq)) next.push([record.key, term, place]);
    }
  next.sort(([boxA, a, placeA], [boxB, b, placeB]) => {
    if (boxA !== boxB) return a.atMs - b.atMs || (boxA < boxB ? -1 : 1);
    return a.atMs - b.atMs || placeA - placeB;
  });
  const added: string[] = [];
  for (const [box, term] of next) {
    if (stewards.terms.has(box)) continue;
    stewards.terms.set(box, term);
    added.push(box);
  }
  return added;
}
