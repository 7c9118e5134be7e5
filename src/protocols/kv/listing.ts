/**
 * Lists keys, slot after slot, each from a ready member of it. It is no snapshot: a key that is written meanwhile may
 * be in it or not, but one that was there all the time is in it once.
 */
import { isExpired } from "./commands.ts";
import { LIST_KEYS_MAX, OPERATION_TIMEOUT_MS, RETRY_MS } from "./constants.ts";
import type { Core } from "./core.ts";
import type { KvEvent } from "./events.ts";
import type { Message } from "./messages.ts";
import type { Key } from "./types.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

/** Slots that are asked for at one time. */
const SLOTS_AT_ONCE = 128;

interface List {
  /** Of the program, which may use its numbers again. */
  id: number;
  prefix: Key;
  limit: number;
  endMs: number;
  /** The first slot of those that are asked for, and the key in it after which to begin. */
  slot: number;
  after: Key | undefined;
  found: Key[];
  answers: Map<number, { keys: readonly Key[]; isEnd: boolean }>;
  /** Who was asked for each slot. */
  of: Map<number, number>;
  tries: number;
  askedMs: number;
}

export class Listing {
  readonly #core: Core;
  readonly #lists = new Map<number, List>();
  /** An answer to an earlier life must not count in this one. */
  #asked: number;

  constructor(core: Core) {
    this.#core = core;
    this.#asked = core.random.below(2 ** 32);
  }

  start({ id, prefix, cursor, limit, timeoutMs = OPERATION_TIMEOUT_MS }: Extract<KvEvent, { type: "list" }>): void {
    const core = this.#core;
    const list: List = {
      ...{ id, prefix, limit: Math.min(limit, LIST_KEYS_MAX), endMs: core.nowMs + timeoutMs },
      ...{ slot: cursor?.slot ?? 0, after: cursor?.after },
      ...{ found: [], answers: new Map(), of: new Map(), tries: 0, askedMs: 0 },
    };
    this.#ask(++this.#asked, list);
  }

  #ask(asked: number, list: List): void {
    const core = this.#core;
    this.#lists.set(asked, list);
    list.askedMs = core.nowMs;
    const byNode = new Map<number, number[]>();
    for (let slot = list.slot; slot < Math.min(this.#core.config.slots, list.slot + SLOTS_AT_ONCE); slot++) {
      const node = list.answers.has(slot) ? undefined : core.origin.targetOf(slot, list.tries);
      if (node === undefined) continue;
      const slots = byNode.get(node) ?? [];
      list.of.set(slot, node);
      if (slots.length === 0) byNode.set(node, slots);
      slots.push(slot);
    }
    const { prefix, limit } = list;
    for (const [node, slots] of byNode) {
      const first = slots[0] === list.slot ? list.after : undefined;
      core.sendNow(node, { type: "list", id: asked, prefix, after: first, slots, limit });
    }
  }

  /** Of each slot that this node holds, its keys in order; `after` is meant for the first of them. */
  onList(from: number, { id, prefix, after, slots, limit: asked }: Of<"list">): void {
    const core = this.#core;
    const found: { slot: number; keys: Key[]; isEnd: boolean }[] = [];
    const limit = Math.min(asked, LIST_KEYS_MAX);
    for (const [at, number] of slots.slice(0, SLOTS_AT_ONCE).entries()) {
      const slot = core.slots.get(number);
      if (slot?.status !== "ready" || !core.mayLook(from, slot.keys.size)) continue;
      const keys: Key[] = [];
      for (const [key, held] of slot.keys) {
        if (held.isRemoved || !key.startsWith(prefix) || (at === 0 && after !== undefined && key <= after)) continue;
        if (!isExpired(held, core.wallMs)) keys.push(key);
      }
      keys.sort();
      found.push({ slot: number, keys: keys.slice(0, limit), isEnd: keys.length <= limit });
    }
    core.sendNow(from, { type: "listed", id, slots: found });
  }

  onListed(from: number, { id, slots }: Of<"listed">): void {
    const list = this.#lists.get(id);
    if (!list) return;
    for (const { slot, keys, isEnd } of slots)
      if (!list.answers.has(slot) && list.of.get(slot) === from && keys.length <= list.limit)
        list.answers.set(slot, { keys, isEnd });
    this.#collect(id, list);
  }

  /** In the order of slots, as far as there are answers. */
  #collect(asked: number, list: List): void {
    const last = Math.min(this.#core.config.slots, list.slot + SLOTS_AT_ONCE);
    for (let answer = list.answers.get(list.slot); answer; answer = list.answers.get(list.slot)) {
      const room = list.limit - list.found.length;
      list.found.push(...answer.keys.slice(0, room));
      if (answer.keys.length > room || !answer.isEnd) {
        const after = list.found.at(-1) ?? list.after;
        return this.#done(asked, list, { slot: list.slot, after });
      }
      list.answers.delete(list.slot);
      list.slot++;
      list.after = undefined;
      if (list.slot === this.#core.config.slots) return this.#done(asked, list, undefined);
      if (list.found.length >= list.limit) return this.#done(asked, list, { slot: list.slot, after: undefined });
    }
    if (list.slot < last) return;
    list.tries = 0;
    this.#lists.delete(asked);
    this.#ask(++this.#asked, list);
  }

  #done(asked: number, { id, found }: List, next: { slot: number; after: Key | undefined } | undefined): void {
    this.#lists.delete(asked);
    this.#core.emit({ type: "listed", id, keys: found, next });
  }

  tick(): void {
    const { nowMs } = this.#core;
    for (const [asked, list] of this.#lists) {
      if (nowMs >= list.endMs) {
        this.#lists.delete(asked);
        this.#core.emit({ type: "failed", id: list.id, why: "no-majority" });
      } else if (nowMs - list.askedMs >= RETRY_MS) {
        list.tries++;
        this.#lists.delete(asked);
        this.#ask(++this.#asked, list);
      }
    }
  }
}
