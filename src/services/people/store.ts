/**
 * Tables of the people service: accounts, sessions, open invitations. Tokens are stored only as hashes.
 */
import type { Store } from "../../platform/store.ts";

export type AccountRole = "host" | "steward" | "member" | "guest";

export interface AccountRow {
  name: string;
  /** Lower-case, composed form: two names that look the same are the same account. */
  folded: string;
  role: AccountRole;
  password: string;
  createdMs: number;
  lastSeenMs: number | null;
}

export interface SessionRow {
  tokenHash: string;
  /** Of the second secret, which the page holds. */
  proofHash: string;
  folded: string;
  createdMs: number;
  usedMs: number;
}

export interface InvitationRow {
  id: string;
  tokenHash: string;
  role: AccountRole;
  note: string;
  createdMs: number;
  expiresMs: number;
}

const MIGRATIONS = [
  `CREATE TABLE people_accounts (folded TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL,
     password TEXT NOT NULL, createdMs INTEGER NOT NULL, lastSeenMs INTEGER) STRICT;
   CREATE TABLE people_sessions (tokenHash TEXT PRIMARY KEY, createdMs INTEGER NOT NULL, usedMs INTEGER NOT NULL,
     folded TEXT NOT NULL REFERENCES people_accounts(folded) ON DELETE CASCADE) STRICT;
   CREATE INDEX people_sessions_account ON people_sessions(folded, usedMs);
   CREATE TABLE people_invitations (id TEXT PRIMARY KEY, tokenHash TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
     note TEXT NOT NULL, createdMs INTEGER NOT NULL, expiresMs INTEGER NOT NULL) STRICT;`,
  // Sessions from before have no proof and end here: everybody signs in once more.
  `DELETE FROM people_sessions;
   ALTER TABLE people_sessions ADD COLUMN proofHash TEXT NOT NULL DEFAULT '';`,
];

/** Sessions kept per account; a new one beyond it ends the one that was used longest ago. */
export const SESSIONS_PER_ACCOUNT_MAX = 20;

export type PeopleStore = ReturnType<typeof peopleStore>;

export function peopleStore(store: Store) {
  store.migrate("people", MIGRATIONS);
  return {
    accounts: () => store.prepare<AccountRow>("SELECT * FROM people_accounts ORDER BY createdMs, folded").all(),
    account: (folded: string) =>
      store.prepare<AccountRow>("SELECT * FROM people_accounts WHERE folded = ?").get(folded),
    count: () => store.prepare<{ n: number }>("SELECT count(*) AS n FROM people_accounts").get()!.n,
    hosts: () => store.prepare<{ n: number }>("SELECT count(*) AS n FROM people_accounts WHERE role = 'host'").get()!.n,
    insertAccount: (row: AccountRow) =>
      store
        .prepare(
          "INSERT INTO people_accounts (folded, name, role, password, createdMs, lastSeenMs) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .run(row.folded, row.name, row.role, row.password, row.createdMs, row.lastSeenMs),
    setRole: (folded: string, role: AccountRole) =>
      store.prepare("UPDATE people_accounts SET role = ? WHERE folded = ?").run(role, folded),
    setPassword: (folded: string, password: string) =>
      store.prepare("UPDATE people_accounts SET password = ? WHERE folded = ?").run(password, folded),
    removeAccount: (folded: string) => store.prepare("DELETE FROM people_accounts WHERE folded = ?").run(folded),
    seen: (folded: string, nowMs: number) =>
      store.prepare("UPDATE people_accounts SET lastSeenMs = ? WHERE folded = ?").run(nowMs, folded),

    session: (tokenHash: string) =>
      store.prepare<SessionRow>("SELECT * FROM people_sessions WHERE tokenHash = ?").get(tokenHash),
    sessionsOf: (folded: string) =>
      store.prepare<{ n: number }>("SELECT count(*) AS n FROM people_sessions WHERE folded = ?").get(folded)!.n,
    insertSession(row: SessionRow) {
      store
        .prepare("INSERT INTO people_sessions (tokenHash, proofHash, folded, createdMs, usedMs) VALUES (?, ?, ?, ?, ?)")
        .run(row.tokenHash, row.proofHash, row.folded, row.createdMs, row.usedMs);
      // The new one always stays, also when the clock was set back and it looks like the oldest.
      store
        .prepare(
          `DELETE FROM people_sessions WHERE folded = ?1 AND tokenHash <> ?2 AND tokenHash NOT IN
             (SELECT tokenHash FROM people_sessions WHERE folded = ?1 AND tokenHash <> ?2
              ORDER BY usedMs DESC, rowid DESC LIMIT ?3)`,
        )
        .run(row.folded, row.tokenHash, SESSIONS_PER_ACCOUNT_MAX - 1);
    },
    useSession: (tokenHash: string, nowMs: number) =>
      store.prepare("UPDATE people_sessions SET usedMs = ? WHERE tokenHash = ?").run(nowMs, tokenHash),
    endSession: (tokenHash: string) => store.prepare("DELETE FROM people_sessions WHERE tokenHash = ?").run(tokenHash),
    endSessions: (folded: string, exceptHash = "") =>
      store.prepare("DELETE FROM people_sessions WHERE folded = ? AND tokenHash <> ?").run(folded, exceptHash),
    endUnusedSince: (beforeMs: number) => store.prepare("DELETE FROM people_sessions WHERE usedMs < ?").run(beforeMs),

    invitations: (nowMs: number) =>
      store
        .prepare<InvitationRow>("SELECT * FROM people_invitations WHERE expiresMs > ? ORDER BY createdMs DESC")
        .all(nowMs),
    invitationByToken: (tokenHash: string) =>
      store.prepare<InvitationRow>("SELECT * FROM people_invitations WHERE tokenHash = ?").get(tokenHash),
    insertInvitation: (row: InvitationRow) =>
      store
        .prepare(
          `INSERT INTO people_invitations (id, tokenHash, role, note, createdMs, expiresMs) VALUES (?, ?, ?, ?, ?, ?)`,
        )
        .run(row.id, row.tokenHash, row.role, row.note, row.createdMs, row.expiresMs),
    forgetInvitations: (expiredBeforeMs: number) =>
      store.prepare("DELETE FROM people_invitations WHERE expiresMs < ?").run(expiredBeforeMs),
    removeInvitation: (id: string) => store.prepare("DELETE FROM people_invitations WHERE id = ?").run(id),
    transaction: store.transaction,
  };
}
