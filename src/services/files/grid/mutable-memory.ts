/**
 * What is worth remembering of mutable files between two operations: which servers had which shares, so that they are
 * asked first and in one go, and the files' keys, which would otherwise be fetched from a share each time. Nothing of
 * this must be true: servers are asked anyway, and keys were checked by the write cap. The oldest are forgotten.
 *
 * For a moment also a whole file, as this box has left or found it, so that its next change can be written without
 * asking first (`mutable-known.ts`). That need not be true either: each server tests it.
 */
import type { MutableKeys } from "../../../protocols/grid/mutable-keys.ts";
import type { ServerMap } from "../../../protocols/grid/server-map.ts";
import {
  KNOWN_BYTES_MAX,
  KNOWN_FRESH_MS,
  KNOWN_PAUSE_MS,
  NEWEST_KEPT_MS,
  REMEMBERED_FILES_MAX,
} from "./mutable-constants.ts";

/** Server id → share numbers. */
export type Holders = ReadonlyMap<string, readonly number[]>;

/** A file of which only one version was there. */
export interface KnownFile {
  map: ServerMap;
  content: Uint8Array;
  /** Monotonic. */
  atMs: number;
}

interface Entry {
  holders: Holders;
  keys?: MutableKeys;
  known?: KnownFile;
  /** Monotonic: until then it is never taken for known. */
  askUntilMs?: number;
  /** The newest version that was whole, as far as it was seen. */
  newest?: { sequence: bigint; atMs: number };
}

const NOBODY: Holders = new Map();

export class MutableMemory {
  readonly #max: number;
  /** By storage index; the one that was noted last is the last. */
  readonly #entries = new Map<string, Entry>();
  /** Indexes of the entries with a whole file; the one that was noted last is the last. */
  readonly #whole = new Set<string>();
  #wholeBytes = 0;

  constructor(max = REMEMBERED_FILES_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Of all content that is kept. */
  get knownBytes(): number {
    return this.#wholeBytes;
  }

  holdersOf(index: string): Holders {
    return this.#entries.get(index)?.holders ?? NOBODY;
  }

  keysOf(index: string): MutableKeys | undefined {
    return this.#entries.get(index)?.keys;
  }

  /** Undefined when it was noted too long ago, or when another writer was met of late. */
  knownOf(index: string, nowMs: number): KnownFile | undefined {
    const { known } = this.#entries.get(index) ?? {};
    const isFresh = known !== undefined && nowMs - known.atMs <= KNOWN_FRESH_MS;
    return isFresh && !this.asksFirst(index, nowMs) ? known : undefined;
  }

  /** True when another writer was met of late. */
  asksFirst(index: string, nowMs: number): boolean {
    return nowMs < (this.#entries.get(index)?.askUntilMs ?? 0);
  }

  /** The number of the newest version that was read or written of late; 0 when none is remembered. */
  newestOf(index: string, nowMs: number): bigint {
    const { newest } = this.#entries.get(index) ?? {};
    return newest && nowMs - newest.atMs <= NEWEST_KEPT_MS ? newest.sequence : 0n;
  }

  noteNewest(index: string, sequence: bigint, nowMs: number): void {
    if (sequence < this.newestOf(index, nowMs)) return;
    const newest = { sequence, atMs: nowMs };
    this.#note(index, { ...this.#entries.get(index), holders: this.holdersOf(index), newest });
  }

  forgetNewest(index: string): void {
    delete this.#entries.get(index)?.newest;
  }

  noteHolders(index: string, holders: Holders): void {
    this.#note(index, { ...this.#entries.get(index), holders });
  }

  noteKeys(index: string, keys: MutableKeys): void {
    this.#note(index, { ...this.#entries.get(index), holders: this.holdersOf(index), keys });
  }

  noteKnown(index: string, known: KnownFile): void {
    this.forgetKnown(index);
    if (known.content.length > KNOWN_BYTES_MAX) return;
    this.#note(index, { ...this.#entries.get(index), holders: this.holdersOf(index), known });
    this.#whole.add(index);
    this.#wholeBytes += known.content.length;
    for (const oldest of this.#whole) {
      if (this.#wholeBytes <= KNOWN_BYTES_MAX) break;
      this.forgetKnown(oldest);
    }
  }

  forgetKnown(index: string): void {
    const entry = this.#entries.get(index);
    if (!entry?.known) return;
    this.#whole.delete(index);
    this.#wholeBytes -= entry.known.content.length;
    delete entry.known;
  }

  /** Somebody else writes it, too. */
  noteMet(index: string, nowMs: number): void {
    this.forgetKnown(index);
    const askUntilMs = nowMs + KNOWN_PAUSE_MS;
    this.#note(index, { ...this.#entries.get(index), holders: this.holdersOf(index), askUntilMs });
  }

  #note(index: string, entry: Entry): void {
    this.#entries.delete(index);
    this.#entries.set(index, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size <= this.#max || oldest === undefined) return;
    this.forgetKnown(oldest);
    this.#entries.delete(oldest);
  }
}
