/**
 * HTTP over the engine's Unix socket: one request, one answer in the engine's envelope, a stream, or a web socket.
 * Each has a deadline, a signal and a size, and each way of breaking has its own code: what was certainly not done
 * (`engine-missing`, `engine-refused`, `engine-unreachable`, `engine-busy`) is told apart from what may have been
 * (`engine-interrupted`, `engine-timeout`), because only the first may be tried again without looking.
 */
import { createHash, randomBytes } from "node:crypto";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import { isFailure } from "../../kernel/errors.ts";
import {
  ENGINE_ANSWER_BYTES_MAX,
  ENGINE_ANSWER_TIMEOUT_MS,
  ENGINE_REQUESTS_MAX,
  ENGINE_SOCKETS_MAX,
  ENGINE_STREAM_IDLE_MS,
  ENGINE_TASK_TIMEOUT_MS,
  ENGINE_WAIT_ROUND_MS,
} from "./constants.ts";
import { read } from "./answers.ts";
import type { Answer } from "./answers.ts";
import { fail } from "./errors.ts";
import type { About } from "./errors.ts";

/** The limits of `constants.ts`, named as there without the prefix. */
export interface EngineLimits {
  answerTimeoutMs: number;
  taskTimeoutMs: number;
  waitRoundMs: number;
  streamIdleMs: number;
  answerBytesMax: number;
  requestsMax: number;
  socketsMax: number;
}

export const ENGINE_LIMITS: EngineLimits = {
  answerTimeoutMs: ENGINE_ANSWER_TIMEOUT_MS,
  taskTimeoutMs: ENGINE_TASK_TIMEOUT_MS,
  waitRoundMs: ENGINE_WAIT_ROUND_MS,
  streamIdleMs: ENGINE_STREAM_IDLE_MS,
  answerBytesMax: ENGINE_ANSWER_BYTES_MAX,
  requestsMax: ENGINE_REQUESTS_MAX,
  socketsMax: ENGINE_SOCKETS_MAX,
};

export interface Ask {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/1.0`; names in it were checked. */
  path: string;
  query?: Readonly<Record<string, string>>;
  json?: unknown;
  body?: Readable | Uint8Array;
  headers?: Readonly<Record<string, string>>;
  about: About;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export interface Upgraded {
  socket: Socket;
  head: Buffer;
}

export interface Transport {
  readonly limits: EngineLimits;
  readonly clock: Clock;
  ask(ask: Ask): Promise<Answer>;
  /** The body streams and must be read or destroyed; the head came in time. */
  stream(ask: Ask): Promise<{ headers: IncomingHttpHeaders; body: IncomingMessage }>;
  upgrade(ask: Ask): Promise<Upgraded>;
}

export interface TransportOptions {
  clock: Clock;
  /** Looked up at each request, so that an engine that is installed later is found. Throws `engine-missing`. */
  socketPath: () => string;
  project?: string | undefined;
  limits: EngineLimits;
}

/** Of RFC 6455. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Shared by all clients of one engine, whatever project they are for. */
export interface Counts {
  requests: number;
  sockets: number;
}

export function createTransport(options: TransportOptions, counts: Counts): Transport {
  const { clock, limits } = options;

  const begin = (ask: Ask, headers: Record<string, string | number>): ClientRequest => {
    const query = new URLSearchParams(ask.query);
    if (options.project !== undefined) query.set("project", options.project);
    const path = `/1.0${ask.path}${query.size > 0 ? `?${query}` : ""}`;
    // No kept connections: one more costs some 50 µs here, and a stale one would make it unclear what was done.
    return httpRequest({
      ...{ socketPath: options.socketPath(), agent: false, method: ask.method ?? "GET", path },
      headers: { Host: "engine", "User-Agent": "comu", ...ask.headers, ...headers },
    });
  };

  /** Sends, and runs `use` with the answer's head, under deadline, signal and count. */
  const exchange = async <T>(ask: Ask, idle: boolean, use: (answer: IncomingMessage) => Promise<T>): Promise<T> => {
    ask.signal?.throwIfAborted();
    if (counts.requests >= limits.requestsMax) throw fail("engine-busy", { params: { limit: limits.requestsMax } });
    const json = ask.json === undefined ? undefined : Buffer.from(JSON.stringify(ask.json));
    const bytes = json ?? (ask.body instanceof Uint8Array ? ask.body : undefined);
    const request = begin(ask, {
      ...(json ? { "Content-Type": "application/json" } : {}),
      ...(bytes ? { "Content-Length": bytes.length } : {}),
    });
    counts.requests += 1;
    const timeoutMs = ask.timeoutMs ?? limits.answerTimeoutMs;
    try {
      return await within(clock, request, idle ? undefined : timeoutMs, ask.signal, async (ending) => {
        if (idle) {
          request.setTimeout(limits.streamIdleMs, () => {
            ending.why ??= late(limits.streamIdleMs);
            request.destroy();
          });
        }
        const answered = answerOf(request, ask, options);
        if (bytes || ask.body === undefined) request.end(bytes);
        else send(ask.body as Readable, request, ending);
        return use(await answered);
      });
    } finally {
      counts.requests -= 1;
    }
  };

  return {
    limits,
    clock,
    ask: (ask) =>
      exchange(ask, ask.body !== undefined, async (answer) =>
        read(answer, ask.about, reads(ask), limits.answerBytesMax),
      ),
    stream: (ask) =>
      exchange(ask, true, async (answer) => {
        if (answer.statusCode !== 200) await read(answer, ask.about, reads(ask), limits.answerBytesMax);
        if (answer.statusCode !== 200) throw fail("engine-garbled", { params: { what: `HTTP ${answer.statusCode}` } });
        return { headers: answer.headers, body: answer };
      }),
    async upgrade(ask) {
      ask.signal?.throwIfAborted();
      if (counts.sockets >= limits.socketsMax) throw fail("engine-busy", { params: { limit: limits.socketsMax } });
      const key = randomBytes(16).toString("base64");
      const request = begin(ask, {
        ...{ Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": key },
      });
      counts.sockets += 1;
      try {
        const upgraded = await within(clock, request, limits.answerTimeoutMs, ask.signal, () =>
          upgradedBy(request, key, ask, options),
        );
        upgraded.socket.once("close", () => (counts.sockets -= 1));
        return upgraded;
      } catch (error) {
        counts.sockets -= 1;
        throw error;
      }
    },
  };
}

export const late = (ms: number) => fail("engine-timeout", { params: { seconds: Math.round(ms / 1000) } });

/** Why a request of ours was ended from here, which its own error does not say. */
interface Ending {
  why?: unknown;
}

async function within<T>(
  clock: Clock,
  request: ClientRequest,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
  run: (ending: Ending) => Promise<T>,
): Promise<T> {
  const ending: Ending = {};
  // The request may break once more after its result is known; nobody is interested then.
  request.on("error", () => {});
  const end = (why: unknown) => {
    ending.why ??= why;
    request.destroy();
  };
  const stop = timeoutMs === undefined ? () => {} : clock.after(timeoutMs, () => end(late(timeoutMs)));
  const abort = () => end(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await run(ending);
  } catch (error) {
    request.destroy();
    throw ending.why ?? error;
  } finally {
    stop();
    signal?.removeEventListener("abort", abort);
  }
}

/** A body that breaks breaks the request, with its own error. */
function send(body: Readable, request: ClientRequest, ending: Ending): void {
  const broken = (error: unknown) => {
    ending.why ??= error;
    request.destroy();
  };
  body.once("error", broken);
  body.once("close", () => {
    if (!body.readableEnded) broken(new Error("what was to be sent ended too early"));
  });
  request.once("close", () => body.destroy());
  body.pipe(request);
}

function answerOf(request: ClientRequest, ask: Ask, options: TransportOptions): Promise<IncomingMessage> {
  const wasSent = whenConnected(request);
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", (error) => reject(asBroken(error, wasSent(), ask, options)));
    request.once("close", () => reject(asBroken(new Error("closed"), wasSent(), ask, options)));
  });
}

function upgradedBy(request: ClientRequest, key: string, ask: Ask, options: TransportOptions): Promise<Upgraded> {
  const wanted = createHash("sha1").update(`${key}${ACCEPT_SUFFIX}`).digest("base64");
  return new Promise((resolve, reject) => {
    const wasSent = whenConnected(request);
    request.once("upgrade", (answer, socket, head) => {
      // Upgraded sockets have nobody who listens for errors any more; the frames' reader comes a moment later.
      socket.on("error", () => {});
      if (answer.headers["sec-websocket-accept"] === wanted) return resolve({ socket: socket as Socket, head });
      socket.destroy();
      reject(fail("engine-garbled", { params: { what: "a web socket" } }));
    });
    request.once("response", (answer) => {
      read(answer, ask.about, true, options.limits.answerBytesMax)
        .then(() => reject(fail("engine-garbled", { params: { what: "a web socket" } })))
        .catch(reject);
    });
    request.once("error", (error) => reject(asBroken(error, wasSent(), ask, options)));
    request.once("close", () => reject(asBroken(new Error("closed"), wasSent(), ask, options)));
    request.end();
  });
}

function whenConnected(request: ClientRequest): () => boolean {
  let connected = false;
  request.once("socket", (socket) => socket.once("connect", () => (connected = true)));
  return () => connected;
}

/** Whether it changes nothing in the engine. */
const reads = (ask: Ask) => (ask.method ?? "GET") === "GET";

/** What a broken request means. Our own failures, and those of a body that was sent, stay as they are. */
function asBroken(error: unknown, sent: boolean, ask: Ask, options: TransportOptions): unknown {
  if (isFailure(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const socket = options.socketPath();
  if (!sent) {
    if (code === "ENOENT") return fail("engine-missing", { params: { paths: socket }, cause: error });
    if (code === "EACCES" || code === "EPERM") return fail("engine-refused", { params: { socket }, cause: error });
    return fail("engine-unreachable", { params: { socket }, cause: error });
  }
  if (code.startsWith("HPE_")) return fail("engine-garbled", { params: { what: "an answer" }, cause: error });
  if (reads(ask)) return fail("engine-unreachable", { params: { socket }, cause: error });
  return fail("engine-interrupted", { cause: error });
}
