/**
 * How this host stands: what its engine is, what it lends and what of that is used. From here come the record that the
 * community sees, the page, warnings and figures.
 */
import { machine } from "node:os";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { Check, Metric, Warning } from "../../../kernel/contract.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { ifRoom } from "../../../platform/disk-room.ts";
import type { Engine, EngineInfo } from "../../../platform/engine/engine.ts";
import { HOST_SLIVERS_MAX } from "../../../protocols/compute/constants.ts";
import type { LendPolicy } from "../../../protocols/compute/lending.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { COMPUTE_KEY, COMPUTE_KIND, computeKind, effortOf, readComputeBody } from "../compute-record.ts";
import { ENGINE_LOOK_MS } from "../constants.ts";
import type { Books } from "./books.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { Reconciler } from "./reconciler.ts";

export interface StandingNeeds {
  clock: Clock;
  log: Log;
  engine: Engine;
  /** The engine in the project of this box. */
  inside: Engine;
  mesh: MeshClient;
  books: Books;
  reconciler: Reconciler;
  network: Pick<NetworkParts, "status" | "checks">;
  policy: () => LendPolicy;
  /** Something is lent or runs. */
  isUsed: () => boolean;
}

/** Called before the mesh starts. */
export function hostStanding(needs: StandingNeeds) {
  const { clock, log, engine, inside, mesh, books, reconciler, network, policy, isUsed } = needs;
  let info: EngineInfo | undefined;
  let here: ReadonlySet<string> = new Set();
  let sliversMax = HOST_SLIVERS_MAX;
  mesh.registerKind(computeKind);
  const bodyOf = (boxId: string) =>
    readComputeBody(mesh.records(COMPUTE_KIND).find(({ author }) => author === boxId)?.body);
  /** Before the reconciler has seen trouble, an engine that is not known is one that is not there. */
  const engineState = (): "ready" | "missing" | "silent" => {
    const { trouble } = reconciler;
    if (info && !trouble) return "ready";
    return trouble && !isFailure(trouble, "engine-missing") ? "silent" : "missing";
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
      ...(info!.architectures.length > 0 && { archs: info!.architectures.slice(0, 8) }),
      vms: info!.can["virtual-machine"].possible,
      ...{ lentCores: lent.cores, lentMemoryBytes: lent.memoryBytes, lentDiskBytes: lent.diskBytes },
      ...{ cores: info!.cpus, memoryBytes: info!.memoryBytes },
    };
    if (JSON.stringify(bodyOf(mesh.selfId)) !== JSON.stringify(readComputeBody(body))) {
      mesh.publish(COMPUTE_KIND, COMPUTE_KEY, body);
    }
  };
  /**
   * What the engine is, what it has, and what of it the community should know. An engine that answers is not asked
   * again what it is, and one that nobody uses is not asked what it has.
   */
  const look = async (): Promise<void> => {
    try {
      if (!info || reconciler.trouble) info = await engine.info();
      sliversMax = Math.min(HOST_SLIVERS_MAX, info.idRanges ?? HOST_SLIVERS_MAX);
      if (isUsed()) here = new Set((await inside.images.list()).map(({ fingerprint }) => fingerprint));
    } catch (error) {
      info = undefined;
      log.debug("no container engine answers", { error });
    }
    // On a full disk at the next look.
    ifRoom(announce);
  };
  let cancel: Cancel = () => {};
  return {
    look,
    async start(): Promise<void> {
      await look();
      cancel = clock.every(ENGINE_LOOK_MS, () => void look());
    },
    stop: () => cancel(),
    /** What the engine can give, as it said last. */
    sliversMax: () => sliversMax,
    hasImage: (image: string): boolean => here.has(image),
    imagesHere: (): ReadonlySet<string> => (info ? here : new Set()),
    /** 0 to 1, as a box announces it. */
    effortOf(boxId: string): number {
      const body = bodyOf(boxId);
      return body ? effortOf(body) : 0;
    },
    status() {
      const { lent, slivers, to, reach } = policy();
      const booked = books.all();
      const { cores, memoryBytes, diskBytes } = books.used();
      return {
        engine: {
          state: engineState(),
          ...{ product: info?.product ?? "", version: info?.version ?? "" },
          vms: info?.can["virtual-machine"].possible ?? false,
        },
        lending: {
          ...{ to, reach, slivers, cores: lent.cores, memoryBytes: lent.memoryBytes, diskBytes: lent.diskBytes },
          egressBytesPerS: lent.egressBytesPerS,
        },
        network: network.status(),
        used: { slivers: booked.length, cores, memoryBytes, diskBytes },
        lenders: mesh.records(COMPUTE_KIND).length,
      };
    },
    warnings: (): Warning[] =>
      isUsed() && reconciler.trouble ? [{ code: "compute-engine", severity: "warning" }] : [],
    checks: (): Check[] =>
      isUsed() ? [{ code: "compute-engine", ok: !reconciler.trouble, severity: "warning" }, ...network.checks()] : [],
    metrics(): Metric[] {
      const { cores, memoryBytes } = books.used();
      const gauge = (name: string, help: string, value: number) => ({ name, type: "gauge" as const, help, value });
      return [
        gauge("compute_lent_slivers", "Slivers of others and own ones on this box.", books.size),
        gauge("compute_lent_cores", "Cores that they have.", cores),
        gauge("compute_lent_memory_bytes", "Memory that they may use.", memoryBytes),
      ];
    },
  };
}
