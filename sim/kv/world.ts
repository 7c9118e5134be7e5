/**
 * A simulated community of nodes of the key-value store: one clock, one queue of events, a network that loses, doubles,
 * delays and cuts, disks that are slow and forget what was not yet on them, clients that record what they were told.
 * All of it follows from one seed.
 */
import type { Random } from "../../src/kernel/random.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Effect, KvConfig, KvEvent } from "../../src/protocols/kv/events.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import type { KvNode } from "../../src/protocols/kv/node.ts";
import type { createKvNode } from "../../src/protocols/kv/node.ts";
import { EventQueue } from "../event-queue.ts";

export interface Weather {
  loss: number;
  duplicates: number;
  delayMs: number;
  /** On top of it, at random up to this: later frames overtake earlier ones. */
  jitterMs: number;
  diskMs: number;
  diskJitterMs: number;
}

export const CALM: Weather = { loss: 0, duplicates: 0, delayMs: 1, jitterMs: 1, diskMs: 1, diskJitterMs: 1 };

export interface KvWorldConfig {
  seed: number;
  nodes: number;
  slots: number;
  degree: number;
  create: typeof createKvNode;
  /** How often a box takes another for down that is not, each time it looks. */
  wrongSuspicions?: number;
  /** Planted in the driver instead of the core: an effect is answered before it is on disk. */
  sayStoredAtOnce?: boolean;
}

type Heard = (effect: Effect) => void;

/** How long until the others notice that a node is gone or back, at most. */
const NOTICED_MS = 600;
const GONE_FOR_LONG_MS = 2_500;
const LOOK_MS = 200;

export class KvWorld {
  readonly config: KvWorldConfig;
  readonly boxes: KvBox[] = [];
  readonly weather: Weather = { ...CALM };
  readonly #queue = new EventQueue();
  /** "from to": frames on this way are lost. */
  readonly cuts = new Set<string>();
  nowMs = 0;
  steps = 0;

  constructor(config: KvWorldConfig) {
    this.config = config;
    for (let index = 0; index < config.nodes; index++) this.boxes.push(new KvBox(this, index));
    this.#look();
  }

  random(purpose: string): Random {
    let mix = this.config.seed >>> 0;
    for (let at = 0; at < purpose.length; at++)
      mix = Math.imul(mix ^ purpose.charCodeAt(at), 0x01000193) ^ (mix >>> 13);
    return seededRandom(mix);
  }

  after(delayMs: number, run: () => void): void {
    this.#queue.at(this.nowMs + Math.max(0, delayMs), run);
  }

  run(untilMs: number): void {
    while (this.#queue.nextMs <= untilMs) {
      this.nowMs = this.#queue.nextMs;
      this.steps++;
      this.#queue.take()();
    }
    this.nowMs = untilMs;
  }

  boxOf(node: number): KvBox | undefined {
    return this.boxes.find((box) => box.node === node);
  }

  /** Who seems to be up to whom: what a failure detector would say, late and sometimes wrong. */
  #look(): void {
    const random = this.random(`look ${Math.round(this.nowMs)}`);
    for (const box of this.boxes) {
      if (!box.up) continue;
      for (const other of this.boxes) {
        const reaches = other.up && !other.isPaused && !this.isCut(box, other) && !this.isCut(other, box);
        if (reaches) box.heardMs.set(other.node, this.nowMs);
      }
      const sinceMs = (other: KvBox) => this.nowMs - (box.heardMs.get(other.node) ?? -Infinity);
      const { wrongSuspicions = 0 } = this.config;
      const up = this.boxes.filter(
        (other) =>
          sinceMs(other) < NOTICED_MS * (0.5 + random.float() / 2) &&
          (wrongSuspicions === 0 || random.float() >= wrongSuspicions),
      );
      const nodes = this.boxes.filter((other) => other.takesPart && sinceMs(other) < GONE_FOR_LONG_MS);
      const leaving = this.boxes.filter((other) => !other.takesPart && other.life > 0);
      const idsOf = (boxes: readonly KvBox[]) => boxes.map(({ node }) => node);
      box.step({ type: "peers", up: idsOf(up), nodes: idsOf(nodes), leaving: idsOf(leaving) });
    }
    this.after(LOOK_MS, () => this.#look());
  }

  isCut(from: KvBox, to: KvBox): boolean {
    return this.cuts.has(`${from.index} ${to.index}`);
  }

  send(from: KvBox, to: number, event: KvEvent): void {
    const target = this.boxOf(to);
    const { weather } = this;
    const random = from.random;
    if (!target || this.isCut(from, target)) return;
    const times = random.float() < weather.duplicates ? 2 : 1;
    for (let time = 0; time < times; time++) {
      if (random.float() < weather.loss) continue;
      const { life } = target;
      this.after(weather.delayMs + random.float() * weather.jitterMs * (1 + 3 * time), () => {
        if (target.life === life) target.step(event);
      });
    }
  }
}

export class KvBox {
  readonly world: KvWorld;
  readonly index: number;
  readonly random: Random;
  /** Of its disk; another one after the disk was lost. */
  node: number;
  core: KvNode | undefined;
  up = false;
  life = 0;
  isPaused = false;
  takesPart = true;
  /** When this box last heard of another node. */
  readonly heardMs = new Map<number, number>();
  disk = new Map<string, Uint8Array>();
  wallOffsetMs = 0;
  #disks = 0;
  #diskFreeMs = 0;
  #waiting: KvEvent[] = [];
  readonly #heard = new Map<number, Heard>();
  #calls = 0;

  constructor(world: KvWorld, index: number) {
    this.world = world;
    this.index = index;
    this.random = world.random(`box ${index}`);
    this.node = this.#newNode();
  }

  #newNode(): number {
    return 1000 * (this.index + 1) + ++this.#disks;
  }

  start(): void {
    if (this.up) return;
    this.up = true;
    this.isPaused = false;
    this.life++;
    const { slots, degree, create } = this.world.config;
    const config: KvConfig = {
      node: this.node,
      life: this.node * 1000 + this.life,
      degree,
      slots,
      quotaBytes: () => 2 ** 30,
    };
    const stored = [...this.disk].map(([id, bytes]) => ({ id, bytes }));
    this.core = create(config, { random: this.world.random(`core ${this.index} ${this.life}`), stored });
    this.#diskFreeMs = this.world.nowMs;
    const { life } = this;
    const tick = () => {
      if (this.life !== life) return;
      this.step({ type: "tick" });
      this.world.after(TICK_MS, tick);
    };
    this.world.after(this.random.float() * TICK_MS, tick);
  }

  /** What was not on the disk is gone; with `losesDisk` all is. */
  crash(losesDisk = false): void {
    if (!this.up) return;
    this.up = false;
    this.life++;
    this.core = undefined;
    this.#waiting = [];
    this.#heard.clear();
    if (!losesDisk) return;
    this.disk = new Map();
    this.node = this.#newNode();
  }

  pause(forMs: number): void {
    if (!this.up || this.isPaused) return;
    this.isPaused = true;
    const { life } = this;
    this.world.after(forMs, () => {
      if (this.life !== life) return;
      this.isPaused = false;
      for (const event of this.#waiting.splice(0)) this.step(event);
    });
  }

  step(event: KvEvent): void {
    if (!this.core) return;
    if (this.isPaused) {
      if (event.type !== "tick") this.#waiting.push(event);
      return;
    }
    const { nowMs } = this.world;
    for (const effect of this.core.step(nowMs, nowMs + this.wallOffsetMs, event)) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    const { world } = this;
    switch (effect.type) {
      case "send":
        return world.send(this, effect.to, { type: "frame", from: this.node, messages: effect.messages });
      case "store":
        return this.#store(effect);
      case "moved":
      case "changed":
        return;
      default: {
        const heard = this.#heard.get(effect.id);
        this.#heard.delete(effect.id);
        return heard?.(effect);
      }
    }
  }

  /** One write after the other; a crash loses those that are under way. */
  #store({ no, puts }: Extract<Effect, { type: "store" }>): void {
    const { world, life } = this;
    const { diskMs, diskJitterMs } = world.weather;
    const doneMs = Math.max(this.#diskFreeMs, world.nowMs) + diskMs + this.random.float() * diskJitterMs;
    this.#diskFreeMs = doneMs;
    if (world.config.sayStoredAtOnce) world.after(0, () => this.life === life && this.step({ type: "stored", no }));
    world.after(doneMs - world.nowMs, () => {
      if (this.life !== life) return;
      for (const { id, bytes } of puts) {
        if (bytes) this.disk.set(id, bytes);
        else this.disk.delete(id);
      }
      if (!world.config.sayStoredAtOnce) this.step({ type: "stored", no });
    });
  }

  /** For a client; `heard` is called once, or never if the box dies. */
  ask(event: Extract<KvEvent, { id: number }>, heard: Heard): void {
    const id = ++this.#calls;
    this.#heard.set(id, heard);
    this.step({ ...event, id });
  }
}
