/** A member's real files in a test: our tree over our grid, on storage servers of ours in processes of their own. */
import { join } from "node:path";
import { systemClock } from "../../src/kernel/clock.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { openStore } from "../../src/platform/store.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { KeyPool } from "../../src/services/files/grid/key-pool.ts";
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import { Tree } from "../../src/services/files/tree/tree.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import type { Owner } from "../support/process.ts";
import { crypto, encoding, processGrid } from "./immutable-grid.ts";
import type { ServerProcess } from "./immutable-grid.ts";

export interface MemberBox {
  files: MemberFiles;
  tree: Tree;
  processes: ServerProcess[];
}

/** `needed` of as many shares as there are servers. */
export async function startMember(owner: Owner, { servers = 3, needed = 2 } = {}): Promise<MemberBox> {
  const clock = systemClock();
  const random = systemRandom();
  const grid = await processGrid(owner, servers);
  const keyPool = new KeyPool({ clock });
  await keyPool.start();
  const folder = temporaryFolder("member");
  const store = openStore(join(folder, "comu.db"));
  const { secrets, codeOf } = grid.needs;
  const made = createGrid({
    ...{ crypto, codeOf, clock, random, secrets, keyPool, workers: grid.workers },
    servers: () => grid.servers,
    encoding: () => encoding(needed, servers),
  });
  const tree = new Tree({
    ...{ gridOf: () => made, store, crypto, clock, random },
    spoolFolder: join(folder, "spool"),
    settings: { trashDays: () => 30, quotaBytes: () => undefined },
  });
  await tree.start();
  owner.after(async () => {
    await tree.stop();
    await keyPool.stop();
    store.close();
  });
  return { files: tree.files("anna"), tree, processes: grid.processes };
}
