/**
 * Files on their way into slivers, in several pieces. What has come of one lies in its sliver, beside its place, until
 * the last piece comes. So that it does not lie there for ever when nobody goes on, it is written down here before its
 * first piece is sent, and taken away when no piece has come for long, also when this box was off meanwhile.
 *
 *   first piece ──► under way ──┬─ last piece ──────────────────────► there
 *                    ▲      │   └─ given up, or UPLOAD_IDLE_MS passed ─► its host takes it away ──► gone
 *                    └piece─┘
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { Store } from "../../../platform/store.ts";
import { UPLOADS_LOOK_MS, UPLOADS_PER_SLIVER_MAX, UPLOAD_IDLE_MS } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { doneAnswer } from "../messages-inside.ts";
import type { Inside } from "./inside.ts";
import type { SliceStore } from "./slice-store.ts";

const MIGRATIONS = [
  `CREATE TABLE compute_uploads (sliver TEXT NOT NULL, path TEXT NOT NULL, upload TEXT NOT NULL,
     PRIMARY KEY (sliver, path, upload)) STRICT, WITHOUT ROWID;`,
];

/** After these its host has taken away what had come. */
const LEAVE_NOTHING = ["compute-file-refused", "compute-file-unknown", "compute-sliver-full"];

export interface Upload {
  sliver: string;
  path: string;
  /** The same for all pieces of one file. */
  upload: string;
}

export interface UploadsNeeds {
  clock: Clock;
  log: Log;
  store: Store;
  inside: Pick<Inside, "ask">;
  rows: Pick<SliceStore, "sliver">;
}

export class Uploads {
  readonly #needs: UploadsNeeds;
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  /** When a piece of each came last: a clock that cannot be set. Those of before the start count from there. */
  readonly #lastMs = new Map<string, number>();
  #cancel: Cancel = () => {};

  constructor(needs: UploadsNeeds) {
    this.#needs = needs;
    needs.store.migrate("compute-uploads", MIGRATIONS);
  }

  start(): void {
    for (const one of this.#all()) this.#lastMs.set(keyOf(one), this.#needs.clock.monotonicMs());
    this.#cancel = this.#needs.clock.every(UPLOADS_LOOK_MS, () => this.#tidy());
  }

  stop(): void {
    this.#cancel();
    this.#stop.abort(new Error("the box stops"));
  }

  /** `send` brings a piece to its host, one after the other. Throws what it throws, and `compute-busy`. */
  piece(one: Upload, { isFirst, isLast }: { isFirst: boolean; isLast: boolean }, send: () => Promise<void>) {
    return this.#turns.run(keyOf(one), async () => {
      // Of a file of one piece nothing is left when it fails: its host sees to that.
      if (!isFirst || !isLast) this.#note(one);
      try {
        await send();
      } catch (error) {
        if (LEAVE_NOTHING.some((code) => isFailure(error, code))) this.#drop(one);
        throw error;
      }
      if (isLast) this.#drop(one);
      else this.#note(one);
    });
  }

  /** Takes away what came of it. Throws what its host says is in the way. */
  giveUp(one: Upload, signal: AbortSignal): Promise<void> {
    return this.#turns.run(keyOf(one), async () => {
      const sliver = this.#needs.rows.sliver(one.sliver);
      if (sliver && sliver.wanted !== "gone") await this.#takeAway(sliver, one, signal);
      this.#drop(one);
    });
  }

  #tidy(): void {
    const { clock, log } = this.#needs;
    for (const one of this.#all()) {
      if (clock.monotonicMs() - this.#lastMs.get(keyOf(one))! < UPLOAD_IDLE_MS) continue;
      this.giveUp(one, this.#stop.signal).catch((error: unknown) => {
        // It is tried again at the next look.
        if (!this.#stop.signal.aborted) log.debug("what came of a file could not be taken away", { ...one, error });
      });
    }
  }

  async #takeAway(sliver: Parameters<Inside["ask"]>[0], { path, upload }: Upload, signal: AbortSignal): Promise<void> {
    try {
      const { end } = await this.#needs.inside.ask(sliver, doneAnswer, { do: "cancel", path, upload }, { signal });
      end();
    } catch (error) {
      // Nothing has come of it, or it was taken away before.
      if (!isFailure(error, "compute-file-unknown")) throw error;
    }
  }

  #all(): Upload[] {
    return this.#needs.store.prepare<Upload>("SELECT sliver, path, upload FROM compute_uploads").all();
  }

  /** On the disk when it returns. */
  #note(one: Upload): void {
    const { store, clock } = this.#needs;
    const { sliver, path, upload } = one;
    if (!this.#lastMs.has(keyOf(one))) {
      const there = store
        .prepare<{ count: number }>("SELECT COUNT(*) AS count FROM compute_uploads WHERE sliver = ?")
        .get(sliver)!;
      if (there.count >= UPLOADS_PER_SLIVER_MAX) throw computeErrors.fail("compute-busy");
      store
        .prepare("INSERT OR IGNORE INTO compute_uploads (sliver, path, upload) VALUES (?, ?, ?)")
        .run(sliver, path, upload);
    }
    this.#lastMs.set(keyOf(one), clock.monotonicMs());
  }

  #drop(one: Upload): void {
    const { sliver, path, upload } = one;
    if (!this.#lastMs.delete(keyOf(one))) return;
    this.#needs.store
      .prepare("DELETE FROM compute_uploads WHERE sliver = ? AND path = ? AND upload = ?")
      .run(sliver, path, upload);
  }
}

const keyOf = ({ sliver, path, upload }: Upload): string => `${sliver} ${upload} ${path}`;
