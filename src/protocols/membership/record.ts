/**
 * One row of the table, to be read and changed as an object. It is made when it is asked for and not kept: after the
 * member has been dropped, its number may be another's. What must last (a probe) keeps the name and the facts instead.
 */
import type { WireState } from "./codec.ts";
import type { Facts } from "./facts.ts";
import type { Suspicion } from "./suspicion.ts";
import type { MemberTable } from "./table.ts";
import type { Endpoint } from "./types.ts";
import type { Coordinate } from "./vivaldi.ts";

/** What our own probes tell of a member. */
export interface Place {
  coordinate: Coordinate;
  rttSamples: number[];
  /** When it told us the coordinate, on the clock of `step`. */
  atMs: number;
}

export class MemberRecord implements Endpoint {
  readonly table: MemberTable;
  /** In the roster. */
  readonly number: number;

  constructor(table: MemberTable, number: number) {
    this.table = table;
    this.number = number;
  }

  get name(): string {
    return this.table.nameOf(this.number);
  }

  get facts(): Facts {
    return this.table.factsOf(this.number);
  }

  get address(): string {
    return this.facts.address;
  }

  get addressBytes(): Uint8Array {
    return this.facts.addressBytes;
  }

  get port(): number {
    return this.facts.port;
  }

  get versions(): Uint8Array {
    return this.facts.versions;
  }

  get incarnation(): number {
    return this.table.columns.incarnation[this.number]!;
  }

  set incarnation(incarnation: number) {
    this.table.columns.incarnation[this.number] = incarnation;
  }

  /** Suspicions that it refuted of late; 255 at most. */
  get refuted(): number {
    return this.table.columns.refuted[this.number]!;
  }

  set refuted(count: number) {
    this.table.columns.refuted[this.number] = Math.min(255, count);
  }

  /** Changed by the table, which keeps its lists. */
  get state(): WireState {
    return this.table.columns.state(this.number);
  }

  get stateSinceMs(): number {
    return this.table.columns.sinceMs[this.number]!;
  }

  /** Alive or suspect, and not ourselves. */
  get isActive(): boolean {
    return this.table.columns.place[this.number]! > 0;
  }

  /** Place among the active, -1 when it is not there. */
  get activeIndex(): number {
    return this.table.columns.place[this.number]! - 1;
  }

  /** A leave intent was heard: its death will be a departure. */
  get leaving(): boolean {
    return this.table.columns.isLeaving(this.number);
  }

  set leaving(leaving: boolean) {
    this.table.columns.setLeaving(this.number, leaving);
  }

  /** Lamport time of the last join or leave intent. */
  get statusTime(): number {
    return this.table.columns.statusTime(this.number);
  }

  set statusTime(time: number) {
    this.table.columns.setStatusTime(this.number, time);
  }

  get suspicion(): Suspicion | undefined {
    return this.table.suspicions.get(this.number);
  }

  get coordinate(): Coordinate | undefined {
    return this.table.places.get(this.number)?.coordinate;
  }

  get coordinateAtMs(): number | undefined {
    return this.table.places.get(this.number)?.atMs;
  }
}
