/**
 * The container engine of this box: Incus or LXD, which speak one REST API over a Unix socket. This is the whole of
 * what the rest of the program sees of it. Nothing is opened, kept or remembered between calls: the engine may come,
 * go and be started again at any time, and each call says with a code what it met.
 *
 *   const engine = openEngine({ clock, random, env: process.env });
 *   const print = await engine.images.import(createReadStream("debian.tar.gz"));
 *   await engine.instances.create({ name: "c1", image: print, config: limitConfig({ memoryBytes: 2 ** 28 }) });
 *   await engine.instances.start("c1");
 *   const { exitCode, stdout } = await engine.commands.run("c1", ["cat", "/etc/hostname"]);
 */
import { z } from "zod";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { checked } from "./answers.ts";
import { networks, pools, profiles, projects } from "./collections.ts";
import type { Networks, Pools, Profiles, Projects } from "./collections.ts";
import { commands } from "./commands.ts";
import type { Commands } from "./commands.ts";
import { fail } from "./errors.ts";
import { watchEvents } from "./events.ts";
import type { EventsHearer, Watch } from "./events.ts";
import { idRanges } from "./id-ranges.ts";
import { images } from "./images.ts";
import type { Images } from "./images.ts";
import { insideFiles } from "./inside-files.ts";
import type { InsideFiles } from "./inside-files.ts";
import { insideTree } from "./inside-tree.ts";
import type { InsideTree } from "./inside-tree.ts";
import { instances } from "./instances.ts";
import type { Instances, InstanceType } from "./instances.ts";
import { plainName } from "./names.ts";
import { engineSockets, findEngineSocket } from "./sockets.ts";
import { ENGINE_LIMITS, createTransport } from "./transport.ts";
import type { EngineLimits, Transport } from "./transport.ts";

export interface EngineOptions {
  clock: Clock;
  random: Random;
  /** The engine's socket; else the variables of `env`, else the usual places. */
  socket?: string;
  env?: Readonly<Record<string, string | undefined>>;
  limits?: Partial<EngineLimits>;
}

export interface EngineInfo {
  product: "incus" | "lxd";
  version: string;
  /** Whether this account may change things there. */
  trusted: boolean;
  /** The engine's words, such as `x86_64`. */
  architectures: readonly string[];
  /** Storage that a pool may use here. */
  storageDrivers: readonly string[];
  /** What it can run, and the engine's sentence why not. */
  can: Readonly<Record<InstanceType, { possible: true } | { possible: false; why: string }>>;
  /** What it has beyond the first version of the API. */
  extensions: ReadonlySet<string>;
  /** Containers that can have ids of their own, all that the engine has together; undefined: nobody says. */
  idRanges: number | undefined;
  /** Of the host, as it says. */
  kernel: string;
  cpus: number;
  memoryBytes: number;
}

export interface Engine {
  info(): Promise<EngineInfo>;
  readonly instances: Instances;
  readonly images: Images;
  readonly commands: Commands;
  readonly files: InsideFiles;
  /** The same files as a tree, with sizes, and written in pieces. */
  readonly tree: InsideTree;
  readonly networks: Networks;
  readonly profiles: Profiles;
  readonly pools: Pools;
  readonly projects: Projects;
  watch(hearer: EventsHearer): Watch;
  /** The same engine, where all names are those of this project. */
  inProject(name: string): Engine;
}

const infoShape = z.object({
  ...{ auth: z.string(), api_extensions: z.array(z.string()).nullish() },
  environment: z.object({
    ...{ server: z.string(), server_version: z.string(), driver: z.string().nullish() },
    ...{ architectures: z.array(z.string()).nullish(), kernel_version: z.string().nullish() },
    storage_supported_drivers: z.array(z.object({ Name: z.string() })).nullish(),
  }),
});
const warningShape = z.object({ type: z.string(), last_message: z.string().nullish() });
const resourcesShape = z.object({ cpu: z.object({ total: z.number() }), memory: z.object({ total: z.number() }) });

/** Opens nothing yet. */
export function openEngine(options: EngineOptions): Engine {
  const limits = { ...ENGINE_LIMITS, ...options.limits };
  const counts = { requests: 0, sockets: 0 };
  const socketPath = () => {
    const path = options.socket ?? findEngineSocket(options.env ?? {});
    if (path === undefined) throw missing(options);
    return path;
  };
  const make = (project: string | undefined): Engine => {
    const transport = createTransport({ clock: options.clock, socketPath, project, limits }, counts);
    return {
      info: () => infoOf(transport, socketPath),
      ...{ instances: instances(transport), images: images(transport), commands: commands(transport) },
      ...{
        files: insideFiles(transport),
        tree: insideTree(transport),
        networks: networks(transport),
        profiles: profiles(transport),
      },
      ...{ pools: pools(transport), projects: projects(transport) },
      watch: (hearer) => watchEvents(transport, options.random, hearer),
      inProject: (name) => make(plainName(name)),
    };
  };
  return make(undefined);
}

const missing = (options: EngineOptions) =>
  fail("engine-missing", { params: { paths: engineSockets(options.env ?? {}).join(", ") } });

async function infoOf(transport: Transport, socketPath: () => string): Promise<EngineInfo> {
  const about = { kind: "operation", name: "info" } as const;
  const server = checked(infoShape, (await transport.ask({ path: "", about })).metadata, "an engine");
  const { environment } = server;
  const trusted = server.auth === "trusted";
  const product = environment.server === "incus" ? "incus" : environment.server === "lxd" ? "lxd" : undefined;
  if (product === undefined) throw fail("engine-garbled", { params: { what: "an engine" } });
  const drivers = new Set((environment.driver ?? "").split(/[ |]+/));
  const resources = trusted ? (await transport.ask({ path: "/resources", about })).metadata : undefined;
  const host = resources ? checked(resourcesShape, resources, "the host's resources") : undefined;
  const unable = async (driver: string) =>
    drivers.has(driver) ? ({ possible: true } as const) : ({ possible: false, why: await why(transport) } as const);
  return {
    ...{ product, version: environment.server_version, trusted, architectures: environment.architectures ?? [] },
    // A snap has files of its own for that.
    idRanges: socketPath().includes("/snap/") ? undefined : await idRanges(),
    storageDrivers: (environment.storage_supported_drivers ?? []).map((one) => one.Name),
    can: { container: await unable("lxc"), "virtual-machine": await unable("qemu") },
    extensions: new Set(server.api_extensions ?? []),
    ...{ kernel: environment.kernel_version ?? "", cpus: host?.cpu.total ?? 0, memoryBytes: host?.memory.total ?? 0 },
  };
}

/** The engine says it in a warning only. */
async function why(transport: Transport): Promise<string> {
  const about = { kind: "operation", name: "warnings" } as const;
  const { metadata } = await transport.ask({ path: "/warnings", query: { recursion: "1" }, about });
  const all = z.array(warningShape).safeParse(metadata);
  // It does not name the type; where two are missing, the sentence may be the other's.
  return all.data?.find((one) => /instance type not operational/i.test(one.type))?.last_message ?? "";
}
