/** The simulated store, for `plays.ts`. */
import { plantStore } from "../planted.ts";
import type { Plays } from "../plays.ts";
import { constantsOf } from "./mutations.ts";
import { complaintOf, play, plans } from "./play.ts";

export const kvPlays: Plays = {
  name: "kv",
  about: `Plays the key-value store on boxes that crash, pause, come, go and are cut off, and judges what its clients
saw: whether it is linearizable, and whether the store comes to rest and answers in the end.`,
  plans: plans.map(({ name }) => name),
  async play(name, seed) {
    const plan = plans.find((one) => one.name === name)!;
    // As it is shipped, but for a plan with limits of its own.
    const planted = plan.constants && (await plantStore(constantsOf(plan)));
    try {
      const played = play(plan, seed, planted && { create: planted.create });
      const complaint = complaintOf(played);
      const { history, views, steps } = played;
      return {
        complaints: complaint === undefined ? [] : [complaint],
        figures: { operations: history.length, views, steps },
      };
    } finally {
      planted?.remove();
    }
  },
};
