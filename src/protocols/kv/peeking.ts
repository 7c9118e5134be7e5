/**
 * Reads that may be behind ("stale"): the newest content that a majority of the members holds, asked for in one phase,
 * without the coordinator. It may be older than a change that was answered since, or newer than one that is never
 * answered. Where no majority answers, it is the newest of those that do: so a part that was cut off can still read.
 */
import { isExpired, foundOf } from "./commands.ts";
import { OPEN_OPS_MAX, OPERATION_TIMEOUT_MS, PEEK_AGAIN_MS, PEEK_PATIENCE_MS } from "./constants.ts";
import type { Content } from "./content.ts";
import { compareVersions, decodeContent } from "./content.ts";
import type { Core } from "./core.ts";
import type { Message } from "./messages.ts";
import { slotOf } from "./slots.ts";
import { majorityOf } from "./slot.ts";
import type { Key } from "./types.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

interface Peek {
  /** Of the program, which may use its numbers again. */
  id: number;
  key: Key;
  slot: number;
  members: readonly number[];
  answeredBy: Set<number>;
  newest: Content | undefined;
  startMs: number;
  askedMs: number;
  endMs: number;
}

export class Peeking {
  readonly #core: Core;
  readonly #peeks = new Map<number, Peek>();
  /** An answer to an earlier life must not count in this one. */
  #asked: number;

  constructor(core: Core) {
    this.#core = core;
    this.#asked = core.random.below(2 ** 32);
  }

  get open(): number {
    return this.#peeks.size;
  }

  start(id: number, key: Key, timeoutMs = OPERATION_TIMEOUT_MS): void {
    const core = this.#core;
    if (this.#peeks.size + core.origin.open >= OPEN_OPS_MAX) return core.emit({ type: "failed", id, why: "too-many" });
    core.counts.operations++;
    const { nowMs } = core;
    const times = { startMs: nowMs, askedMs: nowMs, endMs: nowMs + timeoutMs };
    const slot = slotOf(key, core.config.slots);
    const peek: Peek = { id, key, slot, members: [], answeredBy: new Set(), newest: undefined, ...times };
    this.#peeks.set(++this.#asked, peek);
    this.#ask(this.#asked, peek, false);
  }

  /** At first only as many as are needed: this box, if it is a member, and those that seem to be up. */
  #ask(asked: number, peek: Peek, all: boolean): void {
    const core = this.#core;
    const { slot, key } = peek;
    const members = core.hintOf(slot)?.members ?? core.groupOf(slot);
    peek.members = members;
    peek.askedMs = core.nowMs;
    const rank = (node: number) => (node === core.self ? 0 : core.isUp(node) ? 1 : 2);
    const asks = all ? members : members.toSorted((a, b) => rank(a) - rank(b)).slice(0, majorityOf(members));
    for (const node of asks) if (!peek.answeredBy.has(node)) core.sendNow(node, { type: "peek", id: asked, slot, key });
  }

  onPeek(from: number, { id, slot: number, key }: Of<"peek">): void {
    const core = this.#core;
    const slot = core.slots.get(number);
    if (slot?.status === "ready") return core.sendNow(from, { type: "peeked", id, content: slot.keys.get(key)?.bytes });
    const hint = core.hintOf(number);
    if (hint) core.sendNow(from, { type: "other-view", slot: number, view: hint.number, hint });
  }

  onPeeked(from: number, { id, content: bytes }: Of<"peeked">): void {
    const peek = this.#peeks.get(id);
    if (!peek?.members.includes(from) || peek.answeredBy.has(from)) return;
    const content = bytes && decodeContent(bytes);
    if (bytes && !content) return void this.#core.counts.stray++;
    peek.answeredBy.add(from);
    if (content && (!peek.newest || compareVersions(content.version, peek.newest.version) > 0)) peek.newest = content;
    if (peek.answeredBy.size >= majorityOf(peek.members)) this.#done(id, peek);
  }

  #done(asked: number, { id, newest }: Peek): void {
    const core = this.#core;
    this.#peeks.delete(asked);
    const found = isExpired(newest, core.wallMs) ? undefined : foundOf(newest);
    core.emit({ type: "done", id, result: { status: "done", before: found, after: found } });
  }

  tick(): void {
    const { nowMs } = this.#core;
    for (const [asked, peek] of this.#peeks) {
      if (peek.answeredBy.size > 0 && nowMs - peek.startMs >= PEEK_PATIENCE_MS) this.#done(asked, peek);
      else if (nowMs >= peek.endMs) {
        this.#peeks.delete(asked);
        this.#core.emit({ type: "failed", id: peek.id, why: "no-majority" });
      } else if (nowMs - peek.askedMs >= PEEK_AGAIN_MS) this.#ask(asked, peek, true);
    }
  }
}
