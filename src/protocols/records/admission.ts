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
} from "./membership-facts.ts";
import { foldMembership, refusalOf, type Fold, type JoinRefusal, type Membership } from "./membership-fold.ts";
import { hold, type RecordCrypto, type SignedRecord } from "./record.ts";

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
  readonly #keys = new Map<string, Uint8Array>();
  #genesis: SignedRecord | undefined;
  #fold: Fold | undefined;

  constructor(config: AdmissionConfig, crypto: RecordCrypto) {
    this.#community = config.community;
    this.#crypto = crypto;
  }

  /** What was stored by this box: its signatures were checked when it came. */
  load(records: Iterable<SignedRecord>): void {
    for (const record of records) {
      if (record.kind === "join") this.#genuine.add(record);
      this.#take(record.author, record.kind, record.key, record);
    }
  }

  /** The records core's `changed`. */
  apply(changes: readonly Change[]): void {
    for (const { author, kind, key, record } of changes) this.#take(author, kind, key, record);
  }

  /** Who belongs; undefined until the community's first record is here. */
  view(): Membership | undefined {
    return this.#current();
  }

  /** Whether the records core may take this. A stranger may write nothing but a join that somebody vouched for. */
  mayWrite(author: string, record: SignedRecord): boolean {
    if (record.kind === "community") return this.#isGenesis(record);
    const fold = this.#current();
    if (!fold) return false;
    if (record.kind === "join") return this.#isVouchedFor(fold, author, record) && this.#isGenuine(record);
    return fold.members.has(author);
  }

  publicKeyOf(author: string, record: SignedRecord): Uint8Array | undefined {
    const known = this.#keys.get(author);
    if (known) return known;
    if (record.kind === "join") return fromBase64url(readJoin(record.body)?.key, 32);
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
    if (!this.#genesis) return undefined;
    const list = (kind: AdmissionKind) => [...this.#records.get(kind)!.values()];
    this.#fold ??= foldMembership({
      genesis: this.#genesis,
      policy: list("policy"),
      invitation: list("invitation"),
      join: list("join"),
      admit: list("admit"),
      steward: list("steward"),
      exclude: list("exclude"),
    });
    return this.#fold;
  }

  #take(author: string, kind: string, key: string, record: SignedRecord | null): void {
    if (!isAdmissionKind(kind)) return;
    if (kind === "community") this.#takeGenesis(record);
    else if (record && (kind !== "join" || this.#isGenuine(record)))
      this.#records.get(kind)!.set(`${author} ${key}`, record);
    else this.#records.get(kind)!.delete(`${author} ${key}`);
    if (kind === "join" && record && this.#genuine.has(record))
      this.#keys.set(author, fromBase64url(readJoin(record.body)!.key, 32)!);
    this.#fold = undefined;
  }

  /** The community's first record never goes away again. */
  #takeGenesis(record: SignedRecord | null): void {
    if (this.#genesis || !record || !this.#isGenesis(record)) return;
    this.#genesis = record;
    this.#keys.set(record.author, fromBase64url(readGenesis(record.body)!.founderKey, 32)!);
  }

  #isGenesis(record: SignedRecord): boolean {
    const genesis = readGenesis(record.body);
    if (!genesis || !isKeyOf(genesis.founderKey, record.author, this.#crypto)) return false;
    return (
      "held" in hold(record, "", this.#crypto.sha256) && communityIdOf(record, this.#crypto.sha256) === this.#community
    );
  }

  /** Somebody who joined welcomed it, or a record admits it: a stranger cannot fill us with joins. */
  #isVouchedFor(fold: Fold, author: string, record: SignedRecord): boolean {
    if (fold.joined.has(author)) return true;
    const welcomes = readJoin(record.body)?.welcomes ?? [];
    if (welcomes.some(({ by }) => fold.joined.has(by))) return true;
    return fold.admitted.has(author);
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
