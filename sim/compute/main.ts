/** Lending and using in the simulator, for `plays.ts`. */
import type { Plays } from "../plays.ts";
import { play, playBrief, playOlder, playReturn, playSqueeze, playTurn, playWidow } from "./play.ts";

const PLAYS = {
  faults: play,
  widow: playWidow,
  return: playReturn,
  squeeze: playSqueeze,
  brief: playBrief,
  older: playOlder,
  turn: playTurn,
};

export const computePlays: Plays = {
  name: "compute",
  about: `Plays boxes that lend and use computers while daemons die, engines fail and the network splits; in the end all
must be as it was asked for, and nothing left of what was deleted.`,
  plans: Object.keys(PLAYS),
  async play(plan, seed) {
    return { complaints: await PLAYS[plan as keyof typeof PLAYS](seed), figures: {} };
  },
};
