/**
 * One slot as a member holds it: the view, what it has promised, and the contents of its keys.
 *
 *   (none) ──decided, new here──▶ syncing ──all copied──▶ ready ──left out──▶ fenced ──others are ready──▶ (dropped)
 *     └──learn──▶ learning ──decided──▶ syncing                     founded, kept: ready at once
 */
import type { Stored } from "./content.ts";
import { mark, putUint48, uint48 } from "./content.ts";
import type { Ballot, View } from "./messages.ts";
import { NO_BALLOT, compareBallots } from "./messages.ts";
import type { Key } from "./types.ts";

export type SlotStatus = "learning" | "syncing" | "ready" | "fenced";

const STATUSES: readonly SlotStatus[] = ["learning", "syncing", "ready", "fenced"];

export interface Accepted {
  ballot: Ballot;
  members: readonly number[];
}

export class Slot {
  readonly number: number;
  view: View;
  /** The view before it: whom a new member copies from, and who may drop its data when all are ready. */
  before: View | undefined;
  status: SlotStatus;
  /** The highest ballot promised, and asked for the next view. */
  promised: Ballot = NO_BALLOT;
  viewPromised: Ballot = NO_BALLOT;
  viewAccepted: Accepted | undefined;
  readonly keys = new Map<Key, Stored>();
  /** Bytes of all contents, keys included. */
  bytes = 0;
  #high = 0;
  #low = 0;

  constructor(number: number, view: View, status: SlotStatus) {
    this.number = number;
    this.view = view;
    this.status = status;
  }

  /** Of all (key, version): two members with the same hold the same. */
  get digest(): string {
    return `${this.keys.size} ${this.#high >>> 0} ${this.#low >>> 0}`;
  }

  /** Gives what was there before. */
  put(key: Key, stored: Stored): Stored | undefined {
    const before = this.keys.get(key);
    if (before) this.#turn(key, before);
    this.keys.set(key, stored);
    this.#turn(key, stored);
    this.bytes += stored.bytes.length - (before ? before.bytes.length : -key.length);
    return before;
  }

  remove(key: Key): void {
    const before = this.keys.get(key);
    if (!before) return;
    this.keys.delete(key);
    this.#turn(key, before);
    this.bytes -= key.length + before.bytes.length;
  }

  /** A content under a ballot is also a promise of that ballot. */
  promise(ballot: Ballot): void {
    if (compareBallots(ballot, this.promised) > 0) this.promised = ballot;
  }

  #turn(key: Key, stored: Stored): void {
    const [high, low] = mark(key, stored);
    this.#high ^= high;
    this.#low ^= low;
  }
}

export function majorityOf(members: readonly number[]): number {
  return Math.floor(members.length / 2) + 1;
}

/** All but the contents: a row of its own in the store, written whenever it changes. */
export function encodeSlot(slot: Slot): Uint8Array {
  const views = [slot.view, slot.before];
  const accepted = slot.viewAccepted;
  const numbers = [STATUSES.indexOf(slot.status), slot.promised.round, slot.promised.node];
  numbers.push(slot.viewPromised.round, slot.viewPromised.node);
  for (const view of views) numbers.push(...(view ? [view.number + 1, view.members.length, ...view.members] : [0]));
  if (accepted) numbers.push(1, accepted.ballot.round, accepted.ballot.node, ...accepted.members);
  const bytes = new Uint8Array(6 * numbers.length);
  for (const [at, number] of numbers.entries()) putUint48(bytes, 6 * at, number);
  return bytes;
}

/** Of bytes that `encodeSlot` made and the store has checked. */
export function decodeSlot(number: number, bytes: Uint8Array): Slot {
  const numbers = Array.from({ length: bytes.length / 6 }, (_, at) => uint48(bytes, 6 * at));
  const take = () => numbers.shift()!;
  const ballot = (): Ballot => ({ round: take(), node: take() });
  const status = STATUSES[take()]!;
  const [promised, viewPromised] = [ballot(), ballot()];
  const viewOf = (): View | undefined => {
    const next = take();
    if (next === 0) return undefined;
    const count = take();
    return { number: next - 1, members: numbers.splice(0, count) };
  };
  const slot = new Slot(number, viewOf()!, status);
  slot.before = viewOf();
  slot.promised = promised;
  slot.viewPromised = viewPromised;
  if (numbers.length > 0 && take() === 1) slot.viewAccepted = { ballot: ballot(), members: numbers };
  return slot;
}
