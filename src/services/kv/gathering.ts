/**
 * When a box takes up what has come for its part of the store. What comes in one turn of the event loop is one step:
 * one write to the disk, one frame to each box. Writes and frames cost more than what is in them; so a box that has
 * much to do lets the next step wait while its disk writes, and gathers more. One that has little to do would gather
 * nothing, and only answer later.
 */
import type { Clock } from "../../kernel/clock.ts";
import { nextTurn } from "../../kernel/clock.ts";
import type { KvEvent } from "../../protocols/kv/events.ts";

/** A step waits no longer than this for a slow disk. */
export const GATHER_MS = 2;
/** A box is busy that was given so many messages and other events between the last two ticks. */
export const BUSY_PARTS = 250;

export interface Gathering {
  put(event: KvEvent): void;
  /** The disk has written. */
  goOn(): void;
}

export interface GatheringNeeds {
  clock: Clock;
  /** Whether the disk is writing. */
  isWriting: () => boolean;
  work: (events: KvEvent[]) => void;
}

export function createGathering({ clock, isWriting, work }: GatheringNeeds): Gathering {
  let queue: KvEvent[] = [];
  /** Ends the wait for the disk, where there is one. */
  let cancelHold: (() => void) | undefined;
  let parts = 0;
  let isBusy = false;

  const step = () => {
    cancelHold = undefined;
    const events = queue;
    queue = [];
    work(events);
  };
  const count = (event: KvEvent) => {
    if (event.type === "tick") {
      isBusy = parts >= BUSY_PARTS;
      parts = 0;
    }
    parts += event.type === "frame" ? event.messages.length : 1;
  };
  return {
    put(event) {
      count(event);
      queue.push(event);
      if (queue.length > 1) return;
      if (isBusy && isWriting()) cancelHold = clock.after(GATHER_MS, step);
      else void nextTurn().then(step);
    },
    goOn() {
      if (!cancelHold) return;
      cancelHold();
      cancelHold = undefined;
      void nextTurn().then(step);
    },
  };
}
