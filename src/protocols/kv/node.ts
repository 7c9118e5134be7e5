/**
 * A node of the key-value store: the pure core. `step` takes one event and the time and gives back effects. The driver
 * carries out `store` effects in order and says `stored` when they are on disk, sends frames, and ticks.
 * docs/protocols/kv.md says why it is right.
 */
import type { Random } from "../../kernel/random.ts";
import { onAccept, onConfirm, onDrop, onPrepare, onRead } from "./acceptor.ts";
import { Coordinator } from "./coordinator.ts";
import { Copying } from "./copying.ts";
import { Core } from "./core.ts";
import type { Effect, KvConfig, KvCounts, KvEvent } from "./events.ts";
import { newCounts } from "./events.ts";
import { Listing } from "./listing.ts";
import type { Message, View } from "./messages.ts";
import { Moves } from "./moves.ts";
import { Origin } from "./origin.ts";
import { Peeking } from "./peeking.ts";
import { Slot } from "./slot.ts";
import type { SlotStatus } from "./slot.ts";
import { Sweeping } from "./sweeping.ts";
import { Watching } from "./watching.ts";

export interface KvNode {
  step(nowMs: number, wallMs: number, event: KvEvent): Effect[];
  /** Several events at one go: what follows from them is stored, and sent to each node, together. */
  stepAll(nowMs: number, wallMs: number, events: readonly KvEvent[]): Effect[];
  /** The newest view of a slot that this node knows. */
  viewOf(slot: number): View | undefined;
  counts(): KvCounts;
  figures(): KvFigures;
  /** Looks at every slot. */
  stats(): KvStats;
  slots(): IterableIterator<Slot>;
  slot(number: number): Slot | undefined;
  /** Slots whose view or status may be another since it was last asked; for one who asks. */
  takeTouched(): ReadonlySet<number>;
}

export interface KvStats extends KvFigures {
  slots: Record<SlotStatus, number>;
}

export interface KvFigures {
  leading: number;
  moves: number;
  copies: number;
  openOperations: number;
  keys: number;
  bytes: number;
}

/** `stored`: the rows of an earlier life. Throws when they make no sense. */
export function createKvNode(
  config: KvConfig,
  deps: { random: Random; stored?: Iterable<{ id: string; bytes: Uint8Array }> },
): KvNode {
  const counts = newCounts();
  const core = new Core(config, deps.random, counts);
  core.coordinator = new Coordinator(core);
  core.origin = new Origin(core);
  core.moves = new Moves(core);
  core.copying = new Copying(core);
  const parts = { listing: new Listing(core), watching: new Watching(core), sweeping: new Sweeping(core) };
  core.watching = parts.watching;
  core.peeking = new Peeking(core);
  core.receive = (from, message) => receive(core, parts, from, message);
  if (deps.stored) core.load(deps.stored);
  const stepAll: KvNode["stepAll"] = (nowMs, wallMs, events) => {
    core.nowMs = nowMs;
    core.wallMs = wallMs;
    for (const event of events) handle(core, parts, event);
    return core.flush();
  };
  return {
    step: (nowMs, wallMs, event) => stepAll(nowMs, wallMs, [event]),
    stepAll,
    viewOf: (slot) => core.hintOf(slot),
    counts: () => ({ ...counts }),
    figures: () => figuresOf(core),
    stats: () => statsOf(core),
    slots: () => core.slots.values(),
    slot: (number) => core.slots.get(number),
    takeTouched: () => core.takeTouched(),
  };
}

interface Parts {
  listing: Listing;
  watching: Watching;
  sweeping: Sweeping;
}

function handle(core: Core, { listing, watching, sweeping }: Parts, event: KvEvent): void {
  switch (event.type) {
    case "tick":
      core.quotaBytes = core.config.quotaBytes();
      core.coordinator.tick();
      core.origin.tick();
      core.moves.tick();
      core.copying.tick();
      core.peeking.tick();
      listing.tick();
      watching.tick();
      return sweeping.tick();
    case "frame":
      for (const message of event.messages) core.receive(event.from, message);
      return;
    case "stored":
      return core.stored(event.no);
    case "operation": {
      const { id, key, command, timeoutMs } = event;
      if (command.type === "get" && command.stale === true) return core.peeking.start(id, key, timeoutMs);
      return core.origin.start(id, key, command, timeoutMs);
    }
    case "peers":
      core.heardUp(event.up);
      core.nodes = event.nodes;
      core.leaving = new Set(event.leaving);
      core.origin.heardNodes();
      return;
    case "found":
      return found(core);
    case "list":
      return listing.start(event);
    case "watch":
      return watching.start(event.id, event.prefix);
    case "unwatch":
      return watching.stop(event.id);
  }
}

/** The first views, with this node alone. */
function found(core: Core): void {
  if (core.slots.size > 0) throw new Error("this store was founded before");
  for (let number = 0; number < core.config.slots; number++) {
    const slot = new Slot(number, { number: 0, members: [core.self] }, "ready");
    core.slots.set(number, slot);
    core.saveSlot(slot);
  }
}

function receive(core: Core, parts: Parts, from: number, message: Message): void {
  if ("slot" in message && message.slot >= core.config.slots) return void core.counts.stray++;
  const { coordinator, origin } = core;
  switch (message.type) {
    case "forward":
      return coordinator.onForward(from, message);
    case "told":
      return origin.onTold(from, message);
    case "refused":
      return origin.onRefused(from, message);
    case "prepare":
      return onPrepare(core, from, message);
    case "promise":
      return coordinator.onPromise(from, message);
    case "outbid":
      return coordinator.onOutbid(from, message);
    case "other-view":
      return onOtherView(core, from, message);
    case "read":
      return onRead(core, from, message);
    case "holds":
      return coordinator.onHolds(from, message);
    case "accept":
      return onAccept(core, from, message);
    case "accepted":
      return coordinator.onAccepted(from, message);
    case "confirm":
      return onConfirm(core, from, message);
    case "confirmed":
      return coordinator.confirming.onConfirmed(from, message);
    case "drop":
      return onDrop(core, from, message);
    case "list":
      return parts.listing.onList(from, message);
    case "listed":
      return parts.listing.onListed(from, message);
    case "watch":
      return parts.watching.onWatch(from, message);
    case "changed":
      return parts.watching.onChanged(message);
    case "peek":
      return core.peeking.onPeek(from, message);
    case "peeked":
      return core.peeking.onPeeked(from, message);
    default:
      return receiveOfViews(core, from, message);
  }
}

/** What is said about views, and by members that copy. */
function receiveOfViews({ moves, copying }: Core, from: number, message: Message): void {
  switch (message.type) {
    case "view-prepare":
      return moves.onPrepare(from, message);
    case "view-promise":
      return moves.onPromise(from, message);
    case "view-accept":
      return moves.onAccept(from, message);
    case "view-accepted":
      return moves.onAccepted(from, message);
    case "view-outbid":
      return moves.onOutbid(from, message);
    case "decided":
      return moves.onDecided(from, message);
    case "ask-view":
      return moves.onAskView(from, message);
    case "learn":
      return copying.onLearn(from, message);
    case "learned":
      return moves.onLearned(from, message);
    case "index":
      return copying.onIndex(from, message);
    case "indexed":
      return copying.onIndexed(from, message);
    case "fetch":
      return copying.onFetch(from, message);
    case "fetched":
      return copying.onFetched(from, message);
    case "ready":
      return moves.onReady(from, message);
    case "ask-ready":
      return moves.onAskReady(from, message);
  }
}

/** The sender is in another view: whoever is behind asks for the newer one. */
function onOtherView(core: Core, from: number, { slot: number, hint }: Extract<Message, { type: "other-view" }>): void {
  // Only whom we may have asked can have something to say about it.
  if (!core.mayHold(number, from)) return void core.counts.stray++;
  core.heardView(number, hint);
  const own = core.slots.get(number);
  if (own && own.view.number < hint.number) core.sendNow(from, { type: "ask-view", slot: number });
  else if (own && own.view.number > hint.number) {
    core.moves.tell(from, own);
    core.coordinator.askAgain(own, from);
  }
}

function statsOf(core: Core): KvStats {
  const slots = { learning: 0, syncing: 0, ready: 0, fenced: 0 };
  for (const slot of core.slots.values()) slots[slot.status]++;
  return { slots, ...figuresOf(core) };
}

function figuresOf({ coordinator, moves, copying, origin, peeking, keys, bytes }: Core): KvFigures {
  const work = { leading: coordinator.leading, moves: moves.open, copies: copying.open };
  return { ...work, openOperations: origin.open + peeking.open, keys, bytes };
}
