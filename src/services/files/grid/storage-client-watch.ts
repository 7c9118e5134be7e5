/**
 * Whether a storage server is there. Its own traffic says so as long as there is any; when it has been quiet, and the
 * sooner the less it has been quiet, its version is asked for.
 *
 *              answer                       silent, or a request failed
 *   unknown ──────────► up ───────────────────────────────────────────► slow
 *                        ▲ ◄──────────── answer ──────────────────────────┘│
 *                        │ answer to the poll                              │ polls that fail
 *                        └─────────────────────── away ◄───────────────────┘
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import type { ServerState } from "./server.ts";

/** Asked for something, and nothing has moved for so long: others are better asked. */
export const SLOW_AFTER_MS = 2000;
/** From one look to the next while it is in use. */
export const POLL_MIN_MS = 5000;
/** The interval doubles up to this while nobody uses it: 20 servers at rest cost four small requests a minute. */
export const POLL_MAX_MS = 300_000;
/** A poll that failed is repeated after this time; when it is away, the interval doubles from here. */
export const POLL_AGAIN_MS = 1000;
/** However much it is in use, its room is asked for this often. */
export const POLL_ROOM_MS = 60_000;
export const POLL_TIMEOUT_MS = 5000;
/** Polls that fail one after the other, and it is away. */
export const AWAY_AFTER_POLLS = 2;
/** Looks at many servers are spread over this part of the interval. */
const SPREAD = 0.2;

export interface WatchNeeds {
  clock: Clock;
  random: Random;
  /** Asks for the version; rejects when there was no good answer in time. */
  poll: () => Promise<void>;
  /** A look at it was in vain. */
  onMissed: () => void;
  onAway: () => void;
}

export class ServerWatch {
  readonly #needs: WatchNeeds;
  #isWatching = false;
  #cancel: Cancel = () => {};
  #intervalMs = POLL_MIN_MS;
  #polling: Promise<void> | undefined;
  #failedPolls = 0;
  /** When the last poll was answered. */
  #polledMs = Number.NEGATIVE_INFINITY;
  /** When the last poll failed. */
  #failedMs = Number.NEGATIVE_INFINITY;
  #underWay = 0;
  /** Since something moved, or since the first of the requests under way began. */
  #quietSinceMs = 0;
  #answeredMs: number | undefined;
  #isDoubtful = false;
  #isAway = false;

  constructor(needs: WatchNeeds) {
    this.#needs = needs;
  }

  start(): void {
    this.#isWatching = true;
    this.#schedule(0);
  }

  stop(): void {
    this.#isWatching = false;
    this.#cancel();
  }

  state(): ServerState {
    if (this.#isAway) return "away";
    const isSilent = this.#underWay > 0 && this.#now() - this.#quietSinceMs > SLOW_AFTER_MS;
    if (isSilent || this.#isDoubtful) return "slow";
    return this.#answeredMs === undefined ? "unknown" : "up";
  }

  /** A request begins. It is in use, so it is looked at often. */
  began(): void {
    if (this.#underWay === 0) this.#quietSinceMs = this.#now();
    this.#underWay += 1;
    if (this.#intervalMs <= POLL_MIN_MS || this.#isAway) return;
    this.#intervalMs = POLL_MIN_MS;
    this.#schedule(POLL_MIN_MS);
  }

  ended(): void {
    this.#underWay -= 1;
  }

  /** A byte came or went. */
  moved(): void {
    this.#quietSinceMs = this.#now();
  }

  /** It answered as a storage server. */
  answered(): void {
    this.#answeredMs = this.#now();
    this.#quietSinceMs = this.#answeredMs;
    this.#isDoubtful = false;
    this.#isAway = false;
    this.#failedPolls = 0;
  }

  /** A request got no answer: is it there at all? */
  failed(): void {
    this.#isDoubtful = true;
    if (this.#isWatching && !this.#isAway) this.look();
  }

  /** Asks now, unless it is being asked or was a moment ago. Resolves with whether it is there. */
  async look(): Promise<boolean> {
    const isRecent = this.#now() - this.#failedMs < POLL_AGAIN_MS;
    if (!isRecent || this.#polling) await this.#poll();
    return !this.#isAway;
  }

  #poll(): Promise<void> {
    this.#cancel();
    this.#polling ??= this.#pollOnce().finally(() => {
      this.#polling = undefined;
      this.#schedule(this.#intervalMs);
    });
    return this.#polling;
  }

  async #pollOnce(): Promise<void> {
    const wasAway = this.#isAway;
    const startedMs = this.#now();
    try {
      await this.#needs.poll();
      this.answered();
      this.#polledMs = this.#now();
      const longerMs = this.#underWay > 0 || wasAway ? POLL_MIN_MS : 2 * this.#intervalMs;
      this.#intervalMs = Math.min(Math.max(longerMs, POLL_MIN_MS), POLL_MAX_MS);
    } catch {
      // On a thin line the poll comes late behind our own data: what moved meanwhile says more.
      if (this.#underWay > 0 && this.#quietSinceMs > startedMs) {
        this.#polledMs = this.#now();
        return;
      }
      this.#needs.onMissed();
      this.#failedMs = this.#now();
      this.#failedPolls += 1;
      this.#isDoubtful = true;
      if (this.#failedPolls < AWAY_AFTER_POLLS) {
        this.#intervalMs = POLL_AGAIN_MS;
        return;
      }
      this.#intervalMs = wasAway ? Math.min(2 * this.#intervalMs, POLL_MAX_MS) : POLL_MIN_MS;
      this.#isAway = true;
      if (!wasAway) this.#needs.onAway();
    }
  }

  #schedule(delayMs: number): void {
    this.#cancel();
    if (!this.#isWatching) return;
    const spreadMs = delayMs * SPREAD * this.#needs.random.float();
    this.#cancel = this.#needs.clock.after(delayMs - spreadMs, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const sinceMs = this.#now() - (this.#answeredMs ?? Number.NEGATIVE_INFINITY);
    // What moved in its own traffic says that it is there; only how much room it has a poll alone can tell.
    const movedMs = this.#underWay > 0 ? this.#now() - this.#quietSinceMs : Number.POSITIVE_INFINITY;
    const isSeen = !this.#isDoubtful && Math.min(sinceMs, movedMs) < POLL_MIN_MS / 2;
    if (isSeen && this.#now() - this.#polledMs < POLL_ROOM_MS) this.#schedule(this.#intervalMs);
    else await this.#poll();
  }

  #now(): number {
    return this.#needs.clock.monotonicMs();
  }
}
