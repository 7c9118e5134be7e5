/** Many boxes come into a community of one at the same moment, some of them through boxes that are new themselves. */
import { hasConverged } from "../checkers.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

export const joinStorm: Scenario = {
  name: "join-storm",
  about: "all boxes but the founder join within a second and write at once",
  config: { ...small, boxes: 20 },
  begin: "empty",
  forMs: 8000,
  settleMs: 10_000,
  limits: { falseDeaths: 0, restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    const random = world.random("storm");
    for (const box of world.boxes.slice(1)) world.after(random.float() * 1000, () => box.start());
    write(world, { everyMs: 2000, keys: 3, removals: 0.2, forMs: 6000 });
  },
  finish(world) {
    const members = world.boxes.every((box) => box.isMember);
    return members && hasConverged(world) ? [] : [{ promise: "records-converge", detail: "somebody is no member" }];
  },
};
