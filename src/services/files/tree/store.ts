/**
 * What a box keeps of its accounts' trees besides the grid: where each begins, what is in the trash, moves and uploads
 * under way, links, devices, and an index of names. Caps and keys stand in it as they are: whoever reads this file of
 * the box can read its members' files.
 */
import type { Query, Row, Store } from "../../../platform/store.ts";

const STEPS = [
  `
  CREATE TABLE files_roots (account TEXT PRIMARY KEY, cap TEXT NOT NULL, made_ms INTEGER NOT NULL) STRICT;

  CREATE TABLE files_trash (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
    kind TEXT NOT NULL, bytes INTEGER NOT NULL, write_cap TEXT, read_cap TEXT, metadata TEXT NOT NULL,
    removed_ms INTEGER NOT NULL, is_going INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX files_trash_account ON files_trash (account, removed_ms);

  CREATE TABLE files_moves (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, from_folder TEXT NOT NULL, from_name TEXT NOT NULL,
    to_folder TEXT NOT NULL, to_name TEXT NOT NULL, read_cap TEXT NOT NULL
  ) STRICT;

  CREATE TABLE files_uploads (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, received INTEGER NOT NULL,
    state TEXT NOT NULL, mode TEXT NOT NULL, modified_ms INTEGER, media_type TEXT, fingerprint TEXT,
    key BLOB, cap TEXT, error TEXT, made_ms INTEGER NOT NULL, touched_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX files_uploads_account ON files_uploads (account, made_ms);

  CREATE TABLE files_shares (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, token_hash TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
    kind TEXT NOT NULL, mode TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL,
    made_ms INTEGER NOT NULL, expires_ms INTEGER
  ) STRICT;
  CREATE INDEX files_shares_account ON files_shares (account, made_ms);

  CREATE TABLE files_links (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, url TEXT NOT NULL, name TEXT NOT NULL, mode TEXT NOT NULL,
    made_ms INTEGER NOT NULL, UNIQUE (account, url)
  ) STRICT;

  CREATE TABLE files_devices (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, user TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
    may_write INTEGER NOT NULL, secret_hash TEXT NOT NULL, public_key TEXT, made_ms INTEGER NOT NULL, used_ms INTEGER
  ) STRICT;
  CREATE INDEX files_devices_account ON files_devices (account, made_ms);

  CREATE TABLE files_names (
    account TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL, child TEXT,
    bytes INTEGER NOT NULL, mark TEXT NOT NULL, PRIMARY KEY (account, folder, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX files_names_child ON files_names (account, child) WHERE child IS NOT NULL;
  CREATE INDEX files_names_bytes ON files_names (account, bytes);
  `,
];

/** Every table above: all of them have an account. */
const ACCOUNT_TABLES = ["roots", "trash", "moves", "uploads", "shares", "links", "devices", "names"].map(
  (name) => `files_${name}`,
);

/** The tables of the tree in the box's database, brought up to date. */
export class TreeStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.migrate("files-tree", STEPS);
  }

  transaction<T>(run: () => T): T {
    return this.#store.transaction(run);
  }

  /** Of what can be made again: see `Store.transactionUnsynced`. */
  transactionUnsynced<T>(run: () => T): T {
    return this.#store.transactionUnsynced(run);
  }

  query<T = Row>(sql: string): Query<T> {
    return this.#store.prepare<T>(sql);
  }

  root(account: string): { cap: string; madeMs: number } | undefined {
    const row = this.query<{ cap: string; made_ms: number }>("SELECT cap, made_ms FROM files_roots WHERE account = ?");
    const found = row.get(account);
    return found && { cap: found.cap, madeMs: found.made_ms };
  }

  /** The root that counts: the one of before, if there was one. */
  setRoot(account: string, cap: string, madeMs: number): { cap: string; madeMs: number } {
    this.query("INSERT OR IGNORE INTO files_roots VALUES (?, ?, ?)").run(account, cap, madeMs);
    return this.root(account)!;
  }

  /** Another root in the place of `before`; undefined: there is none yet. False when that is not so any more. */
  replaceRoot(account: string, before: string | undefined, cap: string, madeMs: number): boolean {
    if (before === undefined) return this.setRoot(account, cap, madeMs).cap === cap;
    const replaced = this.query("UPDATE files_roots SET cap = ?, made_ms = ? WHERE account = ? AND cap = ?");
    return replaced.run(cap, madeMs, account, before).changes > 0;
  }

  /** All of an account in one transaction. */
  forget(account: string): void {
    this.transaction(() => {
      for (const table of ACCOUNT_TABLES) this.query(`DELETE FROM ${table} WHERE account = ?`).run(account);
    });
  }

  accounts(): string[] {
    return this.query<{ account: string }>("SELECT account FROM files_roots ORDER BY account")
      .all()
      .map(({ account }) => account);
  }
}
