/**
 * One SQLite file, opened the way every part of the daemon needs it: durable at each commit (WAL, synchronous FULL),
 * small in memory, with numbered migrations per owner, and with a full disk and one that fails told apart from a bug.
 * Synchronous, as node:sqlite is: statements must stay short; long work belongs in a worker with a Store of its own.
 */
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { fail as kernelFail, isFailure } from "../kernel/errors.ts";
import {
  PRIVATE_FILE_MODE,
  STORE_BUSY_TIMEOUT_MS,
  STORE_CACHE_KIB,
  STORE_PROBLEMS_MAX,
  STORE_STATEMENTS_MAX,
  STORE_WAL_BYTES_KEPT,
  STORE_WAL_PAGES,
} from "./constants.ts";
import { hasRoom } from "./disk-room.ts";
import { fail } from "./errors.ts";

export type Row = Record<string, unknown>;

/** A statement whose errors are already translated. `T` is the shape of a row, which the caller knows from its SQL. */
export interface Query<T = Row> {
  run(...values: SQLInputValue[]): { changes: number; lastInsertRowid: number | bigint };
  get(...values: SQLInputValue[]): T | undefined;
  all(...values: SQLInputValue[]): T[];
}

export interface Store {
  readonly path: string;
  /**
   * Brings the tables of one owner up to date: runs the steps that this file has not seen, each in a transaction of
   * its own. Steps are only ever appended. Throws `store-too-new` when the file knows more steps than the program.
   */
  migrate(owner: string, steps: readonly string[]): void;
  /** A cached statement. Cheap to call each time; do not keep the result beyond `close`. */
  prepare<T = Row>(sql: string): Query<T>;
  /** Rows one by one, for tables that do not fit in memory. Write nothing to the same tables meanwhile. */
  each<T = Row>(sql: string, ...values: SQLInputValue[]): IterableIterator<T>;
  exec(sql: string): void;
  /** Commits when `run` returns, rolls back when it throws. May be nested. `run` must not be asynchronous. */
  transaction<T>(run: () => T): T;
  /**
   * The same for what can be made again from elsewhere: nothing waits for the disk. A process that is killed loses
   * nothing of it; after a power cut it may be as it was before, as a whole.
   */
  transactionUnsynced<T>(run: () => T): T;
  /** Problems found by SQLite; an empty list means sound. Reads the whole file. */
  checkIntegrity(): string[];
  /** Pages in use times their size. */
  sizeBytes(): number;
  /** Folds the log into the file and closes. Harmless when closed already. */
  close(): void;
}

/** Opens or makes the file; ":memory:" serves tests. Throws `store-damaged`, `disk-full`, `storage-failed`. */
export function openStore(path: string): Store {
  const guarded = guardOf(path);
  const database = guarded(
    () => new DatabaseSync(path, { timeout: STORE_BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true }),
  );
  try {
    // Password hashes and the community's keys are in it; SQLite gives its log the mode of the file.
    if (path !== ":memory:") chmodSync(path, PRIVATE_FILE_MODE);
    guarded(() => database.exec(SETTINGS));
  } catch (error) {
    database.close();
    throw error;
  }
  const statements = new Map<string, StatementSync>();
  let depth = 0;

  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    // Taken out and put back, so that the first key is always the one used longest ago.
    if (statement) statements.delete(sql);
    else statement = guarded(() => database.prepare(sql));
    statements.set(sql, statement);
    if (statements.size > STORE_STATEMENTS_MAX) statements.delete(statements.keys().next().value!);
    return statement;
  };

  const transaction = <T>(run: () => T): T => {
    const [begin, commit, rollback] =
      depth === 0
        ? ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"]
        : [`SAVEPOINT s${depth}`, `RELEASE s${depth}`, `ROLLBACK TO s${depth}; RELEASE s${depth}`];
    guarded(() => database.exec(begin!));
    depth++;
    try {
      const result = run();
      if (result instanceof Promise) throw new Error("a transaction must not be asynchronous");
      guarded(() => database.exec(commit!));
      return result;
    } catch (error) {
      // After some errors (a full disk) SQLite has already rolled the whole transaction back.
      if (database.isTransaction) database.exec(rollback!);
      throw error;
    } finally {
      depth--;
    }
  };

  return {
    path,
    migrate: (owner, steps) => guarded(() => migrate(database, transaction, owner, steps)),
    prepare<T>(sql: string) {
      const statement = prepare(sql);
      return {
        run: (...values: SQLInputValue[]) => guarded(() => statement.run(...values)) as ReturnType<Query["run"]>,
        get: (...values: SQLInputValue[]) => guarded(() => statement.get(...values)) as T | undefined,
        all: (...values: SQLInputValue[]) => guarded(() => statement.all(...values)) as T[],
      };
    },
    // A statement of its own: a cached one would be reset by the next caller with the same text.
    each: <T>(sql: string, ...values: SQLInputValue[]) =>
      guarded(() => database.prepare(sql).iterate(...values)) as unknown as IterableIterator<T>,
    exec: (sql) => guarded(() => database.exec(sql)),
    transaction,
    transactionUnsynced(run) {
      // Within another transaction SQLite takes no other setting: that one syncs.
      if (depth > 0) return transaction(run);
      database.exec("PRAGMA synchronous = NORMAL");
      try {
        return transaction(run);
      } finally {
        database.exec("PRAGMA synchronous = FULL");
      }
    },
    checkIntegrity() {
      let rows, orphans;
      try {
        rows = guarded(() => database.prepare(`PRAGMA integrity_check(${STORE_PROBLEMS_MAX})`).all());
        orphans = guarded(() => database.prepare("PRAGMA foreign_key_check").all());
      } catch (error) {
        // Some damage stops the check itself.
        if (isFailure(error, "store-damaged")) return [String((error.cause as Error).message)];
        throw error;
      }
      const problems = rows.map((row) => String(row["integrity_check"])).filter((line) => line !== "ok");
      const dangling = orphans.map((row) => `row ${String(row["rowid"])} of ${String(row["table"])} points nowhere`);
      return [...problems, ...dangling].slice(0, STORE_PROBLEMS_MAX);
    },
    sizeBytes() {
      const sql = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
      return Number(guarded(() => prepare(sql).get())?.["bytes"]);
    },
    close() {
      if (!database.isOpen) return;
      statements.clear();
      try {
        guarded(() => database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
      } finally {
        database.close();
      }
    },
  };
}

const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -${STORE_CACHE_KIB};
  PRAGMA mmap_size = 0;
  PRAGMA temp_store = FILE;
  PRAGMA wal_autocheckpoint = ${STORE_WAL_PAGES};
  PRAGMA journal_size_limit = ${STORE_WAL_BYTES_KEPT};
  PRAGMA trusted_schema = OFF;
  CREATE TABLE IF NOT EXISTS migrations (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

type Transaction = <T>(run: () => T) => T;

function migrate(database: DatabaseSync, transaction: Transaction, owner: string, steps: readonly string[]): void {
  const row = database.prepare("SELECT version FROM migrations WHERE owner = ?").get(owner);
  const version = Number(row?.["version"] ?? 0);
  if (version > steps.length) throw fail("store-too-new", { params: { owner, version } });
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    transaction(() => {
      database.exec(step);
      database.prepare("INSERT OR REPLACE INTO migrations VALUES (?, ?)").run(owner, index + 1);
    });
  }
}

/** SQLite's primary result codes (https://sqlite.org/rescode.html); the low byte of an extended code. */
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** Runs a piece of work and turns SQLite's errors about the disk into Failures; the rest are bugs and stay. */
function guardOf(path: string): <T>(work: () => T) => T {
  return (work) => {
    try {
      return work();
    } catch (error) {
      const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
      if (code === SQLITE_FULL) throw kernelFail("disk-full", { cause: error });
      // Without room for the index of its log, or for a sync, SQLite speaks of an input/output error, too.
      if (code === SQLITE_IOERR || code === SQLITE_READONLY)
        throw kernelFail(hasRoom(dirname(path)) ? "storage-failed" : "disk-full", { cause: error });
      if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
        throw fail("store-damaged", { params: { file: path }, cause: error });
      }
      throw error;
    }
  };
}
