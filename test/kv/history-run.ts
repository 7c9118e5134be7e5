/**
 * One recording: clients work from its beginning to its end, the nemesis does what was planned, and then there is a
 * quiet time in which every box must answer for every key. Who is asked and hurt is handed in: our boxes, or, to try
 * the recorder itself, Redis.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Reach, Recorded } from "./history-clients.ts";
import { Recorder } from "./history-clients.ts";
import type { Fault, NemesisName, Victims } from "./history-nemesis.ts";
import { QUIET_MIN_MS, faultText, inflict, planFaults } from "./history-nemesis.ts";
import type { Phase } from "./history-summary.ts";

/** In the quiet time, so long at most until every box has answered for every key. */
const ANSWERED_TIMEOUT_MS = 60_000;
/** Between two faults, also when they are late. */
const CALM_MIN_MS = 500;

export interface RunPlan {
  totalMs: number;
  nemeses: readonly NemesisName[];
  clients: number;
  keys: number;
  seed: number;
  pauseMs?: number;
}

export interface RunResult {
  /** In the order of their ends. */
  history: Recorded[];
  phases: Phase[];
  /** Boxes that did not answer for every key in the quiet time. */
  silent: string[];
  /** From the end of the last fault until all had. */
  answeredAfterMs: number;
  /** Faults that could not be undone, such as a box that did not start again, and why. */
  failed: string[];
  /** Answers that no box should give. */
  odd: ReadonlyMap<string, number>;
  refused: number;
}

export interface Target {
  victims: Victims;
  reaches: readonly Reach[];
  tell: (text: string) => void;
}

/** What will be done, one line for each fault. */
export function scheduleText(plan: RunPlan, { reaches }: Pick<Target, "reaches">): string {
  const lines = faultsOf(plan, reaches.length).map(
    (fault) => `  ${seconds(fault.atMs)} to ${seconds(fault.untilMs)} s  ${textOf(fault, reaches)}`,
  );
  return [...lines, `  then quiet until ${seconds(plan.totalMs)} s`].join("\n");
}

export async function record(plan: RunPlan, target: Target): Promise<RunResult> {
  const { victims, reaches, tell } = target;
  const recorder = new Recorder({ ...plan, reaches });
  const phases: Phase[] = [];
  const random = seededRandom(plan.seed + 1);
  const failed: string[] = [];
  const nowMs = () => recorder.nowNs() / 1e6;
  const enter = (name: string) => {
    const at = recorder.nowNs();
    const last = phases.at(-1);
    if (last) last.toNs = at;
    phases.push({ name, fromNs: at, toNs: at });
  };
  recorder.start();
  enter("calm");
  for (const fault of faultsOf(plan, reaches.length)) {
    await sleep(Math.max(0, fault.atMs - nowMs()));
    // A box that took long to start again has held up all that follows; some calm and the quiet end are kept.
    if (nowMs() > fault.atMs + CALM_MIN_MS) await sleep(CALM_MIN_MS);
    if (nowMs() + fault.untilMs - fault.atMs > plan.totalMs - QUIET_MIN_MS) {
      tell(`${seconds(nowMs())} s  left out, too late: ${textOf(fault, reaches)}`);
      continue;
    }
    tell(`${seconds(nowMs())} s  ${textOf(fault, reaches)}`);
    enter(fault.kind);
    try {
      await inflict(fault, victims, (ms) => sleep(ms), random);
    } catch (cause) {
      // What was recorded must not be lost by it.
      failed.push(`${textOf(fault, reaches)}: ${String(cause)}`);
    }
    enter("calm");
    tell(`${seconds(nowMs())} s  undone; ${recorder.history.length} operations so far`);
  }
  const quietFromMs = nowMs();
  const silent = await recorder.readEverywhere(ANSWERED_TIMEOUT_MS);
  const answeredAfterMs = nowMs() - quietFromMs;
  enter("quiet");
  await sleep(Math.max(0, plan.totalMs - nowMs()));
  await recorder.stop();
  enter("end");
  return {
    history: recorder.history,
    phases: phases.slice(0, -1),
    silent,
    answeredAfterMs,
    failed,
    odd: recorder.odd,
    refused: recorder.refused,
  };
}

function faultsOf({ totalMs, nemeses, seed }: RunPlan, boxes: number): Fault[] {
  return planFaults({ totalMs, nemeses, boxes, seed });
}

const textOf = (fault: Fault, reaches: readonly Reach[]) => faultText(fault, (box) => reaches[box]!.name);
const seconds = (ms: number) => (ms / 1000).toFixed(1).padStart(5);
