/** Scenarios about boxes that go down and come back: what was on their disks, and what comes to a later life. */
import { TOMBSTONE_MS } from "../../src/protocols/kv/constants.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import { A, B, C, D, E, F, Script } from "./scripted.ts";
import type { Scenario } from "./scripted-views.ts";

const THREE = [A, B, C];
const SOON_MS = 5_000;

/** All have a change; the next one C does not hear of, and one of the other two is slow and goes down. */
function slowAndDown(planted: Parameters<Scenario>[0], { slow, left }: { slow: number; left: number }) {
  const script = new Script({ ...planted, members: THREE });
  script.must(script.put(A, "1").effect?.type === "done", "A coordinates");
  const unheard = script.lose({ type: "accept", to: C });
  script.slowDisk(slow);
  script.put(A, "2");
  script.restart(slow);
  script.flush(slow);
  script.crash(left);
  script.end(unheard);
  const rest = THREE.filter((node) => node !== left);
  script.know(rest, { up: rest });
  const read = script.get(slow);
  script.pass(SOON_MS);
  return script.complaint(read);
}

const acceptedIsStored: Scenario = (planted) => slowAndDown(planted, { slow: B, left: A });

const proposedIsStored: Scenario = (planted) => slowAndDown(planted, { slow: A, left: B });

/** C promises B a ballot, goes down before that is on its disk, and takes what A proposes under the old one. */
const promisedIsStored: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.know(A, { up: [A] });
  script.must(script.add(A).effect?.type === "done", "A coordinates");
  script.cut(A, B);
  script.slowDisk(C);
  const late = script.hold({ type: "accept", from: B, to: C });
  script.know(B, { up: [B, C] });
  script.add(B);
  script.restart(C);
  script.flush(C);
  script.must(script.add(A).effect?.type === "done", "A goes on");
  script.end(late);
  script.heal({ nodes: THREE });
  return script.complaint(script.get(A, "n"));
};

/** Boxes that have lost their disks ask for something each: none is taken for an earlier one. */
const livesDiffer: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.know([D, E, F], { nodes: THREE });
  const asked = [D, E, F, D].map((node, at) => {
    const one = script.put(node, String(at));
    script.pass(SOON_MS);
    return one;
  });
  return script.complaint(...asked);
};

/** A asks, goes down, and asks for something else; then the first answer comes. */
const answersAreOfThisLife: Scenario = (planted) => {
  const script = new Script({ ...planted, members: [B, A, C] });
  script.must(script.put(B, "1").effect?.type === "done", "B coordinates");
  const answer = script.hold({ type: "told", to: A });
  script.put(A, "2");
  script.must(answer.held.length === 1, "A has asked");
  script.restart(A);
  const question = script.hold({ type: "forward", from: A });
  const read = script.get(A);
  script.end(answer);
  script.end(question);
  return script.complaint(read);
};

/** A read is being confirmed when its coordinator takes a new ballot, to have a removed key forgotten. */
const newBallotTakesReadsAlong: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.put(A, "1");
  script.remove(A);
  script.pass(SOON_MS);
  script.leap(TOMBSTONE_MS);
  const late = script.hold({ type: "confirmed" });
  const read = script.get(A, "other");
  script.must(late.held.length === 2, "a read is being confirmed");
  script.pass(TICK_MS);
  script.must(script.slotOf(B)!.promised.round === 2, "there is a new ballot");
  script.end(late);
  return script.complaint(read);
};

/** B asks A for what it holds, and confirms A's ballot with that: nobody needs to be asked once more. */
const readIsConfirmedByTheOneWhoAsks: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.must(script.put(A, "1").effect?.type === "done", "A coordinates");
  const unasked = script.lose({ type: "confirm" });
  const read = script.get(B);
  script.must(read.effect?.type === "done", "A answers at once");
  script.end(unasked);
  return script.complaint(read);
};

/** B has taken over and changed a key, with C; A has not heard of it, and C still asks A. */
const whoAsksHasPromisedMore: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.must(script.put(A, "1").effect?.type === "done", "A coordinates");
  script.know(B, { up: [B, C] });
  const unheard = script.lose({ from: B, to: A });
  script.must(script.put(B, "2").effect?.type === "done", "B has taken over");
  const read = script.get(C);
  script.pass(SOON_MS);
  script.end(unheard);
  script.pass(SOON_MS);
  return script.complaint(read);
};

/** What C was sent before a key was removed reaches it once more when all have forgotten that there was one. */
const forgottenStaysSo: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  let isFirst = true;
  const again = script.double({ type: "accept", to: C, where: () => isFirst });
  script.put(A, "1");
  isFirst = false;
  script.must(script.remove(A).effect?.type === "done" && again.held.length === 1, "all have removed a key");
  script.pass(SOON_MS);
  script.leap(TOMBSTONE_MS);
  script.pass(SOON_MS);
  script.must(
    THREE.every((node) => script.slotOf(node)?.keys.size === 0),
    "all have forgotten it",
  );
  script.end(again);
  script.crash(A);
  script.know([B, C], { up: [B, C] });
  const read = script.get(B);
  script.pass(SOON_MS);
  return script.complaint(read);
};

export const lifeScenarios = {
  readIsConfirmedByTheOneWhoAsks,
  whoAsksHasPromisedMore,
  forgottenStaysSo,
  newBallotTakesReadsAlong,
  acceptedIsStored,
  proposedIsStored,
  promisedIsStored,
  livesDiffer,
  answersAreOfThisLife,
} as const;
