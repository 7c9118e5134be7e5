/**
 * The replicated signed records of a community, as a pure core: events and time in, effects out. It decides what is
 * taken, what is kept, what is told to readers and neighbours, and how two boxes find out what each lacks.
 * Effects are carried out in order; `store` comes first, so that nothing is announced that a crash could take back.
 * See docs/protocols/records.md.
 */
import type { Verdict } from "./author-set.ts";
import { AuthorTable, type Change } from "./author-table.ts";
import type { Json } from "./canonical-json.ts";
import {
  AUTHOR_BYTES_CROWDED,
  AUTHORS_MAX,
  CHECKS_PER_STEP_MAX,
  CROWDED_SHARE,
  EQUIVOCATORS_MAX,
  EXPIRY_SCAN_MS,
  FRESH_MAX_MS,
  RECORDS_PER_MESSAGE_MAX,
  REFRESH_MS,
  TOTAL_BYTES_MAX,
} from "./constants.ts";
import { checksOf, IntakeRates, type Origin } from "./intake-rates.ts";
import { Kinds, type KindSpec, type PutRefusal } from "./kinds.ts";
import { OwnRecords } from "./own-records.ts";
import {
  hold,
  isExpired,
  isFuture,
  isGenuine,
  signRecord,
  type Held,
  type RecordCrypto,
  type SignedRecord,
} from "./record.ts";
import { Outcome, type RecordsEffect, type RecordsEvent, type RecordsStats, type Refusal, type Via } from "./step.ts";
import { answerSync } from "./sync-answer.ts";
import { readAnswer, readRequest } from "./sync-messages.ts";
import { SyncSession } from "./sync-session.ts";
import { WaitingRoom } from "./waiting-room.ts";

export type { RecordsEffect, RecordsEvent, RecordsStats, Refusal, StoreRow, Via } from "./step.ts";

export interface RecordsConfig {
  community: string;
  /** Our box id and raw public key. */
  self: string;
  selfKey: Uint8Array;
  kinds: readonly KindSpec[];
  /**
   * True when our numbers may be in use without our knowledge, since the disk is new or may be an old copy: puts wait
   * for `adopted`, before which the driver asks others for our own records.
   */
  adoptFirst: boolean;
  refreshMs?: number;
  totalBytesMax?: number;
  authorsMax?: number;
}

export interface RecordsDeps extends RecordCrypto {
  /** Signs with our box's key. */
  sign(bytes: Uint8Array): Uint8Array;
  /** The author's raw public key; the record comes along because a newcomer's first record carries its key. */
  publicKeyOf(author: string, record: SignedRecord): Uint8Array | undefined;
  /** Admission: false keeps the record waiting for a while, a reason refuses it. */
  mayWrite(author: string, record: SignedRecord): boolean | Refusal;
}

type Received = Omit<Extract<RecordsEvent, { type: "received" }>, "type">;

export function createRecords(config: RecordsConfig, deps: RecordsDeps): Records {
  return new Records(config, deps);
}

export class Records {
  readonly #config: RecordsConfig;
  readonly #deps: RecordsDeps;
  readonly #table: AuthorTable;
  readonly #kinds: Kinds;
  readonly #own: OwnRecords;
  readonly #rates = new IntakeRates();
  readonly #excluded = new Map<string, (record: SignedRecord) => boolean>();
  readonly #waiting = new WaitingRoom();
  /** Authors of whom two contents of one number were seen. */
  readonly #equivocators = new Set<string>();
  readonly #refused: Record<Refusal, number> = {
    malformed: 0,
    "too-large": 0,
    "bad-signature": 0,
    "unknown-author": 0,
    excluded: 0,
    future: 0,
    expired: 0,
    known: 0,
    superseded: 0,
    rate: 0,
    "too-many-live": 0,
    full: 0,
    "too-many": 0,
  };
  #accepted = 0;
  #equivocations = 0;
  #nextExpiryMs = 0;
  #outcome = new Outcome();

  constructor(config: RecordsConfig, deps: RecordsDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#kinds = new Kinds(config.kinds);
    this.#table = new AuthorTable(this.#kinds, deps.sha256);
    const needs = {
      self: config.self,
      kinds: this.#kinds,
      refreshMs: config.refreshMs ?? REFRESH_MS,
      current: () => this.#table.current(config.self),
      write: (unsigned: Omit<SignedRecord, "sig">) => {
        const held = signRecord(unsigned, config.community, deps.sign, deps.sha256);
        const verdict = this.#commit(held);
        if (verdict !== "new") throw new Error(`an own record was ${verdict}`);
        this.#outcome.push.push(held.record);
      },
    };
    this.#own = new OwnRecords(needs, config.adoptFirst);
  }

  /** Takes in what was stored; it was checked when it came. Unreadable rows are left out and counted. */
  load(rows: Iterable<unknown>, ownSeq = 0): void {
    const good: Held[] = [];
    for (const row of rows) {
      const read = hold(row, this.#config.community, this.#deps.sha256);
      if ("held" in read) good.push(read.held);
      else this.#refused[read.refused]++;
    }
    this.#table.load(good);
    // Now, not in the middle of the first exchange.
    this.digest();
    this.#own.seen(ownSeq);
    for (const { record } of this.#table.kept(this.#config.self)) this.#own.seen(record.seq);
  }

  step(nowMs: number, event: RecordsEvent): RecordsEffect[] {
    this.#outcome = new Outcome();
    this.#handle(nowMs, event);
    return this.#outcome.effects(this.#own.seq);
  }

  /**
   * Begins a reconciliation that we ask for, of everything or of one author; feed its answers back with `syncAnswer`
   * until `next()` is undefined.
   */
  startSync(author?: string): SyncSession {
    return new SyncSession(this.#table, author);
  }

  /** Digest of everything held: equal on two boxes that hold the same. */
  digest(): string {
    return this.#table.tree.digest("");
  }

  /** The highest number of our own that is used, as far as we know. */
  ownSeq(): number {
    return this.#own.seq;
  }

  get(author: string, kind: string, key: string): SignedRecord | undefined {
    return this.#table.get(author, kind, key);
  }

  list(kind: string): SignedRecord[] {
    return this.#table.list(kind);
  }

  /** What readers are shown of one author. */
  ofAuthor(author: string): SignedRecord[] {
    return this.#table
      .current(author)
      .map((held) => held.record)
      .filter((record) => this.#kinds.isShown(record));
  }

  stats(): RecordsStats {
    const { authors, records, bytes } = this.#table;
    const refused = { ...this.#refused };
    const counts = { accepted: this.#accepted, equivocations: this.#equivocations };
    return { authors, records, bytes, waiting: this.#waiting.size, ...counts, refused };
  }

  #handle(nowMs: number, event: RecordsEvent): void {
    switch (event.type) {
      case "received":
        return this.#receive(nowMs, event);
      case "put":
        return this.#put(event.kind, event.key, event.body, nowMs);
      case "remove":
        return this.#put(event.kind, event.key, null, nowMs);
      case "tick":
        return this.#tick(nowMs);
      case "adopted":
        if (event.asked === false) this.#own.skip(nowMs);
        for (const { put, reason } of this.#own.adopted(nowMs)) this.#putRefused(put.kind, put.key, reason);
        return;
      case "recheck":
        return this.#recheck(nowMs);
      case "dropAuthor":
        return this.#dropAuthor(event.author, event.keep ?? (() => false));
      case "restoreAuthor":
        this.#excluded.delete(event.author);
        return;
      case "syncRequest":
        return this.#answer(nowMs, event);
      case "syncAnswer":
        return this.#takeAnswer(nowMs, event);
    }
  }

  #receive(nowMs: number, { records, from, via, session }: Received): void {
    this.#refused["too-many"] += Math.max(0, records.length - RECORDS_PER_MESSAGE_MAX);
    const { self, community } = this.#config;
    let ownCame = false;
    for (const value of records.slice(0, RECORDS_PER_MESSAGE_MAX)) {
      if (this.#table.isKnown(value)) {
        this.#refused.known++;
        continue;
      }
      const read = hold(value, community, this.#deps.sha256);
      const refusal = "refused" in read ? read.refused : this.#judge(read.held, from, via, nowMs);
      if (refusal) this.#refused[refusal]++;
      session?.took(Number(!refusal), Number(refusal === "unknown-author"));
      if (!("held" in read)) continue;
      if (refusal === "unknown-author") this.#waiting.add({ held: read.held, from, sinceMs: nowMs });
      else if (!refusal && read.held.record.author === self) ownCame = true;
    }
    if (ownCame) this.#own.repair(nowMs);
  }

  /** Takes the record, or says why not. Cheap checks first: a signature is the last thing to be looked at. */
  #judge(held: Held, from: string, via: Via, nowMs: number): Refusal | undefined {
    const { record } = held;
    const keeps = this.#excluded.get(record.author);
    if (keeps && !keeps(record)) return "excluded";
    const isOwn = record.author === this.#config.self;
    // Whatever else becomes of it, too old or dated ahead: this number is used.
    if (isOwn && this.#own.adopting && isGenuine(held, this.#config.selfKey, this.#deps)) this.#own.seen(record.seq);
    if (isExpired(record, nowMs)) return "expired";
    if (isFuture(record, nowMs)) return "future";
    const verdict = this.#table.verdict(held);
    const isProof = verdict === "superseded" && this.#isUnknownTwin(held);
    if (verdict !== "new" && !isProof) return verdict;
    if (!isOwn && this.#isFull(held)) return "full";
    const origin: Origin = { from, author: record.author, via };
    if (!this.#rates.mayCheck(origin, checksOf(record), nowMs)) return "rate";
    const may = isOwn || keeps !== undefined || this.#deps.mayWrite(record.author, record);
    if (may === "bad-signature") this.#rates.forged(from, nowMs);
    if (may !== true) return may || "unknown-author";
    const publicKey = isOwn ? this.#config.selfKey : this.#deps.publicKeyOf(record.author, record);
    if (!publicKey) return "unknown-author";
    const refusal = this.#forgeryOf(held, publicKey);
    if (refusal) this.#rates.forged(from, nowMs);
    if (refusal) return refusal;
    this.#noteTwin(held);
    if (isProof) return verdict;
    return this.#takeGenuine(held, origin, nowMs);
  }

  #forgeryOf(held: Held, publicKey: Uint8Array): Refusal | undefined {
    if (!isGenuine(held, publicKey, this.#deps)) return "bad-signature";
    return undefined;
  }

  #takeGenuine(held: Held, origin: Origin, nowMs: number): Refusal | undefined {
    const { record } = held;
    const verdict = this.#commit(held);
    if (verdict !== "new") return verdict;
    this.#rates.took(origin, nowMs);
    this.#accepted++;
    if (record.author === this.#config.self) this.#own.seen(record.seq);
    if (record.timeMs >= nowMs - FRESH_MAX_MS) this.#outcome.push.push(record);
    return undefined;
  }

  #isFull(held: Held): boolean {
    const { totalBytesMax = TOTAL_BYTES_MAX, authorsMax = AUTHORS_MAX } = this.#config;
    const bytes = this.#table.bytes + held.size;
    if (bytes > totalBytesMax) return true;
    const { author } = held.record;
    if (bytes > totalBytesMax * CROWDED_SHARE && this.#table.bytesOf(author) > AUTHOR_BYTES_CROWDED) return true;
    return this.#table.authors >= authorsMax && !this.#table.has(author);
  }

  /** Its author was not caught at this before. */
  #isUnknownTwin(held: Held): boolean {
    return !this.#equivocators.has(held.record.author) && this.#table.twinOf(held) !== undefined;
  }

  #noteTwin(held: Held): void {
    const twin = this.#table.twinOf(held);
    if (!twin) return;
    this.#equivocations++;
    const { author } = held.record;
    if (this.#equivocators.has(author) || this.#equivocators.size >= EQUIVOCATORS_MAX) return;
    this.#equivocators.add(author);
    this.#outcome.other.push({ type: "equivocation", author, records: [twin.record, held.record] });
  }

  #commit(held: Held): Verdict {
    const { verdict, dropped, changes } = this.#table.add(held);
    if (verdict !== "new") return verdict;
    const row = `${held.record.author} ${held.ref}`;
    this.#outcome.put.set(row, { record: held.record, ref: held.ref });
    this.#noteDropped(dropped, changes);
    return verdict;
  }

  #noteDropped(dropped: Held[], changes: Change[]): void {
    for (const { record, ref } of dropped) {
      const row = `${record.author} ${ref}`;
      // A row that this very step was to put has never been stored.
      if (!this.#outcome.put.delete(row)) this.#outcome.drop.set(row, { author: record.author, ref });
    }
    for (const change of changes) {
      const slot = `${change.author} ${change.kind}\n${change.key}`;
      this.#outcome.changes.delete(slot);
      this.#outcome.changes.set(slot, change);
    }
  }

  #recheck(nowMs: number): void {
    let checks = 0;
    this.#waiting.review(nowMs, ({ held, from }) => {
      if (checks >= CHECKS_PER_STEP_MAX) {
        this.#outcome.other.push({ type: "recheckSoon" });
        return "enough";
      }
      // Its neighbour's share was charged when it came.
      const refusal = this.#judge(held, from, "sync", nowMs);
      if (refusal === "unknown-author") return "stays";
      checks += checksOf(held.record);
      if (refusal) this.#refused[refusal]++;
      return "goes";
    });
  }

  #put(kind: string, key: string, body: Json, nowMs: number): void {
    const reason = this.#own.put({ kind, key, body }, nowMs);
    if (reason) this.#putRefused(kind, key, reason);
  }

  #putRefused(kind: string, key: string, reason: PutRefusal): void {
    this.#outcome.other.push({ type: "putRefused", kind, key, reason });
  }

  #tick(nowMs: number): void {
    if (nowMs >= this.#nextExpiryMs || nowMs < this.#nextExpiryMs - EXPIRY_SCAN_MS) {
      this.#nextExpiryMs = nowMs + EXPIRY_SCAN_MS;
      const { dropped, changes } = this.#table.dropExpired(nowMs);
      this.#noteDropped(dropped, changes);
    }
    this.#recheck(nowMs);
    this.#own.refresh(nowMs);
  }

  #dropAuthor(author: string, keep: (record: SignedRecord) => boolean): void {
    this.#excluded.set(author, keep);
    const { dropped, changes } = this.#table.retain(author, (held) => keep(held.record));
    this.#noteDropped(dropped, changes);
  }

  /** A request that makes no sense gets no answer. */
  #answer(nowMs: number, { request: value, from, given }: Extract<RecordsEvent, { type: "syncRequest" }>): void {
    const request = readRequest(value);
    if (!request) {
      this.#refused.malformed++;
      return;
    }
    if (!given) this.#receive(nowMs, { records: request.records, from, via: "offer" });
    this.#outcome.other.push({ type: "syncAnswer", answer: answerSync(this.#table, request) });
  }

  #takeAnswer(nowMs: number, event: Extract<RecordsEvent, { type: "syncAnswer" }>): void {
    const { session, from } = event;
    const answer = readAnswer(event.answer);
    if (!answer) {
      this.#refused.malformed++;
      return session.failed();
    }
    // Taken in first: what they superseded need not be pushed back.
    if (!event.given) this.#receive(nowMs, { records: answer.records, from, via: "sync", session });
    if (this.#rates.isForger(from, nowMs)) return session.failed();
    const refs: { author: string; ref: string }[] = [];
    if (answer.cut)
      for (const record of answer.records) {
        const read = hold(record, this.#config.community, this.#deps.sha256);
        if ("held" in read) refs.push({ author: read.held.record.author, ref: read.held.ref });
      }
    session.answered(answer, refs);
  }
}
