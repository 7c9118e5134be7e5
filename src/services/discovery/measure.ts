/**
 * Measures other boxes' services from here: when somebody looks at one, and in turns on a schedule, the one that was
 * measured longest ago first. Keeps the figures of each in memory, and its samples in the store.
 */
import type { Clock } from "../../kernel/clock.ts";
import { ifRoom } from "../../platform/disk-room.ts";
import type { ServiceView } from "./client.ts";
import { LOSS_WINDOW } from "./quality.ts";
import type { DiscoveryStore, Sample } from "./store.ts";
import { SAMPLES_PER_SERVICE_MAX } from "./store.ts";

/** Scheduled measurements begin at most this often, however many services there are. */
export const MEASURE_PAUSE_MS_MIN = 500;
/** Services whose figures are kept; beyond it the one measured longest ago is forgotten. */
export const MEASURED_MAX = 20_000;

export interface MeasuredFacts {
  last: Sample | null;
  loss: number | null;
  success7d: number | null;
  /** When it was last passed over. */
  skippedMs?: number;
}

export interface MeasureNeeds {
  clock: Clock;
  rows: DiscoveryStore;
  /** Candidates for the schedule: others' services whose box is there. */
  candidates: () => ServiceView[];
  intervalMs: () => number;
  /** Undefined when this service is not to be measured. */
  probe: (service: ServiceView) => Promise<Omit<Sample, "atMs"> | undefined>;
  changed: () => void;
}

export interface Measure {
  of(id: string): MeasuredFacts;
  /** Samples of one service, oldest first. */
  history(id: string): Sample[];
  /** Looks at a service now; two who ask at once share one look. */
  measure(service: ServiceView): Promise<void>;
  start(): void;
  stop(): void;
}

export function createMeasure(needs: MeasureNeeds): Measure {
  const facts = new Map<string, MeasuredFacts>();
  const nothing: MeasuredFacts = { last: null, loss: null, success7d: null };
  const underWay = new Map<string, Promise<void>>();
  let cancel = () => {};
  let running = false;

  const sum = (samples: Sample[]): MeasuredFacts => {
    const recent = samples.slice(-LOSS_WINDOW);
    const share = (list: Sample[], ok: boolean) =>
      list.length ? list.filter((one) => one.ok === ok).length / list.length : null;
    return { last: samples.at(-1) ?? null, loss: share(recent, false), success7d: share(samples, true) };
  };

  const measureOne = async (service: ServiceView) => {
    const found = await needs.probe(service);
    const atMs = needs.clock.wallMs();
    if (!found) return void facts.set(service.id, { ...nothing, skippedMs: atMs });
    ifRoom(() => needs.rows.addSample(service.id, { atMs, ...found }));
    facts.delete(service.id);
    facts.set(service.id, sum(needs.rows.samples(service.id)));
    if (facts.size > MEASURED_MAX) {
      const oldest = facts.keys().next().value!;
      facts.delete(oldest);
      needs.rows.forgetSamples(oldest);
    }
    needs.changed();
  };

  /** Two who ask at once share one measurement. */
  const measure = (service: ServiceView): Promise<void> => {
    const running = underWay.get(service.id);
    if (running) return running;
    const work = measureOne(service).finally(() => underWay.delete(service.id));
    underWay.set(service.id, work);
    return work;
  };

  const next = async () => {
    const nowMs = needs.clock.wallMs();
    const candidates = needs.candidates();
    const age = (one: ServiceView) => nowMs - (facts.get(one.id)?.last?.atMs ?? facts.get(one.id)?.skippedMs ?? 0);
    const due = candidates.filter((one) => age(one) >= needs.intervalMs() || age(one) < 0);
    if (due.length > 0) await measure(due.reduce((oldest, one) => (age(one) > age(oldest) ? one : oldest)));
    const pauseMs = Math.max(
      MEASURE_PAUSE_MS_MIN,
      Math.min(5_000, needs.intervalMs() / Math.max(1, candidates.length)),
    );
    if (running) cancel = needs.clock.after(pauseMs, () => void next());
  };

  return {
    of: (id: string) => facts.get(id) ?? nothing,
    history: (id: string) => needs.rows.samples(id).slice(-SAMPLES_PER_SERVICE_MAX),
    measure,
    start() {
      running = true;
      for (const id of needs.rows.sampled()) facts.set(id, sum(needs.rows.samples(id)));
      cancel = needs.clock.after(MEASURE_PAUSE_MS_MIN, () => void next());
    },
    stop() {
      running = false;
      cancel();
    },
  };
}
