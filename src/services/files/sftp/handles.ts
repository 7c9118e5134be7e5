/** What one session holds open, by the few letters that its client names it with. One operation at a time on each. */
import { filesErrors } from "../errors.ts";
import type { FileEntry } from "../tree/file-system.ts";
import type { ReadingFile } from "./reading-file.ts";
import type { WritingFile } from "./writing-file.ts";

export type Opened =
  | { kind: "reading"; file: ReadingFile }
  | { kind: "writing"; file: WritingFile; mayRead: boolean; mayWrite: boolean }
  /** What was not listed yet. */
  | { kind: "folder"; path: string; rest: FileEntry[] };

export class Handle {
  readonly opened: Opened;
  #last: Promise<unknown> = Promise.resolve();

  constructor(opened: Opened) {
    this.opened = opened;
  }

  /** After all that was asked before. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#last.then(run, run);
    this.#last = done.catch(() => {});
    return done;
  }
}

export class Handles {
  readonly #max: number;
  readonly #open = new Map<string, Handle>();
  /** Places of files that are being opened. */
  #reserved = 0;
  #made = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get(name: string): Handle | undefined {
    return this.#open.get(name);
  }

  takeAll(): Handle[] {
    const all = [...this.#open.values()];
    this.#open.clear();
    return all;
  }

  /** Opens within a place that is kept for it. Throws `files-too-many`, and what `open` throws. */
  async add(open: () => Promise<Opened>): Promise<string> {
    if (this.#open.size + this.#reserved >= this.#max) {
      throw filesErrors.fail("files-too-many", { params: { limit: this.#max } });
    }
    this.#reserved += 1;
    try {
      const opened = await open();
      const name = (this.#made += 1).toString(36);
      this.#open.set(name, new Handle(opened));
      return name;
    } finally {
      this.#reserved -= 1;
    }
  }

  /** The name is free from now on. */
  take(name: string): Handle | undefined {
    const handle = this.#open.get(name);
    this.#open.delete(name);
    return handle;
  }
}
