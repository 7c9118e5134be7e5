/**
 * The host's engine out of a real one: Incus or LXD, in a project of this box alone, so that nothing else that runs
 * there is touched. Containers are unprivileged, with limits on cores, memory, processes and, where the storage can do
 * that, disk; and with an address in the network of their slice, where this machine can give them one.
 */
import { pipeline } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { isFailure } from "../../../kernel/errors.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import { checkTarball } from "../../../platform/engine/tarball.ts";
import { limitConfig } from "../../../platform/engine/instances.ts";
import type { Config, Instance, TaskOptions } from "../../../platform/engine/instances.ts";
import { EXEC_BYTES_MAX, EXEC_TIMEOUT_MS, SLIVER_PROCESSES_MAX } from "../constants.ts";
import type { Images } from "../images.ts";
import type { Ran } from "../messages.ts";
import type { EngineInstance, HostEngine, Mark } from "./engine.ts";

const SLIVER = "user.comu.sliver";
const BOOKING = "user.comu.booking";
const INSTANCE = "sliver-";
/** The engine's name of the device. */
const NIC = "comu0";
/** A change cannot take a device away; this is none. */
const NONE: Config = { type: "none" };

export interface ContainerEngineNeeds {
  engine: Engine;
  /** Of this box. */
  project: string;
  images: Images;
  nics: Nics;
  /** No image is taken that would be larger: there is no room for what is made of it. */
  unpackedBytesMax: () => number;
}

/** The network that instances get. */
export interface Nics {
  /** The engine's device for a sliver that is about to be made; undefined: it gets none. */
  deviceOf(sliver: string): Promise<Config | undefined>;
  /** For one that is about to be started, when all stands that it needs. */
  nicOf(sliver: string): Promise<Config | undefined>;
  /** It has just been started. */
  attached(sliver: string): Promise<void>;
}

export interface ContainerEngine extends HostEngine {
  inside: Engine;
  /**
   * Puts an instance's disk back to a snapshot. Devices, limits and mark stay those of now: the engine alone would put
   * them back, too, and start it with them. It is stopped afterwards.
   */
  restore(name: string, snapshot: string, mark: Mark, spec: SliverSpec, options?: TaskOptions): Promise<void>;
  /** A line for the shell in an instance, and what it says. */
  run(name: string, command: string): Promise<Ran>;
}

export function containerEngine({
  engine,
  project,
  images,
  nics,
  unpackedBytesMax,
}: ContainerEngineNeeds): ContainerEngine {
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
  // LXD 5.0 gives ids that are not the host's to a container that is made while another one is: it never starts.
  const creating = new Turns();
  let poolName: string | undefined;
  const pool = async () => (poolName ??= (await engine.pools.list())[0]?.name ?? "default");
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
    async get(sliver) {
      const one = await inside.instances.get(`${INSTANCE}${sliver}`).catch(unless("no-such-instance"));
      return one ? instanceOf(one) : undefined;
    },
    async run(name, command) {
      const options = { timeoutMs: EXEC_TIMEOUT_MS, outputBytesMax: EXEC_BYTES_MAX };
      const { exitCode, stdout, stderr } = await inside.commands.run(name, ["/bin/sh", "-c", command], options);
      return { exitCode, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
    },
    async hasImage(image) {
      return (await inside.images.get(image).catch(unless("no-such-image"))) !== undefined;
    },
    async fetchImage(image, signal) {
      const { content, bytes } = images.open(image, signal);
      const checked = checkTarball({ unpackedBytesMax: unpackedBytesMax() });
      // An error of either ends both, and the import with it.
      pipeline(content, checked, () => {});
      const options = { fingerprint: image, sizeBytes: bytes, signal };
      await inside.images.import(checked, options).catch(unless("already-exists"));
    },
    async create(mark, spec, signal) {
      const root: Config = { type: "disk", path: "/", pool: await pool(), size: `${spec.diskBytes}B` };
      const name = `${INSTANCE}${mark.sliver}`;
      const nic = await nics.deviceOf(mark.sliver);
      const type = spec.kind === "vm" ? "virtual-machine" : "container";
      const wish = {
        name,
        image: spec.image,
        type,
        profiles: [],
        config: configOf(mark, spec),
        devices: { root, ...(nic && { [NIC]: nic }) },
      } as const;
      try {
        await creating.run("", () => inside.instances.create(wish, { signal }).catch(unless("already-exists")));
      } catch (error) {
        // It may have another pool by now.
        poolName = undefined;
        throw error;
      }
    },
    async start(name, signal) {
      const sliver = name.slice(INSTANCE.length);
      // An address is given when it starts; what it had may be of another time.
      const [nic, { devices }] = await Promise.all([nics.nicOf(sliver), inside.instances.get(name)]);
      const device = nic ?? NONE;
      if (!isDeepStrictEqual(devices[NIC] ?? NONE, device)) {
        await inside.instances.update(name, { devices: { [NIC]: device } });
      }
      await inside.instances.start(name, { signal });
      await nics.attached(sliver);
    },
    stop: (name, signal, force) => inside.instances.stop(name, { signal, ...(force && { graceMs: 0 }) }),
    remove: (name, signal) => inside.instances.delete(name, { signal }).catch(unless("no-such-instance")),
    async restore(name, snapshot, mark, spec, options) {
      const { devices } = await inside.instances.get(name);
      await inside.instances.stop(name, { ...options, graceMs: 0 }).catch(unless("instance-state"));
      await inside.instances.restore(name, snapshot, options);
      const past = (await inside.instances.get(name)).devices;
      const gone = Object.keys(past).filter((key) => !(key in devices));
      const now = { ...devices, ...Object.fromEntries(gone.map((key) => [key, NONE])) };
      await inside.instances.update(name, { config: configOf(mark, spec), devices: now });
    },
    async limit(name, mark, spec) {
      const { devices } = await inside.instances.get(name);
      const root: Config = { ...devices["root"], size: `${spec.diskBytes}B` };
      await inside.instances.update(name, { config: configOf(mark, spec), devices: { root } });
    },
  };
}

/** Images are its own: who is excluded from the community takes nothing from the next one. */
const PROJECT = { "features.images": "true", "features.profiles": "true", "features.networks": "false" };

function instanceOf({ name, config, devices, status }: Instance): EngineInstance | undefined {
  const [sliver, booking] = [config[SLIVER], config[BOOKING]];
  if (sliver === undefined || booking === undefined) return undefined;
  const state = status === "running" || status === "stopped" ? status : status === "error" ? "stopped" : "busy";
  const hasPorts = Object.values(devices).some(({ type }) => type === "proxy");
  return { name, mark: { sliver, booking }, state, hasNetwork: devices[NIC]?.["type"] === "nic", hasPorts };
}

function unless(code: string) {
  return (error: unknown): void => {
    if (!isFailure(error, code)) throw error;
  };
}
