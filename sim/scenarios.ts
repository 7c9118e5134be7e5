/** All small scenarios, which the tests play and `main.ts` knows by name. */
import type { Scenario } from "./scenario.ts";
import { absence } from "./scenarios/absence.ts";
import { churn } from "./scenarios/churn.ts";
import { clocks, pauses } from "./scenarios/clocks.ts";
import { exclusion } from "./scenarios/exclusion.ts";
import { flood } from "./scenarios/flood.ts";
import { hostile } from "./scenarios/hostile.ts";
import { joinStorm } from "./scenarios/join-storm.ts";
import { kill, restartAll } from "./scenarios/kill.ts";
import { lostDisk } from "./scenarios/lost-disk.ts";
import { loss1, loss10 } from "./scenarios/loss.ts";
import { slander } from "./scenarios/slander.ts";
import { split, splitRestart } from "./scenarios/split.ts";

export const scenarios: readonly Scenario[] = [
  joinStorm,
  kill,
  restartAll,
  split,
  splitRestart,
  exclusion,
  absence,
  clocks,
  pauses,
  lostDisk,
  hostile,
  slander,
  flood,
  loss1,
  loss10,
  churn,
];
