/**
 * Planted mistakes that random plans hardly ever meet, each with the scenario that must catch it.
 *
 * Harmless, and so not here:
 * - A member that copies is a source for another. It takes part in no majority of its view, so with three members
 *   each change since it was last ready is on both others, and what is older it holds itself or the other has merged.
 *   (One that was left out before it was ever ready is another matter: planted.)
 */
import type { Mistake } from "../planted.ts";
import { copyScenarios } from "./scripted-copies.ts";
import { listScenarios } from "./scripted-lists.ts";
import { lifeScenarios } from "./scripted-lives.ts";
import { viewScenarios } from "./scripted-views.ts";

export const scenarios = { ...viewScenarios, ...copyScenarios, ...lifeScenarios, ...listScenarios } as const;

export interface ScriptedMutation {
  name: string;
  scenario: keyof typeof scenarios;
  mistakes?: readonly Mistake[];
  /** Of the driver instead. */
  livesFromOne?: boolean;
}

const kv = (file: string, from: string, to: string): Mistake => ({ file: `kv/${file}`, from, to });

const deciding: readonly ScriptedMutation[] = [
  {
    name: "one acceptance decides a view",
    scenario: "oneAccepts",
    mistakes: [kv("moves.ts", "move.accepts.size < majorityOf(move.view.members)", "move.accepts.size < 1")],
  },
  {
    name: "one promise is enough to propose a view",
    scenario: "decidedIsFound",
    mistakes: [kv("moves.ts", "move.promises.size < majorityOf(move.view.members)", "move.promises.size < 1")],
  },
  {
    name: "a proposer ignores a view that somebody has accepted",
    scenario: "decidedIsFound",
    mistakes: [kv("moves.ts", "if (highest) move.members = highest.members;", "")],
  },
  {
    name: "an accepted view is forgotten at a restart",
    scenario: "decidedIsFound",
    mistakes: [kv("slot.ts", "if (accepted) numbers.push(", "if (accepted && !slot) numbers.push(")],
  },
  {
    name: "an accepted view is told before it is stored",
    scenario: "decidedIsFoundThoughSlow",
    mistakes: [
      kv(
        "moves.ts",
        'this.#core.send(from, { type: "view-accepted"',
        'this.#core.sendNow(from, { type: "view-accepted"',
      ),
    ],
  },
  {
    name: "the ballot promised for a view is forgotten at a restart",
    scenario: "promiseIsKept",
    mistakes: [kv("slot.ts", "numbers.push(slot.viewPromised.round, slot.viewPromised.node);", "numbers.push(0, 0);")],
  },
  {
    name: "a promise for a view is told before it is stored",
    scenario: "promiseIsKeptThoughSlow",
    mistakes: [
      kv("moves.ts", 'this.#core.send(from, { type: "view-promise"', 'this.#core.sendNow(from, { type: "view-promise"'),
    ],
  },
  {
    name: "a ballot for a view is used before it is stored, and so twice",
    scenario: "oneBallotOneView",
    mistakes: [kv("moves.ts", "if (!move.promises.has(this.#core.self) || ", "if (")],
  },
  {
    name: "a member that copies votes",
    scenario: "whoCopiesDoesNotVote",
    mistakes: [
      kv(
        "moves.ts",
        'if (slot?.view.number === view && slot.status === "ready") return slot;',
        'if (slot?.view.number === view && slot.status !== "fenced") return slot;',
      ),
    ],
  },
];

const copying: readonly ScriptedMutation[] = [
  {
    name: "a member that copies accepts",
    scenario: "whoCopiesDoesNotAccept",
    mistakes: [kv("acceptor.ts", "if (isCopying) return;", "")],
  },
  {
    name: "a member that copies promises and tells what it holds",
    scenario: "whoCopiesDoesNotPromise",
    mistakes: [
      kv(
        "acceptor.ts",
        'own.view.number === view && own.status === "ready") return own;',
        'own.view.number === view && own.status !== "fenced") return own;',
      ),
    ],
  },
  {
    name: "one that was left out before it was ready is a source",
    scenario: "whoCopiesIsNoSource",
    mistakes: [kv("moves.ts", "before?.members.includes(core.self) && !wasReady;", "false;")],
  },
  {
    name: "a source of the last copy is still in the old view",
    scenario: "sourcesHaveLeft",
    mistakes: [
      kv("copying.ts", "return !isFinal && slot.view.number === view - 1", "return slot.view.number === view - 1"),
    ],
  },
  {
    name: "contents and removed keys of one that was away for long are kept",
    scenario: "staleIsDropped",
    mistakes: [
      kv(
        "copying.ts",
        "if (slot.keys.get(key) === stored) core.removeContent(slot, key);",
        "if (!stored) core.removeContent(slot, key);",
      ),
    ],
  },
  {
    name: "a new member waits for a removed key that its source has forgotten",
    scenario: "forgottenIsNotAwaited",
    mistakes: [kv("copying.ts", "if (contents.length === 0 && !copy.isFinal) copy.wanted.clear();", "")],
  },
  {
    name: "who stays of two does not merge",
    scenario: "whoStaysMerges",
    mistakes: [
      kv(
        "moves.ts",
        "return before !== undefined && members.length < before.members.length",
        "return before === undefined && members.length < 0",
      ),
    ],
  },
];

const leaving: readonly ScriptedMutation[] = [
  {
    name: "answers of several views make a majority",
    scenario: "ofOneViewOnly",
    mistakes: [
      kv(
        "acceptor.ts",
        'own.view.number === view && own.status === "ready") return own;',
        'own.status !== "syncing") return own;',
      ),
      kv("moves.ts", 'core.coordinator.end(number, "lost-ballot");', ""),
      kv("coordinator.ts", 'if (!slot || slot.view !== term.view || slot.status !== "ready") {', "if (!slot) {"),
    ],
  },
  {
    name: "a member accepts in the view that it has left, also from who is no member any more",
    scenario: "oldViewIsNotAccepted",
    mistakes: [
      kv("acceptor.ts", "if (own && own.view.number === view &&", "if (own && own.view.number >= view &&"),
      kv("acceptor.ts", "ballot.node === from && slot.view.members.includes(from) && isPossible", "isPossible"),
    ],
  },
  {
    name: "a member confirms in the view that it has left",
    scenario: "oldViewIsNotConfirmed",
    mistakes: [
      kv(
        "acceptor.ts",
        "const isOurs = slot?.view.number === view &&",
        "const isOurs = slot && slot.view.number >= view &&",
      ),
    ],
  },
  {
    name: "a slot that was given away is taken up again",
    scenario: "givenAwayStaysSo",
    mistakes: [kv("moves.ts", "if (next <= (core.left.get(number) ?? -1)) return;", "")],
  },
  {
    name: "that a slot was given away is forgotten at a restart",
    scenario: "givenAwayStaysSo",
    mistakes: [kv("core.ts", "this.left.set(numberOf(row.id), uint48(row.bytes, 0))", "uint48(row.bytes, 0)")],
  },
  {
    name: "what was given away is dropped at once",
    scenario: "givenAwayIsKept",
    mistakes: [
      kv(
        "copying.ts",
        "if (missing.length === 0) return void this.#toDrop",
        "if (missing.length >= 0) return void this.#toDrop",
      ),
    ],
  },
  {
    name: "what was given away is dropped before those who were kept have said that they are ready",
    scenario: "whoLeftWaitsForAll",
    mistakes: [
      kv("moves.ts", "nodes: isMember ? keptReady(view, before) : new Set() }", "nodes: keptReady(view, before) }"),
    ],
  },
  {
    name: "who has let go does not say that it needs nothing",
    scenario: "whoLeftLastLetsGo",
    mistakes: [kv("moves.ts", "const isPast = !slot && view <=", "const isPast = !slot && view < 0 *")],
  },
  {
    name: "changes that cannot end keep others waiting",
    scenario: "otherSlotsAreRepaired",
    mistakes: [
      kv("moves.ts", "if (!this.#mayDecide(slot.view)) return undefined;", ""),
      kv("moves.ts", "if (isGone || !this.#mayDecide(move.view))", "if (isGone)"),
    ],
  },
];

const storing: readonly ScriptedMutation[] = [
  {
    name: "a member accepts before its disk has it",
    scenario: "acceptedIsStored",
    mistakes: [kv("acceptor.ts", 'core.send(from, { type: "accepted"', 'core.sendNow(from, { type: "accepted"')],
  },
  {
    name: "a coordinator accepts its own proposal before its disk has it",
    scenario: "proposedIsStored",
    mistakes: [
      kv("working.ts", 'core.send(core.self, { type: "accepted"', 'core.sendNow(core.self, { type: "accepted"'),
    ],
  },
  {
    name: "a member promises before its disk has it",
    scenario: "promisedIsStored",
    mistakes: [kv("acceptor.ts", 'core.send(from, { type: "promise"', 'core.sendNow(from, { type: "promise"')],
  },
];

const lives: readonly ScriptedMutation[] = [
  {
    name: "a removed key is forgotten under the ballot of its removal",
    scenario: "forgottenStaysSo",
    mistakes: [
      kv("sweeping.ts", "if (isHeld && compareBallots(version, term.ballot) >= 0) {", "if (isHeld && !term) {"),
    ],
  },
  {
    name: "reads that are being confirmed are lost with the old ballot",
    scenario: "newBallotTakesReadsAlong",
    mistakes: [kv("coordinator.ts", "this.confirming.end(term, (batch) => waiting.push(batch));", "")],
  },
  {
    name: "who asks for a read confirms any ballot",
    scenario: "whoAsksHasPromisedMore",
    mistakes: [kv("working.ts", "compareBallots(confirms.ballot, ballot) !== 0", "!confirms.ballot")],
  },
  { name: "lives are numbered from one", scenario: "livesDiffer", livesFromOne: true },
  {
    name: "operations are numbered from one in each life",
    scenario: "answersAreOfThisLife",
    mistakes: [kv("origin.ts", "core.random.below(2 ** 40)", "0 * core.random.below(2 ** 40)")],
  },
];

const listing: readonly ScriptedMutation[] = [
  {
    name: "a listing asks one member",
    scenario: "listingHasAll",
    mistakes: [
      kv("listing.ts", "const missing = majorityOf(members) - pages.size;", "const missing = 1 - pages.size;"),
      kv("listing.ts", "part.pages.size < majorityOf(part.members)", "part.pages.size < 1"),
    ],
  },
  {
    name: "a listing has what any member holds, removed or not",
    scenario: "listingHasAll",
    mistakes: [
      kv("pages.ts", "if (!known || compareVersions(one.version, known.version) > 0)", "if (!known || one.isThere)"),
    ],
  },
  {
    name: "members do not tell a listing of removed keys",
    scenario: "listingHasAll",
    mistakes: [
      kv(
        "listing.ts",
        "for (const key of keys.keys()) if (key.startsWith(prefix)",
        "for (const [key, { isRemoved }] of keys) if (!isRemoved && key.startsWith(prefix)",
      ),
    ],
  },
  {
    name: "a listing goes on after the longest page of a slot",
    scenario: "pagesEndWithTheShortest",
    mistakes: [kv("pages.ts", "last < upTo)) upTo = last;", "last > upTo)) upTo = last;")],
  },
];

export const scriptedMutations: readonly ScriptedMutation[] = [
  ...deciding,
  ...copying,
  ...leaving,
  ...storing,
  ...lives,
  ...listing,
];
