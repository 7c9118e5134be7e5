/**
 * Who holds the slots, as far as this box knows, and which of them are not where hashing wants them. Counted on: of
 * 1,024 slots few change between two looks, and whoever looked at all of them would keep clients waiting.
 */
import { SLOTS } from "../../protocols/kv/constants.ts";
import type { KvNode } from "../../protocols/kv/node.ts";
import { majorityOf } from "../../protocols/kv/slot.ts";
import type { SlotStatus } from "../../protocols/kv/slot.ts";
import { Groups } from "../../protocols/kv/slots.ts";

/** Of one node. */
export interface Share {
  slots: number;
  coordinates: number;
}

export interface Counted {
  /** Those that this box holds. */
  statuses: Record<SlotStatus, number>;
  shares: ReadonlyMap<number, Readonly<Share>>;
  /** Slots of which a majority of the members is up. */
  reachable: number;
  /** Slots of which this box is a member, and whose members are not yet those that hashing suggests. */
  due: number;
  /** Members of the slot that has fewest. */
  copies: number;
  /** So many boxes more may fail, of any slot. */
  survives: number;
}

/** What a slot adds to the sums. */
interface Row {
  /** Whom this box knows to be members, and otherwise who should be. */
  members: readonly number[];
  status: SlotStatus | undefined;
  isDue: boolean;
}

/** Of one life of a node; nobody else may ask that node what was touched. */
export class Tally {
  readonly #node: KvNode;
  readonly #wanted: Groups;
  #up: readonly number[] = [];
  #nodes: readonly number[] | undefined;
  #rows: Row[] = [];
  #sums = newSums();

  constructor(node: KvNode, degree: number) {
    this.#node = node;
    this.#wanted = new Groups(degree);
  }

  /** `up` and `nodes` as the node is told of its peers. */
  read(up: readonly number[], nodes: readonly number[]): Counted {
    const touched = this.#node.takeTouched();
    const isSame = this.#nodes && isSameList(up, this.#up) && isSameList(nodes, this.#nodes);
    if (isSame) for (const slot of touched) this.#recount(slot);
    else {
      [this.#up, this.#nodes, this.#rows, this.#sums] = [up, nodes, [], newSums()];
      for (let slot = 0; slot < SLOTS; slot++) this.#recount(slot);
    }
    const { statuses, shares, reachable, due, lengths, spares } = this.#sums;
    return { statuses, shares, reachable, due, copies: lowestOf(lengths), survives: lowestOf(spares) };
  }

  #recount(slot: number): void {
    const before = this.#rows[slot];
    if (before) this.#add(before, -1);
    const row = this.#rowOf(slot);
    this.#rows[slot] = row;
    this.#add(row, 1);
  }

  #rowOf(number: number): Row {
    const wanted = this.#wanted.of(number, this.#nodes!);
    const slot = this.#node.slot(number);
    const members = this.#node.viewOf(number)?.members ?? wanted;
    const isDue = slot !== undefined && slot.status !== "fenced" && !isSameGroup(slot.view.members, wanted);
    return { members, status: slot?.status, isDue };
  }

  #add({ members, status, isDue }: Row, by: 1 | -1): void {
    const sums = this.#sums;
    let there = 0;
    for (const node of members) {
      let share = sums.shares.get(node);
      if (!share) sums.shares.set(node, (share = { slots: 0, coordinates: 0 }));
      share.slots += by;
      if (this.#up.includes(node) && there++ === 0) share.coordinates += by;
    }
    const spare = there - majorityOf(members);
    if (spare >= 0) sums.reachable += by;
    if (isDue) sums.due += by;
    if (status) sums.statuses[status] += by;
    addAt(sums.lengths, members.length, by);
    addAt(sums.spares, Math.max(0, spare), by);
  }
}

function newSums() {
  return {
    statuses: { learning: 0, syncing: 0, ready: 0, fenced: 0 } satisfies Record<SlotStatus, number>,
    shares: new Map<number, Share>(),
    ...{ reachable: 0, due: 0 },
    /** How many slots have so many members, and could lose so many more. */
    ...{ lengths: [] as number[], spares: [] as number[] },
  };
}

function addAt(counts: number[], at: number, by: number): void {
  counts[at] = (counts[at] ?? 0) + by;
}

function lowestOf(counts: readonly number[]): number {
  return Math.max(
    0,
    counts.findIndex((count) => count > 0),
  );
}

function isSameGroup(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((node) => others.includes(node));
}

function isSameList(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((node, at) => node === others[at]);
}
