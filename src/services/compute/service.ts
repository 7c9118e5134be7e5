/**
 * The compute service: this box lends containers by its owner's rules, and its members use those of others. Here its
 * parts are put together; what each does is in its file.
 *
 *   pages, commands ─► handlers ─► Slices ─► Hosts ─── mesh ───► hosting ─► Books ─► Reconciler ─► container engine
 *                                     │                (other boxes, and this one itself)   ▲
 *                                     └─ rows on the disk                                   └─ Images ◄─ files
 */
import { join } from "node:path";
import type { Service } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { WordTables } from "../../kernel/words.ts";
import { throttle } from "../../kernel/throttle.ts";
import { openEngine } from "../../platform/engine/engine.ts";
import type { Store } from "../../platform/store.ts";
import type { DiscoveryClient } from "../discovery/client.ts";
import type { FilesClient } from "../files/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import { foldName } from "../people/client.ts";
import type { PeopleClient } from "../people/client.ts";
import { Builder } from "./build/builder.ts";
import { COMPUTE_KIND } from "./compute-record.ts";
import { CHANGED_PAUSE_MS } from "./constants.ts";
import { computeContract } from "./contract.ts";
import { computeHandlers } from "./handlers.ts";
import { serveConsoles } from "./host/consoles.ts";
import { hostSide } from "./host/host-side.ts";
import { createImages, imageKind } from "./images.ts";
import { insideParts } from "./inside-parts.ts";
import { computeSettings } from "./settings.ts";
import { createConsoles } from "./use/console.ts";
import { createHosts } from "./use/hosts.ts";
import { networkTelling } from "./use/network-telling.ts";
import type { Tell } from "./use/network-telling.ts";
import { createPublishing } from "./use/publishing.ts";
import { sliceStore } from "./use/slice-store.ts";
import { Slices } from "./use/slices.ts";
import { Uploads } from "./use/uploads.ts";

export interface ComputeNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  config: Config;
  events: Events;
  store: Store;
  mesh: MeshClient;
  people: PeopleClient;
  files: FilesClient;
  discovery: DiscoveryClient;
  words: WordTables;
  dataFolder: string;
}

export function compute(system: ComputeNeeds): Service<typeof computeContract.endpoints> {
  const { clock, random, config, events, store, mesh, people, files, discovery } = system;
  const log = system.log.area("compute");
  const settings = () => config.section("compute", computeSettings);
  const changed = throttle(clock, CHANGED_PAUSE_MS, () => events.emit("compute.changed", "member"));
  const images = createImages({ mesh, files });
  const builder = new Builder({ clock, log, folder: join(system.dataFolder, "image-build"), files, images, changed });
  const engine = openEngine({ clock, random, env: process.env });
  const host = hostSide({
    ...{ clock, log, store, mesh, discovery, images, engine, settings, changed, dataFolder: system.dataFolder },
  });
  const { books, reconciler, standing, policy } = host;
  const rows = sliceStore(store);
  let isStarted = false;

  mesh.registerKind(imageKind);
  const hosts = createHosts({
    mesh,
    own: (path, body) => host.answer(path, mesh.selfId, body),
    reliabilityOf: rows.reliability,
    archOf: (image) => images.find(image)?.arch,
  });
  const { inside, figures } = insideParts({
    ...{ clock, log, mesh, books, reconciler, engine: host.inside, restore: host.restore },
  });
  const uploads = new Uploads({ clock, log, store, inside, rows });
  const ownConsoles = serveConsoles({ clock, log, mesh, books, reconciler, commands: host.inside.commands });
  const consoles = createConsoles({ clock, mesh, own: ownConsoles.take });
  const publishing = createPublishing({ clock, log, store, hosts });
  const tell = inTurn(networkTelling({ clock, log, hosts }), publishing.keep);
  const slices = new Slices({ clock, random, log, mesh, rows, hosts, changed, tell });

  let following: Promise<void> = Promise.resolve();
  config.listen({ commit: () => void (isStarted && (following = host.follow())) });
  mesh.onRecords(COMPUTE_KIND, changed);
  mesh.onRecords(imageKind.kind, changed);
  people.onLeft((name, isRemoved) => void (isRemoved && rows.endAll(foldName(name))));

  return {
    contract: computeContract,
    handlers: computeHandlers({
      ...{ clock, random, mesh, books, reconciler, rows, hosts, slices, images, builder, publishing, policy },
      ...{ status: standing.status, sliversMax: standing.sliversMax, services: discovery.list },
      ...{ files, inside, uploads, consoles, words: system.words },
      imagesHere: standing.imagesHere,
      async change(patch) {
        await config.change({ compute: patch });
        await following;
      },
      accountOf: ({ principal }) => foldName(principal.account ?? people.ownerName()),
    }),
    async start() {
      isStarted = true;
      await builder.start();
      await host.start();
      figures.start();
      slices.start();
      uploads.start();
    },
    async stop() {
      isStarted = false;
      ownConsoles.stop();
      uploads.stop();
      await slices.stop();
      await builder.stop();
      figures.stop();
      await host.stop();
    },
    health: () => (isStarted ? standing.warnings() : []),
    doctor: async () => (isStarted ? standing.checks() : []),
    metrics: standing.metrics,
  };
}

/** What hosts of a slice are told after each look at it. */
function inTurn(...all: readonly Tell[]): Tell {
  return async (...what) => {
    for (const tell of all) await tell(...what);
  };
}
