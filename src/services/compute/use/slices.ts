/**
 * Carries out what members asked for: looks how the slivers of each slice stand on their hosts, plans what is to be
 * done, and does it. Everything that it decides is on the disk before another box hears of it; whatever is lost on the
 * way (this box dies, an answer does not come) is seen at the next look.
 *
 *   apply, delete, every LOOK_MS ──► look at hosts ──► planSlice ──► create · renew · change · remove ──► look again
 */
import { isDeepStrictEqual } from "node:util";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Random } from "../../../kernel/random.ts";
import { Turns } from "../../../kernel/turns.ts";
import { planSlice } from "../../../protocols/compute/slice.ts";
import type { SliceAction } from "../../../protocols/compute/slice.ts";
import type { MeshClient } from "../../mesh/client.ts";
import {
  FIRST_LEASE_MS,
  LEASE_MS,
  LEASE_TOLERANCE_MS,
  LOOK_MS,
  MESSAGE_SLIVERS_MAX,
  RELIABILITY_WEIGHT,
  SHORT_LEASE_MS,
  UNDER_WAY_MS,
} from "../constants.ts";
import { LOOK_PATH, RESERVE_PATH, WANT_PATH, lookAnswer, reserveAnswer, wantAnswer } from "../messages.ts";
import type { SliverStanding } from "../messages.ts";
import { Creating } from "./creating.ts";
import type { Answered } from "./creating.ts";
import { HOST_FULL } from "./hosts.ts";
import type { Hosts } from "./hosts.ts";
import { Soon } from "./soon.ts";
import type { Tell } from "./network-telling.ts";
import type { Slice, SliceStore, Sliver } from "./slice-store.ts";

export interface SlicesNeeds {
  clock: Clock;
  random: Random;
  log: Log;
  mesh: Pick<MeshClient, "box">;
  rows: SliceStore;
  hosts: Hosts;
  changed: () => void;
  /** Lets hosts of a slice know one another. */
  tell?: Tell;
}

/** What is known of a sliver now. */
export interface KnownSliver extends Sliver {
  silentMs: number;
}

/** About a sliver that is there. */
type SliverAction = Exclude<SliceAction, { do: "create" }>;

export class Slices {
  readonly #needs: SlicesNeeds;
  readonly #turns = new Turns();
  readonly #stop = new AbortController();
  #cancel: Cancel = () => {};
  readonly #working = new Set<Promise<unknown>>();
  /** When each host last answered, and since when this box asks: a clock that cannot be set, in milliseconds. */
  readonly #heardMs = new Map<string, number>();
  #startedMs = 0;
  readonly #troubles = new Map<string, string>();
  /** Hosts that do not lend for as long as is asked for. */
  readonly #brief = new Set<string>();
  /** By slice: what the log has heard of it last. */
  readonly #logged = new Map<string, string>();
  readonly #creating: Creating;
  readonly #soon: Soon;
  /** By slice. */
  readonly #hearers = new Map<string, Set<() => void>>();

  constructor(needs: SlicesNeeds) {
    this.#needs = needs;
    const { clock } = needs;
    this.#creating = new Creating({
      ...needs,
      heard: (host) => void this.#heardMs.set(host, clock.monotonicMs()),
      reserve: (slice, sliver) => this.#reserve(slice, sliver, FIRST_LEASE_MS),
    });
    this.#soon = new Soon({
      ...needs,
      look: (id) => void this.follow(id),
      hear: (id, standings) => this.#hear(id, standings),
    });
  }

  start(): void {
    this.#startedMs = this.#needs.clock.monotonicMs();
    this.#cancel = this.#needs.clock.every(LOOK_MS, () => this.#all());
    this.#all();
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#soon.stop();
    this.#stop.abort(new Error("the box stops"));
    await Promise.allSettled(this.#working);
  }

  /**
   * Does what is to be done for one slice now; resolves when that was tried, with the failure when this box could not
   * write down what it was about to do.
   */
  follow(id: string): Promise<Failure | undefined> {
    const work = this.#turns.run(id, () => this.#try(id)).finally(() => this.#working.delete(work));
    this.#working.add(work);
    return work;
  }

  async #try(id: string): Promise<Failure | undefined> {
    try {
      await this.#step(id);
      this.#logged.delete(id);
      return undefined;
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined;
      // Not at each look: a disk is full for long.
      if (this.#logged.get(id) !== String(error))
        this.#needs.log.error("a slice could not be followed", { slice: id, error });
      this.#logged.set(id, String(error));
      return isFailure(error) ? error : undefined;
    }
  }

  /** A box that would take slivers of this slice if its disk were not full, when one was looked for last. */
  fullHost(id: string): string | undefined {
    return this.#creating.fullHost(id);
  }

  /** Calls back after each look at a slice, and when what it showed to be done was tried. */
  onLooked(id: string, hear: () => void): Cancel {
    const hearers = this.#hearers.get(id) ?? new Set();
    this.#hearers.set(id, hearers.add(hear));
    return () => {
      hearers.delete(hear);
      if (hearers.size === 0) this.#hearers.delete(id);
    };
  }

  /** What is known of the slivers of a slice: that which a plan is made from. */
  facts(id: string): KnownSliver[] {
    const { rows, clock } = this.#needs;
    const heardMs = (host: string) => this.#heardMs.get(host) ?? this.#startedMs;
    return rows.slivers(id).map((row) => {
      const silentMs = clock.monotonicMs() - heardMs(row.host);
      return { ...row, silentMs, leaseMaxMs: this.#leaseMaxMs(row.host) };
    });
  }

  #all(): void {
    for (const { id } of this.#needs.rows.slices()) void this.follow(id);
  }

  async #step(id: string): Promise<void> {
    const { rows, clock, changed } = this.#needs;
    if (this.#stop.signal.aborted || !rows.slice(id)) return;
    await this.#look(id);
    const slice = rows.slice(id);
    if (!slice) return;
    // Who waits until it stands need not wait for what keeps it so.
    if (!slice.isGone) this.#say(id);
    const spec = slice.isGone ? { ...slice.spec, endMs: 0 } : slice.spec;
    const actions = planSlice(spec, this.facts(id), { nowMs: clock.wallMs(), leaseMs: LEASE_MS });
    this.#forgetTrouble(id, actions);
    // What leaves makes room for what comes.
    const changes = actions.filter((action) => action.do !== "create");
    const bySliver = [...Map.groupBy(changes, (action) => action.id).values()];
    await Promise.all(bySliver.map((own) => this.#doAll(slice, own)));
    const missing = actions.flatMap((action) => (action.do === "create" ? [action.index] : []));
    if (missing.length > 0) await this.#creating.create(slice, missing, this.#stop.signal);
    await this.#sayGone(id);
    await this.#needs.tell?.(slice, rows.slivers(id), this.#stop.signal);
    if (slice.isGone && rows.slivers(id).length === 0) {
      rows.dropSlice(id);
      this.#creating.forget(id);
    }
    changed();
    this.#lookSoon(id);
    this.#say(id);
  }

  #say(id: string): void {
    for (const hear of [...(this.#hearers.get(id) ?? [])]) hear();
  }

  /** What is on its way is looked at more often than what stands, or waits for room on a disk. */
  #lookSoon(id: string): void {
    const isUnderWay = ({ state, wanted, silentMs, trouble }: KnownSliver) =>
      state !== wanted && state !== "failed" && silentMs < UNDER_WAY_MS && trouble !== HOST_FULL;
    this.#soon.set(id, this.#stop.signal.aborted ? [] : this.facts(id).filter(isUnderWay));
  }

  /** Asks the hosts about all slivers of the slice that they have. */
  async #look(id: string): Promise<void> {
    const { rows, hosts, clock } = this.#needs;
    const byHost = Map.groupBy(rows.slivers(id), ({ host }) => host);
    const questions = [...byHost].flatMap(([host, slivers]) =>
      inChunks(slivers, MESSAGE_SLIVERS_MAX).map((chunk) => ({ host, slivers: chunk })),
    );
    const asked = questions.map(async ({ host, slivers }) => {
      try {
        const question = { slivers: slivers.map((one) => one.id) };
        const answer = await hosts.ask(host, LOOK_PATH, lookAnswer, question, this.#stop.signal);
        this.#heardMs.set(host, clock.monotonicMs());
        const known = new Map(answer.slivers.map((one) => [one.sliver, one]));
        for (const { id: one } of slivers) {
          const sliver = rows.sliver(one);
          if (!sliver) continue;
          const found = known.get(one);
          this.#noteTrouble(one, found?.trouble);
          if (found) this.#note(sliver, { ...factsOf(found, clock.wallMs()), ...bookedOf(found, sliver) });
          else if (sliver.wanted === "gone") rows.dropSliver(one);
          // The host has lost it, or never got it: it is made again, on whichever host.
          else this.#note(sliver, { wanted: "gone" });
        }
        this.#rate(host, 1);
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        this.#rate(host, 0);
        this.#needs.log.debug("a host did not say how its slivers are", { host, error });
      }
    });
    await Promise.all(asked);
  }

  /** Who waits for it need not wait for the look that follows. */
  #hear(id: string, standings: readonly SliverStanding[]): void {
    const { rows, clock } = this.#needs;
    for (const found of standings) {
      const sliver = rows.sliver(found.sliver);
      this.#noteTrouble(found.sliver, found.trouble);
      if (sliver) this.#note(sliver, factsOf(found, clock.wallMs()));
    }
    this.#say(id);
  }

  /** Why a step of it failed on its host, by what that said last: a code. */
  troubleOf(sliver: string): string | undefined {
    return this.#troubles.get(sliver);
  }

  #noteTrouble(sliver: string, trouble: string | undefined): void {
    if (trouble === undefined) this.#troubles.delete(sliver);
    else this.#troubles.set(sliver, trouble);
  }

  /** Writes what is new. A lease that a look estimates a little otherwise than the last one is not. */
  #note(sliver: Sliver, now: Partial<Sliver>): void {
    const next = { ...sliver, ...now };
    if (Math.abs(next.leaseEndMs - sliver.leaseEndMs) < LEASE_TOLERANCE_MS) next.leaseEndMs = sliver.leaseEndMs;
    if (!isDeepStrictEqual(next, sliver)) this.#needs.rows.noteSliver(next);
  }

  /** What a host refused is in the way no more when it is not asked for any more. */
  #forgetTrouble(id: string, actions: readonly SliceAction[]): void {
    const open = new Set(actions.map((action) => (action.do === "create" ? "" : action.id)));
    for (const sliver of this.#needs.rows.slivers(id)) {
      if (sliver.wanted !== "gone" && !open.has(sliver.id)) this.#note(sliver, { trouble: undefined });
    }
  }

  /** What is to be done about one sliver, one after the other: each question tells of all that is wished of it. */
  async #doAll(slice: Slice, actions: readonly SliverAction[]): Promise<void> {
    for (const action of actions) if ((await this.#do(slice, action)) === "silent") return;
  }

  async #do(slice: Slice, action: SliverAction): Promise<Answered> {
    const { rows } = this.#needs;
    const sliver = rows.sliver(action.id);
    if (!sliver) return "silent";
    if (action.do === "want") return this.#want(sliver, action.wanted);
    if (action.do === "renew") return this.#reserve(slice, sliver);
    if (action.do === "resize") return this.#reserve(slice, { ...sliver, spec: slice.spec.sliver });
    rows.putSliver({ ...sliver, wanted: "gone", trouble: action.why });
    return "granted";
  }

  async #want(sliver: Sliver, wanted: "running" | "stopped"): Promise<Answered> {
    const { hosts } = this.#needs;
    const answer = await this.#ask(sliver, () =>
      hosts.ask(sliver.host, WANT_PATH, wantAnswer, { sliver: sliver.id, wanted }, this.#stop.signal),
    );
    if (!answer) return "silent";
    if (answer.known) this.#note(sliver, { wanted });
    return answer.known ? "granted" : "refused";
  }

  /** What this host lends for at most, as far as is known. */
  #leaseMaxMs(host: string): number {
    return this.#brief.has(host) ? SHORT_LEASE_MS : LEASE_MS;
  }

  /** Asks its host to have it, with these limits and for so long. */
  async #reserve(slice: Slice, sliver: Sliver, longestMs = this.#leaseMaxMs(sliver.host)): Promise<Answered> {
    const { rows, hosts, clock } = this.#needs;
    const leaseMs = Math.max(1, Math.min(longestMs, slice.spec.endMs - clock.wallMs()));
    const { id, spec, wanted } = sliver;
    const question = { sliver: id, slice: slice.id, spec, leaseMs, wanted: wanted === "gone" ? "stopped" : wanted };
    const answer = await this.#ask(
      sliver,
      () => hosts.ask(sliver.host, RESERVE_PATH, reserveAnswer, question, this.#stop.signal),
      { granted: false, price: 0, why: HOST_FULL },
    );
    if (!answer) return "silent";
    this.#heardMs.set(sliver.host, clock.monotonicMs());
    if (answer.why === "lease-too-long" && leaseMs > SHORT_LEASE_MS) {
      this.#brief.add(sliver.host);
      return this.#reserve(slice, sliver);
    }
    if (answer.granted) rows.noteSliver({ ...sliver, leaseEndMs: clock.wallMs() + leaseMs, trouble: undefined });
    else this.#note(rows.sliver(id) ?? sliver, { trouble: answer.why ?? "refused" });
    return answer.granted ? "granted" : "refused";
  }

  /** Tells hosts what is not wanted any more, until they do not know it. */
  async #sayGone(id: string): Promise<void> {
    const { rows, hosts, clock } = this.#needs;
    const going = rows.slivers(id).filter(({ wanted }) => wanted === "gone");
    const told = going.map(async (sliver) => {
      const question = { sliver: sliver.id, wanted: "gone" };
      const answer = await this.#ask(sliver, () =>
        hosts.ask(sliver.host, WANT_PATH, wantAnswer, question, this.#stop.signal),
      );
      // A host that never comes back ended it with its lease, which it may have renewed while its answer was lost.
      if (answer?.known === false || sliver.leaseEndMs + LEASE_MS < clock.wallMs()) {
        rows.dropSliver(sliver.id);
        this.#troubles.delete(sliver.id);
      }
    });
    await Promise.all(told);
  }

  /** Gives `whenFull` where the host's disk is full, and undefined where it does not answer. */
  async #ask<T>(sliver: Sliver, question: () => Promise<T>, whenFull?: T): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      this.#needs.log.debug("a host did not answer", { host: sliver.host, error });
      if (!isFailure(error, HOST_FULL)) return undefined;
      this.#heardMs.set(sliver.host, this.#needs.clock.monotonicMs());
      this.#note(this.#needs.rows.sliver(sliver.id) ?? sliver, { trouble: HOST_FULL });
      return whenFull;
    }
  }

  #rate(host: string, now: 0 | 1): void {
    const { rows } = this.#needs;
    const before = rows.reliability(host);
    rows.setReliability(host, before + (now - before) * RELIABILITY_WEIGHT);
  }
}

function inChunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}

/** The books of its host may have forgotten what they granted: then it is asked for again. */
function bookedOf({ booked }: SliverStanding, { spec, wanted }: Sliver): Partial<Sliver> {
  if (!booked || wanted === "gone") return {};
  return { wanted: booked.wanted, spec: { ...spec, ...booked.limits } };
}

function factsOf({ state, leaseMs, hasNetwork = false }: SliverStanding, nowMs: number): Partial<Sliver> {
  return { state, hasNetwork, leaseEndMs: nowMs + leaseMs };
}
