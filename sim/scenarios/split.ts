/** The network falls in two and heals; both halves go on and write, also when they restart meanwhile. */
import { schedule } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

export const split: Scenario = {
  name: "split",
  about: "half of the boxes cannot reach the others for 7 s, twice; both halves write",
  config: { ...small, boxes: 12 },
  begin: "together",
  forMs: 18_000,
  settleMs: 20_000,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 600, keys: 3, removals: 0.3, forMs: 17_000 });
    schedule(world, [
      { kind: "partition", atMs: 1000, forMs: 7000, share: 0.5, salt: 1 },
      { kind: "partition", atMs: 10_000, forMs: 7000, share: 0.3, salt: 2 },
    ]);
  },
};

export const splitRestart: Scenario = {
  name: "split-restart",
  about: "all boxes restart while the network is in two, so that the halves have forgotten one another in memory",
  config: { ...small, boxes: 12 },
  begin: "together",
  forMs: 14_000,
  settleMs: 20_000,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 600, keys: 3, removals: 0.2, forMs: 13_000 });
    schedule(world, [
      { kind: "partition", atMs: 1000, forMs: 11_000, share: 0.5, salt: 3 },
      ...world.boxes.map(({ index }) => ({ kind: "crash" as const, atMs: 4000 + 50 * index, box: index, downMs: 500 })),
    ]);
  },
};
