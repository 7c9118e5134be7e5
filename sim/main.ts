/**
 * The simulator's command: plays a simulated service with seeds, measures a community of many boxes, or plays one of
 * its small scenarios, and says whether promises were kept.
 *
 *   node sim/main.ts files --seeds 20         and kv, compute: `plays.ts`
 *   node sim/main.ts --scenario community --boxes 1000 --seed 1 --minutes 5 --loss 0.01 --slow 0.05 --lifeguard on
 *   node sim/main.ts --scenario kill --seed 7
 */
import { programOptions } from "../bench/options.ts";
import { computePlays } from "./compute/main.ts";
import { filesPlays } from "./files/main.ts";
import { kvPlays } from "./kv/main.ts";
import { measure } from "./measure.ts";
import { playsMain } from "./plays.ts";
import { play } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { graphs } from "./topology.ts";
import type { GraphName } from "./topology.ts";

/** The name of the measuring world among the scenarios. */
const COMMUNITY = "community";
const SERVICES = [filesPlays, kvPlays, computePlays];

const [first, ...others] = process.argv.slice(2);
const service = SERVICES.find(({ name }) => name === first);
process.exitCode = service ? await playsMain(service, others) : main();

function main(): number {
  const values = programOptions(
    "npm run sim --",
    `Measures a simulated community of many boxes, or plays one scenario and says what was promised and not kept.
Before the options, ${SERVICES.map(({ name }) => name).join(", ")} play that service; they have options of their own.
The scenarios are ${[COMMUNITY, ...scenarios.map(({ name }) => name)].join(", ")}.`,
    {
      scenario: { text: "which one", value: "name", default: COMMUNITY },
      seed: { text: "what all chance follows from", value: "n", default: "1" },
      boxes: { text: "how many", value: "n", default: "1000" },
      minutes: { text: "how long, of the world's time", value: "n", default: "5" },
      loss: { text: "of datagrams, 0 to 0.9", value: "share", default: "0" },
      slow: { text: "of boxes, 0 to 0.9", value: "share", default: "0" },
      lifeguard: { text: "on or off", value: "word", default: "on" },
      profile: { text: "lan, mesh or test", value: "name", default: "lan" },
      graph: { text: ["flat", ...Object.keys(graphs)].join(", "), value: "name", default: "guifi" },
      authors: { text: "of records, each minute", value: "n", default: "10" },
      churn: { text: "seconds for a month of comings and goings; 0: none", value: "n", default: "0" },
    },
  );
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
