/**
 * A small world in which nothing happens by chance: a script says who knows what, which messages are held back, lost or
 * come twice, whose disk is slow, and who crashes. So a meeting of events that random plans hardly ever bring about is
 * brought about each time. What clients were told is judged like any history, and two boxes must never hold one view
 * with different members.
 */
import type { Random } from "../../src/kernel/random.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { Put } from "../../src/protocols/kv/core.ts";
import type { Effect, KvEvent, ListCursor } from "../../src/protocols/kv/events.ts";
import { TICK_MS } from "../../src/protocols/kv/events.ts";
import type { Message, MessageType } from "../../src/protocols/kv/messages.ts";
import type { createKvNode, KvNode } from "../../src/protocols/kv/node.ts";
import { encodeSlot, Slot } from "../../src/protocols/kv/slot.ts";
import { groupOf } from "../../src/protocols/kv/slots.ts";
import type { Command } from "../../src/protocols/kv/types.ts";
import { checkHistory } from "../linear/check.ts";
import type { Action, Operation } from "../linear/history.ts";
import { outOf } from "./clients.ts";

const CANDIDATES = Array.from({ length: 40 }, (_, at) => at + 1);
/** Six nodes in the order in which hashing prefers them for the only slot: a group is always in this order. */
export const [A, B, C, D, E, F] = groupOf(0, CANDIDATES, 6) as [number, number, number, number, number, number];
export const ALL: readonly number[] = [A, B, C, D, E, F];

export interface ScriptConfig {
  create: typeof createKvNode;
  /** Of the first view, ready, and holding nothing; the first that seems up coordinates. */
  members: readonly number[];
  /** Planted in the driver instead of the core: all boxes number their lives from one. */
  livesFromOne?: boolean;
}

/** What a box is told about the others. Without `nodes` it changes no group. */
interface Knowledge {
  up?: readonly number[];
  nodes?: readonly number[];
  leaving?: readonly number[];
}

interface Flight {
  from: number;
  to: number;
  message: Message;
}

/** Which messages; each part that is not named fits all. */
interface Which {
  type?: MessageType;
  from?: number | readonly number[];
  to?: number | readonly number[];
  where?: (message: Message) => boolean;
}

interface Rule {
  which: Which;
  how: "hold" | "lose" | "double";
  held: Flight[];
}

export interface Asked {
  operation: Operation;
  effect: Effect | undefined;
}

/** Of a listing: `listed` or `failed`, when it has come. */
export interface Listed {
  id: number;
  effect: Effect | undefined;
}

interface Box {
  node: number;
  core: KvNode | undefined;
  lives: number;
  random: Random;
  disk: Map<string, Uint8Array>;
  isDiskSlow: boolean;
  /** On the way to the disk. */
  writing: { no: number; puts: readonly Put[] }[];
}

const TURNS_MAX = 100_000;

export class Script {
  readonly #config: ScriptConfig;
  readonly #boxes = new Map<number, Box>();
  readonly #knows = new Map<number, Knowledge>();
  readonly #rules: Rule[] = [];
  readonly #asked: Asked[] = [];
  readonly #lists: Listed[] = [];
  /** Of each view that some box has installed, the members. */
  readonly #views = new Map<number, string>();
  #complaint: string | undefined;
  #todo: (() => void)[] = [];
  #isRunning = false;
  #nowMs = 10_000;
  #calls = 0;

  constructor(config: ScriptConfig) {
    this.#config = config;
    const slot = new Slot(0, { number: 1, members: config.members }, "ready");
    for (const node of ALL) {
      const disk = new Map(config.members.includes(node) ? [["s\0\0", encodeSlot(slot)]] : []);
      const box: Box = {
        node,
        core: undefined,
        lives: 0,
        random: seededRandom(node),
        disk,
        isDiskSlow: false,
        writing: [],
      };
      this.#boxes.set(node, box);
      this.start(node);
    }
    // As they have told one another.
    for (const from of config.members)
      for (const to of config.members)
        if (from !== to) this.#arrive({ from, to, message: { type: "ready", slot: 0, view: 1 } });
  }

  // What the boxes are, and know.

  start(node: number): void {
    const box = this.#boxOf(node);
    if (box.core) return;
    box.lives++;
    box.random = seededRandom(1000 * node + box.lives);
    const life = this.#config.livesFromOne ? box.lives : 1000 * node + box.lives;
    const config = { node, life, degree: 3, slots: 1, quotaBytes: () => 2 ** 30 };
    const stored = [...box.disk].map(([id, bytes]) => ({ id, bytes }));
    box.core = this.#config.create(config, { random: box.random, stored });
    this.know(node, this.#knows.get(node) ?? {});
  }

  /** What was on its way to the disk is gone. */
  crash(...nodes: readonly number[]): void {
    for (const node of nodes) Object.assign(this.#boxOf(node), { core: undefined, writing: [] });
  }

  restart(node: number): void {
    this.crash(node);
    this.start(node);
  }

  know(nodes: number | readonly number[], knowledge: Knowledge): void {
    for (const node of listOf(nodes)) {
      this.#knows.set(node, knowledge);
      const { up = ALL, nodes: wanted = [], leaving = [] } = knowledge;
      this.#step(this.#boxOf(node), { type: "peers", up, nodes: wanted, leaving });
    }
  }

  /** From now on, until `flush`, nothing reaches the disk of this box. */
  slowDisk(node: number): void {
    this.#boxOf(node).isDiskSlow = true;
  }

  flush(node: number): void {
    const box = this.#boxOf(node);
    box.isDiskSlow = false;
    for (const { no, puts } of box.writing.splice(0)) this.#write(box, no, puts);
  }

  /** Of the only slot, as this box has it; undefined when it has none. */
  slotOf(node: number): Slot | undefined {
    return this.#boxOf(node).core?.slots().next().value;
  }

  // The network.

  hold(which: Which): Rule {
    return this.#rule(which, "hold");
  }

  lose(which: Which): Rule {
    return this.#rule(which, "lose");
  }

  /** They arrive, and once more when the rule is ended. */
  double(which: Which): Rule {
    return this.#rule(which, "double");
  }

  /** Nothing goes in or out, or only between these and those. */
  cut(nodes: number | readonly number[], others: number | readonly number[] = ALL): Rule[] {
    return [this.lose({ from: nodes, to: others }), this.lose({ from: others, to: nodes })];
  }

  #rule(which: Which, how: Rule["how"]): Rule {
    const rule: Rule = { which, how, held: [] };
    this.#rules.push(rule);
    return rule;
  }

  /** The rules are no more; what they held back arrives. */
  end(...rules: readonly Rule[]): void {
    for (const rule of rules) {
      this.#rules.splice(this.#rules.indexOf(rule), 1);
      for (const flight of rule.held.splice(0)) this.#arrive(flight);
    }
  }

  /** Nothing is wrong any more, whoever is down comes back, but those who are gone for good. */
  heal({ nodes, gone = [] }: { nodes: readonly number[]; gone?: readonly number[] }): void {
    const there = ALL.filter((node) => !gone.includes(node));
    this.end(...this.#rules.slice());
    for (const node of there) {
      this.start(node);
      this.flush(node);
      this.know(node, { up: there, nodes });
    }
    this.pass(20_000);
  }

  // Time, and what boxes do.

  /** All boxes, or only these, look at the clock again and again. */
  pass(ms: number, nodes: readonly number[] = ALL): void {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; this.#nowMs += TICK_MS)
      for (const node of nodes) this.#step(this.#boxOf(node), { type: "tick" });
  }

  /** Nobody has looked at the clock meanwhile. */
  leap(ms: number): void {
    this.#nowMs += ms;
  }

  #boxOf(node: number): Box {
    return this.#boxes.get(node)!;
  }

  #step(box: Box, event: KvEvent): void {
    this.#todo.push(() => {
      if (!box.core) return;
      for (const effect of box.core.step(this.#nowMs, this.#nowMs, event)) this.#carryOut(box, effect);
    });
    if (this.#isRunning) return;
    this.#isRunning = true;
    let turns = 0;
    for (let next = this.#todo.shift(); next; next = this.#todo.shift()) {
      if (++turns > TURNS_MAX) {
        this.#complaint ??= "the boxes never come to rest";
        this.#todo = [];
        break;
      }
      next();
    }
    this.#isRunning = false;
  }

  #carryOut(box: Box, effect: Effect): void {
    switch (effect.type) {
      case "send":
        for (const message of effect.messages) this.#send({ from: box.node, to: effect.to, message });
        return;
      case "store":
        if (box.isDiskSlow) return void box.writing.push(effect);
        return this.#write(box, effect.no, effect.puts);
      case "moved": {
        const members = effect.view.members.toSorted((a, b) => a - b).join(" ");
        const known = this.#views.get(effect.view.number);
        if (known !== undefined && known !== members) this.#complaint ??= `two views with number ${effect.view.number}`;
        this.#views.set(effect.view.number, members);
        return;
      }
      case "listed":
        return this.#noteList(effect);
      case "done":
      case "failed":
        return this.#note(effect);
    }
  }

  #write(box: Box, no: number, puts: readonly Put[]): void {
    for (const { id, bytes } of puts) {
      if (bytes) box.disk.set(id, bytes);
      else box.disk.delete(id);
    }
    this.#step(box, { type: "stored", no });
  }

  #send(flight: Flight): void {
    const rule = this.#rules.find(({ which }) => isMeant(which, flight));
    if (rule && rule.how !== "lose") rule.held.push(flight);
    if (!rule || rule.how === "double") this.#arrive(flight);
  }

  #arrive({ from, to, message }: Flight): void {
    this.#step(this.#boxOf(to), { type: "frame", from, messages: [message] });
  }

  // Clients: each operation is one of its own.

  get(node: number, key = "k"): Asked {
    return this.#ask(node, key, { op: "get", in: null, out: null }, { type: "get" });
  }

  put(node: number, value: string, key = "k"): Asked {
    const command: Command = { type: "put", value: bytesOf(value), expiry: { type: "never" } };
    return this.#ask(node, key, { op: "put", in: value, out: null }, command);
  }

  remove(node: number, key = "k"): Asked {
    return this.#ask(node, key, { op: "del", in: null, out: null }, { type: "delete" });
  }

  add(node: number, key = "n"): Asked {
    return this.#ask(node, key, { op: "add", in: "1", out: null }, { type: "add", by: 1n });
  }

  #ask(node: number, key: string, action: Action, command: Command): Asked {
    const call = ++this.#calls;
    const status = action.op === "get" ? "fail" : "info";
    const asked: Asked = { operation: { proc: call, key, call, ret: null, status, ...action }, effect: undefined };
    this.#asked.push(asked);
    this.#step(this.#boxOf(node), { type: "operation", id: call, key, command });
    return asked;
  }

  /** One page of all keys; it is no part of the history that is judged. */
  list(node: number, limit: number, cursor?: ListCursor): Listed {
    const list: Listed = { id: ++this.#calls, effect: undefined };
    this.#lists.push(list);
    this.#step(this.#boxOf(node), { type: "list", id: list.id, prefix: "", limit, ...(cursor ? { cursor } : {}) });
    return list;
  }

  #noteList(effect: Extract<Effect, { type: "listed" | "failed" }>): void {
    const list = this.#lists.find(({ id }) => id === effect.id);
    if (list) list.effect ??= effect;
  }

  #note(effect: Extract<Effect, { type: "done" | "failed" }>): void {
    if (effect.type === "failed") this.#noteList(effect);
    const asked = this.#asked.find(({ operation }) => operation.call === effect.id);
    if (!asked || asked.effect) return;
    asked.effect = effect;
    const { operation } = asked;
    if (effect.type === "done")
      Object.assign(operation, { status: "ok", out: outOf(operation, effect.result), ret: ++this.#calls });
    else if (effect.why !== "unknown") operation.status = "fail";
  }

  // The judgement.

  /** So that a scenario does not pass because it never came about. */
  must(is: boolean | undefined, what: string): void {
    if (!is) throw new Error(`the scenario did not come about: ${what}`);
  }

  /** That these operations were done, that no views contradict each other, and that the history is linearizable. */
  complaint(...wanted: readonly Asked[]): string | undefined {
    if (this.#complaint) return this.#complaint;
    const { verdict } = checkHistory(this.#asked.map(({ operation }) => operation));
    if (verdict === "illegal") return "not linearizable";
    const open = wanted.find(({ effect }) => effect?.type !== "done");
    return open && `no answer to ${open.operation.op} ${open.operation.key}`;
  }
}

function isMeant({ type, from, to, where }: Which, flight: Flight): boolean {
  const fits = (wanted: number | readonly number[] | undefined, node: number) =>
    wanted === undefined || listOf(wanted).includes(node);
  const isType = type === undefined || type === flight.message.type;
  return isType && fits(from, flight.from) && fits(to, flight.to) && (where?.(flight.message) ?? true);
}

function listOf(nodes: number | readonly number[]): readonly number[] {
  return typeof nodes === "number" ? [nodes] : nodes;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The parts of a copy that a new member makes once its view is decided. */
export function isFinal(message: Message): boolean {
  return message.type === "index" && message.isFinal;
}
