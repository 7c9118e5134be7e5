/**
 * Tables of the service itself: who may store on this box, where this box's accounts may store, imported servers, and
 * notes. A member's own tree has its tables in `tree/store.ts`, care has its own in `care/`.
 */
import type { Store } from "../../platform/store.ts";
import type { ExpiryRound, ExpiryRows } from "./storage/expired-shares.ts";

const MIGRATIONS = [
  `CREATE TABLE files_members (boxId TEXT NOT NULL, member TEXT NOT NULL, sinceMs INTEGER NOT NULL,
     PRIMARY KEY (boxId, member)) STRICT, WITHOUT ROWID;
   CREATE TABLE files_access (boxId TEXT NOT NULL, account TEXT NOT NULL, swissnum TEXT NOT NULL,
     quotaBytes INTEGER NOT NULL, PRIMARY KEY (boxId, account)) STRICT, WITHOUT ROWID;
   CREATE TABLE files_imported (id TEXT PRIMARY KEY, entry TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE files_notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE files_expired (storageIndex TEXT NOT NULL, share INTEGER NOT NULL, rounds INTEGER NOT NULL,
     lastRound INTEGER NOT NULL, PRIMARY KEY (storageIndex, share)) STRICT, WITHOUT ROWID;
   CREATE INDEX files_expired_round ON files_expired(lastRound);`,
];

export interface MemberRow {
  boxId: string;
  /** The pseudonym that the box gave its account. */
  member: string;
  sinceMs: number;
}

export interface AccessRow {
  boxId: string;
  account: string;
  swissnum: string;
  quotaBytes: number;
}

const EXPIRY_NOTE = "expired-shares-round";

export type SpaceStore = ReturnType<typeof spaceStore>;

export function spaceStore(store: Store) {
  store.migrate("files-space", MIGRATIONS);
  const run = (sql: string, ...values: (string | number)[]) => store.prepare(sql).run(...values);
  return {
    transaction: store.transaction,
    members: () => store.prepare<MemberRow>("SELECT * FROM files_members ORDER BY sinceMs").all(),
    addMember: ({ boxId, member, sinceMs }: MemberRow) =>
      run("INSERT OR IGNORE INTO files_members (boxId, member, sinceMs) VALUES (?, ?, ?)", boxId, member, sinceMs),

    access: (account: string) => store.prepare<AccessRow>("SELECT * FROM files_access WHERE account = ?").all(account),
    setAccess: ({ boxId, account, swissnum, quotaBytes }: AccessRow) =>
      run(
        "INSERT OR REPLACE INTO files_access (boxId, account, swissnum, quotaBytes) VALUES (?, ?, ?, ?)",
        ...[boxId, account, swissnum, quotaBytes],
      ),
    dropAccess: (boxId: string, account: string) =>
      run("DELETE FROM files_access WHERE boxId = ? AND account = ?", boxId, account),

    imported: () => store.prepare<{ id: string; entry: string }>("SELECT * FROM files_imported ORDER BY id").all(),
    addImported: (id: string, entry: string) =>
      run("INSERT OR REPLACE INTO files_imported (id, entry) VALUES (?, ?)", id, entry),
    dropImported: (id: string) => run("DELETE FROM files_imported WHERE id = ?", id).changes > 0,

    note: (name: string) =>
      store.prepare<{ value: string }>("SELECT value FROM files_notes WHERE name = ?").get(name)?.value,
    setNote: (name: string, value: string) =>
      run("INSERT OR REPLACE INTO files_notes (name, value) VALUES (?, ?)", name, value),
  };
}

/** Shares of this box's storage server without a lease. */
export function expiryRows(store: Store, notes: Pick<SpaceStore, "note" | "setNote">): ExpiryRows {
  return {
    round() {
      const note = notes.note(EXPIRY_NOTE);
      return note === undefined ? undefined : (JSON.parse(note) as ExpiryRound);
    },
    setRound: (round) => void notes.setNote(EXPIRY_NOTE, JSON.stringify(round)),
    roundsOf: (storageIndex, share, round) =>
      store
        .prepare<{ rounds: number }>(
          "SELECT rounds FROM files_expired WHERE storageIndex = ? AND share = ? AND lastRound >= ?",
        )
        .get(storageIndex, share, round - 1)?.rounds ?? 0,
    count(seen, round) {
      const count = store.prepare(
        `INSERT INTO files_expired (storageIndex, share, rounds, lastRound) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT (storageIndex, share) DO UPDATE SET lastRound = ?3, rounds =
           CASE lastRound WHEN ?3 THEN rounds WHEN ?3 - 1 THEN rounds + 1 ELSE 1 END`,
      );
      store.transaction(() => {
        for (const { storageIndex, share } of seen) count.run(storageIndex, share, round);
      });
    },
    forgetBefore: (round) => void store.prepare("DELETE FROM files_expired WHERE lastRound < ?").run(round),
  };
}
