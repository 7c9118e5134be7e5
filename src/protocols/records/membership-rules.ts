/**
 * What it takes to come in: the view of a community that the rules are asked about, and the rules themselves. The fold
 * (`membership-fold.ts`) asks them about each word that was given, a join endpoint about one that it may give.
 */
import {
  readInvitation,
  readPolicy,
  type GenesisBody,
  type InvitationBody,
  type PolicyTerm,
} from "./membership-facts.ts";
import type { SignedRecord } from "./record.ts";
import { isStewardAt, mayDecide, type Exclusion, type Stewards } from "./stewards.ts";
import { invitationName, type Vouching } from "./vouchings.ts";

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

export interface Fold extends Membership {
  rules: Stewards;
  /** Live invitations by inviter and key: where a revocation is found. */
  live: Map<string, InvitationBody>;
  used: Map<string, number>;
  left: Map<string, number>;
  /** Boxes that a steward's record admits. */
  admitted: Set<string>;
  /** How many joins of boxes that are no members are held, by each of those who welcomed them. */
  strangersOf: Map<string, number>;
}

/**
 * Why this would not make the box a member, or undefined when it would. Also what a join endpoint asks. `used`: how
 * often its invitation was used before; by default, so far.
 */
export function refusalOf(fold: Fold, vouching: Vouching, used?: number): JoinRefusal | undefined {
  const { by, atMs, as, join } = vouching;
  if (!isVoucher(fold, by, atMs)) return "sponsor-no-member";
  if (as === "steward") return isStewardAt(fold.rules, by, atMs) ? undefined : "needs-steward";
  const term = termAt(fold.terms, atMs);
  if (term.admission === "open") return undefined;
  if (term.admission === "approval") return "needs-steward";
  return join?.invitation ? invitationRefusal(fold, vouching, join.invitation, term, used) : "no-invitation";
}

/** In at that time: joined before, not left, not excluded. */
function isVoucher(fold: Fold, box: string, atMs: number): boolean {
  const member = fold.joined.get(box);
  if (!member || member.since >= atMs || atMs > (fold.left.get(box) ?? Infinity)) return false;
  return atMs <= (fold.excluded.get(box)?.atMs ?? Infinity);
}

function invitationRefusal(
  fold: Fold,
  vouching: Vouching,
  record: SignedRecord,
  term: PolicyTerm,
  used: number | undefined,
): JoinRefusal | undefined {
  const { atMs } = vouching;
  const inviter = record.author;
  const invitation = vouching.invitation ?? readInvitation(record.body)!;
  const exclusion = fold.excluded.get(inviter);
  if (exclusion && (atMs > exclusion.atMs || record.seq > exclusion.lastSeq)) return "inviter-excluded";
  if (!isVoucher(fold, inviter, atMs)) return "inviter-no-member";
  if (term.inviters === "stewards" && !isStewardAt(fold.rules, inviter, atMs)) return "inviter-may-not";
  if (atMs > invitation.expiresMs) return "expired";
  const name = invitationName(record);
  const revokedMs = Math.min(invitation.revokedMs ?? Infinity, fold.live.get(name)?.revokedMs ?? Infinity);
  if (atMs >= revokedMs) return "revoked";
  return (used ?? fold.used.get(name) ?? 0) >= invitation.uses ? "used-up" : undefined;
}

/** The terms that the founder set, and those after them. */
export function termsOf(genesis: GenesisBody, policies: Iterable<SignedRecord>, rules: Stewards): PolicyTerm[] {
  const { createdMs, admission, inviters } = genesis;
  return [{ fromMs: createdMs, admission, inviters }, ...policyTerms(policies, rules)];
}

/** The terms of the policy record that was in force last. */
function policyTerms(records: Iterable<SignedRecord>, rules: Stewards): PolicyTerm[] {
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
