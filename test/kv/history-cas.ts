/** Compare and set for a recorded history: Redis has no such command, so it goes over the box's own socket. */
import { request } from "node:http";
import type { Reach } from "./history-clients.ts";

/** Promise that nothing was done. Whatever else fails is taken for not known. */
const NOT_DONE = new Set(["kv-off", "kv-failed", "kv-no-majority", "kv-too-many", "kv-full", "too-many-requests"]);
/** The socket of a box that is not there; nothing was sent. */
const NOT_THERE = new Set(["ENOENT", "ECONNREFUSED"]);

/** `expect` null: that the key is not there. */
export function casThrough(socketPath: string): Reach["cas"] {
  return async (key, expect, value, { timeoutMs, tellOdd }) => {
    const [path, body] =
      expect === null
        ? ["/api/v1/kv/entry", { key, value, ifAbsent: "true" }]
        : ["/api/v1/kv/cas", { key, value, expect }];
    let answer: { status: number; text: string };
    try {
      answer = await post(socketPath, path, body, timeoutMs);
    } catch (cause) {
      return NOT_THERE.has(String((cause as NodeJS.ErrnoException).code)) ? "fail" : "info";
    }
    if (answer.status === 200) return true;
    const code = errorCode(answer.text);
    if (code === "kv-condition") return false;
    if (NOT_DONE.has(code)) return "fail";
    if (code !== "kv-unknown") tellOdd(`${path} answered ${answer.status}: ${answer.text}`);
    return "info";
  };
}

function errorCode(text: string): string {
  try {
    return String((JSON.parse(text) as { error?: { code?: unknown } }).error?.code);
  } catch {
    return "";
  }
}

function post(socketPath: string, path: string, body: object, timeoutMs: number) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { host: "localhost", "content-type": "application/json" };
    const signal = AbortSignal.timeout(timeoutMs);
    const call = request({ socketPath, path, method: "POST", headers, agent: false, signal });
    call.once("error", reject);
    call.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    call.end(JSON.stringify(body));
  });
}
