/**
 * Correct histories, made from a seed: clients that use registers at the same time, each operation done at one moment
 * between its call and its return. The checker must find nothing in them; `planted.ts` puts errors in.
 */
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { Action, Operation } from "./history.ts";

export interface CorrectOptions {
  seed: number;
  clients: number;
  /** How many operations all clients together do on each key. */
  perKey: number;
  /** Keys with values, each written once. */
  registers: number;
  /** Keys with a number, where every add is of at least 1. */
  counters: number;
  /** The part of the operations without an answer, half of them done. */
  infoRate: number;
  failRate: number;
}

const DURATION_NS_MAX = 1000;
const PAUSE_NS_MAX = 300;
const ADD_MAX = 9;
/** A cas expects what is there with this probability; otherwise something that was. */
const CAS_FITS = 0.6;

interface Doing extends When {
  /** When it is done; Infinity: never. */
  atNs: number;
}
type When = Pick<Operation, "proc" | "key" | "call" | "ret" | "status">;

/** Sorted by call. */
export function correctHistory(options: CorrectOptions): Operation[] {
  const random = seededRandom(options.seed);
  const history: Operation[] = [];
  for (let index = 0; index < options.registers + options.counters; index++) {
    const isRegister = index < options.registers;
    const key = isRegister ? `r${index}` : `c${index - options.registers}`;
    const values = new Values(key, random);
    const doings = timesOf(key, options, random).toSorted((a, b) => a.atNs - b.atNs);
    for (const { atNs, ...times } of doings) {
      const action = isRegister ? values.registerAction() : values.counterAction();
      const done = atNs === Infinity ? { ...action, out: null } : values.act(action);
      history.push({ ...times, ...(times.status === "ok" ? done : { ...done, out: null }) } as Operation);
    }
  }
  return history.toSorted((a, b) => a.call - b.call);
}

/** When each client is busy with this key. Whole numbers, so that calls and returns of one moment occur. */
function timesOf(key: string, options: CorrectOptions, random: Random): Doing[] {
  const doings: Doing[] = [];
  const clients = Array.from({ length: options.clients }, (_, proc) => ({ proc, freeNs: random.below(PAUSE_NS_MAX) }));
  let newProc = options.clients;
  for (let count = 0; count < options.perKey; count++) {
    const client = clients.reduce((first, one) => (one.freeNs < first.freeNs ? one : first));
    const call = client.freeNs;
    const ret = call + random.below(DURATION_NS_MAX);
    const drawn = random.float();
    const status = drawn < options.infoRate ? "info" : drawn < options.infoRate + options.failRate ? "fail" : "ok";
    let atNs = call + random.float() * (ret - call);
    if (status === "fail") atNs = Infinity;
    // Also long after its client gave it up.
    if (status === "info") atNs = random.float() < 0.5 ? Infinity : call + random.float() * DURATION_NS_MAX * 5;
    doings.push({ proc: client.proc, key, call, ret, status, atNs });
    client.freeNs = ret + random.below(PAUSE_NS_MAX);
    if (status === "info") client.proc = newProc++;
  }
  return doings;
}

/** One key, without concurrency. */
class Values {
  readonly #key: string;
  readonly #random: Random;
  readonly #old: string[] = [];
  #now: string | null = null;
  #written = 0;

  constructor(key: string, random: Random) {
    this.#key = key;
    this.#random = random;
  }

  registerAction(): Action {
    const drawn = this.#random.float();
    if (drawn < 0.5) return { op: "get", in: null, out: null };
    const value = `${this.#key}-${this.#written++}`;
    if (drawn < 0.75) return { op: "put", in: value, out: null };
    if (drawn < 0.8) return { op: "del", in: null, out: null };
    if (drawn < 0.85) return { op: "putnx", in: value, out: null };
    const fits = this.#random.float() < CAS_FITS || this.#old.length === 0;
    const expect = fits ? this.#now : this.#old[this.#random.below(this.#old.length)]!;
    return { op: "cas", in: { expect, value }, out: null };
  }

  counterAction(): Action {
    if (this.#random.float() < 0.4) return { op: "get", in: null, out: null };
    return { op: "add", in: String(1 + this.#random.below(ADD_MAX)), out: null };
  }

  act(action: Action): Action {
    const before = this.#now;
    switch (action.op) {
      case "get":
        return { ...action, out: before };
      case "put":
        this.#set(action.in);
        return action;
      case "del":
        this.#set(null);
        return { ...action, out: before !== null };
      case "cas":
        if (before === action.in.expect) this.#set(action.in.value);
        return { ...action, out: before === action.in.expect };
      case "putnx":
        if (before === null) this.#set(action.in);
        return { ...action, out: before === null };
      case "add":
        this.#set(String(Number(before ?? 0) + Number(action.in)));
        return { ...action, out: this.#now };
    }
  }

  #set(value: string | null): void {
    if (this.#now !== null) this.#old.push(this.#now);
    this.#now = value;
  }
}
