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
  // Many clients of few keys, and the coordinator in trouble all the time.
  { ...base, name: "leader", faults: LEADER, ...three, load: duel },
  // Impatient boxes on a rough network: ballots are taken from one another all the time.
  {
    ...base,
    name: "duels",
    faults: [...LEADER, "leader-cut", "one-way", "flap"],
    ...{ ...three, load: duel, constants: IMPATIENT, lastsMs: [50, 500] },
    calm: { loss: 0.1, duplicates: 0.1, jitterMs: 25 },
  },
  // Disks lag behind, and the power fails.
  {
    ...base,
    name: "power",
    faults: ["blackout", "crash", "leader-crash", "leader-cut"],
    ...{ ...three, everyMs: 700, load: duel, constants: IMPATIENT, lastsMs: [20, 600] },
    calm: { loss: 0.1, diskMs: 5, diskJitterMs: 120 },
  },
  // Groups change all the time, while messages are lost.
  {
    ...base,
    name: "restless",
    faults: ["join", "leave", "join", "leave", "join", "leave", "crash", "one-way", "leader-cut"],
    ...{ nodes: 4, spare: 4, everyMs: 150, load: few, slots: 2, constants: HASTY, lastsMs: [50, 600] },
    calm: { loss: 0.2, duplicates: 0.05, delayMs: 2, jitterMs: 15, diskMs: 3, diskJitterMs: 30 },
  },
  {
    ...base,
    name: "shrink",
    faults: ["join", "shrink", "one-way", "flap"],
    ...{ nodes: 3, spare: 0, everyMs: 150, load: few, slots: 2, constants: HASTY, lastsMs: [50, 300] },
    calm: { loss: 0.2 },
  },
  {
    ...base,
    name: "ends",
    faults: ["leader-crash", "leader-pause", "leave", "join"],
    everyMs: 400,
    expiring: 3,
    slots: 2,
  },
  {
    ...base,
    name: "forgetting",
    faults: ["long-away", "crash", "leader-cut", "join", "leave"],
    ...{ nodes: 4, spare: 1, everyMs: 900, forMs: 20_000, load: { clients: 5, keys: 6, counters: 0, pauseMs: 250 } },
    constants: { ...HASTY, TOMBSTONE_MS: 3_000, INDEX_KEYS_MAX: 1, FETCH_KEYS_MAX: 1, SETTLED_MAX: 2 },
  },
];
