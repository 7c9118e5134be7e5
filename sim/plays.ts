/**
 * Plays a simulated service from the command line, with as many seeds as are asked for, and says what was promised and
 * not kept: a line for each play, and one for each complaint.
 */
import { asked, programOptions, someOf } from "../bench/options.ts";

export interface Plays {
  /** `npm run sim -- NAME`. */
  name: string;
  about: string;
  /** The ways in which it is hurt, by name. */
  plans: readonly string[];
  play: (plan: string, seed: number) => Promise<Played>;
}

export interface Played {
  /** What was promised and not kept; empty when all was. */
  complaints: readonly string[];
  figures: Readonly<Record<string, number>>;
}

const SEED_MAX = 2 ** 32 - 1;

/** Gives the exit code: 1 when a promise was not kept. */
export async function playsMain({ name, about, plans, play }: Plays, args: readonly string[]): Promise<number> {
  const options = programOptions(
    `npm run sim -- ${name}`,
    `${about} Its plans are ${plans.join(", ")}.`,
    {
      plan: { text: "only these, with commas between them", value: "names" },
      seed: { text: "the first one", value: "n", default: "1" },
      seeds: { text: "how many", value: "n", default: "1" },
    },
    args,
  );
  const { chosen, first, count } = asked(() => ({
    chosen: someOf(plans, options.plan),
    first: whole("seed", options.seed, 0),
    count: whole("seeds", options.seeds, 1),
  }));
  let broken = 0;
  for (const plan of chosen) {
    for (let seed = first; seed < first + count; seed += 1) {
      const { complaints, figures } = await play(plan, seed);
      broken += complaints.length;
      for (const complaint of complaints) console.log(complaint);
      console.log(JSON.stringify({ plan, seed, violations: complaints.length, ...figures }));
    }
  }
  return broken > 0 ? 1 : 0;
}

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > SEED_MAX) {
    throw new Error(`--${name} is a whole number from ${min} to ${SEED_MAX}`);
  }
  return value;
}
