/**
 * When a node that works for clients begins changes of groups: some together, and then it rests.
 *
 *   resting ──time is over, or a copy is missing──▶ some begin ──all have ended──▶ resting, in proportion to their time
 *
 * What begins together goes through each step together, and shares its frames and its writes to the disks. Of all the
 * time the changes take a fixed part: on a slow machine, or with much to copy, they take longer, and so does the rest.
 */
import { REST_MS_MAX, REST_TIMES, VIEW_AGAIN_MS } from "./constants.ts";

export class Pace {
  /** Slots whose changes began together, while they have not all ended. */
  #begun: number[] = [];
  #sinceMs = 0;
  #restsUntilMs = -Infinity;

  /** Whether the next ones may begin; `isEnded` tells of a slot whether its change has. Urgent ones need no rest. */
  mayBegin(nowMs: number, isUrgent: boolean, isEnded: (slot: number) => boolean): boolean {
    if (this.#begun.length > 0) {
      const tookMs = nowMs - this.#sinceMs;
      // What hangs is tried again, and does not keep the others.
      if (tookMs < VIEW_AGAIN_MS && !this.#begun.every(isEnded)) return false;
      this.#begun = [];
      this.#restsUntilMs = nowMs + Math.min(REST_TIMES * tookMs, REST_MS_MAX);
    }
    return isUrgent || nowMs >= this.#restsUntilMs;
  }

  begun(nowMs: number, slots: number[]): void {
    this.#begun = slots;
    this.#sinceMs = nowMs;
  }
}
