/** Scenarios about how the next view is decided: two who propose, votes, and who is there to vote. */
import { A, B, C, D, E, F, isFinal, Script } from "./scripted.ts";
import type { ScriptConfig } from "./scripted.ts";

/** Says what is wrong in the end; undefined when nothing is. */
export type Scenario = (planted: Pick<ScriptConfig, "create" | "livesFromOne">) => string | undefined;

const LOOK_MS = 600;
const THREE = [A, B, C];

/** A would have C leave; B takes A for gone, and would have D for it. */
function twoProposers(script: Script): { first: () => void; second: () => void } {
  return {
    first: () => {
      script.know(A, { nodes: [A, B], leaving: [C] });
      script.pass(LOOK_MS, [A]);
    },
    second: () => {
      script.know(B, { up: [B, C, D], nodes: [B, C, D] });
      script.pass(LOOK_MS, [B]);
    },
  };
}

/** One box accepts a view, and is alone with it. */
const oneAccepts: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const { first, second } = twoProposers(script);
  script.hold({ type: "view-accept", from: A });
  script.hold({ type: "decided", from: A });
  first();
  const alone = script.cut(A);
  second();
  script.must(script.slotOf(B)?.view.number === 2, "B decides without A");
  script.end(...alone);
  script.heal({ nodes: [B, C, D] });
  return script.complaint(script.put(B, "1"));
};

interface Disks {
  /** What C answers last is not on its disk when it goes down. */
  isSlow?: boolean;
}

/** B has decided, and A, who asks next, hears of it only from C, which was down in between. */
const decidedIsFound =
  ({ isSlow = false }: Disks): Scenario =>
  (planted) => {
    const script = new Script({ ...planted, members: THREE });
    const { first, second } = twoProposers(script);
    script.lose({ type: "decided" });
    script.lose({ type: "view-accept", from: B, to: A });
    const late = script.hold({ type: "view-accept", from: B, to: C });
    second();
    script.must(late.held.length === 1, "B proposes");
    if (isSlow) script.slowDisk(C);
    script.end(late);
    script.must(isSlow || script.slotOf(B)?.view.number === 2, "B decides");
    script.cut(B);
    script.restart(C);
    script.flush(C);
    first();
    script.heal({ nodes: [B, C, D] });
    return script.complaint(script.put(B, "1"));
  };

/** C promises B's ballot, goes down and comes back, and only then A's proposal of before reaches it. */
const promiseIsKept =
  ({ isSlow = false }: Disks): Scenario =>
  (planted) => {
    const script = new Script({ ...planted, members: THREE });
    const { first, second } = twoProposers(script);
    const old = script.hold({ type: "view-accept", from: A });
    script.hold({ type: "decided", from: A });
    first();
    script.must(old.held.length === 2, "A proposes");
    script.cut(B, A);
    const late = script.hold({ type: "view-accept", from: B, to: C });
    if (isSlow) script.slowDisk(C);
    second();
    script.must(isSlow || late.held.length === 1, "B proposes");
    script.restart(C);
    script.flush(C);
    script.end(old);
    script.end(late);
    script.heal({ nodes: [B, C, D] });
    return script.complaint(script.put(B, "1"));
  };

/** A proposes before its own promise is on its disk, goes down, and proposes something else; C accepts late. */
const oneBallotOneView: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  const { first, second } = twoProposers(script);
  script.lose({ type: "view-accept", from: A, to: B });
  const late = script.hold({ type: "view-accepted", from: C, to: A });
  script.slowDisk(A);
  first();
  script.restart(A);
  script.flush(A);
  script.lose({ type: "view-prepare", from: A, to: C });
  script.lose({ type: "view-accept", from: A, to: C });
  script.know(A, { nodes: [A, C], leaving: [B] });
  script.pass(LOOK_MS, [A]);
  script.hold({ type: "decided", from: A });
  script.end(late);
  second();
  script.must(script.slotOf(B)!.view.number >= 2, "B decides");
  script.heal({ nodes: [B, C, D] });
  return script.complaint(script.put(B, "1"));
};

/**
 * A is cut off from B, and has one new member after the other, none of which can copy. In the end only C, which left,
 * is gone: the slot must work.
 */
const whoCopiesDoesNotVote: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.put(A, "1");
  script.cut(B);
  script.lose({ from: [D, E], where: isFinal });
  for (const [at, newcomer] of [D, E, F].entries()) {
    script.know(A, { up: [A, [C, D, E][at]!, newcomer], nodes: [A, B, newcomer] });
    script.pass(5_000, [A, C, D, E, F]);
  }
  script.must(script.slotOf(A)!.view.number >= 2, "D takes the place of C");
  script.crash(C);
  script.heal({ nodes: [A, B, F], gone: [C] });
  return script.complaint(script.get(A));
};

/** B was away for so long that it has to copy, and from one that has left since. */
const whoLeftWaitsForAll: Scenario = (planted) => {
  const script = new Script({ ...planted, members: THREE });
  script.put(A, "1");
  const away = script.cut(B);
  for (const newcomer of [D, E, F]) {
    script.know(A, { nodes: [A, B, newcomer] });
    script.pass(5_000);
  }
  script.must(script.slotOf(A)?.view.number === 4 && script.slotOf(F)?.status === "ready", "three changes");
  script.end(...away);
  script.pass(8_000);
  script.crash(A);
  script.know([B, F], { up: [B, F] });
  const read = script.get(F);
  script.pass(5_000);
  return script.complaint(read);
};

export const viewScenarios = {
  oneAccepts,
  decidedIsFound: decidedIsFound({}),
  decidedIsFoundThoughSlow: decidedIsFound({ isSlow: true }),
  promiseIsKept: promiseIsKept({}),
  promiseIsKeptThoughSlow: promiseIsKept({ isSlow: true }),
  oneBallotOneView,
  whoCopiesDoesNotVote,
  whoLeftWaitsForAll,
} as const;
