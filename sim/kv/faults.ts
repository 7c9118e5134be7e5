/** What may happen to a simulated store while it works: crashes, cuts, bad weather, boxes that come and go. */
import type { Random } from "../../src/kernel/random.ts";
import { someOf } from "./clients.ts";
import type { KvBox, KvWorld, Weather } from "./world.ts";

export type Fault =
  | "crash"
  | "lose-disk"
  | "pause"
  | "split"
  | "one-way"
  | "flap"
  | "weather"
  | "slow-disk"
  | "join"
  | "leave"
  /** Leaves without regard for how many remain. */
  | "shrink"
  /** Off for so long that its place is given to another. */
  | "long-away"
  /** All at once, and back one after the other. */
  | "blackout"
  /** The same, aimed at a box that coordinates. */
  | "leader-crash"
  | "leader-pause"
  | "leader-cut";

export interface Troubles {
  faults: readonly Fault[];
  /** Between two faults, at random around it. */
  everyMs: number;
  forMs: number;
  /** How long a fault lasts: at least so long, and up to so much longer. */
  lastsMs?: readonly [least: number, more: number];
}

interface Hurting {
  world: KvWorld;
  /** When nothing is wrong. */
  calm: Weather;
  degree: number;
}

interface Lasting extends Hurting {
  lastsMs: readonly [least: number, more: number];
}

const LONG_AWAY_MS = 5_000;

export function hurt(hurting: Hurting, { faults, everyMs, forMs, lastsMs = [200, 2_500] }: Troubles): void {
  const { world } = hurting;
  const random = world.random("faults");
  let disksLost = 0;
  for (let atMs = random.float() * everyMs; atMs < forMs; atMs += everyMs * (0.5 + random.float())) {
    const fault = faults[random.below(faults.length)];
    if (!fault || (fault === "lose-disk" && disksLost++ > 0)) continue;
    world.after(atMs, () => begin({ ...hurting, lastsMs }, fault, random.below(2 ** 31)));
  }
}

function begin(hurting: Lasting, fault: Fault, seed: number): void {
  const { world, calm, lastsMs } = hurting;
  const random = world.random(`fault ${seed}`);
  const up = world.boxes.filter((box) => box.up);
  const [one, two] = someOf(up, random, 2);
  const forMs = lastsMs[0] + random.float() * lastsMs[1];
  if (!one) return;
  switch (fault) {
    case "crash":
      return crash(world, one, forMs, false);
    case "lose-disk":
      return crash(world, one, forMs, true);
    case "long-away":
      return crash(world, one, LONG_AWAY_MS, false);
    case "blackout":
      for (const box of up) crash(world, box, lastsMs[0] + random.float() * lastsMs[1], false);
      return;
    case "pause":
      return one.pause(forMs);
    case "split": {
      const side = new Set(someOf(world.boxes, random, 1 + random.below(world.boxes.length - 1)));
      return cut(world, (from, to) => side.has(from) !== side.has(to), forMs);
    }
    case "one-way":
      return cut(world, (from, to) => from === one && (to === two || random.float() < 0.5), forMs);
    case "flap": {
      for (let atMs = 0; atMs < forMs; atMs += 100 + random.float() * 300)
        world.after(atMs, () => cut(world, (from, to) => from === one || to === one, 80));
      return;
    }
    case "weather":
      Object.assign(world.weather, { loss: random.float() * 0.3, duplicates: random.float() * 0.2 });
      Object.assign(world.weather, { jitterMs: calm.jitterMs + random.float() * 60 });
      return world.after(forMs, () => void Object.assign(world.weather, calm));
    case "slow-disk":
      Object.assign(world.weather, { diskMs: random.float() * 150, diskJitterMs: random.float() * 200 });
      return world.after(forMs, () => void Object.assign(world.weather, calm));
    case "join":
    case "leave":
    case "shrink":
      return takePart(hurting, fault, random);
    case "leader-crash":
    case "leader-pause":
    case "leader-cut": {
      const leading = up.filter((box) => !box.isPaused && box.core!.stats().leading > 0);
      const leader = leading[random.below(leading.length || 1)];
      return leader && aim(world, { fault, leader, forMs }, random);
    }
  }
}

interface Aim {
  fault: Fault;
  leader: KvBox;
  forMs: number;
}

function aim(world: KvWorld, { fault, leader, forMs }: Aim, random: Random): void {
  if (fault === "leader-crash") return crash(world, leader, forMs, false);
  if (fault === "leader-pause") return leader.pause(forMs);
  const others = someOf(
    world.boxes.filter((box) => box !== leader),
    random,
    1 + random.below(2),
  );
  const isBoth = random.below(2) === 0;
  cut(
    world,
    (from, to) => (from === leader && others.includes(to)) || (isBoth && to === leader && others.includes(from)),
    forMs,
  );
}

function crash(world: KvWorld, box: KvBox, forMs: number, losesDisk: boolean): void {
  box.crash(losesDisk);
  world.after(forMs, () => box.start());
}

function takePart({ world, degree }: Hurting, fault: Fault, random: Random): void {
  if (fault === "join") {
    const idle = world.boxes.find((box) => !box.takesPart);
    if (!idle) return;
    idle.takesPart = true;
    return idle.start();
  }
  const parts = world.boxes.filter((box) => box.takesPart && box.up);
  // With fewer than enough boxes left, a lost disk would be lost data.
  const least = fault === "shrink" ? 1 : degree + 1;
  if (parts.length > least) parts[random.below(parts.length)]!.takesPart = false;
}

function cut(world: KvWorld, isCut: (from: KvBox, to: KvBox) => boolean, forMs: number): void {
  const ways: string[] = [];
  for (const from of world.boxes)
    for (const to of world.boxes) if (from !== to && isCut(from, to)) ways.push(`${from.index} ${to.index}`);
  for (const way of ways) world.cuts.add(way);
  world.after(forMs, () => {
    for (const way of ways) world.cuts.delete(way);
  });
}
