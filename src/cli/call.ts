/**
 * One call to the running box over the Unix socket in its data folder.
 */
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { Endpoint } from "../kernel/contract.ts";
import { defineErrors, Failure } from "../kernel/errors.ts";
import { shortSocketPath } from "../platform/web/server.ts";

export const cliErrors = defineErrors({
  "box-not-running": 503,
  "password-file-unreadable": 400,
  "setup-incomplete": 400,
  "demo-box-failed": 500,
  "yes-needed": 400,
});

/** A box that does not answer within this time is taken for stuck. Joining a far community may take long. */
const CALL_TIMEOUT_MS = 90_000;
/** A larger answer is a bug. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export async function callBox(
  data: string,
  endpoint: Endpoint,
  input: Record<string, unknown>,
  language: string,
): Promise<unknown> {
  const rest = { ...input };
  const path = endpoint.path.replaceAll(/:(\w+)/g, (_whole, key: string) => {
    const value = encodeURIComponent(String(rest[key]));
    delete rest[key];
    return value;
  });
  const reads = endpoint.method === "GET" || endpoint.method === "DELETE";
  const query = reads
    ? new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)])).toString()
    : "";
  const answer = await send(data, {
    method: endpoint.method,
    path: `/api/v1${path}${query ? `?${query}` : ""}`,
    language,
    body: reads ? undefined : JSON.stringify(rest),
  });
  if (answer.status < 400) return answer.body;
  const { code, params } = (answer.body as { error: { code: string; params: Record<string, string | number> } }).error;
  throw new Failure(code, answer.status, params);
}

interface Sent {
  method: string;
  path: string;
  language: string;
  body: string | undefined;
}

function send(data: string, sent: Sent): Promise<{ status: number; body: unknown }> {
  const file = join(data, "comu.sock");
  if (!existsSync(file)) return Promise.reject(cliErrors.fail("box-not-running", { params: { data } }));
  const socket = shortSocketPath(file);
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost", "x-comu-language": sent.language, "content-type": "application/json" };
    const call = request({
      socketPath: socket.path,
      method: sent.method,
      path: sent.path,
      headers,
      timeout: CALL_TIMEOUT_MS,
    });
    call.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_BYTES_MAX) call.destroy(new Error("the answer is too large"));
        chunks.push(chunk);
      });
      response.on("end", () =>
        resolve({ status: response.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) as unknown }),
      );
    });
    call.on("timeout", () => call.destroy(new Error("no answer in time")));
    call.on("error", (cause) => reject(cliErrors.fail("box-not-running", { params: { data }, cause })));
    call.end(sent.body);
  }).finally(socket.release) as Promise<{ status: number; body: unknown }>;
}

/** The first line of a file that holds a secret. Throws `password-file-unreadable`. */
export function firstLine(file: string): string {
  try {
    return readFileSync(file, "utf8").split(/\r?\n/, 1)[0]!;
  } catch (cause) {
    throw cliErrors.fail("password-file-unreadable", { params: { file }, cause });
  }
}
