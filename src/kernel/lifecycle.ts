/**
 * Starting, supervising and stopping the parts of the daemon, in order.
 *
 *            start()            stop()
 *   idle ───────────► running ─────────► stopped
 *                      │   ▲
 *            crash(e)  │   │ after a pause that doubles
 *                      ▼   │
 *                   restarting ──► failed   (more than RESTARTS_MAX crashes within RESTART_WINDOW_MS)
 *
 * A part that hits a bug is stopped and started again by itself; the others go on. A part that keeps crashing is
 * left `failed` and shown as a health warning: the box stays usable for the rest.
 * Starts and stops of one part never overlap: each waits for the one before, and looks again whether it is needed.
 */
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { isFailure } from "./errors.ts";

export type PartState = "idle" | "running" | "restarting" | "failed" | "off" | "stopped";

export interface Part {
  name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PartStatus {
  name: string;
  state: PartState;
  crashes: number;
}

export const RESTARTS_MAX = 5;
export const RESTART_WINDOW_MS = 600_000;
export const RESTART_PAUSE_MS = 500;
/** A part that does not stop within this time is abandoned, with a line in the log. */
export const STOP_TIMEOUT_MS = 5_000;

interface Supervised {
  part: Part;
  state: PartState;
  crashesMs: number[];
  /** Its start has succeeded and its stop has not begun. */
  up: boolean;
  /** Ends when the last start or stop that was asked for has ended. */
  turn: Promise<unknown>;
}

export interface Supervisor {
  add(part: Part): void;
  /** Starts all parts in the order in which they were added. The first start that fails stops the rest again. */
  startAll(): Promise<void>;
  /** Stops all in reverse order. Never rejects. */
  stopAll(): Promise<void>;
  /** Reports a bug of one part: it is restarted. */
  crash(name: string, error: unknown): void;
  /** Switches a part off or on by the host's wish. */
  setOn(name: string, on: boolean): Promise<void>;
  status(): PartStatus[];
}

export function createSupervisor(clock: Clock, log: Log): Supervisor {
  const all: Supervised[] = [];
  let stopping = false;

  /** Starts it unless it runs or, meanwhile, is no longer wanted. */
  const startOne = (one: Supervised) =>
    inTurn(one, async () => {
      if (one.up || stopping) return;
      await one.part.start();
      one.up = true;
      one.state = "running";
    });

  const stopOne = (one: Supervised, after: PartState) => stopPart(clock, log, one, after);

  const restart = async (one: Supervised, error: unknown) => {
    const nowMs = clock.monotonicMs();
    one.crashesMs = [...one.crashesMs.filter((atMs) => nowMs - atMs < RESTART_WINDOW_MS), nowMs];
    log.error("a part crashed", { part: one.part.name, error, crashes: one.crashesMs.length });
    await stopOne(one, "restarting");
    if (stopping || one.state !== "restarting") return;
    if (one.crashesMs.length > RESTARTS_MAX) {
      one.state = "failed";
      log.error("a part crashed too often and stays down", { part: one.part.name });
      return;
    }
    clock.after(RESTART_PAUSE_MS * 2 ** (one.crashesMs.length - 1), () => {
      if (stopping || one.state !== "restarting") return;
      startOne(one).catch((again: unknown) => (one.state === "restarting" ? restart(one, again) : undefined));
    });
  };

  const named = (name: string) => all.find((one) => one.part.name === name);

  return {
    add: (part) => void all.push({ part, state: "idle", crashesMs: [], up: false, turn: Promise.resolve() }),
    async startAll() {
      for (const one of all) {
        if (one.state === "off") continue;
        try {
          await startOne(one);
        } catch (error) {
          if (!isFailure(error)) log.error("a part could not start", { part: one.part.name, error });
          await this.stopAll();
          throw error;
        }
      }
    },
    async stopAll() {
      stopping = true;
      for (const one of all.toReversed()) await stopOne(one, one.state === "off" ? "off" : "stopped");
    },
    crash(name, error) {
      const one = named(name);
      if (one?.state === "running" && !stopping) void restart(one, error);
    },
    async setOn(name, on) {
      const one = named(name);
      if (!one || stopping) return;
      if (!on) return stopOne(one, "off");
      // A wish of the host's forgives what was. One that waits for its first start gets it from `startAll`.
      if (one.state === "failed") one.crashesMs = [];
      if (one.state === "off" || one.state === "failed" || one.state === "restarting") await startOne(one);
    },
    status: () => all.map((one) => ({ name: one.part.name, state: one.state, crashes: one.crashesMs.length })),
  };
}

/** Does this when all starts and stops of the part that were asked for before have ended. */
function inTurn(one: Supervised, work: () => Promise<void>): Promise<void> {
  const run = one.turn.then(work);
  one.turn = run.catch(() => undefined);
  return run;
}

async function stopPart(clock: Clock, log: Log, one: Supervised, after: PartState): Promise<void> {
  one.state = after;
  const stopped = inTurn(one, async () => {
    one.state = after;
    if (!one.up) return;
    one.up = false;
    await stopInTime(clock, log, one.part);
  });
  // Twice the time: a start that hangs in the turn before must not keep the daemon from ending.
  if (!(await within(clock, 2 * STOP_TIMEOUT_MS, stopped))) log.warn("a part hangs", { part: one.part.name });
}

/** Stops a part; one that takes too long or fails is left behind, with a line in the log. */
async function stopInTime(clock: Clock, log: Log, part: Part): Promise<void> {
  try {
    if (!(await within(clock, STOP_TIMEOUT_MS, part.stop())))
      log.warn("a part did not stop in time", { part: part.name });
  } catch (error) {
    log.error("a part failed while stopping", { part: part.name, error });
  }
}

/** Waits for `work`, but not longer than this; false when it was not done by then. */
async function within(clock: Clock, limitMs: number, work: Promise<void>): Promise<boolean> {
  let cancel = () => {};
  const late = new Promise<boolean>((resolve) => (cancel = clock.after(limitMs, () => resolve(false))));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    cancel();
  }
}
