/**
 * What goes into a step of the records core and what comes out. Effects are carried out in order; `store` comes first,
 * so that nothing is announced that a crash could take back.
 */
import type { Change } from "./author-table.ts";
import type { Json } from "./canonical-json.ts";
import { PUSH_FANOUT } from "./constants.ts";
import type { PutRefusal } from "./kinds.ts";
import type { SignedRecord } from "./record.ts";
import type { SyncAnswer } from "./sync-messages.ts";
import type { SyncSession } from "./sync-session.ts";

/** push: sent unasked as news. offer: in a request of another box. sync: in an answer that we asked for. */
export type Via = "push" | "offer" | "sync";

export type RecordsEvent =
  /** `session`: in which they came, when they are the records of an answer. */
  | { type: "received"; records: readonly unknown[]; from: string; via: Via; session?: SyncSession }
  | { type: "put"; kind: string; key: string; body: Json }
  | { type: "remove"; kind: string; key: string }
  | { type: "tick" }
  /** Our numbers are known. `asked` is false when nobody could be asked: then they go on far ahead. */
  | { type: "adopted"; asked?: boolean }
  /** Who may write has changed: look at the waiting again (a tick does so too). */
  | { type: "recheck" }
  /** Excluded: only what `keep` says of it stays or is taken from now on. */
  | { type: "dropAuthor"; author: string; keep?: (record: SignedRecord) => boolean }
  | { type: "restoreAuthor"; author: string }
  /** `given`: the driver gave its records before, in parts, as `received`. */
  | { type: "syncRequest"; request: unknown; from: string; given?: boolean }
  | { type: "syncAnswer"; session: SyncSession; answer: unknown; from: string; given?: boolean };

export interface StoreRow {
  record: SignedRecord;
  ref: string;
}

export type RecordsEffect =
  /** One transaction. Rows are named by (author, ref). `ownSeq` is kept beside them. */
  | { type: "store"; put: StoreRow[]; drop: { author: string; ref: string }[]; ownSeq: number }
  | { type: "changed"; changes: Change[] }
  | { type: "push"; records: SignedRecord[]; fanout: number }
  | { type: "putRefused"; kind: string; key: string; reason: PutRefusal }
  /** Two records of one author with one number: proof of a broken or dishonest box. Once for each author and run. */
  | { type: "equivocation"; author: string; records: [SignedRecord, SignedRecord] }
  | { type: "syncAnswer"; answer: SyncAnswer }
  /** Of those that wait for admission some were not looked at yet, or this step would have taken long: recheck soon. */
  | { type: "recheckSoon" };

export type Refusal =
  | "malformed"
  | "too-large"
  | "bad-signature"
  | "unknown-author"
  | "excluded"
  | "future"
  | "expired"
  | "known"
  | "superseded"
  | "rate"
  | "too-many-live"
  | "full"
  | "too-many";

export interface RecordsStats {
  authors: number;
  records: number;
  bytes: number;
  waiting: number;
  accepted: number;
  equivocations: number;
  refused: Record<Refusal, number>;
}

/** What one step has done so far. */
export class Outcome {
  readonly put = new Map<string, StoreRow>();
  readonly drop = new Map<string, { author: string; ref: string }>();
  readonly changes = new Map<string, Change>();
  readonly push: SignedRecord[] = [];
  readonly other: RecordsEffect[] = [];

  effects(ownSeq: number): RecordsEffect[] {
    const effects: RecordsEffect[] = [];
    const put = [...this.put.values()];
    const drop = [...this.drop.values()];
    if (put.length || drop.length) effects.push({ type: "store", put, drop, ownSeq });
    if (this.changes.size) effects.push({ type: "changed", changes: [...this.changes.values()] });
    if (this.push.length) effects.push({ type: "push", records: this.push, fanout: PUSH_FANOUT });
    return [...effects, ...this.other];
  }
}
