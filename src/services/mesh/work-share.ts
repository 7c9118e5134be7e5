/**
 * How much of this box's time other boxes may take by what they ask over links. Each has an account of the time that
 * its requests took; it wears off. Who is over its share waits a moment for its answer, which slows an honest box
 * down that catches up, and is refused when it would wait for long. When all together take too much, those pass who
 * took much less than the others, so that an honest neighbour is heard through a flood.
 */
import type { Clock } from "../../kernel/clock.ts";
import { nextTurn } from "../../kernel/clock.ts";
import { fail } from "../../kernel/errors.ts";
import { LINK_LIGHT_BYTES } from "../../platform/constants.ts";
import { TokenBuckets } from "../../protocols/records/token-buckets.ts";

/** Of one box: time at once, and its share of the time after that. */
export const PEER_BURST_MS = 500;
export const PEER_SHARE = 0.1;
/** Of all boxes together. */
export const ALL_BURST_MS = 1_500;
export const ALL_SHARE = 0.5;
/** Who has taken no more than this, or than this part of an equal share, passes even when all took too much. */
export const LIGHT_MS = 100;
export const LIGHT_PART = 0.5;
/** Who would have to wait longer is refused. */
export const WAIT_MS_MAX = 2_000;
/** Requests of one box that are answered or wait at one time. */
export const PEER_AT_ONCE_MAX = 4;
/** A request of no more bytes is small; so many of one box come through at once, and then per second. */
export const SMALL_BYTES_MAX = LINK_LIGHT_BYTES;
export const SMALL_BURST = 64;
export const SMALL_PER_SECOND = 4;
/** Accounts that are kept; the one unused for longest is closed. */
export const ACCOUNTS_MAX = 4_096;

interface Turn {
  account: Account;
  isSmall: boolean;
  take: () => void;
}

interface Account {
  usedMs: number;
  atMs: number;
  atOnce: number;
}

/**
 * Does a part of the work at one go when its turn comes, and charges its time. Only one part of anybody's work is done
 * in one turn of the event loop, of those that wait the one of whom took least so far, so that the box's own pages and
 * honest neighbours come in between.
 */
export type Busy = <T>(part: () => T) => Promise<T>;

export interface WorkShare {
  /**
   * Runs the work when the peer has its turn. Throws `too-many`. Charged are the parts that are given to `busy`. What
   * is small comes through even when the peer is over its share, some times a second: so does an honest box's own news,
   * while it helps to spread a flood.
   */
  run<T>(peer: string, bytes: number, work: (busy: Busy) => Promise<T>): Promise<T>;
  /** For what this box has asked others for: it takes its turn like them, and is never refused. */
  own: Busy;
  /** Requests that were refused. */
  refused(): number;
}

/** `cpuMs`: processor time of this thread so far. What passes while others have the processor is nobody's fault. */
export function createWorkShare(clock: Clock, cpuMs: () => number = threadCpuMs): WorkShare {
  // In order of last use.
  const accounts = new Map<string, Account>();
  const all: Account = { usedMs: 0, atMs: 0, atOnce: 0 };
  const self: Account = { usedMs: 0, atMs: 0, atOnce: 0 };
  const turns: Turn[] = [];
  const small = new TokenBuckets({ burst: SMALL_BURST, perSecond: SMALL_PER_SECOND, bucketsMax: ACCOUNTS_MAX });
  let isTaking = false;
  let refusals = 0;

  const wear = (account: Account, share: number): Account => {
    const nowMs = clock.monotonicMs();
    account.usedMs = Math.max(0, account.usedMs - (nowMs - account.atMs) * share);
    account.atMs = nowMs;
    return account;
  };
  const accountOf = (peer: string): Account => {
    const account = accounts.get(peer) ?? { usedMs: 0, atMs: clock.monotonicMs(), atOnce: 0 };
    accounts.delete(peer);
    accounts.set(peer, account);
    for (const [name, { atOnce }] of accounts) {
      if (accounts.size <= ACCOUNTS_MAX) break;
      if (atOnce === 0) accounts.delete(name);
    }
    return wear(account, PEER_SHARE);
  };
  const lightMs = (): number => {
    let [usedMs, busy] = [0, 0];
    for (const account of accounts.values()) {
      if (wear(account, PEER_SHARE).usedMs <= LIGHT_MS) continue;
      usedMs += account.usedMs;
      busy += 1;
    }
    return Math.max(LIGHT_MS, busy > 0 ? (LIGHT_PART * usedMs) / busy : 0);
  };
  /** Until the peer has its turn, by its own account or by that of all. */
  const waitMs = (account: Account): number => {
    const own = (account.usedMs - PEER_BURST_MS) / PEER_SHARE;
    const ofAll = (wear(all, ALL_SHARE).usedMs - ALL_BURST_MS) / ALL_SHARE;
    return Math.max(0, own, ofAll > 0 && account.usedMs > lightMs() ? ofAll : 0);
  };

  const weightOf = ({ account, isSmall }: Turn) => (isSmall ? -1 : wear(account, PEER_SHARE).usedMs);
  const takeTurns = async (): Promise<void> => {
    if (isTaking) return;
    isTaking = true;
    while (turns.length > 0) {
      let lightest = 0;
      for (const [at, turn] of turns.entries()) if (weightOf(turn) < weightOf(turns[lightest]!)) lightest = at;
      turns.splice(lightest, 1)[0]!.take();
      await nextTurn();
    }
    isTaking = false;
  };
  const busyFor =
    (account: Account, isSmall = false): Busy =>
    (part) =>
      new Promise((resolve, reject) => {
        const take = () => {
          const startMs = cpuMs();
          try {
            resolve(part());
          } catch (error) {
            reject(error as Error);
          }
          const tookMs = cpuMs() - startMs;
          wear(account, PEER_SHARE).usedMs += tookMs;
          if (account !== self) wear(all, ALL_SHARE).usedMs += tookMs;
        };
        turns.push({ account, isSmall, take });
        void takeTurns();
      });

  return {
    own: busyFor(self),
    refused: () => refusals,
    async run(peer, bytes, work) {
      const account = accountOf(peer);
      const isSmall = bytes <= SMALL_BYTES_MAX && small.take(peer, clock.monotonicMs());
      const patienceMs = isSmall ? 0 : waitMs(account);
      if (!isSmall && (account.atOnce >= PEER_AT_ONCE_MAX || patienceMs > WAIT_MS_MAX)) {
        refusals += 1;
        throw fail("too-many", { params: { seconds: Math.ceil(WAIT_MS_MAX / 1000) } });
      }
      account.atOnce += 1;
      try {
        if (patienceMs > 0) await new Promise<void>((resolve) => clock.after(patienceMs, resolve));
        return await work(busyFor(account, isSmall));
      } finally {
        account.atOnce -= 1;
      }
    },
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
