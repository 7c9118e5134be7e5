/**
 * One planted mistake for each promise of docs/protocols/kv.md and each trap of such protocols, and the plan that must
 * catch it within SEEDS seeds.
 */
import type { Mistake } from "../planted.ts";
import type { Plan } from "./plans.ts";
import type { KvWorldConfig } from "./world.ts";

export interface StoreMutation {
  name: string;
  plan: string;
  mistakes?: readonly Mistake[];
  /** Of the driver instead. */
  config?: Partial<KvWorldConfig>;
}

const kv = (file: string, from: string, to: string): Mistake => ({ file: `kv/${file}`, from, to });

/** The plan's own limits, in the copy. */
export function constantsOf({ constants = {} }: Plan): Mistake[] {
  return Object.entries(constants).map(([name, value]) =>
    kv("constants.ts", `export const ${name} = `, `export const ${name} = ${value};\nexport const SHIPPED_${name} = `),
  );
}

const terms: readonly StoreMutation[] = [
  {
    name: "a coordinator takes each key for settled (no read, no imposing)",
    plan: "duels",
    mistakes: [kv("working.ts", "if (term.isClean ||", "if (term.settled.size >= 0 ||")],
  },
  {
    name: "a coordinator reads a majority, and does not impose what it finds",
    plan: "duels",
    mistakes: [kv("working.ts", "propose(core, slot, term, key, newest!);", "term.settled.add(key);")],
  },
  {
    name: "promises tell how many keys there are, not which contents",
    plan: "duels",
    mistakes: [kv("slot.ts", "${this.keys.size} ${this.#high >>> 0} ${this.#low >>> 0}", "${this.keys.size}")],
  },
  {
    name: "one promise makes a coordinator",
    plan: "duels",
    mistakes: [kv("coordinator.ts", "|| term.promises.size < majorityOf(term.view.members)) return;", ") return;")],
  },
  {
    name: "one acceptance makes a change done",
    plan: "duels",
    mistakes: [
      kv("coordinator.ts", "proposal.acks.length < majorityOf(term.view.members)", "proposal.acks.length < 1"),
    ],
  },
  {
    name: "all contents of a ballot have one number",
    plan: "stale",
    mistakes: [
      kv(
        "working.ts",
        "const stored = toStored({ ...content, version: { ...term.ballot, n } });",
        "const stored = toStored({ ...content, version: { ...term.ballot, n: 1 } });",
      ),
      kv("acceptor.ts", "n: stored.n, isFull", "n: 1, isFull"),
    ],
  },
  {
    name: "a member takes what comes under a lower ballot than it promised",
    plan: "duels",
    mistakes: [
      kv(
        "acceptor.ts",
        "if (compareBallots(ballot, slot.promised) >= 0) return true;",
        "if (ballot.round > 0) return true;",
      ),
    ],
  },
];

const reads: readonly StoreMutation[] = [
  {
    name: "a read is answered from what the coordinator holds",
    plan: "stale",
    mistakes: [
      kv(
        "working.ts",
        "if (!open) return core.coordinator.confirming.add(term, slot, batch, tell);",
        "if (!open) return tell();",
      ),
    ],
  },
  {
    name: "a read is confirmed by one",
    plan: "stale",
    mistakes: [
      kv("confirming.ts", "waiting.confirmedBy.size < majorityOf(term.view.members)", "waiting.confirmedBy.size < 1"),
    ],
  },
  {
    name: "who asks for a read confirms any ballot",
    plan: "stale",
    mistakes: [kv("working.ts", "compareBallots(confirms.ballot, ballot) !== 0", "!confirms.ballot")],
  },
  {
    name: "a refused confirmation counts",
    plan: "stale",
    mistakes: [kv("confirming.ts", "if (refused.includes(slot) || ", "if (refused.length < 0 || ")],
  },
];

const disks: readonly StoreMutation[] = [
  { name: "the driver says stored before it is", plan: "power", config: { sayStoredAtOnce: true } },
  {
    name: "a promise is forgotten at a restart",
    plan: "blinks",
    mistakes: [
      kv("slot.ts", "slot.promised.round, slot.promised.node]", "0, 0]"),
      kv("core.ts", "slot.promise(stored);", ""),
    ],
  },
];

const repetitions: readonly StoreMutation[] = [
  {
    name: "an operation that comes again is done again",
    plan: "stale",
    mistakes: [kv("working.ts", "if (known && first <= known.first)", "if (known && first < 0)")],
  },
  {
    name: "an operation is sent again under a new number",
    plan: "stale",
    mistakes: [
      kv(
        "origin.ts",
        "const { first, tries } = flight;",
        `if (flight.tries > 0) this.#number = (flight.first = this.#number + 1) + flight.operations.length;
    const { first, tries } = flight;`,
      ),
    ],
  },
  {
    name: "a change whose condition was not met leaves no trace",
    plan: "duels",
    mistakes: [
      kv(
        "working.ts",
        "const origins = isChange ? withAnswers(",
        "if (content === held) return confirmed(core, term, slot, batch, tell);\n" +
          "const origins = isChange ? withAnswers(",
      ),
    ],
  },
  {
    name: "an operation whose end is open is told as not done",
    plan: "duels",
    mistakes: [
      kv("origin.ts", 'const isOpen = isUncertain && command.type !== "get";', "const isOpen = isUncertain && false;"),
    ],
  },
  {
    name: "a lost ballot is told as certainly not done",
    plan: "duels",
    mistakes: [
      kv("origin.ts", "if (!CERTAIN.has(why)) flight.isUncertain = true;", ""),
      kv("origin.ts", "(flight.tries >> 1))) {\n        flight.isUncertain = true;", "(flight.tries >> 1))) {"),
    ],
  },
  {
    name: "the end of a key is told, and not proposed",
    plan: "ends",
    mistakes: [kv("working.ts", "if (!isChange && !isOver)", "if (!isChange)")],
  },
];

const views: readonly StoreMutation[] = [
  {
    name: "who has learned before the view is decided is ready at once",
    plan: "restless",
    mistakes: [
      kv(
        "moves.ts",
        'wasReady && !mustMerge(view, before) ? "ready"',
        '(wasReady || own?.status === "learning") && !mustMerge(view, before) ? "ready"',
      ),
    ],
  },
  {
    name: "a new member copies from one",
    plan: "restless",
    mistakes: [
      kv("copying.ts", "needed: Math.max(1, Math.min(majorityOf(members), others))", "needed: Math.min(1, others)"),
    ],
  },
  {
    name: "two members are removed at once",
    plan: "shrink",
    mistakes: [
      kv("moves.ts", "? { members: inOrder(kept), without }", "? { members: inOrder(kept.slice(0, 1)), without }"),
    ],
  },
];

const forgetting: readonly StoreMutation[] = [
  {
    name: "a removed key is forgotten when a majority agrees",
    plan: "forgetting",
    mistakes: [kv("coordinator.ts", "term.promises.size === term.view.members.length && new Set", "new Set")],
  },
];

export const storeMutations: readonly StoreMutation[] = [
  ...terms,
  ...reads,
  ...disks,
  ...repetitions,
  ...views,
  ...forgetting,
];
