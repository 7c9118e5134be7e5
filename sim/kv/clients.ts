/** Clients of the simulated store: each asks one thing after the other at some box, and notes what it was told. */
import type { Random } from "../../src/kernel/random.ts";
import type { Effect } from "../../src/protocols/kv/events.ts";
import type { Command, Result } from "../../src/protocols/kv/types.ts";
import type { Action, Operation } from "../linear/history.ts";
import type { KvBox, KvWorld } from "./world.ts";

export interface Workload {
  clients: number;
  keys: number;
  /** Keys that hold numbers. */
  counters: number;
  pauseMs: number;
  timeoutMs: number;
  /** Which part of the operations on keys with values are reads, and which remove or put where there is none. */
  reads: number;
  toggles: number;
}

export const WORKLOAD: Workload = {
  clients: 5,
  keys: 3,
  counters: 1,
  pauseMs: 20,
  timeoutMs: 4_000,
  reads: 0.3,
  toggles: 0.2,
};
/** An answer that never came, because the box that was asked died. */
const GIVEN_UP_MS = 8_000;
const NS_PER_MS = 1_000_000;

export class Clients {
  readonly #world: KvWorld;
  readonly #load: Workload;
  readonly #random: Random;
  readonly history: Operation[] = [];
  answered = 0;
  #procs = 0;
  #values = 0;
  #last = new Map<string, string | null>();
  isRunning = true;

  constructor(world: KvWorld, load: Partial<Workload> = {}) {
    this.#world = world;
    this.#load = { ...WORKLOAD, ...load };
    this.#random = world.random("clients");
    for (let client = 0; client < this.#load.clients; client++) this.#go(++this.#procs, this.#random.below(100));
  }

  #go(proc: number, delayMs: number): void {
    this.#world.after(delayMs, () => this.isRunning && this.#ask(proc));
  }

  #ask(proc: number): void {
    const { world, random } = { world: this.#world, random: this.#random };
    const up = world.boxes.filter((box) => box.up && !box.isPaused);
    const box = up[random.below(up.length || 1)];
    if (!box) return this.#go(proc, 50);
    const { key, action, command } = this.#choose();
    const call = Math.round(world.nowMs * NS_PER_MS);
    let isOver = false;
    const end = (change: Partial<Operation>) => {
      if (isOver) return;
      isOver = true;
      const ret = Math.round(world.nowMs * NS_PER_MS) + 1;
      const operation = { proc, key, call, ret, status: "ok", ...action, ...change } as Operation;
      this.history.push(operation);
      if (operation.status === "ok") this.answered++;
      // After an operation of which nobody knows the end, the client is another one.
      this.#go(operation.status === "info" ? ++this.#procs : proc, random.float() * 2 * this.#load.pauseMs);
    };
    world.after(GIVEN_UP_MS, () =>
      end(action.op === "get" ? { status: "fail", ret: null } : { status: "info", ret: null }),
    );
    const { timeoutMs } = this.#load;
    box.ask({ type: "operation", id: 0, key, command, timeoutMs }, (effect) => end(this.#outcome(key, action, effect)));
  }

  #outcome(key: string, action: Action, effect: Effect): Partial<Operation> {
    if (effect.type === "failed")
      return effect.why === "unknown" && action.op !== "get"
        ? { status: "info", ret: null }
        : { status: "fail", ret: null };
    if (effect.type !== "done") throw new Error(`an answer to something else: ${effect.type}`);
    const out = outOf(action, effect.result);
    if (action.op === "get") this.#last.set(key, out as string | null);
    return { out } as Partial<Operation>;
  }

  #choose(): { key: string; action: Action; command: Command } {
    const random = this.#random;
    const never = { type: "never" } as const;
    if (random.float() < this.#load.counters / (this.#load.keys + this.#load.counters)) {
      const key = `n${random.below(this.#load.counters)}`;
      if (random.below(3) === 0) return { key, action: { op: "get", in: null, out: null }, command: { type: "get" } };
      const by = 1 + random.below(5);
      return { key, action: { op: "add", in: String(by), out: null }, command: { type: "add", by: BigInt(by) } };
    }
    const key = `k${random.below(this.#load.keys)}`;
    const value = `v${++this.#values}`;
    const put = { type: "put", value: bytes(value), expiry: never } as const;
    const { reads, toggles } = this.#load;
    const drawn = random.float();
    if (drawn < reads) return { key, action: { op: "get", in: null, out: null }, command: { type: "get" } };
    if (drawn < reads + toggles / 2)
      return { key, action: { op: "del", in: null, out: null }, command: { type: "delete" } };
    if (drawn < reads + toggles)
      return { key, action: { op: "putnx", in: value, out: null }, command: { ...put, when: { is: "absent" } } };
    if (random.below(5) < 3) return { key, action: { op: "put", in: value, out: null }, command: put };
    const expect = this.#last.get(key) ?? null;
    const when = expect === null ? ({ is: "absent" } as const) : ({ is: "value", value: bytes(expect) } as const);
    return { key, action: { op: "cas", in: { expect, value }, out: null }, command: { ...put, when } };
  }
}

/** What the history says of a result. */
export function outOf({ op }: Action, result: Result): Operation["out"] {
  const isDone = result.status === "done" || result.status === "repeated";
  const after = isDone ? result.after : undefined;
  if (op === "put") return null;
  if (op === "get" || op === "add") return after ? text(after.value) : null;
  return isDone;
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function text(value: Uint8Array): string {
  return String.fromCharCode(...value);
}

/** The boxes that a plan may hurt. */
export function someOf(boxes: readonly KvBox[], random: Random, count: number): KvBox[] {
  const left = [...boxes];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(random.below(left.length), 1)[0]!);
}
