/**
 * The members that we know. Lists beside the map make every periodic act cost the same however many there are:
 * picking random members, the next one to probe, and the recently dead.
 */
import type { Random } from "../../kernel/random.ts";
import type { WireState } from "./codec.ts";
import { STATE } from "./codec.ts";
import type { Suspicion } from "./suspicion.ts";
import type { Timer } from "./timers.ts";
import type { Endpoint } from "./types.ts";
import type { Coordinate } from "./vivaldi.ts";
import { RECENT_DEAD_MAX, RING_SLACK } from "./constants.ts";

export interface MemberRecord extends Endpoint {
  readonly name: string;
  addressBytes: Uint8Array;
  meta: Uint8Array;
  versions: Uint8Array;
  incarnation: number;
  state: WireState;
  stateSinceMs: number;
  /** A leave intent was heard: its death will be a departure. */
  leaving: boolean;
  /** Lamport time of the last join or leave intent. */
  statusTime: number;
  suspicion: Suspicion | undefined;
  /** Of the suspicion, or of the reaping. */
  timer: Timer | undefined;
  coordinate: Coordinate | undefined;
  coordinateAtMs: number | undefined;
  rttSamples: number[];
  /** Place in `active`, -1 when it is not there. */
  activeIndex: number;
}

export class MemberTable {
  readonly #random: Random;
  readonly #map = new Map<string, MemberRecord>();
  /** Alive and suspect, without ourselves. */
  readonly #active: MemberRecord[] = [];
  /** Probe order: shuffled, walked round, rebuilt at each turn. */
  #ring: MemberRecord[] = [];
  #ringAt = 0;
  /** Dead or left, newest last; cleared as they grow old. */
  #dead: MemberRecord[] = [];
  failed = 0;
  left = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#map.size;
  }

  get activeCount(): number {
    return this.#active.length;
  }

  get(name: string): MemberRecord | undefined {
    return this.#map.get(name);
  }

  all(): IterableIterator<MemberRecord> {
    return this.#map.values();
  }

  add(record: MemberRecord): void {
    this.#map.set(record.name, record);
    if (record.state === STATE.dead) this.failed++;
    if (record.state === STATE.left) this.left++;
  }

  delete(record: MemberRecord): void {
    this.setState(record, STATE.left, record.stateSinceMs);
    this.left--;
    this.#map.delete(record.name);
    this.#dead = this.#dead.filter((dead) => dead !== record);
  }

  setState(record: MemberRecord, state: WireState, nowMs: number): void {
    if (record.state === STATE.dead) this.failed--;
    if (record.state === STATE.left) this.left--;
    if (state === STATE.dead) this.failed++;
    if (state === STATE.left) this.left++;
    record.state = state;
    record.stateSinceMs = nowMs;
    const active = state === STATE.alive || state === STATE.suspect;
    if (active && record.activeIndex < 0) this.#activate(record);
    if (!active && record.activeIndex >= 0) this.#deactivate(record);
  }

  /** The next active member in the shuffled order; undefined when we are alone. */
  nextToProbe(): MemberRecord | undefined {
    if (this.#active.length === 0) return undefined;
    for (;;) {
      if (this.#ringAt >= this.#ring.length) {
        this.#ring = this.#active.slice();
        this.#ringAt = 0;
        shuffle(this.#ring, this.#random);
      }
      const record = this.#ring[this.#ringAt++]!;
      if (record.activeIndex >= 0) return record;
    }
  }

  /** Up to `count` different active members that `accept`. Gives fewer rather than search long. */
  pick(count: number, accept: (record: MemberRecord) => boolean): MemberRecord[] {
    return this.#pickFrom(count, this.#active.length, (index) => this.#active[index]!, accept);
  }

  /** As `pick`, over the active and those that died after `sinceMs`. */
  pickForGossip(count: number, sinceMs: number): MemberRecord[] {
    while (this.#dead.length > 0 && this.#dead[0]!.stateSinceMs < sinceMs) this.#dead.shift();
    const active = this.#active.length;
    const at = (index: number) => (index < active ? this.#active[index]! : this.#dead[index - active]!);
    return this.#pickFrom(count, active + this.#dead.length, at, (record) => {
      return record.activeIndex >= 0 || record.stateSinceMs >= sinceMs;
    });
  }

  /** Any one that is failed. */
  randomFailed(): MemberRecord | undefined {
    let skip = this.failed > 0 ? this.#random.below(this.failed) : -1;
    for (const record of this.#map.values()) {
      if (record.state === STATE.dead && skip-- === 0) return record;
    }
    return undefined;
  }

  #pickFrom(
    count: number,
    size: number,
    at: (index: number) => MemberRecord,
    accept: (record: MemberRecord) => boolean,
  ): MemberRecord[] {
    const picked: MemberRecord[] = [];
    if (size <= 3 * count) {
      const all = Array.from({ length: size }, (_, index) => at(index)).filter(accept);
      shuffle(all, this.#random);
      return [...new Set(all)].slice(0, count);
    }
    for (let tries = 0; tries < 4 * count && picked.length < count; tries++) {
      const record = at(this.#random.below(size));
      if (!picked.includes(record) && accept(record)) picked.push(record);
    }
    return picked;
  }

  /** A new member takes a random place in the rest of the round, so that it is soon probed by somebody. */
  #activate(record: MemberRecord): void {
    record.activeIndex = this.#active.length;
    this.#active.push(record);
    // One that comes and goes is in the round more than once; a round that has grown too long begins anew.
    if (this.#ring.length > 2 * this.#active.length + RING_SLACK) this.#ring.length = this.#ringAt = 0;
    const rest = this.#ring.length - this.#ringAt;
    this.#ring.push(record);
    const place = this.#ringAt + this.#random.below(rest + 1);
    const last = this.#ring.length - 1;
    [this.#ring[place], this.#ring[last]] = [this.#ring[last]!, this.#ring[place]!];
  }

  #deactivate(record: MemberRecord): void {
    const last = this.#active.pop()!;
    if (last !== record) {
      this.#active[record.activeIndex] = last;
      last.activeIndex = record.activeIndex;
    }
    record.activeIndex = -1;
    this.#dead.push(record);
    if (this.#dead.length > RECENT_DEAD_MAX) this.#dead.shift();
  }
}

function shuffle(list: unknown[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
