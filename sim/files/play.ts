/** One play: a plan, a seed, the code that is judged; what comes out is what was promised and not kept. */
import type { Played } from "../plays.ts";
import type { Parts } from "./parts.ts";
import { shippedParts } from "./parts.ts";
import { Promises } from "./promises.ts";
import { GridWorld } from "./world.ts";
import type { WorldConfig } from "./world.ts";

export interface Plan {
  name: string;
  world: Omit<WorldConfig, "parts" | "seed">;
  run(world: GridWorld, promises: Promises): Promise<void>;
}

export async function play(plan: Plan, seed: number, parts: Parts = shippedParts): Promise<Played> {
  const world = new GridWorld({ ...plan.world, seed, parts });
  const promises = new Promises();
  try {
    await plan.run(world, promises);
  } finally {
    await world.close();
  }
  return promises;
}

/** What is wrong with this play, or with what it runs, when that falls over; undefined when nothing is. */
export async function complaintOf(plan: Plan, seed: number, parts: Parts): Promise<string | undefined> {
  try {
    return (await play(plan, seed, parts)).complaints[0];
  } catch (error) {
    return String(error);
  }
}
