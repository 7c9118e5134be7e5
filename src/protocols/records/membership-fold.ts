/**
 * Who belongs to the community: a fold over its admission records. The same records give the same members on every
 * box, in whatever order they came. Each welcome and each admission is an event at its own time; events are taken in
 * order of (time, box, member who vouches), so an invitation's uses go to the earliest.
 *
 * The fold is kept while records change. A change of a join, an admission or an invitation makes some events
 * uncertain; they are looked at again in order, and what changes by it makes only later ones uncertain, so one pass is
 * enough. A change of the rules (policy, stewards, exclusions) does so for those whom it touches. Where very
 * many are uncertain, all are looked at. The result is that of a fold over all records at once.
 */
import { UNCERTAIN_MAX } from "./constants.ts";
import { readGenesis, readInvitation, type AdmissionKind, type JoinBody } from "./membership-facts.ts";
import { refusalOf, termsOf, type Fold } from "./membership-rules.ts";
import type { SignedRecord } from "./record.ts";
import { foldStewards, mayDecide } from "./stewards.ts";
import {
  invitationName,
  invitationOf,
  order,
  Ordered,
  vouchingOfAdmit,
  Vouchings,
  vouchingsOfJoin,
  type Vouching,
} from "./vouchings.ts";

export interface FoldChange {
  kind: AdmissionKind;
  before: SignedRecord | undefined;
  after: SignedRecord | undefined;
}

export class MembershipFold {
  readonly #genesis: SignedRecord;
  readonly #readJoin: (record: SignedRecord) => JoinBody | undefined;
  readonly #uncertainMax: number;
  readonly #vouchings = new Vouchings();
  readonly #made = new Map<SignedRecord, Vouching[]>();
  readonly #joins = new Map<string, JoinBody>();
  readonly #ruling = {
    policy: new Set<SignedRecord>(),
    steward: new Set<SignedRecord>(),
    exclude: new Set<SignedRecord>(),
  };
  readonly #fold: Fold;
  /** Events to look at again. */
  readonly #uncertain = new Ordered();
  readonly #isUncertain = new Set<Vouching>();
  /** Boxes and invitations of which the views have to be made anew. */
  readonly #touched = new Set<string>();
  readonly #touchedInvitations = new Set<string>();
  /** By which word a box is in. */
  readonly #takenOf = new Map<string, Vouching>();
  readonly #invitationsOf = new Map<string, Set<string>>();
  /** Whom the boxes that are no members count against. */
  readonly #vouchersOf = new Map<string, string[]>();
  /** The fewest uses that any version of an invitation allows. */
  readonly #usesMin = new Map<string, number>();
  #rulesChanged = true;
  /** All events are being looked at, in order, and nothing is in doubt. */
  #isNew = true;

  constructor(
    genesis: SignedRecord,
    readJoin: (record: SignedRecord) => JoinBody | undefined,
    uncertainMax = UNCERTAIN_MAX,
  ) {
    this.#uncertainMax = uncertainMax;
    this.#genesis = genesis;
    this.#readJoin = readJoin;
    const { createdMs } = readGenesis(genesis.body)!;
    const founder = genesis.author;
    const rules = { terms: new Map(), excluded: new Map() };
    this.#fold = {
      ...{ founder, rules, terms: [], members: new Map(), stewards: new Set(), excluded: rules.excluded },
      ...{ policy: { fromMs: createdMs, admission: "approval", inviters: "stewards" } },
      ...{
        joined: new Map([[founder, { since: createdMs, by: founder }]]),
        invitations: new Map(),
        refused: new Map(),
      },
      ...{ live: new Map(), used: new Map(), left: new Map(), admitted: new Set(), strangersOf: new Map() },
    };
    this.#touched.add(founder);
  }

  /** Notes what changed. A great many at once are quickest in order of their time. */
  change({ kind, before, after }: FoldChange): void {
    if (kind === "join") this.#changeJoin(before, after);
    else if (kind === "admit") this.#changeVouchings(before, after, admitVouchings);
    else if (kind === "invitation") this.#changeInvitation(before, after);
    else if (kind !== "community") {
      if (before) this.#ruling[kind].delete(before);
      if (after) this.#ruling[kind].add(after);
      this.#rulesChanged = true;
    }
  }

  /** The result, up to date. Always the same object. */
  current(): Fold {
    if (this.#rulesChanged) this.#applyRules();
    const { list } = this.#uncertain;
    // What is added meanwhile comes later in order.
    for (let at = 0; at < list.length && list.length <= this.#uncertainMax; at++)
      this.#look(list[at]!, this.#usedBefore(list[at]!));
    if (list.length > this.#uncertainMax) this.#foldAnew();
    this.#uncertain.clear();
    this.#isUncertain.clear();
    this.#show();
    return this.#fold;
  }

  #changeJoin(before: SignedRecord | undefined, after: SignedRecord | undefined): void {
    if (before && after && JSON.stringify(before.body) === JSON.stringify(after.body)) {
      // Signed anew, as every week: it says the same.
      this.#made.set(after, this.#made.get(before)!);
      this.#made.delete(before);
      return;
    }
    const { author } = (after ?? before)!;
    const join = after && this.#readJoin(after);
    const leftBefore = this.#fold.left.get(author);
    if (join?.leftMs === undefined) this.#fold.left.delete(author);
    else this.#fold.left.set(author, join.leftMs);
    if (join) this.#joins.set(author, join);
    else this.#joins.delete(author);
    if (leftBefore !== join?.leftMs) for (const one of this.#vouchings.leaningOn(author)) this.#doubt(one);
    this.#touched.add(author);
    this.#changeVouchings(before, after, () => (join ? vouchingsOfJoin(author, join) : []));
  }

  #changeVouchings(
    before: SignedRecord | undefined,
    after: SignedRecord | undefined,
    make: (record: SignedRecord) => Vouching[],
  ): void {
    for (const one of (before && this.#made.get(before)) ?? []) {
      this.#vouchings.remove(one);
      this.#touched.add(one.box);
      if (this.#isUncertain.delete(one)) this.#uncertain.remove(one);
      if (one.taken) this.#bringIn(one.box, one, undefined);
    }
    if (before) this.#made.delete(before);
    if (!after) return;
    const made = make(after);
    this.#made.set(after, made);
    for (const one of made) {
      const name = invitationOf(one);
      if (name !== undefined) {
        const uses = one.invitation!.uses;
        this.#usesMin.set(name, Math.min(uses, this.#usesMin.get(name) ?? uses));
      }
      this.#vouchings.add(one);
      this.#doubt(one);
    }
  }

  #changeInvitation(before: SignedRecord | undefined, after: SignedRecord | undefined): void {
    const name = invitationName((after ?? before)!);
    const invitation = after && readInvitation(after.body);
    const revokedBefore = this.#fold.live.get(name)?.revokedMs;
    const { author } = (after ?? before)!;
    const names = this.#invitationsOf.get(author) ?? new Set();
    this.#invitationsOf.set(author, names.add(name));
    if (invitation) this.#fold.live.set(name, invitation);
    else {
      this.#fold.live.delete(name);
      names.delete(name);
    }
    if (revokedBefore !== invitation?.revokedMs) for (const one of this.#vouchings.using(name)) this.#doubt(one);
    this.#touchedInvitations.add(name);
  }

  #applyRules(): void {
    this.#rulesChanged = false;
    const { founder } = this.#fold;
    const genesis = readGenesis(this.#genesis.body)!;
    const byAuthor = (records: Set<SignedRecord>) => Map.groupBy(records, (record) => record.author);
    const { policy, steward, exclude } = this.#ruling;
    const of = { grantsBy: byAuthor(steward), exclusionsBy: byAuthor(exclude) };
    const rules = foldStewards({ founder, createdMs: genesis.createdMs, ...of });
    const terms = termsOf(genesis, policy, rules);
    const before = { rules: this.#fold.rules, terms: this.#fold.terms };
    Object.assign(this.#fold, { rules, terms, policy: terms.at(-1)!, excluded: rules.excluded });
    if (this.#isNew) return this.#foldAnew();
    const sets = [
      [before.rules.terms, rules.terms],
      [before.rules.excluded, rules.excluded],
    ] as const;
    for (const [old, now] of sets)
      for (const box of new Set([...old.keys(), ...now.keys()])) {
        if (JSON.stringify(old.get(box)) === JSON.stringify(now.get(box))) continue;
        this.#touched.add(box);
        for (const one of this.#vouchings.leaningOn(box)) this.#doubt(one);
      }
    const first = terms.findIndex((term, at) => JSON.stringify(term) !== JSON.stringify(before.terms[at]));
    const at = first < 0 ? Math.min(terms.length, before.terms.length) : first;
    const fromMs = Math.min(terms[at]?.fromMs ?? Infinity, before.terms[at]?.fromMs ?? Infinity);
    for (const one of this.#vouchings.since(fromMs)) this.#doubt(one);
  }

  /** All events in order, each once. */
  #foldAnew(): void {
    const { joined, founder, used } = this.#fold;
    this.#isNew = true;
    for (const box of joined.keys()) {
      this.#touched.add(box);
      if (box !== founder) joined.delete(box);
    }
    used.clear();
    this.#takenOf.clear();
    for (const one of this.#vouchings.all) one.taken = false;
    for (const one of this.#vouchings.all) this.#look(one, this.#fold.used.get(invitationOf(one) ?? "") ?? 0);
    for (const name of this.#fold.live.keys()) this.#touchedInvitations.add(name);
    this.#isNew = false;
  }

  #doubt(vouching: Vouching): void {
    if (this.#isNew || this.#isUncertain.has(vouching)) return;
    this.#isUncertain.add(vouching);
    this.#uncertain.add(vouching);
  }

  #look(vouching: Vouching, used: number): void {
    const { box, by, atMs, seq } = vouching;
    this.#touched.add(box);
    const taken = this.#takenOf.get(box);
    const isInBefore = taken && taken !== vouching && order(taken, vouching) <= 0;
    if (isInBefore || box === this.#fold.founder) return;
    const isVoid = seq !== undefined && !mayDecide(this.#fold.rules, by, atMs, seq);
    vouching.refusal = isVoid ? "void" : refusalOf(this.#fold, vouching, used);
    const isIn = vouching.refusal === undefined;
    if (isIn !== (taken === vouching)) this.#bringIn(box, taken, isIn ? vouching : undefined);
  }

  /** The box is in by another word than before, or by none; whatever leans on that is uncertain. */
  #bringIn(box: string, before: Vouching | undefined, next: Vouching | undefined): void {
    const { joined } = this.#fold;
    if (before) before.taken = false;
    if (next) {
      next.taken = true;
      this.#takenOf.set(box, next);
      const invitation = next.as === "member" ? next.join?.invitation?.key : undefined;
      joined.set(box, { since: next.atMs, by: next.by, invitation });
    } else {
      this.#takenOf.delete(box);
      joined.delete(box);
    }
    this.#touched.add(box);
    for (const name of this.#invitationsOf.get(box) ?? []) this.#touchedInvitations.add(name);
    if (before) this.#use(before, -1);
    if (next) this.#use(next, 1);
    if (this.#isNew) return;
    const sinceMs = Math.min(before?.atMs ?? Infinity, next?.atMs ?? Infinity);
    for (const one of this.#vouchings.leaningOn(box)) if (one.atMs > sinceMs) this.#doubt(one);
    if (next || !before) return;
    for (const one of this.#vouchings.ofBox(box)) if (one !== before && order(one, before) >= 0) this.#doubt(one);
  }

  /** One use of an invitation more or less; uncertain are those for whom that decides. */
  #use(vouching: Vouching, change: 1 | -1): void {
    const name = invitationOf(vouching);
    if (name === undefined) return;
    this.#fold.used.set(name, (this.#fold.used.get(name) ?? 0) + change);
    this.#touchedInvitations.add(name);
    const users = this.#vouchings.using(name);
    if (this.#isNew || users.length < this.#usesMin.get(name)!) return;
    let used = 0;
    for (const one of users) {
      if (one === vouching) continue;
      const { uses } = one.invitation!;
      const wasFree = used + Number(change < 0) < uses;
      const isFree = used + Number(change > 0) < uses;
      if (wasFree !== isFree && order(one, vouching) >= 0) this.#doubt(one);
      if (one.taken) used++;
    }
  }

  /** How often its invitation was used by those before it. */
  #usedBefore(vouching: Vouching): number {
    const name = invitationOf(vouching);
    const users = name === undefined ? [] : this.#vouchings.using(name);
    if (name === undefined || users.length <= this.#usesMin.get(name)!) return 0;
    let used = 0;
    for (const one of users) {
      if (one === vouching) break;
      if (one.taken) used++;
    }
    return used;
  }

  #show(): void {
    const fold = this.#fold;
    for (const box of this.#touched) this.#showBox(fold, box);
    for (const name of this.#touchedInvitations) showInvitation(fold, name);
    this.#touched.clear();
    this.#touchedInvitations.clear();
    fold.stewards.clear();
    for (const [box, term] of fold.rules.terms)
      if (term.endedMs === undefined && fold.members.has(box)) fold.stewards.add(box);
  }

  #showBox(fold: Fold, box: string): void {
    const words = this.#vouchings.ofBox(box);
    const member = fold.joined.get(box);
    fold.members.delete(box);
    fold.refused.delete(box);
    if (!member) {
      const join = this.#joins.get(box);
      if (join?.welcomes.length === 0) fold.refused.set(box, "no-welcome");
      for (const { refusal } of words) if (refusal && refusal !== "void") fold.refused.set(box, refusal);
    } else if (!fold.excluded.has(box) && !fold.left.has(box)) fold.members.set(box, member);
    const isAdmitting = ({ by, atMs, seq }: Vouching) => seq !== undefined && mayDecide(fold.rules, by, atMs, seq);
    if (words.some(isAdmitting)) fold.admitted.add(box);
    else fold.admitted.delete(box);
    this.#countStranger(box, !member && this.#joins.has(box) ? words : []);
  }

  #countStranger(box: string, words: readonly Vouching[]): void {
    const { strangersOf } = this.#fold;
    for (const by of this.#vouchersOf.get(box) ?? []) {
      const left = strangersOf.get(by)! - 1;
      if (left > 0) strangersOf.set(by, left);
      else strangersOf.delete(by);
    }
    const vouchers = [...new Set(words.filter(({ seq }) => seq === undefined).map(({ by }) => by))];
    for (const by of vouchers) strangersOf.set(by, (strangersOf.get(by) ?? 0) + 1);
    if (vouchers.length > 0) this.#vouchersOf.set(box, vouchers);
    else this.#vouchersOf.delete(box);
  }
}

function admitVouchings(record: SignedRecord): Vouching[] {
  const vouching = vouchingOfAdmit(record);
  return vouching ? [vouching] : [];
}

function showInvitation(fold: Fold, name: string): void {
  const invitation = fold.live.get(name);
  const by = name.slice(0, name.indexOf(" "));
  if (!invitation || !fold.joined.has(by)) return void fold.invitations.delete(name);
  const used = fold.used.get(name) ?? 0;
  const { expiresMs, uses } = invitation;
  const state = invitation.revokedMs !== undefined ? "revoked" : used >= uses ? "used-up" : "open";
  fold.invitations.set(name, { by, expiresMs, uses, used, state });
}
