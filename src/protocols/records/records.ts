/**
 * The replicated signed records of a community, as a pure core: events and time in, effects out. It decides what is
 * taken, what is kept, what is told to readers and neighbours, and how two boxes find out what each lacks.
 * Effects are carried out in order; `store` comes first, so that nothing is announced that a crash could take back.
 * See docs/protocols/records.md.
 */
import { AuthorTable, type Change } from "./author-table.ts";
import type { Json } from "./canonical-json.ts";
import {
  AUTHOR_PUSH_BURST,
  AUTHOR_PUSH_PER_SECOND,
  AUTHORS_MAX,
  BUCKETS_MAX,
  EXPIRY_SCAN_MS,
  FRESH_MAX_MS,
  PEER_PUSH_BURST,
  PEER_PUSH_PER_SECOND,
  RECORDS_PER_MESSAGE_MAX,
  REFRESH_MS,
  TOTAL_BYTES_MAX,
  WAITING_MAX,
  WAITING_MAX_MS,
} from "./constants.ts";
import { Kinds, type KindSpec, type PutRefusal } from "./kinds.ts";
import type { LiveSet } from "./live-set.ts";
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
import { TokenBuckets } from "./token-buckets.ts";

export type { RecordsEffect, RecordsEvent, RecordsStats, Refusal, StoreRow, Via } from "./step.ts";

export interface RecordsConfig {
  community: string;
  /** Our box id and raw public key. */
  self: string;
  selfKey: Uint8Array;
  kinds: readonly KindSpec[];
  /** True when the disk is new: our numbers may be in use from an earlier life, so puts wait for `adopted`. */
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
  /** Admission: false keeps the record waiting for a while. */
  mayWrite(author: string, record: SignedRecord): boolean;
}

interface Waiting {
  held: Held;
  from: string;
  via: Via;
  sinceMs: number;
}

export function createRecords(config: RecordsConfig, deps: RecordsDeps): Records {
  return new Records(config, deps);
}

export class Records {
  readonly #config: RecordsConfig;
  readonly #deps: RecordsDeps;
  readonly #table: AuthorTable;
  readonly #kinds: Kinds;
  readonly #own: OwnRecords;
  readonly #authorPushes = new TokenBuckets({
    burst: AUTHOR_PUSH_BURST,
    perSecond: AUTHOR_PUSH_PER_SECOND,
    bucketsMax: BUCKETS_MAX,
  });
  readonly #peerPushes = new TokenBuckets({
    burst: PEER_PUSH_BURST,
    perSecond: PEER_PUSH_PER_SECOND,
    bucketsMax: BUCKETS_MAX,
  });
  readonly #excluded = new Map<string, (record: SignedRecord) => boolean>();
  readonly #waiting = new Map<string, Waiting>();
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
        const preview = this.#table.preview(held);
        if (preview.outcome !== "new") throw new Error(`an own record was ${preview.outcome}`);
        this.#commit(held, preview.next);
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
    this.#own.seen(ownSeq);
    for (const { record } of this.#table.kept(this.#config.self)) this.#own.seen(record.seq);
  }

  step(nowMs: number, event: RecordsEvent): RecordsEffect[] {
    this.#outcome = new Outcome();
    this.#handle(nowMs, event);
    return this.#outcome.effects(this.#own.seq);
  }

  /** Begins a reconciliation that we ask for; feed its answers back with `syncAnswer` until `next()` is undefined. */
  startSync(): SyncSession {
    return new SyncSession(this.#table);
  }

  /** Digest of everything held: equal on two boxes that hold the same. */
  digest(): string {
    return this.#table.tree.digest("");
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
        return this.#receive(event.records, event.from, event.via, nowMs);
      case "put":
        return this.#put(event.kind, event.key, event.body, nowMs);
      case "remove":
        return this.#put(event.kind, event.key, null, nowMs);
      case "tick":
        return this.#tick(nowMs);
      case "adopted":
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
        return this.#answer(event.request, event.from, nowMs);
      case "syncAnswer":
        return this.#takeAnswer(event.session, event.answer, event.from, nowMs);
    }
  }

  #receive(records: readonly unknown[], from: string, via: Via, nowMs: number): void {
    this.#refused["too-many"] += Math.max(0, records.length - RECORDS_PER_MESSAGE_MAX);
    let ownCame = false;
    for (const value of records.slice(0, RECORDS_PER_MESSAGE_MAX)) {
      const read = hold(value, this.#config.community, this.#deps.sha256);
      const refusal = "refused" in read ? read.refused : this.#judge(read.held, from, via, nowMs);
      if (refusal) this.#refused[refusal]++;
      if (!("held" in read)) continue;
      if (refusal === "unknown-author") this.#wait({ held: read.held, from, via, sinceMs: nowMs });
      else if (!refusal && read.held.record.author === this.#config.self) ownCame = true;
    }
    if (ownCame) this.#own.repair(nowMs);
  }

  /** Takes the record, or says why not. Cheap checks first: a signature is the last thing to be looked at. */
  #judge(held: Held, from: string, via: Via, nowMs: number): Refusal | undefined {
    const { record } = held;
    const keeps = this.#excluded.get(record.author);
    if (keeps && !keeps(record)) return "excluded";
    if (isExpired(record, nowMs)) return "expired";
    if (isFuture(record, nowMs)) return "future";
    const preview = this.#table.preview(held);
    if (preview.outcome !== "new") return preview.outcome;
    const isOwn = record.author === this.#config.self;
    if (!isOwn && this.#isFull(held)) return "full";
    if (via === "push" && !this.#peerPushes.take(from, nowMs)) return "rate";
    if (!isOwn && !keeps && !this.#deps.mayWrite(record.author, record)) return "unknown-author";
    const publicKey = isOwn ? this.#config.selfKey : this.#deps.publicKeyOf(record.author, record);
    if (!publicKey) return "unknown-author";
    if (!isGenuine(held, publicKey, this.#deps)) return "bad-signature";
    // Only now, or others could use up an author's share in its name.
    if (via === "push" && !this.#authorPushes.take(record.author, nowMs)) return "rate";
    this.#noteTwin(held);
    this.#commit(held, preview.next);
    this.#accepted++;
    if (isOwn) this.#own.seen(record.seq);
    if (record.timeMs >= nowMs - FRESH_MAX_MS) this.#outcome.push.push(record);
    return undefined;
  }

  #isFull(held: Held): boolean {
    const { totalBytesMax = TOTAL_BYTES_MAX, authorsMax = AUTHORS_MAX } = this.#config;
    if (this.#table.bytes + held.size > totalBytesMax) return true;
    return this.#table.authors >= authorsMax && !this.#table.has(held.record.author);
  }

  #noteTwin(held: Held): void {
    const twin = this.#table.twinOf(held);
    if (!twin) return;
    this.#equivocations++;
    const { author } = held.record;
    this.#outcome.other.push({ type: "equivocation", author, records: [twin.record, held.record] });
  }

  #commit(held: Held, next: LiveSet): void {
    const { dropped, changes } = this.#table.commit(held.record.author, next);
    const row = `${held.record.author} ${held.ref}`;
    this.#outcome.put.set(row, { record: held.record, ref: held.ref });
    this.#noteDropped(dropped, changes);
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

  #wait(waiting: Waiting): void {
    const name = `${waiting.held.record.author} ${waiting.held.ref}`;
    if (this.#waiting.size < WAITING_MAX && !this.#waiting.has(name)) this.#waiting.set(name, waiting);
  }

  #recheck(nowMs: number): void {
    let judged = 0;
    for (const [name, { held, from, via, sinceMs }] of this.#waiting) {
      const refusal = this.#judge(held, from, via, nowMs);
      const stays = refusal === "unknown-author" && nowMs - sinceMs < WAITING_MAX_MS;
      if (stays) continue;
      this.#waiting.delete(name);
      if (refusal) this.#refused[refusal]++;
      // The rest is for the next tick: each took a signature.
      if (++judged >= RECORDS_PER_MESSAGE_MAX) return;
    }
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
  #answer(value: unknown, from: string, nowMs: number): void {
    const request = readRequest(value);
    if (!request) {
      this.#refused.malformed++;
      return;
    }
    this.#receive(request.records, from, "sync", nowMs);
    this.#outcome.other.push({ type: "syncAnswer", answer: answerSync(this.#table, request) });
  }

  #takeAnswer(session: SyncSession, value: unknown, from: string, nowMs: number): void {
    const answer = readAnswer(value);
    if (!answer) {
      this.#refused.malformed++;
      return session.failed();
    }
    // Taken in first: what they superseded need not be pushed back.
    this.#receive(answer.records, from, "sync", nowMs);
    const refs: { author: string; ref: string }[] = [];
    if (answer.cut)
      for (const record of answer.records) {
        const read = hold(record, this.#config.community, this.#deps.sha256);
        if ("held" in read) refs.push({ author: read.held.record.author, ref: read.held.ref });
      }
    session.answered(answer, refs);
  }
}
