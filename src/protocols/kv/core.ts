/**
 * What the parts of one node share: its slots, what it knows of the others, and the way out for messages and rows.
 * A message that rests on something stored leaves when that is on disk (`send`), another one at once (`sendNow`).
 */
import type { Random } from "../../kernel/random.ts";
import {
  FULL_LASTS_MS,
  GONE_AFTER_MS,
  KEY_BYTES_MAX,
  LOOKED_KEYS_MAX,
  ROOM_TIMES_MAX,
  UNSTORED_BYTES_MAX,
} from "./constants.ts";
import type { Stored } from "./content.ts";
import { putUint48, readStored, uint48 } from "./content.ts";
import type { Coordinator } from "./coordinator.ts";
import type { Effect, KvConfig, KvCounts } from "./events.ts";
import type { Message, View } from "./messages.ts";
import type { Origin } from "./origin.ts";
import type { Slot } from "./slot.ts";
import { decodeSlot, encodeSlot, majorityOf } from "./slot.ts";
import { Groups, slotOf } from "./slots.ts";
import type { Key } from "./types.ts";
import type { Moves } from "./moves.ts";
import type { Copying } from "./copying.ts";
import type { Peeking } from "./peeking.ts";
import type { Watching } from "./watching.ts";

export interface Put {
  id: string;
  bytes: Uint8Array | null;
}

export class Core {
  readonly config: KvConfig;
  readonly random: Random;
  readonly self: number;
  nowMs = 0;
  wallMs = 0;
  readonly slots = new Map<number, Slot>();
  /** Of slots whose data this node has let go: the view that left it out. It never returns to that or an older one. */
  readonly left = new Map<number, number>();
  /** Newest view of a slot that this node has heard of; its own slots have theirs. */
  readonly hints = new Map<number, View>();
  /** Nodes that seem to be up; never without ourselves. */
  up: ReadonlySet<number>;
  /** Of nodes that were up a short time ago: when they were last. */
  readonly #lastUpMs = new Map<number, number>();
  /** When it first heard who is up. */
  #heardUpMs: number | undefined;
  /** Nodes that have said that they are full, and until when that is believed: they may be given more room. */
  readonly #full = new Map<number, number>();
  /** Nodes that should hold slots. */
  nodes: readonly number[] = [];
  readonly #groups: Groups;
  /** Nodes that no longer want to. */
  leaving: ReadonlySet<number> = new Set();
  /** Bytes of all contents, and how many there may be, as of the last tick. */
  bytes = 0;
  /** That it holds, removed ones too. */
  keys = 0;
  quotaBytes: number;
  readonly counts: KvCounts;
  // The parts; set by node.ts.
  coordinator!: Coordinator;
  origin!: Origin;
  moves!: Moves;
  copying!: Copying;
  watching!: Watching;
  peeking!: Peeking;
  #effects: Effect[] = [];
  #outgoing = new Map<number, Message[]>();
  #puts: Put[] = [];
  /** Of changed contents: of those puts, and of the stores that are under way, in their order. */
  #putBytes = 0;
  #storing: { no: number; bytes: number }[] = [];
  #storingBytes = 0;
  /** Keys that others have made this node look at in this step. */
  readonly #looked = new Map<number, number>();
  #persists = 0;
  #durable = 0;
  /** In the order of the rows that they wait for. */
  #waiting: { after: number; run: () => void }[] = [];
  /** Run at the end of this step. */
  readonly #later = new Set<() => void>();
  /** Slots of which a view may have been heard, or a row changed, since somebody last took note of it. */
  #touched = new Set<number>();

  constructor(config: KvConfig, random: Random, counts: KvCounts) {
    this.config = config;
    this.random = random;
    this.self = config.node;
    this.#groups = new Groups(config.degree);
    this.quotaBytes = config.quotaBytes();
    this.up = new Set([config.node]);
    this.counts = counts;
  }

  /** What a disk holds from an earlier life. Throws when it is not what was written. */
  load(rows: Iterable<{ id: string; bytes: Uint8Array }>): void {
    const contents: { id: string; bytes: Uint8Array }[] = [];
    for (const row of rows) {
      if (row.id[0] === "s") this.slots.set(numberOf(row.id), decodeSlot(numberOf(row.id), row.bytes));
      else if (row.id[0] === "l") this.left.set(numberOf(row.id), uint48(row.bytes, 0));
      else contents.push(row);
    }
    for (const { id, bytes } of contents) {
      const slot = this.slots.get(numberOf(id));
      const stored = readStored(bytes);
      if (!slot || !stored) throw new Error(`a row of the key-value store makes no sense: ${JSON.stringify(id)}`);
      stored.rowId = id;
      slot.put(id.slice(3), stored);
      // An accepted content promised its ballot, which has no row of its own.
      slot.promise(stored);
    }
    for (const slot of this.slots.values()) {
      this.bytes += slot.bytes;
      this.keys += slot.keys.size;
    }
  }

  // Out

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Leaves when what was stored until now is on disk. */
  send(to: number, message: Message): void {
    this.afterStored(() => this.sendNow(to, message));
  }

  /** Says nothing that rests on what is being stored. */
  sendNow(to: number, message: Message): void {
    if (to === this.self) return this.receiveLater(message);
    const messages = this.#outgoing.get(to);
    if (messages) messages.push(message);
    else this.#outgoing.set(to, [message]);
  }

  /** Takes what a message to ourselves says, as from another. Set by node.ts. */
  receive!: (from: number, message: Message) => void;

  receiveLater(message: Message): void {
    this.later(() => this.receive(this.self, message));
  }

  later(run: () => void): void {
    this.#later.add(run);
  }

  afterStored(run: () => void): void {
    const after = this.#puts.length > 0 ? this.#persists + 1 : this.#persists;
    if (after <= this.#durable) run();
    else this.#waiting.push({ after, run });
  }

  stored(upTo: number): void {
    this.#durable = Math.max(this.#durable, upTo);
    while (this.#storing.length > 0 && this.#storing[0]!.no <= upTo) this.#storingBytes -= this.#storing.shift()!.bytes;
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.after <= this.#durable) count++;
    for (const { run } of this.#waiting.splice(0, count)) run();
  }

  /** The end of a step: what is to be stored, and sent. */
  flush(): Effect[] {
    while (this.#later.size > 0) {
      const runs = [...this.#later];
      this.#later.clear();
      for (const run of runs) run();
    }
    if (this.#puts.length > 0) {
      this.#effects.push({ type: "store", no: ++this.#persists, puts: this.#puts });
      this.#storing.push({ no: this.#persists, bytes: this.#putBytes });
      this.#storingBytes += this.#putBytes;
      this.#puts = [];
      this.#putBytes = 0;
    }
    for (const [to, messages] of this.#outgoing) this.#effects.push({ type: "send", to, messages });
    if (this.#outgoing.size > 0) this.#outgoing = new Map();
    if (this.#looked.size > 0) this.#looked.clear();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  // Rows

  saveSlot(slot: Slot): void {
    this.#touched.add(slot.number);
    this.#puts.push({ id: `s${numberText(slot.number)}`, bytes: encodeSlot(slot) });
  }

  /** Puts a content into the slot, in memory and among the rows. */
  putContent(slot: Slot, key: Key, stored: Stored, isCopied = false): void {
    const before = slot.bytes;
    const held = slot.put(key, stored);
    if (!held) this.keys++;
    const id = held?.rowId ?? `k${numberText(slot.number)}${key}`;
    stored.rowId = id;
    this.bytes += slot.bytes - before;
    this.#puts.push({ id, bytes: stored.bytes });
    // A copy comes once; changes may come again and again while the disk stands still.
    if (!isCopied) this.#putBytes += stored.bytes.length;
    this.watching.taken(key, stored);
  }

  removeContent(slot: Slot, key: Key): void {
    const before = slot.bytes;
    if (slot.keys.has(key)) this.keys--;
    slot.remove(key);
    this.bytes += slot.bytes - before;
    this.#puts.push({ id: `k${numberText(slot.number)}${key}`, bytes: null });
  }

  /** All that this node has of a slot; it remembers `view`, which has left it out. */
  dropSlot(slot: Slot, view: number): void {
    if (view > (this.left.get(slot.number) ?? -1)) {
      this.left.set(slot.number, view);
      const bytes = new Uint8Array(6);
      putUint48(bytes, 0, view);
      this.#puts.push({ id: `l${numberText(slot.number)}`, bytes });
    }
    for (const key of [...slot.keys.keys()]) this.removeContent(slot, key);
    this.slots.delete(slot.number);
    this.#touched.add(slot.number);
    // Whoever still asks here is shown on.
    this.heardView(slot.number, slot.view);
    this.#puts.push({ id: `s${numberText(slot.number)}`, bytes: null });
  }

  // Known of others

  /** The newest view of a slot that we know, and otherwise the group that hashing suggests. */
  hintOf(slot: number): View | undefined {
    const own = this.slots.get(slot);
    const heard = this.hints.get(slot);
    if (own && own.status !== "learning" && (!heard || own.view.number >= heard.number)) return own.view;
    return heard;
  }

  heardView(slot: number, view: View | undefined): void {
    if (!view) return;
    const known = this.hintOf(slot);
    if (known && view.number <= known.number) return;
    this.hints.set(slot, view);
    this.#touched.add(slot);
  }

  /** Slots whose view or status may be another since it was last asked. */
  takeTouched(): ReadonlySet<number> {
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  /** Who should hold the slot. */
  groupOf(slot: number): readonly number[] {
    return this.#groups.of(slot, this.nodes);
  }

  /** As far as this node knows: whom it would ask about the slot. */
  mayHold(slot: number, node: number): boolean {
    const members = this.hintOf(slot)?.members ?? this.groupOf(slot);
    return members.includes(node);
  }

  isKeyOf(slot: number, key: Key): boolean {
    return key.length > 0 && key.length <= KEY_BYTES_MAX && slotOf(key, this.config.slots) === slot;
  }

  get isFull(): boolean {
    return this.bytes > this.quotaBytes;
  }

  /** The disk has more to store than may wait for it. */
  get isBehind(): boolean {
    return this.#storingBytes + this.#putBytes > UNSTORED_BYTES_MAX;
  }

  heardRoom(node: number, isFull: boolean): void {
    if (isFull) this.#full.set(node, this.nowMs + FULL_LASTS_MS);
    else if (this.#full.size > 0) this.#full.delete(node);
  }

  /** Whether all of them have, as far as this node knows, and this one has it for so many bytes more. */
  haveRoom(members: readonly number[], bytes: number): boolean {
    if (this.bytes + bytes > this.quotaBytes) return false;
    return this.#full.size === 0 || !members.some((node) => (this.#full.get(node) ?? 0) > this.nowMs);
  }

  /** Beyond what this node gives, for what others send; coordinators stop before. */
  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= ROOM_TIMES_MAX * this.quotaBytes;
  }

  /** Whether another node may make this one look at so many keys, in this step. The first time always. */
  mayLook(node: number, keys: number): boolean {
    const looked = this.#looked.get(node) ?? 0;
    if (looked > 0 && looked + keys > LOOKED_KEYS_MAX) return false;
    this.#looked.set(node, looked + keys + 1);
    return true;
  }

  isUp(node: number): boolean {
    return node === this.self || this.up.has(node);
  }

  heardUp(up: readonly number[]): void {
    const { nowMs } = this;
    this.#heardUpMs ??= nowMs;
    for (const [node, lastMs] of this.#lastUpMs) if (nowMs - lastMs >= GONE_AFTER_MS) this.#lastUpMs.delete(node);
    for (const node of this.up) this.#lastUpMs.set(node, nowMs);
    this.up = new Set([...up, this.self]);
  }

  /**
   * No majority of the slot's members has seemed to be up for a while, neither of those that this node last heard of
   * nor of those that should hold it now: what is asked of the slot cannot be done.
   */
  isLost(slot: number): boolean {
    const view = this.hintOf(slot);
    if (view && !this.#isCut(view.members)) return false;
    const group = this.groupOf(slot);
    return group.length > 0 && this.#isCut(group);
  }

  #isCut(members: readonly number[]): boolean {
    let left = 0;
    for (const node of members) if (!this.#isGone(node)) left++;
    return left < majorityOf(members);
  }

  #isGone(node: number): boolean {
    if (this.isUp(node) || this.#heardUpMs === undefined) return false;
    return this.nowMs - (this.#lastUpMs.get(node) ?? this.#heardUpMs) >= GONE_AFTER_MS;
  }

  /** Who should coordinate a view: its first member that is up. */
  preferredOf(view: View): number | undefined {
    return view.members.find((node) => this.isUp(node));
  }
}

/** Two characters, so that ids sort and read back. */
function numberText(slot: number): string {
  return String.fromCharCode(slot >> 8, slot & 255);
}

function numberOf(id: string): number {
  return (id.charCodeAt(1) << 8) | id.charCodeAt(2);
}
