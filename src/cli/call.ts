/**
 * One call to the running box over the Unix socket in its data folder.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint } from "../kernel/contract.ts";
import { defineErrors, Failure } from "../kernel/errors.ts";
import { shortSocketPath } from "../platform/web/socket-path.ts";

export const cliErrors = defineErrors({
  "box-not-running": 503,
  "password-file-unreadable": 400,
  /** Params: file. */
  "file-unreadable": 400,
  "file-not-written": 400,
  /** It became another one while it was fetched. Params: path. */
  "file-changed": 409,
  /** The box could not store it, and does not say why. */
  "upload-failed": 500,
  "value-missing": 400,
  /** Params: count. What was not refused was taken. */
  "lines-refused": 400,
  "setup-incomplete": 400,
  "demo-box-failed": 500,
  "yes-needed": 400,
});

/**
 * Importing `node:http` as a module touches everything in it, also what loads a second HTTP client: 50 ms of the time
 * that a command takes. Got like this, only what is used is loaded.
 */
export const { request } = process.getBuiltinModule("node:http");
/** As a shell counts a program that Ctrl-C has ended. */
export const EXIT_INTERRUPTED = 130;
/** A box that does not answer within this time is taken for stuck. Joining a far community may take long. */
const CALL_TIMEOUT_MS = 90_000;
/** A larger answer is a bug. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** The answer of an endpoint that answers JSON. `bytes`: the body, where the endpoint takes one. */
export async function callBox(
  data: string,
  endpoint: Endpoint,
  input: Record<string, unknown>,
  language: string,
  bytes?: Uint8Array,
): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of await openAnswer(data, endpoint, input, language, bytes)) {
    size += chunk.length;
    if (size > ANSWER_BYTES_MAX) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
}

/**
 * The bytes of an answer as they come; errors are thrown before the first. What was begun and not ended throws
 * `box-not-running`.
 */
export async function openAnswer(
  data: string,
  endpoint: Endpoint,
  input: Record<string, unknown>,
  language: string,
  bytes?: Uint8Array,
): Promise<AsyncGenerator<Buffer>> {
  const { path, rest } = addressOf(endpoint, input);
  const { status, pieces } = await send(data, {
    method: endpoint.method,
    path,
    language,
    type: endpoint.bytes ? "application/octet-stream" : "application/json",
    body: endpoint.bytes ? bytes : rest && JSON.stringify(rest),
    timeoutMs: endpoint.cli?.patient ? 0 : CALL_TIMEOUT_MS,
  });
  if (status < 400) return pieces;
  throw await refusalOf(status, pieces);
}

/** What an answer that is an error says. */
export async function refusalOf(status: number, pieces: AsyncIterable<Buffer>): Promise<Failure> {
  let text = "";
  for await (const piece of pieces) text += piece.toString();
  const { error } = JSON.parse(text) as { error: ToldError };
  return new Failure(error.code, status, error.params);
}

/** An error as a box tells it, so far as a command needs it. */
export interface ToldError {
  code: string;
  params: Record<string, string | number>;
}

/** Path and query, and what is left for a body of JSON where there is one. */
export function addressOf(
  endpoint: Endpoint,
  input: Record<string, unknown>,
): { path: string; rest: Record<string, unknown> | undefined } {
  const rest = { ...input };
  const path = endpoint.path.replaceAll(/:(\w+)/g, (_whole, key: string) => {
    const value = encodeURIComponent(String(rest[key]));
    delete rest[key];
    return value;
  });
  const inQuery = endpoint.method === "GET" || endpoint.method === "DELETE" || endpoint.bytes !== undefined;
  if (!inQuery) return { path: `/api/v1${path}`, rest };
  const query = new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)])).toString();
  return { path: `/api/v1${path}${query ? `?${query}` : ""}`, rest: undefined };
}

/** Whether one seems to; it may have been killed. */
export function isRunning(data: string): boolean {
  return existsSync(join(data, "comu.sock"));
}

interface Sent {
  method: string;
  path: string;
  language: string;
  type: string;
  body: string | Uint8Array | undefined;
  /** Without a byte; 0: for ever. */
  timeoutMs: number;
}

function send(data: string, sent: Sent): Promise<{ status: number; pieces: AsyncGenerator<Buffer> }> {
  const file = join(data, "comu.sock");
  if (!isRunning(data)) return Promise.reject(cliErrors.fail("box-not-running", { params: { data } }));
  const socket = shortSocketPath(file);
  return new Promise<{ status: number; pieces: AsyncGenerator<Buffer> }>((resolve, reject) => {
    const headers = { host: "localhost", "x-comu-language": sent.language, "content-type": sent.type };
    const call = request({
      socketPath: socket.path,
      // Of TLS: else Node asks whether the host is an address, and first makes the largest of its patterns for that.
      ...{ servername: "" },
      method: sent.method,
      path: sent.path,
      headers,
      timeout: sent.timeoutMs,
    });
    let unreadBytes = () => 0;
    call.on("response", (response) => {
      unreadBytes = () => response.readableLength;
      resolve({ status: response.statusCode!, pieces: piecesOf(response, data) });
    });
    // Where something waits to be read it is we who are slow, or the pager behind us.
    call.on("timeout", () => void (unreadBytes() === 0 && call.destroy(new Error("no answer in time"))));
    call.on("error", (cause) => reject(cliErrors.fail("box-not-running", { params: { data }, cause })));
    call.end(sent.body);
  }).finally(socket.release);
}

async function* piecesOf(response: AsyncIterable<Buffer>, data: string): AsyncGenerator<Buffer> {
  try {
    yield* response;
  } catch (cause) {
    throw cliErrors.fail("box-not-running", { params: { data }, cause });
  }
}

/** The first line of a file that holds a secret. Throws `password-file-unreadable`. */
export function firstLine(file: string): string {
  try {
    return readFileSync(file, "utf8").split(/\r?\n/, 1)[0]!;
  } catch (cause) {
    throw cliErrors.fail("password-file-unreadable", { params: { file }, cause });
  }
}
