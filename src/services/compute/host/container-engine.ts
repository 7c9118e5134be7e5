/**
 * The host's engine out of a real one: Incus or LXD, in a project of this box alone, so that nothing else that runs
 * there is touched. Containers are unprivileged, with limits on cores, memory, processes and, where the storage can do
 * that, disk. As yet a sliver has no network: it is reached by commands through its host.
 */
import { isFailure } from "../../../kernel/errors.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import { limitConfig } from "../../../platform/engine/instances.ts";
import type { Config, Devices, Instance } from "../../../platform/engine/instances.ts";
import { SLIVER_PROCESSES_MAX } from "../constants.ts";
import type { Images } from "../images.ts";
import type { EngineInstance, HostEngine, Mark } from "./engine.ts";

const SLIVER = "user.comu.sliver";
const BOOKING = "user.comu.booking";

export interface ContainerEngineNeeds {
  engine: Engine;
  /** Of this box. */
  project: string;
  images: Images;
}

export function containerEngine({ engine, project, images }: ContainerEngineNeeds): HostEngine & { inside: Engine } {
  const inside = engine.inProject(project);
  let isMade = false;
  const make = async () => {
    if (isMade) return;
    const there = await engine.projects.list();
    if (!there.some(({ name }) => name === project)) {
      await engine.projects.create({ name: project, config: PROJECT }).catch(unless("already-exists"));
    }
    isMade = true;
  };
  const pool = async () => (await engine.pools.list())[0]?.name ?? "default";
  const configOf = (mark: Mark, spec: SliverSpec): Config => ({
    ...limitConfig({ cpus: spec.cores, memoryBytes: spec.memoryBytes, processes: SLIVER_PROCESSES_MAX }),
    ...{ [SLIVER]: mark.sliver, [BOOKING]: mark.booking, "security.nesting": "false" },
    // Users inside are others than those of the next sliver, also for the kernel.
    "security.idmap.isolated": spec.kind === "container" ? "true" : "",
    // The reconciler starts what should run.
    "boot.autostart": "false",
  });
  return {
    inside,
    async list() {
      await make();
      return (await inside.instances.list()).flatMap((one) => instanceOf(one) ?? []);
    },
    async hasImage(image) {
      return (await inside.images.list()).some(({ fingerprint }) => fingerprint === image);
    },
    async fetchImage(image, signal) {
      const { content, bytes } = images.open(image, signal);
      const options = { fingerprint: image, sizeBytes: bytes, signal };
      await inside.images.import(content, options).catch(unless("already-exists"));
    },
    async create(mark, spec, signal) {
      const root: Config = { type: "disk", path: "/", pool: await pool(), size: `${spec.diskBytes}B` };
      const name = `sliver-${mark.sliver}`;
      const type = spec.kind === "vm" ? "virtual-machine" : "container";
      const wish = {
        name,
        image: spec.image,
        type,
        profiles: [],
        config: configOf(mark, spec),
        devices: { root },
      } as const;
      await inside.instances.create(wish, { signal }).catch(unless("already-exists"));
    },
    start: (name, signal) => inside.instances.start(name, { signal }),
    stop: (name, signal) => inside.instances.stop(name, { signal }),
    remove: (name, signal) => inside.instances.delete(name, { signal }).catch(unless("no-such-instance")),
    async limit(name, mark, spec) {
      const { devices } = await inside.instances.get(name);
      const root: Config = { ...devices["root"], size: `${spec.diskBytes}B` };
      await inside.instances.update(name, { config: configOf(mark, spec), devices: { ...devices, root } as Devices });
    },
  };
}

/** Images are its own: who is excluded from the community takes nothing from the next one. */
const PROJECT = { "features.images": "true", "features.profiles": "true", "features.networks": "false" };

function instanceOf({ name, config, status }: Instance): EngineInstance | undefined {
  const [sliver, booking] = [config[SLIVER], config[BOOKING]];
  if (sliver === undefined || booking === undefined) return undefined;
  const state = status === "running" || status === "stopped" ? status : status === "error" ? "stopped" : "busy";
  return { name, mark: { sliver, booking }, state };
}

function unless(code: string) {
  return (error: unknown): void => {
    if (!isFailure(error, code)) throw error;
  };
}
