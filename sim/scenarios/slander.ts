/**
 * A hostile member accuses everybody of everything, in its own and in invented names: suspicions that confirm one
 * another, deaths, and departures, with incarnations far above those that the victims ever had.
 */
import { TYPE, encodeAccusation, encodeUser } from "../../src/protocols/membership/codec.ts";
import { SERF, encodeIntent } from "../../src/protocols/membership/serf.ts";
import type { Scenario } from "../scenario.ts";
import { gossipTo } from "../rogue.ts";
import { write } from "../workload.ts";
import { REST_BYTES_PER_SECOND, small } from "./small.ts";

const SLANDERER = 9;
const FROM_MS = 1000;
const UNTIL_MS = 9000;
/** After the last lie nobody may believe any of them for longer. */
const BELIEVED_MS = 1500;

export const slander: Scenario = {
  name: "slander",
  about: "a member says of all others twenty times a second that they are suspect, dead or leaving",
  config: { ...small, boxes: 10 },
  begin: "together",
  forMs: UNTIL_MS,
  settleMs: BELIEVED_MS,
  limits: { restBytesPerSecond: REST_BYTES_PER_SECOND },
  script(world) {
    write(world, { everyMs: 1000, keys: 3, removals: 0.2, forMs: 9000 });
    const slanderer = world.boxes[SLANDERER]!;
    const random = world.random("slander");
    for (let atMs = FROM_MS; atMs < UNTIL_MS; atMs += 50) {
      world.at(atMs, () => {
        const victim = world.boxes[random.below(SLANDERER)]!;
        const heard = world.boxes[random.below(SLANDERER)]!;
        const accusation = {
          incarnation: random.float() < 0.5 ? 1000 + Math.floor(atMs) : 1 + random.below(50),
          node: victim.key.id,
          from: random.float() < 0.5 ? slanderer.key.id : `invented ${random.below(1000)}`,
        };
        const intent = { ltime: Math.floor(atMs), node: victim.key.id, prune: random.float() < 0.5 };
        const said = [
          encodeAccusation(TYPE.suspect, accusation),
          encodeAccusation(TYPE.dead, accusation),
          encodeUser(encodeIntent(SERF.leave, intent)),
        ];
        gossipTo(world, slanderer, heard, said[random.below(said.length)]!);
      });
    }
  },
};
