/**
 * The coordinator of a slot: has a ballot promised by a majority, and then carries out what is forwarded to it.
 *
 *   (none) ──an operation came──▶ asking ──majority promised──▶ leading ──outbid, other view──▶ (none)
 *                                   └── no answer: asks again, higher; outbid ──▶ (none)
 *
 * It has no lease: another member may take over at any moment, and this one hears of it when it is refused.
 */
import { Confirming } from "./confirming.ts";
import {
  BALLOT_JUMP_MAX,
  BATCH_OPS_MAX,
  PREPARE_AGAIN_MS,
  PROPOSE_AGAIN_MS,
  WAITING_BATCHES_MAX,
} from "./constants.ts";
import type { Core } from "./core.ts";
import type { Ballot, Forward, Message, Refusal, View } from "./messages.ts";
import { compareBallots } from "./messages.ts";
import type { Slot } from "./slot.ts";
import { majorityOf } from "./slot.ts";
import type { Key } from "./types.ts";
import { onHolds, work } from "./working.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

/** Operations that came, and from which node. */
export interface Batch {
  from: number;
  forward: Forward;
}

/** A content that was proposed, until a majority has accepted it. */
export interface Proposal {
  n: number;
  key: Key;
  bytes: Uint8Array;
  /** Members that have accepted it, each once. */
  acks: number[];
  sentMs: number;
  /** Batches whose answers rest on it. */
  batches: Batch[];
  tell: (() => void)[];
}

/** A key about which a majority is asked before it is first worked on under this ballot. */
export interface Settling {
  answers: Map<number, Uint8Array | undefined>;
  waiting: Batch[];
  sentMs: number;
}

export interface Asking {
  state: "asking";
  ballot: Ballot;
  view: View;
  promises: Map<number, string>;
  /** Members that were in an older view when they were asked, and have been asked again. */
  askedAgain: Set<number>;
  sinceMs: number;
  waiting: Batch[];
}

export interface Leading {
  state: "leading";
  ballot: Ballot;
  view: View;
  /** Of the last proposal. */
  n: number;
  /** What each promise told of its contents; all alike: every key is known to be settled. */
  promises: Map<number, string>;
  isClean: boolean;
  settled: Set<Key>;
  settling: Map<Key, Settling>;
  proposals: Map<number, Proposal>;
  /** The last proposal for a key, while it is open. */
  newest: Map<Key, Proposal>;
}

export class Coordinator {
  readonly #core: Core;
  readonly #terms = new Map<number, Asking | Leading>();
  readonly confirming: Confirming;

  constructor(core: Core) {
    this.#core = core;
    this.confirming = new Confirming(core);
  }

  /** Slots that this node coordinates. */
  get leading(): number {
    let count = 0;
    for (const term of this.#terms.values()) if (term.state === "leading") count++;
    return count;
  }

  termOf(slot: number): Asking | Leading | undefined {
    return this.#terms.get(slot);
  }

  onForward(from: number, forward: Forward): void {
    const core = this.#core;
    const count = forward.commands.length;
    const isHonest = core.isKeyOf(forward.slot, forward.key) && count > 0 && count <= BATCH_OPS_MAX;
    if (!isHonest) return void core.counts.stray++;
    const slot = core.slots.get(forward.slot);
    const batch = { from, forward };
    if (slot?.status !== "ready") return this.refuse(batch, "not-ready");
    const term = this.#terms.get(slot.number);
    if (term?.state === "leading") return work(core, slot, term, batch);
    if (term) {
      if (term.waiting.length >= WAITING_BATCHES_MAX) return this.refuse(batch, "too-many");
      return void term.waiting.push(batch);
    }
    // Another one should have it; but who is asked again helps.
    if (this.#preferred(slot) !== core.self && forward.tries < 2) return this.refuse(batch, "not-coordinator");
    this.#ask(slot, [batch]);
  }

  /** The first member that is up and, as far as we know, ready. */
  #preferred(slot: Slot): number | undefined {
    const ready = this.#core.moves.readyIn(slot);
    return slot.view.members.find((node) => this.#core.isUp(node) && (node === this.#core.self || ready.has(node)));
  }

  /** Our term, when all members told of the same contents at its beginning. */
  agreedTerm(slot: Slot): Leading | undefined {
    const term = this.#terms.get(slot.number);
    if (term?.state !== "leading" || term.view !== slot.view) return undefined;
    const isAgreed = term.promises.size === term.view.members.length && new Set(term.promises.values()).size === 1;
    return isAgreed ? term : undefined;
  }

  /** Who is to coordinate a new view has its ballot promised before the first operation comes, which need not wait. */
  expect(slot: Slot): void {
    if (slot.status === "ready" && this.#preferred(slot) === this.#core.self) this.renew(slot);
  }

  /** A higher ballot, when nothing is under way. */
  renew(slot: Slot): void {
    const term = this.#terms.get(slot.number);
    if (term && (term.state === "asking" || term.proposals.size + term.settling.size > 0)) return;
    const waiting: Batch[] = [];
    // Reads that are being confirmed go on under the new ballot.
    if (term) this.confirming.end(term, (batch) => waiting.push(batch));
    this.#ask(slot, waiting);
  }

  /** Asks for a ballot, as soon as somebody has a use for it. */
  #ask(slot: Slot, waiting: Batch[], atLeast = 0): void {
    const core = this.#core;
    const ballot = { round: Math.max(slot.promised.round, atLeast) + 1, node: core.self };
    const { view } = slot;
    this.#terms.set(slot.number, {
      ...{ state: "asking", ballot, view, promises: new Map(), askedAgain: new Set(), waiting },
      sinceMs: core.nowMs,
    });
    core.counts.ballots++;
    const message: Message = { type: "prepare", slot: slot.number, view: view.number, ballot };
    for (const member of view.members) core.sendNow(member, message);
  }

  onPromise(from: number, { slot: number, view, ballot, digest }: Of<"promise">): void {
    const core = this.#core;
    const [slot, term] = [core.slots.get(number), this.#terms.get(number)];
    if (!slot || !term || !isOf(term, view, ballot) || !term.view.members.includes(from)) return;
    term.promises.set(from, digest);
    if (term.state === "leading") return;
    // Our own promise is among them: we read our own contents as those of an acceptor.
    if (!term.promises.has(core.self) || term.promises.size < majorityOf(term.view.members)) return;
    const leading: Leading = {
      ...{ state: "leading", ballot, view: term.view, n: 0 },
      promises: term.promises,
      isClean: new Set(term.promises.values()).size === 1,
      ...{ settled: new Set(), settling: new Map(), proposals: new Map(), newest: new Map() },
    };
    this.#terms.set(number, leading);
    for (const batch of term.waiting) work(core, slot, leading, batch);
  }

  onHolds(from: number, message: Of<"holds">): void {
    const term = this.#leadingIn(message.slot, message.view, message.ballot);
    const slot = this.#core.slots.get(message.slot);
    if (slot && term?.view.members.includes(from)) onHolds(this.#core, slot, term, from, message);
  }

  onAccepted(from: number, { slot, view, ballot, n, isFull }: Of<"accepted">): void {
    const term = this.#leadingIn(slot, view, ballot);
    if (term?.view.members.includes(from)) this.#core.heardRoom(from, isFull);
    const proposal = term?.proposals.get(n);
    if (!term || !proposal || !term.view.members.includes(from)) return;
    if (!proposal.acks.includes(from)) proposal.acks.push(from);
    if (proposal.acks.length < majorityOf(term.view.members)) return;
    term.proposals.delete(n);
    if (term.newest.get(proposal.key) === proposal) term.newest.delete(proposal.key);
    for (const tell of proposal.tell) tell();
  }

  /** Somebody has promised more than our ballot, this node too. */
  outbid(slot: Slot, promised: Ballot): void {
    const term = this.#terms.get(slot.number);
    if (!term || compareBallots(promised, term.ballot) <= 0) return;
    if (term.state === "asking" && term.waiting.length > 0 && promised.node === this.#core.self) return;
    this.end(slot.number, term.state === "asking" ? "not-coordinator" : "lost-ballot");
  }

  onOutbid(from: number, { slot: number, view, promised }: Of<"outbid">): void {
    const slot = this.#core.slots.get(number);
    if (!slot || slot.view.number !== view || !slot.view.members.includes(from)) return;
    if (promised.round - slot.promised.round > BALLOT_JUMP_MAX) return void this.#core.counts.stray++;
    // Our next ballot must be above it.
    slot.promise(promised);
    this.outbid(slot, promised);
  }

  /** The slot's view has changed, or this node has lost its ballot. */
  end(number: number, why: Refusal): void {
    const term = this.#terms.get(number);
    if (!term) return;
    this.#terms.delete(number);
    if (term.state === "asking") for (const batch of term.waiting) this.refuse(batch, why);
    else {
      for (const { waiting } of term.settling.values()) for (const batch of waiting) this.refuse(batch, why);
      for (const { batches } of term.proposals.values()) for (const batch of batches) this.refuse(batch, why);
      this.confirming.end(term, (batch) => this.refuse(batch, why));
    }
  }

  refuse({ from, forward: { slot, key, first, tries } }: Batch, why: Refusal): void {
    const core = this.#core;
    core.counts.refused++;
    const refused: Message = { type: "refused", slot, key, first, tries, why, hint: core.hintOf(slot) };
    // Too many wait for what the disk is to store; asked again when it has, they find room. Else nothing rests on it.
    if (why === "too-many") core.send(from, refused);
    else core.sendNow(from, refused);
  }

  tick(): void {
    const core = this.#core;
    for (const [number, term] of this.#terms) {
      const slot = core.slots.get(number);
      if (!slot || slot.view !== term.view || slot.status !== "ready") {
        this.end(number, "lost-ballot");
        continue;
      }
      if (term.state === "leading") this.#sayAgain(slot, term);
      else if (core.nowMs - term.sinceMs > PREPARE_AGAIN_MS * (1 + core.random.float())) {
        if (core.nowMs - term.sinceMs > 4 * PREPARE_AGAIN_MS) this.end(number, "not-coordinator");
        else
          for (const member of term.view.members)
            if (!term.promises.has(member)) this.#prepareAgain(term, slot, member);
      }
    }
    this.confirming.tick();
  }

  /** A member that did not know the view has just been told of it. Once: who forgets it again is asked in time. */
  askAgain(slot: Slot, member: number): void {
    const term = this.#terms.get(slot.number);
    if (term?.state !== "asking" || term.view !== slot.view || !term.view.members.includes(member)) return;
    if (term.askedAgain.has(member)) return;
    term.askedAgain.add(member);
    this.#core.afterStored(() => this.#prepareAgain(term, slot, member));
  }

  #prepareAgain({ ballot, view }: Asking, slot: Slot, member: number): void {
    this.#core.sendNow(member, { type: "prepare", slot: slot.number, view: view.number, ballot });
  }

  #sayAgain(slot: Slot, term: Leading): void {
    const core = this.#core;
    const of = { slot: slot.number, view: term.view.number, ballot: term.ballot };
    for (const proposal of term.proposals.values()) {
      if (core.nowMs - proposal.sentMs < PROPOSE_AGAIN_MS) break;
      proposal.sentMs = core.nowMs;
      for (const member of term.view.members)
        if (!proposal.acks.includes(member) && member !== core.self)
          core.sendNow(member, { type: "accept", ...of, key: proposal.key, content: proposal.bytes });
    }
    for (const [key, settling] of term.settling) {
      if (core.nowMs - settling.sentMs < PROPOSE_AGAIN_MS) continue;
      settling.sentMs = core.nowMs;
      for (const member of term.view.members)
        if (!settling.answers.has(member)) core.sendNow(member, { type: "read", ...of, key });
    }
  }

  #leadingIn(slot: number, view: number, ballot: Ballot): Leading | undefined {
    const term = this.#terms.get(slot);
    return term?.state === "leading" && isOf(term, view, ballot) ? term : undefined;
  }
}

function isOf(term: Asking | Leading, view: number, ballot: Ballot): boolean {
  return term.view.number === view && compareBallots(term.ballot, ballot) === 0;
}
