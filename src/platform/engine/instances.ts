/**
 * Instances (containers and virtual machines) and their snapshots: what a sliver is on its box. Everything that
 * changes something resolves when the engine has done it.
 */
import { z } from "zod";
import { isFailure } from "../../kernel/errors.ts";
import { checked } from "./answers.ts";
import type { About } from "./errors.ts";
import { fail } from "./errors.ts";
import { fingerprint, instanceName, plainName } from "./names.ts";
import { task } from "./operations.ts";
import type { Ask, Transport } from "./transport.ts";

export type InstanceStatus =
  | "running"
  | "stopped"
  | "frozen"
  | "starting"
  | "stopping"
  | "freezing"
  | "error"
  /** One that this program does not know. */
  | "unknown";

export type InstanceType = "container" | "virtual-machine";
/** The engine's own keys, such as `limits.memory`. */
export type Config = Readonly<Record<string, string>>;
/** By name; each with its `type`. */
export type Devices = Readonly<Record<string, Config>>;

export interface Instance {
  name: string;
  project: string;
  type: InstanceType;
  status: InstanceStatus;
  description: string;
  /** ISO 8601. */
  createdAt: string;
  /** Fingerprint of the image that it was made of. */
  image?: string;
  profiles: readonly string[];
  /** Its own, without those of its profiles. */
  config: Config;
  devices: Devices;
}

export interface NetworkState {
  name: string;
  /** The other end, on the host. */
  hostName: string;
  mac: string;
  addresses: readonly { family: "inet" | "inet6"; address: string; scope: string }[];
  receivedBytes: number;
  sentBytes: number;
}

export interface InstanceState {
  status: InstanceStatus;
  /** Its init, as the host counts; 0 when it does not run. */
  pid: number;
  processes: number;
  /** Used since it was started. */
  cpuNs: number;
  memoryBytes: number;
  memoryPeakBytes: number;
  /** Of its own disk; undefined where nobody counts: a pool without quotas, or a disk without a `size`. */
  diskBytes?: number;
  networks: readonly NetworkState[];
}

export interface InstanceSpec {
  name: string;
  /** Fingerprint. */
  image: string;
  type?: InstanceType;
  /** `["default"]` when not given; an empty list is none. */
  profiles?: readonly string[];
  config?: Config;
  devices?: Devices;
  description?: string;
}

export interface Snapshot {
  name: string;
  createdAt: string;
}

export interface TaskOptions {
  signal?: AbortSignal;
  /** `engine-timeout` after it; by default ten minutes. */
  timeoutMs?: number;
}

export interface Instances {
  list(): Promise<Instance[]>;
  /** All with what they use and how many snapshots they have, in one question. */
  states(): Promise<(Instance & { state?: InstanceState; snapshots: number })[]>;
  get(name: string): Promise<Instance>;
  state(name: string): Promise<InstanceState>;
  /** Made, and not started. A full disk, a name in use, an unknown image leave nothing behind. */
  create(spec: InstanceSpec, options?: TaskOptions): Promise<void>;
  start(name: string, options?: TaskOptions): Promise<void>;
  /** Asks its init to end, and ends it by force after `graceMs` (10 s); at once with 0. */
  stop(name: string, options?: TaskOptions & { graceMs?: number }): Promise<void>;
  restart(name: string, options?: TaskOptions & { graceMs?: number }): Promise<void>;
  freeze(name: string, options?: TaskOptions): Promise<void>;
  unfreeze(name: string, options?: TaskOptions): Promise<void>;
  /** Merges; an empty value takes a key away. Limits act on a running container. */
  update(name: string, change: { config?: Config; devices?: Devices; description?: string }): Promise<void>;
  rename(name: string, newName: string, options?: TaskOptions): Promise<void>;
  /** Must be stopped. Its snapshots go too. */
  delete(name: string, options?: TaskOptions): Promise<void>;
  snapshots(name: string): Promise<Snapshot[]>;
  snapshot(name: string, snapshot: string, options?: TaskOptions): Promise<void>;
  /** A running one is stopped for it and started again. */
  restore(name: string, snapshot: string, options?: TaskOptions): Promise<void>;
  deleteSnapshot(name: string, snapshot: string, options?: TaskOptions): Promise<void>;
}

const STOP_GRACE_MS = 10_000;

/** The engine's numbers of states: those of LXD and Incus are the same. */
const STATUS: Readonly<Record<number, InstanceStatus>> = {
  102: "stopped",
  103: "running",
  106: "starting",
  107: "stopping",
  109: "freezing",
  110: "frozen",
  111: "running",
  112: "error",
  113: "running",
};

const config = z.record(z.string(), z.string()).nullish();
const devices = z.record(z.string(), z.record(z.string(), z.string())).nullish();
const count = z.number().nullish();

const instanceShape = z.object({
  ...{ name: z.string(), status_code: z.number(), type: z.string().nullish(), project: z.string().nullish() },
  ...{ description: z.string().nullish(), created_at: z.string(), profiles: z.array(z.string()).nullish() },
  ...{ config, devices },
  state: z.unknown().optional(),
  snapshots: z.array(z.unknown()).nullish(),
});

const stateShape = z.object({
  ...{ status_code: z.number(), pid: count, processes: count },
  cpu: z.object({ usage: count }).nullish(),
  memory: z.object({ usage: count, usage_peak: count }).nullish(),
  disk: z.record(z.string(), z.object({ usage: count })).nullish(),
  network: z
    .record(
      z.string(),
      z.object({
        ...{ host_name: z.string().nullish(), hwaddr: z.string().nullish(), type: z.string().nullish() },
        counters: z.object({ bytes_received: count, bytes_sent: count }).nullish(),
        addresses: z
          .array(z.object({ family: z.enum(["inet", "inet6"]), address: z.string(), scope: z.string().nullish() }))
          .nullish(),
      }),
    )
    .nullish(),
});

const snapshotShape = z.object({ name: z.string(), created_at: z.string() });

export function instances(transport: Transport): Instances {
  const about = (name: string): About => ({ kind: "instance", name });
  const at = (name: string, below = "") => `/instances/${instanceName(name)}${below}`;
  const run = async (ask: Omit<Ask, "about">, name: string, options: TaskOptions = {}, kind?: About): Promise<void> => {
    await task(transport, { ...ask, ...options, about: kind ?? about(name) });
  };
  const look = async (path: string, name: string, query: Ask["query"] = {}): Promise<unknown> =>
    (await transport.ask({ path, query, about: about(name) })).metadata;
  const put = (name: string, action: string, options?: TaskOptions, more: object = {}) =>
    run(
      { method: "PUT", path: at(name, "/state"), json: { action, timeout: -1, force: false, ...more } },
      name,
      options,
    );
  const snap = (name: string, snapshot: string): About => ({
    ...{ kind: "snapshot", name: `${name}/${snapshot}`, instance: name },
  });

  const self: Instances = {
    async list() {
      const all = await look("/instances", "", { recursion: "1" });
      return checked(z.array(instanceShape), all, "a list of instances").map(asInstance);
    },
    async states() {
      const all = checked(z.array(instanceShape), await look("/instances", "", { recursion: "2" }), "instances");
      return all.map((one) => ({
        ...{ ...asInstance(one), snapshots: one.snapshots?.length ?? 0 },
        ...(one.state ? { state: asState(one.state) } : {}),
      }));
    },
    get: async (name) => asInstance(checked(instanceShape, await look(at(name), name), "an instance")),
    state: async (name) => asState(await look(at(name, "/state"), name)),
    create: async (spec, options) => {
      const kind = { ...about(spec.name), image: spec.image };
      await run({ method: "POST", path: "/instances", json: bodyOf(spec) }, spec.name, options, kind);
    },
    start: (name, options) => put(name, "start", options),
    async stop(name, { graceMs = STOP_GRACE_MS, ...options } = {}) {
      await gently(graceMs, (more) => put(name, "stop", options, more));
    },
    async restart(name, { graceMs = STOP_GRACE_MS, ...options } = {}) {
      await gently(graceMs, (more) => put(name, "restart", options, more));
    },
    freeze: (name, options) => put(name, "freeze", options),
    unfreeze: (name, options) => put(name, "unfreeze", options),
    async update(name, change) {
      // What a change does not say the engine keeps, but for the description, which it empties.
      const description = change.description ?? (await self.get(name)).description;
      await run({ method: "PATCH", path: at(name), json: { ...change, description } }, name);
    },
    rename: async (name, newName, options) =>
      run({ method: "POST", path: at(name), json: { name: instanceName(newName) } }, name, options),
    delete: async (name, options) => run({ method: "DELETE", path: at(name) }, name, options),
    async snapshots(name) {
      const all = await look(at(name, "/snapshots"), name, { recursion: "1" });
      return checked(z.array(snapshotShape), all, "snapshots").map((one) => ({
        name: one.name.slice(one.name.indexOf("/") + 1),
        createdAt: one.created_at,
      }));
    },
    async snapshot(name, snapshot, options) {
      const json = { name: plainName(snapshot), stateful: false };
      await run({ method: "POST", path: at(name, "/snapshots"), json }, name, options, snap(name, snapshot));
    },
    async restore(name, snapshot, options) {
      const json = { restore: plainName(snapshot) };
      await run({ method: "PUT", path: at(name), json }, name, options, snap(name, snapshot));
    },
    async deleteSnapshot(name, snapshot, options) {
      const path = at(name, `/snapshots/${plainName(snapshot)}`);
      await run({ method: "DELETE", path }, name, options, snap(name, snapshot));
    },
  };
  return self;
}

/** First as asked for, then by force: an init that ignores the request must not keep a host from its machine. */
async function gently(graceMs: number, put: (more: object) => Promise<void>): Promise<void> {
  if (graceMs > 0) {
    try {
      return await put({ timeout: Math.ceil(graceMs / 1000) });
    } catch (error) {
      if (!isFailure(error, "engine-failed") && !isFailure(error, "engine-bad-request")) throw error;
    }
  }
  await put({ force: true, timeout: 0 });
}

function bodyOf(spec: InstanceSpec): object {
  const type = spec.type ?? "container";
  return {
    ...{ name: instanceName(spec.name), type, description: spec.description ?? "" },
    ...{ config: spec.config ?? {}, devices: spec.devices ?? {}, profiles: spec.profiles ?? ["default"] },
    source: { type: "image", fingerprint: fingerprint(spec.image) },
  };
}

function asInstance(one: z.infer<typeof instanceShape>): Instance {
  const image = one.config?.["volatile.base_image"];
  return {
    ...{ name: one.name, project: one.project ?? "default", status: STATUS[one.status_code] ?? "unknown" },
    type: one.type === "virtual-machine" ? "virtual-machine" : "container",
    ...{ description: one.description ?? "", createdAt: one.created_at, ...(image ? { image } : {}) },
    ...{ profiles: one.profiles ?? [], config: one.config ?? {}, devices: one.devices ?? {} },
  };
}

function asState(value: unknown): InstanceState {
  const one = checked(stateShape, value, "the state of an instance");
  const disk = one.disk?.["root"]?.usage;
  const networks = Object.entries(one.network ?? {}).filter(([, network]) => network.type !== "loopback");
  return {
    ...{ status: STATUS[one.status_code] ?? "unknown", pid: Math.max(0, one.pid ?? 0) },
    // A stopped one has none, which the engine writes as -1.
    ...{ processes: Math.max(0, one.processes ?? 0), cpuNs: one.cpu?.usage ?? 0 },
    ...{ memoryBytes: one.memory?.usage ?? 0, memoryPeakBytes: one.memory?.usage_peak ?? 0 },
    ...(disk == null ? {} : { diskBytes: disk }),
    networks: networks.map(([name, network]) => ({
      ...{ name, hostName: network.host_name ?? "", mac: network.hwaddr ?? "" },
      addresses: (network.addresses ?? []).map((each) => ({ ...each, scope: each.scope ?? "" })),
      ...{ receivedBytes: network.counters?.bytes_received ?? 0, sentBytes: network.counters?.bytes_sent ?? 0 },
    })),
  };
}

/** What a container may take, in the engine's keys. A number that is no limit is refused: 0 would mean "no limit". */
export function limitConfig(limits: { cpus?: number; memoryBytes?: number; processes?: number }): Config {
  const config: Record<string, string> = {};
  for (const [field, value] of Object.entries(limits)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0) && field !== "cpus") throw bad(field);
  }
  if (limits.cpus !== undefined) {
    if (!(limits.cpus > 0)) throw bad("cpus");
    // A share of time, also for whole cores: pinning to some (`limits.cpu`) is not taken back at once when it ends.
    config["limits.cpu.allowance"] = `${Math.max(1, Math.round(limits.cpus * 100))}ms/100ms`;
  }
  if (limits.memoryBytes !== undefined) config["limits.memory"] = `${limits.memoryBytes}B`;
  if (limits.processes !== undefined) config["limits.processes"] = String(limits.processes);
  return config;
}

const bad = (field: string) => fail("engine-bad-request", { params: { said: `${field} must be more than 0` } });
