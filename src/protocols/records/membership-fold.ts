/**
 * Who belongs to the community: a pure fold over its admission records. The same records give the same members on
 * every box, in whatever order they came. Each welcome and each admission is an event at its own time; events are taken
 * in order of (time, box, member who vouches), so an invitation's uses go to the earliest.
 */
import {
  readAdmit,
  readGenesis,
  readInvitation,
  readJoin,
  readPolicy,
  type InvitationBody,
  type JoinBody,
  type PolicyTerm,
  type WelcomeAs,
} from "./membership-facts.ts";
import type { SignedRecord } from "./record.ts";
import { foldStewards, isStewardAt, mayDecide, type Exclusion, type Stewards } from "./stewards.ts";

export interface Member {
  since: number;
  /** Who vouched: the member who welcomed it or the steward who admitted it; the founder for itself. */
  by: string;
  /** The invitation's key, when it came by one. */
  invitation?: string;
}

export interface InvitationView {
  by: string;
  expiresMs: number;
  uses: number;
  used: number;
  state: "open" | "used-up" | "revoked";
}

export type JoinRefusal =
  | "no-welcome"
  | "sponsor-no-member"
  | "no-invitation"
  | "needs-steward"
  | "inviter-no-member"
  | "inviter-may-not"
  | "inviter-excluded"
  | "expired"
  | "revoked"
  | "used-up";

export interface Membership {
  founder: string;
  members: Map<string, Member>;
  /** Members, and those that left or were excluded: who joined through them stays. */
  joined: Map<string, Member>;
  stewards: Set<string>;
  excluded: Map<string, Exclusion>;
  policy: PolicyTerm;
  /** All terms of the policy so far, the one in force last. */
  terms: PolicyTerm[];
  /** By inviting box and key of the invitation. */
  invitations: Map<string, InvitationView>;
  /** Joins that are not enough, with the reason of the last attempt. */
  refused: Map<string, JoinRefusal>;
}

/** The records of each kind that the fold reads; joins must be genuine. */
export interface AdmissionRecords {
  genesis: SignedRecord;
  policy: readonly SignedRecord[];
  invitation: readonly SignedRecord[];
  join: readonly SignedRecord[];
  admit: readonly SignedRecord[];
  steward: readonly SignedRecord[];
  exclude: readonly SignedRecord[];
}

interface Vouching {
  atMs: number;
  box: string;
  by: string;
  as: WelcomeAs;
  join: JoinBody | undefined;
}

export interface Fold extends Membership {
  rules: Stewards;
  /** Live invitations by inviter and key: where a revocation is found. */
  live: Map<string, InvitationBody>;
  used: Map<string, number>;
  left: Map<string, number>;
  /** Boxes that a steward's record admits. */
  admitted: Set<string>;
}

export function foldMembership(records: AdmissionRecords): Fold {
  const genesis = readGenesis(records.genesis.body)!;
  const founder = records.genesis.author;
  const { createdMs } = genesis;
  const grantsBy = Map.groupBy(records.steward, (record) => record.author);
  const exclusionsBy = Map.groupBy(records.exclude, (record) => record.author);
  const rules = foldStewards({ founder, createdMs, grantsBy, exclusionsBy });
  const first = { fromMs: createdMs, admission: genesis.admission, inviters: genesis.inviters };
  const terms = [first, ...policyTerms(records.policy, rules)];
  const fold: Fold = {
    founder,
    rules,
    terms,
    policy: terms.at(-1)!,
    members: new Map(),
    joined: new Map([[founder, { since: createdMs, by: founder }]]),
    stewards: new Set(),
    excluded: rules.excluded,
    invitations: new Map(),
    refused: new Map(),
    live: liveInvitations(records.invitation),
    used: new Map(),
    left: new Map(),
    admitted: new Set(),
  };
  for (const vouching of vouchings(records, fold)) take(fold, vouching);
  finish(fold, records);
  return fold;
}

/** Why this would not make the box a member, or undefined when it would. Also what a join endpoint asks. */
export function refusalOf(fold: Fold, { by, atMs, as, join }: Vouching): JoinRefusal | undefined {
  if (!isVoucher(fold, by, atMs)) return "sponsor-no-member";
  if (as === "steward") return isStewardAt(fold.rules, by, atMs) ? undefined : "needs-steward";
  const term = termAt(fold.terms, atMs);
  if (term.admission === "open") return undefined;
  if (term.admission === "approval") return "needs-steward";
  return join?.invitation ? invitationRefusal(fold, join.invitation, term, atMs) : "no-invitation";
}

/** In at that time: joined before, not left, not excluded. */
function isVoucher(fold: Fold, box: string, atMs: number): boolean {
  const member = fold.joined.get(box);
  if (!member || member.since >= atMs || atMs > (fold.left.get(box) ?? Infinity)) return false;
  return atMs <= (fold.excluded.get(box)?.atMs ?? Infinity);
}

function invitationRefusal(fold: Fold, record: SignedRecord, term: PolicyTerm, atMs: number): JoinRefusal | undefined {
  const inviter = record.author;
  const invitation = readInvitation(record.body)!;
  const exclusion = fold.excluded.get(inviter);
  if (exclusion && (atMs > exclusion.atMs || record.seq > exclusion.lastSeq)) return "inviter-excluded";
  if (!isVoucher(fold, inviter, atMs)) return "inviter-no-member";
  if (term.inviters === "stewards" && !isStewardAt(fold.rules, inviter, atMs)) return "inviter-may-not";
  if (atMs > invitation.expiresMs) return "expired";
  const name = invitationName(record);
  const revokedMs = Math.min(invitation.revokedMs ?? Infinity, fold.live.get(name)?.revokedMs ?? Infinity);
  if (atMs >= revokedMs) return "revoked";
  return (fold.used.get(name) ?? 0) >= invitation.uses ? "used-up" : undefined;
}

export function invitationName(record: SignedRecord): string {
  return `${record.author} ${record.key}`;
}

function take(fold: Fold, vouching: Vouching): void {
  const { box, by, atMs, as, join } = vouching;
  if (fold.joined.has(box)) return;
  const refusal = refusalOf(fold, vouching);
  if (refusal) {
    fold.refused.set(box, refusal);
    return;
  }
  fold.refused.delete(box);
  const invitation = as === "member" ? join?.invitation : undefined;
  fold.joined.set(box, { since: atMs, by, invitation: invitation?.key });
  if (!invitation) return;
  const name = invitationName(invitation);
  fold.used.set(name, (fold.used.get(name) ?? 0) + 1);
}

/** All events in order. Notes on the way who left. */
function vouchings(records: AdmissionRecords, fold: Fold): Vouching[] {
  const list: Vouching[] = [];
  for (const record of records.admit) {
    const admit = readAdmit(record.body);
    if (!admit || !mayDecide(fold.rules, record.author, admit.atMs, record.seq)) continue;
    list.push({ atMs: admit.atMs, box: admit.box, by: record.author, as: "steward", join: undefined });
    fold.admitted.add(admit.box);
  }
  for (const record of records.join) {
    const join = readJoin(record.body);
    if (!join) continue;
    if (join.leftMs !== undefined) fold.left.set(record.author, join.leftMs);
    if (join.welcomes.length === 0) fold.refused.set(record.author, "no-welcome");
    for (const { by, atMs, as } of join.welcomes) list.push({ atMs, box: record.author, by, as, join });
  }
  return list.sort((a, b) => a.atMs - b.atMs || order(a.box, b.box) || order(a.by, b.by) || order(a.as, b.as));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The terms of the policy record that was in force last. */
function policyTerms(records: readonly SignedRecord[], rules: Stewards): PolicyTerm[] {
  let best: { terms: PolicyTerm[]; lastMs: number; author: string } | undefined;
  for (const record of records) {
    const terms = readPolicy(record.body)?.terms;
    const lastMs = terms?.at(-1)!.fromMs;
    if (!terms || lastMs === undefined || !mayDecide(rules, record.author, lastMs, record.seq)) continue;
    const { author } = record;
    const isLater = !best || lastMs > best.lastMs || (lastMs === best.lastMs && author < best.author);
    if (isLater) best = { terms, lastMs, author };
  }
  return best?.terms ?? [];
}

function termAt(terms: PolicyTerm[], atMs: number): PolicyTerm {
  return terms.findLast((term) => term.fromMs <= atMs) ?? terms[0]!;
}

function liveInvitations(records: readonly SignedRecord[]): Map<string, InvitationBody> {
  const live = new Map<string, InvitationBody>();
  for (const record of records) {
    const invitation = readInvitation(record.body);
    if (invitation) live.set(invitationName(record), invitation);
  }
  return live;
}

function finish(fold: Fold, records: AdmissionRecords): void {
  for (const [box, member] of fold.joined)
    if (!fold.excluded.has(box) && !fold.left.has(box)) fold.members.set(box, member);
  for (const [box, term] of fold.rules.terms)
    if (term.endedMs === undefined && fold.members.has(box)) fold.stewards.add(box);
  for (const record of records.invitation) {
    const name = invitationName(record);
    const invitation = fold.live.get(name);
    if (!invitation || !fold.joined.has(record.author)) continue;
    const used = fold.used.get(name) ?? 0;
    const { expiresMs, uses } = invitation;
    const state = invitation.revokedMs !== undefined ? "revoked" : used >= uses ? "used-up" : "open";
    fold.invitations.set(name, { by: record.author, expiresMs, uses, used, state });
  }
}
