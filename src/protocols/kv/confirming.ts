/**
 * Reads need no disk, but they need to know that no other coordinator has taken over: a majority confirms, after the
 * read came, that it has promised nothing above the ballot. All reads that came in one step share one question.
 */
import { RETRY_MS_MAX } from "./constants.ts";
import type { Batch, Leading } from "./coordinator.ts";
import type { Core } from "./core.ts";
import type { Message } from "./messages.ts";
import type { Slot } from "./slot.ts";
import { majorityOf } from "./slot.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

interface Waiting {
  term: Leading;
  confirmedBy: Set<number>;
  batches: Batch[];
  tell: (() => void)[];
}

interface Round {
  sinceMs: number;
  /** By slot. */
  slots: Map<number, Waiting>;
}

export class Confirming {
  readonly #core: Core;
  readonly #rounds = new Map<number, Round>();
  #next: Map<number, Waiting> | undefined;
  /** An answer to an earlier life must not count in this one. */
  #id: number;

  constructor(core: Core) {
    this.#core = core;
    this.#id = core.random.below(2 ** 32);
  }

  get open(): number {
    return this.#rounds.size;
  }

  add(term: Leading, slot: Slot, batch: Batch, tell: () => void): void {
    if (!this.#next) {
      this.#next = new Map();
      this.#core.later(() => this.#ask());
    }
    const waiting = this.#next.get(slot.number);
    // A term that ended in this step has taken its batches along.
    if (waiting?.term === term) {
      waiting.batches.push(batch);
      waiting.tell.push(tell);
    } else this.#next.set(slot.number, { term, confirmedBy: new Set(), batches: [batch], tell: [tell] });
  }

  #ask(): void {
    const core = this.#core;
    const slots = this.#next!;
    this.#next = undefined;
    const id = ++this.#id;
    this.#rounds.set(id, { sinceMs: core.nowMs, slots });
    core.counts.confirms++;
    const asked = new Map<number, { slot: number; view: number; ballot: { round: number; node: number } }[]>();
    for (const [slot, { term }] of slots)
      for (const member of term.view.members) {
        const list = asked.get(member) ?? [];
        if (list.length === 0) asked.set(member, list);
        list.push({ slot, view: term.view.number, ballot: term.ballot });
      }
    for (const [member, list] of asked) core.sendNow(member, { type: "confirm", id, slots: list });
  }

  onConfirmed(from: number, { id, refused }: Of<"confirmed">): void {
    const round = this.#rounds.get(id);
    if (!round) return;
    for (const [slot, waiting] of round.slots) {
      const { term } = waiting;
      if (refused.includes(slot) || !term.view.members.includes(from)) continue;
      waiting.confirmedBy.add(from);
      if (waiting.confirmedBy.size < majorityOf(term.view.members)) continue;
      round.slots.delete(slot);
      if (this.#core.coordinator.termOf(slot) === term) for (const tell of waiting.tell) tell();
    }
    if (round.slots.size === 0) this.#rounds.delete(id);
  }

  /** The term is over: its reads go elsewhere. */
  end(term: Leading, refuse: (batch: Batch) => void): void {
    const of = [...this.#rounds.values()].map(({ slots }) => slots);
    for (const slots of this.#next ? [...of, this.#next] : of)
      for (const [slot, waiting] of slots)
        if (waiting.term === term) {
          slots.delete(slot);
          for (const batch of waiting.batches) refuse(batch);
        }
  }

  tick(): void {
    for (const [id, { sinceMs }] of this.#rounds) {
      if (this.#core.nowMs - sinceMs < RETRY_MS_MAX) break;
      // Whoever asked has asked again by now.
      this.#rounds.delete(id);
    }
  }
}
