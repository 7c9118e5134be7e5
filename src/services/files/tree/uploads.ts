/**
 * Uploads in pieces. A piece is on the disk of this box when it is answered, so an upload goes on after a closed page,
 * a lost connection, or a killed box; when all of it is there, the box stores it by itself. See `upload-rows.ts` for
 * the states.
 */
import type { Cancel } from "../../../kernel/clock.ts";
import { asFailure, isFailure } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Random } from "../../../kernel/random.ts";
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { formatCap } from "../../../protocols/grid/caps.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import { filesErrors } from "../errors.ts";
import { Turns } from "../../../kernel/turns.ts";
import { ComingKeys } from "./coming-keys.ts";
import {
  PIECE_MAX_BYTES,
  PROGRESS_MS,
  STORING_RETRY_MS,
  STORING_TRIES_MAX,
  UPLOADS_MAX,
  UPLOAD_IDLE_MS,
  UPLOAD_MAX_BYTES,
  UPLOAD_SHOWN_MS,
} from "./constants.ts";
import { readableCap } from "./entries.ts";
import { pathOf } from "./paths.ts";
import type { Spool, SpoolFile } from "./spool.ts";
import { intoGrid, isSoonThere, placeForContent, putEntry, requireRoom } from "./storing.ts";
import type { PutWish, StoringTurns } from "./storing.ts";
import type { TreeView } from "./tree-parts.ts";
import { UploadRows } from "./upload-rows.ts";
import type { UploadMode, UploadRow, UploadState } from "./upload-rows.ts";
import type { TreeStore } from "./store.ts";

export interface UploadWish {
  path: string;
  bytes: number;
  modifiedMs?: number | undefined;
  mediaType?: string | undefined;
  mode?: UploadMode | undefined;
  /** By which the same file is known again. */
  fingerprint?: string | undefined;
}

export interface UploadSeen {
  id: string;
  /** Of the entry; with `rename` it may be another one than was asked for. */
  path: string;
  bytes: number;
  receivedBytes: number;
  state: UploadState;
  storedBytes: number;
  /** A code of `files/errors.ts`, or of the kernel. */
  error: string | undefined;
  /** The same code while it is tried again by itself: what has to be otherwise for that to help. */
  waitingFor: string | undefined;
}

export interface UploadsNeeds {
  store: TreeStore;
  spool: Spool;
  clock: Clock;
  random: Random;
  turns: StoringTurns;
  viewOf: (account: string) => TreeView;
  /** At most every `PROGRESS_MS` while it goes on, and at each new state. */
  changed: (account: string, upload: UploadSeen) => void;
  /** For what is nobody's expected failure. */
  log?: Log | undefined;
}

/** What may be otherwise in a while. */
const PASSING: ReadonlySet<string> = new Set([
  "files-not-spread",
  "files-unreachable",
  "files-no-room",
  "files-contended",
  "files-too-many",
]);

interface Storing {
  abort: AbortController;
  ended: Promise<void>;
  toldMs: number;
}

export class Uploads {
  readonly #needs: UploadsNeeds;
  readonly #rows: UploadRows;
  readonly #turns = new Turns();
  readonly #storing = new Map<string, Storing>();
  readonly #keys: ComingKeys;
  /** How far each came, of all its attempts: what one has sent stays on the servers, and the next goes on from it. */
  readonly #storedBytes = new Map<string, number>();
  /** Timers of those that try again. */
  readonly #again = new Map<string, Cancel>();
  #isStopped = false;

  constructor(needs: UploadsNeeds) {
    this.#needs = needs;
    this.#rows = new UploadRows(needs.store);
    this.#keys = new ComingKeys(needs.clock);
  }

  /** Goes on with what was under way. */
  async start(): Promise<void> {
    const open = this.#rows.open();
    await this.#needs.spool.open(new Set(open.map(({ id }) => id)));
    for (const row of open) {
      if (row.state === "receiving") this.#needs.spool.reserve(row.bytes - row.received);
      if (row.state === "storing") this.#store(row.id);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of this.#again.values()) cancel();
    this.#again.clear();
    this.#keys.dropAll();
    const running = [...this.#storing.values()];
    for (const { abort } of running) abort.abort();
    await Promise.all(running.map(({ ended }) => ended));
  }

  /**
   * Throws what a write there would throw now, and `files-too-large`, `files-too-many`, `files-spool-full`. An upload
   * of the same fingerprint that has not ended is given back; one that failed tries again.
   */
  async begin(account: string, wish: UploadWish): Promise<UploadSeen> {
    const { spool, clock, random, viewOf } = this.#needs;
    if (!(wish.bytes >= 0 && wish.bytes <= UPLOAD_MAX_BYTES && Number.isSafeInteger(wish.bytes))) {
      throw filesErrors.fail("files-too-large", { params: { limit: UPLOAD_MAX_BYTES } });
    }
    const view = viewOf(account);
    const mode = wish.mode ?? "replace";
    const path = pathOf(wish.path);
    const { fingerprint } = wish;
    const before = fingerprint === undefined ? undefined : this.#rows.again(account, path, wish.bytes, fingerprint);
    // First, for its own entry may be there already.
    if (before) return before.state === "failed" ? this.retry(account, before.id) : this.#seen(before);
    await placeForContent(view, path, { mode });
    requireRoom(view, wish.bytes);
    if (this.#rows.openCount(account) >= UPLOADS_MAX) {
      throw filesErrors.fail("files-too-many", { params: { limit: UPLOADS_MAX } });
    }
    await spool.promise(wish.bytes);
    const nowMs = clock.wallMs();
    const row: UploadRow = {
      id: encodeBase32(random.bytes(15)),
      account,
      path,
      bytes: wish.bytes,
      received: 0,
      state: wish.bytes === 0 ? "storing" : "receiving",
      mode,
      modified_ms: wish.modifiedMs ?? null,
      media_type: wish.mediaType ?? null,
      fingerprint: fingerprint ?? null,
      key: spool.newKey(),
      cap: null,
      error: null,
      made_ms: nowMs,
      touched_ms: nowMs,
    };
    this.#rows.add(row);
    if (row.state === "storing") this.#store(row.id);
    return this.#tell(row.id);
  }

  /** The next piece. Throws `files-upload-offset` with the right place, `files-upload-unknown`, `files-too-large`. */
  piece(account: string, id: string, offset: number, data: Uint8Array): Promise<UploadSeen> {
    return this.#turns.run(id, async () => {
      const { spool, clock, viewOf } = this.#needs;
      const row = this.#row(account, id);
      if (data.length > PIECE_MAX_BYTES || offset + data.length > row.bytes) {
        throw filesErrors.fail("files-too-large", { params: { limit: Math.min(PIECE_MAX_BYTES, row.bytes) } });
      }
      if (row.state !== "receiving" || offset !== row.received) {
        throw filesErrors.fail("files-upload-offset", { params: { offset: row.received } });
      }
      if (data.length > 0) {
        const file = await spool.openFile(id, row.key!);
        try {
          const { grid } = viewOf(account).parts;
          const hashed = this.#keys.take({ id, bytes: row.bytes, offset }, data, grid);
          await Promise.all([file.writeDurably(data, offset), hashed]);
        } finally {
          await file.close();
        }
        this.#row(account, id);
        this.#rows.received(id, offset + data.length, clock.wallMs());
        spool.release(data.length);
      }
      if (offset + data.length === row.bytes) {
        this.#rows.enter(id, "storing", clock.wallMs());
        this.#store(id);
      }
      return this.#tell(id);
    });
  }

  /** Those that have not ended, and those that ended of late; the oldest first. */
  list(account: string): UploadSeen[] {
    return this.#rows.of(account).map((row) => this.#seen(row));
  }

  /** Throws `files-upload-unknown`. */
  get(account: string, id: string): UploadSeen {
    return this.#seen(this.#row(account, id));
  }

  /** Gives it up, wherever it is. One that is done is only no longer shown. */
  async cancel(account: string, id: string): Promise<void> {
    this.#row(account, id);
    await this.#endStoring(id);
    await this.#turns.run(id, () => this.#drop(this.#row(account, id)));
  }

  /** The account was removed, and its rows go: ends what is under way, and takes what is spooled off the disk. */
  forget(account: string): void {
    for (const row of this.#rows.of(account)) {
      this.#rows.drop(row.id);
      void this.#endStoring(row.id)
        .then(() => this.#turns.run(row.id, () => this.#drop(row)))
        // What is left of it goes at the next start: no upload needs it.
        .catch((error: unknown) => this.#needs.log?.warn("what an upload left could not be removed", { error }));
    }
  }

  /** Stores one that failed again. */
  retry(account: string, id: string): UploadSeen {
    const row = this.#row(account, id);
    if (row.state !== "failed") return this.#seen(row);
    this.#rows.enter(id, "storing", this.#needs.clock.wallMs());
    this.#store(id);
    return this.#tell(id);
  }

  /** Forgets those in which nothing happens any more, and those that ended some time ago. */
  async sweep(): Promise<void> {
    const nowMs = this.#needs.clock.wallMs();
    const old = [
      ...this.#rows.untouched("receiving", nowMs - UPLOAD_IDLE_MS),
      ...this.#rows.untouched("failed", nowMs - UPLOAD_IDLE_MS),
      ...this.#rows.untouched("done", nowMs - UPLOAD_SHOWN_MS),
    ];
    for (const row of old) await this.#turns.run(row.id, () => this.#drop(row));
  }

  async #drop(row: UploadRow): Promise<void> {
    const { spool } = this.#needs;
    this.#rows.drop(row.id);
    this.#storedBytes.delete(row.id);
    this.#keys.drop(row.id);
    if (row.state === "receiving") spool.release(row.bytes - row.received);
    await spool.removeFile(row.id);
  }

  #row(account: string, id: string): UploadRow {
    const row = this.#rows.get(id);
    if (row?.account !== account) throw filesErrors.fail("files-upload-unknown");
    return row;
  }

  #seen(row: UploadRow): UploadSeen {
    const { id, path, bytes, received, state, error } = row;
    const isStored = row.cap !== null || state === "done";
    const storedBytes = isStored ? bytes : (this.#storedBytes.get(id) ?? 0);
    const waitingFor = state === "storing" ? (error ?? undefined) : undefined;
    return { id, path, bytes, receivedBytes: received, state, storedBytes, error: error ?? undefined, waitingFor };
  }

  #tell(id: string): UploadSeen {
    const row = this.#rows.get(id)!;
    const seen = this.#seen(row);
    this.#needs.changed(row.account, seen);
    return seen;
  }

  async #endStoring(id: string): Promise<void> {
    this.#again.get(id)?.();
    this.#again.delete(id);
    const storing = this.#storing.get(id);
    storing?.abort.abort();
    await storing?.ended;
  }

  /** In the background: begins, and begins again after failures that may pass. */
  #store(id: string, tries = 0): void {
    if (this.#isStopped || this.#storing.has(id)) return;
    const abort = new AbortController();
    const storing: Storing = { abort, ended: Promise.resolve(), toldMs: 0 };
    this.#storing.set(id, storing);
    storing.ended = this.#stored(id, storing)
      .catch((error: unknown) => this.#failed(id, abort.signal, error, tries))
      .finally(() => this.#storing.delete(id));
  }

  #failed(id: string, signal: AbortSignal, error: unknown, tries: number): void {
    const { clock } = this.#needs;
    // It was stopped, or given up: nothing is to be said.
    if (signal.aborted || !this.#rows.get(id)) return;
    const { code } = asFailure(error);
    if (!isFailure(error)) this.#needs.log?.error("an upload was not stored", { upload: id, error });
    if (isFailure(error) && PASSING.has(code) && tries + 1 < STORING_TRIES_MAX) {
      this.#rows.enter(id, "storing", clock.wallMs(), code);
      const cancel = clock.after(STORING_RETRY_MS * 2 ** tries, () => {
        this.#again.delete(id);
        this.#store(id, tries + 1);
      });
      this.#again.set(id, cancel);
    } else {
      this.#rows.enter(id, "failed", clock.wallMs(), code);
    }
    this.#tell(id);
  }

  async #stored(id: string, storing: Storing): Promise<void> {
    const { spool, viewOf, clock } = this.#needs;
    const row = this.#rows.get(id)!;
    const { signal } = storing.abort;
    const view = viewOf(row.account);
    const wish: PutWish = {
      mode: row.mode,
      upload: id,
      ...(row.modified_ms === null ? {} : { modifiedMs: row.modified_ms }),
      ...(row.media_type === null ? {} : { mediaType: row.media_type }),
    };
    // What stands there may be what this upload has put there before a crash: `putEntry` tells.
    const place = await placeForContent(view, row.path, { mode: "rename" });
    const arrives = isSoonThere(row.bytes) ? view.parts.directories.announce(place.folder.cap) : () => {};
    try {
      const cap = row.cap === null ? await this.#content(view, row, storing) : readableCap(row.cap);
      const entry = await putEntry(view, row.path, { cap, bytes: row.bytes }, { ...wish, arrives }, signal);
      this.#rows.done(id, entry.path, clock.wallMs());
      this.#storedBytes.delete(id);
      this.#keys.drop(id);
    } finally {
      arrives();
    }
    await spool.removeFile(id);
    this.#tell(id);
  }

  async #content(view: TreeView, row: UploadRow, storing: Storing): Promise<KnownCap> {
    const { spool, turns, clock } = this.#needs;
    const { signal } = storing.abort;
    const file: SpoolFile = await spool.openFile(row.id, row.key!);
    try {
      const onProgress = ({ doneBytes }: { doneBytes: number }) => {
        this.#storedBytes.set(row.id, Math.max(this.#storedBytes.get(row.id) ?? 0, doneBytes));
        if (clock.monotonicMs() - storing.toldMs < PROGRESS_MS) return;
        storing.toldMs = clock.monotonicMs();
        if (this.#rows.get(row.id)) this.#tell(row.id);
      };
      const key = this.#keys.of(row.id);
      const cap = await intoGrid(view.parts, turns, file.taken(row.bytes), { signal, onProgress, key });
      this.#rows.stored(row.id, formatCap(cap));
      return cap;
    } finally {
      await file.close();
    }
  }
}
