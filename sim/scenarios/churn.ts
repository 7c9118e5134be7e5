/** Boxes come and go all the time, newcomers among them. */
import { schedule } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

const FOR_MS = 15_000;

export const churn: Scenario = {
  name: "churn",
  about: "each box but the founder is away a quarter of the time; one in three joins only meanwhile",
  config: { ...small, boxes: 16 },
  begin: "empty",
  forMs: FOR_MS,
  settleMs: 20_000,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    const random = world.random("churn");
    write(world, { everyMs: 1500, keys: 3, removals: 0.2, forMs: FOR_MS });
    for (const box of world.boxes.slice(1)) {
      const joinMs = box.index % 3 === 0 ? random.float() * FOR_MS : random.float() * 500;
      world.at(joinMs, () => box.start());
      for (let atMs = joinMs + random.float() * 6000; atMs < FOR_MS; atMs += 2000 + random.float() * 8000) {
        schedule(world, [{ kind: "crash", atMs, box: box.index, downMs: 200 + random.float() * 3500 }]);
      }
    }
  },
};
