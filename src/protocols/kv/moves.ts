/**
 * Changes of groups. The first live member of a view looks whether the group that hashing suggests is another, lets
 * the newcomer copy what there is, and has the next view decided by Paxos among the members of the present one.
 *
 *   learning ──the newcomer has copied──▶ asking ──majority──▶ proposing ──majority──▶ decided: told to old and new
 */
import { BALLOT_JUMP_MAX, USED_ROUNDS, VIEW_AGAIN_MS, VIEW_CHANGES_MAX, VIEW_LOOK_MS } from "./constants.ts";
import type { Core } from "./core.ts";
import type { Ballot, Message, View } from "./messages.ts";
import { NO_BALLOT, compareBallots } from "./messages.ts";
import { Pace } from "./pace.ts";
import type { Accepted } from "./slot.ts";
import { Slot, majorityOf } from "./slot.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

interface Move {
  state: "learning" | "asking" | "proposing";
  view: View;
  members: readonly number[];
  newcomer: number | undefined;
  ballot: Ballot;
  promises: Map<number, Accepted | undefined>;
  accepts: Set<number>;
  sinceMs: number;
}

export class Moves {
  readonly #core: Core;
  readonly #moves = new Map<number, Move>();
  /** Members that are known to be ready in a slot's present view. */
  readonly #ready = new Map<number, { view: number; nodes: Set<number> }>();
  #lookedMs = 0;
  /** Slots whose group is to change, as of the last look: those that miss a copy, which come first, and the others. */
  #urgent: number[] = [];
  #due: number[] = [];
  readonly #pace = new Pace();
  /** The rounds of this node as a coordinator, and whether there were many between the last two looks. */
  #rounds = 0;
  #isUsed = false;

  constructor(core: Core) {
    this.#core = core;
  }

  get open(): number {
    return this.#moves.size;
  }

  /** Members of a slot's view that have said that they are ready, or were before. */
  readyIn(slot: Slot): Set<number> {
    const known = this.#ready.get(slot.number);
    if (known?.view === slot.view.number) return known.nodes;
    const nodes = new Set(slot.status === "ready" ? [this.#core.self] : []);
    this.#ready.set(slot.number, { view: slot.view.number, nodes });
    return nodes;
  }

  tick(): void {
    const core = this.#core;
    for (const [number, move] of this.#moves) {
      const slot = core.slots.get(number);
      if (!slot || slot.view !== move.view || slot.status !== "ready") this.#moves.delete(number);
      else if (core.nowMs - move.sinceMs >= VIEW_AGAIN_MS * (1 + core.random.float())) this.#again(slot, move);
    }
    const isDue = core.nowMs - this.#lookedMs >= VIEW_LOOK_MS;
    if (isDue) this.#look();
    if (this.#mayBegin(isDue)) this.#beginSome();
  }

  #mayBegin(isDue: boolean): boolean {
    // Without pressure, the next ones begin when those under way have ended.
    if (!this.#isUsed) return isDue || this.#moves.size === 0;
    return this.#pace.mayBegin(this.#core.nowMs, this.#urgent.length > 0, (slot) => this.#isEnded(slot));
  }

  #beginSome(): void {
    const core = this.#core;
    const begun: number[] = [];
    while (this.#moves.size < VIEW_CHANGES_MAX) {
      const number = this.#urgent.pop() ?? this.#due.pop();
      if (number === undefined) break;
      const slot = core.slots.get(number);
      if (slot && this.#begin(slot)) begun.push(number);
    }
    this.#pace.begun(core.nowMs, begun);
  }

  /** Whether no change of the slot's group is under way, and who came with the last one has copied. */
  #isEnded(number: number): boolean {
    const slot = this.#core.slots.get(number);
    if (!slot) return true;
    if (this.#moves.has(number)) return false;
    const ready = this.readyIn(slot);
    const newcomers = slot.view.members.filter((node) => !slot.before?.members.includes(node));
    return newcomers.every((node) => ready.has(node) || !this.#core.isUp(node));
  }

  /** Which groups are to change, and whether anybody would notice. */
  #look(): void {
    const core = this.#core;
    const rounds = core.counts.proposals + core.counts.confirms;
    this.#isUsed = rounds - this.#rounds >= USED_ROUNDS;
    this.#rounds = rounds;
    this.#lookedMs = core.nowMs;
    this.#urgent = [];
    this.#due = [];
    for (const slot of core.slots.values()) {
      const change = this.#changeOf(slot);
      if (change) (this.#isWeak(slot.view, change.members) ? this.#urgent : this.#due).push(slot.number);
    }
  }

  /** Whether a copy of the slot is missing that the next members would have. */
  #isWeak({ members }: View, next: readonly number[]): boolean {
    return next.length > members.length || members.some((node) => !this.#core.isUp(node));
  }

  #changeOf(slot: Slot): ReturnType<typeof nextMembers> {
    const core = this.#core;
    if (slot.status !== "ready" || this.#moves.has(slot.number)) return undefined;
    if (core.preferredOf(slot.view) !== core.self) return undefined;
    if (!this.#mayDecide(slot.view)) return undefined;
    const wanted = core.groupOf(slot.number);
    return nextMembers(slot.view.members, wanted, {
      degree: core.config.degree,
      isUp: (node) => core.isUp(node),
      isLeaving: (node) => core.leaving.has(node) && core.isUp(node),
    });
  }

  /** Whether a change has begun. */
  #begin(slot: Slot): boolean {
    const core = this.#core;
    const change = this.#changeOf(slot);
    if (!change) return false;
    const ready = this.readyIn(slot);
    const missing = slot.view.members.filter((node) => !ready.has(node));
    for (const node of missing) core.sendNow(node, { type: "ask-ready", slot: slot.number, view: slot.view.number });
    if (missing.some((node) => node !== change.without) || ready.size < majorityOf(slot.view.members)) return false;
    const { view } = slot;
    const newcomer = change.members.find((node) => !view.members.includes(node));
    const move: Move = {
      ...{ state: newcomer === undefined ? "asking" : "learning", view, members: change.members, newcomer },
      ...{ ballot: NO_BALLOT, promises: new Map(), accepts: new Set(), sinceMs: core.nowMs },
    };
    this.#moves.set(slot.number, move);
    if (newcomer === undefined) this.#ask(slot, move);
    else this.#learn(slot, move);
    return true;
  }

  /** Without a majority a change would never end, and those that can would wait for it. */
  #mayDecide({ members }: View): boolean {
    return members.filter((node) => this.#core.isUp(node)).length >= majorityOf(members);
  }

  #learn(slot: Slot, { view, newcomer }: Move): void {
    const next = view.number + 1;
    this.#core.sendNow(newcomer!, { type: "learn", slot: slot.number, view: next, from: view.members });
  }

  onLearned(from: number, { slot: number, view }: Of<"learned">): void {
    const [slot, move] = [this.#core.slots.get(number), this.#moves.get(number)];
    if (slot && move?.state === "learning" && move.newcomer === from && move.view.number + 1 === view)
      this.#ask(slot, move);
  }

  #again(slot: Slot, move: Move): void {
    move.sinceMs = this.#core.nowMs;
    const isGone = move.newcomer !== undefined && !this.#core.isUp(move.newcomer);
    if (isGone || !this.#mayDecide(move.view)) this.#moves.delete(slot.number);
    else if (move.state === "learning") this.#learn(slot, move);
    else this.#ask(slot, move);
  }

  #ask(slot: Slot, move: Move): void {
    move.state = "asking";
    move.ballot = { round: Math.max(slot.viewPromised.round, move.ballot.round) + 1, node: this.#core.self };
    move.promises.clear();
    move.accepts.clear();
    const { ballot, view } = move;
    const message: Message = { type: "view-prepare", slot: slot.number, view: view.number, ballot };
    for (const member of view.members) this.#core.sendNow(member, message);
  }

  // The members' side of Paxos.

  onPrepare(from: number, message: Of<"view-prepare">): void {
    const { slot: number, view, ballot } = message;
    const slot = this.#voter(from, message);
    if (!slot) return;
    if (compareBallots(ballot, slot.viewPromised) < 0) return this.#outbid(from, slot);
    slot.viewPromised = ballot;
    this.#core.saveSlot(slot);
    this.#core.send(from, { type: "view-promise", slot: number, view, ballot, accepted: slot.viewAccepted });
  }

  onAccept(from: number, message: Of<"view-accept">): void {
    const { slot: number, view, ballot, members } = message;
    const slot = this.#voter(from, message);
    if (!slot) return;
    if (compareBallots(ballot, slot.viewPromised) < 0) return this.#outbid(from, slot);
    slot.viewPromised = ballot;
    slot.viewAccepted = { ballot, members };
    this.#core.saveSlot(slot);
    this.#core.send(from, { type: "view-accepted", slot: number, view, ballot });
  }

  #outbid(from: number, slot: Slot): void {
    const of = { slot: slot.number, view: slot.view.number };
    this.#core.send(from, { type: "view-outbid", ...of, promised: slot.viewPromised });
  }

  /** The slot, when this node votes on what follows that view. */
  #voter(from: number, { slot: number, view, ballot }: Of<"view-prepare" | "view-accept">): Slot | undefined {
    const slot = this.#core.slots.get(number);
    const isHonest =
      !slot || (slot.view.members.includes(from) && ballot.round - slot.viewPromised.round <= BALLOT_JUMP_MAX);
    if (slot?.view.number === view && !isHonest) return void this.#core.counts.stray++;
    if (slot?.view.number === view && slot.status === "ready") return slot;
    if (slot && slot.view.number > view) this.tell(from, slot);
    else if (slot && slot.view.number < view) this.#core.sendNow(from, { type: "ask-view", slot: number });
    return undefined;
  }

  onPromise(from: number, { slot: number, view, ballot, accepted }: Of<"view-promise">): void {
    const move = this.#moves.get(number);
    if (move?.state !== "asking" || !isOf(move, from, view, ballot)) return;
    move.promises.set(from, accepted);
    // Our own is among them, and so on disk: after a crash this ballot is not used again for something else.
    if (!move.promises.has(this.#core.self) || move.promises.size < majorityOf(move.view.members)) return;
    let highest: Accepted | undefined;
    for (const one of move.promises.values())
      if (one && (!highest || compareBallots(one.ballot, highest.ballot) > 0)) highest = one;
    if (highest) move.members = highest.members;
    move.state = "proposing";
    const message: Message = { type: "view-accept", slot: number, view, ballot, members: move.members };
    for (const member of move.view.members) this.#core.sendNow(member, message);
  }

  onAccepted(from: number, { slot: number, view, ballot }: Of<"view-accepted">): void {
    const move = this.#moves.get(number);
    if (move?.state !== "proposing" || !isOf(move, from, view, ballot)) return;
    move.accepts.add(from);
    if (move.accepts.size < majorityOf(move.view.members)) return;
    const { members, view: before } = move;
    this.#moves.delete(number);
    const message: Message = { type: "decided", slot: number, view: view + 1, members, before };
    for (const node of new Set([...before.members, ...members])) this.#core.sendNow(node, message);
  }

  onOutbid(from: number, { slot: number, view, promised }: Of<"view-outbid">): void {
    const slot = this.#core.slots.get(number);
    if (slot?.view.number !== view || !slot.view.members.includes(from)) return;
    if (promised.round - slot.viewPromised.round > BALLOT_JUMP_MAX) return void this.#core.counts.stray++;
    if (compareBallots(promised, slot.viewPromised) > 0) slot.viewPromised = { ...promised };
    // Somebody else is at it; the next look comes when that has come to nothing.
    this.#moves.delete(number);
  }

  // Decided.

  onDecided(from: number, { slot: number, view: next, members, before }: Of<"decided">): void {
    const core = this.#core;
    const view: View = { number: next, members };
    core.heardView(number, view);
    const own = core.slots.get(number);
    if (own && own.status !== "learning" && own.view.number >= next) {
      if (own.view.number > next) this.tell(from, own);
      return;
    }
    const isMember = members.includes(core.self);
    const wasReady = own !== undefined && isReadyBefore(own, next, before, core.self);
    // Left out before it was ready: others must not take it for a source.
    const isNoSource = before?.members.includes(core.self) && !wasReady;
    if (!isMember && (!own || own.status === "learning" || isNoSource)) return this.#forget(own, next);
    // What this node has left and let go it does not take up again: it would forget that it is fenced.
    if (next <= (core.left.get(number) ?? -1)) return;
    const slot = own ?? new Slot(number, view, "syncing");
    slot.status = !isMember ? "fenced" : wasReady && !mustMerge(view, before) ? "ready" : "syncing";
    slot.view = view;
    slot.before = before;
    slot.viewPromised = NO_BALLOT;
    slot.viewAccepted = undefined;
    core.slots.set(number, slot);
    core.saveSlot(slot);
    core.hints.delete(number);
    core.counts.views++;
    core.coordinator.end(number, "lost-ballot");
    // Who is left out lets go of its data only when each one has said so itself: until then it may be needed.
    this.#ready.set(number, { view: next, nodes: isMember ? keptReady(view, before) : new Set() });
    core.emit({ type: "moved", slot: number, view, status: slot.status });
    core.copying.viewChanged(slot);
    // A newcomer that comes first does so itself, once it has copied.
    if (core.preferredOf(view) === core.self) core.coordinator.expect(slot);
  }

  #forget(own: Slot | undefined, view: number): void {
    if (own) this.#core.dropSlot(own, view);
  }

  /** What follows an older view, for somebody who missed it. */
  tell(to: number, { number, view, before, status }: Slot): void {
    if (status === "learning") return;
    this.#core.send(to, { type: "decided", slot: number, view: view.number, members: view.members, before });
  }

  onReady(from: number, { slot: number, view }: Of<"ready">): void {
    const slot = this.#core.slots.get(number);
    if (slot?.view.number === view && slot.view.members.includes(from)) this.readyIn(slot).add(from);
  }

  onAskReady(from: number, { slot: number, view }: Of<"ask-ready">): void {
    const slot = this.#core.slots.get(number);
    // Who has let go of a later view waits for nothing from this one; nobody else may be left to say so.
    const isPast = !slot && view <= (this.#core.left.get(number) ?? -1);
    if (isPast || (slot?.view.number === view && slot.status === "ready"))
      return this.#core.send(from, { type: "ready", slot: number, view });
    if (slot && slot.view.number > view) this.tell(from, slot);
    else if (!slot || slot.view.number < view) this.#core.sendNow(from, { type: "ask-view", slot: number });
  }

  onAskView(from: number, { slot: number }: Of<"ask-view">): void {
    const slot = this.#core.slots.get(number);
    if (slot) this.tell(from, slot);
  }
}

function isOf({ view, ballot }: Move, from: number, number: number, asked: Ballot): boolean {
  return view.number === number && view.members.includes(from) && compareBallots(ballot, asked) === 0;
}

/**
 * Whether this node was a ready member of the view before `next`, and if it is kept goes on at once. It may have missed
 * that view, if it was a member of it; after a longer absence it may have been left out and taken again.
 */
function isReadyBefore({ status, view }: Slot, next: number, before: View | undefined, self: number): boolean {
  const isKept = status === "ready" && next - view.number <= 2;
  return isKept && (before?.members.includes(self) ?? false);
}

/** Members of both views need not copy, as a rule. */
function keptReady(view: View, before: View | undefined): Set<number> {
  if (mustMerge(view, before)) return new Set();
  return new Set(view.members.filter((node) => before?.members.includes(node)));
}

/**
 * What was chosen may be missing on fewer members than make a majority. With one less of an even number those become a
 * majority: of two, on one that goes and not on the one that stays. So those who stay copy, too.
 */
function mustMerge({ members }: View, before: View | undefined): boolean {
  return before !== undefined && members.length < before.members.length && before.members.length % 2 === 0;
}

interface Knowledge {
  degree: number;
  isUp: (node: number) => boolean;
  /** It wants to go, and is still there. */
  isLeaving: (node: number) => boolean;
}

/**
 * One step towards what is wanted: one more, one for another, or one less; undefined when there is none to take.
 * `wanted` has no more than `degree` nodes.
 */
export function nextMembers(
  members: readonly number[],
  wanted: readonly number[],
  { degree, isUp, isLeaving }: Knowledge,
): { members: readonly number[]; without: number | undefined } | undefined {
  const extra = members.filter((node) => !wanted.includes(node));
  const missing = wanted.find((node) => !members.includes(node) && isUp(node));
  // First those who are gone anyway.
  const without = extra.find((node) => !isUp(node)) ?? extra[0];
  const inOrder = (list: readonly number[]) =>
    [...wanted, ...list].filter((node, at, all) => {
      return list.includes(node) && all.indexOf(node) === at;
    });
  if (missing !== undefined && members.length < wanted.length)
    return { members: inOrder([...members, missing]), without: undefined };
  if (without === undefined) return undefined;
  const kept = members.filter((node) => node !== without);
  if (missing !== undefined) return { members: inOrder([...kept, missing]), without };
  // One that is merely gone may come back: without it nothing would be gained.
  const mayShrink = members.length > degree || (members.length > wanted.length && isLeaving(without));
  return mayShrink && kept.length > 0 && kept.every(isUp) ? { members: inOrder(kept), without } : undefined;
}
