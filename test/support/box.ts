/**
 * A real box as a process of its own: started by the launcher with flags, in a network namespace when one is given,
 * asked over its Unix socket, by its command line, or over the network as any stranger would. It can be killed,
 * stopped and started again on the same data.
 */
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./at-exit.ts";
import { eventually, freePort, run, start } from "./process.ts";
import type { Exit, Owner, Running, RunResult } from "./process.ts";

/** What starts a box and gives it commands; the only place that knows. */
export const COMU_COMMAND: readonly string[] = [fileURLToPath(new URL("../../comu", import.meta.url))];

/** The first start may have to build the program. */
export const UP_TIMEOUT_MS = 120_000;
export const CLI_TIMEOUT_MS = 150_000;
export const ASK_TIMEOUT_MS = 60_000;
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;
const PASSWORD = "correct horse battery";

export interface BoxOptions {
  name: string;
  /** The person whose box it is. */
  owner: string;
  /** Founds a community of this name, or joins one with a code. */
  newCommunity?: string;
  join?: string;
  zone?: string;
  /** By default a temporary folder. */
  data?: string;
  /** By default free ports of the loopback address, and the standard ones in a namespace. */
  port?: number;
  meshPort?: number;
  /** By default 127.0.0.1. */
  bind?: string;
  namespace?: string;
  env?: Record<string, string>;
  /** A test's context: the box is stopped when that ends. */
  until?: Owner;
}

export interface Answer<T = unknown> {
  status: number;
  body: T;
}

/** An answer of the command line that is an error: its exit code and its stable error code. */
export class CommandRefused extends Error {
  readonly exitCode: number | null;
  readonly code: string;
  constructor(command: string, result: RunResult) {
    super(`comu ${command} ended with ${result.code}: ${result.stderr.trim()}`);
    this.exitCode = result.code;
    this.code = result.stderr.match(/^[a-z][a-z0-9-]*/)?.[0] ?? "";
  }
}

export class Box {
  readonly name: string;
  readonly data: string;
  readonly port: number;
  readonly meshPort: number;
  readonly bind: string;
  readonly namespace: string | undefined;
  process: Running | undefined;
  private readonly env: Record<string, string>;
  private readonly firstFlags: readonly string[];

  constructor(options: BoxOptions & { data: string; port: number; meshPort: number; bind: string }) {
    this.name = options.name;
    this.data = options.data;
    this.port = options.port;
    this.meshPort = options.meshPort;
    this.bind = options.bind;
    this.namespace = options.namespace;
    this.env = { COMU_PROFILE: "test", ...options.env };
    this.firstFlags = firstFlags(options);
  }

  get url(): string {
    return `http://${this.bind}:${this.port}`;
  }

  get running(): boolean {
    return this.process !== undefined && !this.process.exit;
  }

  /** The first start, with name, owner and community. */
  async setUp(): Promise<void> {
    await this.up(this.firstFlags);
  }

  /** Starts again on the same data; the box remembers who it is and which community it is in. */
  async restart(): Promise<void> {
    if (this.running) await this.stop();
    await this.up([]);
  }

  async stop(): Promise<Exit | undefined> {
    return this.process?.stop();
  }

  /** kill -9. */
  async kill(): Promise<Exit | undefined> {
    return this.process?.kill();
  }

  /** One HTTP request over the Unix socket in the data folder, where the caller is the host of the box. */
  async ask<T = unknown>(path: string, options: { method?: string; body?: unknown } = {}): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      const call = request({
        socketPath: join(this.data, "comu.sock"),
        path,
        method: options.method ?? "GET",
        headers: { host: "localhost", "content-type": "application/json" },
        timeout: ASK_TIMEOUT_MS,
        agent: false,
      });
      call.once("timeout", () => call.destroy(new Error(`${this.name} gave no answer to ${path}`)));
      call.once("error", reject);
      call.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: parse(text) as T });
        });
      });
      call.end(options.body === undefined ? undefined : JSON.stringify(options.body));
    });
  }

  /** As `ask` below /api/v1; an answer that is an error is thrown. */
  async api<T = unknown>(path: string, options: { method?: string; body?: unknown } = {}): Promise<T> {
    const { status, body } = await this.ask<T>(`/api/v1${path}`, options);
    if (status >= 400) throw new Error(`${this.name}: ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** A command of `comu` for this box; `--data` is added, and with `--json` among the words the answer is parsed. */
  async cli<T = unknown>(words: readonly string[]): Promise<T> {
    const command = [...COMU_COMMAND, ...words, "--data", this.data];
    const result = await run(command, { namespace: this.namespace, env: this.env, timeoutMs: CLI_TIMEOUT_MS });
    if (result.code !== 0) throw new CommandRefused(words.join(" "), result);
    return (words.includes("--json") ? JSON.parse(result.stdout) : result.stdout) as T;
  }

  /** One request over the network as a stranger, from the box's own namespace or from another one. */
  async fetch(path: string, from = this.namespace): Promise<Answer<string>> {
    const command = ["curl", "-sS", "--max-time", String(ASK_TIMEOUT_MS / 1000), "-w", "\n%{http_code}"];
    const result = await run([...command, `${this.url}${path}`], { namespace: from });
    if (result.code !== 0) throw new Error(`${this.url}${path}: ${result.stderr.trim()}`);
    const cut = result.stdout.lastIndexOf("\n");
    return { status: Number(result.stdout.slice(cut + 1)), body: result.stdout.slice(0, cut) };
  }

  private async up(flags: readonly string[]): Promise<void> {
    if (this.running) throw new Error(`${this.name} runs already`);
    const where = ["--port", String(this.port), "--mesh-port", String(this.meshPort), "--bind", this.bind];
    const command = [...COMU_COMMAND, "up", "--json", ...flags, "--data", this.data, ...where];
    const started = start(command, { name: this.name, namespace: this.namespace, env: this.env });
    this.process = started;
    // Printed when set-up is done: the box answers before that, while it still joins. When the box ends instead,
    // the error holds what it said.
    await started.waitForLine(/^\{"url":.*"setUp":true/, UP_TIMEOUT_MS);
    await eventually(
      `${this.name} answers /healthz`,
      READY_TIMEOUT_MS,
      async () => {
        return (await this.ask("/healthz")).status === 200;
      },
      READY_POLL_MS,
    );
    await started.waitForPort(this.port);
  }
}

/** Starts a box and waits until it answers. */
export async function startBox(options: BoxOptions): Promise<Box> {
  const inside = options.namespace !== undefined;
  const box = new Box({
    ...options,
    data: options.data ?? temporaryFolder("box"),
    port: options.port ?? (inside ? 7000 : await freePort()),
    meshPort: options.meshPort ?? (inside ? 7946 : await freePort()),
    bind: options.bind ?? "127.0.0.1",
  });
  options.until?.after(async () => {
    await box.stop();
  });
  await box.setUp();
  return box;
}

function firstFlags(options: BoxOptions & { data: string }): string[] {
  if ((options.newCommunity === undefined) === (options.join === undefined)) {
    throw new Error(`${options.name}: either a new community or a code to join one`);
  }
  const passwordFile = join(temporaryFolder("password"), "password");
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const flags = ["--name", options.name, "--owner", options.owner, "--password-file", passwordFile];
  if (options.newCommunity !== undefined) flags.push("--new-community", options.newCommunity);
  if (options.join !== undefined) flags.push("--join", options.join);
  if (options.zone !== undefined) flags.push("--zone", options.zone);
  return flags;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
