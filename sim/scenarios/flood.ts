/**
 * A hostile member floods the community with events, and with intents about members that do not exist. Meanwhile the
 * news about members go their way, before events in every packet.
 */
import { encodeUser } from "../../src/protocols/membership/codec.ts";
import { SERF, encodeIntent, encodeUserEvent } from "../../src/protocols/membership/serf.ts";
import type { Violation } from "../ledger.ts";
import { gossipTo } from "../rogue.ts";
import type { Scenario } from "../scenario.ts";
import type { Spread } from "../spread.ts";
import type { World } from "../world.ts";
import { small } from "./small.ts";

const FLOODER = 15;
const UNTIL_MS = 6000;
/** Three fill a packet, so that nothing slips in beside them. */
const EVENT_BYTES = 400;
/** All boxes must have a change of tags in this time, also while the flood lasts. */
const THROUGH_MS = 1000;
const CHANGES_AT_MS = [2000, 3500, 5000];

export const flood: Scenario = {
  name: "flood",
  about: "a member sends 200 large events and 200 intents about nobody in each second",
  config: { ...small, boxes: 16 },
  begin: "together",
  forMs: UNTIL_MS + 1500,
  settleMs: 10_000,
  limits: { falseDeaths: 0 },
  script(world) {
    const flooder = world.boxes[FLOODER]!;
    const random = world.random("flood");
    let ltime = 10;
    for (let atMs = 500; atMs < UNTIL_MS; atMs += 5) {
      world.at(atMs, () => {
        const event = { ltime: ltime++, name: "flood", payload: random.bytes(EVENT_BYTES), coalesce: false };
        const intent = { ltime, node: `nobody ${ltime}`, prune: false };
        const to = world.boxes[random.below(FLOODER)]!;
        gossipTo(world, flooder, to, encodeUser(encodeUserEvent(event)));
        gossipTo(world, flooder, to, encodeUser(encodeIntent(ltime % 2 === 0 ? SERF.join : SERF.leave, intent)));
      });
    }
    for (const atMs of CHANGES_AT_MS) world.at(atMs, () => change(world, `at ${atMs}`));
  },
  finish: (world) => world.spreads.flatMap(late),
};

function change(world: World, version: string): void {
  const { gossip, index } = world.boxes[3]!;
  const isIt = { member: (member: { name: string; tags: Record<string, string> }) => member.tags.v === version };
  world.follow("tags", isIt).leave(index);
  gossip!.step({ type: "set-tags", tags: { v: version } });
}

function late(spread: Spread): Violation[] {
  const [, , , all] = spread.times();
  if (all !== null && all !== undefined && all <= THROUGH_MS) return [];
  return [{ promise: "news-get-through", detail: `tags took ${all ?? "for ever"} of ${THROUGH_MS} ms` }];
}
