/**
 * How many operations a store of so many boxes does: boxes that cost time (machine.ts), each with clients of its own
 * that ask one thing after the other. Virtual time; all of it follows from the seed.
 */
import { seededRandom } from "../../src/kernel/random.ts";
import type { Random } from "../../src/kernel/random.ts";
import { DEGREE, SLOTS } from "../../src/protocols/kv/constants.ts";
import type { Effect } from "../../src/protocols/kv/events.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import { createKvNode } from "../../src/protocols/kv/node.ts";
import { groupOf } from "../../src/protocols/kv/slots.ts";
import type { Command } from "../../src/protocols/kv/types.ts";
import { EventQueue } from "../event-queue.ts";
import { keyOf, storedRows, valueOf } from "./beginning.ts";
import type { CostModel } from "./cost-model.ts";
import type { MachineCounts } from "./machine.ts";
import { Machine, newCounts } from "./machine.ts";

export interface Setting {
  seed: number;
  boxes: number;
  model: CostModel;
  /** Share of operations that are puts. */
  writes: number;
  clientsPerBox: number;
  keys: number;
  valueBytes: number;
  /** Before it is measured, and while. */
  warmMs: number;
  forMs: number;
}

export interface Measured {
  operationsPerS: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
  /** Shares of the time: mean over the boxes, and the busiest. */
  busy: { cpu: Share; disk: Share; line: Share };
  perOperation: { forwards: number; messages: number; frames: number; writes: number; lineBytes: number };
  messagesPerFrame: number;
  putsPerWrite: number;
  slots: Balance;
}

interface Share {
  mean: number;
  most: number;
}

/** Of slots: what the fullest box has, over the mean. */
interface Balance {
  coordinated: number;
  held: number;
}

/** From the end of a client's operation to its next one: its own thinking, and a socket on the same machine. */
const CLIENT_MS = 0.05;

/** Numbers of boxes as they draw them: 48 random bits. */
function drawNodes(count: number, random: Random): number[] {
  return Array.from({ length: count }, () => random.below(2 ** 24) * 2 ** 24 + random.below(2 ** 24));
}

class Throughput {
  readonly #setting: Setting;
  readonly #queue = new EventQueue();
  readonly #random: Random;
  readonly #machines = new Map<number, Machine>();
  /** Open operations: when they began, and whose client asked. */
  readonly #open = new Map<number, { sinceMs: number; machine: Machine }>();
  #nowMs = 0;
  #ids = 0;
  #latencies: number[] = [];
  #failed = 0;

  constructor(setting: Setting) {
    const { seed, boxes, model } = setting;
    this.#setting = setting;
    this.#random = seededRandom(seed);
    const nodes = drawNodes(boxes, this.#random);
    const rows = storedRows({ ...setting, nodes, slots: SLOTS });
    for (const node of nodes) {
      const config = { node, life: node, degree: DEGREE, slots: SLOTS, quotaBytes: () => 2 ** 40 };
      const core = createKvNode(config, { random: seededRandom(this.#random.below(2 ** 32)), stored: rows.get(node)! });
      const machine = new Machine(node, core, model, {
        nowMs: () => this.#nowMs,
        at: (ms, run) => this.#queue.at(ms, run),
        machineOf: (other) => this.#machines.get(other)!,
        heard: (effect) => this.#heard(effect),
      });
      this.#machines.set(node, machine);
      machine.take({ type: "peers", up: nodes, nodes, leaving: [] }, 0, 0);
      this.#tick(machine, this.#random.float() * TICK_MS);
      for (let client = 0; client < setting.clientsPerBox; client++)
        this.#queue.at(this.#random.float() * TICK_MS, () => this.#ask(machine));
    }
  }

  #tick(machine: Machine, atMs: number): void {
    this.#queue.at(atMs, () => {
      machine.take({ type: "tick" }, 0, 0);
      this.#tick(machine, atMs + TICK_MS);
    });
  }

  #ask(machine: Machine): void {
    const { keys, writes, valueBytes, model } = this.#setting;
    const id = ++this.#ids;
    this.#open.set(id, { sinceMs: this.#nowMs, machine });
    const isWrite = this.#random.float() < writes;
    const value = isWrite ? valueOf(valueBytes, id) : undefined;
    const command: Command = value ? { type: "put", value, expiry: { type: "never" } } : { type: "get" };
    const key = keyOf(this.#random.below(keys));
    machine.take({ type: "operation", id, key, command }, model.cpu.clientUs, model.cpu.operationUs);
  }

  #heard({ id, type }: Extract<Effect, { type: "done" | "failed" }>): void {
    const { sinceMs, machine } = this.#open.get(id)!;
    this.#open.delete(id);
    if (type === "failed") this.#failed++;
    else this.#latencies.push(this.#nowMs - sinceMs);
    this.#queue.at(this.#nowMs + CLIENT_MS * 2 * this.#random.float(), () => this.#ask(machine));
  }

  #runUntil(endMs: number): void {
    while (this.#queue.nextMs <= endMs) {
      this.#nowMs = this.#queue.nextMs;
      this.#queue.take()();
    }
    this.#nowMs = endMs;
  }

  measure(): Measured {
    const { warmMs, forMs } = this.#setting;
    this.#runUntil(warmMs);
    const machines = [...this.#machines.values()];
    const counts = () => machines.map((machine) => ({ ...machine.counts, ...machine.core.counts() }));
    const before = counts();
    this.#latencies = [];
    this.#failed = 0;
    this.#runUntil(warmMs + forMs);
    const after = counts();
    const times = this.#latencies.toSorted((a, b) => a - b);
    const spent = after.map((one, at) => minus(one, before[at]!));
    const sum = spent.reduce((all, one) => minus(all, minus(newCounts(), one)), newCounts());
    const forwards = after.reduce((all, one, at) => all + one.forwarded - before[at]!.forwarded, 0);
    // What began before it was measured counts whole.
    const share = (of: (one: MachineCounts) => number) => shareOf(spent.map((one) => Math.min(1, of(one) / forMs)));
    return {
      operationsPerS: (1000 * times.length) / forMs,
      p50Ms: times[Math.floor(times.length * 0.5)]!,
      p99Ms: times[Math.floor(times.length * 0.99)]!,
      failed: this.#failed,
      busy: {
        cpu: share(({ cpuMs }) => cpuMs),
        disk: share(({ diskMs }) => diskMs),
        line: share(({ lineOutMs, lineInMs }) => Math.max(lineOutMs, lineInMs)),
      },
      perOperation: {
        forwards: forwards / times.length,
        messages: sum.messages / times.length,
        frames: sum.frames / times.length,
        writes: sum.writes / times.length,
        lineBytes: sum.lineBytes / times.length,
      },
      messagesPerFrame: sum.messages / sum.frames,
      putsPerWrite: sum.puts / Math.max(1, sum.writes),
      slots: {
        coordinated: balanceOf(machines.map(({ core }) => core.stats().leading)),
        held: balanceOf(machines.map(({ core }) => core.stats().slots.ready)),
      },
    };
  }
}

function minus(a: MachineCounts, b: MachineCounts): MachineCounts {
  const names = Object.keys(newCounts()) as (keyof MachineCounts)[];
  return Object.fromEntries(names.map((name) => [name, a[name] - b[name]])) as unknown as MachineCounts;
}

function shareOf(values: readonly number[]): Share {
  return { mean: values.reduce((all, one) => all + one, 0) / values.length, most: Math.max(...values) };
}

/** The most over the mean. */
function balanceOf(values: readonly number[]): number {
  const { mean, most } = shareOf(values);
  return most / mean;
}

/** How slots lie on so many boxes. */
export function placementOf(boxes: number, seed: number): Balance {
  const nodes = drawNodes(boxes, seededRandom(seed));
  const [coordinated, held] = [new Map(nodes.map((node) => [node, 0])), new Map(nodes.map((node) => [node, 0]))];
  for (let slot = 0; slot < SLOTS; slot++) {
    const group = groupOf(slot, nodes, DEGREE);
    coordinated.set(group[0]!, coordinated.get(group[0]!)! + 1);
    for (const node of group) held.set(node, held.get(node)! + 1);
  }
  return { coordinated: balanceOf([...coordinated.values()]), held: balanceOf([...held.values()]) };
}

export function measureThroughput(setting: Setting): Measured {
  return new Throughput(setting).measure();
}
