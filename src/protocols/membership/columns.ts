/**
 * What a box keeps of each member, in columns of numbers: some 20 bytes a member, where an object takes over a
 * thousand. A row's place is the member's number in the roster.
 *
 *   flags 1   refuted 1   incarnation 4   since 8   status time 4   facts 4
 *   place among the active 2 (4 beyond 65,534 numbers)
 */
import type { WireState } from "./codec.ts";

export type IndexArray = Uint16Array | Uint32Array;

const STATE_BITS = 3;
const LEAVING = 4;
const PRESENT = 8;
const UINT16_MAX = 65_535;
const UINT32_MAX = 2 ** 32 - 1;
const ROWS_FIRST = 8;
/** Up to here a full table doubles, then it grows by a quarter: copying stays cheap, and little is left unused. */
const DOUBLING_MAX = 1024;

export class Columns {
  #flags = new Uint8Array(ROWS_FIRST);
  /** Suspicions that the member refuted of late. */
  refuted = new Uint8Array(ROWS_FIRST);
  incarnation = new Uint32Array(ROWS_FIRST);
  sinceMs = new Float64Array(ROWS_FIRST);
  facts = new Uint32Array(ROWS_FIRST);
  /** Place among the active plus one; 0 when it is not there. */
  place: IndexArray = new Uint16Array(ROWS_FIRST);
  #statusTime = new Uint32Array(ROWS_FIRST);
  /** Status times that 32 bits cannot hold; no honest clock gets there. */
  readonly #late = new Map<number, number>();

  /** Rows that there is room for. */
  get capacity(): number {
    return this.#flags.length;
  }

  has(number: number): boolean {
    return number >= 0 && number < this.#flags.length && (this.#flags[number]! & PRESENT) !== 0;
  }

  /** Makes an empty row, in state `state`. */
  enter(number: number, state: WireState): void {
    if (number >= this.#flags.length) this.#grow(number + 1);
    this.#flags[number] = PRESENT | state;
    this.refuted[number] = 0;
    this.incarnation[number] = 0;
    this.sinceMs[number] = 0;
    this.facts[number] = 0;
    this.place[number] = 0;
    this.setStatusTime(number, 0);
  }

  remove(number: number): void {
    this.#flags[number] = 0;
    this.#late.delete(number);
  }

  state(number: number): WireState {
    return (this.#flags[number]! & STATE_BITS) as WireState;
  }

  setState(number: number, state: WireState): void {
    this.#flags[number] = (this.#flags[number]! & ~STATE_BITS) | state;
  }

  isLeaving(number: number): boolean {
    return (this.#flags[number]! & LEAVING) !== 0;
  }

  setLeaving(number: number, leaving: boolean): void {
    this.#flags[number] = leaving ? this.#flags[number]! | LEAVING : this.#flags[number]! & ~LEAVING;
  }

  statusTime(number: number): number {
    const time = this.#statusTime[number]!;
    return time < UINT32_MAX ? time : this.#late.get(number)!;
  }

  setStatusTime(number: number, time: number): void {
    this.#statusTime[number] = Math.min(time, UINT32_MAX);
    if (time >= UINT32_MAX) this.#late.set(number, time);
    else this.#late.delete(number);
  }

  /** The first `rows` rows, with little room for more. */
  copyFrom(other: Columns, rows: number): void {
    const end = rows + ROWS_FIRST;
    this.#flags = other.#flags.slice(0, end);
    this.refuted = other.refuted.slice(0, end);
    this.incarnation = other.incarnation.slice(0, end);
    this.sinceMs = other.sinceMs.slice(0, end);
    this.facts = other.facts.slice(0, end);
    this.place = other.place.slice(0, end);
    this.#statusTime = other.#statusTime.slice(0, end);
    for (const [number, time] of other.#late) this.#late.set(number, time);
  }

  #grow(needed: number): void {
    const rows = Math.max(needed, largerSize(this.capacity));
    this.#flags = longer(this.#flags, new Uint8Array(rows));
    this.refuted = longer(this.refuted, new Uint8Array(rows));
    this.incarnation = longer(this.incarnation, new Uint32Array(rows));
    this.sinceMs = longer(this.sinceMs, new Float64Array(rows));
    this.facts = longer(this.facts, new Uint32Array(rows));
    this.place = longer(this.place, rows < UINT16_MAX ? new Uint16Array(rows) : new Uint32Array(rows));
    this.#statusTime = longer(this.#statusTime, new Uint32Array(rows));
  }
}

/** A growing list of numbers, two bytes each while they are below 65,536, else four. */
export class NumberList {
  #items: IndexArray = new Uint16Array(ROWS_FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#items[index]!;
  }

  set(index: number, value: number): void {
    if (value > UINT16_MAX && this.#items instanceof Uint16Array) this.#items = new Uint32Array(this.#items);
    this.#items[index] = value;
  }

  push(value: number): void {
    if (this.#length === this.#items.length) this.#grow();
    this.set(this.#length++, value);
  }

  pop(): number {
    return this.#items[--this.#length]!;
  }

  copy(): NumberList {
    const copy = new NumberList();
    copy.#items = this.#items.slice(0, this.#length + ROWS_FIRST);
    copy.#length = this.#length;
    return copy;
  }

  #grow(): void {
    const size = largerSize(this.#length);
    const { BYTES_PER_ELEMENT } = this.#items;
    this.#items = longer(this.#items, BYTES_PER_ELEMENT === 2 ? new Uint16Array(size) : new Uint32Array(size));
  }
}

interface NumberArray extends ArrayLike<number> {
  set(from: ArrayLike<number>): void;
}

/** What a full array of that many grows to. */
export function largerSize(size: number): number {
  return size < DOUBLING_MAX ? size * 2 : Math.ceil(size * 1.25);
}

export function longer<T extends NumberArray>(from: ArrayLike<number>, into: T): T {
  into.set(from);
  return into;
}
