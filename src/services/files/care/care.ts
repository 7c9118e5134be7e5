/**
 * Care: goes round all that the accounts of this box keep, renews leases, and repairs what is weak, one thing at a time
 * and within a budget, whether or not anybody is there. Then it does the same for boxes that are away.
 *
 *   waiting ──(something is due)──► checking ◄──► repairing          held: too few servers answer
 *      ▲                               │                             off: nothing of its own, or no server is known
 *      └────────(end of the round)─────┘
 *
 * Nothing is due twice: each file's last check is on the disk, so that a restart goes on where it was.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Grid } from "../grid/grid.ts";
import type { CareStore, HealthRow } from "./care-store.ts";
import type { Checking, Tended } from "./checking.ts";
import { isRepairDue, repairBytes } from "./checking.ts";
import {
  CARE_EVERY_MS,
  CARE_LOOK_MS,
  CHECK_BYTES,
  REACHABLE_MIN,
  SERVERS_SETTLED_MS,
  WEAK_EVERY_MS,
} from "./constants.ts";
import type { Deposits } from "./deposits.ts";
import type { Notes } from "./notes.ts";
import type { Pace } from "./pace.ts";
import { createServerChanges } from "./server-changes.ts";

export interface CareAccount {
  account: string;
  grid: Grid;
  checking: Checking;
  /** All that is kept for it: files, folders, former versions, the trash. */
  walk: (signal: AbortSignal) => AsyncIterable<Tended>;
}

export interface CareStatus {
  state: "off" | "waiting" | "checking" | "repairing" | "held";
  checkedMs: number | undefined;
  healthy: number;
  weak: number;
  lost: number;
  running: { kind: "check" | "repair"; done: number; total: number } | undefined;
}

export interface Care {
  start(): void;
  status(account?: string): CareStatus;
  /** An account keeps more than at the last round: the next look begins another one. What is known is not due again. */
  again(): void;
  stop(): Promise<void>;
}

export interface CareNeeds {
  clock: Clock;
  log: Log;
  rows: CareStore;
  pace: Pace;
  deposits: Deposits;
  /** Those that keep something here. */
  accounts: () => Promise<readonly CareAccount[]>;
  notes: Notes;
  changed: () => void;
  times?: Partial<typeof TIMES>;
}

const TIMES = { lookMs: CARE_LOOK_MS, settledMs: SERVERS_SETTLED_MS, weakMs: WEAK_EVERY_MS };

const ROUND_NOTE = "care-round";

interface Round {
  number: number;
  beganMs: number;
  /** Before `beganMs` while it is under way. */
  endedMs: number;
  /** Something could not be looked at or repaired, or a folder not be read: another round follows within the hour. */
  hasFailed?: boolean;
}

export function createCare(needs: CareNeeds): Care {
  const { clock, log, rows, changed } = needs;
  const { lookMs, settledMs, weakMs } = { ...TIMES, ...needs.times };
  let state: CareStatus["state"] = "off";
  let running: CareStatus["running"];
  let isBusy: Promise<void> | undefined;
  let cancel = () => {};
  let isWantedAgain = false;
  const stopping = new AbortController();
  const { signal } = stopping;

  const round: Round = needs.notes.read<Round>(ROUND_NOTE) ?? { number: 1, beganMs: 0, endedMs: 0 };
  const changes = createServerChanges(clock, needs.notes, settledMs);
  const show = (next: CareStatus["state"], now?: CareStatus["running"]) => {
    if (state === next && !now && !running) return;
    [state, running] = [next, now];
    changed();
  };
  /** What was checked before this is due again. */
  const dueBeforeMs = (grid: Grid): number => {
    const up = grid.servers().filter((server) => server.state() === "up");
    return Math.max(clock.wallMs() - CARE_EVERY_MS, changes.sinceMs(up.map(({ id }) => id)));
  };
  /** After what an earlier run noted, also in this very millisecond. */
  const startedMs = clock.wallMs() + 1;
  /** What is not well, and was not looked at since: a stop may have come between finding that and repairing it. */
  const badDueMs = (nowMs: number) => Math.max(nowMs - weakMs, startedMs);
  const isDue = (known: HealthRow | undefined, beforeMs: number): boolean => {
    const nowMs = clock.wallMs();
    // A time to come: the clock was set back.
    if (!known || known.checkedMs < beforeMs || known.checkedMs > nowMs) return true;
    return known.state !== "healthy" && known.checkedMs < badDueMs(nowMs);
  };

  const tend = async ({ account, checking }: CareAccount, at: Tended, beforeMs: number) => {
    const storageIndex = checking.storageIndexOf(at.cap);
    if (storageIndex === undefined) return;
    if (!isDue(rows.health(account, storageIndex), beforeMs)) {
      return void rows.seen(account, storageIndex, round.number);
    }
    const options = { round: round.number, signal };
    const result = await checking.check(at, options);
    await needs.pace.spend(CHECK_BYTES, signal);
    if (!isRepairDue(result, rows.health(account, storageIndex), clock.wallMs())) return;
    show("repairing", running && { ...running, kind: "repair" });
    const repaired = await checking.repair(at, options);
    const { written, after, isHeld } = repaired;
    if (isHeld) log.info("a file waits for more servers before it is repaired", { storageIndex });
    else log.info("a file was repaired", { storageIndex, written, state: after.state });
    await needs.pace.spend(repairBytes(at.cap, repaired, CHECK_BYTES), signal);
  };

  const tendAccount = async (one: CareAccount, beforeMs: number) => {
    const counts = rows.counts(one.account);
    const total = counts.healthy + counts.weak + counts.lost;
    let done = 0;
    let isWhole = true;
    for await (const at of one.walk(signal)) {
      if (!isReachable(one.grid)) return false;
      try {
        await tend(one, at, beforeMs);
      } catch (error) {
        if (signal.aborted) throw error;
        // One file that cannot be checked or repaired does not hold up the others; the next round tries again.
        log.warn("a file could not be tended", { error });
        round.hasFailed = true;
      }
      done += 1;
      if (at.failure) isWhole = false;
      show("checking", { kind: "check", done, total: Math.max(done, total) });
    }
    if (isWhole) rows.dropUnseen(one.account, round.number);
    else round.hasFailed = true;
    return true;
  };

  const look = async () => {
    const accounts = await needs.accounts();
    const grid = accounts[0]?.grid ?? (await needs.deposits.grid());
    if (!grid || grid.servers().length === 0) return show("off");
    if (!isReachable(grid)) return show("held");
    const beforeMs = dueBeforeMs(grid);
    if (accounts.length === 0) {
      show("off");
      return await needs.deposits.tend(beforeMs, signal);
    }
    if (round.endedMs >= round.beganMs) {
      const nowMs = clock.wallMs();
      const badMs = badDueMs(nowMs);
      const isBadDue = (round.hasFailed && round.beganMs < badMs) || rows.hasBadBefore(badMs);
      const isTime = round.beganMs < beforeMs || round.beganMs > nowMs || isBadDue;
      if (!isTime && !isWantedAgain) {
        show("waiting");
        return await needs.deposits.tend(beforeMs, signal);
      }
      isWantedAgain = false;
      Object.assign(round, { number: round.number + 1, beganMs: nowMs, endedMs: nowMs - 1, hasFailed: false });
      needs.notes.write(ROUND_NOTE, round);
    }
    let isWhole = true;
    for (const one of accounts) {
      if (!(await tendAccount(one, beforeMs))) isWhole = false;
    }
    if (!isWhole) return show("held");
    rows.dropOthers(accounts.map(({ account }) => account));
    round.endedMs = Math.max(round.beganMs, clock.wallMs());
    needs.notes.write(ROUND_NOTE, round);
    for (const { account } of accounts) await needs.deposits.leave(account, signal);
    show("waiting");
  };

  const step = () => {
    isBusy ??= look()
      .catch((error: unknown) => {
        if (!signal.aborted) log.error("care was broken off", { error });
      })
      .finally(() => (isBusy = undefined));
  };
  return {
    start() {
      cancel = clock.every(lookMs, step);
    },
    status(account) {
      const isOver = round.endedMs >= round.beganMs && round.endedMs > 0;
      const checkedMs = isOver ? round.endedMs : undefined;
      return { state, checkedMs, ...rows.counts(account), running };
    },
    again() {
      isWantedAgain = true;
    },
    async stop() {
      cancel();
      stopping.abort(new Error("the service stops"));
      await isBusy;
    },
  };
}

/** Do enough servers answer that what is missing is missed for good? */
export function isReachable(grid: Grid): boolean {
  const servers = grid.servers();
  const up = servers.filter((server) => server.state() === "up" || server.state() === "slow").length;
  return up > 0 && up >= servers.length * REACHABLE_MIN;
}
