/** The complete shares as they are now, wherever they lie: what is pending goes before what is in the files. */
import { statSync } from "node:fs";
import type { PendingShares } from "./pending-shares.ts";
import { openShare, pendingShare } from "./share-file.ts";
import type { ShareFile } from "./share-file.ts";
import { namesIn, shareNumber, storageIndexes } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";

const IF_THERE = { throwIfNoEntry: false } as const;

export class Shelf {
  readonly paths: SharePaths;
  readonly pending: PendingShares;

  constructor(paths: SharePaths, pending: PendingShares) {
    this.paths = paths;
    this.pending = pending;
  }

  /** Numbers of what is there of this storage index, in order. */
  async numbers(storageIndex: string): Promise<number[]> {
    // Pending first: what goes into its file meanwhile is met at least once.
    const pending = this.pending.numbers(storageIndex);
    const slot = this.paths.slot(storageIndex);
    // Mostly there is no such folder. To ask for that on the spot takes less than to hand the question to a thread.
    if (!statSync(slot, IF_THERE)) return pending.toSorted((a, b) => a - b);
    const inFiles = (await namesIn(slot)).map(shareNumber);
    const all = new Set([...pending, ...inFiles.filter((number) => number !== undefined)]);
    return [...all].toSorted((a, b) => a - b);
  }

  /** Undefined when there is no such share, or what is there is no container. The caller closes its file. */
  async open(storageIndex: string, number: number, flags: "r" | "r+" = "r"): Promise<ShareFile | undefined> {
    const content = this.pending.content(storageIndex, number);
    if (!content) return openShare(this.paths.share(storageIndex, number), flags);
    return pendingShare(content, (changed) => this.pending.put(storageIndex, new Map([[number, changed]])));
  }

  /** Every storage index with something in it, as they come. */
  async *storageIndexes(): AsyncGenerator<string> {
    const pending = new Set(this.pending.storageIndexes());
    yield* pending;
    for await (const one of storageIndexes(this.paths.shares)) if (!pending.has(one)) yield one;
  }
}
