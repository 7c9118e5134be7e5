/**
 * Child processes of tests: started in a process group of their own, in a network namespace when one is given,
 * with their newest output kept, waited for by line or by port, and stopped by their id. None outlives the test:
 * what a test forgets is killed when its process ends, and the kernel kills it when that process was killed itself.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { atExit } from "./at-exit.ts";

/** Output kept per child, characters; older output is dropped. */
export const OUTPUT_KEPT_CHARS = 65_536;
/** What a program that `run` runs to its end may print on each of its two outputs. */
export const RUN_OUTPUT_CHARS_MAX = 16_777_216;
/** How much of that goes into an error message. */
const SAID_CHARS = 4_000;
export const WAIT_TIMEOUT_MS = 60_000;
export const RUN_TIMEOUT_MS = 120_000;
/** From SIGTERM to SIGKILL. */
export const STOP_GRACE_MS = 15_000;
const PORT_POLL_MS = 25;

/** Anything with `after`, such as a node:test context: the child is stopped when that ends. */
export interface Owner {
  after(run: () => Promise<void> | void): void;
}

export interface StartOptions {
  /** How messages name it; by default the program. */
  name?: string;
  /** Name of a network namespace to run in. */
  namespace?: string | undefined;
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Written to its standard input, which is then closed. */
  input?: string | Buffer;
  owner?: Owner;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunResult extends Exit {
  stdout: string;
  stderr: string;
}

/** What a process sent, in whole bytes of text; the newest `OUTPUT_KEPT_CHARS` of it. */
class Tail {
  text = "";
  private readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  add(chunk: string): void {
    this.text = (this.text + chunk).slice(-this.limit);
  }
}

export class Running {
  readonly name: string;
  readonly pid: number;
  exit: Exit | undefined;
  private readonly child: ChildProcess;
  private readonly ended: Promise<Exit>;
  private readonly tail = new Tail(OUTPUT_KEPT_CHARS);
  private readonly listeners = new Set<() => void>();

  constructor(child: ChildProcess, pid: number, name: string) {
    this.name = name;
    this.pid = pid;
    this.child = child;
    const forget = atExit(() => signalGroup(pid, "SIGKILL"));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (chunk: string) => {
        this.tail.add(chunk);
        this.tell();
      });
    }
    this.ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.exit = { code, signal };
        // The leader is gone; whatever it left in its group (workers of a killed server) goes too.
        signalGroup(pid, "SIGKILL");
        forget();
        resolve(this.exit);
        this.tell();
      });
    });
    letGo(child);
  }

  /** Its end. Who awaits it keeps this process alive, unlike a child that nobody asks about. */
  get exited(): Promise<Exit> {
    if (!this.exit) this.child.ref();
    return this.ended;
  }

  /** The newest output, standard output and standard error together. */
  output(): string {
    return this.tail.text;
  }

  /** Resolves with the match of a line that was or will be printed. */
  async waitForLine(pattern: RegExp, timeoutMs = WAIT_TIMEOUT_MS): Promise<RegExpMatchArray> {
    return this.waitFor(
      () =>
        this.tail.text
          .split("\n")
          .map((line) => line.match(pattern))
          .find((match) => match !== null),
      `a line like ${String(pattern)}`,
      timeoutMs,
    );
  }

  /** Resolves when something listens on the port in this process's network namespace. */
  async waitForPort(port: number, transport: "tcp" | "udp" = "tcp", timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const poll = setInterval(() => this.tell(), PORT_POLL_MS);
    try {
      await this.waitFor(
        () => (isListening(this.pid, port, transport) ? true : undefined),
        `${transport} port ${port}`,
        timeoutMs,
      );
    } finally {
      clearInterval(poll);
    }
  }

  /** To the whole process group. */
  signal(signal: NodeJS.Signals): void {
    if (!this.exit) signalGroup(this.pid, signal);
  }

  /** As a power cut: SIGKILL to the whole group. */
  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return this.exited;
  }

  /** SIGTERM to the process itself, and SIGKILL to its group when it takes longer than `graceMs`. */
  async stop(graceMs = STOP_GRACE_MS): Promise<Exit> {
    if (!this.exit) this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private async waitFor<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        clearTimeout(timer);
        this.listeners.delete(check);
        act();
      };
      const give = (why: string): void =>
        end(() =>
          reject(new Error(`${this.name} ${why} before ${what}; it said:\n${this.tail.text.slice(-SAID_CHARS)}`)),
        );
      const check = (): void => {
        const found = look();
        if (found !== undefined) end(() => resolve(found));
        else if (this.exit) give(`ended (${this.exit.signal ?? this.exit.code})`);
      };
      const timer = setTimeout(() => give(`took over ${timeoutMs} ms`), timeoutMs);
      this.listeners.add(check);
      check();
    });
  }
}

/** Starts a program that goes on running. */
export function start(command: readonly string[], options: StartOptions = {}): Running {
  const child = launch(command, options);
  if (child.pid === undefined) throw new Error(`cannot start ${command.join(" ")}`);
  const running = new Running(child, child.pid, options.name ?? command[0] ?? "");
  options.owner?.after(async () => {
    await running.stop();
  });
  return running;
}

/** Runs a program to its end. Never rejects for its exit code, only for too much time or output. */
export async function run(
  command: readonly string[],
  options: StartOptions & { timeoutMs?: number } = {},
): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? RUN_TIMEOUT_MS;
  const child = launch(command, options);
  const pid = child.pid;
  if (pid === undefined) throw new Error(`cannot start ${command.join(" ")}`);
  const forget = atExit(() => signalGroup(pid, "SIGKILL"));
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8");
    child[name]?.on("data", (chunk: string) => {
      out[name] += chunk;
      if (out[name].length > RUN_OUTPUT_CHARS_MAX) give(`printed over ${RUN_OUTPUT_CHARS_MAX} characters`);
    });
  }
  let broken: string | undefined;
  const give = (why: string): void => {
    broken ??= why;
    signalGroup(pid, "SIGKILL");
  };
  const timer = setTimeout(() => give(`took over ${timeoutMs} ms`), timeoutMs);
  const exit = await new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  clearTimeout(timer);
  forget();
  if (broken) {
    throw new Error(`${command.join(" ")} ${broken}; it said:\n${(out.stderr + out.stdout).slice(-SAID_CHARS)}`);
  }
  return { ...exit, ...out };
}

/** As `run`, and an exit code other than 0 is an error. Gives what it printed. */
export async function runOk(
  command: readonly string[],
  options: StartOptions & { timeoutMs?: number } = {},
): Promise<string> {
  const result = await run(command, options);
  if (result.code !== 0) {
    throw new Error(
      `${command.join(" ")} ended with ${result.signal ?? result.code}: ${result.stderr}${result.stdout}`.slice(
        0,
        4000,
      ),
    );
  }
  return result.stdout;
}

/** Below those that the kernel lends to outgoing connections: a box that is away for a moment finds its port again. */
const FREE_PORTS = { from: 12_000, to: 32_000 };
const PORT_TRIES = 100;

/** A TCP port on the loopback address that nobody uses right now, and that no outgoing connection will take. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = randomInt(FREE_PORTS.from, FREE_PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port among ${PORT_TRIES} between ${FREE_PORTS.from} and ${FREE_PORTS.to}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

/** Calls `look` until it gives something other than undefined or false. The error says what was awaited. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  pollMs = 50,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await sleep(pollMs);
  }
}

function launch(command: readonly string[], options: StartOptions): ChildProcess {
  const inside = options.namespace === undefined ? [] : ["ip", "netns", "exec", options.namespace];
  // pdeathsig survives exec: the kernel ends the child when this process is killed without a chance to clean up.
  const [program, ...rest] = ["setpriv", "--pdeathsig", "KILL", "--", ...inside, ...command];
  const child = spawn(program as string, rest, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    detached: true,
  });
  child.on("error", () => undefined);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(options.input);
  return child;
}

/** A forgotten child must not keep the test process alive: at its exit the child is killed. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as { unref?: () => void } | null)?.unref?.();
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone.
  }
}

/** Reads the socket tables of the namespace that the process is in; no packet is sent. */
function isListening(pid: number, port: number, transport: "tcp" | "udp"): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const states = transport === "tcp" ? ["0A"] : ["07"];
  for (const table of [transport, `${transport}6`]) {
    let text: string;
    try {
      text = readFileSync(`/proc/${pid}/net/${table}`, "utf8");
    } catch {
      continue;
    }
    for (const line of text.split("\n").slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (local?.endsWith(wanted) && states.includes(state ?? "")) return true;
    }
  }
  return false;
}
