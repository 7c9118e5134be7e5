/** Boxes are killed at any point between two effects, torn writes included, and come back from their disks. */
import { schedule } from "../faults.ts";
import type { Fault } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

const FOR_MS = 12_000;

export const kill: Scenario = {
  name: "kill",
  about: "60 kills between storing and sending, while all boxes write",
  config: { ...small, boxes: 12 },
  begin: "together",
  forMs: FOR_MS,
  settleMs: 20_000,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 250, keys: 4, removals: 0.3, forMs: FOR_MS });
    const random = world.random("kills");
    const faults: Fault[] = Array.from({ length: 60 }, () => ({
      kind: "crash",
      atMs: random.float() * FOR_MS,
      box: random.below(12),
      downMs: 20 + random.float() * 1500,
      effects: random.below(12),
      torn: random.float() < 0.5,
    }));
    schedule(world, faults);
  },
};

export const restartAll: Scenario = {
  name: "restart-all",
  about: "every box is killed within a second, twice, as when the power fails in the whole town",
  config: { ...small, boxes: 16 },
  begin: "together",
  forMs: 10_000,
  settleMs: 20_000,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 400, keys: 3, removals: 0.2, forMs: 9000 });
    const random = world.random("power");
    for (const fromMs of [2500, 6500]) {
      schedule(
        world,
        world.boxes.map(({ index }) => ({
          kind: "crash",
          atMs: fromMs + random.float() * 800,
          box: index,
          downMs: 800 + random.float() * 1500,
          torn: index % 2 === 0,
        })),
      );
    }
  },
};
