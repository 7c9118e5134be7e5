/**
 * A terminal that runs elsewhere, in this one: for endpoints whose contract says `terminal`. What is typed goes there
 * as it is, and what comes is shown as it is; the window's size follows, and the command's exit code is ours.
 */
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { Endpoint } from "../kernel/contract.ts";
import { Failure } from "../kernel/errors.ts";
import type { Language } from "../kernel/words.ts";
import { say } from "../kernel/words.ts";
import { shortSocketPath } from "../platform/web/socket-path.ts";
import { addressOf, cliErrors } from "./call.ts";
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
  error?: { code: string; params: Record<string, string | number> };
}

/** Whether the line was closed from here. */
interface Left {
  isLeft: boolean;
}

/** Messages to a box are shorter than its limit. */
const PIECE_BYTES = 16 * 1024;
const END_OF_TRANSMISSION = Buffer.from([4]);
const FAILED = 1;

/** Ends with the command, whose exit code the program then ends with, or with `~.`, which is 0. Throws failures. */
export async function runTerminal({ data, endpoint, input, json, language }: TerminalAsked): Promise<void> {
  const file = join(data, "comu.sock");
  if (!existsSync(file)) throw cliErrors.fail("box-not-running", { params: { data } });
  const { columns, rows } = process.stdout;
  // A terminal that nobody looks at may have no size.
  const window = columns > 0 && rows > 0 ? { columns, rows } : {};
  const socket = shortSocketPath(file);
  const { path } = addressOf(endpoint, { ...window, ...input });
  const line = new WebSocket(`ws://localhost${path}`, {
    ...{ createConnection: () => connect(socket.path), perMessageDeflate: false },
    headers: { "x-comu-language": language },
  });
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
    if (exitCode !== undefined) process.exitCode = exitCode >= 0 && exitCode <= 255 ? exitCode : FAILED;
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
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      stdin.pause();
      line.send(bytes.subarray(at, at + PIECE_BYTES), () => line.bufferedAmount === 0 && stdin.resume());
    }
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
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.once("end", () => reject(failureOf((JSON.parse(text) as Last).error!, answer.statusCode!)));
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
      if (last?.error) reject(failureOf(last.error, FAILED));
      else if (left.isLeft || last?.end) resolve(last?.end?.exitCode);
      else broken();
    });
  });
}

const failureOf = ({ code, params }: NonNullable<Last["error"]>, status: number) => new Failure(code, status, params);
