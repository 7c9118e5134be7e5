/** A box is away for a month, in which much was written, removed and refreshed, and takes all of it in one exchange. */
import { OWN_TOMBSTONES_MAX } from "../../src/protocols/records/constants.ts";
import type { SimBox } from "../box.ts";
import { check, hasConverged } from "../checkers.ts";
import type { Violation } from "../ledger.ts";
import type { Scenario } from "../scenario.ts";
import { write } from "../workload.ts";
import type { SyncCost } from "../replica.ts";
import type { World } from "../world.ts";
import { small } from "./small.ts";

const DAY_MS = 24 * 3600_000;
const DAYS = 31;
const AWAKE_MS = 1200;
const ABSENT = 4;
/** What an exchange may take: rounds, and bytes beyond all that the other side holds. */
const ROUNDS_MAX = 4;
const OVERHEAD_BYTES = 6000;

export const absence: Scenario = {
  name: "absence",
  about: "31 days pass in which the others write and remove for a moment each day; then the absent box syncs once",
  config: { ...small, boxes: 6 },
  begin: "together",
  forMs: 3000,
  settleMs: 20_000,
  limits: {},
  script(world) {
    write(world, { everyMs: 200, keys: 6, removals: 0.3, forMs: 2900 });
  },
  finish(world) {
    const absent = world.boxes[ABSENT]!;
    const others = world.boxes.filter((box) => box !== absent);
    world.crash(absent, Infinity);
    for (let day = 0; day < DAYS; day++) {
      world.leap(DAY_MS);
      for (const box of others) clear(box);
      write(world, { everyMs: 100, keys: 6, prefix: `${day} `, removals: 0.3, forMs: AWAKE_MS - 200, boxes: others });
      world.run(world.nowMs + AWAKE_MS + 6000);
    }
    const found = [...catchUp(world), ...floors(world)];
    world.run(world.nowMs + 20_000, () => hasConverged(world));
    return [...found, ...check(world)];
  },
};

/** Yesterday's notes go; only the first ones, which the absent box knows, are written again or removed by chance. */
function clear(box: SimBox): void {
  for (const { author, key } of box.replica!.core.list("note")) {
    if (author === box.key.id && key.includes(" ")) box.replica!.put("note", key, null);
  }
  box.replica!.put("note", `n${box.random.below(6)}`, box.random.float() < 0.7 ? null : { text: "again" });
}

/** The absent box may not act by itself: it asks one other, once. */
function catchUp(world: World): Violation[] {
  const absent = world.boxes[ABSENT]!;
  const peer = world.boxes[0]!;
  world.network.island[ABSENT] = world.network.island[0]!;
  absent.start();
  const held = peer.replica!.core.stats();
  let cost: SyncCost | undefined;
  let complete = false;
  absent.replica!.syncWith(peer, (ok, took) => {
    complete = ok;
    cost = took;
  });
  world.run(world.nowMs + 3000, () => cost !== undefined, 1);
  const same = absent.replica!.core.digest() === peer.replica!.core.digest();
  if (!cost || !complete || !same)
    return [{ promise: "records-converge", detail: `after one exchange: complete ${complete}, same digest ${same}` }];
  const bytes = cost.requestBytes + cost.answerBytes;
  const { rounds, records } = cost;
  Object.assign(world.ledger.figures, { heldBytes: held.bytes, caughtUpRecords: records, rounds, bytes });
  const found: Violation[] = [];
  if (rounds > ROUNDS_MAX || records > held.records || bytes > held.bytes + OVERHEAD_BYTES)
    found.push({ promise: "one-exchange", detail: `${rounds} rounds, ${records} records, ${bytes} bytes` });
  return found;
}

/** A month of removals must not have left a month of tombstones. */
function floors(world: World): Violation[] {
  const { records } = world.boxes[0]!.replica!.core.stats();
  const max = world.boxes.length * (OWN_TOMBSTONES_MAX + 24);
  return records <= max ? [] : [{ promise: "memory-bounded", detail: `${records} records, at most ${max}` }];
}
