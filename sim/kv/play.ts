/** One run of the simulated store from its seed: begins, is hurt in the ways of a plan, heals, and is judged. */
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { checkHistory } from "../linear/check.ts";
import type { Judgement } from "../linear/check.ts";
import type { Operation } from "../linear/history.ts";
import { Clients, someOf } from "./clients.ts";
import type { Workload } from "./clients.ts";
import { CALM, KvWorld } from "./world.ts";
import type { KvWorldConfig } from "./world.ts";

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
  | "leave";

export interface Plan {
  name: string;
  /** Boxes that take part from the beginning, and that may come later. */
  nodes: number;
  spare: number;
  faults: readonly Fault[];
  /** Between two faults, at random around it. */
  everyMs: number;
  forMs: number;
  load: Partial<Workload>;
}

export interface Played {
  seed: number;
  history: Operation[];
  judgement: Judgement;
  /** Operations that were answered while nothing was wrong any more. */
  answeredAtEnd: number;
  /** All slots have as many ready members as there should be, and nobody is copying. */
  isSettled: boolean;
  views: number;
  steps: number;
}

const SETTLE_MS = 9_000;
const SLOTS = 4;
const DEGREE = 3;

export function play(plan: Plan, seed: number, changes: Partial<KvWorldConfig> = {}): Played {
  const nodes = plan.nodes + plan.spare;
  const world = new KvWorld({ seed, nodes, slots: SLOTS, degree: DEGREE, create: createKvNode, ...changes });
  for (const box of world.boxes) {
    box.takesPart = box.index < plan.nodes;
    if (box.takesPart) box.start();
  }
  world.boxes[0]!.step({ type: "found" });
  // It grows to its size before it is hurt.
  world.run(3_000);
  const clients = new Clients(world, plan.load);
  hurt(world, plan);
  world.run(world.nowMs + plan.forMs);
  heal(world);
  world.run(world.nowMs + SETTLE_MS);
  const before = clients.answered;
  world.run(world.nowMs + 1_000);
  clients.isRunning = false;
  world.run(world.nowMs + 9_000);
  const judgement = checkHistory(clients.history);
  const views = Math.max(0, ...world.boxes.map((box) => box.core?.counts().views ?? 0));
  const answeredAtEnd = clients.answered - before;
  return {
    seed,
    history: clients.history,
    judgement,
    answeredAtEnd,
    isSettled: isSettled(world),
    views,
    steps: world.steps,
  };
}

function hurt(world: KvWorld, { faults, everyMs, forMs }: Plan): void {
  const random = world.random("faults");
  let disksLost = 0;
  for (let atMs = random.float() * everyMs; atMs < forMs; atMs += everyMs * (0.5 + random.float())) {
    const fault = faults[random.below(faults.length)];
    if (!fault || (fault === "lose-disk" && disksLost++ > 0)) continue;
    world.after(atMs, () => begin(world, fault, random.below(2 ** 31)));
  }
}

function begin(world: KvWorld, fault: Fault, seed: number): void {
  const random = world.random(`fault ${seed}`);
  const up = world.boxes.filter((box) => box.up);
  const [one, two] = someOf(up, random, 2);
  const forMs = 200 + random.float() * 2_500;
  if (!one) return;
  switch (fault) {
    case "crash":
    case "lose-disk":
      one.crash(fault === "lose-disk");
      return world.after(forMs, () => one.start());
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
      Object.assign(world.weather, { jitterMs: random.float() * 60 });
      return world.after(forMs, () => void Object.assign(world.weather, CALM));
    case "slow-disk":
      Object.assign(world.weather, { diskMs: random.float() * 150, diskJitterMs: random.float() * 200 });
      return world.after(forMs, () => void Object.assign(world.weather, CALM));
    case "join": {
      const idle = world.boxes.find((box) => !box.takesPart);
      if (!idle) return;
      idle.takesPart = true;
      return idle.start();
    }
    case "leave": {
      // With fewer than enough boxes left, a lost disk would be lost data.
      const parts = world.boxes.filter((box) => box.takesPart && box.up);
      if (parts.length > DEGREE + 1) parts[random.below(parts.length)]!.takesPart = false;
    }
  }
}

function cut(
  world: KvWorld,
  isCut: (from: KvWorld["boxes"][0], to: KvWorld["boxes"][0]) => boolean,
  forMs: number,
): void {
  const ways: string[] = [];
  for (const from of world.boxes)
    for (const to of world.boxes) if (from !== to && isCut(from, to)) ways.push(`${from.index} ${to.index}`);
  for (const way of ways) world.cuts.add(way);
  world.after(forMs, () => {
    for (const way of ways) world.cuts.delete(way);
  });
}

function heal(world: KvWorld): void {
  world.cuts.clear();
  Object.assign(world.weather, CALM);
  for (const box of world.boxes) if (box.takesPart || box.life > 0) box.start();
}

function isSettled(world: KvWorld): boolean {
  const parts = world.boxes.filter((box) => box.takesPart);
  const wanted = Math.min(DEGREE, parts.length);
  for (let slot = 0; slot < world.config.slots; slot++) {
    const ready = parts.filter((box) =>
      [...(box.core?.slots() ?? [])].some(({ number, status }) => number === slot && status === "ready"),
    );
    if (ready.length !== wanted) return false;
  }
  return parts.every((box) => box.core?.stats().copies === 0);
}

const ALL: readonly Fault[] = ["crash", "pause", "split", "one-way", "flap", "weather", "slow-disk", "join", "leave"];
const base = { nodes: 5, spare: 2, everyMs: 900, forMs: 12_000, load: {} };

export const plans: readonly Plan[] = [
  { ...base, name: "calm", faults: [], forMs: 3_000 },
  { ...base, name: "crash", faults: ["crash"] },
  { ...base, name: "lost disk", faults: ["crash", "lose-disk", "slow-disk"] },
  { ...base, name: "pause", faults: ["pause"] },
  { ...base, name: "split", faults: ["split", "one-way", "flap"] },
  { ...base, name: "weather", faults: ["weather", "slow-disk"] },
  { ...base, name: "moves", faults: ["join", "leave", "crash", "pause"], nodes: 4, spare: 4, everyMs: 600 },
  { ...base, name: "all", faults: [...ALL, "lose-disk"], everyMs: 500 },
  {
    ...base,
    name: "three",
    faults: ["crash", "pause", "split", "weather", "slow-disk"],
    nodes: 3,
    spare: 0,
    everyMs: 500,
  },
];
