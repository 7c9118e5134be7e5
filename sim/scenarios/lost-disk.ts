/** Authors lose their disks, come back with their key alone, and go on writing. */
import { schedule } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

export const lostDisk: Scenario = {
  name: "lost-disk",
  about: "three authors lose their disks, one of them while the network is in two",
  config: { ...small, boxes: 8 },
  begin: "together",
  forMs: 16_000,
  settleMs: 20_000,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 400, keys: 4, removals: 0.2, forMs: 15_000 });
    // Its owner does not wait until the box has found out which numbers it had used.
    for (const [index, backMs] of [
      [2, 4000],
      [0, 6500],
      [3, 9500],
    ] as const) {
      for (let key = 0; key < 3; key++) {
        world.at(backMs + 0.5, () => world.boxes[index]!.replica?.put("note", `n${key}`, { text: "at once" }));
      }
    }
    schedule(world, [
      { kind: "crash", atMs: 3000, box: 2, downMs: 1000, wipe: true },
      { kind: "crash", atMs: 5000, box: 0, downMs: 1500, wipe: true },
      { kind: "crash", atMs: 9000, box: 3, downMs: 500, wipe: true },
      { kind: "weather", atMs: 2000, forMs: 9000, loss: 0.05, duplicates: 0.05, jitterMs: 3 },
    ]);
  },
};
