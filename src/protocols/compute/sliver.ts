/**
 * The life of a sliver on its host. The host's books say what is wished; the engine says what is; `nextStep` says what
 * to do next, one step at a time, until both agree. It needs no memory of what was under way, so it does the right
 * thing also after the daemon, the engine or the whole box died in the midst of a step.
 *
 *            ┌─────────► stopped ◄──stop──┐
 *   reserved ─ image ─ create ─ start ─► running
 *       │                                 │
 *       └──── lease ended, deleted ───────┴──► stop ─ remove ─ forget ──► gone
 *
 * An instance carries its booking with it. If the books lost it (an old copy of the data folder was put back), it is
 * taken into the books again and ends with its lease, instead of running for ever or being removed without a word.
 */
import { STEP_PAUSE_MS, STEP_PAUSE_MS_MAX, STEP_TRIES_MAX } from "./constants.ts";

export type Wanted = "running" | "stopped" | "gone";

/** What the books say. */
export interface SliverRow {
  wanted: Wanted;
  leaseEndMs: number;
  /** Failures in a row, and when the last one was. */
  failures: number;
  failedAtMs: number;
}

/** What the engine says. */
export type Seen =
  | { state: "absent"; hasImage: boolean }
  /** `asBooked`: with the limits that the books say. */
  | { state: "running" | "stopped"; asBooked: boolean }
  /** The engine is at work on it, or does not know. */
  | { state: "busy" };

export type Step =
  | { do: "nothing" }
  /** Nothing before this time. */
  | { do: "wait"; untilMs: number }
  | { do: "fetch-image" | "create" | "start" | "stop" | "remove" | "limit" }
  /** The instance is gone: what it took is free again. */
  | { do: "forget" }
  /** Too many failures: shown as failed. */
  | { do: "give-up" };

export function nextStep(row: SliverRow, seen: Seen, nowMs: number): Step {
  const wanted = row.leaseEndMs <= nowMs ? "gone" : row.wanted;
  if (seen.state === "busy") return { do: "nothing" };
  const step = stepTo(wanted, seen);
  if (step.do === "nothing" || step.do === "forget" || row.failures === 0) return step;
  // What has to go is tried for ever: it takes room.
  if (row.failures >= STEP_TRIES_MAX && wanted !== "gone") return { do: "give-up" };
  const untilMs = row.failedAtMs + pauseMs(row.failures);
  return untilMs > nowMs ? { do: "wait", untilMs } : step;
}

function stepTo(wanted: Wanted, seen: Exclude<Seen, { state: "busy" }>): Step {
  if (wanted === "gone")
    return { do: seen.state === "absent" ? "forget" : seen.state === "running" ? "stop" : "remove" };
  if (seen.state === "absent") return { do: seen.hasImage ? "create" : "fetch-image" };
  if (!seen.asBooked) return { do: "limit" };
  if (seen.state === wanted) return { do: "nothing" };
  return { do: wanted === "running" ? "start" : "stop" };
}

function pauseMs(failures: number): number {
  return Math.min(STEP_PAUSE_MS_MAX, STEP_PAUSE_MS * 2 ** Math.min(30, failures - 1));
}

/** How it stands, for people. */
export type SliverState =
  | "reserved"
  | "preparing"
  | "running"
  | "stopped"
  | "starting"
  | "stopping"
  | "ending"
  | "failed";

export function shownState(row: SliverRow, seen: Seen, nowMs: number): SliverState {
  const step = nextStep(row, seen, nowMs);
  const isEnding = row.wanted === "gone" || row.leaseEndMs <= nowMs;
  if (isEnding) return "ending";
  if (step.do === "give-up") return "failed";
  if (seen.state === "absent") return seen.hasImage ? "preparing" : "reserved";
  if (seen.state === "busy") return row.wanted === "running" ? "starting" : "stopping";
  if (seen.state === row.wanted) return seen.state;
  return row.wanted === "running" ? "starting" : "stopping";
}
