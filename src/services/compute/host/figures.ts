/**
 * What slivers on this host use. Read from the engine once a minute, in one question for all of them, and kept for an
 * hour in memory; and while somebody looks at a sliver, for that one as often as they look, but not more often than
 * every two seconds. A box without slivers asks nothing.
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Instances, InstanceState } from "../../../platform/engine/instances.ts";
import { FIGURES_EVERY_MS, FIGURES_FRESH_MS, FIGURES_KEPT_MAX } from "../constants.ts";
import type { FiguresSample } from "../messages-inside.ts";
import type { Books } from "./books.ts";
import type { Reconciler } from "./reconciler.ts";

export interface FiguresNeeds {
  clock: Clock;
  log: Log;
  books: Books;
  reconciler: Pick<Reconciler, "instanceOf">;
  instances: Pick<Instances, "states" | "state">;
}

/** As the engine counts; what is used up grows until it is started again. */
interface Reading {
  atMs: number;
  cpuNs: number;
  memoryBytes: number;
  diskBytes: number | null;
  processes: number;
  network: { receivedBytes: number; sentBytes: number } | null;
}

interface Two {
  now: Reading;
  before: Reading | undefined;
}

export class Figures {
  readonly #needs: FiguresNeeds;
  /** By sliver: one a minute. */
  readonly #kept = new Map<string, Reading[]>();
  /** By sliver: the last two, of those that run. */
  readonly #last = new Map<string, Two>();
  readonly #asking = new Map<string, Promise<void>>();
  #cancel: Cancel = () => {};

  constructor(needs: FiguresNeeds) {
    this.#needs = needs;
  }

  start(): void {
    const { clock, log } = this.#needs;
    const keep = () => this.#keep().catch((error: unknown) => log.debug("no figures of slivers", { error }));
    this.#cancel = clock.every(FIGURES_EVERY_MS, () => void keep());
  }

  stop(): void {
    this.#cancel();
  }

  /** Throws what the engine says. */
  async of(sliver: string): Promise<{ now: FiguresSample | null; samples: FiguresSample[] }> {
    const { clock } = this.#needs;
    const isFresh = clock.monotonicMs() - (this.#last.get(sliver)?.now.atMs ?? -Infinity) < FIGURES_FRESH_MS;
    if (!isFresh) await this.#look(sliver);
    const nowMs = clock.monotonicMs();
    const last = this.#last.get(sliver);
    const kept = this.#kept.get(sliver) ?? [];
    return {
      now: last ? sampleOf(last.now, last.before, nowMs) : null,
      samples: kept.map((one, index) => sampleOf(one, kept[index - 1], nowMs)),
    };
  }

  /** All who look at once wait for one answer. */
  #look(sliver: string): Promise<void> {
    const { reconciler, instances } = this.#needs;
    const name = reconciler.instanceOf(sliver)?.name;
    if (name === undefined) return Promise.resolve(void this.#last.delete(sliver));
    const under = this.#asking.get(sliver);
    if (under) return under;
    const asking = instances
      .state(name)
      .then((state) => this.#note(sliver, state))
      .finally(() => this.#asking.delete(sliver));
    this.#asking.set(sliver, asking);
    return asking;
  }

  /** One question for all slivers; the engine reads them quicker so than one by one. */
  async #keep(): Promise<void> {
    const { books, reconciler, instances } = this.#needs;
    for (const map of [this.#kept, this.#last]) {
      for (const sliver of map.keys()) if (!books.get(sliver)) map.delete(sliver);
    }
    if (books.size === 0) return;
    const all = new Map((await instances.states()).map((one) => [one.name, one]));
    for (const { sliver } of books.all()) {
      const found = all.get(reconciler.instanceOf(sliver)?.name ?? "");
      this.#note(sliver, found?.state);
      const now = this.#last.get(sliver)?.now;
      if (now) this.#kept.set(sliver, [...(this.#kept.get(sliver) ?? []).slice(1 - FIGURES_KEPT_MAX), now]);
      // Books that were lost, or are older than the engine. One that is being made is in the books before it is there.
      if (found && found.snapshots > books.snapshotsOf(sliver)) books.noteSnapshots(sliver, found.snapshots);
    }
  }

  #note(sliver: string, state: InstanceState | undefined): void {
    if (state?.status !== "running") return void this.#last.delete(sliver);
    const now = readingOf(state, this.#needs.clock.monotonicMs());
    this.#last.set(sliver, { now, before: this.#last.get(sliver)?.now });
  }
}

function readingOf(state: InstanceState, atMs: number): Reading {
  const { cpuNs, memoryBytes, processes, networks } = state;
  const sum = (key: "receivedBytes" | "sentBytes") => networks.reduce((total, one) => total + one[key], 0);
  const network = networks.length > 0 ? { receivedBytes: sum("receivedBytes"), sentBytes: sum("sentBytes") } : null;
  return { atMs, cpuNs, memoryBytes, diskBytes: state.diskBytes ?? null, processes, network };
}

function sampleOf(now: Reading, before: Reading | undefined, nowMs: number): FiguresSample {
  // Whatever was counted before a new start says nothing about it.
  const since = before && before.cpuNs <= now.cpuNs && now.atMs > before.atMs ? before : undefined;
  const seconds = since ? (now.atMs - since.atMs) / 1000 : 0;
  const rate = (key: "receivedBytes" | "sentBytes") =>
    since?.network && now.network ? Math.max(0, (now.network[key] - since.network[key]) / seconds) : null;
  return {
    ageMs: Math.max(0, nowMs - now.atMs),
    cores: since ? (now.cpuNs - since.cpuNs) / 1e9 / seconds : null,
    ...{ memoryBytes: now.memoryBytes, diskBytes: now.diskBytes, processes: now.processes },
    ...{ receivedBytesPerS: rate("receivedBytes"), sentBytesPerS: rate("sentBytes") },
  };
}
