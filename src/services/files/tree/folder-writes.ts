/** The changes of one directory, gathered into writes. See `directories.ts` for the states. */
import type { Clock } from "../../../kernel/clock.ts";
import type { Directory } from "../../../protocols/grid/directory.ts";
import { filesErrors } from "../errors.ts";
import type { Draft, Drafts } from "../grid/draft.ts";
import { FOLDER_BATCH_MAX, FOLDER_CHANGES_MAX, FOLDER_GATHER_MS } from "./constants.ts";
import type { Folder } from "./directories.ts";

interface Change {
  apply: (directory: Directory) => unknown;
  /** What it links to, if that is not stored yet; and why it could not be. */
  draft: Draft | undefined;
  refused: { error: unknown } | undefined;
  /** Of the last call of `apply`. */
  outcome: { result: unknown } | { error: unknown } | undefined;
  resolve: (done: { result: unknown; folder: Folder }) => void;
  reject: (error: unknown) => void;
}

export interface ChangeOptions {
  /** Ends the waiting, not a write under way. */
  signal?: AbortSignal | undefined;
  /** A new file that the change links to: stored with it, or before. */
  draft?: Draft | undefined;
}

export interface FolderWritesNeeds {
  clock: Clock;
  /** One write, with the drafts; calls `applyAll` with the newest content, perhaps several times. */
  write: (applyAll: (directory: Directory) => void, drafts: Drafts | undefined) => Promise<Folder>;
  whenIdle: () => void;
}

export class FolderWrites {
  readonly #needs: FolderWritesNeeds;
  #waiting: Change[] = [];
  /** Changes that somebody said would come. */
  #announced = 0;
  #isRunning = false;
  #lookAgain = () => {};

  constructor(needs: FolderWritesNeeds) {
    this.#needs = needs;
  }

  change<T>(
    apply: (directory: Directory) => T,
    { signal, draft }: ChangeOptions = {},
  ): Promise<{ result: T; folder: Folder }> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#waiting.length >= FOLDER_CHANGES_MAX) {
        return reject(filesErrors.fail("files-too-many", { params: { limit: FOLDER_CHANGES_MAX } }));
      }
      const leave = () => {
        const at = this.#waiting.indexOf(change);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        change.reject(signal!.reason);
        this.#lookAgain();
      };
      const change: Change = {
        apply,
        draft,
        refused: undefined,
        outcome: undefined,
        resolve: (done) => {
          signal?.removeEventListener("abort", leave);
          resolve(done as { result: T; folder: Folder });
        },
        reject: (error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal?.addEventListener("abort", leave);
      this.#waiting.push(change);
      if (this.#isRunning) this.#lookAgain();
      else void this.#run();
    });
  }

  announce(): () => void {
    this.#announced += 1;
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#announced -= 1;
      // Not now: the change itself comes in the same turn.
      queueMicrotask(() => {
        this.#lookAgain();
        this.#endIfIdle();
      });
    };
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      await this.#gather();
      const batch = this.#waiting.splice(0, FOLDER_BATCH_MAX);
      if (batch.length > 0) await this.#commit(batch);
    }
    this.#isRunning = false;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (!this.#isRunning && this.#announced === 0 && this.#waiting.length === 0) this.#needs.whenIdle();
  }

  /** Until all that was announced is there, or there is enough, or time is over. */
  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const isOver = () =>
        this.#announced === 0 || this.#waiting.length >= FOLDER_BATCH_MAX || this.#waiting.length === 0;
      if (isOver()) return resolve();
      const end = () => {
        cancel();
        this.#lookAgain = () => {};
        resolve();
      };
      const cancel = this.#needs.clock.after(FOLDER_GATHER_MS, end);
      this.#lookAgain = () => {
        if (isOver()) end();
      };
    });
  }

  async #commit(batch: readonly Change[]): Promise<void> {
    try {
      const folder = await this.#needs.write((directory) => {
        for (const change of batch) change.outcome = outcomeOf(change, directory);
      }, draftsOf(batch));
      for (const { outcome, resolve, reject } of batch) {
        if (outcome && "result" in outcome) resolve({ result: outcome.result, folder });
        else reject(outcome?.error ?? new Error("a folder was written without this change"));
      }
    } catch (error) {
      // A change that was refused for itself says so, whatever became of the write.
      for (const { outcome, reject } of batch) reject(outcome && "error" in outcome ? outcome.error : error);
    }
  }
}

/** What cannot be stored keeps its own change out, and no other. */
function draftsOf(batch: readonly Change[]): Drafts | undefined {
  const all = batch.flatMap(({ draft }) => draft ?? []);
  if (all.length === 0) return undefined;
  const store = async (change: Change) => {
    await change.draft?.store().catch((error: unknown) => (change.refused = { error }));
  };
  let storing: Promise<unknown> | undefined;
  return {
    all,
    store: async () => void (await (storing ??= Promise.all(batch.map(store)))),
    areRefused: () => batch.some(({ refused }) => refused !== undefined),
  };
}

function outcomeOf({ apply, refused }: Change, directory: Directory): Change["outcome"] {
  if (refused) return refused;
  try {
    return { result: apply(directory) };
  } catch (error) {
    return { error };
  }
}
