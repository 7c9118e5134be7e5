/**
 * All shares of a file on their way, side by side: a few chunks of each under way, no more read and encoded than that,
 * and nobody who holds up all others for long. Whom to give up is judged by the others, not by a fixed speed: on a
 * slow line all are slow.
 */
import type { Clock } from "../../../kernel/clock.ts";
import {
  CHUNKS_AHEAD,
  CHUNK_TIMES_KEPT,
  STALLS_MAX_MS,
  STALLS_MAX_SHARE,
  STALL_AT_END_MAX_MS,
  STALL_LAST_MAX_MS,
  STALL_MAX_MS,
  STALL_TICK_MS,
} from "./constants.ts";
import type { ShareSender } from "./upload-share.ts";

export interface SendingNeeds {
  clock: Clock;
  signal: AbortSignal;
  /** Whether the file will be spread well enough without what these servers have yet to get. */
  mayLose(servers: ReadonlySet<string>): boolean;
  /** Chunks that every share has had answered. */
  onProgress(chunks: number): void;
}

export class Sending {
  readonly senders: ShareSender[] = [];
  readonly #needs: SendingNeeds;
  readonly #startedMs: number;
  /** Of each server: how long all others have had nothing to do because of it. */
  readonly #stalledMs = new Map<string, number>();
  readonly #tookMs: number[] = [];
  #wake: () => void = () => {};

  constructor(needs: SendingNeeds) {
    this.#needs = needs;
    this.#startedMs = needs.clock.monotonicMs();
  }

  /** To be called by the senders. */
  readonly onChange = (): void => {
    this.#wake();
  };

  readonly onTook = (ms: number): void => {
    this.#tookMs.push(ms);
    if (this.#tookMs.length > CHUNK_TIMES_KEPT) this.#tookMs.shift();
  };

  /** Waits until each share may get one more chunk. Rejects with the signal's reason only. */
  room(): Promise<void> {
    return this.#until(({ pending }) => pending < CHUNKS_AHEAD, STALL_MAX_MS);
  }

  /** Waits until every chunk was answered. Rejects only with the signal's reason. */
  drain(): Promise<void> {
    return this.#until(({ pending }) => pending === 0, STALL_AT_END_MAX_MS);
  }

  async #until(isFree: (sender: ShareSender) => boolean, stallMaxMs: number): Promise<void> {
    const { clock, signal } = this.#needs;
    let idleSinceMs: number | undefined;
    let lookedMs = clock.monotonicMs();
    for (;;) {
      signal.throwIfAborted();
      const broken = this.senders.find(({ bug }) => bug !== undefined);
      if (broken) throw broken.bug;
      const active = this.senders.filter(({ state, pending }) => state === "sending" || pending > 0);
      this.#tell(active);
      const late = active.filter((sender) => !isFree(sender));
      if (late.length === 0) return;
      const nowMs = clock.monotonicMs();
      const isIdle = active.every((sender) => late.includes(sender) || sender.pending === 0);
      if (isIdle && idleSinceMs !== undefined) {
        this.#judge(late, active, { idleMs: nowMs - idleSinceMs, sinceLookedMs: nowMs - lookedMs, stallMaxMs });
      }
      idleSinceMs = isIdle ? (idleSinceMs ?? nowMs) : undefined;
      lookedMs = nowMs;
      await this.#change();
    }
  }

  /** `late` are the ones because of whom all others wait. */
  #judge(
    late: readonly ShareSender[],
    active: readonly ShareSender[],
    times: { idleMs: number; sinceLookedMs: number; stallMaxMs: number },
  ) {
    const servers = new Set(late.map(({ server }) => server.id));
    const all = new Set(this.senders.filter(({ state }) => state !== "lost").map(({ server }) => server.id));
    let longestMs = 0;
    for (const id of servers) {
      const stalledMs = (this.#stalledMs.get(id) ?? 0) + times.sinceLookedMs;
      this.#stalledMs.set(id, stalledMs);
      longestMs = Math.max(longestMs, stalledMs);
    }
    const elapsedMs = this.#needs.clock.monotonicMs() - this.#startedMs;
    const isLate =
      times.idleMs > Math.max(times.stallMaxMs, this.#usualMs()) ||
      (times.stallMaxMs === STALL_MAX_MS && longestMs > STALLS_MAX_MS + elapsedMs * STALLS_MAX_SHARE);
    if (!isLate) return;
    const areFew = servers.size * 2 <= all.size;
    const lost = this.senders.filter(({ state }) => state === "lost").map(({ server }) => server.id);
    if ((areFew && this.#needs.mayLose(new Set([...lost, ...servers]))) || times.idleMs > STALL_LAST_MAX_MS) {
      for (const sender of active) if (servers.has(sender.server.id)) sender.lose();
    }
  }

  #usualMs(): number {
    return this.#tookMs.toSorted((a, b) => a - b)[Math.floor(this.#tookMs.length / 2)] ?? 0;
  }

  #tell(active: readonly ShareSender[]): void {
    if (active.length > 0) this.#needs.onProgress(Math.min(...active.map(({ answered }) => answered)));
  }

  /** Until something has changed, or it is time to look again. */
  async #change(): Promise<void> {
    const { clock, signal } = this.#needs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const cancel = clock.after(STALL_TICK_MS, resolve);
    const wake = () => resolve();
    signal.addEventListener("abort", wake);
    await promise;
    signal.removeEventListener("abort", wake);
    cancel();
  }
}
