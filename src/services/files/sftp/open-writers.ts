/**
 * The files that one session writes and has not stored yet. Its client believes that they are there: it looks at them,
 * lists them, renames and removes them, some before the answer to CLOSE. Whoever looks sees them as they are so far;
 * whoever changes something waits until what is just being stored there is stored.
 */
import type { FileEntry } from "../tree/file-system.ts";
import { nameOf, parentOf } from "../tree/paths.ts";
import { LATE_TIMES_MAX } from "./constants.ts";
import type { Handle } from "./handles.ts";
import { isWithin } from "./path-turns.ts";
import type { WritingFile } from "./writing-file.ts";

interface Writer {
  file: WritingFile;
  handle: Handle;
  /** Settles when it is stored, or is not. */
  closing: Promise<unknown> | undefined;
}

export class OpenWriters {
  readonly #writers = new Map<WritingFile, Writer>();
  /** Times that were answered and are still being put into their folders, by path. */
  readonly #times = new Map<string, { modifiedMs: number; putting: Promise<unknown> }>();

  add(file: WritingFile, handle: Handle): void {
    this.#writers.set(file, { file, handle, closing: undefined });
  }

  closing(file: WritingFile, closing: Promise<unknown>): void {
    const writer = this.#writers.get(file);
    if (!writer) return;
    writer.closing = closing;
    const gone = () => void this.#writers.delete(file);
    closing.then(gone, gone);
  }

  /** The last one that was opened at this path, as it is so far. */
  at(path: string): WritingFile | undefined {
    return this.#below(path).findLast(({ file }) => file.path === path)?.file;
  }

  /** Those at the path and below it that are open, with their handles: what is done to them waits its turn there. */
  openBelow(path: string): { file: WritingFile; handle: Handle }[] {
    return this.#below(path).filter(({ closing }) => !closing);
  }

  /** Files of this folder that nobody else sees yet. */
  newIn(folder: string): FileEntry[] {
    return this.#below(folder)
      .filter(({ file }) => file.isNew && parentOf(file.path) === folder)
      .map(({ file }) => {
        const { bytes, modifiedMs } = file.shown();
        const rest = { etag: "", mediaType: "", properties: {}, canWrite: true };
        const { path } = file;
        return { name: nameOf(path), path, kind: "file", bytes, modifiedMs, createdMs: modifiedMs, ...rest };
      });
  }

  /**
   * Programs that copy many files set the time of each right after its CLOSE, and wait for both. Answered at once, the
   * time goes into the folder together with the files that come next. False when too many are on their way.
   */
  timeLater(path: string, modifiedMs: number, put: () => Promise<unknown>): boolean {
    if (this.#times.size >= LATE_TIMES_MAX) return false;
    const putting = put();
    const late = { modifiedMs, putting };
    this.#times.set(path, late);
    const gone = () => {
      if (this.#times.get(path) === late) this.#times.delete(path);
    };
    putting.then(gone, gone);
    return true;
  }

  /** With the time that is on its way. */
  timed<T extends { modifiedMs: number }>(path: string, entry: T): T {
    const late = this.#times.get(path);
    return late ? { ...entry, modifiedMs: late.modifiedMs } : entry;
  }

  /** What is being stored at the path or below it is stored, or has failed. */
  async settled(path: string): Promise<void> {
    const times = [...this.#times].filter(([at]) => isWithin(at, path)).map(([, { putting }]) => putting);
    await Promise.allSettled([...this.#below(path).map(({ closing }) => closing), ...times]);
  }

  #below(path: string): Writer[] {
    return [...this.#writers.values()].filter(({ file }) => !file.isRemoved && isWithin(file.path, path));
  }
}
