/**
 * Lets borrowers wait until their slivers stand as they want them, instead of asking again and again. Nothing is
 * promised by it and nothing is kept: who asks too much, or too long, hears that it is not so far yet.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { SETTLING_MAX } from "../constants.ts";
import type { Entry } from "./books.ts";
import type { Reconciler } from "./reconciler.ts";

/** How many wait at each host. */
const waiting = new WeakMap<object, number>();

export interface SettlingNeeds {
  clock: Clock;
  reconciler: Pick<Reconciler, "stateOf" | "onLooked">;
}

/**
 * True when none of the slivers is on its way any more, false after `waitMs`, or at once where `SETTLING_MAX` wait
 * already. `entryOf`: undefined for what is gone.
 */
export async function settled(
  { clock, reconciler }: SettlingNeeds,
  slivers: readonly string[],
  waitMs: number,
  entryOf: (sliver: string) => Entry | undefined,
): Promise<boolean> {
  const stands = (sliver: string) => {
    const entry = entryOf(sliver);
    const state = entry && reconciler.stateOf(entry);
    return state === undefined || state === entry?.wanted || state === "failed";
  };
  if (slivers.every(stands)) return true;
  const others = waiting.get(reconciler) ?? 0;
  if (others >= SETTLING_MAX) return false;
  waiting.set(reconciler, others + 1);
  return new Promise((resolve) => {
    const end = (answer: boolean) => {
      forget();
      cancel();
      waiting.set(reconciler, waiting.get(reconciler)! - 1);
      resolve(answer);
    };
    const forget = reconciler.onLooked(() => slivers.every(stands) && end(true));
    const cancel = clock.after(waitMs, () => end(false));
  });
}
