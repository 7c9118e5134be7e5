/** One grid of servers of ours and of the released Tahoe-LAFS, with a client of each kind. */
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { simdMixer } from "../../src/platform/erasure.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { parseCap } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { erasureKernel } from "../../src/protocols/grid/erasure-kernel.ts";
import { erasureCode } from "../../src/protocols/grid/erasure.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import type { Encoding, Grid } from "../../src/services/files/grid/grid.ts";
import { KeyPool } from "../../src/services/files/grid/key-pool.ts";
import type { StorageClient } from "../../src/services/files/grid/storage-client.ts";
import { StorageBox } from "../grid/storage-box.ts";
import type { Owner } from "../support/process.ts";
import { startGrid } from "../tahoe/grid.ts";
import type { Announcement, TahoeGrid } from "../tahoe/grid.ts";
import { announcedOf, clientOf, placeOf } from "./storage-clients.ts";

const mixer = simdMixer(erasureKernel());

export interface MixedGrid {
  theirs: TahoeGrid;
  boxes: StorageBox[];
  grid: Grid;
  clients: StorageClient[];
  keyPool: KeyPool;
}

export interface MixedOptions {
  owner: Owner;
  /** Of the released program, and of ours. */
  servers: number;
  boxes: number;
  encoding: Encoding;
}

export async function startMixed({ owner, servers, boxes: count, encoding }: MixedOptions): Promise<MixedGrid> {
  const boxes = await Promise.all(Array.from({ length: count }, () => StorageBox.start({ owner })));
  const others = Object.fromEntries(boxes.map((box, at) => [`v0-ours${at}`, box.announcement(`ours-${at}`)]));
  const { needed, happy, total } = encoding;
  const theirs = await startGrid({ owner, servers, needed, happy, total, others });
  const known: Record<string, Announcement> = { ...others };
  for (const server of theirs.servers) known[server.id] = server.announcement;
  const clients = Object.entries(known).map(([id, ann]) => clientOf(owner, placeOf(announcedOf(id, ann))));
  for (const client of clients) client.start();
  const clock = systemClock();
  const keyPool = new KeyPool({ clock });
  await keyPool.start();
  const workers = new GridWorkers({ clock });
  owner.after(async () => {
    await keyPool.stop();
    await workers.close();
  });
  return { theirs, boxes, clients, keyPool, grid: gridOf(clients, encoding, { keyPool, workers }) };
}

/** A client of ours over these servers, with secrets and memory of its own. */
export function gridOf(
  clients: readonly StorageClient[],
  encoding: Encoding,
  shared: { keyPool: KeyPool; workers: GridWorkers },
): Grid {
  const random = systemRandom();
  return createGrid({
    crypto: gridCrypto(),
    codeOf: (k, n) => erasureCode(k, n, mixer),
    clock: systemClock(),
    random,
    servers: () => clients,
    encoding: () => encoding,
    secrets: { lease: random.bytes(32), convergence: random.bytes(32), upload: random.bytes(32) },
    ...shared,
  });
}

export function capOf(text: string): KnownCap {
  const cap = parseCap(text.trim());
  if (cap.kind === "unknown") throw new Error(`no cap: ${text}`);
  return cap;
}
