/**
 * A lab: hosts in network namespaces, grouped in zones, on this one machine. Each zone is a bridge with a subnet of
 * its own (10.77.N.0/24); a router joins the zones; links can be slowed with tbf and delayed with netem. Nothing of it
 * is seen in the machine's own network, so several labs can run at the same time with the same addresses.
 *
 *   host a1 ─┐                                             ┌─ host b1
 *   host a2 ─┴─ bridge of zone a ─── router ─── bridge of zone b ─┴─ host b2        (each ─ is a veth pair)
 *
 * It is built and removed with synchronous commands on purpose: an interrupt then never finds it half built.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { atExit } from "../support/at-exit.ts";
import { run, runOk, start } from "../support/process.ts";
import type { Owner, Running, RunResult, StartOptions } from "../support/process.ts";

export const ZONES_MAX = 50;
export const HOSTS_PER_ZONE_MAX = 200;
const IP_COMMAND_TIMEOUT_MS = 10_000;
/** Namespaces are called comu-PID-LAB-HOST, so that one whose process is gone can be recognised. */
const NAMESPACE = /^comu-(\d+)-/;
const NAMESPACES_FOLDER = "/run/netns";
/** How long tbf keeps a packet in its queue before it drops it. */
const TBF_QUEUE_MS = 200;
const TBF_BURST_BYTES_MIN = 16_384;

/** How a link is slowed, in each direction. */
export interface LinkShape {
  rateMbit?: number;
  /** Needs netem, which some kernels lack: see `netemAvailable`. */
  delayMs?: number;
  /** Needs netem too. */
  lossPercent?: number;
}

export interface HostPlan {
  name: string;
  zone: string;
  link?: LinkShape;
}

export interface LabPlan {
  hosts: readonly HostPlan[];
  /** The link between a zone and the router, by zone. */
  uplinks?: Readonly<Record<string, LinkShape>>;
}

interface Zone {
  name: string;
  /** The third number of its addresses. */
  number: number;
  bridge: string;
  /** The router's interface in this zone. */
  routerSide: string;
  hosts: number;
}

export class Host {
  readonly name: string;
  readonly zone: string;
  readonly namespace: string;
  readonly address: string;
  /** The other end of its link, in the backbone. */
  readonly plug: string;

  constructor(name: string, zone: string, namespace: string, address: string, plug: string) {
    this.name = name;
    this.zone = zone;
    this.namespace = namespace;
    this.address = address;
    this.plug = plug;
  }

  start(command: readonly string[], options: StartOptions = {}): Running {
    return start(command, { name: `${this.name}: ${command[0]}`, ...options, namespace: this.namespace });
  }

  async run(command: readonly string[], options: StartOptions & { timeoutMs?: number } = {}): Promise<RunResult> {
    return run(command, { ...options, namespace: this.namespace });
  }

  /** As `run`; an exit code other than 0 is an error. Gives the standard output. */
  async runOk(command: readonly string[], options: StartOptions & { timeoutMs?: number } = {}): Promise<string> {
    return runOk(command, { ...options, namespace: this.namespace });
  }
}

let labsMade = 0;

export class Lab {
  private readonly prefix: string;
  private readonly backbone: string;
  private readonly router: string;
  private readonly zones = new Map<string, Zone>();
  private readonly hostsByName = new Map<string, Host>();
  private readonly cuts = new Set<string>();
  private forget: (() => void) | undefined;

  constructor(plan: LabPlan) {
    if (process.getuid?.() !== 0) throw new Error("a lab needs root: it makes network namespaces");
    check(plan);
    removeStaleNamespaces();
    labsMade += 1;
    this.prefix = `comu-${process.pid}-${labsMade}`;
    this.backbone = `${this.prefix}-backbone`;
    this.router = `${this.prefix}-router`;
    this.forget = atExit(() => this.remove());
    try {
      for (const name of [this.backbone, this.router]) addNamespace(name);
      ip("netns", "exec", this.router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
      for (const host of plan.hosts) this.addHost(host, plan.uplinks ?? {});
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  get hosts(): Host[] {
    return [...this.hostsByName.values()];
  }

  host(name: string): Host {
    const host = this.hostsByName.get(name);
    if (!host) throw new Error(`the lab has no host ${name}`);
    return host;
  }

  /** Slows a host's link in both directions, in place of what was set before; an empty shape frees it. */
  shape(host: Host, shape: LinkShape): void {
    shapeLink(host.namespace, "eth0", shape);
    shapeLink(this.backbone, host.plug, shape);
  }

  /** The router drops what goes between the two zones, silently, both ways. */
  cut(zoneA: string, zoneB: string): void {
    this.cutOneWay(zoneA, zoneB);
    this.cutOneWay(zoneB, zoneA);
  }

  /** Drops only what goes from the first zone to the second. */
  cutOneWay(from: string, to: string): void {
    const key = `${from} ${to}`;
    if (this.cuts.has(key)) return;
    this.cuts.add(key);
    this.blackhole("add", from, to);
  }

  /** Undoes all cuts between the two, also those of one way. */
  heal(zoneA: string, zoneB: string): void {
    for (const [from, to] of [
      [zoneA, zoneB],
      [zoneB, zoneA],
    ] as const) {
      if (this.cuts.delete(`${from} ${to}`)) this.blackhole("del", from, to);
    }
  }

  /** Power cut: the link falls silent first, so that no closing packet gets out, then all its processes are killed. */
  killHost(host: Host): void {
    this.unplug(host);
    killAllIn(host.namespace);
  }

  unplug(host: Host): void {
    ip("-n", this.backbone, "link", "set", host.plug, "down");
  }

  plugIn(host: Host): void {
    ip("-n", this.backbone, "link", "set", host.plug, "up");
  }

  /** Kills what still runs in the lab and removes it. Safe to call twice. */
  remove(): void {
    this.forget?.();
    this.forget = undefined;
    for (const name of namespaces()) {
      if (name.startsWith(`${this.prefix}-`)) removeNamespace(name);
    }
  }

  private addHost(plan: HostPlan, uplinks: Readonly<Record<string, LinkShape>>): void {
    const zone = this.zones.get(plan.zone) ?? this.addZone(plan.zone, uplinks[plan.zone] ?? {});
    zone.hosts += 1;
    const address = `10.77.${zone.number}.${10 + zone.hosts}`;
    const host = new Host(plan.name, zone.name, `${this.prefix}-${plan.name}`, address, `h-${plan.name}`);
    addNamespace(host.namespace);
    this.wire(host.plug, zone.bridge, host.namespace, "eth0", address);
    ip("-n", host.namespace, "route", "add", "default", "via", `10.77.${zone.number}.1`);
    ip("-n", host.namespace, "route", "add", "224.0.0.0/4", "dev", "eth0");
    this.hostsByName.set(host.name, host);
    if (plan.link) this.shape(host, plan.link);
  }

  private addZone(name: string, uplink: LinkShape): Zone {
    const number = this.zones.size + 1;
    const zone: Zone = { name, number, bridge: `zone${number}`, routerSide: `to-zone${number}`, hosts: 0 };
    // Without snooping the bridge floods multicast, as a plain switch does, so that mDNS is heard.
    ip("-n", this.backbone, "link", "add", zone.bridge, "type", "bridge", "mcast_snooping", "0");
    ip("-n", this.backbone, "link", "set", zone.bridge, "up");
    this.wire(`uplink${number}`, zone.bridge, this.router, zone.routerSide, `10.77.${number}.1`);
    shapeLink(this.router, zone.routerSide, uplink);
    shapeLink(this.backbone, `uplink${number}`, uplink);
    this.zones.set(name, zone);
    return zone;
  }

  /** A veth pair: `plug` on a bridge of the backbone, `name` with an address in the other namespace. */
  private wire(plug: string, bridge: string, namespace: string, name: string, address: string): void {
    ip("-n", this.backbone, "link", "add", plug, "type", "veth", "peer", "name", name, "netns", namespace);
    ip("-n", this.backbone, "link", "set", plug, "master", bridge, "up");
    ip("-n", namespace, "address", "add", `${address}/24`, "broadcast", "+", "dev", name);
    ip("-n", namespace, "link", "set", name, "up");
  }

  /** A rule of the routing policy needs no packet filter to be installed. */
  private blackhole(action: "add" | "del", from: string, to: string): void {
    const [a, b] = [this.zone(from), this.zone(to)];
    ip("-n", this.router, "rule", action, "iif", a.routerSide, "to", `10.77.${b.number}.0/24`, "blackhole");
  }

  private zone(name: string): Zone {
    const zone = this.zones.get(name);
    if (!zone) throw new Error(`the lab has no zone ${name}`);
    return zone;
  }
}

/** Builds a lab; with an owner (a test's context) it is removed when that ends. */
export function createLab(plan: LabPlan, owner?: Owner): Lab {
  const lab = new Lab(plan);
  owner?.after(() => lab.remove());
  return lab;
}

function check(plan: LabPlan): void {
  const names = new Set<string>();
  const hostsInZone = new Map<string, number>();
  for (const { name, zone } of plan.hosts) {
    if (names.has(name)) throw new Error(`two hosts called ${name}`);
    // An interface name has at most 15 characters, and the plug's has two more than the host's.
    if (!/^[a-z][a-z0-9]{0,11}$/.test(name)) throw new Error(`host name ${name}: up to 12 of a-z0-9`);
    names.add(name);
    const hosts = (hostsInZone.get(zone) ?? 0) + 1;
    if (hosts > HOSTS_PER_ZONE_MAX) throw new Error(`zone ${zone} is full (${HOSTS_PER_ZONE_MAX})`);
    hostsInZone.set(zone, hosts);
  }
  if (hostsInZone.size > ZONES_MAX) throw new Error(`over ${ZONES_MAX} zones`);
}

/** Whether the kernel can delay and lose packets; tried on a throw-away namespace. */
export function netemAvailable(): boolean {
  const name = `comu-${process.pid}-0-netem`;
  addNamespace(name);
  try {
    return command("tc", "-n", name, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms").status === 0;
  } finally {
    removeNamespace(name);
  }
}

/** Namespaces of labs whose process was killed before it could remove them. */
export function removeStaleNamespaces(): string[] {
  const stale = namespaces().filter((name) => {
    const pid = name.match(NAMESPACE)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  for (const name of stale) removeNamespace(name);
  return stale;
}

function namespaces(): string[] {
  return existsSync(NAMESPACES_FOLDER) ? readdirSync(NAMESPACES_FOLDER) : [];
}

function addNamespace(name: string): void {
  ip("netns", "add", name);
  ip("-n", name, "link", "set", "lo", "up");
}

function removeNamespace(name: string): void {
  killAllIn(name);
  // Another test process may be removing the same stale one.
  command("ip", "netns", "delete", name);
}

/** Only processes inside a namespace of a lab, each by its id. */
function killAllIn(namespace: string): void {
  for (const pid of command("ip", "netns", "pids", namespace).stdout.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // Ended by itself meanwhile.
    }
  }
}

function shapeLink(namespace: string, device: string, shape: LinkShape): void {
  command("tc", "-n", namespace, "qdisc", "del", "dev", device, "root");
  const netem = [];
  if (shape.delayMs) netem.push("delay", `${shape.delayMs}ms`);
  if (shape.lossPercent) netem.push("loss", `${shape.lossPercent}%`);
  let parent = ["root"];
  if (netem.length > 0) {
    tc("-n", namespace, "qdisc", "add", "dev", device, ...parent, "handle", "1:", "netem", ...netem);
    parent = ["parent", "1:1"];
  }
  if (shape.rateMbit) {
    // tbf needs room for what the rate brings in one timer tick (4 ms at 250 Hz), else it cannot reach the rate.
    const burstBytes = Math.max(TBF_BURST_BYTES_MIN, Math.ceil((shape.rateMbit * 1e6 * 0.004) / 8));
    const limits = ["rate", `${shape.rateMbit}mbit`, "burst", String(burstBytes), "latency", `${TBF_QUEUE_MS}ms`];
    tc("-n", namespace, "qdisc", "add", "dev", device, ...parent, "tbf", ...limits);
  }
}

function ip(...args: string[]): void {
  succeed("ip", args);
}

function tc(...args: string[]): void {
  succeed("tc", args);
}

function succeed(program: string, args: string[]): void {
  const { status, stderr } = command(program, ...args);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr.trim() || `exit ${status}`}`);
}

function command(program: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const done = spawnSync(program, args, { encoding: "utf8", timeout: IP_COMMAND_TIMEOUT_MS });
  if (done.error) throw new Error(`${program} ${args.join(" ")}`, { cause: done.error });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}
