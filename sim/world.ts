/**
 * The simulated world: one clock, one event queue, a network, and boxes that run the shipped cores. Everything that
 * happens follows from the configuration and the seed; `trace.hash` names the run.
 */
import { seededRandom } from "../src/kernel/random.ts";
import type { Random } from "../src/kernel/random.ts";
import { profiles } from "../src/protocols/membership/constants.ts";
import type { Profile } from "../src/protocols/membership/constants.ts";
import { Roster } from "../src/protocols/membership/roster.ts";
import type { Member, MemberChange } from "../src/protocols/membership/types.ts";
import type { Change } from "../src/protocols/records/author-table.ts";
import { PUSH_FANOUT } from "../src/protocols/records/constants.ts";
import { LISTED_MAX, SimBox } from "./box.ts";
import { Community } from "./community.ts";
import { shippedCores } from "./cores.ts";
import type { Cores } from "./cores.ts";
import { EventQueue } from "./event-queue.ts";
import { KeyRing } from "./keys.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { Rings } from "./rings.ts";
import { Spread } from "./spread.ts";
import type { Sought } from "./spread.ts";
import { topology } from "./topology.ts";
import type { GraphName } from "./topology.ts";
import { Trace } from "./trace.ts";

export interface WorldConfig {
  seed: number;
  boxes: number;
  profile: keyof typeof profiles;
  /** Changes to the profile, for instance to switch Lifeguard off. */
  profileChanges?: Partial<Profile>;
  graph: GraphName;
  /** "admission": a community whose joins are records. "known": everybody may write. "none": membership only. */
  records: "admission" | "known" | "none";
  cores?: Cores;
  /** Messages go through JSON, as on a real link. */
  copyMessages: boolean;
  /** Note every acknowledgement and number; for worlds that are checked rather than measured. */
  audits: boolean;
  refreshMs?: number;
  /** Planted mistakes of the driver. */
  sendBeforeStore?: boolean;
  ignoreExclusions?: boolean;
  ignoreAddresses?: boolean;
}

/** How often the driver acts, by profile, as in the daemon. */
const PACES = {
  lan: { syncIntervalMs: 30_000, lookMs: 10_000 },
  mesh: { syncIntervalMs: 60_000, lookMs: 30_000 },
  test: { syncIntervalMs: 1000, lookMs: 500 },
} as const;
/** A box that came up so many probe intervals ago is healthy: to suspect it is a mistake. */
const HEALTHY_AFTER_PROBES = 30;
const PORT = 7946;
const SPONSOR_TRIES = 64;
/** Of each datagram of a world that is measured rather than checked: the beginning of the ping, or of the gossip. */
const TRACED_BYTES_MAX = 64;

export class World {
  readonly config: WorldConfig;
  readonly cores: Cores;
  /** A copy of its own: `quietly` changes it for a moment. */
  readonly profile: Profile;
  readonly pace: { syncIntervalMs: number; lookMs: number };
  readonly keys = new KeyRing();
  readonly trace = new Trace();
  /** All boxes know the same names; each keeps what it thinks of them. */
  readonly roster = new Roster();
  readonly ledger: Ledger;
  readonly network: Network;
  readonly community: Community | undefined;
  readonly boxes: SimBox[] = [];
  readonly rings: Rings;
  readonly spreads: Spread[] = [];
  readonly startWallMs = Date.UTC(2026, 0, 1);
  nowMs = 0;
  steps = 0;
  /** While the first state is made, boxes do not act on one another. */
  quiet = false;
  healedMs = 0;
  /** Counts the times at which all faults were ended: one that began before must not end once more. */
  faultsEnded = 0;
  readonly #queue = new EventQueue();
  readonly #byId = new Map<string, SimBox>();
  readonly #byAddress = new Map<string, SimBox>();

  constructor(config: WorldConfig) {
    this.config = config;
    this.cores = config.cores ?? shippedCores;
    this.profile = { ...profiles[config.profile], ...config.profileChanges };
    this.pace = PACES[config.profile];
    this.ledger = new Ledger(config.audits, config.boxes);
    this.network = new Network({
      topology: topology(config.graph),
      boxes: config.boxes,
      random: (purpose) => this.random(purpose),
      after: (delayMs, run) => this.after(delayMs, run),
      nowMs: () => this.nowMs,
      trace: this.trace,
      traceBytesMax: config.audits ? Infinity : TRACED_BYTES_MAX,
    });
    for (let index = 0; index < config.boxes; index++) this.#make(index);
    this.rings = new Rings(this.boxes, PUSH_FANOUT);
    const founder = this.boxes[0]!;
    if (config.records === "admission") this.community = new Community(founder.key, this.keys, this.startWallMs);
  }

  #make(index: number): void {
    const key = this.keys.make(`${this.config.seed} ${index}`);
    const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const box = new SimBox(this, index, key, { address, port: PORT });
    this.boxes.push(box);
    this.#byId.set(key.id, box);
    this.#byAddress.set(address, box);
  }

  /** A generator of its own for each purpose, so that one more draw in one place leaves the others as they were. */
  random(purpose: string): Random {
    let mix = this.config.seed >>> 0;
    for (let i = 0; i < purpose.length; i++) mix = Math.imul(mix ^ purpose.charCodeAt(i), 0x01000193) ^ (mix >>> 13);
    return seededRandom(mix);
  }

  boxOf(id: string): SimBox | undefined {
    return this.#byId.get(id);
  }

  boxAt(address: string): SimBox | undefined {
    return this.#byAddress.get(address);
  }

  publicKeyOf(id: string): Uint8Array | undefined {
    return this.#byId.get(id)?.key.publicKey;
  }

  isAuthor(id: string): boolean {
    return this.#byId.has(id);
  }

  at(atMs: number, run: () => void): void {
    this.#queue.at(Math.max(atMs, this.nowMs), run);
  }

  after(delayMs: number, run: () => void): void {
    this.#queue.at(this.nowMs + delayMs, run);
  }

  /** Runs everything up to that time, or until `done`, which is asked every `checkMs`. */
  run(untilMs: number, done?: () => boolean, checkMs = 100): boolean {
    let nextCheckMs = this.nowMs;
    while (this.#queue.nextMs <= untilMs) {
      if (done && this.#queue.nextMs >= nextCheckMs) {
        if (done()) return true;
        nextCheckMs = this.#queue.nextMs + checkMs;
      }
      this.nowMs = Math.max(this.nowMs, this.#queue.nextMs);
      this.steps++;
      this.#queue.take()();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return done?.() ?? false;
  }

  /** Time passes and nothing happens, as when all machines sleep; what was due comes late. */
  leap(byMs: number): void {
    this.nowMs += byMs;
  }

  crash(box: SimBox, downMs: number, torn = false): void {
    this.trace.add(this.nowMs).add(box.index).text("crash");
    box.crash(torn);
    this.isDown(box);
    if (downMs < Infinity) this.after(downMs, () => box.start());
  }

  /** Nobody waits for that box any more, and its incarnations begin anew. */
  isDown(box: SimBox): void {
    for (const spread of this.spreads) spread.leave(box.index);
    for (const alarms of [this.ledger.falseSuspicions, this.ledger.falseDeaths]) alarms.begin(box.index);
  }

  /** A box that has entered and is in reach. */
  sponsorFor(newcomer: SimBox): SimBox | undefined {
    const reach = (box: SimBox) => box !== newcomer && box.isAwake && this.network.reaches(newcomer.index, box.index);
    const isReady = (box: SimBox) => reach(box) && box.entered && box.isMember && !box.adoptFirst;
    for (let tries = 0; this.boxes.length > LISTED_MAX && tries < SPONSOR_TRIES; tries++) {
      const box = this.boxes[newcomer.random.below(this.boxes.length)]!;
      if (isReady(box)) return box;
    }
    const ready = this.boxes.filter(isReady);
    return ready.length > 0 ? ready[newcomer.random.below(ready.length)] : undefined;
  }

  isHealthy(box: SimBox): boolean {
    const sinceMs = Math.max(box.bootMs, this.healedMs, box.pausedUntilMs);
    return box.up && box.entered && this.nowMs - sinceMs > HEALTHY_AFTER_PROBES * this.profile.probeIntervalMs;
  }

  memberChanged(observer: SimBox, target: SimBox, change: MemberChange, member: Member): void {
    if (this.quiet) return;
    for (const spread of this.spreads) spread.member(observer.index, member);
    if (change !== "suspect" && change !== "failed") return;
    if (!this.network.reaches(observer.index, target.index)) return;
    const isOut = (box: SimBox) => this.ledger.excluded.has(box.key.id);
    if (!this.isHealthy(target) || isOut(target) || isOut(observer)) return;
    const alarms = change === "suspect" ? this.ledger.falseSuspicions : this.ledger.falseDeaths;
    alarms.note(target.index, member.incarnation);
  }

  recordsChanged(observer: SimBox, changes: readonly Change[]): void {
    for (const spread of this.spreads) spread.records(observer.index, changes);
  }

  /** `receiver` takes in what `sender` says over a link. */
  listened(receiver: SimBox, sender: SimBox): void {
    if (!this.ledger.excluded.has(sender.key.id)) return;
    const knows = receiver.replica!.core.list("exclude").some((record) => record.key === sender.key.id);
    if (knows) this.ledger.violate("exclusion-holds", `box ${receiver.index} listened to box ${sender.index}`);
  }

  /** Follows one change through the community, as all boxes see it that are up now. */
  follow(name: string, isIt: Sought): Spread {
    const spread = new Spread(name, this.boxes.length, isIt, () => this.nowMs);
    for (const box of this.boxes) if (box.up) spread.await(box.index);
    this.spreads.push(spread);
    return spread;
  }
}
