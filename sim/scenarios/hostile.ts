/**
 * A member of the community turns hostile: it pushes records in others' names, old ones again, and ones dated in the
 * future; and it spreads accusations that are out of date.
 */
import type { SimBox } from "../box.ts";
import type { Violation } from "../ledger.ts";
import type { Scenario } from "../scenario.ts";
import { TYPE, encodeAccusation } from "../../src/protocols/membership/codec.ts";
import type { SignedRecord } from "../../src/protocols/records/record.ts";
import { gossipTo } from "../rogue.ts";
import { write } from "../workload.ts";
import type { World } from "../world.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

const ATTACKER = 7;
const DAY_MS = 24 * 3600_000;

export const hostile: Scenario = {
  name: "hostile",
  about: "a member pushes forged, replayed and future records of all others, ten times a second",
  config: { ...small, boxes: 8 },
  begin: "together",
  forMs: 12_000,
  settleMs: 20_000,
  limits: { falseDeaths: 0, restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 500, keys: 3, removals: 0.3, forMs: 11_000 });
    const attacker = world.boxes[ATTACKER]!;
    const random = world.random("attacker");
    const heard: SignedRecord[] = [];
    for (let atMs = 1000; atMs < 11_500; atMs += 100) {
      world.at(atMs, () => {
        heard.push(...attacker.replica!.core.list("note"));
        const records = heard.length > 0 ? attack(heard, random.below(heard.length), random.below(3)) : [];
        const peer = world.boxes[random.below(ATTACKER)]!;
        attacker.replica!.ask(peer, "push", { records }, () => {});
        accuse(world, attacker, peer);
      });
    }
  },
  finish: (world) => future(world),
};

/** An accusation from before its victim's last word. */
function accuse(world: World, attacker: SimBox, peer: SimBox): void {
  const victim = world.boxes[(peer.index + 1) % ATTACKER]!;
  const accusation = { incarnation: 0, node: victim.key.id, from: attacker.key.id };
  gossipTo(world, attacker, peer, encodeAccusation(TYPE.dead, accusation));
}

function attack(heard: readonly SignedRecord[], from: number, how: number): SignedRecord[] {
  const victim = heard[from]!;
  // Again what was said before, which its author may have changed or removed since.
  if (how === 0) return heard.slice(0, 100);
  if (how === 1) return [{ ...victim, seq: victim.seq + 1000, body: { text: "forged" } }];
  return [{ ...victim, timeMs: victim.timeMs + DAY_MS, body: { text: "of tomorrow" } }];
}

function future(world: World): Violation[] {
  return world.boxes.flatMap((box) => {
    const ahead = box
      .replica!.core.list("note")
      .filter((record) => record.timeMs > world.boxes[0]!.wallMs + DAY_MS / 2);
    return ahead.length > 0
      ? [{ promise: "only-genuine" as const, detail: `box ${box.index} holds a future record` }]
      : [];
  });
}
