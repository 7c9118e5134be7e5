/**
 * A scenario: a world, what happens in it, and what it must keep. `play` runs one, ends all faults, waits until the
 * boxes agree, and checks. `main.ts` plays one for measuring; the tests play small ones for the promises.
 */
import { beginEmpty, beginTogether } from "./beginning.ts";
import { check, checkRest, hasConverged } from "./checkers.ts";
import type { Limits } from "./checkers.ts";
import { endFaults } from "./faults.ts";
import type { Violation } from "./ledger.ts";
import { World } from "./world.ts";
import type { WorldConfig } from "./world.ts";

export interface Scenario {
  name: string;
  /** What happens, in one sentence. */
  about: string;
  config: Omit<WorldConfig, "seed">;
  /** How the world begins. */
  begin: "empty" | "together";
  /** How long it runs before all faults end. */
  forMs: number;
  /** After that, the boxes must agree within this time. */
  settleMs: number;
  limits: Limits;
  /** Counts that chance decides, for seeds that nobody has looked at; the fixed seed keeps the stricter `limits`. */
  anySeedLimits?: Partial<Scenario["limits"]>;
  /** Boxes that stay down or cut off at the end. */
  except?: readonly number[];
  /** Sets going what happens; runs at time 0. */
  script(world: World): void;
  /** More promises, of this scenario only; the world has settled. */
  finish?(world: World): Violation[];
}

export interface Played {
  world: World;
  violations: Violation[];
  /** From the end of all faults until the boxes agreed; undefined when they did not. */
  settledMs: number | undefined;
  hash: string;
}

/** At rest for so many gossip and probe intervals before traffic is looked at. */
const CALM_PROBES = 60;

export function begin(scenario: Scenario, seed: number, change: Partial<WorldConfig> = {}): World {
  const world = new World({ ...scenario.config, ...change, seed });
  if (scenario.begin === "empty") beginEmpty(world);
  else beginTogether(world);
  scenario.script(world);
  return world;
}

export function play(scenario: Scenario, seed: number, change: Partial<WorldConfig> = {}): Played {
  const world = begin(scenario, seed, change);
  world.run(world.nowMs + scenario.forMs);
  return settle(scenario, world);
}

export function settle(scenario: Scenario, world: World): Played {
  endFaults(world, new Set(scenario.except));
  const healedMs = world.nowMs;
  const converged = world.run(healedMs + scenario.settleMs, () => hasConverged(world));
  const settledMs = converged ? world.nowMs - healedMs : undefined;
  const violations = check(world, scenario.limits);
  if (converged && scenario.limits.restBytesPerSecond !== undefined) {
    world.run(world.nowMs + CALM_PROBES * world.profile.probeIntervalMs);
    violations.push(...checkRest(world, 20 * world.profile.probeIntervalMs, scenario.limits));
  }
  if (scenario.finish) violations.push(...scenario.finish(world));
  return { world, violations, settledMs, hash: world.trace.hash };
}
