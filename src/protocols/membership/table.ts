/**
 * The members that we know: a row of numbers each (columns.ts), by their number in the roster, which has their names
 * and what they say of themselves. Lists beside the rows make every periodic act cost the same however many there
 * are: picking random members, the next one to probe, and the recently dead. What only few members have at a time (a
 * suspicion, a coordinate) stands in maps.
 */
import type { Random } from "../../kernel/random.ts";
import type { Known, WireState } from "./codec.ts";
import { STATE } from "./codec.ts";
import { Columns, NumberList } from "./columns.ts";
import { RECENT_DEAD_MAX } from "./constants.ts";
import { MemberRecord } from "./record.ts";
import type { Place } from "./record.ts";
import type { Facts } from "./facts.ts";
import type { Roster } from "./roster.ts";
import type { Suspicion } from "./suspicion.ts";

const isGone = (state: WireState) => state === STATE.dead || state === STATE.left;

export class MemberTable implements Known {
  readonly roster: Roster;
  readonly columns = new Columns();
  /** Of those that are suspected. */
  readonly suspicions = new Map<number, Suspicion>();
  /** Of those that we have probed. */
  readonly places = new Map<number, Place>();
  readonly #random: Random;
  /** Ourselves; -1 before `enterSelf`. */
  #self = -1;
  #selfRecord: MemberRecord | undefined;
  #size = 0;
  /** Alive and suspect, without ourselves: first those that have had their turn in this round of probes. */
  #active = new NumberList();
  #probed = 0;
  /** Dead or left, newest last; cleared as they grow old. */
  #dead: number[] = [];
  failed = 0;
  left = 0;

  constructor(random: Random, roster: Roster) {
    this.#random = random;
    this.roster = roster;
  }

  get size(): number {
    return this.#size;
  }

  get activeCount(): number {
    return this.#active.length;
  }

  get(name: string): MemberRecord | undefined {
    const number = this.roster.numberOf(name);
    return this.columns.has(number) ? this.record(number) : undefined;
  }

  find(bytes: Uint8Array, start: number, end: number): number {
    const number = this.roster.find(bytes, start, end);
    return this.columns.has(number) ? number : -1;
  }

  nameOf(number: number): string {
    return this.roster.nameOf(number);
  }

  factsOf(number: number): Facts {
    return this.roster.factsOf(this.columns.facts[number]!);
  }

  /** Ourselves are always the same object. */
  record(number: number): MemberRecord {
    return number === this.#self ? this.#selfRecord! : new MemberRecord(this, number);
  }

  /** Ourselves first. */
  *numbers(): Generator<number> {
    if (this.#self >= 0) yield this.#self;
    for (let number = 0; number < this.columns.capacity; number++) {
      if (number !== this.#self && this.columns.has(number)) yield number;
    }
  }

  /** Ourselves first. */
  *all(): Generator<MemberRecord> {
    for (const number of this.numbers()) yield this.record(number);
  }

  /** A member that nobody knows yet; dead until an alive message is accepted. */
  enter(name: string, facts: Facts): MemberRecord {
    const number = this.roster.holdName(name);
    this.columns.enter(number, STATE.dead);
    this.columns.facts[number] = this.roster.holdFacts(number, facts);
    this.#size++;
    this.failed++;
    return this.record(number);
  }

  /** Ourselves: alive, and never among those that are probed or told. */
  enterSelf(name: string, facts: Facts): MemberRecord {
    const { number } = this.enter(name, facts);
    this.failed--;
    this.columns.setState(number, STATE.alive);
    this.#self = number;
    this.#selfRecord = new MemberRecord(this, number);
    return this.#selfRecord;
  }

  /** What it says of itself from now on. */
  describe(record: MemberRecord, facts: Facts): void {
    const { number } = record;
    const before = this.columns.facts[number]!;
    this.columns.facts[number] = this.roster.holdFacts(number, facts);
    this.roster.releaseFacts(number, before);
  }

  delete(record: MemberRecord): void {
    const { number } = record;
    this.setState(record, STATE.left, record.stateSinceMs);
    this.left--;
    this.#size--;
    this.suspicions.delete(number);
    this.places.delete(number);
    this.#dead = this.#dead.filter((dead) => dead !== number);
    this.roster.releaseFacts(number, this.columns.facts[number]!);
    this.roster.releaseName(number);
    this.columns.remove(number);
  }

  setState(record: MemberRecord, state: WireState, nowMs: number): void {
    const { number } = record;
    const { columns } = this;
    const before = columns.state(number);
    if (before === STATE.dead) this.failed--;
    if (before === STATE.left) this.left--;
    if (state === STATE.dead) this.failed++;
    if (state === STATE.left) this.left++;
    columns.setState(number, state);
    columns.sinceMs[number] = nowMs;
    if (number === this.#self) return;
    const isActive = columns.place[number]! > 0;
    if (!isGone(state) && !isActive) this.#activate(number);
    if (isGone(state) && isActive) this.#deactivate(number);
  }

  /** Alive or suspect, or ourselves. */
  isLiving(number: number): boolean {
    return number === this.#self || (this.columns.has(number) && this.columns.place[number]! > 0);
  }

  /** Is it gone, and has it not been back since? */
  isGoneSince(number: number, fromMs: number): boolean {
    const { columns } = this;
    return columns.has(number) && isGone(columns.state(number)) && columns.sinceMs[number]! <= fromMs;
  }

  /** Takes over what another table says of all members but us. Both share a roster, and this one is new. */
  copyFrom(other: MemberTable): void {
    const self = this.#self;
    const ownFacts = this.columns.facts[self]!;
    this.columns.copyFrom(other.columns, this.roster.end);
    this.#active = other.#active.copy();
    [this.#size, this.failed, this.left] = [other.#size, other.failed, other.left];
    if (this.columns.has(self)) this.#forgetState(self);
    else this.#size++;
    this.columns.enter(self, STATE.alive);
    this.columns.incarnation[self] = 1;
    this.columns.facts[self] = ownFacts;
    for (const { number } of this.all())
      if (number !== self) this.roster.holdAgain(number, this.columns.facts[number]!);
    this.#activate(other.#self);
  }

  #forgetState(number: number): void {
    const state = this.columns.state(number);
    if (state === STATE.dead) this.failed--;
    else if (state === STATE.left) this.left--;
    else this.#unlist(number);
  }

  /** Gives everything back that is held in the roster. */
  close(): void {
    for (let number = 0; number < this.columns.capacity; number++) {
      if (!this.columns.has(number)) continue;
      this.roster.releaseFacts(number, this.columns.facts[number]!);
      this.roster.releaseName(number);
      this.columns.remove(number);
    }
    this.#size = 0;
  }

  /** A random one of those that have not had their turn in this round; undefined when we are alone. */
  nextToProbe(): MemberRecord | undefined {
    const { length } = this.#active;
    if (length === 0) return undefined;
    if (this.#probed >= length) this.#probed = 0;
    const place = this.#probed + this.#random.below(length - this.#probed);
    const number = this.#active.at(place);
    this.#move(this.#probed, place);
    this.#active.set(this.#probed, number);
    this.columns.place[number] = ++this.#probed;
    return this.record(number);
  }

  /** Up to `count` different active members that `accept`. Gives fewer rather than search long. */
  pick(count: number, accept: (record: MemberRecord) => boolean): MemberRecord[] {
    return this.#pickFrom(count, this.#active.length, (index) => this.#active.at(index), accept);
  }

  /** As `pick`, over the active and those that died after `sinceMs`. */
  pickForGossip(count: number, sinceMs: number): MemberRecord[] {
    const since = this.columns.sinceMs;
    while (this.#dead.length > 0 && since[this.#dead[0]!]! < sinceMs) this.#dead.shift();
    const active = this.#active.length;
    const at = (index: number) => (index < active ? this.#active.at(index) : this.#dead[index - active]!);
    return this.#pickFrom(count, active + this.#dead.length, at, (record) => {
      return record.isActive || record.stateSinceMs >= sinceMs;
    });
  }

  /** Any one that is failed. */
  randomFailed(): MemberRecord | undefined {
    let skip = this.failed > 0 ? this.#random.below(this.failed) : -1;
    for (let number = 0; number < this.columns.capacity && skip >= 0; number++) {
      if (!this.columns.has(number) || this.columns.state(number) !== STATE.dead) continue;
      if (skip-- === 0) return this.record(number);
    }
    return undefined;
  }

  #pickFrom(
    count: number,
    size: number,
    at: (index: number) => number,
    accept: (record: MemberRecord) => boolean,
  ): MemberRecord[] {
    if (size <= 3 * count) {
      const all = Array.from({ length: size }, (_, index) => at(index)).filter((number) => accept(this.record(number)));
      shuffle(all, this.#random);
      return [...new Set(all)].slice(0, count).map((number) => this.record(number));
    }
    const picked: MemberRecord[] = [];
    for (let tries = 0; tries < 4 * count && picked.length < count; tries++) {
      const number = at(this.#random.below(size));
      if (picked.some((other) => other.number === number)) continue;
      const record = this.record(number);
      if (accept(record)) picked.push(record);
    }
    return picked;
  }

  /** Behind those that were probed in this round, so that it is soon probed by somebody. */
  #activate(number: number): void {
    this.#active.push(number);
    this.columns.place[number] = this.#active.length;
  }

  #deactivate(number: number): void {
    this.#unlist(number);
    this.#dead.push(number);
    if (this.#dead.length > RECENT_DEAD_MAX) this.#dead.shift();
  }

  /** Closes the gap with the last one of those probed, and that gap with the last one of all. */
  #unlist(number: number): void {
    const { place } = this.columns;
    let gap = place[number]! - 1;
    if (gap < this.#probed) {
      this.#move(--this.#probed, gap);
      gap = this.#probed;
    }
    const last = this.#active.length - 1;
    if (gap < last) this.#move(last, gap);
    this.#active.pop();
    place[number] = 0;
  }

  #move(from: number, to: number): void {
    const number = this.#active.at(from);
    this.#active.set(to, number);
    this.columns.place[number] = to + 1;
  }
}

function shuffle(list: unknown[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
