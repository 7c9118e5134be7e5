/** The simulated grid, for `plays.ts`. */
import type { Plays } from "../plays.ts";
import { plans } from "./plans.ts";
import { play } from "./play.ts";

export const filesPlays: Plays = {
  name: "files",
  about: `Plays a grid of 20 boxes, of whom some die, lie, lose their disks or are cut off, while files are written,
read and repaired.`,
  plans: plans.map(({ name }) => name),
  play: (name, seed) =>
    play(
      plans.find((plan) => plan.name === name)!,
      seed,
    ),
};
