/**
 * The clients of a recorded history. Each asks one thing after the other at a box of its own, also while that box is
 * cut off or paused, and writes down when it asked, when it was answered, and what. All run in this process, so that
 * all times are of one clock; a busy process makes an operation look longer than it was, never shorter.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/kernel/random.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { OPERATION_TIMEOUT_MS } from "../../src/protocols/kv/constants.ts";
import type { Action, Operation } from "../../sim/linear/history.ts";
import type { RespAnswer } from "./history-resp.ts";
import { NoAnswer, RespConnection } from "./history-resp.ts";

/** What came of a compare and set: whether it was done; "fail": certainly not done, for another reason; "info". */
export type CasOutcome = boolean | "fail" | "info";

/** How a box is reached. */
export interface Reach {
  name: string;
  /** A new connection to where it speaks RESP. */
  connect(): Socket;
  /** Redis has no such command. Undefined: none is tried. */
  cas?: (
    key: string,
    expect: string | null,
    value: string,
    how: { timeoutMs: number; tellOdd: (text: string) => void },
  ) => Promise<CasOutcome>;
}

export type Recorded = Operation & { box: string };

export interface Recording {
  reaches: readonly Reach[];
  clients: number;
  keys: number;
  seed: number;
  pauseMs?: number;
}

/**
 * How long clients wait for an answer, in turn. The first wait longer than the store itself does, and hear what came
 * of it; the others leave operations behind that may be done at any time later.
 */
const PATIENCE_MS = [OPERATION_TIMEOUT_MS + 2_000, 1_500] as const;
/**
 * One more client for each box only reads, and waits no longer than this: it goes on asking a box that is cut off, and
 * finds what that still believes. Its reads without an answer cost the checker nothing, unlike changes.
 */
const READER_PATIENCE_MS = 300;
/** When all is quiet and every box has to answer. */
const PATIENCE_AT_END_MS = 1_500;
const CONNECT_TIMEOUT_MS = 1_000;
const RECONNECT_MS = 100;
/** Between two operations of a client, on average. */
const PAUSE_MS = 12;
/** After an operation that failed, so that a box that refuses all does not fill the history. */
const FAILED_PAUSE_MS = 50;
/** Of so many keys, one holds numbers. */
const KEYS_PER_COUNTER = 5;

export class Recorder {
  readonly history: Recorded[] = [];
  /** Answers of a kind that nobody foresaw, with how often they came. */
  readonly odd = new Map<string, number>();
  /** Tries to connect that failed; nothing was asked then. */
  refused = 0;
  readonly #plan: Recording;
  readonly #beganNs = process.hrtime.bigint();
  readonly #last = new Map<string, string | null>();
  #procs = 0;
  #values = 0;
  #isRunning = true;
  #clients: Promise<void>[] = [];

  constructor(plan: Recording) {
    this.#plan = plan;
  }

  /** From the beginning of the recording. */
  nowNs(): number {
    return Number(process.hrtime.bigint() - this.#beganNs);
  }

  start(): void {
    const { clients, reaches, seed } = this.#plan;
    const clientAt = (at: number) => {
      // Each box gets both kinds.
      const patienceMs = PATIENCE_MS[Math.floor(at / reaches.length) % PATIENCE_MS.length]!;
      return this.#client(reaches[at % reaches.length]!, patienceMs);
    };
    const working = Array.from({ length: clients }, (_, at) => clientAt(at));
    const readers = reaches.map((reach) => ({ ...this.#client(reach, READER_PATIENCE_MS), isReader: true }));
    this.#clients = [...working, ...readers].map((client) =>
      this.#run(client, seededRandom(seed * 1000 + client.proc)),
    );
  }

  /** Resolves when the last answers are in. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#clients);
  }

  keys(): string[] {
    const counters = Math.ceil((this.#plan.keys - 1) / KEYS_PER_COUNTER);
    return Array.from({ length: this.#plan.keys }, (_, at) => (at < counters ? `n${at}` : `k${at - counters}`));
  }

  /** Reads every key at every box until each has answered; names the boxes that have not by then. */
  async readEverywhere(timeoutMs: number): Promise<string[]> {
    const endMs = performance.now() + timeoutMs;
    const silent = await Promise.all(
      this.#plan.reaches.map(async (reach) => {
        const client = this.#client(reach, PATIENCE_AT_END_MS);
        try {
          for (const key of this.keys()) {
            for (;;) {
              const status = await this.#operate(client, key, READ);
              if (status === "ok") break;
              if (performance.now() > endMs) return reach.name;
              await sleep(RECONNECT_MS);
            }
          }
          return undefined;
        } finally {
          client.connection?.close();
        }
      }),
    );
    return silent.filter((name) => name !== undefined);
  }

  #client(reach: Reach, patienceMs: number): Client {
    return { reach, patienceMs, proc: ++this.#procs, connection: undefined };
  }

  async #run(client: Client, random: Random): Promise<void> {
    const { reach } = client;
    const keys = this.keys();
    while (this.#isRunning) {
      // The first keys more often: where many meet, most can go wrong.
      const key = keys[Math.floor(keys.length * random.float() ** 2)]!;
      const status = await this.#operate(client, key, client.isReader ? READ : this.#choose(key, random, reach));
      const meanMs = status === "ok" ? (this.#plan.pauseMs ?? PAUSE_MS) : FAILED_PAUSE_MS;
      await sleep(2 * meanMs * random.float());
    }
    client.connection?.close();
  }

  #choose(key: string, random: Random, reach: Reach): Action {
    if (key.startsWith("n")) {
      const die = random.below(12);
      if (die === 0) return { op: "del", in: null, out: null };
      return die < 5 ? { op: "get", in: null, out: null } : { op: "add", in: String(1 + random.below(9)), out: null };
    }
    const value = `v${++this.#values}`;
    switch (random.below(10)) {
      case 0:
        return { op: "del", in: null, out: null };
      case 1:
        return { op: "putnx", in: value, out: null };
      case 2:
      case 3:
        if (!reach.cas) return { op: "put", in: value, out: null };
        return { op: "cas", in: { expect: this.#last.get(key) ?? null, value }, out: null };
      case 4:
      case 5:
        return { op: "put", in: value, out: null };
      default:
        return { op: "get", in: null, out: null };
    }
  }

  /** Undefined: it was not asked, since the box takes no connections. */
  async #operate(client: Client, key: string, action: Action): Promise<Operation["status"] | undefined> {
    if (!(await this.#connect(client))) return undefined;
    const tellOdd = (text: string) => void this.odd.set(text, (this.odd.get(text) ?? 0) + 1);
    const call = this.nowNs();
    const outcome =
      action.op === "cas"
        ? await casOutcome(client, key, action.in, tellOdd)
        : await askOutcome(client, key, action, tellOdd);
    const ret = outcome.status === "info" ? null : this.nowNs();
    const one = { proc: client.proc, key, ...action, call, ret, out: null, ...outcome } as Operation;
    this.history.push({ ...one, box: client.reach.name });
    if (one.op === "get" && one.status === "ok") this.#last.set(key, one.out);
    if (one.op === "put" && one.status === "ok") this.#last.set(key, one.in);
    // After an operation of which nobody knows the end, the client is another one.
    if (one.status === "info") client.proc = ++this.#procs;
    return one.status;
  }

  /** A connection over which the box has said something. */
  async #connect(client: Client): Promise<boolean> {
    if (client.connection?.isOver === false) return true;
    const connection = new RespConnection(client.reach.connect());
    try {
      const answer = await connection.ask(["PING"], CONNECT_TIMEOUT_MS);
      if (answer.type !== "text" || answer.text !== "PONG") throw new NoAnswer("no PONG");
      client.connection = connection;
      return true;
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause;
      connection.close();
      this.refused += 1;
      await sleep(RECONNECT_MS);
      return false;
    }
  }
}

const READ: Action = { op: "get", in: null, out: null };

interface Client {
  reach: Reach;
  patienceMs: number;
  isReader?: boolean;
  proc: number;
  connection: RespConnection | undefined;
}

type Outcome = Partial<Operation> & { status: Operation["status"] };

async function casOutcome(
  { reach, patienceMs: timeoutMs }: Client,
  key: string,
  { expect, value }: { expect: string | null; value: string },
  tellOdd: (text: string) => void,
): Promise<Outcome> {
  const said = await reach.cas!(key, expect, value, { timeoutMs, tellOdd });
  return typeof said === "boolean" ? { status: "ok", out: said } : { status: said };
}

async function askOutcome(
  { connection, patienceMs }: Client,
  key: string,
  action: Exclude<Action, { op: "cas" }>,
  tellOdd: (text: string) => void,
): Promise<Outcome> {
  try {
    return outcomeOf(action, await connection!.ask(wordsOf(key, action), patienceMs), tellOdd);
  } catch (cause) {
    if (!(cause instanceof NoAnswer)) throw cause;
    return { status: "info" };
  }
}

function wordsOf(key: string, action: Exclude<Action, { op: "cas" }>): string[] {
  switch (action.op) {
    case "get":
      return ["GET", key];
    case "put":
      return ["SET", key, action.in];
    case "putnx":
      return ["SET", key, action.in, "NX"];
    case "del":
      return ["DEL", key];
    case "add":
      return ["INCRBY", key, action.in];
  }
}

/** The first word of an error decides; only those that promise that nothing was done are taken for that. */
const NOT_DONE = /^(?:TRYAGAIN|OOM|LOADING|DENIED|NOAUTH)\b|^ERR max number of clients/;
const NOT_KNOWN = /^UNKNOWN\b/;
const NO_NUMBER = /^ERR (?:value is not an integer or out of range|increment or decrement would overflow)/;

/** Exported for its test: what an answer means for the history. */
export function outcomeOf(
  action: Exclude<Action, { op: "cas" }>,
  answer: RespAnswer,
  tellOdd: (text: string) => void,
): Outcome {
  if (answer.type === "error") {
    if (action.op === "add" && NO_NUMBER.test(answer.text)) return { status: "ok", out: null };
    if (NOT_DONE.test(answer.text)) return { status: "fail" };
    if (!NOT_KNOWN.test(answer.text)) tellOdd(answer.text);
    return { status: "info" };
  }
  const { op } = action;
  if (op === "get" && answer.type !== "integer")
    return { status: "ok", out: answer.type === "text" ? answer.text : null };
  if (op === "put" && answer.type === "text" && answer.text === "OK") return { status: "ok" };
  if (op === "putnx" && (answer.type === "none" || (answer.type === "text" && answer.text === "OK")))
    return { status: "ok", out: answer.type === "text" };
  if (op === "add" && answer.type === "integer") return { status: "ok", out: answer.text };
  if (op === "del" && answer.type === "integer" && /^[01]$/.test(answer.text))
    return { status: "ok", out: answer.text === "1" };
  tellOdd(`${op} was answered with ${JSON.stringify(answer)}`);
  return { status: "info" };
}
