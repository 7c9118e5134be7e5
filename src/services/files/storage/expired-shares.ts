/**
 * Gives the room of shares back that nobody wants any more. A share goes when none of its leases holds, their end is
 * long past, and in as many rounds in a row, at most one a day, nobody has renewed one. Rounds are counted, besides
 * asking the clock, so that neither a clock that leaps a year ahead nor a box that was switched off for a summer costs
 * anybody a file: whoever still wants it has all those days to say so.
 *
 *   resting ──(a day later by the clock, some hours of running)──► going round, a little at each look ──► resting
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { ifRoom } from "../../../platform/disk-room.ts";
import {
  EXPIRED_LOOKED_AT_ONCE,
  EXPIRED_LOOK_MS,
  EXPIRED_REMOVED_AT_ONCE,
  EXPIRED_ROUND_MS,
  EXPIRED_RUNNING_MS,
} from "./constants.ts";
import type { ShareStore } from "./share-store.ts";

const DAY_S = 86_400;

export interface ExpiryRound {
  number: number;
  /** Of the wall. */
  beganMs: number;
  isOver: boolean;
}

/** What is kept over restarts. */
export interface ExpiryRows {
  round(): ExpiryRound | undefined;
  setRound(round: ExpiryRound): void;
  /** In how many rounds in a row, up to this one or the one before, it was seen without a lease. */
  roundsOf(storageIndex: string, share: number, round: number): number;
  /** Seen so in this round, too. All of them in one transaction. */
  count(seen: readonly { storageIndex: string; share: number }[], round: number): void;
  /** Those that were not seen so in this round: somebody wants them again, or they are gone. */
  forgetBefore(round: number): void;
}

export interface ExpiredSharesNeeds {
  store: Pick<ShareStore, "storageIndexes" | "removeExpired">;
  rows: ExpiryRows;
  clock: Clock;
  log: Log;
  /** 0: nothing is removed. */
  keepDays: () => number;
  /** False while the other boxes say that our clock is wrong. */
  isClockRight: () => boolean;
}

export class ExpiredShares {
  readonly #needs: ExpiredSharesNeeds;
  #round: ExpiryRound;
  /** By the monotonic clock: since when it has run without a new round. */
  #ranSinceMs: number;
  #walk: AsyncGenerator<string> | undefined;
  #looking: Promise<void> | undefined;
  readonly #cancel: () => void;

  constructor(needs: ExpiredSharesNeeds) {
    this.#needs = needs;
    this.#round = needs.rows.round() ?? { number: 0, beganMs: 0, isOver: true };
    this.#ranSinceMs = needs.clock.monotonicMs();
    this.#cancel = needs.clock.every(EXPIRED_LOOK_MS, () => void this.look());
  }

  async close(): Promise<void> {
    this.#cancel();
    await this.#looking;
  }

  /** A few more storage indexes, when it is time. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.#needs.log.error("expired shares could not be removed", { error }))
      .finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { rows, keepDays, isClockRight, log } = this.#needs;
    if (keepDays() <= 0 || !isClockRight() || (this.#round.isOver && !this.#begin())) return;
    this.#walk ??= this.#needs.store.storageIndexes();
    const { number } = this.#round;
    const seen: { storageIndex: string; share: number }[] = [];
    const removed = { shares: 0, bytes: 0 };
    for (let looked = 0; looked < EXPIRED_LOOKED_AT_ONCE && removed.shares < EXPIRED_REMOVED_AT_ONCE; looked += 1) {
      const { value: storageIndex, done } = await this.#walk.next();
      if (done) {
        this.#end();
        break;
      }
      const one = await this.#lookAt(storageIndex, seen);
      removed.shares += one.removed;
      removed.bytes += one.bytes;
    }
    // A full disk takes no notes; what has been counted before can go all the same.
    ifRoom(() => rows.count(seen, number));
    if (!this.#walk) ifRoom(() => rows.forgetBefore(number));
    if (removed.shares > 0) log.info("shares that nobody wants any more were removed", removed);
  }

  #lookAt(storageIndex: string, seen: { storageIndex: string; share: number }[]) {
    const { store, rows, clock, keepDays } = this.#needs;
    const { number } = this.#round;
    const goneS = clock.wallMs() / 1000 - keepDays() * DAY_S;
    return store.removeExpired(storageIndex, (share, endedS) => {
      seen.push({ storageIndex, share });
      return endedS <= goneS && rows.roundsOf(storageIndex, share, number) >= keepDays();
    });
  }

  #begin(): boolean {
    const { clock, rows } = this.#needs;
    const nowMs = clock.wallMs();
    // A clock that was set back does not make it wait until the same time comes again.
    if (Math.abs(nowMs - this.#round.beganMs) < EXPIRED_ROUND_MS) return false;
    if (clock.monotonicMs() - this.#ranSinceMs < EXPIRED_RUNNING_MS) return false;
    this.#ranSinceMs = clock.monotonicMs();
    this.#round = { number: this.#round.number + 1, beganMs: nowMs, isOver: false };
    ifRoom(() => rows.setRound(this.#round));
    return true;
  }

  #end(): void {
    this.#walk = undefined;
    this.#round = { ...this.#round, isOver: true };
    ifRoom(() => this.#needs.rows.setRound(this.#round));
  }
}
