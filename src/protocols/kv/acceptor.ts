/**
 * The member's side: promises ballots, takes contents, says what it holds. It answers only while it is a ready member
 * of exactly the view that is meant; a new member stores what is proposed, and says nothing until it has copied.
 */
import type { Core } from "./core.ts";
import { BALLOT_JUMP_MAX } from "./constants.ts";
import { compareVersions, readStored } from "./content.ts";
import type { Ballot, Message } from "./messages.ts";
import { compareBallots } from "./messages.ts";
import type { Slot } from "./slot.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

/** The slot, when this node may answer; otherwise the sender hears what view there is. */
function answerable(core: Core, from: number, slot: number, view: number): Slot | undefined {
  const own = core.slots.get(slot);
  if (own && own.view.number === view && own.status === "ready") return own;
  const hint = core.hintOf(slot);
  if (hint) core.send(from, { type: "other-view", slot, view, hint });
  return undefined;
}

/** A ballot is its node's, who is a member, and not absurdly high: whoever else sends it lies. */
function isHonest({ counts }: Core, from: number, slot: Slot, ballot: Ballot): boolean {
  const isPossible = ballot.round - slot.promised.round <= BALLOT_JUMP_MAX;
  if (ballot.node === from && slot.view.members.includes(from) && isPossible) return true;
  counts.stray++;
  return false;
}

/** False, and told so, when a higher ballot was promised. */
function mayUse(core: Core, from: number, slot: Slot, ballot: Ballot): boolean {
  if (compareBallots(ballot, slot.promised) >= 0) return true;
  core.send(from, { type: "outbid", slot: slot.number, view: slot.view.number, promised: slot.promised });
  return false;
}

export function onPrepare(core: Core, from: number, { slot: number, view, ballot }: Of<"prepare">): void {
  const slot = answerable(core, from, number, view);
  if (!slot || !isHonest(core, from, slot, ballot) || !mayUse(core, from, slot, ballot)) return;
  if (compareBallots(ballot, slot.promised) > 0) {
    slot.promised = ballot;
    core.saveSlot(slot);
    core.coordinator.outbid(slot, ballot);
  }
  core.send(from, { type: "promise", slot: number, view, ballot, digest: slot.digest });
}

export function onRead(core: Core, from: number, { slot: number, view, ballot, key }: Of<"read">): void {
  const slot = answerable(core, from, number, view);
  if (!slot || !isHonest(core, from, slot, ballot) || !mayUse(core, from, slot, ballot)) return;
  // Only what was read after the promise tells what came before the ballot.
  if (compareBallots(ballot, slot.promised) !== 0) return;
  core.send(from, { type: "holds", slot: number, view, ballot, key, content: slot.keys.get(key)?.bytes });
}

export function onAccept(core: Core, from: number, message: Of<"accept">): void {
  const { slot: number, view, ballot, key } = message;
  const own = core.slots.get(number);
  const isCopying = own?.status === "syncing" && own.view.number === view;
  const slot = isCopying ? own : answerable(core, from, number, view);
  if (!slot || !isHonest(core, from, slot, ballot) || !mayUse(core, from, slot, ballot)) return;
  // As if it had been lost: it comes again, or this node finds out later what it has missed.
  if (core.isBehind) return;
  // A copy: what is kept for long must not hold the whole frame.
  const bytes = message.content.slice();
  const stored = readStored(bytes);
  if (!stored || compareBallots(stored, ballot) !== 0 || !core.isKeyOf(number, key)) return void core.counts.stray++;
  // Who leads has refused what makes more room necessary long before, unless it gives much more itself.
  if (!stored.isRemoved && !core.hasRoom(bytes.length)) return void core.counts.stray++;
  if (compareBallots(ballot, slot.promised) > 0) {
    slot.promised = ballot;
    core.coordinator.outbid(slot, ballot);
  }
  const held = slot.keys.get(key);
  if (!held || compareVersions(stored, held) > 0) core.putContent(slot, key, stored);
  if (isCopying) return;
  core.send(from, { type: "accepted", slot: number, view, ballot, n: stored.n, isFull: core.isFull });
}

export function onConfirm(core: Core, from: number, { id, slots }: Of<"confirm">): void {
  const refused: number[] = [];
  for (const { slot: number, view, ballot } of slots) {
    const slot = core.slots.get(number);
    const isOurs = slot?.view.number === view && slot.status === "ready";
    if (!isOurs || compareBallots(slot.promised, ballot) !== 0) refused.push(number);
  }
  // It need not wait for the disk: that nothing higher was promised until now stays true.
  core.sendNow(from, { type: "confirmed", id, refused });
}

/** A removed key is forgotten once all members hold the same, under a ballot that bars what was proposed before. */
export function onDrop(core: Core, from: number, { slot: number, view, ballot, key, version }: Of<"drop">): void {
  const slot = core.slots.get(number);
  if (!slot || slot.view.number !== view || slot.status !== "ready" || !isHonest(core, from, slot, ballot)) return;
  if (compareBallots(ballot, slot.promised) !== 0) return;
  const held = slot.keys.get(key);
  if (held?.isRemoved === true && compareVersions(held, version) === 0) core.removeContent(slot, key);
}
