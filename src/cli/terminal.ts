/**
 * A terminal that runs elsewhere, in this one: for endpoints whose contract says `terminal`. What is typed goes there
 * as it is, and what comes is shown as it is; the window's size follows, and the command's exit code is ours.
 */
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
import type { Endpoint } from "../kernel/contract.ts";
import { Failure } from "../kernel/errors.ts";
import type { Language } from "../kernel/words.ts";
import { say } from "../kernel/words.ts";
import { shortSocketPath } from "../platform/web/socket-path.ts";
import { addressOf, cliErrors, refusalOf } from "./call.ts";
import type { ToldError } from "./call.ts";
import { ownExitCode } from "./print.ts";
import { createEscapeReader } from "./terminal-escape.ts";
import { words } from "./words.ts";

export interface TerminalAsked {
  data: string;
  endpoint: Endpoint;
  input: Record<string, unknown>;
  json: boolean;
  language: Language;
}

/** What a box says by text. */
interface Last {
  opened?: true;
  end?: { exitCode: number };
  error?: ToldError;
}

/** Whether the line was closed from here. */
interface Left {
  isLeft: boolean;
}

/** Messages to a box are shorter than its limit. */
const PIECE_BYTES = 16 * 1024;
/** Typed, and not taken yet. Beyond it nothing more is read, not even `~.`. */
export const TYPED_WAITING_BYTES_MAX = 1024 * 1024;
const END_OF_TRANSMISSION = Buffer.from([4]);
/** Whoever leaves does not wait longer for a box that hangs. */
const GOODBYE_MS = 2_000;
/** Of a failure over the open line, which has no HTTP status. */
const STATUS_UNKNOWN = 500;

/** Ends with the command, whose exit code the program then ends with, or with `~.`, which is 0. Throws failures. */
export async function runTerminal({ data, endpoint, input, json, language }: TerminalAsked): Promise<void> {
  const file = join(data, "comu.sock");
  if (!existsSync(file)) throw cliErrors.fail("box-not-running", { params: { data } });
  const { columns, rows } = process.stdout;
  // A terminal that nobody looks at may have no size.
  const window = columns > 0 && rows > 0 ? { columns, rows } : {};
  const socket = shortSocketPath(file);
  const { path } = addressOf(endpoint, { ...window, ...input });
  const options: ClientOptions & { closeTimeout: number } = {
    ...{ createConnection: () => connect(socket.path), perMessageDeflate: false, closeTimeout: GOODBYE_MS },
    headers: { "x-comu-language": language },
  };
  const line = new WebSocket(`ws://localhost${path}`, options);
  const { stdin } = process;
  const begin = () => {
    if (stdin.isTTY) {
      if (!json) process.stderr.write(`${say(words, language, "cli.terminal-leave")}\n`);
      stdin.setRawMode(true);
    }
    process.stdout.on("resize", () => {
      line.send(JSON.stringify({ columns: process.stdout.columns, rows: process.stdout.rows }));
    });
    type(line, left);
  };
  const left = { isLeft: false };
  try {
    const exitCode = await talk(line, data, left, begin);
    if (exitCode !== undefined) process.exitCode = ownExitCode(exitCode);
  } finally {
    socket.release();
    if (stdin.isTTY) stdin.setRawMode(false);
    // Nothing is read any more: else a keyboard that is still there would keep the program alive.
    stdin.destroy();
    process.stdout.removeAllListeners("resize");
    line.terminate();
  }
}

/** What is typed, at the pace of who reads. */
function type(line: WebSocket, left: Left): void {
  const { stdin } = process;
  const escapes = stdin.isTTY ? createEscapeReader() : undefined;
  stdin.on("data", (chunk: Buffer) => {
    const { bytes, leave } = escapes?.push(chunk) ?? { bytes: chunk, leave: false };
    const mayGoOn = () => line.bufferedAmount <= TYPED_WAITING_BYTES_MAX;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      line.send(bytes.subarray(at, at + PIECE_BYTES), () => void (mayGoOn() && stdin.resume()));
    }
    if (!mayGoOn()) stdin.pause();
    if (!leave) return;
    left.isLeft = true;
    line.close();
  });
  // A file or a pipe that ends is what Ctrl-D is at a keyboard.
  stdin.on("end", () => line.send(END_OF_TRANSMISSION, () => {}));
}

/** Until the end: the exit code, undefined when we left. `begin`: something is there to type into. */
function talk(line: WebSocket, data: string, left: Left, begin: () => void): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let last: Last | undefined;
    const broken = (cause?: unknown) => reject(cliErrors.fail("box-not-running", { params: { data }, cause }));
    line.on("error", broken);
    line.once("unexpected-response", (_request, answer) => {
      refusalOf(answer.statusCode!, answer).then(reject, broken);
    });
    line.on("message", (message, isBinary) => {
      if (!isBinary) {
        last = JSON.parse((message as Buffer).toString()) as Last;
        if (last.opened) begin();
      } else if (!process.stdout.write(message as Buffer)) {
        line.pause();
        process.stdout.once("drain", () => line.resume());
      }
    });
    line.once("close", () => {
      if (last?.error) reject(new Failure(last.error.code, STATUS_UNKNOWN, last.error.params));
      else if (left.isLeft || last?.end) resolve(last?.end?.exitCode);
      else broken();
    });
  });
}
