/**
 * The work of a coordinator that leads: settles a key once in its ballot, applies what was forwarded to the newest
 * proposed content, proposes the outcome, and tells it when a majority has accepted, or for reads has confirmed.
 */
import type { Applied } from "./commands.ts";
import { applyCommand, isExpired } from "./commands.ts";
import { ORIGINS_MAX, SETTLED_MAX, WAITING_BATCHES_MAX } from "./constants.ts";
import type { Answer, Content, OriginAnswers, Stored } from "./content.ts";
import { compareVersions, decodeContent, encodeContent, toStored } from "./content.ts";
import type { Batch, Leading, Proposal } from "./coordinator.ts";
import type { Core } from "./core.ts";
import type { Forward, Message, Told } from "./messages.ts";
import { compareBallots } from "./messages.ts";
import type { Slot } from "./slot.ts";
import { majorityOf } from "./slot.ts";
import type { Command, Key, Version } from "./types.ts";

/** Beside its value a key takes about so much: version, end, a few origins. */
const ROOM_OF_KEY_BYTES = 64;

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

export function work(core: Core, slot: Slot, term: Leading, batch: Batch): void {
  const { key } = batch.forward;
  const settling = term.settling.size > 0 ? term.settling.get(key) : undefined;
  if (settling) {
    if (settling.waiting.length >= WAITING_BATCHES_MAX) return core.coordinator.refuse(batch, "too-many");
    return void settling.waiting.push(batch);
  }
  if (isSettled(term, slot.keys.get(key), key)) return carryOut(core, slot, term, batch);
  term.settling.set(key, { answers: new Map(), waiting: [batch], sentMs: core.nowMs });
  const { number, view } = slot;
  for (const member of term.view.members)
    core.sendNow(member, { type: "read", slot: number, view: view.number, ballot: term.ballot, key });
}

/** The newest content is chosen already, or was proposed under this very ballot. */
function isSettled(term: Leading, held: Stored | undefined, key: Key): boolean {
  if (term.isClean || term.view.members.length === 1 || term.settled.has(key)) return true;
  return held?.round === term.ballot.round && held.node === term.ballot.node;
}

export function onHolds(core: Core, slot: Slot, term: Leading, from: number, { key, content }: Of<"holds">): void {
  const settling = term.settling.get(key);
  if (!settling) return;
  settling.answers.set(from, content);
  if (!settling.answers.has(core.self) || settling.answers.size < majorityOf(term.view.members)) return;
  term.settling.delete(key);
  const contents = [...settling.answers.values()].map((bytes) => bytes && decodeContent(bytes));
  let newest: Content | undefined;
  for (const one of contents) if (one && (!newest || compareVersions(one.version, newest.version) > 0)) newest = one;
  const isSame = contents.every((one) => (one ? compareVersions(one.version, newest!.version) === 0 : !newest));
  if (isSame) {
    if (term.settled.size >= SETTLED_MAX) term.settled.clear();
    term.settled.add(key);
  } else {
    core.counts.imposed++;
    propose(core, slot, term, key, newest!);
  }
  for (const batch of settling.waiting) carryOut(core, slot, term, batch);
}

function carryOut(core: Core, slot: Slot, term: Leading, batch: Batch): void {
  const { key, origin, first, commands, tries } = batch.forward;
  const kept = slot.keys.get(key);
  // What a change answered is kept even when it changed nothing: a copy of it that comes late must not be done.
  const isChange = commands.some(({ type }) => type !== "get");
  // The end of a key is a change like any other.
  const isOver = isExpired(kept, core.wallMs);
  if (!isChange && !isOver) {
    const tell = () => tellAll(core, batch, readsOf(batch, kept), false);
    return isConfirmed(core, slot, term, batch) ? tell() : confirmed(core, term, slot, batch, tell);
  }
  const held = kept && contentOf(kept);
  const known = held?.origins.find((one) => one.origin === origin);
  if (known && first <= known.first) return repeat(core, slot, term, batch, held!, known);
  if (isChange && !known && tries > 0 && held && held.origins.length >= ORIGINS_MAX)
    return core.coordinator.refuse(batch, "forgotten");
  if (core.isBehind) return core.coordinator.refuse(batch, "too-many");
  const more = moreBytes(commands, kept);
  if (more > 0 && !core.haveRoom(term.view.members, more)) return core.coordinator.refuse(batch, "full");
  const version = { ...term.ballot, n: term.n + 1 };
  const outcome = isOver
    ? apply(core, version, batch.forward, { ...held!, ...NOTHING, set: version })
    : apply(core, version, batch.forward, held, kept?.bytes);
  const { content, told } = outcome;
  const tell = () => tellAll(core, batch, told, false);
  const origins = isChange ? withAnswers(held, { origin, first, answers: outcome.answers }) : held!.origins;
  const next = content ?? { version, set: version, ...NOTHING };
  answerWith(propose(core, slot, term, key, { ...next, origins }), batch, tell);
}

/** Of a read: its newest content is chosen, and who asks is with this node a majority that stands by the ballot. */
function isConfirmed(core: Core, slot: Slot, term: Leading, { from, forward: { key, confirms } }: Batch): boolean {
  const { view, ballot } = term;
  if (!confirms || term.newest.has(key) || slot.view !== view || slot.status !== "ready") return false;
  if (confirms.view !== view.number || compareBallots(confirms.ballot, ballot) !== 0) return false;
  if (compareBallots(slot.promised, ballot) !== 0) return false;
  let both = 0;
  for (const member of view.members) if (member === core.self || member === from) both++;
  return both >= majorityOf(view.members);
}

const READ: Answer = { status: "read" };

/** What reads are told; nothing of it need be taken apart here. */
function readsOf({ forward }: Batch, kept: Stored | undefined): Told[] {
  const before = kept && !kept.isRemoved ? kept.bytes : undefined;
  return forward.commands.map(() => ({ answer: READ, before, version: undefined, expiresMs: null }));
}

/** Of what was checked when it came. */
function contentOf({ bytes }: Stored): Content {
  const content = decodeContent(bytes);
  if (!content) throw new Error("a content that was kept makes no sense");
  return content;
}

/** How much more the key may take after these. What makes it no larger is let through also when there is no room. */
function moreBytes(commands: readonly Command[], kept: Stored | undefined): number {
  let bytes = 0;
  for (const command of commands) {
    if (command.type === "put") bytes = Math.max(bytes, command.value.length + ROOM_OF_KEY_BYTES);
    else if (command.type === "add") bytes = Math.max(bytes, ROOM_OF_KEY_BYTES);
  }
  return bytes - (kept?.bytes.length ?? 0);
}

const NOTHING = { value: null, expiresMs: null, origins: [] };

interface Outcome {
  content: Content | undefined;
  answers: Answer[];
  told: Told[];
}

/** All commands of a batch, one after the other; `bytes` are those of what is held. */
function apply(core: Core, version: Version, forward: Forward, held: Content | undefined, bytes?: Uint8Array): Outcome {
  const outcome: Outcome = { content: held, answers: [], told: [] };
  for (const command of forward.commands) {
    const before = outcome.content;
    const { answer, next } = applyCommand(before, command, core.wallMs);
    if (next !== undefined) {
      const set = command.type === "expire" ? before!.set : version;
      outcome.content = { version, set, value: next?.value ?? null, expiresMs: next?.expiresMs ?? null, origins: [] };
    }
    outcome.answers.push(answer);
    outcome.told.push(toldOf(command, { answer, next }, before, outcome.content, before === held ? bytes : undefined));
  }
  return outcome;
}

function toldOf(
  command: Command,
  { answer }: Applied,
  before: Content | undefined,
  after: Content | undefined,
  bytes: Uint8Array | undefined,
): Told {
  const wants = command.type === "get" || command.type === "expire" || "returnBefore" in command;
  const isTold = (wants || answer.status === "unchanged") && before !== undefined && before.value !== null;
  return {
    answer,
    before: isTold ? (bytes ?? encodeContent({ ...before, origins: [] })) : undefined,
    version: after && after.value !== null ? after.set : undefined,
    expiresMs: after?.expiresMs ?? null,
  };
}

/** The latest first; the one that was silent for longest is dropped. */
function withAnswers(held: Content | undefined, own: OriginAnswers): readonly OriginAnswers[] {
  const others = held?.origins.filter(({ origin }) => origin !== own.origin) ?? [];
  return [own, ...others.slice(0, ORIGINS_MAX - 1)];
}

/** It was done: what it answered is said again, once it is certain. Reads are done now. */
function repeat(core: Core, slot: Slot, term: Leading, batch: Batch, held: Content, known: OriginAnswers): void {
  const { first, commands, key } = batch.forward;
  if (first !== known.first || commands.length !== known.answers.length) return void core.counts.stray++;
  const isThere = held.value !== null;
  const told = known.answers.map((answer) => ({
    answer,
    before: answer.status === "read" && isThere ? encodeContent({ ...held, origins: [] }) : undefined,
    // What another one has set since then is none of its business.
    version: isThere && held.origins[0] === known ? held.set : undefined,
    expiresMs: held.expiresMs,
  }));
  confirmed(core, term, slot, batch, () => tellAll(core, batch, told, true), key);
}

/** Tells when the newest content of the key is chosen, and a majority has confirmed that the ballot still stands. */
function confirmed(
  core: Core,
  term: Leading,
  slot: Slot,
  batch: Batch,
  tell: () => void,
  key = batch.forward.key,
): void {
  const open = term.newest.get(key);
  if (!open) return core.coordinator.confirming.add(term, slot, batch, tell);
  answerWith(open, batch, () => core.coordinator.confirming.add(term, slot, batch, tell));
}

function answerWith(proposal: Proposal, batch: Batch, tell: () => void): void {
  proposal.batches.push(batch);
  proposal.tell.push(tell);
}

/** What is told is on the disks of a majority: that other things are on their way to this disk is no reason to wait. */
function tellAll(core: Core, { from, forward }: Batch, told: readonly Told[], repeated: boolean): void {
  const { slot, key, first } = forward;
  core.sendNow(from, { type: "told", slot, key, first, told, repeated });
}

/** Stored here at once, and by the others when they hear of it. */
export function propose(core: Core, slot: Slot, term: Leading, key: Key, content: Content): Proposal {
  const n = ++term.n;
  const stored = toStored({ ...content, version: { ...term.ballot, n } });
  const { bytes } = stored;
  const proposal: Proposal = { n, key, bytes, acks: [], sentMs: core.nowMs, batches: [], tell: [] };
  term.proposals.set(n, proposal);
  term.newest.set(key, proposal);
  core.counts.proposals++;
  core.putContent(slot, key, stored);
  const of = { slot: slot.number, view: term.view.number, ballot: term.ballot };
  for (const member of term.view.members)
    if (member !== core.self) core.sendNow(member, { type: "accept", ...of, key, content: bytes });
  core.send(core.self, { type: "accepted", ...of, n, isFull: core.isFull });
  return proposal;
}
