/**
 * How a new member comes by a slot's contents, and when one that was left out lets go of them. Before its view is
 * decided it copies what there is from one member after the other ("learn"), so that little is left afterwards. Then it
 * merges the index of a majority of the old view's members, each of which has installed the new view and answers
 * nothing in the old one, and fetches what is newer than its own. Until then it answers nobody.
 */
import {
  ASKED_AROUND_MAX,
  DROPPED_KEYS_MAX,
  FETCH_BYTES_MAX,
  FETCH_KEYS_MAX,
  INDEX_KEYS_MAX,
  LEARN_GIVEN_UP_MS,
  LEFT_ASK_MS,
  SYNC_AGAIN_MS,
} from "./constants.ts";
import { compareVersions, readStored } from "./content.ts";
import type { Stored } from "./content.ts";
import type { Core } from "./core.ts";
import type { Message, View } from "./messages.ts";
import { Slot, majorityOf } from "./slot.ts";
import type { Key, Version } from "./types.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

interface Source {
  after: Key | undefined;
  isEnd: boolean;
}

interface Copy {
  view: number;
  isFinal: boolean;
  /** Whom it may copy from, and of how many it needs the whole index. */
  from: readonly number[];
  needed: number;
  sources: Map<number, Source>;
  /** Newer elsewhere, and where. */
  wanted: Map<Key, { version: Version; at: number }>;
  /** Held when the last copy began, and not in an index of it so far. */
  unnamed: Map<Key, Stored>;
  askedMs: number;
  /** When the last part of it came. */
  cameMs: number;
}

export class Copying {
  readonly #core: Core;
  readonly #copies = new Map<number, Copy>();
  #leftMs = 0;
  #around: IterableIterator<Slot> | undefined;
  /** Slots that were left, in which view, and that nobody needs here any more. */
  #toDrop: { slot: Slot; view: View }[] = [];

  constructor(core: Core) {
    this.#core = core;
  }

  /** Slots that this node is copying. */
  get open(): number {
    return this.#copies.size;
  }

  // The new member.

  onLearn(from: number, { slot: number, view, from: members }: Of<"learn">): void {
    const core = this.#core;
    if (view <= (core.left.get(number) ?? -1)) return;
    const own = core.slots.get(number);
    if (own && own.status !== "learning") {
      if (own.view.number >= view) return core.moves.tell(from, own);
      // Left out just before, and wanted back: it has nearly all.
      if (own.status === "fenced" && own.view.number === view - 1)
        return core.sendNow(from, { type: "learned", slot: number, view });
      // It was left out in between, and has not heard of it.
      return core.sendNow(from, { type: "ask-view", slot: number });
    }
    const running = this.#copies.get(number);
    if (running && running.view === view && running.from[0] === from) return;
    const slot = own ?? new Slot(number, { number: view, members }, "learning");
    slot.view = { number: view, members };
    core.slots.set(number, slot);
    core.saveSlot(slot);
    // From the proposer alone: what others have beyond that comes with the last copy.
    this.#begin(slot, { isFinal: false, from: [from], needed: 1 });
  }

  viewChanged(slot: Slot): void {
    this.#copies.delete(slot.number);
    if (slot.status !== "syncing") return;
    const members = slot.before?.members ?? [];
    // Of two, the one that is kept was ready, too: with the other's index it knows what both did.
    const others = members.filter((node) => node !== this.#core.self).length;
    this.#begin(slot, { isFinal: true, from: members, needed: Math.max(1, Math.min(majorityOf(members), others)) });
  }

  #begin(slot: Slot, how: Pick<Copy, "isFinal" | "from" | "needed">): void {
    const isMajority = how.isFinal && how.needed === majorityOf(how.from);
    const copy: Copy = {
      ...how,
      view: slot.view.number,
      sources: new Map(how.from.map((node) => [node, { after: undefined, isEnd: false }])),
      ...{ wanted: new Map(), unnamed: new Map(isMajority ? slot.keys : []), askedMs: 0, cameMs: this.#core.nowMs },
    };
    this.#copies.set(slot.number, copy);
    this.#ask(slot, copy);
  }

  #ask(slot: Slot, copy: Copy): void {
    const core = this.#core;
    copy.askedMs = core.nowMs;
    const of = { slot: slot.number, view: copy.view };
    for (const [node, { after, isEnd }] of copy.sources) {
      if (isEnd || node === core.self) continue;
      // A source must first leave the old view.
      if (copy.isFinal) core.moves.tell(node, slot);
      core.sendNow(node, { type: "index", ...of, after, isFinal: copy.isFinal });
    }
    this.#fetch(slot, copy);
  }

  onIndexed(from: number, message: Of<"indexed">): void {
    const core = this.#core;
    const { slot: number, view, after, promised, keys, isEnd, isFinal } = message;
    const [slot, copy] = [core.slots.get(number), this.#copies.get(number)];
    const source = copy?.sources.get(from);
    if (!slot || !copy || !source || copy.view !== view || copy.isFinal !== isFinal) return;
    if (source.isEnd || source.after !== after || (keys.length === 0 && !isEnd)) return;
    slot.promise(promised);
    for (const { key, version } of keys) {
      const [held, wanted] = [slot.keys.get(key), copy.wanted.get(key)?.version];
      const isNewer = (than: Version | undefined) => !than || compareVersions(version, than) > 0;
      copy.unnamed.delete(key);
      if (!core.isKeyOf(number, key)) continue;
      if (isNewer(held) && isNewer(wanted)) copy.wanted.set(key, { version, at: from });
    }
    copy.cameMs = core.nowMs;
    source.after = keys.at(-1)?.key ?? source.after;
    source.isEnd = isEnd;
    if (isEnd) this.#fetch(slot, copy);
    else core.sendNow(from, { type: "index", slot: number, view, after: source.after, isFinal });
    this.#end(slot, copy);
  }

  #fetch(slot: Slot, copy: Copy): void {
    const bySource = new Map<number, Key[]>();
    for (const [key, { at }] of copy.wanted) {
      const list = bySource.get(at) ?? [];
      if (list.length === 0) bySource.set(at, list);
      if (list.length < FETCH_KEYS_MAX) list.push(key);
    }
    for (const [node, keys] of bySource)
      this.#core.sendNow(node, { type: "fetch", slot: slot.number, view: copy.view, keys });
  }

  onFetched(from: number, { slot: number, view, contents }: Of<"fetched">): void {
    const core = this.#core;
    const [slot, copy] = [core.slots.get(number), this.#copies.get(number)];
    if (!slot || copy?.view !== view || !copy.from.includes(from)) return;
    for (const { key, content: sent } of contents) {
      // A copy: what is kept for long must not hold the whole frame.
      const stored = readStored(sent.slice());
      const wanted = copy.wanted.get(key);
      if (!stored || !wanted || compareVersions(stored, wanted.version) < 0) continue;
      copy.wanted.delete(key);
      const held = slot.keys.get(key);
      if (held && compareVersions(held, stored) >= 0) continue;
      core.putContent(slot, key, stored, true);
      slot.promise(stored);
      core.counts.copiedKeys++;
      core.counts.copiedBytes += stored.bytes.length;
    }
    // Removed keys that it has forgotten since it named them. What else may be missing comes with the last copy, when
    // no source forgets any.
    if (contents.length === 0 && !copy.isFinal) copy.wanted.clear();
    copy.askedMs = core.nowMs;
    copy.cameMs = core.nowMs;
    this.#fetch(slot, copy);
    this.#end(slot, copy);
  }

  #end(slot: Slot, copy: Copy): void {
    const core = this.#core;
    const ended = [...copy.sources.values()].filter(({ isEnd }) => isEnd).length;
    if (ended < copy.needed || copy.wanted.size > 0) return;
    this.#copies.delete(slot.number);
    const of = { slot: slot.number, view: copy.view };
    if (!copy.isFinal) return core.send(copy.from[0]!, { type: "learned", ...of });
    // What a majority does not name was never chosen, or was removed so long ago that they have forgotten even that.
    for (const [key, stored] of copy.unnamed) if (slot.keys.get(key) === stored) core.removeContent(slot, key);
    slot.status = "ready";
    core.counts.copiedSlots++;
    core.saveSlot(slot);
    core.moves.readyIn(slot).add(core.self);
    core.emit({ type: "moved", slot: slot.number, view: slot.view, status: "ready" });
    const others = new Set([...slot.view.members, ...(slot.before?.members ?? [])]);
    for (const node of others) if (node !== core.self) core.send(node, { type: "ready", ...of });
    core.coordinator.expect(slot);
  }

  // The sources.

  onIndex(from: number, { slot: number, view, after, isFinal }: Of<"index">): void {
    const slot = this.#source(number, view, isFinal);
    if (!slot || !this.#core.mayLook(from, slot.keys.size)) return;
    const keys = [...slot.keys.keys()].filter((key) => after === undefined || key > after).sort();
    const page = keys.slice(0, INDEX_KEYS_MAX);
    this.#core.send(from, {
      ...{ type: "indexed", slot: number, view, after, promised: slot.promised, isFinal },
      keys: page.map((key) => ({ key, version: slot.keys.get(key)! })),
      isEnd: page.length === keys.length,
    });
  }

  onFetch(from: number, { slot: number, view, keys }: Of<"fetch">): void {
    const slot = this.#source(number, view, false);
    if (!slot) return;
    const contents: { key: Key; content: Uint8Array }[] = [];
    let bytes = 0;
    for (const key of keys.slice(0, FETCH_KEYS_MAX)) {
      const held = slot.keys.get(key);
      // The first one always: a large content has an answer of its own.
      if (!held || (bytes > 0 && bytes + held.bytes.length > FETCH_BYTES_MAX)) continue;
      bytes += held.bytes.length;
      contents.push({ key, content: held.bytes });
    }
    this.#core.send(from, { type: "fetched", slot: number, view, contents });
  }

  /**
   * A slot that may be copied from for view `view`: one that was ready in the view before. For the last copy it must
   * have left that view.
   */
  #source(number: number, view: number, isFinal: boolean): Slot | undefined {
    const slot = this.#core.slots.get(number);
    if (!slot || (slot.status !== "ready" && slot.status !== "fenced")) return undefined;
    if (slot.view.number === view) return slot;
    return !isFinal && slot.view.number === view - 1 ? slot : undefined;
  }

  // In time.

  tick(): void {
    const core = this.#core;
    for (const [number, copy] of this.#copies) {
      const slot = core.slots.get(number);
      const isGivenUp = !copy.isFinal && core.nowMs - copy.cameMs >= LEARN_GIVEN_UP_MS;
      if (!slot || slot.view.number !== copy.view || isGivenUp) this.#copies.delete(number);
      else if (core.nowMs - copy.askedMs >= SYNC_AGAIN_MS) {
        // Whoever had what is wanted may be gone for good; others may do.
        if ([...copy.wanted.values()].some(({ at }) => !core.isUp(at))) this.#begin(slot, copy);
        else this.#ask(slot, copy);
      }
    }
    if (core.nowMs - this.#leftMs >= LEFT_ASK_MS) this.#look();
    this.#dropSome();
  }

  #look(): void {
    const core = this.#core;
    this.#leftMs = core.nowMs;
    this.#askAround();
    this.#toDrop = [];
    for (const slot of core.slots.values()) {
      if (slot.status === "fenced") this.#leave(slot);
      // After a restart, or when the decision never came.
      else if (slot.status === "syncing" && !this.#copies.has(slot.number)) this.viewChanged(slot);
      else if (slot.status === "learning" && !this.#copies.has(slot.number)) this.#askView(slot);
    }
  }

  /** Whether there is a newer view than ours: a decision may have been lost. Some slots at a time. */
  #askAround(): void {
    const core = this.#core;
    this.#around ??= core.slots.values();
    for (let asked = 0; asked < ASKED_AROUND_MAX; asked++) {
      const { value: slot, done } = this.#around.next();
      if (done) {
        this.#around = undefined;
        return;
      }
      const others = slot.view.members.filter((node: number) => node !== core.self && core.isUp(node));
      const other = others[core.random.below(others.length || 1)];
      if (slot.status === "ready" && other !== undefined)
        core.sendNow(other, { type: "ask-ready", slot: slot.number, view: slot.view.number });
    }
  }

  #askView(slot: Slot): void {
    for (const node of slot.view.members) this.#core.sendNow(node, { type: "ask-view", slot: slot.number });
  }

  /** A slot that was left goes once every member of the view that left it out is ready. */
  #leave(slot: Slot): void {
    const core = this.#core;
    const ready = core.moves.readyIn(slot);
    const missing = slot.view.members.filter((node) => !ready.has(node));
    if (missing.length === 0) return void this.#toDrop.push({ slot, view: slot.view });
    for (const node of missing) core.sendNow(node, { type: "ask-ready", slot: slot.number, view: slot.view.number });
  }

  /** Not all at one go: what waits for this node would wait for each key of them. */
  #dropSome(): void {
    for (let keys = 0; keys < DROPPED_KEYS_MAX && this.#toDrop.length > 0;) {
      const { slot, view } = this.#toDrop.pop()!;
      // In the meantime it may have been dropped, or a newer view has come.
      if (this.#core.slots.get(slot.number) !== slot || slot.view !== view) continue;
      keys += slot.keys.size + 1;
      this.#core.dropSlot(slot, view.number);
    }
  }
}
