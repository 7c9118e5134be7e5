/**
 * The network of the slivers on this host: the firewall first, then the tunnel to other hosts, then the cables of the
 * slivers. It is brought to what the books say again and again; what is there and should not be goes away. Where the
 * machine cannot do it, slivers run without a network, and it says why.
 *
 *   poke, every LOOK_MS ──► plan ──► rules (one transaction) ──► tunnel, peers, routes ──► forwarding ──► names
 *                             │ nothing lent, nothing runs
 *                             └──► tunnel and rules are taken away
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { hostPort } from "../../../platform/addresses.ts";
import type { Config } from "../../../platform/engine/instances.ts";
import { TUNNEL_MTU } from "../../../platform/network/constants.ts";
import { forward4, forward6, uplinks } from "../../../platform/network/forwarding.ts";
import { hostNameServers } from "../../../platform/network/name-servers.ts";
import { applyRules, loadRules, removeRules } from "../../../platform/network/rules.ts";
import { watchTable } from "../../../platform/network/rules-watch.ts";
import { applyTunnel, openTunnelKey, removeTunnel } from "../../../platform/network/tunnel.ts";
import type { TunnelKey } from "../../../platform/network/tunnel.ts";
import { tunnelDevice } from "../../../protocols/compute/addresses.ts";
import type { Sha256 } from "../../../protocols/compute/addresses.ts";
import { planNetwork } from "../../../protocols/compute/network.ts";
import type { NetworkPlan } from "../../../protocols/compute/network.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { LOOK_MS } from "../constants.ts";
import type { Books } from "./books.ts";
import type { GuestNames } from "./guest-names.ts";
import type { NetworkBooks } from "./network-books.ts";
import { rulesOf } from "./network-rules.ts";

/** The interface in a sliver: no image has settings for this name. */
export const GUEST_DEVICE = "comu0";

export interface NetworkNeeds {
  clock: Clock;
  log: Log;
  sha256: Sha256;
  books: Books;
  told: NetworkBooks;
  mesh: Pick<MeshClient, "selfId" | "boxes" | "box">;
  /** What a host announced; undefined where it has no tunnel. */
  announcedBy: (box: string) => { key: string; port: number } | undefined;
  /** Tells the community where this host's end is; undefined: nowhere any more. */
  announce: (end: { key: string; port: number } | undefined) => void;
  /** Something is lent or runs. */
  isUsed: () => boolean;
  /** UDP, of the tunnel. */
  port: () => number;
  /** Whether the engine has this interface, so that both are on the same network. */
  engineSees: (device: string) => Promise<boolean>;
  /** The engine's name of a sliver that runs. */
  instanceOf: (sliver: string) => string | undefined;
  writeNames: (all: readonly GuestNames[]) => Promise<void>;
  /** Of this service, for key and rules. */
  folder: string;
  changed: () => void;
}

export type NetworkState =
  | { state: "off" | "ready" }
  /** A program is missing, the account may not, the engine is in another network, or the system did not take it. */
  | { state: "missing" | "not-allowed" | "elsewhere" | "failed"; lacks: string };

/** Of the machine: looked for every LOOK_MS, not for each sliver; an engine that is elsewhere stays there. */
const LACKING: ReadonlySet<NetworkState["state"]> = new Set(["missing", "not-allowed", "elsewhere"]);

export class SliverNetwork {
  readonly #needs: NetworkNeeds;
  readonly #device: string;
  readonly #table: string;
  readonly #endpoints = new Map<string, string>();
  #key: TunnelKey | undefined;
  #state: NetworkState = { state: "off" };
  #isSeen = false;
  #isStopped = true;
  /** The plan that stands, and what of it the system was given: to look whether that is so takes many programs. */
  #applied = "";
  #given: { rules?: string; tunnel?: string } = {};
  #isLookDue = true;
  #cancel: Cancel = () => {};
  /** Undefined while nobody listens. */
  #unwatch: Cancel | undefined;
  #working: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(needs: NetworkNeeds) {
    this.#needs = needs;
    this.#device = tunnelDevice(needs.sha256, needs.mesh.selfId);
    this.#table = `comu_slivers_${this.#device}`;
  }

  get state(): NetworkState {
    return this.#state;
  }

  start(): void {
    this.#isStopped = false;
    this.#cancel = this.#needs.clock.every(LOOK_MS, () => void this.apply());
    void this.apply();
  }

  /** The network stays: slivers go on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#working;
    this.#watch(false);
  }

  /** Looks at all of it. Resolves when it is as the books said when it was called, or could not be made so. */
  apply(): Promise<void> {
    this.#isLookDue = true;
    return this.#follow();
  }

  /** The books have changed, or what others announced: only what is new is done. */
  changed(): void {
    if (!LACKING.has(this.#state.state)) void this.#follow();
  }

  #follow(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    if (!this.#working) return (this.#working = this.#once().finally(() => (this.#working = undefined)));
    this.#next ??= this.#working.then(() => {
      this.#next = undefined;
      return this.#follow();
    });
    return this.#next;
  }

  /**
   * The engine's device for a sliver that is about to be made: what it needs is begun, and stands when `nicOf` says so.
   * Undefined where this machine can give none. Throws what may be better in a moment.
   */
  async deviceOf(sliver: string): Promise<Config | undefined> {
    const standing = this.#standing();
    // Whatever is wrong is told when it is started.
    standing.catch(() => {});
    if (this.#state.state !== "ready") await standing;
    return this.#deviceFor(sliver);
  }

  /** As `deviceOf`, of one that is about to be started: the firewall for it stands. */
  async nicOf(sliver: string): Promise<Config | undefined> {
    await this.#standing();
    return this.#deviceFor(sliver);
  }

  /** Resolves when all is as the books say, or could not be made so. */
  async #standing(): Promise<void> {
    if (LACKING.has(this.#state.state)) return;
    await this.#working;
    if (this.#state.state !== "ready" || JSON.stringify(this.#plan()) !== this.#applied) await this.#follow();
  }

  #deviceFor(sliver: string): Config | undefined {
    if (this.#state.state === "failed") throw new Error(`the network of slivers: ${this.#state.lacks}`);
    if (this.#state.state !== "ready") return undefined;
    const planned = this.#plan().slivers.find((one) => one.sliver === sliver);
    if (!planned) return undefined;
    return {
      ...{ type: "nic", nictype: "routed", name: GUEST_DEVICE, host_name: planned.device, mtu: String(TUNNEL_MTU) },
      ...{ "ipv6.address": planned.address, ...(planned.address4 && { "ipv4.address": planned.address4 }) },
    };
  }

  /** Its cable is there now: what could not be said of it before. */
  async attached(sliver: string): Promise<void> {
    const plan = this.#plan();
    if (this.#state.state === "ready" && plan.slivers.some((one) => one.sliver === sliver)) await this.#forward(plan);
  }

  async #once(): Promise<void> {
    const before = JSON.stringify(this.#state);
    try {
      this.#state = await this.#put();
    } catch (error) {
      this.#applied = "";
      if (this.#isStopped) return;
      this.#state = stateOf(error);
      if (JSON.stringify(this.#state) !== before) this.#needs.log.warn("slivers have no network", { error });
      // Rules for nobody; where one has its cable still, they stay around it.
      const { books, instanceOf } = this.#needs;
      const isFree = books.all().every(({ sliver }) => instanceOf(sliver) === undefined);
      if (isFree && LACKING.has(this.#state.state)) await this.#clear().catch(() => {});
    }
    const { announce, port, changed, log } = this.#needs;
    try {
      if (this.#state.state === "ready") announce({ key: this.#key!.public, port: port() });
      // What failed once may stand all the same.
      else if (this.#state.state !== "failed") announce(undefined);
    } catch (error) {
      log.info("the tunnel could not be announced", { error });
    }
    if (JSON.stringify(this.#state) !== before) changed();
  }

  async #put(): Promise<NetworkState> {
    const { isUsed, folder, told, books } = this.#needs;
    const isHere = (home: string, slice: string) =>
      books.all().some((one) => one.borrower.box === home && one.slice === slice);
    told.keep(isHere);
    if (!isUsed()) {
      await this.#clear();
      return { state: "off" };
    }
    if (this.#state.state === "elsewhere") return this.#state;
    this.#key ??= await openTunnelKey(folder, join(folder, "tunnel.key"));
    const plan = this.#plan();
    const nameServers = plan.slivers.some(({ reach }) => reach === "internet") ? await hostNameServers() : [];
    const isNew = this.#isLookDue || JSON.stringify(plan) !== this.#applied;
    if (isNew && !(await this.#build(plan, this.#key, nameServers))) {
      await this.#clear();
      return { state: "elsewhere", lacks: this.#device };
    }
    this.#watch(plan.slivers.length > 0);
    await this.#names(plan, nameServers);
    return { state: "ready" };
  }

  /** Hears of it when somebody else takes the rules away: at a look, slivers would have been without for long. */
  #watch(isWanted: boolean): void {
    if (!isWanted) {
      this.#unwatch?.();
      this.#unwatch = undefined;
    } else if (!this.#unwatch && !this.#isStopped) {
      const ended = () => void (this.#unwatch = undefined);
      const gone = () => void this.apply();
      this.#unwatch = watchTable({ clock: this.#needs.clock, table: this.#table, gone, ended });
    }
  }

  /** Firewall, tunnel and ways through this machine. False: the engine is on another network. */
  async #build(plan: NetworkPlan, key: TunnelKey, nameServers: readonly string[]): Promise<boolean> {
    const { engineSees, port, folder } = this.#needs;
    const given = this.#isLookDue ? {} : this.#given;
    this.#isLookDue = false;
    this.#applied = "";
    // Should it fail half way, all of it is looked at.
    this.#given = {};
    const rules = rulesOf(plan, {
      ...{ tunnel: this.#device, boxes: this.#boxes(), nameServers, attached: attachedNetworks() },
    });
    const place = { table: this.#table, file: join(folder, "slivers.nft") };
    if (given.rules === undefined) await applyRules(place, rules);
    else if (given.rules !== rules) await loadRules(place, rules);
    const wish = { device: this.#device, port: port(), peers: plan.peers };
    const tunnel = JSON.stringify(wish);
    if (given.tunnel !== tunnel)
      await applyTunnel({ ...wish, key, file: join(folder, "tunnel.conf") }, this.#endpoints);
    if (!(this.#isSeen ||= await engineSees(this.#device))) return false;
    await this.#forward(plan);
    this.#given = { rules, tunnel };
    this.#applied = JSON.stringify(plan);
    return true;
  }

  #plan(): NetworkPlan {
    const { sha256, mesh, books, told, announcedBy } = this.#needs;
    const slivers = books.all().flatMap(({ sliver, borrower, slice, spec }) => {
      if (slice === undefined || spec.kind !== "container") return [];
      return [{ sliver, home: borrower.box, slice, reach: spec.reach, egressBytesPerS: spec.egressBytesPerS }];
    });
    const tunnelOf = (box: string) => {
      const [announced, view] = [announcedBy(box), mesh.box(box)];
      if (!announced || !view || view.self || view.state === "excluded") return undefined;
      const address = view.answersAt ?? view.address;
      const isPlain = address !== null && isIP(address) !== 0;
      return { key: announced.key, endpoint: isPlain ? hostPort(address, announced.port) : undefined };
    };
    return planNetwork({ sha256, self: mesh.selfId, slivers, told: told.all(), tunnelOf });
  }

  /** Where boxes answer: what only their records say might be a machine of this house. */
  #boxes(): string[] {
    const boxes = this.#needs.mesh.boxes().filter(({ self, state }) => !self && state !== "excluded");
    return boxes.flatMap(({ answersAt }) => (answersAt !== null && isIP(answersAt) !== 0 ? [answersAt] : []));
  }

  async #forward({ slivers }: NetworkPlan): Promise<void> {
    const devices = slivers.map(({ device }) => device);
    const wide = slivers.filter(({ reach }) => reach !== "slice");
    // Answers from there have to find back.
    const outside = wide.length > 0 ? await uplinks() : [];
    await forward6([this.#device, ...devices, ...outside]);
    await forward4([...wide.map(({ device }) => device), ...outside]);
  }

  async #names({ slivers, slices }: NetworkPlan, nameServers: readonly string[]): Promise<void> {
    const guests = slivers.flatMap(({ sliver, slice, reach }) => {
      const instance = this.#needs.instanceOf(sliver);
      const servers = reach === "internet" ? nameServers : [];
      return instance === undefined ? [] : [{ instance, names: slices[slice]!.names, nameServers: servers }];
    });
    await this.#needs.writeNames(guests);
  }

  async #clear(): Promise<void> {
    const rules = join(this.#needs.folder, "slivers.nft");
    this.#applied = "";
    this.#given = {};
    this.#watch(false);
    // Most boxes never had any: nothing is asked of the system.
    if (!existsSync(rules)) return;
    await removeTunnel(this.#device);
    await removeRules(this.#table);
    this.#endpoints.clear();
    for (const file of [rules, join(this.#needs.folder, "tunnel.conf")]) await rm(file, { force: true });
  }
}

function stateOf(error: unknown): NetworkState {
  if (isFailure(error, "network-tool-missing")) return { state: "missing", lacks: String(error.params["package"]) };
  if (isFailure(error, "network-not-allowed")) return { state: "not-allowed", lacks: String(error.params["said"]) };
  const said = isFailure(error) ? (error.params["said"] ?? error.code) : error instanceof Error ? error.message : error;
  return { state: "failed", lacks: String(said) };
}

function attachedNetworks(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
  return all.flatMap(({ cidr, internal }) => (cidr && !internal ? [cidr] : []));
}
