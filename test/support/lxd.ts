/**
 * A real container engine as a test partner: Debian's LXD, started without systemd in a folder of its own, inside
 * namespaces of its own (mounts, processes, network, cgroups). So two engines never see one another, both may have
 * the same bridges and subnets, and killing one process ends an engine with its containers, dnsmasq, mounts, bridges
 * and firewall rules, whether the test ends, crashes or is killed.
 *
 *   test ─► unshare ─► sh, process 1 in there ◄─ nsenter ─ lxd        (killed and started again at will)
 *                        ├─ dnsmasq                                   (both outlive lxd, as on any machine)
 *                        └─ [lxc monitor] ─ a container's init
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { atExit, temporaryFolder } from "./at-exit.ts";
import { needDebian } from "./debian.ts";
import { eventually, run, start } from "./process.ts";
import type { Owner, Running, RunResult } from "./process.ts";

const PACKAGES = ["lxd", "dnsmasq-base", "nftables", "btrfs-progs", "iproute2", "util-linux"] as const;
const ANSWERS_TIMEOUT_MS = 90_000;
const LXC_TIMEOUT_MS = 120_000;
const POLL_MS = 25;
const CGROUPS = "/sys/fs/cgroup";
/** Folders and cgroups are called comu-lxd-PID-…, so that those of a killed test can be recognised. */
const NAME = /^comu-lxd-(\d+)-/;

/** Puts this shell into the cgroup $1 of every hierarchy, of version 1 or 2. */
const ENTER = `
enter() {
  if [ -e ${CGROUPS}/cgroup.controllers ]; then
    mkdir -p ${CGROUPS}/$1/engine
    echo $$ > ${CGROUPS}/$1/engine/cgroup.procs
    return
  fi
  for one in ${CGROUPS}/*/; do
    [ -e "$one/cgroup.procs" ] || continue
    mkdir -p "$one/$1"
    if [ -e "$one/cpuset.cpus" ]; then
      cat "$one/cpuset.cpus" > "$one/$1/cpuset.cpus"
      cat "$one/cpuset.mems" > "$one/$1/cpuset.mems"
    fi
    echo $$ > "$one/$1/cgroup.procs"
  done
}
`;

/** $1 the cgroup's name, then a command line. */
const ENTER_AND_RUN = `${ENTER} enter "$1"; shift; exec "$@"`;

/** Process 1: mounts what belongs to its namespaces, says so, and reaps whatever is left to it. */
const INSIDE = `
set -eu
mount -t proc proc /proc
layout=v1
[ -e ${CGROUPS}/cgroup.controllers ] && layout=v2
known=$(cd ${CGROUPS} && for one in */cgroup.procs; do dirname "$one"; done)
mount -t sysfs sysfs /sys
if [ $layout = v2 ]; then
  mount -t cgroup2 cgroup2 ${CGROUPS}
else
  mount -t tmpfs -o size=1m cgroup ${CGROUPS}
  for one in $known; do
    mkdir "${CGROUPS}/$one"
    case $one in
      unified) mount -t cgroup2 cgroup2 "${CGROUPS}/$one" ;;
      systemd) mount -t cgroup -o none,name=systemd cgroup "${CGROUPS}/$one" ;;
      *) mount -t cgroup -o "$one" cgroup "${CGROUPS}/$one" ;;
    esac
  done
fi
ip link set lo up
echo "inside is ready"
sleep infinity &
wait
`;

/** $1 the cgroup's name, $2 the folder. Processes that were just killed hold their cgroups for some milliseconds. */
const REMOVE = `
tries=0
while [ $tries -lt 100 ]; do
  left=no
  for one in ${CGROUPS}/$1 ${CGROUPS}/*/$1; do
    [ -d "$one" ] || continue
    find "$one" -depth -type d -exec rmdir {} + 2>/dev/null
    if [ -d "$one" ]; then left=yes; fi
  done
  [ $left = no ] && break
  sleep 0.05
  tries=$((tries + 1))
done
rm -rf --one-file-system "$2"
`;

export interface LxdOptions {
  /** A network namespace (of `ip netns`) that it shall live in, such as a lab host's; by default a new one. */
  namespace?: string;
  /** The storage of the pool `default`: a btrfs in a file of `poolMib`, which has quotas, or a plain folder. */
  pool?: "btrfs" | "dir";
  poolMib?: number;
  /** The bridge `comubr0`, with its address. */
  address?: string;
  owner?: Owner;
}

export const BRIDGE = "comubr0";

let made = 0;

export class Lxd {
  readonly folder: string;
  readonly socket: string;
  private readonly inside: Running;
  private readonly insidePid: number;
  private daemon: Running | undefined;
  private readonly forget: () => void;

  constructor(folder: string, inside: Running, insidePid: number, forget: () => void) {
    this.folder = folder;
    this.socket = join(folder, "unix.socket");
    this.inside = inside;
    this.insidePid = insidePid;
    this.forget = forget;
  }

  /** A command line that runs there; `HOME` and the like are the test's. */
  command(words: readonly string[]): string[] {
    return ["nsenter", "--target", String(this.insidePid), "--all", "--", ...words];
  }

  /** The engine's own command line client. */
  async lxc(words: readonly string[], options: { input?: string; timeoutMs?: number } = {}): Promise<string> {
    const result = await this.tryLxc(words, options);
    if (result.code !== 0) throw new Error(`lxc ${words.join(" ")}: ${result.stderr}${result.stdout}`.slice(0, 4000));
    return result.stdout;
  }

  async tryLxc(words: readonly string[], options: { input?: string; timeoutMs?: number } = {}): Promise<RunResult> {
    const env = { LXD_DIR: this.folder, LXD_CONF: join(this.folder, "client") };
    return run(this.command(["lxc", ...words]), { timeoutMs: LXC_TIMEOUT_MS, ...options, env });
  }

  /** Starts the daemon and waits until it answers. */
  async start(): Promise<void> {
    const words = ["sh", "-c", ENTER_AND_RUN, "enter", basename(this.folder), ...this.command(["lxd"])];
    this.daemon = start(words, { name: "lxd", env: { LXD_DIR: this.folder } });
    const daemon = this.daemon;
    await eventually(
      "lxd answers",
      ANSWERS_TIMEOUT_MS,
      async () => {
        if (daemon.exit) throw new Error(`lxd ended: ${daemon.output()}`);
        return answers(this.socket);
      },
      POLL_MS,
    );
  }

  /** The daemon's process, as this machine counts. */
  get pid(): number {
    const nsenter = this.daemon?.pid;
    const child = Number(readFileSync(`/proc/${nsenter}/task/${nsenter}/children`, "utf8").trim().split(" ")[0]);
    if (!(child > 0)) throw new Error("lxd does not run");
    return child;
  }

  /** As a crash of the daemon alone: its containers go on. */
  async kill(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    await this.daemon?.exited;
  }

  output(): string {
    return this.daemon?.output() ?? "";
  }

  /** Ends all of it, and leaves nothing. */
  async stop(): Promise<void> {
    await this.inside.kill();
    await this.daemon?.kill();
    this.forget();
    remove(this.folder);
  }
}

/** Starts an engine with a pool, a bridge and a profile `default` that has both. Only root may. */
export async function startLxd(options: LxdOptions = {}): Promise<Lxd> {
  if (process.getuid?.() !== 0) throw new Error("an engine needs root: it makes namespaces and containers");
  await needDebian(PACKAGES);
  removeStale();
  made += 1;
  const folder = temporaryFolder(`lxd-${process.pid}-${made}`);
  const name = basename(folder);
  // Registered before the processes are, so that it runs after they are ended.
  const forget = atExit(() => remove(folder));
  const network = options.namespace === undefined ? ["--net"] : [];
  const namespaces = ["--mount", "--pid", "--ipc", "--uts", "--cgroup", ...network, "--fork", "--kill-child"];
  // Not `ip netns exec`: that hides the cgroups behind a /sys of its own.
  const into = options.namespace === undefined ? [] : ["nsenter", `--net=/run/netns/${options.namespace}`, "--"];
  const words = [...into, "sh", "-c", ENTER_AND_RUN, "enter", name, "unshare", ...namespaces, "sh", "-c", INSIDE];
  const inside = start(words, { name: "namespaces of lxd" });
  await inside.waitForLine(/inside is ready/);
  const children = readFileSync(`/proc/${inside.pid}/task/${inside.pid}/children`, "utf8");
  const lxd = new Lxd(folder, inside, Number(children.trim().split(" ")[0]), forget);
  options.owner?.after(() => lxd.stop());
  await lxd.start();
  await preseed(lxd, options);
  return lxd;
}

async function preseed(lxd: Lxd, options: LxdOptions): Promise<void> {
  const pool = options.pool ?? "btrfs";
  const seed = {
    storage_pools: [
      { name: "default", driver: pool, config: pool === "btrfs" ? { size: `${options.poolMib ?? 1024}MiB` } : {} },
    ],
    networks: [
      {
        name: BRIDGE,
        type: "bridge",
        config: { "ipv4.address": options.address ?? "10.99.0.1/24", "ipv4.nat": "true", "ipv6.address": "none" },
      },
    ],
    profiles: [
      {
        name: "default",
        devices: {
          root: { type: "disk", path: "/", pool: "default" },
          eth0: { type: "nic", name: "eth0", network: BRIDGE },
        },
      },
    ],
  };
  const words = lxd.command(["lxd", "init", "--preseed"]);
  const env = { LXD_DIR: lxd.folder, LXD_CONF: join(lxd.folder, "client") };
  const result = await run(words, { input: JSON.stringify(seed), env, timeoutMs: LXC_TIMEOUT_MS });
  if (result.code !== 0) throw new Error(`lxd init: ${result.stderr}${result.stdout}${lxd.output()}`.slice(0, 4000));
}

async function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: "/1.0", timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on("error", () => resolve(false));
    asked.on("timeout", () => asked.destroy());
    asked.end();
  });
}

function remove(folder: string): void {
  spawnSync("sh", ["-c", REMOVE, "remove", basename(folder), folder]);
}

/** What a test that was killed could not take away. */
function removeStale(): void {
  const folders = [CGROUPS, ...list(CGROUPS).map((one) => join(CGROUPS, one))];
  const stale = new Set(folders.flatMap(list).filter((name) => NAME.test(name) && !runs(Number(NAME.exec(name)![1]))));
  for (const name of stale) remove(join(tmpdir(), name));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const runs = (pid: number) => existsSync(`/proc/${pid}`);
