/**
 * Every word by which a box may have come in (a welcome in its join, a steward's admission), in order of
 * (time, box, voucher), and found by whatever its weight depends on: the voucher, the inviter, the invitation.
 */
import { readAdmit, readInvitation, type InvitationBody, type JoinBody, type WelcomeAs } from "./membership-facts.ts";
import type { JoinRefusal } from "./membership-rules.ts";
import type { SignedRecord } from "./record.ts";

export interface Vouching {
  atMs: number;
  box: string;
  by: string;
  as: WelcomeAs;
  join?: JoinBody;
  /** The invitation in the join, read. */
  invitation?: InvitationBody;
  /** Of an `admit` record: its number, since an excluded steward's decisions count up to one only. */
  seq?: number;
  /** Why it brought nobody in, when it was last looked at; "void": no decision of a steward's at all. */
  refusal?: JoinRefusal | "void";
  /** By this one the box is in. */
  taken?: boolean;
}

export function order(a: Vouching, b: Vouching): number {
  return (
    a.atMs - b.atMs ||
    orderOf(a.box, b.box) ||
    orderOf(a.by, b.by) ||
    orderOf(a.as, b.as) ||
    (a.seq ?? 0) - (b.seq ?? 0)
  );
}

function orderOf(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function vouchingsOfJoin(author: string, join: JoinBody): Vouching[] {
  const invitation = join.invitation && readInvitation(join.invitation.body);
  return join.welcomes.map(({ by, atMs, as }) => ({ atMs, box: author, by, as, join, invitation }));
}

export function vouchingOfAdmit({ author, seq, body }: SignedRecord): Vouching | undefined {
  const admit = readAdmit(body);
  return admit && { atMs: admit.atMs, box: admit.box, by: author, as: "steward", seq };
}

/** The name of the invitation that it uses, if any: a steward's word needs none. */
export function invitationOf({ as, join }: Vouching): string | undefined {
  return as === "member" && join?.invitation ? invitationName(join.invitation) : undefined;
}

export function invitationName(record: SignedRecord): string {
  return `${record.author} ${record.key}`;
}

/** A list in order, in which one is found by halving. */
export class Ordered {
  readonly #list: Vouching[] = [];

  get list(): readonly Vouching[] {
    return this.#list;
  }

  add(vouching: Vouching): void {
    const last = this.#list.at(-1);
    if (!last || order(last, vouching) <= 0) this.#list.push(vouching);
    else this.#list.splice(this.#placeAfter(vouching), 0, vouching);
  }

  remove(vouching: Vouching): void {
    const end = this.#placeAfter(vouching);
    const at = this.#list.lastIndexOf(vouching, end - 1);
    if (at >= 0) this.#list.splice(at, 1);
  }

  clear(): void {
    this.#list.length = 0;
  }

  #placeAfter(vouching: Vouching): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(this.#list[middle]!, vouching) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class Vouchings {
  readonly #all = new Ordered();
  readonly #ofBox = new Map<string, Ordered>();
  readonly #leaning = new Map<string, Ordered>();
  readonly #using = new Map<string, Ordered>();

  get all(): readonly Vouching[] {
    return this.#all.list;
  }

  add(vouching: Vouching): void {
    this.#all.add(vouching);
    for (const [index, name] of this.#places(vouching)) {
      let list = index.get(name);
      if (!list) index.set(name, (list = new Ordered()));
      list.add(vouching);
    }
  }

  remove(vouching: Vouching): void {
    this.#all.remove(vouching);
    for (const [index, name] of this.#places(vouching)) {
      const list = index.get(name)!;
      list.remove(vouching);
      if (list.list.length === 0) index.delete(name);
    }
  }

  /** The words given at that time or later. */
  since(atMs: number): Vouching[] {
    const found: Vouching[] = [];
    for (let at = this.all.length - 1; at >= 0 && this.all[at]!.atMs >= atMs; at--) found.push(this.all[at]!);
    return found.reverse();
  }

  /** The words for this box. */
  ofBox(box: string): readonly Vouching[] {
    return this.#ofBox.get(box)?.list ?? [];
  }

  /** The words that lean on this box, as voucher or as inviter. */
  leaningOn(box: string): readonly Vouching[] {
    return this.#leaning.get(box)?.list ?? [];
  }

  /** The words that use this invitation. */
  using(invitation: string): readonly Vouching[] {
    return this.#using.get(invitation)?.list ?? [];
  }

  #places(vouching: Vouching): [index: Map<string, Ordered>, name: string][] {
    const places: [Map<string, Ordered>, string][] = [
      [this.#ofBox, vouching.box],
      [this.#leaning, vouching.by],
    ];
    const inviter = vouching.as === "member" ? vouching.join?.invitation?.author : undefined;
    if (inviter !== undefined && inviter !== vouching.by) places.push([this.#leaning, inviter]);
    const invitation = invitationOf(vouching);
    if (invitation !== undefined) places.push([this.#using, invitation]);
    return places;
  }
}
