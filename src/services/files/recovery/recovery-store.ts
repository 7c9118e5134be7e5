/**
 * Tables of recovery phrases: what this box needs to renew those of its accounts, where their sealed roots lie, and
 * what other boxes left here. Neither words nor keys are in them.
 */
import type { Store } from "../../../platform/store.ts";

const MIGRATIONS = [
  `CREATE TABLE files_recovery (account TEXT PRIMARY KEY, locator TEXT NOT NULL UNIQUE, proof TEXT NOT NULL,
     sealed BLOB NOT NULL, madeMs INTEGER NOT NULL, renewedMs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE files_recovery_left (locator TEXT NOT NULL, boxId TEXT NOT NULL, proof TEXT NOT NULL,
     seenMs INTEGER NOT NULL, isEnding INTEGER NOT NULL, PRIMARY KEY (locator, boxId)) STRICT, WITHOUT ROWID;
   CREATE TABLE files_recovery_kept (boxId TEXT NOT NULL, locator TEXT NOT NULL, proofHash TEXT NOT NULL,
     sealed BLOB NOT NULL, seenMs INTEGER NOT NULL, PRIMARY KEY (boxId, locator)) STRICT, WITHOUT ROWID;
   CREATE INDEX files_recovery_kept_locator ON files_recovery_kept(locator);`,
];

/** The phrase of an account. */
export interface PhraseRow {
  account: string;
  locator: string;
  proof: string;
  sealed: Uint8Array;
  madeMs: number;
  renewedMs: number;
}

/** A sealed root of ours at another box. */
export interface LeftRow {
  locator: string;
  boxId: string;
  proof: string;
  /** When that box last said that it keeps it; 0: it may have one, and did not answer. */
  seenMs: number;
  /** It is to be taken back. */
  isEnding: 0 | 1;
}

/** A sealed root of another box here. */
export interface KeptRow {
  boxId: string;
  locator: string;
  proofHash: string;
  sealed: Uint8Array;
  seenMs: number;
}

export type RecoveryStore = ReturnType<typeof recoveryStore>;

export function recoveryStore(store: Store) {
  store.migrate("files-recovery", MIGRATIONS);
  const count = (sql: string, ...values: string[]) => store.prepare<{ n: number }>(sql).get(...values)!.n;
  return {
    transaction: store.transaction,

    phrase: (account: string) =>
      store.prepare<PhraseRow>("SELECT * FROM files_recovery WHERE account = ?").get(account),
    phrases: () => store.prepare<PhraseRow>("SELECT * FROM files_recovery ORDER BY account").all(),
    hasPhrase: (locator: string) => count("SELECT count(*) AS n FROM files_recovery WHERE locator = ?", locator) > 0,
    setPhrase: ({ account, locator, proof, sealed, madeMs, renewedMs }: PhraseRow) =>
      store
        .prepare("INSERT OR REPLACE INTO files_recovery VALUES (?, ?, ?, ?, ?, ?)")
        .run(account, locator, proof, sealed, madeMs, renewedMs),
    renewed: (locator: string, nowMs: number) =>
      store.prepare("UPDATE files_recovery SET renewedMs = ? WHERE locator = ?").run(nowMs, locator),
    dropPhrase: (account: string) => store.prepare("DELETE FROM files_recovery WHERE account = ?").run(account),

    left: (locator: string) =>
      store.prepare<LeftRow>("SELECT * FROM files_recovery_left WHERE locator = ? ORDER BY boxId").all(locator),
    /** Never one that is to be taken back: a renewal that was on its way does not stop that. */
    setLeft: ({ locator, boxId, proof }: Omit<LeftRow, "seenMs" | "isEnding">, seenMs: number) =>
      store
        .prepare(
          `INSERT INTO files_recovery_left VALUES (?, ?, ?, ?, 0)
           ON CONFLICT (locator, boxId) DO UPDATE SET seenMs = max(seenMs, excluded.seenMs)`,
        )
        .run(locator, boxId, proof, seenMs),
    /** `nowMs`: nobody renews it after that, so that the other box lets it go by itself in time. */
    endLeft: (locator: string, nowMs: number) =>
      store
        .prepare("UPDATE files_recovery_left SET isEnding = 1, seenMs = max(seenMs, ?) WHERE locator = ?")
        .run(nowMs, locator),
    /** All that is to be taken back from other boxes. */
    ending: () => store.prepare<LeftRow>("SELECT * FROM files_recovery_left WHERE isEnding = 1 ORDER BY seenMs").all(),
    dropLeft: (locator: string, boxId: string) =>
      store.prepare("DELETE FROM files_recovery_left WHERE locator = ? AND boxId = ?").run(locator, boxId),
    /** Of what is to be taken back: what others have let go by themselves by now, and the oldest of too many. */
    trimEnding(seenBeforeMs: number, most: number) {
      store.prepare("DELETE FROM files_recovery_left WHERE isEnding = 1 AND seenMs < ?").run(seenBeforeMs);
      store
        .prepare(
          `DELETE FROM files_recovery_left WHERE (locator, boxId) IN (SELECT locator, boxId FROM files_recovery_left
             WHERE isEnding = 1 ORDER BY seenMs DESC LIMIT -1 OFFSET ?)`,
        )
        .run(most);
    },

    kept: (locator: string) =>
      store.prepare<KeptRow>("SELECT * FROM files_recovery_kept WHERE locator = ? ORDER BY seenMs").all(locator),
    hasKept: (boxId: string, locator: string) =>
      count("SELECT count(*) AS n FROM files_recovery_kept WHERE boxId = ? AND locator = ?", boxId, locator) > 0,
    keptOf: (boxId: string) => count("SELECT count(*) AS n FROM files_recovery_kept WHERE boxId = ?", boxId),
    keptUnder: (locator: string) => count("SELECT count(*) AS n FROM files_recovery_kept WHERE locator = ?", locator),
    keptInAll: () => count("SELECT count(*) AS n FROM files_recovery_kept"),
    keep: ({ boxId, locator, proofHash, sealed, seenMs }: KeptRow) =>
      store
        .prepare("INSERT OR REPLACE INTO files_recovery_kept VALUES (?, ?, ?, ?, ?)")
        .run(boxId, locator, proofHash, sealed, seenMs),
    /** Those under the locator that this box left, or whoever has the proof of this hash. Gives how many. */
    dropKept: (locator: string, boxId: string, proofHash: string) =>
      store
        .prepare("DELETE FROM files_recovery_kept WHERE locator = ? AND (boxId = ? OR proofHash = ?)")
        .run(locator, boxId, proofHash).changes,
    dropKeptBefore: (seenMs: number) =>
      store.prepare("DELETE FROM files_recovery_kept WHERE seenMs < ?").run(seenMs).changes,
  };
}
