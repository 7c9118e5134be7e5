/**
 * A load at a fixed rate through RESP: half reads, half writes, each key asked for by one client only, which knows
 * what it must hold. Operations are due at fixed moments, and their times count from then: one that waits because the
 * one before it is late is late, too.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/kernel/random.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { RespConnection } from "./history-resp.ts";

/** Longer than the store itself waits. */
const PATIENCE_MS = 12_000;
const FILL_CLIENTS_MIN = 24;

export interface LoadPlan {
  /** On 127.0.0.1; clients are spread over them. */
  ports: readonly number[];
  clients: number;
  perSecond: number;
  keys: number;
  valueBytes: number;
}

export interface Timed {
  dueMs: number;
  tookMs: number;
}

export class PacedLoad {
  /** All that were answered, by `performance.now()`. */
  readonly done: Timed[] = [];
  /** What was said instead of an answer. */
  readonly failed: string[] = [];
  /** Reads that did not find what was written last. */
  readonly wrong: string[] = [];
  readonly #plan: LoadPlan;
  readonly #holds = new Map<number, string>();
  #isRunning = false;
  #writes = 0;
  #clients: Promise<void>[] = [];

  constructor(plan: LoadPlan) {
    this.#plan = plan;
  }

  /** Writes every key once, as fast as it goes. */
  async fill(): Promise<void> {
    const { keys } = this.#plan;
    await this.#together(FILL_CLIENTS_MIN, async (connection, client, clients) => {
      for (let key = client; key < keys; key += clients) await this.#write(connection, key);
    });
    if (this.failed.length > 0) throw new Error(`keys were not written: ${this.failed[0]}`);
  }

  start(): void {
    const { clients, perSecond } = this.#plan;
    this.#isRunning = true;
    const fromMs = performance.now();
    const run = async (connection: RespConnection, client: number) => {
      const random = seededRandom(client + 1);
      for (let at = client; this.#isRunning; at += clients) {
        const dueMs = fromMs + (at * 1000) / perSecond;
        const leftMs = dueMs - performance.now();
        if (leftMs > 0) await sleep(leftMs);
        if (!this.#isRunning) return;
        const isDone = await this.#operate(connection, this.#keyOf(client, random), random);
        if (isDone) this.done.push({ dueMs, tookMs: performance.now() - dueMs });
      }
    };
    this.#clients = [this.#together(clients, run)];
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#clients);
  }

  /** Reads every key. */
  async check(): Promise<void> {
    const { keys } = this.#plan;
    await this.#together(FILL_CLIENTS_MIN, async (connection, client, clients) => {
      for (let key = client; key < keys; key += clients) await this.#read(connection, key);
    });
  }

  /** Times of those that were due then, in order. */
  between(fromMs: number, untilMs: number): number[] {
    const some = this.done.filter(({ dueMs }) => dueMs >= fromMs && dueMs < untilMs);
    return some.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  }

  #keyOf(client: number, random: Random): number {
    const { keys, clients } = this.#plan;
    return client + clients * random.below(Math.floor((keys - client + clients - 1) / clients));
  }

  async #together(
    clients: number,
    run: (connection: RespConnection, client: number, clients: number) => Promise<void>,
  ): Promise<void> {
    const { ports } = this.#plan;
    const each = async (client: number) => {
      const connection = new RespConnection(connect(ports[client % ports.length]!, "127.0.0.1"));
      try {
        await run(connection, client, clients);
      } catch (error) {
        // Without its connection a client is over; what it was to do was not done.
        this.failed.push(String(error));
      } finally {
        connection.close();
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => each(client)));
  }

  #operate(connection: RespConnection, key: number, random: Random): Promise<boolean> {
    return random.below(2) === 0 ? this.#read(connection, key) : this.#write(connection, key);
  }

  async #write(connection: RespConnection, key: number): Promise<boolean> {
    const value = `${key} ${++this.#writes} `.padEnd(this.#plan.valueBytes, "x");
    const answer = await connection.ask(["SET", nameOf(key), value], PATIENCE_MS);
    if (answer.type === "text") this.#holds.set(key, value);
    else this.failed.push(`SET: ${JSON.stringify(answer)}`);
    return answer.type === "text";
  }

  async #read(connection: RespConnection, key: number): Promise<boolean> {
    const answer = await connection.ask(["GET", nameOf(key)], PATIENCE_MS);
    if (answer.type === "error") this.failed.push(`GET: ${answer.text}`);
    else if (answer.type !== "text" || answer.text !== this.#holds.get(key))
      this.wrong.push(`${nameOf(key)}: ${JSON.stringify(answer).slice(0, 80)}`);
    return answer.type !== "error";
  }
}

const nameOf = (key: number) => `load/${key}`;
