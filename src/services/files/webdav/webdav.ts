/**
 * The WebDAV server: one member's files for the file managers and programs that every system has (RFC 4918, classes
 * 1, 2 and 3), with limits on everything that a stranger can make long, large, slow or frequent.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { Random } from "../../../kernel/random.ts";
import { ConnectionCounts } from "../../../platform/connection-counts.ts";
import { asListenFailure } from "../../../platform/errors.ts";
import { answerEmpty, answerRefusal } from "./answers.ts";
import { throwAway } from "./bodies.ts";
import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_ADDRESS_MAX,
  HEADERS_MAX_BYTES,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  LISTINGS_AT_ONCE_MAX,
  LISTINGS_WAITING_MAX,
  PROCESSING_EVERY_MS,
  PROCESSING_MAX,
} from "./constants.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { mkcol, remove } from "./folders.ts";
import { Gate } from "./gate.ts";
import { get } from "./get.ts";
import { readIf } from "./lock-guard.ts";
import { lock, unlock } from "./lock-methods.ts";
import { LockTable } from "./locks.ts";
import { propfind } from "./propfind.ts";
import { proppatch } from "./proppatch.ts";
import { put } from "./put.ts";
import { Refusal, asRefusal, refuse } from "./refusal.ts";
import { Turns } from "../../../kernel/turns.ts";
import { createSignIn } from "./sign-in.ts";
import type { Authenticate, SignIn } from "./sign-in.ts";
import { targetOf } from "./targets.ts";
import { copy, move } from "./transfer.ts";

export interface WebdavOptions {
  clock: Clock;
  random: Random;
  log: Log;
  address: string;
  /** 0 for any free one. */
  port: number;
  authenticate: Authenticate;
  limits?: Partial<ServerLimits>;
}

/** Those that a test cannot reach with a clock of its own, since Node keeps them. */
export interface ServerLimits {
  /** From the first byte of a request to the end of its headers. */
  headersMs: number;
  /** Between two requests of one connection. */
  keepAliveMs: number;
}

export interface Webdav {
  /** Resolves with the port. Throws a Failure when the address cannot be listened on. */
  listen(): Promise<number>;
  /** Cuts what is open. */
  close(): Promise<void>;
  /** To be called when a device is taken back or its password changes. */
  forget(): void;
}

const READING: Readonly<Record<string, Handler>> = { OPTIONS: options, GET: get, HEAD: get, PROPFIND: propfind };
const WRITING: Readonly<Record<string, Handler>> = {
  PUT: put,
  DELETE: remove,
  MKCOL: mkcol,
  COPY: copy,
  MOVE: move,
  PROPPATCH: proppatch,
  LOCK: lock,
  UNLOCK: unlock,
};
const ALL = new Map(Object.entries({ ...READING, ...WRITING }));
const ALLOW = [...ALL.keys()].join(", ");
const CHECK_MS = 5000;

export function createWebdav(needs: WebdavOptions): Webdav {
  return new WebdavServer(needs);
}

async function options({ response }: Exchange): Promise<void> {
  answerEmpty(response, 200, { dav: "1, 2, 3", allow: ALLOW, "ms-author-via": "DAV", "accept-ranges": "bytes" });
}

class WebdavServer implements Webdav {
  readonly #options: WebdavOptions;
  readonly #server: Server;
  readonly #signIn: SignIn;
  readonly #locks: LockTable;
  readonly #listings = new Gate(LISTINGS_AT_ONCE_MAX, LISTINGS_WAITING_MAX);
  readonly #making = new Turns();
  readonly #connections = new ConnectionCounts(CONNECTIONS_PER_ADDRESS_MAX);

  constructor(needs: WebdavOptions) {
    this.#options = needs;
    this.#signIn = createSignIn(needs);
    this.#locks = new LockTable(needs.clock, needs.random);
    const { headersMs = HEADERS_TIMEOUT_MS, keepAliveMs = KEEP_ALIVE_MS } = needs.limits ?? {};
    this.#server = createServer({
      maxHeaderSize: HEADERS_MAX_BYTES,
      headersTimeout: headersMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, headersMs),
      keepAliveTimeout: keepAliveMs,
      // A request may take as long as its bytes move (bodies.ts) and the grid needs.
      requestTimeout: 0,
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on("connection", (socket) => this.#connections.take(socket));
    this.#server.on("request", (request, response) => void this.#answer(request, response, () => {}));
    this.#server.on("checkContinue", (request, response) => {
      // Whoever is not told to go on cannot use the connection for anything else.
      response.setHeader("connection", "close");
      void this.#answer(request, response, () => {
        response.removeHeader("connection");
        response.writeContinue();
      });
    });
  }

  listen(): Promise<number> {
    const { address, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => reject(asListenFailure(error, address, port)));
      this.#server.listen(port, address, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  forget(): void {
    this.#signIn.forget();
  }

  async #answer(request: IncomingMessage, response: ServerResponse, wantBody: () => void): Promise<void> {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    response.on("error", () => gone.abort());
    const stop = goesOn(this.#options.clock, request, response);
    try {
      await this.#handle(request, response, { signal: gone.signal, wantBody });
    } catch (error) {
      this.#refuse(request, response, error, gone.signal);
    } finally {
      stop();
      throwAway(request, this.#options.clock);
    }
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    ways: Pick<Exchange, "signal" | "wantBody">,
  ): Promise<void> {
    const { clock } = this.#options;
    const { authorization, host } = request.headers;
    const access = await this.#signIn.accessOf(authorization, request.socket.remoteAddress ?? "");
    const method = request.method ?? "";
    const handler = ALL.get(method) ?? refuse(405, "no such method", { headers: { allow: ALLOW } });
    if (!access.mayWrite && Object.hasOwn(WRITING, method)) refuse(403, "this device may only read");
    const url = request.url ?? "";
    const { path, isFolderForm } = url === "*" && method === "OPTIONS" ? ROOT : targetOf(url, host);
    const { files, account } = access;
    const locks = this.#locks.of(account);
    const { tokens: submitted, isExact } = await readIf(request, path, { files, locks });
    const place = { files, account, locks, path, isFolderForm, submitted, isExact };
    const queues = { listings: this.#listings, making: this.#making };
    await handler({ request, response, clock, ...place, ...queues, ...ways });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown, signal: AbortSignal) {
    const refusal = asRefusal(error);
    // Who is gone wants no answer, and its going is no fault of ours.
    const isGone = signal.aborted || request.socket.destroyed;
    const { log } = this.#options;
    if (!refusal && !isGone) log.error("a WebDAV request failed", { error, method: request.method });
    else if (response.headersSent && !isGone) log.warn("a WebDAV answer was broken off", { error });
    if (response.headersSent || isGone) return void response.destroy();
    answerRefusal(response, refusal ?? new Refusal(500, "internal error"));
  }
}

const ROOT = { path: "/", isFolderForm: true };

/** Says "102 Processing" now and then, once the whole request is here. */
function goesOn(clock: Clock, request: IncomingMessage, response: ServerResponse): () => void {
  let said = 0;
  return clock.every(PROCESSING_EVERY_MS, () => {
    if (!request.complete || response.headersSent || said >= PROCESSING_MAX) return;
    if (request.httpVersion !== "1.1" || response.destroyed) return;
    said += 1;
    response.writeProcessing();
  });
}
