/**
 * HTTP over the engine's Unix socket: one request, one answer in the engine's envelope, a stream, or a web socket.
 * Each has a deadline, a signal and a size, and each way of breaking has its own code: what was certainly not done
 * (`engine-missing`, `engine-refused`, `engine-unreachable`, `engine-busy`) is told apart from what may have been
 * (`engine-interrupted`, `engine-timeout`), because only the first may be tried again without looking.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
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
  EVENT_BYTES_MAX,
  SOCKET_CLOSE_GRACE_MS,
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

export interface Transport {
  readonly limits: EngineLimits;
  readonly clock: Clock;
  ask(ask: Ask): Promise<Answer>;
  /** The body streams and must be read or destroyed; the head came in time. */
  stream(ask: Ask): Promise<{ headers: IncomingHttpHeaders; body: IncomingMessage }>;
  /** An open web socket, paused, which answers no pings by itself. */
  upgrade(ask: Ask): Promise<WebSocket>;
  /** A connection that goes over to a protocol that is no web socket. */
  tunnel(ask: Ask, protocol: string): Promise<Tunnel>;
}

export interface Tunnel {
  socket: Socket;
  /** What came together with the answer. */
  head: Buffer;
}

export interface TransportOptions {
  clock: Clock;
  /** Looked up at each request, so that an engine that is installed later is found. Throws `engine-missing`. */
  socketPath: () => string;
  project?: string | undefined;
  limits: EngineLimits;
}

/** What is never used of a web socket is off: neither compressing nor masking does anything within one machine. */
const LINE_OPTIONS: ClientOptions & { closeTimeout: number } = {
  ...{ perMessageDeflate: false, generateMask: (mask) => void mask.fill(0) },
  ...{ maxPayload: EVENT_BYTES_MAX, autoPong: false, closeTimeout: SOCKET_CLOSE_GRACE_MS },
};

/** Shared by all clients of one engine, whatever project they are for. */
export interface Counts {
  requests: number;
  sockets: number;
}

export function createTransport(options: TransportOptions, counts: Counts): Transport {
  const { clock, limits } = options;

  const pathOf = (ask: Ask): string => {
    const query = new URLSearchParams(ask.query);
    if (options.project !== undefined) query.set("project", options.project);
    return `/1.0${ask.path}${query.size > 0 ? `?${query}` : ""}`;
  };

  const begin = (ask: Ask, headers: Record<string, string | number>): ClientRequest => {
    // No kept connections: one more costs some 50 µs here, and a stale one would make it unclear what was done.
    return httpRequest({
      ...{ socketPath: options.socketPath(), agent: false, method: ask.method ?? "GET", path: pathOf(ask) },
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
      const untilMs = idle ? undefined : timeoutMs;
      return await within(clock, asEnded(request), untilMs, ask.signal, async (ending) => {
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
      const socketPath = options.socketPath();
      let isConnected = false;
      const createConnection = () => connect(socketPath).once("connect", () => (isConnected = true));
      const line = new WebSocket(`ws://engine${pathOf(ask)}`, { ...LINE_OPTIONS, createConnection });
      counts.sockets += 1;
      line.once("close", () => (counts.sockets -= 1));
      return within(clock, line, limits.answerTimeoutMs, ask.signal, () =>
        opened(line, ask, options, () => isConnected),
      );
    },
    async tunnel(ask, protocol) {
      ask.signal?.throwIfAborted();
      if (counts.sockets >= limits.socketsMax) throw fail("engine-busy", { params: { limit: limits.socketsMax } });
      const request = begin(ask, { Connection: "Upgrade", Upgrade: protocol });
      counts.sockets += 1;
      try {
        const run = () => tunnelOf(request, ask, options);
        const tunnel = await within(clock, asEnded(request), limits.answerTimeoutMs, ask.signal, run);
        tunnel.socket.once("close", () => (counts.sockets -= 1));
        return tunnel;
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

/** What is asked and may break: once more after its result is known, too, when nobody is interested. */
interface Asked {
  on(event: "error", ignore: () => void): unknown;
  terminate(): void;
}

const asEnded = (request: ClientRequest): Asked => ({
  on: (event, ignore) => request.on(event, ignore),
  terminate: () => void request.destroy(),
});

async function within<T>(
  clock: Clock,
  asked: Asked,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
  run: (ending: Ending) => Promise<T>,
): Promise<T> {
  const ending: Ending = {};
  asked.on("error", () => {});
  const end = (why: unknown) => {
    ending.why ??= why;
    asked.terminate();
  };
  const stop = timeoutMs === undefined ? () => {} : clock.after(timeoutMs, () => end(late(timeoutMs)));
  const abort = () => end(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await run(ending);
  } catch (error) {
    asked.terminate();
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

function opened(line: WebSocket, ask: Ask, options: TransportOptions, wasSent: () => boolean): Promise<WebSocket> {
  const garbled = (cause?: unknown) => fail("engine-garbled", { params: { what: "a web socket" }, cause });
  return new Promise((resolve, reject) => {
    line.once("open", () => {
      // What comes with the answer waits until somebody listens.
      line.pause();
      resolve(line);
    });
    line.once("unexpected-response", (_request, answer) => {
      read(answer, ask.about, true, options.limits.answerBytesMax)
        .then(() => reject(garbled()))
        .catch(reject);
    });
    line.once("error", (error: NodeJS.ErrnoException) => {
      // What has no code is no broken connection, but an answer that is no web socket's.
      reject(wasSent() && error.code === undefined ? garbled(error) : asBroken(error, wasSent(), ask, options));
    });
  });
}

/** A connection that speaks another protocol from now on, with what came together with the answer. */
async function tunnelOf(request: ClientRequest, ask: Ask, options: TransportOptions): Promise<Tunnel> {
  const upgraded = new Promise<Tunnel>((resolve) => {
    request.once("upgrade", (_answer, socket, head) => {
      // It has nobody who listens for errors any more; its reader comes a moment later.
      socket.on("error", () => {});
      resolve({ socket: socket as Socket, head });
    });
  });
  const answered = answerOf(request, ask, options);
  answered.catch(() => {});
  request.end();
  const first = await Promise.race([upgraded, answered]);
  if ("head" in first) return first;
  await read(first, ask.about, true, options.limits.answerBytesMax);
  throw fail("engine-garbled", { params: { what: "a tunnel" } });
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
