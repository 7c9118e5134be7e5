/**
 * The HTTP face of the box: turns the services' contracts into routes below /api/v1, checks who calls and whether
 * they may, and answers errors in the caller's language. It knows no service: all comes from the tables.
 *
 *   request ─► host ─► origin ─► rate ─► who (cookie or socket) ─► role ─► csrf ─► input ─► handler ─► output
 *                each step may leave with {"error":{"code","message","advice"}}
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Hono } from "hono";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { WebSocket } from "ws";
import type { z } from "zod";
import type { BytesAnswer, CallContext, Endpoint, Principal, Service } from "../../kernel/contract.ts";
import { roleAtLeast } from "../../kernel/contract.ts";
import type { Clock } from "../../kernel/clock.ts";
import { nextTurn } from "../../kernel/clock.ts";
import { inputFailure } from "../../kernel/config.ts";
import { errorBody } from "../../kernel/error-body.ts";
import type { Failure } from "../../kernel/errors.ts";
import { asFailure, fail } from "../../kernel/errors.ts";
import type { Events } from "../../kernel/events.ts";
import type { Log } from "../../kernel/log.ts";
import type { Language, WordTables } from "../../kernel/words.ts";
import { pickLanguage } from "../../kernel/words.ts";
import { createBodies, eachOf, sendBytes } from "./bytes.ts";
import { checkHost, checkOrigin } from "./guard.ts";
import { openApi } from "./openapi.ts";
import { createRateLimits } from "./rate.ts";
import { createSockets } from "./sockets.ts";
import type { SocketLimits } from "./sockets.ts";
import { eventStream } from "./stream.ts";

/** Where pages hear of changes. */
const EVENTS_PATH = "/api/v1/events";
/** In the query of what cannot carry a header. */
const PROOF_KEY = "proof";
const LANGUAGE_KEY = "language";
/** The browser forgets the cookie then; the session itself ends earlier, by the setting. */
const COOKIE_DAYS = 365;
/** A larger request body is refused. */
export const BODY_BYTES_MAX = 64 * 1024;
/** Entries of a list that are checked against the contract in one go. */
const CHECKED_AT_ONCE = 500;
/** Answers from this length on are packed; quick rather than tight, for small boxes. */
export const PACKED_LENGTH_MIN = 4096;
const PACK_LEVEL = 4;
/** Calls a minute from one address, over all endpoints. */
export const CALLS_PER_MINUTE_MAX = 6000;

/** How a request came in: handed to Hono as its environment by the server. */
export interface Arrival {
  /** The caller's address, or "local" over the Unix socket. */
  address: string;
  local: boolean;
  /** Breaks the connection off: for a stream whose reader does not read. */
  hangUp?: () => void;
  /** Request and response as Node's server has them. */
  incoming?: IncomingMessage;
  outgoing?: ServerResponse;
  /** Where it asks for a web socket: opens it. */
  upgrade?: () => Promise<WebSocket>;
}

export interface ApiOptions {
  clock: Clock;
  log: Log;
  events: Events;
  words: WordTables;
  version: string;
  services: readonly Service[];
  /** Who a session token belongs to; undefined for nobody. */
  authenticate: (token: string, proof: string | undefined) => Principal | undefined;
  /** The session cookie's name, of this box alone: cookies do not tell two boxes on one address apart. */
  cookieName: string;
  /** Is the service of this name switched on and running? */
  isRunning: (service: string) => boolean;
  /** Names, beside addresses and *.local, by which pages may be asked for. */
  hostNames: () => readonly string[];
  /** Where people open the pages, for links that are made on the command line. */
  ownOrigin: () => string;
  /** The language for callers who wish none of ours. */
  defaultLanguage: () => Language;
  /** Of all bodies of bytes together; a test makes it smaller. */
  bodiesHeldBytesMax?: number;
  socketLimits?: SocketLimits;
}

type Env = { Bindings: Arrival };

const NO_BYTES = new Uint8Array(0);

export function createApi(options: ApiOptions): Hono<Env> {
  const app = new Hono<Env>();
  const rates = createRateLimits(options.clock);
  const bodies = createBodies(options.bodiesHeldBytesMax);
  const sockets = createSockets(options.clock, options.socketLimits);
  const language = (c: Context<Env>) => {
    const inQuery = c.env.upgrade && c.req.query(LANGUAGE_KEY);
    const wish = inQuery || c.req.header("x-comu-language") || c.req.header("accept-language");
    return wish ? pickLanguage(wish) : options.defaultLanguage();
  };
  const told = (c: Context<Env>, error: unknown): Failure => {
    const failure = asFailure(error);
    // Who hung up gets no answer anyway.
    if (failure.code === "internal" && !c.req.raw.signal.aborted)
      options.log.error("a request failed", { path: c.req.path, error });
    return failure;
  };
  const who = (c: Context<Env>): Principal => {
    if (c.env.local) return { role: "host", via: "socket" };
    const token = getCookie(c, options.cookieName);
    // An event stream or a web socket cannot carry a header.
    const isBare = c.req.path === EVENTS_PATH || c.env.upgrade !== undefined;
    const proof = c.req.header("x-comu-csrf") ?? (isBare ? c.req.query(PROOF_KEY) : undefined);
    const principal = token ? options.authenticate(token, proof) : undefined;
    // Without the proof a cookie may read nothing; for a change it is refused by name, see checkCsrf.
    const unproved = principal && principal.csrf === undefined && c.req.method === "GET";
    return principal && !unproved ? principal : { role: "public", via: "none" };
  };

  app.use("*", async (c, next) => {
    if (!c.env.local) {
      checkHost(c.req.header("host"), options.hostNames());
      // A page of any origin may open a web socket and read what comes.
      const isRead = (c.req.method === "GET" || c.req.method === "HEAD") && c.env.upgrade === undefined;
      if (!isRead) checkOrigin(c.req.raw.headers);
      rates.take(`all ${c.env.address}`, CALLS_PER_MINUTE_MAX);
    }
    await next();
    c.header("cache-control", "no-store");
  });

  app.get("/api/v1/openapi.json", (c) => c.json(openApi(options.services, options.version)));
  app.get(EVENTS_PATH, (c) => {
    checkWay(c);
    // Nobody reads the body of such an answer, so nobody would end it.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    return eventStream(c, options.events, options.clock, () => who(c), c.env.hangUp);
  });

  for (const service of options.services) {
    for (const [name, endpoint] of Object.entries(service.contract.endpoints)) {
      app.on(endpoint.method, `/api/v1${endpoint.path}`, async (c) => {
        if (!options.isRunning(service.contract.name)) {
          throw fail("unavailable", { params: { part: service.contract.name } });
        }
        if (endpoint.perMinuteMax && !c.env.local) {
          rates.take(`${service.contract.name}.${name} ${c.env.address}`, endpoint.perMinuteMax);
        }
        const principal = who(c);
        checkRole(endpoint, principal);
        checkCsrf(endpoint, principal, c.req.header("x-comu-csrf"));
        const input = endpoint.input.safeParse(await readInput(c, endpoint));
        if (!input.success) throw inputFailure(input.error);
        const handler = service.handlers[name] as (input: unknown, context: CallContext) => unknown;
        const context = {
          principal,
          address: c.env.address,
          bytes: NO_BYTES,
          signal: c.req.raw.signal,
          language: language(c),
          setSession: (token: string | null) => writeSession(c, options.cookieName, token),
          origin: c.env.local ? options.ownOrigin() : new URL(c.req.url).origin,
        };
        checkWay(c, endpoint);
        const mayStay = () => roleAtLeast(who(c).role, endpoint.role);
        if (c.env.upgrade) {
          await sockets.take(c.env.upgrade, {
            account: principal.account ?? principal.via,
            mayStay,
            run: async (socket, signal) =>
              checkOutput(endpoint.output, await handler(input.data, { ...context, socket, signal })),
            errorBody: (error) => errorBody(told(c, error), options.words, context.language),
          });
          // Nobody reads it any more.
          return c.body(null, 204);
        }
        const run = async (bytes: Uint8Array): Promise<unknown> => handler(input.data, { ...context, bytes });
        const given = await (endpoint.bytes
          ? bodies.with(c.req.raw, endpoint.bytes, run, c.env.incoming)
          : run(NO_BYTES));
        const output = await checkOutput(endpoint.output, given);
        if (endpoint.answerType === undefined) return sendJson(c, output);
        const broke = (error: unknown) => void told(c, error);
        const reader = { mayRead: mayStay, outgoing: c.env.outgoing, broke };
        return sendBytes(c, endpoint.answerType, output as BytesAnswer, reader);
      });
    }
  }

  app.all("*", () => {
    throw fail("not-found");
  });
  app.onError((error, c) => {
    const failure = told(c, error);
    c.header("cache-control", "no-store");
    const retryAfterS = failure.params["seconds"];
    if (failure.status === 429 && retryAfterS) c.header("retry-after", String(retryAfterS));
    return c.json(errorBody(failure, options.words, language(c)), failure.status as 400);
  });
  return app;
}

/** Long lists are checked in parts, with room for others between: five thousand services take more than 50 ms. */
async function checkOutput(schema: z.ZodType, output: unknown): Promise<unknown> {
  if (!Array.isArray(output) || output.length <= CHECKED_AT_ONCE) return schema.parse(output);
  const checked: unknown[] = [];
  for (let at = 0; at < output.length; at += CHECKED_AT_ONCE) {
    checked.push(...(schema.parse(output.slice(at, at + CHECKED_AT_ONCE)) as unknown[]));
    await nextTurn();
  }
  return checked;
}

const pack = promisify(gzip);

/** Long answers (five thousand services are three megabytes) go packed to who can unpack them. */
async function sendJson(c: Context<Env>, output: unknown): Promise<Response> {
  const text = JSON.stringify(output);
  const packable =
    text.length >= PACKED_LENGTH_MIN && !c.env.local && /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
  const headers = { "content-type": "application/json", vary: "accept-encoding" };
  if (!packable) return c.body(text, 200, headers);
  const packed = await pack(text, { level: PACK_LEVEL });
  return c.body(new Uint8Array(packed), 200, { ...headers, "content-encoding": "gzip" });
}

function checkRole(endpoint: Endpoint, principal: Principal): void {
  if (roleAtLeast(principal.role, endpoint.role)) return;
  throw principal.via === "none" ? fail("not-signed-in") : fail("not-allowed", { params: { role: endpoint.role } });
}

/** A change by a browser's session must carry what only our own page can read. */
function checkCsrf(endpoint: Endpoint, principal: Principal, sent: string | undefined): void {
  if (endpoint.method === "GET" || endpoint.beforeSignIn || principal.via !== "session") return;
  if (!principal.csrf || sent !== principal.csrf) throw fail("wrong-origin");
}

/** A web socket where there is one, and nowhere else: its connection cannot carry an answer that takes long. */
function checkWay(c: Context<Env>, endpoint?: Endpoint): void {
  if (endpoint?.socket && !c.env.upgrade) throw fail("upgrade-needed");
  if (c.env.upgrade && !endpoint?.socket) throw fail("not-found");
}

async function readInput(c: Context<Env>, endpoint: Endpoint): Promise<unknown> {
  const reads = endpoint.method === "GET" || endpoint.method === "DELETE" || endpoint.bytes !== undefined;
  const given = reads ? c.req.query() : await readBody(c);
  if (c.env.upgrade && given)
    for (const key of [PROOF_KEY, LANGUAGE_KEY]) delete (given as Record<string, unknown>)[key];
  const headers = Object.entries(endpoint.headers ?? {}).map(([key, name]) => [key, c.req.header(name)] as const);
  const fromHeaders = Object.fromEntries(headers.filter(([, value]) => value !== undefined));
  // Spread, not assigned: a key "__proto__" stays an ordinary key, which the strict schema then refuses.
  return { ...fromHeaders, ...given, ...c.req.param() };
}

async function readBody(c: Context<Env>): Promise<object | undefined> {
  const length = Number(c.req.header("content-length") ?? 0);
  if (length > BODY_BYTES_MAX) throw fail("too-large", { params: { limit: BODY_BYTES_MAX } });
  const chunks: Uint8Array[] = [];
  let size = 0;
  const take = (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw fail("too-large", { params: { limit: BODY_BYTES_MAX } });
    chunks.push(chunk);
  };
  // The stream of a `Request` is made for each one, and takes longer than most of what is asked for.
  if (c.env.incoming) await eachOf(c.env.incoming, take);
  else for await (const chunk of c.req.raw.body ?? []) take(chunk);
  if (size === 0) return undefined;
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? ""))
    throw badJson("content-type must be application/json");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw badJson("not valid JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badJson("not a JSON object");
  return value;
}

function badJson(reason: string, cause?: unknown): Failure {
  return fail("bad-input", { params: { field: "body", reason }, cause });
}

/** `SameSite=Strict` and `HttpOnly`; without `Secure`, since many boxes speak plain HTTP. */
function writeSession(c: Context<Env>, name: string, token: string | null): void {
  if (token === null) deleteCookie(c, name, { path: "/" });
  else setCookie(c, name, token, { path: "/", httpOnly: true, sameSite: "Strict", maxAge: COOKIE_DAYS * 86_400 });
}
