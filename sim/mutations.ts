/**
 * One planted mistake for each distributed promise, the scenario that must catch it, and which checker has to speak.
 * docs/simulation.md lists them.
 */
import type { PromiseName } from "./ledger.ts";
import type { Mistake } from "./planted.ts";
import type { WorldConfig } from "./world.ts";

export interface Mutation {
  name: string;
  scenario: string;
  caughtBy: PromiseName;
  mistakes?: readonly Mistake[];
  /** Of the driver instead. */
  config?: Partial<WorldConfig>;
}

const records = (file: string, from: string, to: string): Mistake[] => [{ file: `records/${file}`, from, to }];
const membership = (file: string, from: string, to: string): Mistake[] => [{ file: `membership/${file}`, from, to }];

/** The merge has a short way for the newest record, with the same rules; a mistake in the long one takes it away. */
const noShortWay = records(
  "author-set.ts",
  "const isNewest = !last || compareHeld(held, last) > 0;",
  "const isNewest = false;",
);

export const mutations: readonly Mutation[] = [
  {
    name: "signatures are not checked",
    scenario: "hostile",
    caughtBy: "only-genuine",
    mistakes: records("records.ts", 'if (!isGenuine(held, publicKey, this.#deps)) return "bad-signature";', ""),
  },
  {
    name: "an old record replaces a newer one",
    scenario: "hostile",
    caughtBy: "acknowledged-kept",
    mistakes: [
      ...records("live-set.ts", "if (!other || compareHeld(held, other) > 0)", "if (held)"),
      ...records("author-set.ts", 'if (other) return compareHeld(held, other) > 0 ? "new" : "superseded";', ""),
      ...noShortWay,
    ],
  },
  {
    name: "tombstones are forgotten",
    scenario: "absence",
    caughtBy: "acknowledged-kept",
    mistakes: [
      ...records(
        "live-set.ts",
        "filter(isStanding)",
        "filter((held) => isStanding(held) && held.record.body !== null)",
      ),
      ...noShortWay,
    ],
  },
  {
    name: "the floor lets what it withdrew come back",
    scenario: "absence",
    caughtBy: "acknowledged-kept",
    mistakes: [
      ...records("live-set.ts", "record.seq >= floor ||", "record.seq >= floor || record.body !== null ||"),
      ...records("author-set.ts", "if (held.record.seq < witness.record.floor && !isPermanent(held))", "if (!held)"),
      ...noShortWay,
    ],
  },
  {
    name: "the floor never rises",
    scenario: "absence",
    caughtBy: "memory-bounded",
    mistakes: records("own-records.ts", "let floor = seq;", "let floor = 1;"),
  },
  {
    name: "the community's first record is signed anew",
    scenario: "absence",
    caughtBy: "records-converge",
    mistakes: records("own-records.ts", "return held.record.kind !== GENESIS_KIND;", "return held.record.seq > 0;"),
  },
  {
    name: "an author with a new disk numbers from one",
    scenario: "lost-disk",
    caughtBy: "numbers-once",
    mistakes: records("own-records.ts", "this.#adopting = adoptFirst;", "this.#adopting = adoptFirst && false;"),
  },
  {
    name: "an excluded box is not cut off",
    scenario: "exclusion",
    caughtBy: "exclusion-holds",
    config: { ignoreExclusions: true },
  },
  {
    name: "an excluded author's records are taken",
    scenario: "exclusion",
    caughtBy: "exclusion-holds",
    mistakes: records("records.ts", 'if (keeps && !keeps(record)) return "excluded";', ""),
  },
  {
    name: "the fold keeps excluded boxes as members",
    scenario: "exclusion",
    caughtBy: "exclusion-holds",
    mistakes: records(
      "membership-fold.ts",
      "if (!fold.excluded.has(box) && !fold.left.has(box))",
      "if (!fold.left.has(box))",
    ),
  },
  {
    name: "gossip about an excluded box is heard",
    scenario: "exclusion",
    caughtBy: "exclusion-holds",
    mistakes: [
      ...membership("state.ts", 'if (core.forgotten.has(alive.node)) return core.refuse("forgotten");', ""),
      ...membership(
        "state.ts",
        "return core.config.admit?.(alive.node, alive.meta) ?? true;",
        "return alive !== undefined && core !== undefined;",
      ),
    ],
  },
  {
    name: "the driver sends before it stores",
    scenario: "kill",
    caughtBy: "numbers-once",
    config: { sendBeforeStore: true },
  },
  {
    name: "differing subtrees are not compared",
    scenario: "split",
    caughtBy: "records-converge",
    mistakes: records("sync-session.ts", "if (tree.get(author) !== digest) this.#authors.push(author);", ""),
  },
  {
    name: "a suspicion is never refuted",
    scenario: "loss-10",
    caughtBy: "no-false-death",
    mistakes: membership("state.ts", "announceSelf(core, accusedIncarnation);\n}", "}"),
  },
  {
    name: "nobody is asked for an indirect probe",
    scenario: "loss-10",
    caughtBy: "few-false-suspicions",
    mistakes: membership("probe.ts", 'probe.stage = "indirect";', 'probe.stage = "indirect";\n  if (probe) return;'),
  },
  {
    name: "a failed probe is a death at once",
    scenario: "loss-10",
    caughtBy: "no-false-death",
    mistakes: [
      ...membership("probe.ts", "onSuspect(core, {", "onDead(core, {"),
      ...membership("probe.ts", "import { onSuspect } from", "import { onDead } from"),
    ],
  },
  {
    name: "a box that stood still believes its overdue timers",
    scenario: "pauses",
    caughtBy: "few-false-suspicions",
    mistakes: membership("membership.ts", "core.nowMs - dueMs <= core.profile.stallMs", "core.nowMs > -1"),
  },
  {
    name: "news are gossiped without end",
    scenario: "restart-all",
    caughtBy: "quiet-at-rest",
    mistakes: membership(
      "broadcasts.ts",
      "if (sent + 1 >= limit) this.#drop(entry);",
      "if (limit < 0) this.#drop(entry);",
    ),
  },
  {
    name: "an accusation older than the refutation is believed",
    scenario: "hostile",
    caughtBy: "no-false-death",
    mistakes: membership(
      "state.ts",
      `onDead(core: Core, accusation: Accusation): void {
  const record = core.table.get(accusation.node);
  if (!record || accusation.incarnation < record.incarnation) return;`,
      `onDead(core: Core, accusation: Accusation): void {
  const record = core.table.get(accusation.node);
  if (!record) return;`,
    ),
  },
  {
    name: "a refutation does not rise above the accusation",
    scenario: "slander",
    caughtBy: "membership-converges",
    mistakes: membership(
      "state.ts",
      "Math.max(core.self.incarnation, atLeast) + 1",
      "core.self.incarnation + 1 + 0 * atLeast",
    ),
  },
  {
    name: "events go before the news about members",
    scenario: "flood",
    caughtBy: "news-get-through",
    mistakes: membership(
      "sending.ts",
      "QUEUE = { members: 0, intents: 1, queries: 2, events: 3 }",
      "QUEUE = { members: 3, intents: 1, queries: 2, events: 0 }",
    ),
  },
  {
    name: "members of differing buckets are not sent, and no address is known",
    scenario: "split",
    config: { ignoreAddresses: true },
    caughtBy: "membership-converges",
    mistakes: membership("comparing.ts", "=> ours[bucket] !== view", "=> bucket < 0 && ours[bucket] !== view"),
  },
  {
    name: "failed members are never tried again, nor known addresses",
    scenario: "split",
    config: { ignoreAddresses: true },
    caughtBy: "membership-converges",
    mistakes: [
      ...membership(
        "exchange.ts",
        "if (target && !core.forgotten.has(target.name)) pushPull",
        "if (target && core.nowMs < 0) pushPull",
      ),
    ],
  },
];
