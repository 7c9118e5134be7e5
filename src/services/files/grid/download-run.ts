/**
 * A run of segments from the k shares that are quickest there: asks k, asks another one for each that is late, and
 * takes the first k that are whole. What a frozen server costs is the time until it is late, once.
 */
import type { Clock } from "../../../kernel/clock.ts";
import type { ChkFile } from "../../../protocols/grid/chk-decoder.ts";
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import type { RunShare } from "../../../protocols/grid/chk-run.ts";
import type { Progress } from "../../../protocols/grid/chk-share-reader.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { filesErrors } from "../errors.ts";
import {
  HEDGES_MAX,
  READ_LAST_MAX_MS,
  READ_LATE_FACTOR,
  READ_LATE_MIN_MS,
  READ_LATE_UNKNOWN_MS,
  READ_NEAR_MS,
  READ_ROUNDS_MAX,
  READ_TIMES_KEPT,
} from "./constants.ts";
import type { ShareFinder, ShareSource } from "./download-finding.ts";
import { ServerError, type AnswerMemory } from "./server.ts";

export interface Run {
  first: number;
  count: number;
}

/** Where in the file a run lies is known for sure only when the file's parameters are. */
export interface RunWish {
  atByte: number;
  bytes: number;
  of(params: ChkParams): Run;
}

export interface RunsNeeds {
  clock: Clock;
  file: ChkFile;
  finder: ShareFinder;
  storageIndex: string;
  signal: AbortSignal;
  /** For what comes; parts of shares that `fetch` gives are to be given back there. */
  memory: AnswerMemory;
}

interface Reading {
  source: ShareSource;
  startedMs: number;
  isLate: boolean;
  controller: AbortController;
}

export class Runs {
  readonly #needs: RunsNeeds;
  readonly #tookMs: number[] = [];
  readonly #wakes = new Set<() => void>();

  constructor(needs: RunsNeeds) {
    this.#needs = needs;
  }

  /** To be called when the finder has news. */
  readonly wake = (): void => {
    for (const wake of this.#wakes) wake();
  };

  /**
   * k shares' parts of the run, not checked yet. Failures: files-unreachable, files-damaged; the signal's reason.
   */
  async fetch(wish: RunWish): Promise<{ shares: RunShare[]; sources: ShareSource[] }> {
    const { file, finder, clock, signal, memory } = this.#needs;
    const { k } = file.cap;
    let isOver = false;
    const got = new Map<number, { source: ShareSource; share: RunShare }>();
    const readings = new Set<Reading>();
    const startedMs = clock.monotonicMs();
    let firstTookMs: number | undefined;
    const begin = (source: ShareSource) => {
      const reading = { source, startedMs: clock.monotonicMs(), isLate: false, controller: new AbortController() };
      readings.add(reading);
      void this.#read(reading, wish).then((share) => {
        readings.delete(reading);
        if (share && isOver) memory.giveBack(share.bytes);
        else if (share) {
          firstTookMs ??= clock.monotonicMs() - reading.startedMs;
          got.set(source.number, { source, share });
        }
        this.wake();
      });
    };
    try {
      for (;;) {
        signal.throwIfAborted();
        if (finder.bug !== undefined) throw finder.bug;
        if (got.size >= k) break;
        for (const reading of readings) this.#judge(reading, firstTookMs);
        this.#beginSome(got, readings, begin);
        const isHopeless = readings.size === 0 && finder.isOver;
        const areAllLate = [...readings].every(({ isLate }) => isLate) && finder.areAllAsked;
        if (isHopeless || (areAllLate && clock.monotonicMs() - startedMs > READ_LAST_MAX_MS)) throw this.#failure();
        await this.#change();
      }
      const chosen = [...got.values()].slice(0, k);
      for (const { share } of [...got.values()].slice(k)) memory.giveBack(share.bytes);
      return { shares: chosen.map(({ share }) => share), sources: chosen.map(({ source }) => source) };
    } finally {
      isOver = true;
      for (const { controller } of readings) controller.abort(new Error("others were quicker"));
    }
  }

  /** The share's bytes are wrong: it is used no more, and its server told. */
  spoil(source: ShareSource, error: GridError): void {
    if (source.state === "damaged") return;
    source.state = "damaged";
    const { server, number } = source;
    server.advise("immutable", this.#needs.storageIndex, number, error.message).catch((problem: unknown) => {
      if (!(problem instanceof ServerError)) this.#needs.finder.bug = problem;
    });
  }

  #beginSome(
    got: ReadonlyMap<number, unknown>,
    readings: ReadonlySet<Reading>,
    begin: (source: ShareSource) => void,
  ): void {
    const { file, finder } = this.#needs;
    const { k } = file.cap;
    for (;;) {
      const prompt = [...readings].filter(({ isLate }) => !isLate).length;
      if (got.size + prompt >= k) return;
      const busy = new Set([...readings].map(({ source }) => source));
      const prompted = new Set([...readings].filter(({ isLate }) => !isLate).map(({ source }) => source.number));
      const next = this.#best(({ number }) => !got.has(number) && !prompted.has(number), busy);
      if (!next || next.lates > 0) finder.look();
      if (!next) return;
      // As many as may be under way are late: the one that began first makes room.
      if (readings.size >= k + HEDGES_MAX) this.#giveUp([...readings].find(({ isLate }) => isLate)!);
      if (readings.size >= k + HEDGES_MAX) return;
      begin(next);
    }
  }

  /** Its end is noted when its request has ended. */
  #giveUp({ source, controller }: Reading): void {
    if (source.state === "good") source.state = "gone";
    controller.abort(new Error("others are quicker"));
  }

  /**
   * Of the good ones the one that was late least, then the quickest, then one whose blocks are the content itself and
   * need no decoding, then the first that was found.
   */
  #best(isWanted: (source: ShareSource) => boolean, busy: ReadonlySet<ShareSource>): ShareSource | undefined {
    const { k } = this.#needs.file.cap;
    const servers = new Set([...busy].map(({ server }) => server));
    const load = ({ lates, server }: ShareSource) => lates * 2 + (servers.has(server) ? 1 : 0);
    const rank = ({ server }: ShareSource) => server.responseMs() ?? 0;
    const isBetter = (one: ShareSource, other: ShareSource) => {
      const [less, oneMs, otherMs] = [load(one) - load(other), rank(one), rank(other)];
      if (less !== 0) return less < 0;
      const differ = Math.max(oneMs, otherMs) > Math.min(oneMs, otherMs) * 2;
      if (differ && Math.abs(oneMs - otherMs) > READ_NEAR_MS) return oneMs < otherMs;
      return one.number < k && other.number >= k;
    };
    let best: ShareSource | undefined;
    for (const source of this.#needs.finder.sources) {
      if (source.state !== "good" || busy.has(source) || !isWanted(source)) continue;
      if (!best || isBetter(source, best)) best = source;
    }
    return best;
  }

  #judge(reading: Reading, firstTookMs: number | undefined): void {
    if (reading.isLate) return;
    const usualMs = this.#tookMs.toSorted((a, b) => a - b)[Math.floor(this.#tookMs.length / 2)];
    const compareMs = Math.max(firstTookMs ?? 0, usualMs ?? 0);
    const lateMs = compareMs > 0 ? Math.max(READ_LATE_MIN_MS, compareMs * READ_LATE_FACTOR) : READ_LATE_UNKNOWN_MS;
    if (this.#needs.clock.monotonicMs() - reading.startedMs < lateMs) return;
    reading.isLate = true;
    reading.source.lates++;
  }

  /** Undefined when the share is of no use; that is noted in its source. */
  async #read({ source, startedMs, controller }: Reading, wish: RunWish): Promise<RunShare | undefined> {
    const { clock, signal } = this.#needs;
    const both = AbortSignal.any([signal, controller.signal]);
    const { reader } = source;
    try {
      const { params } = await this.#drive(source, () => reader.open(wish.atByte, wish.bytes), both);
      const { first, count } = wish.of(params);
      const share = await this.#drive(source, () => reader.run(first, count), both);
      this.#tookMs.push(clock.monotonicMs() - startedMs);
      if (this.#tookMs.length > READ_TIMES_KEPT) this.#tookMs.shift();
      return share;
    } catch (error) {
      if (both.aborted) return undefined;
      if (error instanceof GridError) this.spoil(source, error);
      else if (error instanceof ServerError) source.state = "gone";
      else this.#needs.finder.bug = error;
      return undefined;
    }
  }

  async #drive<T>(source: ShareSource, ask: () => Progress<T>, signal: AbortSignal): Promise<T> {
    const { server, number, reader } = source;
    for (let round = 0; round < READ_ROUNDS_MAX; round++) {
      const progress = ask();
      if (progress.state === "ready") return progress.value;
      const reads = progress.ranges.map(async (range) => {
        const { storageIndex, memory } = this.#needs;
        const bytes = await server.read("immutable", storageIndex, number, range, signal, memory);
        reader.feed(range, bytes);
      });
      await Promise.all(reads);
    }
    throw new GridError("bad-share", "it is never whole");
  }

  #failure(): Error {
    const { file, finder } = this.#needs;
    const { k: needed } = file.cap;
    const found = new Set(finder.sources.map(({ number }) => number)).size;
    const good = new Set(finder.sources.filter(({ state }) => state !== "damaged").map(({ number }) => number)).size;
    if (good < found && good < needed) return filesErrors.fail("files-damaged", { params: { good, needed } });
    return filesErrors.fail("files-unreachable", { params: { found: good, needed } });
  }

  /** Until something has changed, or somebody may be late. */
  async #change(): Promise<void> {
    const { clock, signal } = this.#needs;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wakes.add(wake);
    const cancel = clock.after(READ_LATE_MIN_MS / 5, wake);
    signal.addEventListener("abort", wake);
    await promise;
    signal.removeEventListener("abort", wake);
    this.#wakes.delete(wake);
    cancel();
  }
}
