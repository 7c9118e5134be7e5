/** A steward excludes a box that goes on writing and gossiping, while part of the community is cut off. */
import { schedule } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import { small } from "./small.ts";

const OUTCAST = 5;
const LAST_SEQ = 1;

export const exclusion: Scenario = {
  name: "exclusion",
  about: "a box is excluded and goes on as if nothing had happened; others hear of it late, or while restarting",
  config: { ...small, boxes: 12 },
  begin: "together",
  forMs: 16_000,
  settleMs: 20_000,
  // The outcast accuses everybody who no longer answers it, and boxes that have not heard of it yet believe that.
  limits: { falseDeaths: 20 },
  script(world) {
    write(world, { everyMs: 500, keys: 3, removals: 0.2, forMs: 15_000 });
    const outcast = world.boxes[OUTCAST]!;
    schedule(world, [
      { kind: "partition", atMs: 3500, forMs: 5000, share: 0.4, salt: 4 },
      { kind: "crash", atMs: 5000, box: 3, downMs: 2000 },
    ]);
    world.at(4000, () => {
      const body = { reason: "sends garbage", lastSeq: LAST_SEQ, atMs: world.boxes[0]!.wallMs };
      if (world.boxes[0]!.replica!.put("exclude", outcast.key.id, body)) {
        world.ledger.excluded.set(outcast.key.id, LAST_SEQ);
      }
    });
    // It asks and pushes where its own driver would no longer do so: it has read no rules.
    const random = world.random("outcast");
    for (let atMs = 3000; atMs < 15_000; atMs += 400) {
      world.at(atMs, () => {
        const peer = world.boxes[random.below(world.boxes.length)]!;
        if (peer === outcast || !outcast.replica) return;
        const records = outcast.replica.core.ofAuthor(outcast.key.id);
        outcast.replica.ask(peer, "push", { records }, () => {});
        const { endpoint } = peer;
        outcast.gossip!.step({ type: "join", addresses: [endpoint] });
      });
    }
  },
  finish(world) {
    if (world.ledger.excluded.size === 0) return [{ promise: "exclusion-holds", detail: "nobody was excluded" }];
    const { key } = world.boxes[OUTCAST]!;
    return world.boxes.flatMap((box) => {
      if (box.key.id === key.id || box.replica?.isExcluded(key.id)) return [];
      return [{ promise: "exclusion-holds" as const, detail: `box ${box.index} has not heard of it` }];
    });
  },
};
