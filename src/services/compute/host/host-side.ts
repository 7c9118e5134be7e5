/**
 * This box as a host, put together: books, reconciler, engine, network and ports of slivers, and the answers to boxes
 * that borrow. It starts and stops as one.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { hasRoom } from "../../../platform/disk-room.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import type { Store } from "../../../platform/store.ts";
import type { DiscoveryClient } from "../../discovery/client.ts";
import type { MeshClient } from "../../mesh/client.ts";
import type { Images } from "../images.ts";
import { SNAPSHOT_TIMEOUT_MS } from "../constants.ts";
import { policyOf } from "../settings.ts";
import type { ComputeSettings } from "../settings.ts";
import { Books, writeBooking } from "./books.ts";
import type { Entry } from "./books.ts";
import { containerEngine } from "./container-engine.ts";
import { serveHosting } from "./hosting.ts";
import { networkParts } from "./network-parts.ts";
import { Ports } from "./ports.ts";
import { Reconciler } from "./reconciler.ts";
import { hostStanding } from "./standing.ts";

export interface HostSideNeeds {
  clock: Clock;
  log: Log;
  store: Store;
  mesh: MeshClient;
  discovery: DiscoveryClient;
  images: Images;
  engine: Engine;
  settings: () => ComputeSettings;
  dataFolder: string;
  changed: () => void;
}

/** Called before the mesh starts. */
export function hostSide(needs: HostSideNeeds) {
  const { clock, log, store, mesh, discovery, images, engine, settings, dataFolder, changed } = needs;
  // No more is promised than the engine can give.
  const policy = () => policyOf(settings(), standing.sliversMax());
  const books = new Books({ store, policy });
  const isUsed = () => books.size > 0 || policy().to !== "nobody";
  const net = networkParts({
    ...{ clock, log, store, mesh, books, engine, isUsed, changed, dataFolder },
    ...{ reconciler: () => reconciler, inside: () => host.inside, port: () => settings().lendTunnelPort },
  });
  const host = containerEngine({
    ...{ engine, images, project: `comu-${mesh.selfId.slice(0, 12)}`, nics: net.nics },
    unpackedBytesMax: () => policy().lent.diskBytes,
  });
  const reconciler = new Reconciler({
    ...{ clock, log, books, engine: host },
    changed() {
      changed();
      net.network.changed();
      void ports.apply();
    },
  });
  const ports = new Ports({
    ...{ clock, log, store, books, changed, discovery, selfId: mesh.selfId, reconciler: () => reconciler },
    ...{ instances: () => host.inside.instances, allowed: () => settings().lendPorts },
  });
  const standing = hostStanding({
    ...{ clock, log, engine, inside: host.inside, mesh, books, reconciler, network: net, policy, isUsed },
  });
  const hosting = serveHosting({
    ...{ clock, log, mesh, books, reconciler, policy, effortOf: standing.effortOf, hasImage: standing.hasImage },
    more: { ...net.answers, ...ports.answers },
    hasRoom: () => hasRoom(dataFolder),
    run: host.run,
  });
  return {
    ...{ policy, books, reconciler, standing },
    inside: host.inside,
    async restore(entry: Entry, instance: string, snapshot: string): Promise<void> {
      const mark = { sliver: entry.sliver, booking: writeBooking(entry) };
      try {
        await host.restore(instance, snapshot, mark, entry.spec, { timeoutMs: SNAPSHOT_TIMEOUT_MS });
      } finally {
        // It may have come half way only, and have the devices of that day.
        ports.lookAgain(entry.sliver);
      }
    },
    answer: hosting.answer,
    /** Settings are other ones. */
    async follow(): Promise<void> {
      await standing.look();
      await net.network.apply();
      await ports.apply();
      reconciler.poke();
      changed();
    },
    async start(): Promise<void> {
      await standing.start();
      net.network.start();
      ports.start();
      reconciler.start();
    },
    async stop(): Promise<void> {
      standing.stop();
      await ports.stop();
      await reconciler.stop();
      await net.network.stop();
    },
  };
}
