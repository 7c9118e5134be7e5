/**
 * The simulator's command: measures a community of many boxes, or plays one of the small scenarios and says whether
 * it kept its promises.
 *
 *   node sim/main.ts --scenario community --boxes 1000 --seed 1 --minutes 5 --loss 0.01 --slow 0.05 --lifeguard on
 *   node sim/main.ts --scenario kill --seed 7
 *   node sim/main.ts files --seeds 20        the simulated grid: `files/main.ts`
 */
import { parseArgs } from "node:util";
import { filesMain } from "./files/main.ts";
import { measure } from "./measure.ts";
import { play } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { graphs } from "./topology.ts";
import type { GraphName } from "./topology.ts";

/** The name of the measuring world among the scenarios. */
const COMMUNITY = "community";

const [first, ...others] = process.argv.slice(2);
process.exitCode = first === "files" ? await filesMain(others) : main();

function main(): number {
  const { values } = parseArgs({
    options: {
      scenario: { type: "string", default: COMMUNITY },
      boxes: { type: "string", default: "1000" },
      seed: { type: "string", default: "1" },
      minutes: { type: "string", default: "5" },
      loss: { type: "string", default: "0" },
      slow: { type: "string", default: "0" },
      lifeguard: { type: "string", default: "on" },
      profile: { type: "string", default: "lan" },
      graph: { type: "string", default: "guifi" },
      authors: { type: "string", default: "10" },
      churn: { type: "string", default: "0" },
    },
  });
  const seed = number(values.seed, 0, 2 ** 32 - 1);
  if (values.scenario !== COMMUNITY) return playOne(values.scenario, seed);
  const measured = measure(
    {
      boxes: number(values.boxes, 2, 65_536),
      seed,
      minutes: number(values.minutes, 1, 10_000),
      loss: number(values.loss, 0, 0.9),
      slow: number(values.slow, 0, 0.9),
      lifeguard: one(values.lifeguard, ["on", "off"]) === "on",
      profile: one(values.profile, ["lan", "mesh", "test"]),
      graph: one(values.graph, ["flat", ...(Object.keys(graphs) as GraphName[])]),
      authors: number(values.authors, 0, 65_536),
      monthSeconds: number(values.churn, 0, 1e6),
    },
    (line) => console.log(line),
    () => performance.now(),
  );
  console.log(JSON.stringify(measured));
  return 0;
}

function playOne(name: string, seed: number): number {
  const scenario = scenarios.find((known) => known.name === name);
  if (!scenario) {
    console.error(`no scenario ${name}; there are ${[COMMUNITY, ...scenarios.map((known) => known.name)].join(", ")}`);
    return 2;
  }
  const { violations, settledMs, hash, world } = play(scenario, seed);
  for (const { promise, detail } of violations) console.log(`${promise}: ${detail}`);
  console.log(
    JSON.stringify({
      scenario: name,
      seed,
      trace: hash,
      events: world.steps,
      settledMs,
      violations: violations.length,
      ...world.ledger.figures,
    }),
  );
  return violations.length > 0 ? 1 : 0;
}

function number(text: string, min: number, max: number): number {
  const value = Number(text);
  if (text === "" || !(value >= min && value <= max)) return refuse(`${text} is not a number from ${min} to ${max}`);
  return value;
}

function one<T extends string>(text: string, known: readonly T[]): T {
  return known.find((word) => word === text) ?? refuse(`${text} is none of ${known.join(", ")}`);
}

function refuse(why: string): never {
  console.error(why);
  process.exit(2);
}
