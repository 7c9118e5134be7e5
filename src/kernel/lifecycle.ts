/**
 * Starting, supervising and stopping the parts of the daemon, in order.
 *
 *            start()            stop()
 *   idle ───────────► running ─────────► stopped
 *                      │   ▲
 *            crash(e)  │   │ after a pause that doubles
 *                      ▼   │
 *                   restarting ──► failed   (RESTARTS_MAX crashes within RESTART_WINDOW_MS)
 *
 * A part that hits a bug is stopped and started again by itself; the others go on. A part that keeps crashing is
 * left `failed` and shown as a health warning: the box stays usable for the rest.
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

  const stopOne = async (one: Supervised, after: PartState) => {
    const wasUp = one.state === "running";
    one.state = after;
    if (!wasUp) return;
    let cancel = () => {};
    const late = new Promise<"late">((resolve) => (cancel = clock.after(STOP_TIMEOUT_MS, () => resolve("late"))));
    try {
      if ((await Promise.race([one.part.stop(), late])) === "late") log.warn("a part did not stop in time", { part: one.part.name });
    } catch (error) {
      log.error("a part failed while stopping", { part: one.part.name, error });
    } finally {
      cancel();
    }
  };

  const restart = async (one: Supervised, error: unknown) => {
    const nowMs = clock.monotonicMs();
    one.crashesMs = [...one.crashesMs.filter((atMs) => nowMs - atMs < RESTART_WINDOW_MS), nowMs];
    log.error("a part crashed", { part: one.part.name, error, crashes: one.crashesMs.length });
    await stopOne(one, "restarting");
    if (one.crashesMs.length > RESTARTS_MAX) {
      one.state = "failed";
      log.error("a part crashed too often and stays down", { part: one.part.name });
      return;
    }
    clock.after(RESTART_PAUSE_MS * 2 ** (one.crashesMs.length - 1), () => {
      if (stopping || one.state !== "restarting") return;
      one.part.start().then(
        () => void (one.state = "running"),
        (again: unknown) => void restart(one, again),
      );
    });
  };

  const named = (name: string) => all.find((one) => one.part.name === name);

  return {
    add: (part) => void all.push({ part, state: "idle", crashesMs: [] }),
    async startAll() {
      for (const one of all) {
        if (one.state === "off") continue;
        try {
          await one.part.start();
          one.state = "running";
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
      if (one.state === "running") return;
      if (one.state !== "idle") await one.part.start();
      one.state = one.state === "idle" ? "idle" : "running";
    },
    status: () => all.map((one) => ({ name: one.part.name, state: one.state, crashes: one.crashesMs.length })),
  };
}
