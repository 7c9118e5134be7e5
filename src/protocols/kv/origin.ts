/**
 * The side of the box that was asked: numbers operations, forwards them to the coordinator of their slot, and again to
 * the next one when no answer comes, always under the same number. Operations on one key go one batch after the other,
 * so that a repetition can only be of the last batch.
 */
import {
  BATCH_BYTES_MAX,
  BATCH_OPS_MAX,
  OPEN_OPS_MAX,
  OPERATION_TIMEOUT_MS,
  REFUSED_PAUSE_MS,
  RETRY_MS,
  RETRY_MS_MAX,
} from "./constants.ts";
import { foundIn } from "./content.ts";
import type { Core } from "./core.ts";
import type { Forward, Message, Refusal, Told } from "./messages.ts";
import { slotOf } from "./slots.ts";
import type { Command, Found, Key, KvFailure, Result } from "./types.ts";

type Of<T extends Message["type"]> = Extract<Message, { type: T }>;

interface Operation {
  /** Of the program; or whom to tell here. */
  id: number | ((result: Result | undefined) => void);
  command: Command;
  endMs: number;
}

/** A batch under way. */
interface Flight {
  first: number;
  operations: Operation[];
  tries: number;
  /** Nobody else can answer. */
  asked: number[];
  sentMs: number;
  /** Refused, and not sent again before this. */
  pausedUntilMs: number | undefined;
  /** Some try may have been carried out. */
  isUncertain: boolean;
}

/** The operations on one key. */
interface Line {
  slot: number;
  flight: Flight | undefined;
  waiting: Operation[];
}

/** Refusals of which nothing remains; the others leave open whether the operation was done. */
const CERTAIN: ReadonlySet<Refusal> = new Set(["not-coordinator", "not-ready", "full", "too-many"]);
/** So many refusals are answered at once, each at another member; then it pauses. */
const TRIES_AT_ONCE = 3;

export class Origin {
  readonly #core: Core;
  readonly #lines = new Map<Key, Line>();
  /** To be sent at the end of the step; some more than once. */
  #ready: Key[] = [];
  #open = 0;
  /** Of the last operation. It begins anywhere: an answer to an earlier life must not fit one of this. */
  #number: number;

  constructor(core: Core) {
    this.#core = core;
    this.#number = core.random.below(2 ** 40);
  }

  get open(): number {
    return this.#open;
  }

  /** For this node's own ends; undefined when it failed. */
  ask(key: Key, command: Command, tell: (result: Result | undefined) => void): void {
    this.start(tell, key, command);
  }

  start(id: Operation["id"], key: Key, command: Command, timeoutMs = OPERATION_TIMEOUT_MS): void {
    const core = this.#core;
    if (this.#open >= OPEN_OPS_MAX) return this.#failed(id, "too-many");
    let line = this.#lines.get(key);
    const slot = line?.slot ?? slotOf(key, core.config.slots);
    if (core.isLost(slot)) return this.#failed(id, "no-majority");
    this.#open++;
    core.counts.operations++;
    if (!line) this.#lines.set(key, (line = { slot, flight: undefined, waiting: [] }));
    line.waiting.push({ id, command, endMs: core.nowMs + timeoutMs });
    this.#soon(key);
  }

  /** At the end of the step, so that what comes together travels together. */
  #soon(key: Key): void {
    if (this.#ready.length === 0) this.#core.later(() => this.#sendReady());
    this.#ready.push(key);
  }

  #sendReady(): void {
    const keys = this.#ready;
    this.#ready = [];
    for (const key of keys) {
      const line = this.#lines.get(key);
      if (!line || line.flight) continue;
      if (line.waiting.length === 0) {
        this.#lines.delete(key);
        continue;
      }
      const operations = line.waiting.splice(0, batchOf(line.waiting));
      const first = this.#number + 1;
      this.#number += operations.length;
      const flight: Flight = {
        first,
        operations,
        tries: 0,
        asked: [],
        sentMs: 0,
        pausedUntilMs: undefined,
        isUncertain: false,
      };
      line.flight = flight;
      this.#send(key, line, flight);
    }
  }

  #send(key: Key, line: Line, flight: Flight, target = this.#targetOf(line.slot, flight.tries)): void {
    const core = this.#core;
    const { slot } = line;
    flight.sentMs = core.nowMs;
    if (target === undefined) {
      flight.pausedUntilMs = core.nowMs + RETRY_MS;
      return;
    }
    flight.pausedUntilMs = undefined;
    if (!flight.asked.includes(target)) flight.asked.push(target);
    core.counts.forwarded++;
    const commands = flight.operations.map(({ command }) => command);
    const { first, tries } = flight;
    const isRead = target !== core.self && commands.every(({ type }) => type === "get");
    const confirms = isRead ? this.#confirmed(slot) : undefined;
    core.sendNow(target, { type: "forward", slot, key, origin: core.config.life, first, commands, tries, confirms });
  }

  /** What this node would answer now, if it were asked to confirm a ballot: the reads have come by then. */
  #confirmed(number: number): Forward["confirms"] {
    const slot = this.#core.slots.get(number);
    return slot?.status === "ready" ? { view: slot.view.number, ballot: slot.promised } : undefined;
  }

  /** The one who should coordinate; in later tries the others, too. */
  #targetOf(slot: number, tries: number): number | undefined {
    const core = this.#core;
    // Now and then not whom we knew last: they may all have left the slot, and forgotten to whom.
    const view = tries % 6 === 5 ? undefined : core.hintOf(slot);
    const members = view?.members ?? core.groupOf(slot);
    const preferred = members.find((node) => core.isUp(node)) ?? members[0];
    if (tries % 2 === 0 || members.length < 2) return preferred;
    const others = members.filter((node) => node !== preferred);
    return others[(tries >> 1) % others.length];
  }

  onTold(from: number, { key, first, told, repeated }: Of<"told">): void {
    const line = this.#lines.get(key);
    if (
      line?.flight?.first !== first ||
      !line.flight.asked.includes(from) ||
      told.length !== line.flight.operations.length
    )
      return;
    const { operations } = line.flight;
    for (const [at, { id, command }] of operations.entries()) {
      const result = resultOf(command, told[at]!, repeated);
      if (typeof id === "function") id(result);
      else this.#core.emit({ type: "done", id, result });
    }
    this.#landed(key, line);
  }

  onRefused(from: number, message: Of<"refused">): void {
    const core = this.#core;
    const { key, first, tries, why, hint } = message;
    const line = this.#lines.get(key);
    const flight = line?.flight;
    if (!line || flight?.first !== first || !flight.asked.includes(from)) return;
    const known = core.hintOf(line.slot)?.number;
    core.heardView(line.slot, hint);
    const isShownOn = core.hintOf(line.slot)?.number !== known;
    // Also what is said of an earlier try.
    if (!CERTAIN.has(why)) flight.isUncertain = true;
    if (flight.tries !== tries || flight.pausedUntilMs !== undefined) return;
    if (why === "full" || why === "forgotten") return this.#fail(key, line, why === "full" ? "full" : "unknown");
    flight.tries++;
    if (flight.tries <= TRIES_AT_ONCE)
      return this.#send(key, line, flight, isShownOn ? this.#targetOf(line.slot, 0) : undefined);
    const pauseMs = Math.min(RETRY_MS_MAX, REFUSED_PAUSE_MS * 2 ** (flight.tries - TRIES_AT_ONCE));
    flight.pausedUntilMs = core.nowMs + pauseMs * core.random.float();
  }

  /** What could not be sent, because this node knew nobody, need not wait for its next try. */
  heardNodes(): void {
    for (const [key, line] of this.#lines)
      if (line.flight?.pausedUntilMs !== undefined && line.flight.asked.length === 0)
        this.#send(key, line, line.flight);
  }

  tick(): void {
    const { nowMs } = this.#core;
    for (const [key, line] of this.#lines) {
      const { flight } = line;
      if (line.waiting.some(({ endMs }) => endMs <= nowMs)) this.#giveUpWaiting(line);
      if (!flight) continue;
      if (flight.operations.every(({ endMs }) => endMs <= nowMs)) {
        if (flight.pausedUntilMs === undefined) flight.isUncertain = true;
        this.#fail(key, line, "no-majority");
      } else if (flight.pausedUntilMs !== undefined) {
        if (flight.pausedUntilMs <= nowMs) this.#send(key, line, flight);
      } else if (nowMs - flight.sentMs >= Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (flight.tries >> 1))) {
        flight.isUncertain = true;
        flight.tries++;
        this.#send(key, line, flight);
      }
    }
  }

  #giveUpWaiting(line: Line): void {
    const core = this.#core;
    for (const { id, endMs } of line.waiting)
      if (endMs <= core.nowMs) {
        this.#open--;
        this.#failed(id, "no-majority");
      }
    line.waiting = line.waiting.filter(({ endMs }) => endMs > core.nowMs);
  }

  #fail(key: Key, line: Line, why: KvFailure): void {
    const { operations, isUncertain } = line.flight!;
    for (const { id, command } of operations) {
      const isOpen = isUncertain && command.type !== "get";
      this.#failed(id, isOpen ? "unknown" : why);
    }
    this.#landed(key, line);
  }

  #failed(id: Operation["id"], why: KvFailure): void {
    if (typeof id === "function") id(undefined);
    else this.#core.emit({ type: "failed", id, why });
  }

  #landed(key: Key, line: Line): void {
    this.#open -= line.flight!.operations.length;
    line.flight = undefined;
    if (line.waiting.length > 0) this.#soon(key);
    else this.#lines.delete(key);
  }
}

/**
 * How many of these travel together. Reads come last: when a batch comes again they are done then, and must not see
 * what was asked after them.
 */
function batchOf(operations: readonly Operation[]): number {
  let count = 0;
  let bytes = 0;
  let hasRead = false;
  for (const { command } of operations) {
    bytes += command.type === "put" ? command.value.length : 0;
    if (count > 0 && (count === BATCH_OPS_MAX || bytes > BATCH_BYTES_MAX)) break;
    if (hasRead && command.type !== "get") break;
    hasRead ||= command.type === "get";
    count++;
  }
  return count;
}

function resultOf(command: Command, told: Told, repeated: boolean): Result {
  const { answer, version, expiresMs } = told;
  const before = told.before && foundIn(told.before);
  if (answer.status === "read") return { status: "done", before, after: before };
  if (answer.status === "not-an-integer") return { status: "not-an-integer" };
  if (answer.status === "unchanged") return { status: "unchanged", before };
  const value = valueAfter(command, answer.status === "integer" ? answer.after : undefined, before);
  // A number is known from the answer, also when the key holds something else by now; no version is like that one.
  const known = version ?? (answer.status === "integer" ? NO_VERSION : undefined);
  const after = value && known ? { value, version: known, expiresMs } : undefined;
  if (repeated && "returnBefore" in command && command.returnBefore) return { status: "repeated", after };
  return { status: "done", before, after };
}

const NO_VERSION = { round: 0, node: 0, n: 0 };

function valueAfter(command: Command, integer: bigint | undefined, before: Found | undefined): Uint8Array | undefined {
  if (integer !== undefined) return Uint8Array.from(integer.toString(), (char) => char.charCodeAt(0));
  if (command.type === "put") return command.value;
  return command.type === "expire" ? before?.value : undefined;
}
