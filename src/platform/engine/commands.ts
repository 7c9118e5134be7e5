/**
 * Commands in a container, and its console: each end is a stream of bytes over a web socket of its own, and one more
 * carries the size of the window and signals.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import type { WebSocket } from "ws";
import { z } from "zod";
import { Failure, fail as kernelFail, isFailure } from "../../kernel/errors.ts";
import { checked, collect } from "./answers.ts";
import { byteChannel, messageChannel } from "./channel.ts";
import type { Messages } from "./channel.ts";
import { COMMAND_BYTES_MAX, CONSOLE_LOG_BYTES_MAX, RUN_OUTPUT_BYTES_MAX, RUN_TIMEOUT_MS } from "./constants.ts";
import { fail } from "./errors.ts";
import type { About } from "./errors.ts";
import { instanceName } from "./names.ts";
import { waitFor } from "./operations.ts";
import type { Transport } from "./transport.ts";

export interface CommandOptions {
  /** Its window; without one it has no terminal. With one, both outputs come as `stdout`. */
  terminal?: { columns: number; rows: number };
  environment?: Readonly<Record<string, string>>;
  folder?: string;
  /** Numbers inside the container; 0 by default. */
  user?: number;
  group?: number;
  /** Ends it by force. */
  signal?: AbortSignal;
}

export interface Command {
  stdin: Writable;
  stdout: Readable;
  /** Ends at once where there is a terminal. */
  stderr: Readable | undefined;
  resize(columns: number, rows: number): void;
  /** A signal's number. */
  kill(signal: number): void;
  /** Its exit code: 128 and the signal's number when a signal ended it, 126 or 127 when it could not be run. */
  ended: Promise<number>;
}

export interface RunResult {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
}

export interface RunOptions extends Omit<CommandOptions, "terminal"> {
  input?: Uint8Array | string;
  /** 60 s; it is killed then, and `engine-timeout` thrown. */
  timeoutMs?: number;
  /** Of each output, 1 MB; `engine-answer-too-large` beyond it. */
  outputBytesMax?: number;
}

export interface Console {
  stream: Duplex;
  resize(columns: number, rows: number): void;
  /** When the container stops, or the stream is ended. */
  ended: Promise<void>;
}

export interface Commands {
  /** Must be running: `instance-state`. */
  begin(name: string, command: readonly string[], options?: CommandOptions): Promise<Command>;
  /** Runs to its end, with all output. An exit code other than 0 is a result. */
  run(name: string, command: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The container's own terminal, where it asks for a login. One at a time. */
  console(name: string, window: { columns: number; rows: number }, signal?: AbortSignal): Promise<Console>;
  /**
   * While it runs, what it wrote on its console since this was asked last, up to 128 KB: the engine tells it once. Of
   * a stopped one all that it wrote, or nothing if it never ran.
   */
  consoleLog(name: string): Promise<string>;
}

const SIGKILL = 9;
/** Of a shell, for a command that is not there, and for one that cannot be executed. */
const [NOT_FOUND, NOT_EXECUTABLE] = [127, 126];
/** A command ends when it ends: who wants less aborts. */
const FOR_EVER_MS = Number.MAX_SAFE_INTEGER;
const begun = z.object({ metadata: z.object({ fds: z.record(z.string(), z.string()) }) });
const finished = z.object({ return: z.number() });

export function commands(transport: Transport): Commands {
  const { clock } = transport;
  const about = (name: string): About => ({ kind: "instance", name });

  const dial = (operation: string, secret: string | undefined, signal?: AbortSignal): Promise<WebSocket> => {
    if (secret === undefined) throw fail("engine-garbled", { params: { what: "a command" } });
    const kind = { kind: "operation", name: operation } as const;
    return transport.upgrade({ path: `/operations/${operation}/websocket`, query: { secret }, about: kind, signal });
  };

  /**
   * Asks for it and connects all its ends, the control first: with the others the engine begins. Those already open
   * are closed when one cannot be.
   */
  const connect = async (name: string, path: string, json: object, wanted: readonly string[], signal?: AbortSignal) => {
    const answer = await transport.ask({ method: "POST", path, json, about: about(name), signal });
    const operation = answer.operation ?? "";
    const { fds } = checked(begun, answer.metadata, "a command").metadata;
    const open: WebSocket[] = [];
    try {
      for (const end of wanted) open.push(await dial(operation, fds[end], signal));
    } catch (error) {
      for (const one of open) one.terminate();
      throw error;
    }
    return { operation, ends: open };
  };

  const controlOf = (line: WebSocket): Messages => messageChannel(line, clock, { message: () => {}, closed: () => {} });

  const begin: Commands["begin"] = async (name, command, options = {}) => {
    const json = { ...bodyOf(command, options) };
    const interactive = options.terminal !== undefined;
    const wanted = interactive ? ["control", "0"] : ["control", "0", "1", "2"];
    const path = `/instances/${instanceName(name)}/exec`;
    const { operation, ends } = await connect(name, path, json, wanted, options.signal);
    const control = controlOf(ends[0]!);
    const streams = ends.slice(1).map((one) => byteChannel(one, clock));
    // Who reads none of them learns of a broken line from `ended`.
    for (const stream of streams) stream.on("error", () => {});
    // What a command writes when nobody listens to its input is no reason to keep it open.
    if (!interactive) streams[0]!.resume();
    const kill = (signal: number) => control.send(JSON.stringify({ command: "signal", signal }));
    const abort = () => kill(SIGKILL);
    options.signal?.addEventListener("abort", abort, { once: true });
    if (options.signal?.aborted) abort();
    const kind: About = { kind: "command", name: command[0]!, instance: name };
    const ended = waitFor(transport, operation, { about: kind, timeoutMs: FOR_EVER_MS })
      .then((metadata) => checked(finished, metadata, "the end of a command").return)
      .catch(notRun)
      .finally(() => {
        options.signal?.removeEventListener("abort", abort);
        control.close();
      });
    ended.catch(() => {
      for (const stream of streams) stream.destroy();
    });
    return {
      ...{ stdin: streams[0]!, stdout: streams[interactive ? 0 : 1]!, stderr: interactive ? undefined : streams[2] },
      resize: (columns, rows) => control.send(resized(columns, rows)),
      ...{ kill, ended },
    };
  };

  return {
    begin,
    async run(name, command, options = {}) {
      const stop = new AbortController();
      const timeoutMs = options.timeoutMs ?? RUN_TIMEOUT_MS;
      const late = fail("engine-timeout", { params: { seconds: Math.round(timeoutMs / 1000) } });
      const cancel = clock.after(timeoutMs, () => stop.abort(late));
      const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
      try {
        const running = await begin(name, command, { ...options, signal });
        return await outcome(running, options, signal);
      } finally {
        cancel();
      }
    },
    async console(name, window, signal) {
      const path = `/instances/${instanceName(name)}/console`;
      const json = { type: "console", width: window.columns, height: window.rows };
      const { operation, ends } = await connect(name, path, json, ["control", "0"], signal);
      const control = controlOf(ends[0]!);
      const stream = byteChannel(ends[1]!, clock);
      stream.on("error", () => {});
      // Closing the control is how the engine is told that nobody looks any more; without it, it would wait for ever.
      stream.once("finish", () => control.close());
      stream.once("close", () => control.close());
      const close = () => stream.destroy();
      signal?.addEventListener("abort", close, { once: true });
      const ended = waitFor(transport, operation, { about: about(name), timeoutMs: FOR_EVER_MS })
        .then(() => {})
        .catch((error: unknown) => {
          // Ended from here, the engine may stumble over its own closed terminal.
          if (!stream.destroyed && !stream.writableEnded) throw error;
        })
        .finally(() => {
          signal?.removeEventListener("abort", close);
          close();
        });
      ended.catch(() => {});
      return { stream, resize: (columns, rows) => control.send(resized(columns, rows)), ended };
    },
    async consoleLog(name) {
      const path = `/instances/${instanceName(name)}/console`;
      const answer = await transport.stream({ path, about: about(name) }).catch(nothingWritten);
      if (answer === undefined) return "";
      const { body } = answer;
      const broken = (cause: unknown) => fail("engine-garbled", { params: { what: "a console" }, cause });
      return (await collect(body, CONSOLE_LOG_BYTES_MAX, broken)).toString("utf8");
    },
  };
}

async function outcome(running: Command, options: RunOptions, signal: AbortSignal): Promise<RunResult> {
  const bytesMax = options.outputBytesMax ?? RUN_OUTPUT_BYTES_MAX;
  const output = async (stream: Readable) => {
    try {
      return await collect(stream, bytesMax, (cause) => fail("engine-interrupted", { cause }));
    } catch (error) {
      // One that says too much is ended; of one that could not be run at all the outputs break, and `ended` tells.
      running.kill(SIGKILL);
      return error;
    }
  };
  running.stdin.end(options.input);
  const outputs = [output(running.stdout), output(running.stderr!)];
  const exitCode = await running.ended.finally(() => signal.throwIfAborted());
  const [stdout, stderr] = await Promise.all(outputs);
  signal.throwIfAborted();
  const bad = [stdout, stderr].find((one) => !Buffer.isBuffer(one));
  if (bad === undefined) return { exitCode, stdout: stdout as Buffer, stderr: stderr as Buffer };
  if (exitCode !== NOT_FOUND && exitCode !== NOT_EXECUTABLE) throw bad;
  return { exitCode, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
}

/** The engine has no other word for a console that says nothing new. */
function nothingWritten(error: unknown): undefined {
  if (isFailure(error, "engine-failed") && /^open .*: no such file/.test(String(error.params["said"])))
    return undefined;
  throw error;
}

/** As a shell says it; the engine has no exit code for it, but a sentence. */
function notRun(error: unknown): number {
  if (isFailure(error, "engine-has-no")) return NOT_FOUND;
  if (error instanceof Failure && /command not executable/i.test(String(error.cause))) return NOT_EXECUTABLE;
  throw error;
}

function bodyOf(command: readonly string[], options: CommandOptions): object {
  const environment = options.environment ?? {};
  const words = [...command, ...Object.entries(environment).flat()];
  const bytes = words.reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
  if (command.length === 0 || bytes > COMMAND_BYTES_MAX || words.some((word) => word.includes("\0"))) {
    throw kernelFail("bad-input", { params: { field: "command", reason: `1 word to ${COMMAND_BYTES_MAX} bytes` } });
  }
  const window = options.terminal ? { width: options.terminal.columns, height: options.terminal.rows } : {};
  return {
    ...{ command, environment, "wait-for-websocket": true, interactive: options.terminal !== undefined, ...window },
    ...{ cwd: options.folder ?? "", user: options.user ?? 0, group: options.group ?? 0 },
  };
}

const resized = (columns: number, rows: number) =>
  JSON.stringify({ command: "window-resize", args: { width: String(columns), height: String(rows) } });
