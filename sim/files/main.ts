/**
 * Plays the simulated grid from the command line, and says what was promised and not kept:
 *
 *   node sim/main.ts files --seeds 20              every plan with twenty seeds
 *   node sim/main.ts files --plan weather --seed 7
 */
import { parseArgs } from "node:util";
import { plans } from "./plans.ts";
import { play } from "./play.ts";

/** Gives the exit code. */
export async function filesMain(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      plan: { type: "string" },
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
    },
  });
  const [first, count] = [Number(values.seed), Number(values.seeds)];
  const chosen = plans.filter(({ name }) => values.plan === undefined || name === values.plan);
  if (chosen.length === 0 || !Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
    console.error(`--plan is one of ${plans.map(({ name }) => name).join(", ")}; --seed and --seeds are numbers`);
    return 2;
  }
  let broken = 0;
  for (const plan of chosen) {
    for (let seed = first; seed < first + count; seed++) {
      const { complaints, figures } = await play(plan, seed);
      broken += complaints.length;
      for (const complaint of complaints) console.log(complaint);
      console.log(JSON.stringify({ plan: plan.name, seed, violations: complaints.length, ...figures }));
    }
  }
  return broken > 0 ? 1 : 0;
}
