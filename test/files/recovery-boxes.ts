/** Boxes with recovery phrases in one process: everything real but the network and the storage servers. */
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/system-random.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { VirtualClock } from "../../src/kernel/virtual-clock.ts";
import { openStore } from "../../src/platform/store.ts";
import type { BoxView, MeshClient } from "../../src/services/mesh/client.ts";
import { createKeeping } from "../../src/services/files/recovery/keeping.ts";
import { createLeaving } from "../../src/services/files/recovery/leaving.ts";
import { createRecovery } from "../../src/services/files/recovery/recovery.ts";
import type { Recovery } from "../../src/services/files/recovery/recovery.ts";
import { recoveryStore } from "../../src/services/files/recovery/recovery-store.ts";
import type { RecoveryStore } from "../../src/services/files/recovery/recovery-store.ts";
import { createTakeUp } from "../../src/services/files/recovery/taking-up.ts";
import { isClockRight } from "../../src/services/files/space.ts";
import type { Owner } from "../support/process.ts";
import { memoryGrid } from "./memory-grid.ts";
import type { MemoryGrid } from "./memory-grid.ts";
import { MeshDouble } from "./mesh-double.ts";
import { treeBox } from "./tree-box.ts";
import type { TreeBox } from "./tree-box.ts";

export interface RecoveryBox extends Omit<TreeBox, "grid" | "folder"> {
  id: string;
  recovery: Recovery;
  rows: RecoveryStore;
  mesh: MeshClient;
  /** How often a tree was taken up. */
  taken: () => number;
}

/** A request to a box, answered in its place; undefined: it answers itself. */
export type Instead = (boxId: string, path: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface Town {
  meshes: MeshDouble;
  clock: VirtualClock;
  grid: MemoryGrid;
  /** By box; a box without one is its own owner's. */
  owners: Map<string, string>;
  givers: string[];
  join(id: string): Promise<RecoveryBox>;
  answerInstead(instead: Instead): void;
}

export function town(owner: Pick<Owner, "after">): Town {
  const meshes = new MeshDouble();
  const clock = virtualClock();
  const grid = memoryGrid();
  const owners = new Map<string, string>();
  const givers: string[] = [];
  let instead: Instead = () => undefined;
  const log = createLog({ clock, level: "error", write: (line) => console.error(line) });
  const join = async (id: string): Promise<RecoveryBox> => {
    const inner = meshes.join(id);
    const shown = (box: BoxView): BoxView => ({ ...box, self: box.id === id, owner: owners.get(box.id) ?? box.id });
    const mesh: MeshClient = {
      ...inner,
      boxes: () => inner.boxes().map(shown),
      async request(boxId, path, body, options) {
        const answer = await instead(boxId, path);
        return answer ? { status: 200, body: answer, rttMs: 1 } : inner.request(boxId, path, body, options);
      },
    };
    const { tree, files } = await treeBox(owner, { grid });
    const rows = recoveryStore(openStore(":memory:"));
    let taken = 0;
    const recovery = createRecovery({
      ...{ clock, log, rows, random: systemRandom(), changed: () => {} },
      keeping: createKeeping({ clock, mesh, rows, isClockRight: () => isClockRight(mesh) }),
      leaving: createLeaving({
        log,
        mesh,
        givers: () => givers,
        kept: (locator) => rows.kept(locator).map(({ sealed }) => sealed),
      }),
      mayAsk: (boxId) => mesh.box(boxId)?.state === "up",
      rootCap: async (account) => (await tree.files(account).caps("/")).write!,
      knownRoot: (account) => tree.rootOf(account),
      takeUp: createTakeUp(tree, () => (taken += 1)),
    });
    recovery.start();
    owner.after(() => recovery.stop());
    return { id, recovery, rows, mesh, tree, files, taken: () => taken };
  };
  return { meshes, clock, grid, owners, givers, join, answerInstead: (one) => void (instead = one) };
}
