/** Radio links that lose, double and reorder packets, on the graph of a real mesh. */
import type { Scenario } from "../scenario.ts";
import { schedule } from "../faults.ts";
import { write } from "../workload.ts";
import { small } from "./small.ts";

const FOR_MS = 15_000;

function lossy(loss: number, boxes: number, falseSuspicions: number): Scenario {
  return {
    // A suspicion counts once for each box that hears of it.
    name: `loss-${Math.round(100 * loss)}`,
    about: `${100 * loss} % of the packets are lost and 2 % come twice`,
    config: { ...small, boxes },
    begin: "together",
    forMs: FOR_MS,
    settleMs: 10_000,
    limits: { falseDeaths: 0, falseSuspicions },
    script(world) {
      write(world, { everyMs: 4000, keys: 3, removals: 0.2, forMs: FOR_MS });
      schedule(world, [{ kind: "weather", atMs: 0, forMs: FOR_MS, loss, duplicates: 0.02, jitterMs: 2 }]);
    },
  };
}

export const loss1 = lossy(0.01, 20, 30);
export const loss10 = lossy(0.1, 30, 350);
