/**
 * A few threads for work that would hold the event loop. Starts them when they are first needed, ends them when they
 * have been idle for a while, and none keeps the process alive. What runs in them is a module of its own that calls
 * `serveTasks`; memory is handed over, not copied, where the caller lists it.
 */
import { Worker, parentPort } from "node:worker_threads";
import type { Transferable } from "node:worker_threads";
import type { Cancel, Clock } from "../kernel/clock.ts";
import { WORKER_IDLE_MS } from "./constants.ts";

export interface WorkerPoolOptions {
  /** The module of the threads. */
  module: URL;
  threads: number;
  clock: Clock;
  /** Without work and without a held lane, a thread ends after this time. */
  idleMs?: number;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

interface Question {
  id: number;
  task: unknown;
}

type Answer = { id: number; answer: unknown } | { id: number; error: unknown };

/** One thread, which may come and go. Tasks of one lane are done in the order in which they were given. */
class Lane {
  held = 0;
  #worker: Worker | undefined;
  #next = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #options: WorkerPoolOptions;
  #cancelIdle: Cancel = () => {};

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  run<A>(task: unknown, transfer: readonly Transferable[]): Promise<A> {
    this.#cancelIdle();
    const worker = (this.#worker ??= this.#start());
    return new Promise<A>((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      worker.postMessage({ id, task } satisfies Question, transfer);
    });
  }

  /** Ends the thread when nothing comes any more. */
  rest(): void {
    this.#cancelIdle();
    if (this.#waiting.size > 0 || this.held > 0 || !this.#worker) return;
    this.#cancelIdle = this.#options.clock.after(this.#options.idleMs ?? WORKER_IDLE_MS, () => void this.close());
  }

  async close(): Promise<void> {
    this.#cancelIdle();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#fail(new Error("the thread was closed"));
  }

  #start(): Worker {
    const worker = new Worker(this.#options.module);
    worker.unref();
    worker.on("message", (answer: Answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("error" in answer) waiting?.reject(answer.error);
      else waiting?.resolve(answer.answer);
      this.rest();
    });
    // A thread that crashed takes its tasks with it; the next task gets a new one.
    const gone = (error: unknown) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail(error);
    };
    worker.on("error", gone);
    worker.on("exit", () => gone(new Error("the thread has ended")));
    return worker;
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

export class WorkerPool {
  readonly #lanes: readonly Lane[];
  #isClosed = false;

  constructor(options: WorkerPoolOptions) {
    this.#lanes = Array.from({ length: options.threads }, () => new Lane(options));
  }

  /** Threads that are running. */
  get running(): number {
    return this.#lanes.filter((lane) => lane.isRunning).length;
  }

  /** Runs the task on the thread with the fewest tasks. `transfer` is handed over with it. */
  run<A>(task: unknown, transfer: readonly Transferable[] = []): Promise<A> {
    return this.runOn<A>(
      this.#quietest((lane) => lane.waiting),
      task,
      transfer,
    );
  }

  /** Runs the task on one thread, after what this one was given before. */
  runOn<A>(lane: number, task: unknown, transfer: readonly Transferable[] = []): Promise<A> {
    if (this.#isClosed) return Promise.reject(new Error("the threads are closed"));
    return this.#lanes[lane]!.run<A>(task, transfer);
  }

  /** A thread that keeps something between tasks, until `release`. */
  hold(): number {
    const lane = this.#quietest(({ held, waiting }) => held * 1000 + waiting);
    this.#lanes[lane]!.held++;
    return lane;
  }

  release(lane: number): void {
    this.#lanes[lane]!.held--;
    this.#lanes[lane]!.rest();
  }

  /** What is under way fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  #quietest(rank: (lane: Lane) => number): number {
    const ranks = this.#lanes.map(rank);
    return ranks.indexOf(Math.min(...ranks));
  }
}

/** In the thread: answers each task with what `perform` makes of it. What it throws goes to the asker. */
export function serveTasks<T>(perform: (task: T) => { answer: unknown; transfer?: Transferable[] }): void {
  const port = parentPort;
  if (!port) throw new Error("this module is for a thread");
  port.on("message", ({ id, task }: Question) => {
    try {
      const { answer, transfer = [] } = perform(task as T);
      port.postMessage({ id, answer } satisfies Answer, transfer);
    } catch (error) {
      port.postMessage({ id, error } satisfies Answer);
    }
  });
}
