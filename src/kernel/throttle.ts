/** For what is told again and again: at once, and then at most once in each pause. */
import type { Clock } from "./clock.ts";

export function throttle(clock: Clock, pauseMs: number, run: () => void): () => void {
  let isWaiting = false;
  let again = false;
  const fire = () => {
    run();
    isWaiting = true;
    clock.after(pauseMs, () => {
      isWaiting = false;
      if (!again) return;
      again = false;
      fire();
    });
  };
  return () => {
    if (isWaiting) again = true;
    else fire();
  };
}
