/**
 * Some pieces of work at one time, the others in turn: what somebody waits for before what is only due.
 */

export interface TurnsLimits {
  atOnceMax: number;
  /** Of each of the two sorts. */
  waitingMax: number;
}

export interface Turns {
  /** Runs it when there is a place; undefined when too many wait already. */
  take(work: () => Promise<void>, first: boolean): Promise<void> | undefined;
}

export function createTurns({ atOnceMax, waitingMax }: TurnsLimits): Turns {
  const first: (() => void)[] = [];
  const others: (() => void)[] = [];
  let running = 0;

  const run = async (work: () => Promise<void>) => {
    running += 1;
    try {
      await work();
    } finally {
      running -= 1;
      (first.shift() ?? others.shift())?.();
    }
  };

  return {
    take(work, isFirst) {
      if (running < atOnceMax) return run(work);
      const queue = isFirst ? first : others;
      if (queue.length >= waitingMax) return undefined;
      return new Promise((resolve, reject) => queue.push(() => void run(work).then(resolve, reject)));
    },
  };
}
