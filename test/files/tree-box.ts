/** The trees of one box over a grid in memory, for tests: everything real but the servers. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { openStore } from "../../src/platform/store.ts";
import type { Grid } from "../../src/services/files/grid/grid.ts";
import { Tree } from "../../src/services/files/tree/tree.ts";
import type { TreeNeeds } from "../../src/services/files/tree/tree.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import type { Owner } from "../support/process.ts";
import { memoryGrid } from "./memory-grid.ts";
import type { MemoryGrid } from "./memory-grid.ts";

export interface TreeBoxOptions {
  grid?: Grid;
  clock?: Clock;
  /** Keeps database and spool, to be opened again. */
  folder?: string;
  trashDays?: number;
  quotaBytes?: () => number | undefined;
  freeBytes?: () => Promise<number>;
  changed?: TreeNeeds["changed"];
  uploadChanged?: TreeNeeds["uploadChanged"];
}

export interface TreeBox {
  tree: Tree;
  /** Of the account "anna". */
  files: ReturnType<Tree["files"]>;
  grid: MemoryGrid;
  folder: string;
}

export async function treeBox(owner: Pick<Owner, "after">, options: TreeBoxOptions = {}): Promise<TreeBox> {
  const folder = options.folder ?? temporaryFolder("tree");
  const store = openStore(join(folder, "box.sqlite"));
  const grid = options.grid ?? memoryGrid();
  const tree = new Tree({
    gridOf: () => grid,
    store,
    crypto: gridCrypto(),
    clock: options.clock ?? systemClock(),
    random: systemRandom(),
    spoolFolder: join(folder, "spool"),
    settings: { trashDays: () => options.trashDays ?? 30, quotaBytes: options.quotaBytes ?? (() => undefined) },
    ...(options.freeBytes ? { freeBytes: options.freeBytes } : {}),
    ...(options.changed ? { changed: options.changed } : {}),
    ...(options.uploadChanged ? { uploadChanged: options.uploadChanged } : {}),
  });
  await tree.start();
  owner.after(async () => {
    await tree.stop();
    store.close();
  });
  return { tree, files: tree.files("anna"), grid: grid as MemoryGrid, folder };
}

export async function* content(...pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}

export async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

export function noise(bytes: number): Uint8Array {
  return new Uint8Array(randomBytes(bytes));
}
