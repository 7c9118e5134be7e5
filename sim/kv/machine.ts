/**
 * A simulated box that costs time: the core of the store behind one CPU, one disk, one network card. It gathers work
 * nearly as the driver does (src/services/kv/store-node.ts, src/platform/journal.ts): what came during a turn of the
 * event loop is one step, after a large step what comes in a while; a step is one append and one frame to each box;
 * appends that wait for the disk share a write.
 */
import { framesOf } from "../../src/protocols/kv/codec.ts";
import type { Effect, KvEvent } from "../../src/protocols/kv/events.ts";
import type { KvNode } from "../../src/protocols/kv/node.ts";
import type { Message } from "../../src/protocols/kv/messages.ts";
import { FRAME_BYTES } from "../../src/services/kv/peer-streams.ts";
import { JOURNAL_GROUP_BYTES_MAX } from "../../src/platform/constants.ts";
import type { CostModel } from "./cost-model.ts";
import { lineBytes } from "./cost-model.ts";

export interface Surroundings {
  nowMs(): number;
  at(ms: number, run: () => void): void;
  machineOf(node: number): Machine;
  /** An operation of one of this machine's clients is over. */
  heard(effect: Extract<Effect, { type: "done" | "failed" }>): void;
}

export interface MachineCounts {
  /** Milliseconds in which it was busy. */
  cpuMs: number;
  diskMs: number;
  lineOutMs: number;
  lineInMs: number;
  frames: number;
  messages: number;
  lineBytes: number;
  puts: number;
  writes: number;
}

const PUT_HEAD_BYTES = 16;
const US_PER_MS = 1000;
const BYTES_PER_MIB = 2 ** 20;

interface Append {
  no: number;
  bytes: number;
}

/** What comes: its price when it comes, and in the step that takes it up. */
interface Arrival {
  event: KvEvent;
  readUs: number;
  stepUs: number;
}

export class Machine {
  readonly core: KvNode;
  readonly node: number;
  readonly counts: MachineCounts = newCounts();
  readonly #model: CostModel;
  readonly #around: Surroundings;
  /** Not yet read. */
  #arrivals: Arrival[] = [];
  /** Read, for the next step, which is due then. */
  #events: KvEvent[] = [];
  #stepUs = 0;
  #stepAtMs = 0;
  /** Events of the last step. */
  #lastEvents = 0;
  #isBusy = false;
  /** Of the CPU, that came up between two turns. */
  #dueUs = 0;
  #appends: Append[] = [];
  #isWriting = false;
  #lineOutFreeMs = 0;
  #lineInFreeMs = 0;

  constructor(node: number, core: KvNode, model: CostModel, around: Surroundings) {
    this.node = node;
    this.core = core;
    this.#model = model;
    this.#around = around;
  }

  take(event: KvEvent, readUs: number, stepUs: number): void {
    this.#arrivals.push({ event, readUs, stepUs });
    if (!this.#isBusy) this.#turn();
  }

  /** Of the event loop: reads what has come, and carries out a step if it is due. */
  #turn(): void {
    const { cpu, cpuTimes } = this.#model;
    this.#isBusy = true;
    const nowMs = this.#around.nowMs();
    let us = cpu.turnUs + this.#dueUs;
    this.#dueUs = 0;
    for (const { event, readUs, stepUs } of this.#arrivals) {
      if (this.#events.length === 0) this.#stepAtMs = nowMs + this.#gatherMs();
      this.#events.push(event);
      this.#stepUs += stepUs;
      us += readUs;
    }
    const isQuiet = this.#arrivals.length === 0;
    this.#arrivals = [];
    const outputs: (() => void)[] = [];
    if (this.#isDue(isQuiet)) us += this.#step(outputs);
    const ms = (us * cpuTimes) / US_PER_MS;
    this.counts.cpuMs += ms;
    this.#around.at(nowMs + ms, () => {
      for (const output of outputs) output();
      this.#isBusy = false;
      this.#goOn();
    });
  }

  #goOn(): void {
    if (this.#arrivals.length > 0 || this.#isDue(true)) return this.#turn();
    if (this.#events.length > 0) this.#around.at(this.#stepAtMs, () => !this.#isBusy && this.#turn());
  }

  /** `isQuiet`: this turn of the event loop brings nothing new. */
  #isDue(isQuiet: boolean): boolean {
    if (this.#events.length === 0) return false;
    return this.#around.nowMs() >= this.#stepAtMs || (isQuiet && this.#model.driver.untilQuiet);
  }

  /** After a large step the next one waits for more to come. */
  #gatherMs(): number {
    const { busyEvents, gatherMs } = this.#model.driver;
    return this.#lastEvents >= busyEvents ? gatherMs : 0;
  }

  #step(outputs: (() => void)[]): number {
    const nowMs = this.#around.nowMs();
    const effects = this.core.stepAll(nowMs, nowMs, this.#events);
    let us = this.#stepUs;
    this.#lastEvents = this.#events.length;
    this.#events = [];
    this.#stepUs = 0;
    for (const effect of effects) us += this.#prepare(effect, outputs);
    return us;
  }

  /** What an effect costs, and what is to be done at the end of the turn. */
  #prepare(effect: Effect, outputs: (() => void)[]): number {
    const { cpu } = this.#model;
    if (effect.type === "send") return this.#prepareFrames(effect.to, effect.messages, outputs);
    if (effect.type === "store") {
      const { no, puts } = effect;
      let bytes = 0;
      for (const put of puts) bytes += put.id.length + (put.bytes?.length ?? 0) + PUT_HEAD_BYTES;
      this.counts.puts += puts.length;
      outputs.push(() => this.#append({ no, bytes }));
      return puts.length * cpu.putUs;
    }
    if (effect.type === "done" || effect.type === "failed") outputs.push(() => this.#around.heard(effect));
    return 0;
  }

  #prepareFrames(to: number, messages: readonly Message[], outputs: (() => void)[]): number {
    const { cpu } = this.#model;
    const frames = [...framesOf(messages, FRAME_BYTES)];
    this.counts.messages += messages.length;
    this.counts.frames += frames.length;
    let us = 0;
    for (const [at, { length }] of frames.entries()) {
      us += cpu.frameUs + (length / 1024) * cpu.kibUs;
      // They are seen together, with the last one.
      const isLast = at === frames.length - 1;
      outputs.push(() => this.#send(to, length, isLast ? messages : []));
    }
    return us + messages.length * cpu.codecUs;
  }

  #send(to: number, frameBytes: number, messages: readonly Message[]): void {
    const { mbitPerS, latencyMs, cpu } = this.#model;
    const bytes = lineBytes(frameBytes);
    const lineMs = (bytes * 8) / (mbitPerS * 1000);
    this.#lineOutFreeMs = Math.max(this.#lineOutFreeMs, this.#around.nowMs()) + lineMs;
    this.counts.lineOutMs += lineMs;
    this.counts.lineBytes += bytes;
    const readUs = cpu.frameUs + (frameBytes / 1024) * cpu.kibUs + messages.length * cpu.codecUs;
    const stepUs = messages.length * cpu.messageUs;
    this.#around.machineOf(to).#arrive(this.#lineOutFreeMs + latencyMs, lineMs, () => {
      this.#around.machineOf(to).take({ type: "frame", from: this.node, messages }, readUs, stepUs);
    });
  }

  /** Its last byte is sent off at that time; it waits for what others send here at the same time. */
  #arrive(soonestMs: number, lineMs: number, run: () => void): void {
    this.#lineInFreeMs = Math.max(this.#lineInFreeMs + lineMs, soonestMs);
    this.counts.lineInMs += lineMs;
    this.#around.at(this.#lineInFreeMs, run);
  }

  #append(append: Append): void {
    this.#appends.push(append);
    if (!this.#isWriting) this.#write();
  }

  /** All that waits, up to the size of a group. */
  #write(): void {
    const { syncMs, diskMiBPerS, cpu } = this.#model;
    let [count, bytes] = [0, 0];
    for (const append of this.#appends) {
      if (count > 0 && bytes + append.bytes > JOURNAL_GROUP_BYTES_MAX) break;
      bytes += append.bytes;
      count++;
    }
    const { no } = this.#appends.splice(0, count).at(-1)!;
    this.#isWriting = true;
    this.#dueUs += cpu.writeUs;
    const ms = syncMs + (1000 * bytes) / (diskMiBPerS * BYTES_PER_MIB);
    this.counts.diskMs += ms;
    this.counts.writes++;
    this.#around.at(this.#around.nowMs() + ms, () => {
      this.#isWriting = false;
      this.take({ type: "stored", no }, 0, 0);
      if (this.#appends.length > 0) this.#write();
    });
  }
}

export function newCounts(): MachineCounts {
  const busy = { cpuMs: 0, diskMs: 0, lineOutMs: 0, lineInMs: 0 };
  return { ...busy, frames: 0, messages: 0, lineBytes: 0, puts: 0, writes: 0 };
}
