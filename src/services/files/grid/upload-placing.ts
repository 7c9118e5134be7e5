/**
 * Which server gets which share of a file, settled with the servers themselves: they say what they have already, take
 * what they are asked to, or refuse, or are silent; then what has no place yet is placed again on the others.
 *
 *   unplaced ──allocate──► allocated ──all bytes sent──► complete
 *       ▲                      │
 *       └── refused, lost ◄────┘
 *
 * Small shares that are made already go with the question, to servers that take them so: complete at once.
 */
import type { Clock } from "../../../kernel/clock.ts";
import { happiness, placeShares, type Holding } from "../../../protocols/grid/placement.ts";
import { CANDIDATES_PER_SHARE, CHUNK_TRIES_MAX, PLACING_ROUNDS_MAX } from "./constants.ts";
import { STALL_LAST_MAX_MS, WHOLE_LATE_MIN_MS } from "./constants.ts";
import { answersInTime } from "./in-time.ts";
import { ServerError, type Allocated, type GridServer, type LeaseSecrets, type WholePut } from "./server.ts";

export interface PlacingNeeds {
  clock: Clock;
  /** In permuted order. */
  servers: readonly GridServer[];
  /** 26 characters. */
  storageIndex: string;
  shareBytes: number;
  total: number;
  uploadSecretOf(server: GridServer): Uint8Array;
  leaseOf(server: GridServer): LeaseSecrets;
  signal: AbortSignal;
  /** Of a small file: its shares by number, and on how many servers they must come to lie. */
  small?: { shares: readonly Uint8Array[]; happy: number } | undefined;
}

/** What a server said: which shares it has and is going to take, or has taken whole. */
type Answer = Allocated & Partial<WholePut>;

/** A share that a server takes. */
export interface Assignment {
  share: number;
  server: GridServer;
}

export class Placing {
  /** Servers that answered anything, and those that said that they have no room. */
  readonly answered = new Set<string>();
  readonly full = new Set<string>();
  readonly needs: PlacingNeeds;
  readonly #candidates: GridServer[];
  readonly #byId: Map<string, GridServer>;
  /** Complete shares. */
  #complete: Holding[] = [];
  /** Share → the server that has allocated it. */
  readonly #allocated = new Map<number, string>();
  /** Silent or failed: not asked again for this file. */
  readonly #lost = new Set<string>();
  readonly #asked = new Set<string>();
  #stored = 0;

  constructor(needs: PlacingNeeds) {
    this.needs = needs;
    const known = needs.servers.filter((server) => server.state() !== "away");
    // The slow ones last; else the order stays.
    this.#candidates = known.toSorted((a, b) => Number(a.state() === "slow") - Number(b.state() === "slow"));
    this.#byId = new Map(this.#candidates.map((server) => [server.id, server]));
  }

  /** Asks until every share has a place, or nobody takes more. Rejects only with the signal's reason. */
  async settle(): Promise<void> {
    for (let round = 0; round < PLACING_ROUNDS_MAX; round++) {
      const plan = this.#plan();
      this.#dropUnplanned(plan);
      const wishes = this.#wishes(plan);
      const askers = this.#isEnough(plan) ? [] : this.#unasked(wishes);
      if (wishes.size === 0 && (askers.length === 0 || plan.size > 0)) return;
      // What goes with the question is gone: first look who has it already.
      await this.#ask(this.needs.small && askers.length > 0 ? new Map() : wishes, askers);
      if (this.#isAsPlanned(plan)) return;
    }
  }

  /** Shares that are allocated and must be sent. */
  assignments(): Assignment[] {
    return [...this.#allocated].map(([share, id]) => ({ share, server: this.#byId.get(id)! }));
  }

  complete({ share, server }: Assignment): void {
    this.#allocated.delete(share);
    this.#complete.push({ share, server: server.id });
  }

  /** The server failed or is too slow: what it was to get needs another place. What it has got counts. */
  lose({ id }: GridServer): void {
    this.#lost.add(id);
    for (const [share, holder] of this.#allocated) if (holder === id) this.#allocated.delete(share);
  }

  /** Different complete shares. */
  found(): number {
    return new Set(this.#complete.map(({ share }) => share)).size;
  }

  /** Shares that went with the question. */
  stored(): number {
    return this.#stored;
  }

  /** Complete shares and those that will be, without what the servers in `without` have yet to get. */
  outlook(without: ReadonlySet<string> = new Set()): { happiness: number; shares: number } {
    const coming = [...this.#allocated].map(([share, server]) => ({ share, server }));
    const holdings = [...this.#complete, ...coming.filter(({ server }) => !without.has(server))];
    return { happiness: happiness(holdings), shares: new Set(holdings.map(({ share }) => share)).size };
  }

  /** Complete shares only. */
  outcome(): { happiness: number; shares: number } {
    return { happiness: happiness(this.#complete), shares: this.found() };
  }

  /** Servers that could still take shares in place of lost ones. */
  hasSpare(without: ReadonlySet<string>): boolean {
    const used = new Set([...this.#complete.map(({ server }) => server), ...this.#allocated.values()]);
    return this.#writable().some(({ id }) => !used.has(id) && !without.has(id));
  }

  /** It is for want of room, and not of servers: all answer, or those that do have none. */
  lacksRoom(): boolean {
    const isEachHere = this.answered.size === this.needs.servers.length;
    return this.full.size > 0 && (isEachHere || this.outlook().shares === 0);
  }

  /** Gives back what was allocated. */
  async giveUp(): Promise<void> {
    const all = this.assignments();
    this.#allocated.clear();
    const never = new AbortController().signal;
    await answersInTime(
      this.needs.clock,
      all.map((one) => () => this.#abort(one)),
      never,
    );
  }

  /** Of a small file it is cheaper to store a share twice than to ask all others whether they have one. */
  #isEnough(plan: ReadonlyMap<number, string>): boolean {
    const { small } = this.needs;
    return small !== undefined && new Set(plan.values()).size >= small.happy;
  }

  /** All shares have their places, and nobody told of others, which could spare something. */
  #isAsPlanned(plan: ReadonlyMap<number, string>): boolean {
    const isPlanned = ({ share, server }: Holding) => plan.get(share) === server;
    const areThere = [...plan].every(([share, server]) => this.#isThere(share, server));
    return plan.size === this.needs.total && areThere && this.#complete.every(isPlanned);
  }

  #writable(): GridServer[] {
    const { shareBytes, total } = this.needs;
    const takes = this.#candidates.filter((server) => {
      const available = server.availableBytes();
      if (this.#lost.has(server.id) || this.full.has(server.id)) return false;
      return available === undefined || available >= shareBytes;
    });
    return takes.slice(0, total * CANDIDATES_PER_SHARE);
  }

  #plan(): Map<number, string> {
    const { total } = this.needs;
    const writable = this.#writable().map(({ id }) => id);
    const takes = new Set(writable);
    // Who had no room for another share keeps the one that it has taken.
    const holds = new Set([...this.#complete.map(({ server }) => server), ...this.#allocated.values()]);
    const readOnly = this.#candidates.map(({ id }) => id).filter((id) => !takes.has(id) && holds.has(id));
    const place = (existing: readonly Holding[]) =>
      placeShares({ shares: total, writable, readOnly, existing, domainOf: (id) => this.#domainsOf(id) });
    const plan = place(this.#complete);
    if (this.#allocated.size === 0) return plan;
    // What is complete where it should be stays; the rest prefers the server that has taken it already.
    const done = this.#complete.filter(({ share, server }) => plan.get(share) === server);
    const isDone = new Set(done.map(({ share }) => share));
    const taken = [...this.#allocated].filter(([share]) => !isDone.has(share));
    return place([...done, ...taken.map(([share, server]) => ({ share, server }))]);
  }

  /** Owner and zone: what may be lost together. A server of which neither is known stands for itself. */
  #domainsOf(id: string): string[] {
    const { owner, zone } = this.#byId.get(id)!;
    return [owner === undefined ? `server ${id}` : `owner ${owner}`, zone === undefined ? `at ${id}` : `zone ${zone}`];
  }

  #isThere(share: number, server: string): boolean {
    return (
      this.#allocated.get(share) === server ||
      this.#complete.some((one) => one.share === share && one.server === server)
    );
  }

  #wishes(plan: ReadonlyMap<number, string>): Map<string, number[]> {
    const wishes = new Map<string, number[]>();
    for (const [share, server] of plan) {
      if (this.#isThere(share, server)) continue;
      wishes.set(server, [...(wishes.get(server) ?? []), share]);
    }
    return wishes;
  }

  /** Whoever is not asked to take something, and stands early enough to have something. */
  #unasked(wishes: ReadonlyMap<string, unknown>): GridServer[] {
    const early = this.#candidates.slice(0, this.needs.total * CANDIDATES_PER_SHARE);
    return early.filter(({ id }) => !wishes.has(id) && !this.#asked.has(id) && !this.#lost.has(id));
  }

  async #ask(wishes: ReadonlyMap<string, number[]>, askers: readonly GridServer[]): Promise<void> {
    const { storageIndex, clock, signal } = this.needs;
    const takers = [...wishes].map(([id, shares]) => ({ server: this.#byId.get(id)!, shares }));
    const all = [...takers, ...askers.map((server) => ({ server, shares: [] as number[] }))];
    const { small } = this.needs;
    const answers = await answersInTime<Answer>(
      clock,
      all.map(({ server, shares }) => async (late) => {
        if (shares.length > 0) return this.#offer(server, shares, late);
        return { alreadyHave: await server.shares("immutable", storageIndex, late), allocated: [] };
      }),
      signal,
      small && { lateMinMs: WHOLE_LATE_MIN_MS, maxMs: STALL_LAST_MAX_MS, enough: small.happy },
    );
    answers.forEach((answer, index) => {
      const { server, shares } = all[index]!;
      this.#asked.add(server.id);
      if (answer.state === "answered") this.#note(server, shares, answer.value);
      else if (answer.state === "failed" && answer.error instanceof ServerError && answer.error.code === "no-room") {
        this.answered.add(server.id);
        this.full.add(server.id);
      } else this.lose(server);
    });
  }

  async #offer(server: GridServer, shares: readonly number[], signal: AbortSignal): Promise<Answer> {
    const { storageIndex, shareBytes: bytes, small } = this.needs;
    const secrets = { uploadSecret: this.needs.uploadSecretOf(server), lease: this.needs.leaseOf(server) };
    if (small) {
      const whole = new Map(shares.map((share) => [share, small.shares[share]!]));
      const put = await againIfBroken(signal, () =>
        server.putWhole(storageIndex, { shares: whole, ...secrets }, signal),
      );
      if (put) return { ...put, allocated: [] };
    }
    return server.allocate(storageIndex, { shares, bytes, ...secrets }, signal);
  }

  #note({ id }: GridServer, wished: readonly number[], { alreadyHave, allocated, stored = [] }: Answer): void {
    this.answered.add(id);
    const here = this.#complete.filter(({ server }) => server === id).map(({ share }) => share);
    this.#complete = this.#complete.filter(({ server }) => server !== id);
    this.#stored += stored.length;
    const known = stored.length > 0 ? [...here, ...alreadyHave, ...stored] : alreadyHave;
    for (const share of new Set(known)) {
      if (Number.isInteger(share) && share >= 0 && share < this.needs.total) this.#complete.push({ share, server: id });
      if (this.#allocated.get(share) === id) this.#allocated.delete(share);
    }
    const took = new Set(allocated);
    for (const share of wished) {
      if (took.has(share)) this.#allocated.set(share, id);
      else if (!known.includes(share)) this.full.add(id);
    }
  }

  #dropUnplanned(plan: ReadonlyMap<number, string>): void {
    for (const one of this.assignments()) {
      if (plan.get(one.share) === one.server.id) continue;
      this.#allocated.delete(one.share);
      void this.#abort(one);
    }
  }

  /** The server forgets it by itself, too, after a while. */
  async #abort({ share, server }: Assignment): Promise<void> {
    try {
      await server.abort(this.needs.storageIndex, share, this.needs.uploadSecretOf(server));
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
    }
  }
}

/** Storing the same again does no harm. */
async function againIfBroken<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isBroken = error instanceof ServerError && error.code === "unreachable";
      if (!isBroken || attempt >= CHUNK_TRIES_MAX || signal.aborted) throw error;
    }
  }
}
