/**
 * The records of one author that are kept, one at a time: exactly what `liveOf(kept + one)` gives, but without going
 * through all of them again where the newest one arrives, as it nearly always does. An author at its limits would
 * otherwise cost every box half a millisecond for each record that it sends.
 */
import { isHigherWitness, isPermanent, LIVE_LIMITS, liveOf, slotOf, type LiveLimits } from "./live-set.ts";
import { compareHeld, type Held } from "./record.ts";

export type Verdict = "new" | "known" | "superseded" | "too-many-live";

export interface Added {
  verdict: Verdict;
  /** What was kept before and is not any more. */
  dropped: Held[];
}

export class AuthorSet {
  readonly #limits: LiveLimits;
  /** All that is kept, in order. */
  #kept: Held[] = [];
  /** The author's word for each (kind, key), tombstones too: `kept` without a superseded witness. */
  #current = new Map<string, Held>();
  #witness: Held | undefined;
  /** Of all that is kept. */
  bytes = 0;

  constructor(limits: LiveLimits = LIVE_LIMITS) {
    this.#limits = limits;
  }

  get kept(): readonly Held[] {
    return this.#kept;
  }

  current(): Held[] {
    return [...this.#current.values()];
  }

  /** The author's word for this (kind, key). */
  at(slot: string): Held | undefined {
    return this.#current.get(slot);
  }

  byRef(ref: string): Held | undefined {
    return this.#numbered(Number.parseInt(ref, 10)).find((held) => held.ref === ref);
  }

  /** One is kept with this number and this signature, so nothing new can be under them. */
  hasSignature(seq: number, sig: string): boolean {
    return this.#numbered(seq).some((held) => held.record.sig === sig);
  }

  /** Another record of this author with the same number: proof that the author numbers twice. */
  twinOf({ record, ref }: Held): Held | undefined {
    return this.#numbered(record.seq).find((held) => held.ref !== ref);
  }

  /** What would become of this one, at little cost. What it refuses is refused; "new" may turn out otherwise. */
  verdict(held: Held): Verdict {
    if (this.byRef(held.ref)) return "known";
    const witness = this.#witness;
    if (!witness || isHigherWitness(held, witness)) return "new";
    if (held.record.seq < witness.record.floor && !isPermanent(held)) return "superseded";
    const other = this.#current.get(slotOf(held));
    if (other) return compareHeld(held, other) > 0 ? "new" : "superseded";
    const gives = isPermanent(held) ? undefined : this.#whoGivesWay(held);
    return gives && compareHeld(held, gives) < 0 ? "too-many-live" : "new";
  }

  add(held: Held): Added {
    const verdict = this.verdict(held);
    if (verdict !== "new") return { verdict, dropped: [] };
    return this.#addNewest(held) ?? this.#addAny(held);
  }

  /** Keeps of these what `liveOf` says. */
  set(records: readonly Held[]): { added: Held[]; dropped: Held[] } {
    const before = new Set(this.#kept);
    const { kept, current, witness } = liveOf(records, this.#limits);
    this.#kept = kept;
    this.#current = new Map(current.map((held) => [slotOf(held), held]));
    this.#witness = witness;
    this.bytes = kept.reduce((sum, held) => sum + held.size, 0);
    const after = new Set(kept);
    return {
      added: kept.filter((held) => !before.has(held)),
      dropped: [...before].filter((held) => !after.has(held)),
    };
  }

  #addAny(held: Held): Added {
    const { kept, crowdedOut } = liveOf([...this.#kept, held], this.#limits);
    if (kept.includes(held)) return { verdict: "new", dropped: this.set(kept).dropped };
    return { verdict: crowdedOut.includes(held) ? "too-many-live" : "superseded", dropped: [] };
  }

  /** The short way, when all that is kept is the author's word and this one is the newest; else undefined. */
  #addNewest(held: Held): Added | undefined {
    const last = this.#kept.at(-1);
    const witness = this.#witness;
    const isNewest = !last || compareHeld(held, last) > 0;
    if (!isNewest || this.#kept.length !== this.#current.size) return undefined;
    if (witness && !isHigherWitness(held, witness)) return undefined;
    const gone = new Set<Held>();
    if (witness && held.record.floor > witness.record.floor)
      for (const one of this.#kept) if (one.record.seq < held.record.floor && !isPermanent(one)) gone.add(one);
    const other = this.#current.get(slotOf(held));
    if (other) gone.add(other);
    for (const one of gone) this.#current.delete(slotOf(one));
    const gives = isPermanent(held) ? undefined : this.#whoGivesWay(held);
    if (gives) {
      gone.add(gives);
      this.#current.delete(slotOf(gives));
    }
    if (gone.size) this.#kept = this.#kept.filter((one) => !gone.has(one));
    for (const one of gone) this.bytes -= one.size;
    this.bytes += held.size;
    this.#kept.push(held);
    this.#current.set(slotOf(held), held);
    this.#witness = held;
    return { verdict: "new", dropped: [...gone] };
  }

  /** The oldest one of this one's kind, or of all, when one more would be too many. */
  #whoGivesWay({ record }: Held): Held | undefined {
    let all = 0;
    let ofKind = 0;
    let oldest: Held | undefined;
    let oldestOfKind: Held | undefined;
    for (const held of this.#current.values()) {
      if (isPermanent(held)) continue;
      all++;
      if (!oldest || compareHeld(held, oldest) < 0) oldest = held;
      if (held.record.kind !== record.kind) continue;
      ofKind++;
      if (!oldestOfKind || compareHeld(held, oldestOfKind) < 0) oldestOfKind = held;
    }
    if (ofKind >= this.#limits.perKind) return oldestOfKind;
    return all >= this.#limits.perAuthor ? oldest : undefined;
  }

  /** All that have this number. */
  #numbered(seq: number): Held[] {
    let low = 0;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#kept[middle]!.record.seq < seq) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (this.#kept[end]?.record.seq === seq) end++;
    return this.#kept.slice(low, end);
  }
}
