/**
 * Reconciling with other boxes, on the asking side: one session with a box at a time, a few at once, paced so that
 * catching up leaves time for everything else. A box that wastes our time or stalls is left alone for a while.
 * Also the question that a box asks before it numbers anything: which of my own records do you know?
 */
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import {
  CHECKS_PER_STEP_MAX,
  PUSH_FANOUT,
  RECORDS_PER_MESSAGE_MAX,
  STRANGER_TURNS,
} from "../../protocols/records/constants.ts";
import { checksOf } from "../../protocols/records/intake-rates.ts";
import { nextInRings } from "../../protocols/records/rings.ts";
import type { Records, RecordsEvent } from "../../protocols/records/records.ts";
import type { SyncSession } from "../../protocols/records/sync-session.ts";
import type { Busy } from "./work-share.ts";

/** Reconciliations that we ask for at one time. */
export const SYNCS_AT_ONCE_MAX = 3;
/** When all are taken, one that has lasted so long gives way. */
export const SYNC_PATIENCE_MS = 30_000;
/** A box whose answers were of no use is not asked for so long, unless there is no other. */
export const USELESS_PAUSE_MS = 600_000;
/** Boxes of whom that is remembered. */
export const USELESS_MAX = 256;
/** Sessions one after the other while what came before its author's admission can be taken now. */
export const PASSES_MAX = 32;
/** A box that says we ask too much is asked the same again after this time, so often. */
export const BUSY_PAUSE_MS = 1_000;
export const BUSY_TRIES = 10;
/** Boxes that are asked at one time for our own numbers; the first answers decide, the others may be down. */
export const NUMBERS_ASKED_MAX = 4;
/** After the first answer the others have so long. */
export const NUMBERS_GRACE_MS = 250;

export interface ReconcilingNeeds {
  clock: Clock;
  log: Log;
  random: Random;
  core: Records;
  self: string;
  peersUp: () => string[];
  ask: (box: string, path: "sync", body: object) => Promise<unknown>;
  step: (event: RecordsEvent) => void;
  busy: Busy;
  /** False while the disk takes nothing: then nothing is asked for. */
  save: () => boolean;
}

export interface Reconciling {
  /** With one box; true when both hold the same afterwards. */
  with(box: string): Promise<boolean>;
  /** The same without waiting for its end. */
  begin(box: string): void;
  /** With somebody. */
  withSomebody(): void;
  /**
   * Asks some of these which of our own records they know; the first one that answered, if any did in time. What they
   * know is taken in, so that our numbering goes on after it.
   */
  askOwn(boxes: readonly string[], timeoutMs: number): Promise<string | undefined>;
}

interface Run {
  startedMs: number;
  stopped: boolean;
}

export function createReconciling(needs: ReconcilingNeeds): Reconciling {
  const { clock, core, log } = needs;
  const runs = new Map<string, Run>();
  const uselessUntilMs = new Map<string, number>();
  let turn = 0;

  const askPatiently = async (box: string, request: object): Promise<unknown> => {
    for (let turn = 1; ; turn += 1) {
      try {
        return await needs.ask(box, "sync", request);
      } catch (error) {
        if (turn >= BUSY_TRIES || !isFailure(error, "too-many")) throw error;
        await new Promise<void>((resolve) => clock.after(BUSY_PAUSE_MS, resolve));
      }
    }
  };

  /** Exchanges messages until the session is done, or the run is stopped. */
  const converse = async (box: string, session: SyncSession, run: Run): Promise<void> => {
    for (let request = session.next(); request && needs.save(); request = session.next()) {
      const answer = await askPatiently(box, request);
      if (run.stopped) return;
      const startMs = clock.monotonicMs();
      const records = (answer as { records?: unknown } | null)?.records;
      for (const part of inParts(records)) {
        if (!needs.save()) return;
        await needs.busy(() => needs.step({ type: "received", records: part, from: box, via: "sync", session }));
      }
      await needs.busy(() => needs.step({ type: "syncAnswer", session, answer, from: box, given: true }));
      // As long again for everything else.
      const pauseMs = Math.round(clock.monotonicMs() - startMs);
      if (pauseMs > 0) await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    }
  };

  const admitRun = (box: string): Run | undefined => {
    if (runs.has(box)) return undefined;
    if (runs.size >= SYNCS_AT_ONCE_MAX) {
      const [oldest] = [...runs].sort(([, a], [, b]) => a.startedMs - b.startedMs);
      if (!oldest || clock.monotonicMs() - oldest[1].startedMs < SYNC_PATIENCE_MS) return undefined;
      log.debug("a reconciliation that goes on for long gives way", { box: oldest[0] });
      oldest[1].stopped = true;
      runs.delete(oldest[0]);
    }
    const run = { startedMs: clock.monotonicMs(), stopped: false };
    runs.set(box, run);
    return run;
  };

  const isDone = ({ state }: SyncSession, outcome: string) => state.state === "done" && state.outcome === outcome;

  const reconcile = async (box: string): Promise<boolean> => {
    const run = admitRun(box);
    if (!run) return false;
    try {
      for (let pass = 1; ; pass += 1) {
        const session = core.startSync();
        await converse(box, session, run);
        if (isDone(session, "useless") || isDone(session, "protocol")) noteUseless(box);
        if (!isDone(session, "complete")) return false;
        // Some came before those who let them in: the next pass takes them.
        if (session.unknown === 0 || session.taken === 0 || pass >= PASSES_MAX) return true;
      }
    } finally {
      if (runs.get(box) === run) runs.delete(box);
    }
  };

  const noteUseless = (box: string) => {
    log.warn("a box answered with what is of no use; it is left alone for a while", { box });
    uselessUntilMs.delete(box);
    uselessUntilMs.set(box, clock.monotonicMs() + USELESS_PAUSE_MS);
    if (uselessUntilMs.size > USELESS_MAX) uselessUntilMs.delete(uselessUntilMs.keys().next().value!);
  };

  const begin = (box: string) => {
    reconcile(box).catch((error: unknown) => log.debug("a reconciliation broke off", { box, error }));
  };

  return {
    with: reconcile,
    begin,
    withSomebody() {
      const up = needs.peersUp();
      const nowMs = clock.monotonicMs();
      const useful = up.filter((box) => (uselessUntilMs.get(box) ?? 0) <= nowMs && !runs.has(box));
      const boxes = useful.length > 0 ? useful : up;
      turn += 1;
      const near = turn % STRANGER_TURNS === 0 ? [] : nextInRings(needs.self, boxes, PUSH_FANOUT);
      const box = near[turn % near.length] ?? boxes[needs.random.below(boxes.length || 1)];
      if (box) begin(box);
    },
    askOwn(boxes, timeoutMs) {
      const asked = boxes.slice(0, NUMBERS_ASKED_MAX);
      const run: Run = { startedMs: clock.monotonicMs(), stopped: false };
      const one = async (box: string) => {
        const session = core.startSync(needs.self);
        await converse(box, session, run);
        if (!isDone(session, "complete")) throw new Error("no answer");
      };
      return new Promise((resolve) => {
        let first: string | undefined;
        const end = () => {
          run.stopped = true;
          resolve(first);
        };
        const cancel = clock.after(timeoutMs, end);
        const all = asked.map((box) =>
          one(box).then(() => {
            if (first === undefined) clock.after(NUMBERS_GRACE_MS, end);
            first ??= box;
          }),
        );
        void Promise.allSettled(all).then(() => {
          cancel();
          end();
        });
      });
    },
  };
}

/** A message's records in parts, each of which takes no more signature checks than one step may. */
export function inParts(records: unknown): unknown[][] {
  const parts: unknown[][] = [];
  let room = 0;
  for (const record of Array.isArray(records) ? records.slice(0, RECORDS_PER_MESSAGE_MAX) : []) {
    const checks = checksOf(record);
    if (checks > room) {
      parts.push([]);
      room = CHECKS_PER_STEP_MAX;
    }
    parts.at(-1)!.push(record);
    room -= checks;
  }
  return parts;
}
