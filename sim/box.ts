/**
 * One simulated box: the shipped cores with a disk, clocks of its own and a life that ends in a crash. What was set
 * going in one life never reaches the next one.
 *
 *   down ──start──▶ up (entering ──welcomed──▶ member) ──crash──▶ down        up ──pause──▶ stands still ──▶ up
 */
import type { Random } from "../src/kernel/random.ts";
import type { Endpoint, Member, MemberChange, Membership } from "../src/protocols/membership/types.ts";
import type { Json } from "../src/protocols/records/canonical-json.ts";
import type { JoinBody } from "../src/protocols/records/membership-facts.ts";
import type { SignedRecord } from "../src/protocols/records/record.ts";
import { nextInRings } from "../src/protocols/records/rings.ts";
import { Disk } from "./disk.ts";
import { Gossip } from "./gossip.ts";
import type { BoxKey } from "./keys.ts";
import { Replica } from "./replica.ts";
import type { World } from "./world.ts";

/** Packets that wait for a box that stands still, as in a socket's buffer; the rest is lost. */
export const PAUSED_PACKETS_MAX = 512;
const READ_AFTER_MS = 0.01;
/** Addresses of others that a box remembers over a crash. */
export const ADDRESSES_MAX = 64;
const ADDRESSES_TRIED_MAX = 16;
const ENTER_AGAIN_MS = 1000;
const WELCOME_BYTES = 600;
/** Beyond this many boxes others are drawn and looked at instead of listed. */
export const LISTED_MAX = 200;

/** A crash that waits for the box to do something. */
export interface CrashPoint {
  /** How many effects are still carried out. */
  effects: number;
  torn: boolean;
  downMs: number;
}

/** What a box knows of the others when it starts: from its disk, or as much as another box of this world. */
interface Known {
  snapshot?: Uint8Array;
  like?: Membership;
}

export class SimBox {
  readonly world: World;
  readonly index: number;
  readonly key: BoxKey;
  readonly endpoint: Endpoint;
  readonly random: Random;
  readonly disk = new Disk();
  gossip: Gossip | undefined;
  replica: Replica | undefined;
  up = false;
  life = 0;
  bootMs = 0;
  wallOffsetMs = 0;
  pausedUntilMs = 0;
  adoptFirst = false;
  /** A member took its join record. */
  entered = false;
  /** Shown in its tags. */
  version = 0;
  crashPoint: CrashPoint | undefined;
  /** Others that it has seen, newest last. */
  readonly addresses = new Set<number>();
  #pausedPackets = 0;

  constructor(world: World, index: number, key: BoxKey, endpoint: Endpoint) {
    this.world = world;
    this.index = index;
    this.key = key;
    this.endpoint = endpoint;
    this.random = world.random(`box ${index}`);
  }

  get monotonicMs(): number {
    return this.world.nowMs - this.bootMs;
  }

  get wallMs(): number {
    return Math.floor(this.world.startWallMs + this.world.nowMs + this.wallOffsetMs);
  }

  /** A box that stands still answers no connection; it takes what comes when it goes on. */
  get isAwake(): boolean {
    return this.up && this.world.nowMs >= this.pausedUntilMs;
  }

  get isMember(): boolean {
    return this.replica?.isMember(this.key.id) ?? true;
  }

  start(known: Known = {}): void {
    if (this.up) return;
    this.up = true;
    this.life++;
    this.bootMs = this.world.nowMs;
    this.gossip = new Gossip(this, known.like);
    if (this.world.config.records !== "none") this.replica = new Replica(this);
    const { snapshot } = known;
    this.gossip.step(snapshot ? { type: "restore", snapshot } : { type: "tick" });
    this.replica?.start();
    if (this.adoptFirst || !this.entered) this.#enter();
    else this.lookForOthers();
    this.after(this.world.pace.lookMs, () => this.#look());
  }

  crash(torn = false): void {
    if (!this.up) return;
    this.up = false;
    this.life++;
    this.crashPoint = undefined;
    this.gossip!.core.close();
    this.gossip = undefined;
    this.replica = undefined;
    this.pausedUntilMs = 0;
    // Nobody was told that these are safe, but they are, and take the place of what was there before.
    const survived = this.disk.crash(torn).map(({ record }) => record);
    this.world.ledger.stored(this.key.id, survived);
  }

  /** Goes in an orderly way: says so, and stops when that is said. */
  leave(): void {
    if (this.isAwake) this.gossip!.step({ type: "leave" });
  }

  /** Counts down to a waiting crash; true when it has just happened. */
  meetsCrashPoint(): boolean {
    const point = this.crashPoint;
    if (!point || point.effects-- > 0) return false;
    this.world.crash(this, point.downMs, point.torn);
    return true;
  }

  /** A datagram is here. */
  receive(run: () => void): void {
    if (!this.up) return;
    if (this.isAwake) return run();
    if (this.#pausedPackets >= PAUSED_PACKETS_MAX) return;
    this.#pausedPackets++;
    const { life } = this;
    // A process that goes on runs its overdue timers before it reads its sockets.
    this.world.at(this.pausedUntilMs + READ_AFTER_MS, () => {
      this.#pausedPackets--;
      if (this.life === life) this.receive(run);
    });
  }

  /** Runs now, or when the box goes on; never in another life. */
  inLife(life: number, run: () => void): void {
    if (this.life !== life || !this.up) return;
    if (this.isAwake) return run();
    this.world.at(this.pausedUntilMs, () => this.inLife(life, run));
  }

  after(delayMs: number, run: () => void): void {
    const { life } = this;
    this.world.after(delayMs, () => this.inLife(life, run));
  }

  /** Random boxes that this one takes to be up, without itself. */
  pickPeers(count: number): SimBox[] {
    const core = this.gossip!.core;
    if (this.world.boxes.length <= LISTED_MAX) {
      const up = core.members().filter(({ name, status }) => name !== this.key.id && status === "alive");
      const peers = up.map(({ name }) => this.world.boxOf(name)!).filter((peer) => this.#trusts(peer));
      return take(peers, count, this.random);
    }
    const picked = new Set<SimBox>();
    for (let tries = 0; tries < 8 * count && picked.size < count; tries++) {
      const peer = this.world.boxes[this.random.below(this.world.boxes.length)]!;
      if (peer === this || core.member(peer.key.id)?.status !== "alive" || !this.#trusts(peer)) continue;
      picked.add(peer);
    }
    return [...picked];
  }

  /** Those after this box in the rings, of whom it takes to be up. */
  nextInRings(rings: number): SimBox[] {
    const core = this.gossip!.core;
    if (this.world.boxes.length <= LISTED_MAX) {
      const up = core.members().filter(({ name, status }) => name !== this.key.id && status === "alive");
      const trusted = up.map(({ name }) => name).filter((name) => this.#trusts(this.world.boxOf(name)!));
      return nextInRings(this.key.id, trusted, rings).map((name) => this.world.boxOf(name)!);
    }
    return this.world.rings.next(this, (peer) => core.member(peer.key.id)?.status === "alive" && this.#trusts(peer));
  }

  memberChanged(change: MemberChange, member: Member): void {
    const other = this.world.boxOf(member.name);
    if (!other || other === this) return;
    if (change === "join") {
      this.#remember(other.index);
      if (!this.world.quiet) this.replica?.syncSoon();
    }
    this.world.memberChanged(this, other, change, member);
  }

  lookForOthers(): void {
    if (!this.gossip || this.world.config.ignoreAddresses) return;
    const { core } = this.gossip;
    const answers = (index: number) => {
      const status = core.member(this.world.boxes[index]!.key.id)?.status;
      return status === "alive" || status === "suspect" || status === "leaving";
    };
    const missing = [...this.addresses].filter((index) => {
      return !this.replica?.isExcluded(this.world.boxes[index]!.key.id) && !answers(index);
    });
    const tried = take(missing, core.aliveCount() === 1 ? ADDRESSES_TRIED_MAX : 1, this.random);
    if (tried.length === 0) return;
    this.gossip.step({ type: "join", addresses: tried.map((index) => this.world.boxes[index]!.endpoint) });
  }

  #look(): void {
    this.lookForOthers();
    this.after(this.world.pace.lookMs, () => this.#look());
  }

  #trusts(peer: SimBox): boolean {
    return this.replica?.isMember(peer.key.id) ?? true;
  }

  #remember(index: number): void {
    this.addresses.delete(index);
    if (this.addresses.size >= ADDRESSES_MAX) this.addresses.delete(this.addresses.values().next().value!);
    this.addresses.add(index);
  }

  /** Comes into the community through a member: the first record, its welcome, and what it may have written before. */
  #enter(): void {
    const sponsor = this.world.sponsorFor(this);
    if (!sponsor) return this.after(ENTER_AGAIN_MS, () => this.#enter());
    const { life } = this;
    let body: JoinBody | undefined;
    this.world.network.exchange(this.index, sponsor.index, {
      requestBytes: WELCOME_BYTES,
      timeoutMs: 6000,
      isUp: () => sponsor.up,
      serve: () => {
        body = sponsor.isAwake ? sponsor.welcome(this) : undefined;
        return body && WELCOME_BYTES;
      },
      done: (ok) =>
        this.inLife(life, () => {
          if (ok && body) this.#entered(sponsor, body);
          else this.after(ENTER_AGAIN_MS, () => this.#enter());
        }),
    });
  }

  welcome(newcomer: SimBox): JoinBody | undefined {
    const { community } = this.world;
    if (!community) return { key: "", welcomes: [] };
    const join = community.joinBody(newcomer.key, community.welcome(this.key, newcomer.key.id, this.wallMs));
    const { admission } = this.replica!;
    const considered = admission!.considerWelcome(
      this.key.id,
      newcomer.key.id,
      join as unknown as JoinBody,
      this.wallMs,
    );
    if ("refused" in considered) return undefined;
    const welcome = community.welcome(this.key, newcomer.key.id, considered.atMs);
    return community.joinBody(newcomer.key, welcome) as unknown as JoinBody;
  }

  #entered(sponsor: SimBox, body: JoinBody): void {
    const { community } = this.world;
    this.gossip!.step({ type: "join", addresses: [sponsor.endpoint] });
    if (!this.up) return;
    if (!this.adoptFirst && !community) return this.#handOver(sponsor, body);
    const replica = this.replica!;
    if (community) replica.step({ type: "received", records: [community.genesis], from: sponsor.key.id, via: "sync" });
    // To a clock that is far behind, all that a community says lies in the future. As the daemon, it does not come in.
    if (community && !replica.admission!.view()) return this.after(ENTER_AGAIN_MS, () => this.#enter());
    if (!this.adoptFirst) return this.#handOver(sponsor, body);
    // A lost disk: the others know this box, so they let it ask which numbers it has used.
    this.after(0, () => {
      replica.syncWith(sponsor, (ok) => {
        if (!ok) return this.after(ENTER_AGAIN_MS, () => this.#enter());
        this.adoptFirst = false;
        replica.step({ type: "adopted" });
        this.after(0, () => this.#handOver(sponsor, body));
      });
    });
  }

  /** The sponsor listens to a stranger only for its join record; until that is taken, this box has not come in. */
  #handOver(sponsor: SimBox, body: JoinBody): void {
    if (!this.world.community) {
      this.entered = true;
      return this.replica?.syncWith(sponsor);
    }
    const replica = this.replica!;
    if (!this.isMember) replica.put("join", "self", body as unknown as Json);
    if (!this.up) return;
    const join = replica.core.get(this.key.id, "join", "self");
    if (!join) return this.after(ENTER_AGAIN_MS, () => this.#enter());
    const { life } = this;
    this.world.ledger.sent([join]);
    this.world.network.exchange(this.index, sponsor.index, {
      requestBytes: WELCOME_BYTES,
      timeoutMs: 6000,
      isUp: () => sponsor.up,
      serve: () => (sponsor.isAwake && sponsor.takeIn(join) ? WELCOME_BYTES : undefined),
      done: (ok) =>
        this.inLife(life, () => {
          if (!ok) return this.after(ENTER_AGAIN_MS, () => this.#enter());
          this.entered = true;
          replica.syncWith(sponsor);
        }),
    });
  }

  /** True when the newcomer is a member for us now. */
  takeIn(join: SignedRecord): boolean {
    this.replica!.step({ type: "received", records: [join], from: join.author, via: "sync" });
    return this.replica?.isMember(join.author) ?? false;
  }
}

function take<T>(from: T[], count: number, random: Random): T[] {
  const picked: T[] = [];
  while (picked.length < count && from.length > 0) picked.push(...from.splice(random.below(from.length), 1));
  return picked;
}
