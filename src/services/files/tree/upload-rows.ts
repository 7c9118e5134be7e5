/** Uploads as the database keeps them: all that is needed to go on after the process was killed at any moment. */
import type { TreeStore } from "./store.ts";

export type UploadMode = "new" | "replace" | "rename";

/**
 *   receiving ──last piece──► storing ──in the grid, entry put──► done
 *       │                        └──a failure that does not pass──► failed ──retry──► storing
 *       └──cancelled, or nothing came for too long──► (gone)
 */
export type UploadState = "receiving" | "storing" | "done" | "failed";

export interface UploadRow {
  id: string;
  account: string;
  path: string;
  bytes: number;
  /** On the disk of this box. */
  received: number;
  state: UploadState;
  mode: UploadMode;
  modified_ms: number | null;
  media_type: string | null;
  fingerprint: string | null;
  /** Of the spooled content; null once that is gone. */
  key: Uint8Array | null;
  /** Where it is in the grid, as soon as it is. */
  cap: string | null;
  /** A code. */
  error: string | null;
  made_ms: number;
  touched_ms: number;
}

export class UploadRows {
  readonly #store: TreeStore;

  constructor(store: TreeStore) {
    this.#store = store;
  }

  add(row: UploadRow): void {
    this.#store
      .query("INSERT INTO files_uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .run(
        row.id,
        row.account,
        row.path,
        row.bytes,
        row.received,
        row.state,
        row.mode,
        row.modified_ms,
        row.media_type,
        row.fingerprint,
        row.key,
        row.cap,
        row.error,
        row.made_ms,
        row.touched_ms,
      );
  }

  get(id: string): UploadRow | undefined {
    return this.#store.query<UploadRow>("SELECT * FROM files_uploads WHERE id = ?").get(id);
  }

  of(account: string): UploadRow[] {
    return this.#store
      .query<UploadRow>("SELECT * FROM files_uploads WHERE account = ? ORDER BY made_ms, rowid")
      .all(account);
  }

  /** Those that have not ended. */
  open(): UploadRow[] {
    return this.#store
      .query<UploadRow>("SELECT * FROM files_uploads WHERE state <> 'done' ORDER BY made_ms, rowid")
      .all();
  }

  openCount(account: string): number {
    const sql = "SELECT count(*) AS count FROM files_uploads WHERE account = ? AND state <> 'done'";
    return this.#store.query<{ count: number }>(sql).get(account)!.count;
  }

  /** The same file, begun before and not ended. */
  again(account: string, path: string, bytes: number, fingerprint: string): UploadRow | undefined {
    return this.#store
      .query<UploadRow>(
        `SELECT * FROM files_uploads WHERE account = ? AND path = ? AND bytes = ? AND fingerprint = ?
         AND state <> 'done' ORDER BY made_ms DESC LIMIT 1`,
      )
      .get(account, path, bytes, fingerprint);
  }

  received(id: string, received: number, nowMs: number): void {
    this.#store.query("UPDATE files_uploads SET received = ?, touched_ms = ? WHERE id = ?").run(received, nowMs, id);
  }

  stored(id: string, cap: string): void {
    this.#store.query("UPDATE files_uploads SET cap = ? WHERE id = ?").run(cap, id);
  }

  enter(id: string, state: UploadState, nowMs: number, error: string | null = null): void {
    this.#store
      .query("UPDATE files_uploads SET state = ?, error = ?, touched_ms = ? WHERE id = ?")
      .run(state, error, nowMs, id);
  }

  done(id: string, path: string, nowMs: number): void {
    this.#store
      .query("UPDATE files_uploads SET state = 'done', error = NULL, key = NULL, path = ?, touched_ms = ? WHERE id = ?")
      .run(path, nowMs, id);
  }

  drop(id: string): void {
    this.#store.query("DELETE FROM files_uploads WHERE id = ?").run(id);
  }

  /** Those in which nothing has happened since. */
  untouched(state: UploadState, sinceMs: number): UploadRow[] {
    return this.#store
      .query<UploadRow>("SELECT * FROM files_uploads WHERE state = ? AND touched_ms < ?")
      .all(state, sinceMs);
  }
}
