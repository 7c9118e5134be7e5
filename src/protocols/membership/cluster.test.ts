/**
 * A cluster of cores in one process on a virtual clock: joins, spread, failure, refutation, loss, splits, leaving,
 * exclusion, sleep. Packets and streams pass through an event queue with delay and loss; nothing waits for real.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "../../kernel/random.ts";
import { seededRandom } from "../../kernel/random.ts";
import { testing, lan } from "./constants.ts";
import type { Profile } from "./constants.ts";
import { createMembership } from "./membership.ts";
import { Timers } from "./timers.ts";
import type { Effect, Endpoint, Membership, MembershipConfig, MembershipEvent } from "./types.ts";
import { estimateRttMs } from "./vivaldi.ts";

interface Box {
  name: string;
  core: Membership;
  up: boolean;
  effects: Effect[];
  wakes: number;
}

/** The world: what happens when, and which packets arrive. */
class World {
  nowMs = 0;
  readonly random: Random;
  readonly queue = new Timers();
  readonly boxes: Box[] = [];
  readonly #byAddress = new Map<string, Box>();
  /** Chance that a packet is lost; and whether two boxes can reach one another at all. */
  loss = 0;
  reaches: (from: Box, to: Box) => boolean = () => true;
  delayMs: (from: Box, to: Box) => number = () => 1 + this.random.float();
  steps = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  add(name: string, profile: Profile = testing, more: Partial<MembershipConfig> = {}): Box {
    const index = this.boxes.length;
    const advertise = { address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 7946 };
    const core = createMembership({ name, advertise, profile, ...more }, { random: seededRandom(this.random.below(2 ** 31)) });
    const box: Box = { name, core, up: true, effects: [], wakes: 0 };
    this.boxes.push(box);
    this.#byAddress.set(advertise.address, box);
    this.step(box, { type: "tick" });
    return box;
  }

  step(box: Box, event: MembershipEvent): void {
    if (!box.up) return;
    this.steps++;
    for (const effect of box.core.step(this.nowMs, event)) this.#run(box, effect);
  }

  endpoint(box: Box): Endpoint {
    const { address, port } = box.core.self();
    return { address, port };
  }

  /** Runs until `untilMs` from now, or until `done`. Gives the time that passed. */
  run(forMs: number, done: () => boolean = () => false): number {
    const startMs = this.nowMs;
    const endMs = startMs + forMs;
    let checkMs = startMs;
    for (;;) {
      const nextMs = this.queue.nextMs();
      if (nextMs === undefined || nextMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.queue.due(this.nowMs)!.run();
      if (this.nowMs >= checkMs) {
        if (done()) return this.nowMs - startMs;
        checkMs = this.nowMs + 5;
      }
    }
    this.nowMs = endMs;
    return forMs;
  }

  #run(box: Box, effect: Effect): void {
    if (effect.type === "send") return this.#later(box, effect.to, this.loss, (to, from) => {
      this.step(to, { type: "packet", from, bytes: effect.bytes });
    });
    if (effect.type === "stream") return this.#stream(box, effect);
    if (effect.type === "wake") {
      const wake = ++box.wakes;
      this.queue.at(effect.atMs, () => {
        if (wake === box.wakes) this.step(box, { type: "tick" });
      });
      return;
    }
    box.effects.push(effect);
  }

  #later(from: Box, to: Endpoint, loss: number, arrive: (to: Box, from: Endpoint) => void, fail?: () => void): void {
    const target = this.#byAddress.get(to.address);
    if (!target || !this.reaches(from, target) || this.random.float() < loss || !target.up) {
      if (fail) this.queue.at(this.nowMs + 5, fail);
      return;
    }
    const source = this.endpoint(from);
    this.queue.at(this.nowMs + this.delayMs(from, target), () => arrive(target, source));
  }

  #stream(box: Box, effect: Extract<Effect, { type: "stream" }>): void {
    const failed = () => this.step(box, { type: "stream-failed", id: effect.id });
    this.#later(box, effect.to, 0, (to, from) => {
      if (!to.up) return failed();
      const id = 1_000_000 + this.steps++;
      let reply: Uint8Array | undefined;
      for (const made of to.core.step(this.nowMs, { type: "stream-received", id, from, bytes: effect.bytes })) {
        if (made.type === "stream-reply") reply = made.bytes;
        else if (made.type !== "stream-close") this.#run(to, made);
      }
      if (!reply) return failed();
      const bytes = reply;
      this.queue.at(this.nowMs + 2, () => this.step(box, { type: "stream-answer", id: effect.id, bytes }));
    }, failed);
  }
}

function cluster(seed: number, count: number, profile: Profile = testing, more: Partial<MembershipConfig> = {}): World {
  const world = new World(seed);
  for (let i = 0; i < count; i++) {
    const box = world.add(`box-${i}`, profile, more);
    if (i > 0) world.step(box, { type: "join", addresses: [world.endpoint(world.boxes[world.random.below(i)]!)] });
    world.run(2);
  }
  return world;
}

const sees = (box: Box, name: string) => box.core.member(name)?.status;
const everyUp = (world: World, check: (box: Box) => boolean) => world.boxes.filter((box) => box.up).every(check);
const changes = (box: Box, change: string) =>
  box.effects.filter((effect) => effect.type === "member" && effect.change === change).length;
const bytes = (text: string) => new TextEncoder().encode(text);

test("5, 20 and 50 boxes come to know one another", () => {
  for (const count of [5, 20, 50]) {
    const world = cluster(count, count);
    const tookMs = world.run(10_000, () => everyUp(world, (box) => box.core.aliveCount() === count));
    assert.ok(tookMs < 2000, `${count} boxes: ${tookMs} ms`);
    world.run(5000);
    assert.ok(everyUp(world, (box) => box.core.aliveCount() === count && box.core.health() === 0));
    for (const box of world.boxes) assert.equal(changes(box, "failed") + changes(box, "suspect"), 0);
    for (const box of world.boxes) {
      const refused = Object.entries(box.core.counts().refused).filter(([, times]) => times > 0);
      assert.deepEqual(refused, []);
    }
  }
});

test("a killed box is failed everywhere, and comes back by itself after a restart", () => {
  const world = cluster(7, 10);
  world.run(1000);
  const victim = world.boxes[3]!;
  victim.up = false;
  const failMs = world.run(10_000, () => everyUp(world, (box) => sees(box, "box-3") === "failed"));
  assert.ok(failMs < 5000, `${failMs}`);
  assert.ok(everyUp(world, (box) => changes(box, "suspect") === 1 && changes(box, "failed") === 1));
  victim.up = true;
  world.step(victim, { type: "tick" });
  const backMs = world.run(20_000, () => world.boxes.every((box) => box.core.aliveCount() === 10));
  assert.ok(backMs < 15_000, `${backMs}`);
});

test("a box that begins anew under its name is taken back though its incarnation starts at 1", () => {
  const world = cluster(8, 5);
  world.run(500);
  world.step(world.boxes[2]!, { type: "set-tags", tags: { v: "2" } });
  world.run(500);
  world.boxes[2]!.up = false;
  for (const waitMs of [0, 1500, 6000]) {
    world.run(waitMs);
    const config = { advertise: world.endpoint(world.boxes[2]!) };
    const fresh = world.add("box-2", testing, { ...config, tags: { v: "3" } });
    world.boxes.splice(2, 1, fresh).forEach((old) => (old.up = false));
    world.boxes.pop();
    world["add"];
    (world as unknown as { redirect?: unknown }).redirect = undefined;
    rebind(world, fresh);
    world.step(fresh, { type: "join", addresses: [world.endpoint(world.boxes[0]!)] });
    world.run(3000);
    for (const box of world.boxes) {
      assert.equal(sees(box, "box-2"), "alive");
      assert.equal(box.core.member("box-2")!.tags.v, "3");
    }
    fresh.up = false;
  }
});
