/**
 * The compute service: this box lends containers by its owner's rules, and its members use those of others. Here its
 * parts are put together; what each does is in its file.
 *
 *   pages, commands ─► handlers ─► Slices ─► Hosts ─── mesh ───► hosting ─► Books ─► Reconciler ─► container engine
 *                                     │                (other boxes, and this one itself)   ▲
 *                                     └─ rows on the disk                                   └─ Images ◄─ files
 */
import { machine } from "node:os";
import type { Check, Service, Warning } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Config } from "../../kernel/config.ts";
import type { Events } from "../../kernel/events.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { throttle } from "../../kernel/throttle.ts";
import { openEngine } from "../../platform/engine/engine.ts";
import type { EngineInfo } from "../../platform/engine/engine.ts";
import type { Store } from "../../platform/store.ts";
import { sumOf } from "../../protocols/compute/resources.ts";
import type { FilesClient } from "../files/client.ts";
import type { MeshClient } from "../mesh/client.ts";
import { foldName } from "../people/client.ts";
import type { PeopleClient } from "../people/client.ts";
import { COMPUTE_KEY, COMPUTE_KIND, computeKind, effortOf, readComputeBody } from "./compute-record.ts";
import { CHANGED_PAUSE_MS, ENGINE_LOOK_MS, EXEC_BYTES_MAX, EXEC_TIMEOUT_MS } from "./constants.ts";
import { computeContract } from "./contract.ts";
import { computeHandlers } from "./handlers.ts";
import { Books } from "./host/books.ts";
import { containerEngine } from "./host/container-engine.ts";
import { serveHosting } from "./host/hosting.ts";
import { Reconciler } from "./host/reconciler.ts";
import { createImages, imageKind } from "./images.ts";
import { computeSettings, policyOf } from "./settings.ts";
import { createHosts } from "./use/hosts.ts";
import { sliceStore } from "./use/slice-store.ts";
import { Slices } from "./use/slices.ts";

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
}

export function compute(system: ComputeNeeds): Service<typeof computeContract.endpoints> {
  const { clock, random, config, events, store, mesh, people, files } = system;
  const log = system.log.area("compute");
  const settings = () => config.section("compute", computeSettings);
  const policy = () => policyOf(settings());
  const changed = throttle(clock, CHANGED_PAUSE_MS, () => events.emit("compute.changed", "member"));
  const images = createImages({ mesh, files });
  const engine = openEngine({ clock, random, env: process.env });
  const host = containerEngine({ engine, images, project: `comu-${mesh.selfId.slice(0, 12)}` });
  const books = new Books({ store, policy });
  const reconciler = new Reconciler({ clock, log, books, engine: host, changed });
  const rows = sliceStore(store);
  let info: EngineInfo | undefined;
  let here: ReadonlySet<string> = new Set();
  let cancels: (() => void)[] = [];
  let isStarted = false;

  mesh.registerKind(computeKind);
  mesh.registerKind(imageKind);
  const bodyOf = (boxId: string) =>
    readComputeBody(mesh.records(COMPUTE_KIND).find(({ author }) => author === boxId)?.body);
  const effort = (boxId: string) => {
    const body = bodyOf(boxId);
    return body ? effortOf(body) : 0;
  };
  const hosting = serveHosting({
    ...{ clock, log, mesh, books, reconciler, policy, effortOf: effort },
    hasImage: (image) => here.has(image),
    async run(name, command) {
      const options = { timeoutMs: EXEC_TIMEOUT_MS, outputBytesMax: EXEC_BYTES_MAX };
      const { exitCode, stdout, stderr } = await host.inside.commands.run(name, ["/bin/sh", "-c", command], options);
      return { exitCode, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
    },
  });
  const hosts = createHosts({
    mesh,
    own: (path, body) => hosting.answer(path, mesh.selfId, body),
    reliabilityOf: rows.reliability,
  });
  const slices = new Slices({ clock, random, log, mesh, rows, hosts, changed });

  const isUsed = () => books.size > 0 || policy().to !== "nobody";
  /** Before the reconciler has seen trouble, an engine that is not known is one that is not there. */
  const engineState = (): "ready" | "missing" | "silent" => {
    const { trouble } = reconciler;
    if (info && !trouble) return "ready";
    return trouble && !isFailure(trouble, "engine-missing") ? "silent" : "missing";
  };
  const status = () => {
    const { lent, slivers, to, reach } = policy();
    const booked = books.all();
    const { cores, memoryBytes, diskBytes } = sumOf(booked.map(({ spec }) => spec));
    return {
      engine: {
        state: engineState(),
        ...{ product: info?.product ?? "", version: info?.version ?? "" },
        vms: info?.can["virtual-machine"].possible ?? false,
      },
      lending: {
        ...{ to, reach, slivers, cores: lent.cores, memoryBytes: lent.memoryBytes, diskBytes: lent.diskBytes },
      },
      used: { slivers: booked.length, cores, memoryBytes, diskBytes },
      lenders: mesh.records(COMPUTE_KIND).length,
    };
  };

  /**
   * What the engine is, what it has, and what of it the community should know. An engine that answers is not asked
   * again what it is, and one that nobody uses is not asked what it has.
   */
  const look = async () => {
    try {
      if (!info || reconciler.trouble) info = await engine.info();
      if (isUsed()) here = new Set((await host.inside.images.list()).map(({ fingerprint }) => fingerprint));
    } catch (error) {
      info = undefined;
      log.debug("no container engine answers", { error });
    }
    announce();
  };
  const announce = () => {
    const { lent, to, slivers } = policy();
    const isLending = info !== undefined && to !== "nobody" && slivers > 0 && lent.cores > 0;
    if (!isLending) {
      if (bodyOf(mesh.selfId)) mesh.withdraw(COMPUTE_KIND, COMPUTE_KEY);
      return;
    }
    const body = {
      ...{ engine: `${info!.product} ${info!.version}`.slice(0, 60), arch: machine() },
      vms: info!.can["virtual-machine"].possible,
      ...{ lentCores: lent.cores, lentMemoryBytes: lent.memoryBytes, lentDiskBytes: lent.diskBytes },
      ...{ cores: info!.cpus, memoryBytes: info!.memoryBytes },
    };
    if (JSON.stringify(bodyOf(mesh.selfId)) !== JSON.stringify(readComputeBody(body))) {
      mesh.publish(COMPUTE_KIND, COMPUTE_KEY, body);
    }
  };
  const follow = async () => {
    if (!isStarted) return;
    await look();
    reconciler.poke();
    changed();
  };

  let following: Promise<void> = Promise.resolve();
  config.listen({ commit: () => void (following = follow()) });
  mesh.onRecords(COMPUTE_KIND, changed);
  mesh.onRecords(imageKind.kind, changed);
  people.onLeft((name, isRemoved) => {
    if (!isRemoved) return;
    for (const slice of rows.slicesOf(foldName(name))) rows.putSlice({ ...slice, isGone: true });
  });

  return {
    contract: computeContract,
    handlers: computeHandlers({
      ...{ clock, random, mesh, books, reconciler, rows, hosts, slices, images, policy, status },
      imagesHere: () => (info ? here : new Set()),
      async change(patch) {
        await config.change({ compute: patch });
        await following;
      },
      accountOf: ({ principal }) => foldName(principal.account ?? people.ownerName()),
    }),
    async start() {
      isStarted = true;
      await look();
      cancels = [clock.every(ENGINE_LOOK_MS, () => void look())];
      reconciler.start();
      slices.start();
    },
    async stop() {
      isStarted = false;
      for (const cancel of cancels) cancel();
      await slices.stop();
      await reconciler.stop();
    },
    health: (): Warning[] =>
      isStarted && isUsed() && reconciler.trouble ? [{ code: "compute-engine", severity: "warning" }] : [],
    doctor: async (): Promise<Check[]> =>
      isStarted && isUsed() ? [{ code: "compute-engine", ok: !reconciler.trouble, severity: "warning" }] : [],
    metrics: () => {
      const { slivers, cores, memoryBytes } = status().used;
      const gauge = (name: string, help: string, value: number) => ({ name, type: "gauge" as const, help, value });
      return [
        gauge("compute_lent_slivers", "Slivers of others and own ones on this box.", slivers),
        gauge("compute_lent_cores", "Cores that they have.", cores),
        gauge("compute_lent_memory_bytes", "Memory that they may use.", memoryBytes),
      ];
    },
  };
}
