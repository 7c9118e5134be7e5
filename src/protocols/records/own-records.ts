/**
 * The author's side: numbering, floors, refreshing, and recovering the numbers after the disk was lost.
 *
 * The floor of a record is the lowest number among the author's live records that are not tombstones (nor the
 * community's first record). When the old ones are signed anew, the floor passes the tombstones and everything below it
 * vanishes everywhere. A floor that merely lags behind costs nothing, so it is the count of tombstones, not the lag,
 * that forces a refresh early.
 */
import { canonicalJson, type Json } from "./canonical-json.ts";
import {
  BODY_DEPTH_MAX,
  FUTURE_MAX_MS,
  LIVE_PER_AUTHOR_MAX,
  LIVE_PER_KIND_MAX,
  OWN_TOMBSTONES_MAX,
  PUT_QUEUE_MAX,
  REFRESH_BATCH_MAX,
} from "./constants.ts";
import type { Kinds, PutRefusal } from "./kinds.ts";
import { compareHeld, GENESIS_KIND, type Held, type UnsignedRecord } from "./record.ts";

export interface Put {
  kind: string;
  key: string;
  /** null removes. */
  body: Json;
}

export interface OwnNeeds {
  self: string;
  kinds: Kinds;
  refreshMs: number;
  /** The own records of the table, tombstones too. */
  current(): Held[];
  /** Signs the record and takes it into the table. */
  write(unsigned: UnsignedRecord): void;
}

export class OwnRecords {
  readonly #needs: OwnNeeds;
  /** What this run wrote, by slot: an older life of ours that comes back from a peer must not undo it. */
  readonly #written = new Map<string, Put>();
  readonly #repaired = new Set<string>();
  #queue: Put[] = [];
  /** Until it knows which numbers an earlier life used, nothing is numbered. */
  #adopting: boolean;
  /** The highest number used or seen. */
  seq = 0;

  constructor(needs: OwnNeeds, adoptFirst: boolean) {
    this.#needs = needs;
    this.#adopting = adoptFirst;
  }

  get adopting(): boolean {
    return this.#adopting;
  }

  get queued(): number {
    return this.#queue.length;
  }

  seen(seq: number): void {
    this.seq = Math.max(this.seq, seq);
  }

  /** Writes, or keeps for later while adopting; a reason when it may not. */
  put(put: Put, nowMs: number): PutRefusal | undefined {
    const refusal = this.#refusalOf(put);
    if (refusal) return refusal;
    if (this.#adopting) {
      if (this.#queue.length >= PUT_QUEUE_MAX) return "queue-full";
      this.#queue.push(put);
      return undefined;
    }
    this.#apply(put, nowMs);
    return undefined;
  }

  /** The own numbers are known: what waited is written. Gives the puts that no longer fit. */
  adopted(nowMs: number): { put: Put; reason: PutRefusal }[] {
    const queue = this.#queue;
    this.#queue = [];
    this.#adopting = false;
    const refused: { put: Put; reason: PutRefusal }[] = [];
    for (const put of queue) {
      const reason = this.put(put, nowMs);
      if (reason) refused.push({ put, reason });
    }
    return refused;
  }

  /**
   * Nobody could say which numbers are in use. The present time in milliseconds is higher than any number that this
   * box can have reached by counting, and than where it went on the last time that it could ask nobody.
   */
  skip(nowMs: number): void {
    this.seen(Math.trunc(nowMs));
  }

  /** Own records came back from a peer: what they undid is written again, once per run and slot. (Once, because a
   * copy of this box with the same key would otherwise fight with us for ever.) */
  repair(nowMs: number): void {
    for (const [slot, put] of this.#written) {
      if (this.#repaired.has(slot) || isSame(this.#find(put), put.body)) continue;
      this.#repaired.add(slot);
      this.#apply(put, nowMs);
    }
  }

  /** Signs anew what is too old or dated in the future; at most REFRESH_BATCH_MAX records. */
  refresh(nowMs: number): void {
    if (this.#adopting) return;
    // The first record names the community by its content: signed anew it would be another one, which nobody takes.
    const current = this.#needs.current().filter(isRenewable).sort(compareHeld);
    const tombstones = current.filter(isTombstone);
    const lastTombstone = tombstones.length > OWN_TOMBSTONES_MAX ? tombstones.at(-1)!.record.seq : 0;
    const due = current.filter((held) => {
      if (held.record.timeMs > nowMs + FUTURE_MAX_MS) return true;
      if (isTombstone(held)) return false;
      if (held.record.seq < lastTombstone) return true;
      // What has an end is left to end; whoever wrote it renews it by writing it again.
      return held.record.untilMs === null && held.record.timeMs < nowMs - this.#needs.refreshMs;
    });
    for (const { record } of due.slice(0, REFRESH_BATCH_MAX)) {
      const leftMs = record.untilMs === null ? null : record.untilMs - record.timeMs;
      const dated = record.timeMs > nowMs + FUTURE_MAX_MS;
      const untilMs = dated && leftMs !== null ? nowMs + leftMs : record.untilMs;
      if (untilMs !== null && untilMs <= nowMs) continue;
      this.#write(record.kind, record.key, record.body, untilMs, nowMs);
    }
  }

  #refusalOf({ kind, key, body }: Put): PutRefusal | undefined {
    const spec = this.#needs.kinds.get(kind);
    if (!spec) return "unregistered";
    if (key.length < 1 || key.length > 128 || !key.isWellFormed()) return "malformed";
    if (body === null) return undefined;
    const refusal = this.#needs.kinds.refusalOf(spec, body);
    if (refusal || this.#find({ kind, key, body })) return refusal;
    return this.#isFull(kind, spec.livePerAuthorMax) ? "too-many-live" : undefined;
  }

  /** Writing one more would crowd out our own oldest. */
  #isFull(kind: string, liveMax: number): boolean {
    const current = this.#needs.current();
    const ofKind = current.filter((held) => held.record.kind === kind);
    const live = ofKind.filter((held) => !isTombstone(held)).length;
    return live >= liveMax || ofKind.length >= LIVE_PER_KIND_MAX || current.length >= LIVE_PER_AUTHOR_MAX;
  }

  #find({ kind, key }: Put): Held | undefined {
    return this.#needs.current().find(({ record }) => record.kind === kind && record.key === key);
  }

  #apply(put: Put, nowMs: number): void {
    this.#written.set(`${put.kind}\n${put.key}`, put);
    const found = this.#find(put);
    if (isSame(found, put.body) && (!found || found.record.untilMs === null)) return;
    // A tombstone need not outlive what it hides.
    const retentionMs = this.#needs.kinds.get(put.kind)?.retentionMs ?? null;
    const endMs = retentionMs === null ? null : nowMs + retentionMs;
    this.#write(put.kind, put.key, put.body, put.body === null ? (found?.record.untilMs ?? null) : endMs, nowMs);
  }

  #write(kind: string, key: string, body: Json, untilMs: number | null, nowMs: number): void {
    const seq = this.seq + 1;
    let floor = seq;
    for (const held of this.#needs.current()) {
      const replaced = held.record.kind === kind && held.record.key === key;
      if (!replaced && !isTombstone(held) && isRenewable(held)) floor = Math.min(floor, held.record.seq);
    }
    this.seq = seq;
    this.#needs.write({ author: this.#needs.self, seq, kind, key, timeMs: nowMs, floor, untilMs, body });
  }
}

function isRenewable(held: Held): boolean {
  return held.record.kind !== GENESIS_KIND;
}

function isTombstone(held: Held): boolean {
  return held.record.body === null;
}

/** Whether what is there says the same; nothing there says the same as a tombstone. */
function isSame(held: Held | undefined, body: Json): boolean {
  return canonicalJson(held?.record.body ?? null, BODY_DEPTH_MAX) === canonicalJson(body, BODY_DEPTH_MAX);
}
