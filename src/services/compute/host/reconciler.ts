/**
 * Brings what runs on this host to what its books say, step by step. It looks at the engine as it is, never at what it
 * meant to do: after a crash of the daemon, of the engine or of the box it simply looks again.
 *
 *   poke, every LOOK_MS ──► look: list instances ──► for each sliver nextStep ──► do it ──► look at this one again
 *                                              │ no answer
 *                                              └──► wait, and tell the doctor
 */
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { SliverSpec } from "../../../protocols/compute/lending.ts";
import { changeOf } from "../../../protocols/compute/slice.ts";
import { nextStep, shownState } from "../../../protocols/compute/sliver.ts";
import type { Seen, SliverState, Step } from "../../../protocols/compute/sliver.ts";
import { ADOPTED_LEASE_MS, LOOKED_AT_ALONE_MAX, LOOK_MS, STEPS_AT_ONCE, STEP_TIMEOUT_MS } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { readBooking, writeBooking } from "./books.ts";
import type { Books, Entry } from "./books.ts";
import type { EngineInstance, HostEngine } from "./engine.ts";

export interface ReconcilerNeeds {
  clock: Clock;
  log: Log;
  books: Books;
  engine: HostEngine;
  /** Something looks different now: tell pages and borrowers. */
  changed: () => void;
}

export class Reconciler {
  readonly #needs: ReconcilerNeeds;
  readonly #stop = new AbortController();
  /** Slivers at which a step is under way. */
  readonly #busy = new Set<string>();
  #seen = new Map<string, Seen>();
  #instances = new Map<string, EngineInstance>();
  readonly #whys = new Map<string, string>();
  #looking: Promise<void> | undefined;
  /** What is to be looked at next: all, or these. */
  #isAllNext = false;
  #next = new Set<string>();
  /** A step at them ended since the engine was asked: what it says of them may be of before. */
  readonly #ended = new Set<string>();
  #hasSeen = false;
  readonly #hearers = new Set<() => void>();
  #cancels: Cancel[] = [];
  #wake: Cancel = () => {};
  /** Why the engine could not be looked at; undefined when it could. */
  #trouble: unknown;
  /** How everything stood when it was last told. */
  #told = "";

  constructor(needs: ReconcilerNeeds) {
    this.#needs = needs;
  }

  start(): void {
    this.#cancels = [this.#needs.clock.every(LOOK_MS, () => this.poke())];
    this.poke();
  }

  /** Steps under way are given up; the next start finds out how far they came. */
  async stop(): Promise<void> {
    for (const cancel of [...this.#cancels, this.#wake]) cancel();
    this.#stop.abort(new Error("the box stops"));
    await this.#looking;
  }

  /** Whether the engine was looked at since the start: before that, nobody knows what is free. */
  get isReady(): boolean {
    return this.#hasSeen;
  }

  get trouble(): unknown {
    return this.#trouble;
  }

  /** How a sliver stands, by what was seen last. */
  stateOf(entry: Entry): SliverState {
    const seen = this.#seen.get(entry.sliver) ?? { state: "busy" };
    return shownState(entry, seen, this.#needs.clock.wallMs());
  }

  /** A code: why its last step failed; undefined when it did not. */
  troubleOf(sliver: string): string | undefined {
    return this.#whys.get(sliver);
  }

  /** The engine's instance of a sliver, when it has one. */
  instanceOf(sliver: string): EngineInstance | undefined {
    return this.#instances.get(sliver);
  }

  /** Does something with an instance between two steps of ours. Throws `compute-busy` while one is under way. */
  async during<T>(sliver: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(sliver)) throw computeErrors.fail("compute-busy");
    this.#busy.add(sliver);
    try {
      return await work();
    } finally {
      this.#end(sliver);
    }
  }

  /** Calls back after each look at the engine. */
  onLooked(hear: () => void): Cancel {
    this.#hearers.add(hear);
    return () => void this.#hearers.delete(hear);
  }

  /** Something is to be done, or may have changed: with this sliver, or with whatever. */
  poke(sliver?: string): void {
    if (sliver === undefined) this.#isAllNext = true;
    else this.#next.add(sliver);
    if (this.#looking || this.#stop.signal.aborted) return;
    this.#looking = this.#look().finally(() => (this.#looking = undefined));
  }

  async #look(): Promise<void> {
    while ((this.#isAllNext || this.#next.size > 0) && !this.#stop.signal.aborted) {
      const some = [...this.#next];
      const isAll = this.#isAllNext || !this.#hasSeen || some.length > LOOKED_AT_ALONE_MAX;
      this.#isAllNext = false;
      this.#next.clear();
      this.#ended.clear();
      try {
        await (isAll ? this.#see() : this.#seeSome(some));
        this.#trouble = undefined;
      } catch (error) {
        // Once, and not where there is none: most boxes have no engine.
        const level = isFailure(error, "engine-missing") ? "debug" : "info";
        if (!this.#trouble) this.#needs.log[level]("the container engine does not answer", { error });
        this.#trouble = error;
        this.#tell();
        return;
      }
      this.#act();
      this.#tell();
      this.#say();
    }
  }

  /** Only what looks different is worth telling. */
  #tell(): void {
    const states = this.#needs.books.all().map((entry) => [entry.sliver, this.stateOf(entry)]);
    const now = JSON.stringify([this.#trouble === undefined, states]);
    if (now === this.#told) return;
    this.#told = now;
    this.#needs.changed();
  }

  async #see(): Promise<void> {
    const { engine, books } = this.#needs;
    const { signal } = this.#stop;
    const instances = await engine.list(signal);
    this.#instances = new Map(instances.map((one) => [one.mark.sliver, one]));
    for (const instance of instances) this.#adopt(instance);
    books.writeRest();
    for (const { sliver } of books.all()) books.noteHeld(sliver, specIn(this.#instances.get(sliver)));
    this.#hasSeen = true;
    this.#seen = await this.#seenOf(books.all());
  }

  /** As `see`, where nothing else can have changed: a long list takes the engine long. */
  async #seeSome(slivers: readonly string[]): Promise<void> {
    const { engine, books } = this.#needs;
    const found = await Promise.all(slivers.map((sliver) => engine.get(sliver, this.#stop.signal)));
    for (const [at, sliver] of slivers.entries()) {
      const instance = found[at];
      if (instance) this.#instances.set(sliver, instance);
      else this.#instances.delete(sliver);
      books.noteHeld(sliver, specIn(instance));
    }
    const seen = await this.#seenOf(slivers.flatMap((sliver) => books.get(sliver) ?? []));
    for (const sliver of slivers) this.#seen.delete(sliver);
    for (const [sliver, one] of seen) this.#seen.set(sliver, one);
  }

  async #seenOf(entries: readonly Entry[]): Promise<Map<string, Seen>> {
    const { engine } = this.#needs;
    const images = new Map<string, boolean>();
    const seen = new Map<string, Seen>();
    for (const entry of entries) {
      const { sliver, spec } = entry;
      const instance = this.#instances.get(sliver);
      if (this.#ended.has(sliver)) seen.set(sliver, { state: "busy" });
      else if (this.#busy.has(sliver) || instance?.state === "busy") seen.set(sliver, { state: "busy" });
      else if (instance) seen.set(sliver, { state: instance.state, asBooked: isAsBooked(instance, entry) });
      else {
        if (!images.has(spec.image)) images.set(spec.image, await engine.hasImage(spec.image, this.#stop.signal));
        seen.set(sliver, { state: "absent", hasImage: images.get(spec.image)! });
      }
    }
    return seen;
  }

  /**
   * The books do not know it: they were lost, or are older than it. Its lease may have been renewed since it was
   * written down, so its borrower gets time to say so.
   */
  #adopt({ name, mark, state }: EngineInstance): void {
    const { books, log, clock } = this.#needs;
    if (books.get(mark.sliver)) return;
    const booking = readBooking(mark.booking);
    if (!booking || booking.sliver !== mark.sliver) {
      log.warn("an instance carries a mark that cannot be read: it is left alone", { name });
      return;
    }
    const leaseEndMs = Math.max(booking.leaseEndMs, clock.wallMs() + ADOPTED_LEASE_MS);
    log.warn("an instance that the books do not know is taken in", { name, sliver: mark.sliver });
    books.adopt({ ...booking, leaseEndMs }, state === "stopped" ? "stopped" : "running");
  }

  #say(): void {
    for (const hear of [...this.#hearers]) hear();
  }

  #act(): void {
    const { books, clock } = this.#needs;
    const nowMs = clock.wallMs();
    const waits: number[] = [];
    for (const entry of books.all()) {
      const seen = this.#seen.get(entry.sliver);
      if (entry.leaseEndMs > nowMs) waits.push(entry.leaseEndMs - nowMs);
      if (!seen || this.#busy.has(entry.sliver)) continue;
      const step = nextStep(entry, seen, nowMs);
      if (step.do === "wait") waits.push(step.untilMs - nowMs);
      else if (step.do === "forget") {
        // On a full disk it is tried again at the next look.
        if (books.forget(entry.sliver)) this.#whys.delete(entry.sliver);
      } else if (step.do !== "nothing" && step.do !== "give-up" && this.#busy.size < STEPS_AT_ONCE) {
        void this.#run(entry, step);
      }
    }
    this.#wakeIn(Math.min(...waits));
  }

  async #run(entry: Entry, step: Step): Promise<void> {
    const { books, log, clock } = this.#needs;
    const { sliver } = entry;
    this.#busy.add(sliver);
    const late = new AbortController();
    const cancel = clock.after(STEP_TIMEOUT_MS, () => late.abort(new Error("the step takes too long")));
    try {
      await this.#do(entry, step, AbortSignal.any([this.#stop.signal, late.signal]));
      books.noteSuccess(sliver);
      this.#whys.delete(sliver);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      log.warn("a step of a sliver failed", { sliver, step: step.do, error });
      books.noteFailure(sliver, clock.wallMs());
      this.#whys.set(sliver, isFailure(error) ? error.code : "internal");
    } finally {
      cancel();
      this.#end(sliver);
    }
  }

  #end(sliver: string): void {
    this.#busy.delete(sliver);
    this.#ended.add(sliver);
    // What was seen of it was before the step.
    this.#seen.set(sliver, { state: "busy" });
    this.poke(sliver);
  }

  async #do(entry: Entry, step: Step, signal: AbortSignal): Promise<void> {
    const { engine } = this.#needs;
    const { sliver, spec } = entry;
    const name = this.#instances.get(sliver)?.name;
    if (step.do === "fetch-image") await engine.fetchImage(spec.image, signal);
    else if (step.do === "create") await engine.create({ sliver, booking: writeBooking(entry) }, spec, signal);
    else if (name !== undefined) {
      if (step.do === "start") await engine.start(name, signal);
      else if (step.do === "stop") await engine.stop(name, signal, isEnding(entry, this.#needs.clock.wallMs()));
      else if (step.do === "remove") await engine.remove(name, signal);
      else if (step.do === "limit") await engine.limit(name, { sliver, booking: writeBooking(entry) }, spec, signal);
    }
  }

  /** Later ones are found at the next look. */
  #wakeIn(ms: number): void {
    this.#wake();
    if (!Number.isFinite(ms) || ms >= LOOK_MS) return;
    this.#wake = this.#needs.clock.after(Math.max(1, ms), () => this.poke());
  }
}

/** What is in it goes with it: it need not be asked to end. */
const isEnding = ({ wanted, leaseEndMs }: Entry, nowMs: number) => wanted === "gone" || leaseEndMs <= nowMs;

function isAsBooked(instance: EngineInstance, { spec }: Entry): boolean {
  const made = specIn(instance);
  return made !== undefined && changeOf(made, spec) === "none";
}

function specIn(instance: EngineInstance | undefined): SliverSpec | undefined {
  return instance && readBooking(instance.mark.booking)?.spec;
}
