/**
 * Who calls a box over the network: one account, or nobody, with an address of its own on the loopback network, so
 * that the rate limits of one caller do not stop another.
 */
import { request } from "node:http";
import type { Endpoint, Role } from "../../src/kernel/contract.ts";
import type { Language } from "../../src/kernel/words.ts";

const ANSWER_TIMEOUT_MS = 20_000;

export interface Answer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: unknown;
}

export interface ErrorBody {
  error: { code: string; message: string; advice: string; params: Record<string, string | number> };
}

export interface CallOptions {
  language?: Language;
  /** Added to the usual ones; undefined takes one out. */
  headers?: Record<string, string | undefined>;
  /** Sent as it is instead of the input. */
  rawBody?: string;
}

export class Caller {
  readonly role: Role;
  private readonly url: string;
  private readonly from: string;
  private cookie: string | undefined;
  private csrf: string | undefined;

  constructor(role: Role, url: string, from: string) {
    this.role = role;
    this.url = url;
    this.from = from;
  }

  /** Calls an endpoint as a page would. */
  async call(endpoint: Endpoint, input: Record<string, unknown>, options: CallOptions = {}): Promise<Answer> {
    const rest = { ...input };
    const path = endpoint.path.replaceAll(/:(\w+)/g, (_whole, key: string) => {
      const value = encodeURIComponent(String(rest[key]));
      delete rest[key];
      return value;
    });
    const reads = endpoint.method === "GET" || endpoint.method === "DELETE" || endpoint.bytes !== undefined;
    const pairs = Object.entries(rest).map(([key, value]) => [key, String(value)]);
    const query = reads && pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : "";
    const body = options.rawBody ?? (reads ? undefined : JSON.stringify(rest));
    const answer = await this.send(endpoint.method, `/api/v1${path}${query}`, body, options);
    this.take(answer);
    return answer;
  }

  private send(method: string, path: string, body: string | undefined, options: CallOptions): Promise<Answer> {
    const headers: Record<string, string | undefined> = {
      "content-type": body === undefined ? undefined : "application/json",
      "content-length": body === undefined ? undefined : String(Buffer.byteLength(body)),
      "x-comu-language": options.language ?? "en",
      origin: method === "GET" ? undefined : this.url,
      cookie: this.cookie,
      "x-comu-csrf": this.csrf,
      ...options.headers,
    };
    const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return new Promise((resolve, reject) => {
      const call = request(`${this.url}${path}`, {
        method,
        headers: Object.fromEntries(given),
        localAddress: this.from,
        timeout: ANSWER_TIMEOUT_MS,
      });
      call.once("timeout", () => call.destroy(new Error(`no answer to ${method} ${path}`)));
      call.once("error", reject);
      call.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = /^application\/json\b/.test(response.headers["content-type"] ?? "");
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text && isJson ? JSON.parse(text) : undefined,
          });
        });
      });
      call.end(body);
    });
  }

  /** Keeps the session that an answer gives. */
  private take(answer: Answer): void {
    const cookie = answer.headers["set-cookie"]?.[0]?.split(";")[0];
    if (cookie?.endsWith("=")) this.cookie = this.csrf = undefined;
    else if (cookie) this.cookie = cookie;
    const csrf = (answer.body as { csrf?: unknown } | undefined)?.csrf;
    if (cookie && typeof csrf === "string") this.csrf = csrf;
  }
}
