/** One run of the simulated store from its seed: begins, is hurt in the ways of a plan, heals, and is judged. */
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { checkHistory } from "../linear/check.ts";
import type { Judgement } from "../linear/check.ts";
import type { Operation } from "../linear/history.ts";
import { Clients } from "./clients.ts";
import { Expiring, judgeExpiry } from "./expiry.ts";
import { hurt } from "./faults.ts";
import type { Plan } from "./plans.ts";
import { CALM, KvWorld } from "./world.ts";
import type { KvWorldConfig } from "./world.ts";

export { plans } from "./plans.ts";

export interface Played {
  seed: number;
  history: Operation[];
  judgement: Judgement;
  /** What is wrong with keys that end. */
  wrongEnds: readonly string[];
  /** Operations that were answered while nothing was wrong any more. */
  answeredAtEnd: number;
  /** All slots have as many ready members as there should be, and nobody is copying. */
  isSettled: boolean;
  views: number;
  steps: number;
}

/** Why a run is bad; undefined when it is not. */
export function complaintOf({ judgement, wrongEnds, isSettled, answeredAtEnd }: Played): string | undefined {
  if (judgement.verdict === "illegal") return "not linearizable";
  if (judgement.verdict === "unknown") return "cannot be judged";
  if (wrongEnds.length > 0) return `a key that ended came back: ${wrongEnds[0]}`;
  if (!isSettled) return "not settled";
  return answeredAtEnd === 0 ? "no answers at the end" : undefined;
}

/** In the search for an order, for one key: a few seconds at most. */
const STATES_MAX = 100_000;
const SETTLE_MS = 9_000;
const SLOTS = 4;
const DEGREE = 3;

export function play(plan: Plan, seed: number, changes: Partial<KvWorldConfig> = {}): Played {
  const nodes = plan.nodes + plan.spare;
  const { slots = SLOTS } = plan;
  const { wrongSuspicions = 0 } = plan;
  const world = new KvWorld({ seed, nodes, slots, degree: DEGREE, create: createKvNode, wrongSuspicions, ...changes });
  for (const box of world.boxes) {
    box.takesPart = box.index < plan.nodes;
    if (box.takesPart) box.start();
  }
  world.boxes[0]!.step({ type: "found" });
  // It grows to its size before it is hurt.
  world.run(3_000);
  const calm = { ...CALM, ...plan.calm };
  Object.assign(world.weather, calm);
  const clients = new Clients(world, plan.load);
  const expiring = Array.from({ length: plan.expiring ?? 0 }, (_, at) => new Expiring(world, `e${at}`));
  hurt({ world, calm, degree: DEGREE }, plan);
  world.run(world.nowMs + plan.forMs);
  heal(world);
  world.run(world.nowMs + SETTLE_MS);
  const before = clients.answered;
  world.run(world.nowMs + 1_000);
  clients.isRunning = false;
  for (const one of expiring) one.isRunning = false;
  world.run(world.nowMs + 9_000);
  return {
    seed,
    history: clients.history,
    judgement: checkHistory(clients.history, { statesMax: STATES_MAX }),
    wrongEnds: expiring.flatMap((one) => judgeExpiry(one)),
    answeredAtEnd: clients.answered - before,
    isSettled: isSettled(world),
    views: Math.max(0, ...world.boxes.map((box) => box.core?.counts().views ?? 0)),
    steps: world.steps,
  };
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
