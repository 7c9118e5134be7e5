/**
 * The search for an order: given operations with the time of call and of return, is there a sequence that a model
 * allows and in which an operation that returned before another was called stands before it? It is the search of
 * Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with Lowe's memory of what was seen (Testing for
 * Linearizability, 2017): depth first, one more operation at a time. It knows nothing of keys and values.
 *
 * These keep it quick:
 * - What is ordered is kept as the latest call in it and the few operations called before that still wait. There are
 *   never more of these than were under way at one moment, so a step costs the same however long the history is.
 * - No state is left for ever while an operation that needs it is still to come.
 * - A read that may stand here is taken at once: nothing is lost by it. So is whatever else never changes the state.
 * - Operations that never returned may be left out. So of two places in the search with the same state and the same
 *   returned operations, the one that used a subset of them can do all that the other can, which is not looked at.
 * - The operation that returned first must come soon; what makes it possible is tried before the rest.
 */

/** What the operations do, one after another. States are values: a step makes a new one. */
export interface Model<State, Op> {
  init: State;
  /** `ok`: whether the operation may have had the answer that it had, in this state; then `state` is the next one. */
  step(state: State, op: Op): { ok: boolean; state: State };
  /** Equal for equal states, and only for them. */
  key(state: State): StateKey;
  /** The key of the only state in which the operation is ok; undefined: of several, or it never returned. */
  needs(op: Op): StateKey | undefined;
  /** Whether it never changes the state where it is ok. */
  reads(op: Op): boolean;
  /** The key of the only state that it may leave when it changes anything; undefined: of several. */
  makes(op: Op): StateKey | undefined;
}

export type StateKey = string | number | null;

/** An operation under way from `callNs` to `retNs`, both included; Infinity: it never returned, or never was done. */
export interface Span<Op> {
  op: Op;
  callNs: number;
  retNs: number;
}

export interface Found<State, Op> {
  verdict: "ok" | "illegal" | "unknown";
  /** ok: an order of all that returned, with those of the others that it needs. Otherwise the longest found. */
  order: Op[];
  /** After `order`. */
  state: State;
  /** Those of which one would have to come next, and none can. Empty when ok. */
  stuck: Op[];
  /**
   * Those that are still to come and need `state`, which nothing brings back; if `stuck` is empty: that need a state
   * that nothing makes at all. Empty when ok.
   */
  needing: Op[];
  /** How many different places the search has looked at. */
  states: number;
}

/** A place in the search. Those that lead to it hang on `parent`. */
interface Place<State> {
  parent: Place<State> | undefined;
  /** The operation that led here: index in `returned`, or in `open`. */
  taken: number;
  takenOpen: boolean;
  state: State;
  /** How many of `returned` are ordered. */
  count: number;
  /** The highest index in `returned` that is ordered; -1 for none. */
  latest: number;
  /** Indexes below `latest` that are not, ascending. */
  waiting: readonly number[];
  /** Indexes in `open` that are ordered, ascending. */
  opened: readonly number[];
  /** What may come next, the best last; each is tried once. */
  next: Step<State>[];
}

interface Step<State> {
  index: number;
  open: boolean;
  state: State;
  rank: Rank;
  /** Among those of one rank the lower one is tried first. */
  dueNs: number;
}

/** Lower is tried sooner. */
type Rank = number;
const URGENT = 0;
const RETURNED = 3;
const OPEN = 4;
/** What makes the urgent one possible is so much sooner. */
const ENABLES = 2;

const NONE: readonly number[] = [];

/** Looks for an order, at `statesMax` places at most; if that is not enough the verdict is "unknown". */
export function findOrder<State, Op>(
  model: Model<State, Op>,
  spans: readonly Span<Op>[],
  statesMax: number,
): Found<State, Op> {
  return new Search(model, spans).run(statesMax);
}

class Search<State, Op> {
  readonly #model: Model<State, Op>;
  /** In the order of their calls, both. */
  readonly #returned: Span<Op>[];
  readonly #open: Span<Op>[];
  /** For what is ordered of `returned`, and a state: the sets of `open` with which that was seen. */
  readonly #seen = new Map<string, (readonly number[])[]>();
  readonly #stateNumbers = new Map<StateKey, number>();
  readonly #left: Left<Op>;
  #states = 0;

  constructor(model: Model<State, Op>, spans: readonly Span<Op>[]) {
    this.#model = model;
    this.#left = new Left(model, spans);
    const byCall = spans.toSorted((a, b) => a.callNs - b.callNs);
    this.#returned = byCall.filter((one) => one.retNs !== Infinity);
    this.#open = byCall.filter((one) => one.retNs === Infinity);
  }

  run(statesMax: number): Found<State, Op> {
    let place: Place<State> | undefined = this.#first();
    const needing = this.#impossible();
    if (needing.length > 0) return { verdict: "illegal", order: [], state: place.state, stuck: [], needing, states: 0 };
    let best = place;
    while (place !== undefined) {
      if (place.count > best.count) best = place;
      if (place.count === this.#returned.length) return this.#found("ok", place);
      const step = place.next.pop();
      if (step === undefined) {
        if (place.parent !== undefined) this.#left.putBack(this.#takenAt(place));
        place = place.parent;
        continue;
      }
      const following: Place<State> = this.#after(place, step);
      if (!this.#isNew(following)) continue;
      if (this.#states >= statesMax) return this.#found("unknown", best);
      this.#states++;
      this.#left.take(this.#takenAt(following));
      following.next = this.#steps(following);
      place = following;
    }
    return this.#found("illegal", best);
  }

  /** Those that need a state that is neither the first one nor made by any. It saves trying all. */
  #impossible(): Op[] {
    const first = this.#model.key(this.#model.init);
    return this.#returned
      .map((one) => one.op)
      .filter((op) => {
        const needs = this.#model.needs(op);
        return needs !== undefined && needs !== first && this.#left.needed(needs) > 0;
      });
  }

  #takenAt({ taken, takenOpen }: Place<State>): Op {
    return (takenOpen ? this.#open : this.#returned)[taken]!.op;
  }

  #first(): Place<State> {
    const place: Place<State> = {
      parent: undefined,
      taken: -1,
      takenOpen: false,
      state: this.#model.init,
      count: 0,
      latest: -1,
      waiting: NONE,
      opened: NONE,
      next: [],
    };
    place.next = this.#steps(place);
    return place;
  }

  #after(place: Place<State>, step: Step<State>): Place<State> {
    const { index, open, state } = step;
    const following: Place<State> = { ...place, parent: place, taken: index, takenOpen: open, state, next: [] };
    if (open) {
      following.opened = [...place.opened, index].toSorted((a, b) => a - b);
      return following;
    }
    following.count++;
    if (index < place.latest) following.waiting = place.waiting.filter((one) => one !== index);
    else {
      const passed: number[] = [];
      for (let one = place.latest + 1; one < index; one++) passed.push(one);
      if (passed.length > 0) following.waiting = [...place.waiting, ...passed];
      following.latest = index;
    }
    return following;
  }

  /**
   * Remembers the place. False if one that can do as much was there before. It may be one whose own steps are still
   * being tried: what can be reached from here can be reached from there, in as many steps.
   */
  #isNew(place: Place<State>): boolean {
    const where = `${place.latest} ${this.#stateNumber(place.state)} ${place.waiting.join()}`;
    const sets = this.#seen.get(where);
    if (sets === undefined) {
      this.#seen.set(where, [place.opened]);
      return true;
    }
    if (sets.some((one) => isSubset(one, place.opened))) return false;
    sets.push(place.opened);
    return true;
  }

  #stateNumber(state: State): number {
    const key = this.#model.key(state);
    let number = this.#stateNumbers.get(key);
    if (number === undefined) this.#stateNumbers.set(key, (number = this.#stateNumbers.size));
    return number;
  }

  /** Those of `returned` of which none returned before another one was called, and when the first of them returned. */
  #candidates(place: Place<State>): { indexes: number[]; firstRetNs: number } {
    const indexes = [...place.waiting];
    let firstRetNs = Infinity;
    for (const index of indexes) firstRetNs = Math.min(firstRetNs, this.#returned[index]!.retNs);
    for (let index = place.latest + 1; index < this.#returned.length; index++) {
      const { callNs, retNs } = this.#returned[index]!;
      if (callNs > firstRetNs) break;
      if (retNs < firstRetNs) firstRetNs = retNs;
      indexes.push(index);
    }
    return { indexes, firstRetNs };
  }

  #steps(place: Place<State>): Step<State>[] {
    const { indexes, firstRetNs } = this.#candidates(place);
    if (indexes.length === 0) return [];
    const key = this.#model.key(place.state);
    const needed = this.#left.needed(key);
    const steps: Step<State>[] = [];
    let urgent: Op | undefined;
    for (const index of indexes) {
      const { op, retNs } = this.#returned[index]!;
      if (retNs === firstRetNs) urgent ??= op;
      const { ok, state } = this.#model.step(place.state, op);
      if (!ok) continue;
      const step = { index, open: false, state, rank: op === urgent ? URGENT : RETURNED, dueNs: retNs };
      if (this.#model.reads(op)) return [step];
      // It may be the last one that needs the state it changes.
      const mayGo = needed === 0 || (needed === 1 && this.#model.needs(op) === key);
      if (mayGo || this.#model.key(state) === key) steps.push(step);
    }
    if (needed === 0) this.#addOpen(place, firstRetNs, key, steps);
    if (steps.length > 1 && !steps.some((step) => step.rank === URGENT)) {
      for (const step of steps) if (this.#model.step(step.state, urgent!).ok) step.rank -= ENABLES;
    }
    return steps.sort((a, b) => b.rank - a.rank || b.dueNs - a.dueNs);
  }

  /** Open ones that would change nothing are no use. */
  #addOpen(place: Place<State>, firstRetNs: number, key: StateKey, steps: Step<State>[]): void {
    for (let index = 0; index < this.#open.length; index++) {
      const { op, callNs } = this.#open[index]!;
      if (callNs > firstRetNs) return;
      if (place.opened.includes(index)) continue;
      const { ok, state } = this.#model.step(place.state, op);
      if (ok && this.#model.key(state) !== key) steps.push({ index, open: true, state, rank: OPEN, dueNs: callNs });
    }
  }

  #found(verdict: Found<State, Op>["verdict"], place: Place<State>): Found<State, Op> {
    const order: Op[] = [];
    for (let one = place; one.parent !== undefined; one = one.parent) order.push(this.#takenAt(one));
    order.reverse();
    const found = { verdict, order, state: place.state, states: this.#states };
    if (verdict === "ok") return { ...found, stuck: [], needing: [] };
    const stuck = this.#candidates(place).indexes.map((index) => this.#returned[index]!.op);
    const key = this.#model.key(place.state);
    const left = new Left(this.#model, [...this.#returned, ...this.#open]);
    const ordered = new Set(order);
    for (const op of order) left.take(op);
    const needing = this.#returned.map((one) => one.op).filter((op) => !ordered.has(op));
    return {
      ...found,
      stuck,
      needing: left.needed(key) > 0 ? needing.filter((op) => this.#model.needs(op) === key) : [],
    };
  }
}

/** What is not ordered yet: how many operations need a state, and how many could bring it back. */
class Left<Op> {
  readonly #model: Pick<Model<unknown, Op>, "needs" | "makes">;
  readonly #needing = new Map<StateKey, number>();
  readonly #making = new Map<StateKey, number>();
  /** Those that may make any state. */
  #makingAny = 0;

  constructor(model: Pick<Model<unknown, Op>, "needs" | "makes">, spans: readonly Span<Op>[]) {
    this.#model = model;
    for (const { op } of spans) this.putBack(op);
  }

  take(op: Op): void {
    this.#count(op, -1);
  }

  putBack(op: Op): void {
    this.#count(op, 1);
  }

  /** How many need this state, if nothing brings it back; otherwise 0. */
  needed(key: StateKey): number {
    if (this.#makingAny > 0 || (this.#making.get(key) ?? 0) > 0) return 0;
    return this.#needing.get(key) ?? 0;
  }

  #count(op: Op, by: 1 | -1): void {
    const needs = this.#model.needs(op);
    const makes = this.#model.makes(op);
    if (needs !== undefined) this.#needing.set(needs, (this.#needing.get(needs) ?? 0) + by);
    if (makes === undefined) this.#makingAny += by;
    else if (makes !== needs) this.#making.set(makes, (this.#making.get(makes) ?? 0) + by);
  }
}

/** Both ascending. */
function isSubset(small: readonly number[], large: readonly number[]): boolean {
  let at = 0;
  for (const one of small) {
    while (at < large.length && large[at]! < one) at++;
    if (large[at] !== one) return false;
  }
  return true;
}
