/**
 * Lists keys, slot after slot. Any single member may be behind, so as many members of a slot are asked as make a
 * majority, all in one view, and the newest version of each key decides. It is no snapshot: a key that is written
 * meanwhile may be in it or not, but one that was there all the time is in it once.
 */
import { isExpired } from "./commands.ts";
import { LIST_KEYS_MAX, LIST_SLOTS, OPERATION_TIMEOUT_MS, RETRY_MS, RETRY_MS_MAX } from "./constants.ts";
import type { Core } from "./core.ts";
import type { KvEvent, ListCursor } from "./events.ts";
import type { Message } from "./messages.ts";
import type { Page } from "./pages.ts";
import { isPage, mergePages, pageOf } from "./pages.ts";
import type { Slot } from "./slot.ts";
import { majorityOf } from "./slot.ts";
import type { Key } from "./types.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

/** No view has this number: who is asked in it says which there is. */
const UNKNOWN_VIEW = 2 ** 48 - 1;
const TRIES_AS_HINTED = 4;

/** What is known of one slot, in one view and after one key. */
interface Part {
  /** `UNKNOWN_VIEW`: it will be another part when the view is known. */
  view: number;
  members: readonly number[];
  after: Key | undefined;
  pages: Map<number, Page>;
  /** Not ready in this view, or in another one. */
  refusedBy: Set<number>;
  /** Asked, and silent so far. */
  waitsFor: Set<number>;
}

interface List {
  /** Of the program, which may use its numbers again. */
  id: number;
  prefix: Key;
  limit: number;
  endMs: number;
  /** The slot where it stands, and the key in it after which to go on. */
  slot: number;
  after: Key | undefined;
  found: Key[];
  /** Slots that are asked for in one round. */
  slotsAtOnce: number;
  parts: Map<number, Part>;
  rounds: number[];
  /** Rounds in which nothing came on. */
  tries: number;
  againMs: number;
  /** Whoever was asked has looked at as many keys as it may in one step. */
  isHeld: boolean;
}

/** Whom it asked for which parts; an answer may come after the next round has begun. */
interface Round {
  list: List;
  parts: Map<number, Map<number, Part>>;
}

export class Listing {
  readonly #core: Core;
  readonly #rounds = new Map<number, Round>();
  readonly #lists = new Set<List>();
  /** Nodes that left a question without an answer, and have not answered since. */
  readonly #silent = new Set<number>();
  /** An answer to an earlier life must not count in this one. */
  #asked: number;

  constructor(core: Core) {
    this.#core = core;
    this.#asked = core.random.below(2 ** 32);
  }

  start({ id, prefix, cursor, limit, timeoutMs = OPERATION_TIMEOUT_MS }: Extract<KvEvent, { type: "list" }>): void {
    const list: List = {
      ...{ id, prefix, limit: Math.max(1, Math.min(limit, LIST_KEYS_MAX)), endMs: this.#core.nowMs + timeoutMs },
      ...{ slot: cursor?.slot ?? 0, after: cursor?.after, found: [] },
      ...{ slotsAtOnce: Math.max(LIST_SLOTS, 2 * limit), parts: new Map(), rounds: [], tries: 0, againMs: 0 },
      isHeld: false,
    };
    this.#lists.add(list);
    this.#ask(list);
  }

  // Asking.

  #ask(list: List): void {
    const core = this.#core;
    const end = Math.min(core.config.slots, list.slot + list.slotsAtOnce);
    const asked = new Map<number, Map<number, Part>>();
    for (let slot = list.slot; slot < end; slot++) {
      const part = this.#partOf(list, slot);
      for (const node of this.#whomToAsk(part, list.tries, asked)) {
        const parts = asked.get(node) ?? new Map<number, Part>();
        if (parts.size === 0) asked.set(node, parts);
        parts.set(slot, part);
        part.waitsFor.add(node);
      }
    }
    list.isHeld = false;
    list.againMs = core.nowMs + Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** list.tries);
    this.#rounds.set(++this.#asked, { list, parts: asked });
    list.rounds.push(this.#asked);
    const { prefix, after, limit, found } = list;
    for (const [node, parts] of asked) {
      const slots = [...parts].map(([slot, { view }]) => ({ slot, view }));
      const first = slots[0]!.slot === list.slot ? after : undefined;
      core.sendNow(node, { type: "list", id: this.#asked, prefix, after: first, slots, limit: limit - found.length });
    }
  }

  /** Begun anew where the slot has another view by now. */
  #partOf(list: List, slot: number): Part {
    const core = this.#core;
    // Now and then not whom we knew last: they may all have left the slot, and forgotten to whom.
    const hint = list.tries % TRIES_AS_HINTED === TRIES_AS_HINTED - 1 ? undefined : core.hintOf(slot);
    const known = list.parts.get(slot);
    if (known && known.view === (hint?.number ?? UNKNOWN_VIEW)) return known;
    const { number: view, members } = hint ?? {
      ...{ number: UNKNOWN_VIEW, members: core.groupOf(slot) },
    };
    const after = slot === list.slot ? list.after : undefined;
    const part = { view, members, after, pages: new Map(), refusedBy: new Set<number>(), waitsFor: new Set<number>() };
    list.parts.set(slot, part);
    return part;
  }

  /** As many as are missing: this node if it is a member, then whoever is asked anyway; all when that did not do. */
  #whomToAsk({ members, pages, refusedBy, waitsFor }: Part, tries: number, asked: Round["parts"]): readonly number[] {
    const core = this.#core;
    const missing = majorityOf(members) - pages.size;
    if (missing <= 0) return [];
    const rest = members.filter((node) => !pages.has(node));
    if (tries > 0) return rest;
    const rank = (node: number) => {
      if (node === core.self) return 0;
      return core.isUp(node) && !this.#silent.has(node) ? (asked.has(node) ? 1 : 2) : 3;
    };
    const willing = rest.filter((node) => !refusedBy.has(node)).sort((a, b) => rank(a) - rank(b));
    return willing.slice(0, missing).filter((node) => !waitsFor.has(node));
  }

  // Answering.

  /** Of each slot in which this node is ready in that view; `after` is meant for the first. */
  onList(from: number, { id, prefix, after, slots, limit }: Of<"list">): void {
    const core = this.#core;
    const told: (Page & { slot: number })[] = [];
    const refused: number[] = [];
    let thereMax = Math.max(1, Math.min(limit, LIST_KEYS_MAX));
    let keysMax = LIST_KEYS_MAX;
    for (const [at, { slot: number, view }] of slots.slice(0, core.config.slots).entries()) {
      const slot = core.slots.get(number);
      if (slot?.status !== "ready" || slot.view.number !== view) {
        const hint = core.hintOf(number);
        if (hint && hint.number !== view)
          core.sendNow(from, { type: "other-view", slot: number, view: hint.number, hint });
        refused.push(number);
        continue;
      }
      if (thereMax === 0 || keysMax === 0 || !core.mayLook(from, slot.keys.size)) break;
      const page = this.#pageOf(slot, prefix, at === 0 ? after : undefined, { thereMax, keysMax });
      told.push({ slot: number, ...page });
      thereMax -= page.keys.filter(({ isThere }) => isThere).length;
      keysMax -= page.keys.length;
    }
    core.sendNow(from, { type: "listed", id, slots: told, refused });
  }

  #pageOf({ keys }: Slot, prefix: Key, after: Key | undefined, most: { thereMax: number; keysMax: number }): Page {
    const { wallMs } = this.#core;
    const meant = function* () {
      for (const key of keys.keys()) if (key.startsWith(prefix) && (after === undefined || key > after)) yield key;
    };
    return pageOf(
      meant(),
      (key) => {
        const held = keys.get(key)!;
        const { round, node, n, isRemoved } = held;
        return { key, version: { round, node, n }, isThere: !isRemoved && !isExpired(held, wallMs) };
      },
      most,
    );
  }

  // Collecting.

  onListed(from: number, { id, slots, refused }: Of<"listed">): void {
    const round = this.#rounds.get(id);
    const parts = round?.parts.get(from);
    if (!round || !parts) return;
    round.parts.delete(from);
    this.#silent.delete(from);
    const { list } = round;
    for (const part of parts.values()) part.waitsFor.delete(from);
    for (const { slot, keys, isEnd } of slots) {
      const part = parts.get(slot);
      if (!part || keys.length > LIST_KEYS_MAX || !isPage({ keys, isEnd }, part.after)) this.#core.counts.stray++;
      else part.pages.set(from, { keys, isEnd });
    }
    for (const slot of refused) parts.get(slot)?.refusedBy.add(from);
    if (this.#collect(list)) return;
    const part = list.parts.get(list.slot);
    if (part && part.waitsFor.size > 0) return;
    if (slots.length + refused.length === 0) list.isHeld = true;
    else if (this.#canGoOn(list, part)) this.#next(list);
  }

  /** Whether there is somebody to ask who has not refused, in the view that is known now. */
  #canGoOn(list: List, part: Part | undefined): boolean {
    if (!part || this.#core.hintOf(list.slot)?.number !== part.view) return true;
    const willing = part.members.filter((node) => !part.refusedBy.has(node)).length;
    return part.view !== UNKNOWN_VIEW && willing >= majorityOf(part.members);
  }

  #next(list: List): void {
    list.tries = 0;
    this.#ask(list);
  }

  /** In the order of slots, as far as there are answers. True when it is done. */
  #collect(list: List): boolean {
    const { slots } = this.#core.config;
    for (;;) {
      const part = list.parts.get(list.slot);
      if (!part || part.view === UNKNOWN_VIEW || part.pages.size < majorityOf(part.members)) return false;
      const { keys, upTo } = mergePages([...part.pages.values()]);
      list.parts.delete(list.slot);
      list.tries = 0;
      const room = list.limit - list.found.length;
      for (const key of keys.slice(0, room)) list.found.push(key);
      if (keys.length > room) return this.#done(list, { slot: list.slot, after: list.found.at(-1) });
      list.after = upTo;
      if (upTo === undefined) list.slot++;
      if (list.slot === slots) return this.#done(list, undefined);
      if (list.found.length >= list.limit) return this.#done(list, { slot: list.slot, after: upTo });
      // There were few: all others at one time.
      if (upTo === undefined && !list.parts.has(list.slot)) list.slotsAtOnce = slots;
    }
  }

  #done(list: List, next: ListCursor | undefined): true {
    this.#end(list);
    this.#core.emit({ type: "listed", id: list.id, keys: list.found, next });
    return true;
  }

  #end(list: List): void {
    for (const asked of list.rounds) this.#rounds.delete(asked);
    this.#lists.delete(list);
  }

  tick(): void {
    const { nowMs } = this.#core;
    for (const list of this.#lists) {
      if (nowMs >= list.endMs) {
        this.#end(list);
        this.#core.emit({ type: "failed", id: list.id, why: "no-majority" });
      } else if (list.isHeld) this.#next(list);
      else if (nowMs >= list.againMs) {
        const part = list.parts.get(list.slot);
        for (const node of part?.waitsFor ?? []) this.#silent.add(node);
        list.tries++;
        this.#ask(list);
      }
    }
  }
}
