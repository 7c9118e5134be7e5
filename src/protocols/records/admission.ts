/**
 * Admission as the daemon uses it: keeps the admission records that are live, folds them when asked, and answers the
 * two questions that the records core has (`mayWrite`, `publicKeyOf`).
 *
 *   stranger --join with a welcome by somebody who joined--> joined --fold--> member | refused (with a reason)
 *   member --leftMs--> left      member --exclude--> excluded --exclude removed--> member
 */
import type { Change } from "./author-table.ts";
import { fromBase64url } from "./base64url.ts";
import { isJoinGenuine, isKeyOf } from "./join-evidence.ts";
import {
  ADMISSION_KINDS,
  communityIdOf,
  readGenesis,
  readJoin,
  type AdmissionKind,
  type JoinBody,
  type Welcome,
} from "./membership-facts.ts";
import { STRANGERS_PER_VOUCHER_MAX } from "./constants.ts";
import { MembershipFold } from "./membership-fold.ts";
import { refusalOf, type Fold, type JoinRefusal, type Membership } from "./membership-rules.ts";
import { hold, type RecordCrypto, type SignedRecord } from "./record.ts";
import type { Refusal } from "./step.ts";

export interface AdmissionConfig {
  community: string;
}

export class Admission {
  readonly #community: string;
  readonly #crypto: RecordCrypto;
  readonly #records = new Map<AdmissionKind, Map<string, SignedRecord>>(
    ADMISSION_KINDS.map((kind) => [kind, new Map()]),
  );
  /** Joins whose signatures were checked. */
  readonly #genuine = new WeakSet<SignedRecord>();
  readonly #joins = new WeakMap<SignedRecord, { read: JoinBody | undefined }>();
  readonly #keys = new Map<string, Uint8Array>();
  #genesis: SignedRecord | undefined;
  #fold: MembershipFold | undefined;

  constructor(config: AdmissionConfig, crypto: RecordCrypto) {
    this.#community = config.community;
    this.#crypto = crypto;
  }

  /** What was stored by this box: its signatures were checked when it came. */
  load(records: Iterable<SignedRecord>): void {
    const list = [...records].filter((record) => isAdmissionKind(record.kind));
    for (const record of list) if (record.kind === "join") this.#genuine.add(record);
    // In order of time, in which the fold is quickest.
    const atMs = (record: SignedRecord) => (record.kind === "join" && this.#join(record)?.welcomes[0]?.atMs) || 0;
    for (const record of list.sort((a, b) => atMs(a) - atMs(b)))
      this.#take(record.author, record.kind, record.key, record);
  }

  /** The records core's `changed`. */
  apply(changes: readonly Change[]): void {
    for (const { author, kind, key, record } of changes) this.#take(author, kind, key, record);
  }

  /** Who belongs; undefined until the community's first record is here. */
  view(): Membership | undefined {
    return this.#current();
  }

  /**
   * Whether the records core may take this: a stranger may write nothing but a join that somebody vouched for. False
   * when it may be one day; a reason when it never will, or not as long as its voucher has so many others waiting.
   */
  mayWrite(author: string, record: SignedRecord): boolean | Refusal {
    if (record.kind === "community") return this.#isGenesis(record);
    const fold = this.#current();
    if (!fold) return false;
    if (record.kind !== "join") return fold.members.has(author);
    const vouched = this.#isVouchedFor(fold, author, record);
    if (vouched !== true) return vouched;
    return this.#isGenuine(record) || "bad-signature";
  }

  publicKeyOf(author: string, record: SignedRecord): Uint8Array | undefined {
    const known = this.#keys.get(author);
    if (known) return known;
    if (record.kind === "join") return fromBase64url(this.#join(record)?.key, 32);
    return record.kind === "community" ? fromBase64url(readGenesis(record.body)?.founderKey, 32) : undefined;
  }

  /** What stays of an excluded box: its join, which others lean on, and decisions up to the number that was set. */
  keepOf(author: string): (record: SignedRecord) => boolean {
    const lastSeq = this.#current()?.excluded.get(author)?.lastSeq ?? 0;
    return (record) =>
      record.kind === "join" || record.kind === "community" || (isAdmissionKind(record.kind) && record.seq <= lastSeq);
  }

  /** What a member's join endpoint asks before it signs a welcome: a reason against, or the time to write into it. */
  considerWelcome(by: string, box: string, join: JoinBody, nowMs: number): { atMs: number } | { refused: JoinRefusal } {
    const fold = this.#current();
    if (!fold) return { refused: "sponsor-no-member" };
    // Our clock may lag behind those who vouched for us and for the invitation.
    const inviter = join.invitation?.author ?? by;
    const since = Math.max(fold.joined.get(by)?.since ?? 0, fold.joined.get(inviter)?.since ?? 0);
    const atMs = Math.max(nowMs, since + 1);
    const refused = fold.excluded.has(box) ? "needs-steward" : refusalOf(fold, { atMs, box, by, as: "member", join });
    return refused ? { refused } : { atMs };
  }

  #current(): Fold | undefined {
    return this.#fold?.current();
  }

  #take(author: string, kind: string, key: string, record: SignedRecord | null): void {
    if (!isAdmissionKind(kind)) return;
    if (kind === "community") return this.#takeGenesis(record);
    const records = this.#records.get(kind)!;
    const name = `${author} ${key}`;
    const before = records.get(name);
    const after = record && (kind !== "join" || this.#isGenuine(record)) ? record : undefined;
    if (after) records.set(name, after);
    else records.delete(name);
    if (kind === "join" && after) this.#keys.set(author, fromBase64url(this.#join(after)!.key, 32)!);
    if (before !== after) this.#fold?.change({ kind, before, after });
  }

  /** The community's first record never goes away again. */
  #takeGenesis(record: SignedRecord | null): void {
    if (this.#genesis || !record || !this.#isGenesis(record)) return;
    this.#genesis = record;
    this.#keys.set(record.author, fromBase64url(readGenesis(record.body)!.founderKey, 32)!);
    this.#fold = new MembershipFold(record, (join) => this.#join(join));
    for (const [kind, records] of this.#records)
      for (const after of records.values()) this.#fold.change({ kind, before: undefined, after });
  }

  #isGenesis(record: SignedRecord): boolean {
    const genesis = readGenesis(record.body);
    if (!genesis || !isKeyOf(genesis.founderKey, record.author, this.#crypto)) return false;
    return (
      "held" in hold(record, "", this.#crypto.sha256) && communityIdOf(record, this.#crypto.sha256) === this.#community
    );
  }

  /** Somebody who joined welcomed it, or a record admits it: a stranger cannot fill us with joins, nor can a member. */
  #isVouchedFor(fold: Fold, author: string, record: SignedRecord): boolean | "full" {
    if (fold.joined.has(author) || fold.admitted.has(author)) return true;
    const vouchers = (this.#join(record)?.welcomes ?? []).filter(({ by }) => fold.joined.has(by));
    if (vouchers.length === 0) return false;
    if (this.#records.get("join")!.has(`${author} self`)) return true;
    if (vouchers.some(({ by }) => (fold.strangersOf.get(by) ?? 0) < STRANGERS_PER_VOUCHER_MAX)) return true;
    const join = this.#join(record)!;
    const isGood = ({ by, atMs, as }: Welcome) => !refusalOf(fold, { by, atMs, as, box: author, join });
    return vouchers.some(isGood) || "full";
  }

  #join(record: SignedRecord): JoinBody | undefined {
    let join = this.#joins.get(record);
    if (!join) this.#joins.set(record, (join = { read: readJoin(record.body) }));
    return join.read;
  }

  #isGenuine(record: SignedRecord): boolean {
    if (this.#genuine.has(record)) return true;
    if (!isJoinGenuine(record, this.#community, this.#crypto)) return false;
    this.#genuine.add(record);
    return true;
  }
}

export function isAdmissionKind(kind: string): kind is AdmissionKind {
  return (ADMISSION_KINDS as readonly string[]).includes(kind);
}
