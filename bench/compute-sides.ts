/**
 * The two sides of `bench:compute`, which share one real engine: ours, a home box that asks and a host box that lends,
 * and the engine's own `lxc`. Both make containers of the same image with the same limits.
 */
import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import { limitConfig } from "../src/platform/engine/instances.ts";
import { SLIVER_PROCESSES_MAX } from "../src/services/compute/constants.ts";
import { temporaryFolder } from "../test/support/at-exit.ts";
import { startBox } from "../test/support/box.ts";
import type { Box } from "../test/support/box.ts";
import { createLab } from "../test/lab/lab.ts";
import { needDebian } from "../test/support/debian.ts";
import { BRIDGE, startLxd } from "../test/support/lxd.ts";
import type { Lxd } from "../test/support/lxd.ts";
import { eventually, runOk } from "../test/support/process.ts";

const POOL_MIB = 12_288;
const LENT = ["--cores", "200", "--memory", "64GiB", "--disk", "64GiB", "--slivers", "150", "--to", "community"];
const PROFILE = "bench";
const NETWORK_PACKAGES = ["wireguard-tools", "wireguard-go", "nftables", "iproute2"] as const;
/** Not the boxes' own network. */
const BRIDGE_ADDRESS = "192.168.99.1/24";
const READY_TIMEOUT_MS = 60_000;
const LAUNCH_TRIES = 10;
const COMMAND_TIMEOUT_MS = 300_000;

export interface ImageOf {
  name: "tiny" | "debian";
  file: string;
  memory: string;
  disk: string;
}

/** One way to use computers: each resolves when the slivers stand as asked for. */
export interface Side {
  launch(name: string, image: ImageOf): Promise<void>;
  launchMany(name: string, image: ImageOf, count: number): Promise<void>;
  stop(name: string): Promise<void>;
  start(name: string): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface Stage {
  lxd: Lxd;
  home: Box;
  host: Box;
  ours: Side & { launchByHttp(name: string, image: ImageOf): Promise<void> };
  lxc: Side;
  /** Gives both sides an image, and lets both unpack it once. */
  bring(image: ImageOf): Promise<void>;
}

/**
 * An engine, and two boxes of one community with the intervals that real ones have, each in a network of its own. Both
 * sides' containers have a network: ours that of their slice, those of `lxc` the engine's bridge, as `lxd init` gives.
 */
export async function startStage(): Promise<Stage> {
  await needDebian(NETWORK_PACKAGES);
  const lab = createLab({ hosts: ["casa", "forn"].map((name) => ({ name, zone: name })) });
  const at = (name: string) => {
    const { namespace, address: bind } = lab.host(name);
    return { namespace, bind };
  };
  const lxd = await startLxd({ poolMib: POOL_MIB, namespace: at("forn").namespace, address: BRIDGE_ADDRESS });
  const env = { COMU_PROFILE: "" };
  const community = { owner: "Anna", newCommunity: "Barri", env: { ...env, ...noEngine() } };
  const home = await startBox({ name: "Casa", ...community, ...at("casa") });
  const { code } = await home.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 1 } });
  const joining = { owner: "Biel", join: code, env: { ...env, LXD_DIR: lxd.folder } };
  const host = await startBox({ name: "Forn", ...joining, ...at("forn") });
  await home.cli(["files", "give", "4GiB", "--json"]);
  const { network } = await host.cli<{ network: { state: string } }>(["compute", "lend", ...LENT, "--json"]);
  if (network.state !== "ready") throw new Error(`slivers have no network: ${JSON.stringify(network)}`);
  // Its effort is small: it lends little of what this machine has.
  await host.api("/settings", { method: "PATCH", body: { values: { compute: { lendFirst: "arrival" } } } });
  await eventually("an offer", READY_TIMEOUT_MS, async () => {
    const offers = await home.cli<{ fits: number }[]>(["compute", "offers", "--memory", "64MiB", "--json"]);
    return offers.some(({ fits }) => fits > 0);
  });
  await lxcOf(lxd, ["profile", "create", PROFILE]);
  const device = (...words: string[]) => lxcOf(lxd, ["profile", "device", "add", PROFILE, ...words]);
  await device("root", "disk", "path=/", "pool=default");
  await device("eth0", "nic", `network=${BRIDGE}`, "name=eth0");
  const stage = { lxd, home, host, ours: oursOf(home), lxc: engineSide(lxd) };
  return { ...stage, bring: (image) => bring(stage, image) };
}

/** This machine may have an engine of its own. */
const noEngine = () => ({ LXD_DIR: temporaryFolder("no-engine") });

async function bring({ lxd, home, ours, lxc }: Omit<Stage, "bring">, image: ImageOf): Promise<void> {
  const copy = join(temporaryFolder("image"), `${image.name}.tar.gz`);
  copyFileSync(image.file, copy);
  await home.cli(["files", "put", copy, `/${basename(copy)}`, "--json"]);
  await home.cli(["compute", "images", "add", image.name, `/${basename(copy)}`, "--json"]);
  await lxcOf(lxd, ["image", "import", copy, "--alias", image.name]);
  for (const side of [ours, lxc]) {
    await side.launch(`first-${image.name}`, image);
    await side.delete(`first-${image.name}`);
  }
}

/** Not inside the engine's namespaces: it speaks with the engine's socket only. */
async function lxcOf(lxd: Lxd, words: readonly string[]): Promise<string> {
  const env = { LXD_DIR: lxd.folder, LXD_CONF: join(lxd.folder, "client") };
  return runOk(["lxc", ...words], { env, timeoutMs: COMMAND_TIMEOUT_MS, input: "" });
}

function engineSide(lxd: Lxd): Side {
  const launch = async (name: string, image: ImageOf) => {
    const config = {
      ...limitConfig({ cpus: 1, memoryBytes: mibOf(image.memory) * 2 ** 20, processes: SLIVER_PROCESSES_MAX }),
      "security.idmap.isolated": "true",
    };
    const options = Object.entries(config).flatMap(([key, value]) => (value === "" ? [] : ["-c", `${key}=${value}`]));
    const disk = ["-d", `root,size=${image.disk}`];
    await lxcOf(lxd, ["launch", image.name, name, "-p", PROFILE, ...options, ...disk]);
  };
  const surely = async (name: string, image: ImageOf) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await launch(name, image);
      } catch (error) {
        // Of those made side by side LXD 5.0 gives one or the other ids that are not the host's: it never starts.
        if (attempt === LAUNCH_TRIES) throw error;
        await eventually(`${name} can be deleted`, READY_TIMEOUT_MS, async () => {
          await lxcOf(lxd, ["delete", "--force", name]);
          return true;
        });
      }
    }
  };
  return {
    launch,
    async launchMany(name, image, count) {
      await Promise.all(Array.from({ length: count }, (_, at) => surely(`${name}-${at}`, image)));
    },
    stop: async (name) => void (await lxcOf(lxd, ["stop", name])),
    start: async (name) => void (await lxcOf(lxd, ["start", name])),
    delete: async (name) => void (await lxcOf(lxd, ["delete", "--force", name])),
  };
}

function oursOf(home: Box): Stage["ours"] {
  const sizes = ({ memory, disk }: ImageOf) => ({ memory, disk });
  const isReady = (slice: { running: number; wanted: number }, name: string) => {
    if (slice.running !== slice.wanted) throw new Error(`${name}: ${slice.running} of ${slice.wanted} run`);
  };
  const launchMany = async (name: string, image: ImageOf, count: number) => {
    const { memory, disk } = sizes(image);
    const words = ["compute", "launch", name, image.name, "--memory", memory, "--disk", disk];
    isReady(await home.cli([...words, "--slivers", String(count), "--apart", "none", "--json"]), name);
  };
  return {
    launchMany,
    launch: (name, image) => launchMany(name, image, 1),
    async launchByHttp(name, image) {
      const body = { name, image: image.name, slivers: 1, ...sizes(image) };
      isReady(await home.api("/compute/slices", { method: "POST", body }), name);
    },
    stop: async (name) => void (await home.cli(["compute", "stop", name, "--json"])),
    start: async (name) => void (await home.cli(["compute", "start", name, "--json"])),
    delete: async (name) => void (await home.cli(["compute", "delete", name, "--yes", "--json"])),
  };
}

const mibOf = (size: string) => Number(/^(\d+)MiB$/.exec(size)![1]);
