/** Scenarios about members that come and go: who copies from whom, who answers meanwhile, and what is let go when. */
import { DEGREE, SLOTS, TOMBSTONE_MS } from "../../src/protocols/kv/constants.ts";
import { A, B, C, D, E, isFinal, Script } from "./scripted.ts";
import type { Scenario } from "./scripted-views.ts";
import { KvWorld } from "./world.ts";

const LOOK_MS = 600;
const LEAVE_MS = 5_000;
const THREE = [A, B, C];

/** D is new, has taken a change that B missed, goes down, and copies from B and C, which do not know of that change. */
const whoCopiesDoesNotAccept: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const copy = script.hold({ where: isFinal });
  script.know(A, { nodes: [A, B, D] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(D)?.status === "syncing", "D copies");
  script.lose({ type: "accept", to: B });
  script.know(A, { up: [A] });
  script.put(A, "1");
  copy.held.length = 0;
  script.end(copy);
  script.cut(D, A);
  script.restart(D);
  script.pass(LEAVE_MS, [C, D]);
  script.must(script.slotOf(D)?.status === "ready", "D has copied from B and C");
  script.crash(A);
  script.know(B, { up: [B, D] });
  const read = script.get(B);
  script.pass(LEAVE_MS, [B, D]);
  return script.complaint(read);
};

/** D is new and has not copied a change that A and C have; A is gone, and B does not know of it. */
const whoCopiesDoesNotPromise: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const missed = script.lose({ type: "accept", to: B });
  script.must(script.put(A, "1").effect?.type === "done", "A and C have the change");
  script.end(missed);
  const copy = script.hold({ from: D, where: isFinal });
  script.know(B, { up: [B, C, D], nodes: [A, B, D] });
  script.pass(LOOK_MS, [B]);
  script.must(script.slotOf(D)?.status === "syncing", "D copies");
  script.crash(A);
  script.know([B, D], { up: [B, D] });
  const read = script.get(B);
  script.pass(LOOK_MS, [B, D]);
  script.end(copy);
  script.pass(LEAVE_MS, [B, C, D]);
  return script.complaint(read);
};

/**
 * A has proposed a change before a view with D for C is decided, and only C hears of it, afterwards. Its word counts no
 * more: A goes down, and B and D do not know of the change.
 */
const ofOneViewOnly: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.must(script.put(A, "1").effect?.type === "done", "A coordinates");
  const learned = script.hold({ type: "learned", from: D });
  script.lose({ from: D, to: A, where: isFinal });
  script.know(A, { nodes: [A, B, D] });
  script.pass(LOOK_MS, [A]);
  script.must(learned.held.length > 0, "D has copied what there was");
  script.lose({ type: "accept", from: A, to: [B, D] });
  const late = script.hold({ type: "accept", from: A, to: C });
  script.put(A, "2");
  script.end(learned);
  script.must(script.slotOf(A)?.view.number === 2 && script.slotOf(C)?.status === "fenced", "D takes the place of C");
  script.must(script.slotOf(D)?.status === "ready", "D has copied from B and C");
  script.end(late);
  script.crash(A);
  script.know([B, D], { up: [B, D] });
  const read = script.get(B);
  script.pass(LEAVE_MS, [B, D]);
  return script.complaint(read);
};

/** D had begun to copy when it was left out again; what it lacks, E must not take for missing. */
const whoCopiesIsNoSource: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const copy = script.hold({ from: D, where: isFinal });
  const learned = script.hold({ type: "learned", from: D });
  script.know(B, { up: [B, C, D, E], nodes: [A, B, D] });
  script.pass(LOOK_MS, [B]);
  script.know(A, { up: [A] });
  script.lose({ type: "accept", from: A, to: B });
  script.must(script.put(A, "1").effect?.type === "done", "A and C have the change");
  script.end(learned);
  script.must(script.slotOf(D)?.status === "syncing" && script.slotOf(B)?.view.number === 2, "D is a member");
  script.lose({ from: E, to: A, where: isFinal });
  script.know(B, { up: [B, C, D, E], nodes: [A, B, E] });
  script.pass(LOOK_MS, [B]);
  script.must(script.slotOf(B)?.view.number === 3, "E takes its place");
  copy.held.length = 0;
  script.crash(A);
  script.know(B, { up: [B, E] });
  script.get(B);
  script.pass(LEAVE_MS, [B, D, E]);
  script.heal({ nodes: [A, B, E] });
  return script.complaint(script.get(B));
};

/** B and C have not heard of the new view and go on in the old one, while D copies from them. */
const sourcesHaveLeft: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.know(C, { up: [C] });
  script.must(script.put(C, "1").effect?.type === "done", "C coordinates");
  const unheard = script.hold({ type: "decided", to: [B, C] });
  script.lose({ from: D, to: A, where: isFinal });
  script.know(A, { nodes: [A, B, D] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(A)?.view.number === 2 && script.slotOf(B)?.view.number === 1, "A has left, B has not");
  script.must(script.put(C, "2").effect?.type === "done", "C goes on");
  script.know(A, { up: [A, D] });
  script.get(A);
  script.end(unheard);
  script.heal({ nodes: [A, B, D] });
  return script.complaint(script.get(A));
};

/**
 * A, B and D are in the next view, and A and D have promised A a ballot in it, which B has not heard of; C, which led
 * the view before, has not heard of the view.
 */
function leftBehind(script: Script): void {
  script.know(C, { up: [C] });
  script.must(script.put(C, "1").effect?.type === "done", "C coordinates");
  script.hold({ type: "decided", to: C });
  script.lose({ type: "prepare", from: A, to: B });
  script.know(A, { nodes: [A, B, D] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(D)?.status === "ready" && script.slotOf(C)?.view.number === 1, "C is left behind");
}

/** It would have a change accepted by B; what A and D say then, knows nothing of it. */
const oldViewIsNotAccepted: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  leftBehind(script);
  script.cut(C, A);
  script.put(C, "2");
  script.crash(B);
  script.know(A, { up: [A, D] });
  const read = script.get(A);
  script.pass(LEAVE_MS, [A, D]);
  return script.complaint(read);
};

/** It would have a read confirmed by B, while A and D go on. */
const oldViewIsNotConfirmed: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  leftBehind(script);
  script.cut(B, [A, D]);
  script.know(A, { up: [A, D] });
  script.must(script.put(A, "2").effect?.type === "done", "A and D go on");
  script.get(C);
  return script.complaint();
};

/** B leaves and has not heard that A has all; meanwhile A, alone, gives the slot to D, and goes down and up again. */
function givenAway(script: Script): void {
  script.must(script.put(B, "1").effect?.type === "done", "A and B work");
  const unheard = script.lose({ type: "ready", to: B });
  script.know(B, { nodes: [A], leaving: [B] });
  script.pass(LOOK_MS);
  script.must(script.slotOf(A)?.status === "ready" && script.slotOf(A)?.view.number === 2, "A is alone");
  const away = script.cut(B);
  script.know(A, { nodes: [D] });
  script.pass(LEAVE_MS);
  script.must(script.slotOf(A) === undefined && script.slotOf(D)?.status === "ready", "A has let go");
  script.must(script.put(D, "2").effect?.type === "done", "D works");
  script.restart(A);
  script.end(...away, unheard);
}

/** The decision that had made A the only member comes once more. */
const givenAwayStaysSo: Scenario = (planted) => {
  const script = new Script({ ...planted, members: [B, A] });
  const again = script.double({ type: "decided", from: B, to: A });
  givenAway(script);
  script.must(again.held.length > 0, "a decision comes late");
  script.end(again);
  const read = script.get(A);
  script.pass(LEAVE_MS, [A, D]);
  return script.complaint(read);
};

/** B asks A, the only member that it knows of. */
const whoLeftLastLetsGo: Scenario = (planted) => {
  const script = new Script({ ...planted, members: [B, A] });
  givenAway(script);
  script.must(script.slotOf(B)?.status === "fenced", "B waits");
  script.pass(LEAVE_MS);
  return script.slotOf(B) ? "B keeps what nobody needs" : script.complaint(script.get(D));
};

/** A change that A missed; then first C leaves, then B. */
const whoStaysMerges: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const missed = script.lose({ type: "accept", to: A });
  script.know(B, { up: [B] });
  script.must(script.put(B, "1").effect?.type === "done", "B and C have the change");
  script.end(missed);
  script.know(A, { nodes: [A, B], leaving: [C] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(A)?.view.members.length === 2, "C leaves");
  script.know(A, { nodes: [A], leaving: [B] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(A)?.view.members.length === 1, "B leaves");
  const read = script.get(A);
  script.pass(LEAVE_MS, [A]);
  return script.complaint(read);
};

/** C is gone while a key is removed, and for so long that the others have forgotten even that. */
const staleIsDropped: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.must(script.put(A, "1").effect?.type === "done", "all have the key");
  script.crash(C);
  script.must(script.remove(A).effect?.type === "done", "it is removed");
  script.know(A, { nodes: [A, B, D] });
  script.pass(LEAVE_MS);
  script.leap(TOMBSTONE_MS);
  script.pass(LEAVE_MS);
  script.must(
    [A, B, D].every((node) => script.slotOf(node)?.keys.size === 0),
    "and that is forgotten",
  );
  script.lose({ type: "ask-ready", from: C });
  script.start(C);
  script.know(A, { nodes: [A, B, C] });
  script.pass(2 * LEAVE_MS);
  script.must(script.slotOf(C)?.status === "ready" && script.slotOf(A)!.view.number === 3, "C is back");
  script.crash(A);
  script.know(B, { up: [B, C] });
  const read = script.get(B);
  script.pass(LEAVE_MS, [B, C]);
  return script.complaint(read);
};

/** D has been told of a removed key, and when it asks for it, A has forgotten even that. */
const forgottenIsNotAwaited: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.put(A, "1");
  script.must(script.remove(A).effect?.type === "done", "a key is removed");
  script.pass(LOOK_MS);
  script.leap(TOMBSTONE_MS - 2_000);
  const question = script.hold({ type: "fetch", from: D });
  script.know(A, { nodes: [A, B, D] });
  script.pass(4_000);
  script.must(script.slotOf(A)?.keys.size === 0 && script.slotOf(D)?.status === "learning", "A has forgotten it");
  script.end(question);
  script.pass(LEAVE_MS);
  return script.slotOf(D)?.status === "ready" ? script.complaint(script.get(D)) : "D never becomes a member";
};

/** A missed a change, B is lost for good before D has copied: C, which was left out, has it. */
const givenAwayIsKept: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const missed = script.lose({ type: "accept", to: A });
  script.know(B, { up: [B] });
  script.must(script.put(B, "1").effect?.type === "done", "B and C have the change");
  script.end(missed);
  const copy = script.hold({ from: D, to: [B, C], where: isFinal });
  script.know(A, { nodes: [A, B, D] });
  script.pass(LOOK_MS, [A]);
  script.must(script.slotOf(C)?.status === "fenced", "C is left out");
  script.pass(LEAVE_MS, [C]);
  script.crash(B);
  script.end(copy);
  script.heal({ nodes: [A, B, D], gone: [B] });
  const read = script.get(A);
  script.pass(LEAVE_MS);
  return script.complaint(read);
};

/**
 * Two of five boxes are gone for good, at once. Slots with both of them cannot change any more, and there are more of
 * these than one box changes at one time; the others must have three members again.
 */
const otherSlotsAreRepaired: Scenario = ({ create }) => {
  const world = new KvWorld({ seed: 1, nodes: 5, slots: SLOTS, degree: DEGREE, create });
  for (const box of world.boxes) box.start();
  world.boxes[0]!.step({ type: "found" });
  world.run(40_000);
  const gone = world.boxes.slice(3);
  const nodes = new Set(gone.map(({ node }) => node));
  for (const box of gone) box.crash();
  world.run(world.nowMs + 40_000);
  for (const { core } of world.boxes)
    for (const { number, view } of core?.slots() ?? []) {
      const lost = view.members.filter((node) => nodes.has(node)).length;
      if (lost === 1 || view.members.length !== DEGREE) return `slot ${number} is not repaired`;
    }
  return undefined;
};

export const copyScenarios = {
  whoCopiesDoesNotAccept,
  whoCopiesDoesNotPromise,
  whoCopiesIsNoSource,
  ofOneViewOnly,
  sourcesHaveLeft,
  oldViewIsNotAccepted,
  oldViewIsNotConfirmed,
  givenAwayStaysSo,
  whoLeftLastLetsGo,
  whoStaysMerges,
  staleIsDropped,
  givenAwayIsKept,
  forgottenIsNotAwaited,
  otherSlotsAreRepaired,
} as const;
