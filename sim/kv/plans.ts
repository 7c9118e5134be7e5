/** In which ways the simulated store is hurt: each plan is played with many seeds. */
import type { Workload } from "./clients.ts";
import type { Troubles } from "./faults.ts";
import type { Fault } from "./faults.ts";
import type { Weather } from "./world.ts";

export interface Plan extends Troubles {
  name: string;
  /** Boxes that take part from the beginning, and that may come later. */
  nodes: number;
  spare: number;
  slots?: number;
  load: Partial<Workload>;
  /** What the network and the disks are like when nothing is wrong. */
  calm?: Partial<Weather>;
  wrongSuspicions?: number;
  /** Keys that end again and again. */
  expiring?: number;
  /** Of src/protocols/kv/constants.ts, in a copy: smaller limits are met more often. */
  constants?: Readonly<Record<string, number>>;
}

const ALL: readonly Fault[] = ["crash", "pause", "split", "one-way", "flap", "weather", "slow-disk", "join", "leave"];
const LEADER: readonly Fault[] = ["leader-crash", "leader-pause", "leader-cut"];
const base = { nodes: 5, spare: 2, everyMs: 900, forMs: 12_000, load: {} };
const three = { nodes: 3, spare: 0, everyMs: 250, slots: 2 };
const few = { clients: 8, keys: 3, counters: 1, pauseMs: 15 };
const IMPATIENT = { RETRY_MS: 40, PREPARE_AGAIN_MS: 60, PROPOSE_AGAIN_MS: 60 };
const HASTY = { ...IMPATIENT, VIEW_LOOK_MS: 50, VIEW_AGAIN_MS: 300, SYNC_AGAIN_MS: 100, LEFT_ASK_MS: 250 };
const duel = { clients: 8, keys: 1, counters: 1, pauseMs: 15 };

export const plans: readonly Plan[] = [
  { ...base, name: "calm", faults: [], forMs: 3_000 },
  { ...base, name: "crash", faults: ["crash"] },
  { ...base, name: "lost disk", faults: ["crash", "lose-disk", "slow-disk"] },
  { ...base, name: "pause", faults: ["pause"] },
  { ...base, name: "split", faults: ["split", "one-way", "flap"] },
  { ...base, name: "weather", faults: ["weather", "slow-disk"] },
  { ...base, name: "moves", faults: ["join", "leave", "crash", "pause"], nodes: 4, spare: 4, everyMs: 600 },
  { ...base, name: "all", faults: [...ALL, "lose-disk"], everyMs: 500 },
  {
    ...base,
    name: "three",
    faults: ["crash", "pause", "split", "weather", "slow-disk"],
    nodes: 3,
    spare: 0,
    everyMs: 500,
  },
  // Many clients read few keys, and the coordinator is cut off, or stands still and comes back.
  { ...base, name: "stale", faults: LEADER, ...three, everyMs: 500, load: { ...duel, reads: 0.8 } },
  // Impatient boxes on a rough network: ballots are taken from one another all the time.
  {
    ...base,
    name: "duels",
    faults: [...LEADER, "leader-cut", "one-way", "flap"],
    ...{ ...three, load: { ...duel, toggles: 0.4, timeoutMs: 500 }, constants: IMPATIENT, lastsMs: [50, 500] },
    ...{ calm: { loss: 0.1, duplicates: 0.2, jitterMs: 30 }, wrongSuspicions: 0.1 },
  },
  // Disks lag behind, and the power fails.
  {
    ...base,
    name: "power",
    faults: ["blackout", "leader-cut", "leader-cut"],
    ...{ ...three, everyMs: 300, load: duel, constants: IMPATIENT, lastsMs: [20, 500] },
    calm: { loss: 0.25, diskMs: 5, diskJitterMs: 150 },
  },
  // Members are gone for a moment, again and again, while coordinators take over from one another.
  {
    ...base,
    name: "blinks",
    faults: ["crash", "crash", "crash", "leader-cut", "leader-cut"],
    ...{ ...three, everyMs: 150, load: duel, constants: IMPATIENT, lastsMs: [5, 150] },
    ...{ calm: { loss: 0.1, diskMs: 20, diskJitterMs: 60 }, wrongSuspicions: 0.2 },
  },
  // Groups change all the time, while messages are lost.
  {
    ...base,
    name: "restless",
    faults: ["join", "leave", "join", "leave", "join", "leave", "crash", "one-way", "leader-cut"],
    ...{ nodes: 4, spare: 4, everyMs: 150, load: few, slots: 2, constants: HASTY, lastsMs: [50, 600] },
    calm: { loss: 0.2, duplicates: 0.05, delayMs: 2, jitterMs: 15, diskMs: 3, diskJitterMs: 30 },
    wrongSuspicions: 0.1,
  },
  // Everything is slow, so that moves, faults and operations meet.
  {
    ...base,
    name: "far moves",
    faults: ["join", "leave", "join", "leave", "crash", "pause", "one-way", "leader-crash"],
    ...{ nodes: 4, spare: 4, everyMs: 400, load: few, slots: 2, constants: HASTY, wrongSuspicions: 0.1 },
    calm: { loss: 0.2, duplicates: 0.05, delayMs: 30, jitterMs: 60, diskMs: 50, diskJitterMs: 100 },
  },
  {
    ...base,
    name: "shrink",
    faults: ["join", "shrink", "shrink"],
    ...{ nodes: 3, spare: 0, everyMs: 120, slots: 2, constants: HASTY, lastsMs: [50, 300] },
    ...{ load: { clients: 6, keys: 6, counters: 2, pauseMs: 40 }, calm: { loss: 0.3 } },
  },
  {
    ...base,
    name: "ends",
    faults: ["leader-crash", "leader-pause", "leave", "join"],
    ...{ everyMs: 400, expiring: 3, slots: 2 },
  },
  // Removed keys are forgotten quickly, though not before an operation is given up.
  {
    ...base,
    name: "forgetting",
    faults: ["long-away", "leader-cut", "leader-cut", "one-way"],
    ...{ nodes: 4, spare: 1, everyMs: 700, forMs: 25_000, slots: 2 },
    load: { clients: 4, keys: 8, counters: 0, pauseMs: 100, timeoutMs: 1_000, toggles: 0.5 },
    constants: {
      ...HASTY,
      ...{ TOMBSTONE_MS: 2_500, SWEEP_MS: 100, INDEX_KEYS_MAX: 1, FETCH_KEYS_MAX: 1, SETTLED_MAX: 2 },
    },
  },
];
