/**
 * What is worth remembering of mutable files between two operations: which servers had which shares, so that they are
 * asked first and in one go, and the files' keys, which would otherwise be fetched from a share each time. Nothing here
 * must be true: servers are asked anyway, and keys were checked by the write cap. The oldest are forgotten.
 */
import type { MutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import { REMEMBERED_FILES_MAX } from "./mutable-constants.ts";

/** Server id → share numbers. */
export type Holders = ReadonlyMap<string, readonly number[]>;

interface Entry {
  holders: Holders;
  keys?: MutableKeys;
}

const NOBODY: Holders = new Map();

export class MutableMemory {
  readonly #max: number;
  /** By storage index; the one that was noted last is the last. */
  readonly #entries = new Map<string, Entry>();

  constructor(max = REMEMBERED_FILES_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  holdersOf(index: string): Holders {
    return this.#entries.get(index)?.holders ?? NOBODY;
  }

  keysOf(index: string): MutableKeys | undefined {
    return this.#entries.get(index)?.keys;
  }

  noteHolders(index: string, holders: Holders): void {
    this.#note(index, { ...this.#entries.get(index), holders });
  }

  noteKeys(index: string, keys: MutableKeys): void {
    this.#note(index, { holders: this.holdersOf(index), keys });
  }

  #note(index: string, entry: Entry): void {
    this.#entries.delete(index);
    this.#entries.set(index, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#max && oldest !== undefined) this.#entries.delete(oldest);
  }
}
