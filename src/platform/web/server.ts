/**
 * The web server of the box: the API, the pages, /healthz and /metrics, on a TCP port for people and on a Unix socket
 * in the data folder for the command line. Whoever can open that socket (mode 0600) is the host.
 *
 * It bounds what strangers can hold: connections in total and per address, the time for a request's head and body.
 * When all places are taken, the connection that has been idle longest makes room.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { getRequestListener } from "@hono/node-server";
import type { Metric } from "../../kernel/contract.ts";
import type { Log } from "../../kernel/log.ts";
import { asListenFailure } from "../errors.ts";
import type { Arrival } from "./api.ts";
import { metricsText } from "./metrics.ts";
import { isOwnHost } from "./guard.ts";
import { shortSocketPath } from "./socket-path.ts";
import type { StaticFiles } from "./static.ts";
import { createUpgrades, isForWebSocket } from "./upgrade.ts";

export const CONNECTIONS_MAX = 1000;
export const CONNECTIONS_PER_ADDRESS_MAX = 250;
export const HEAD_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 30_000;
export const KEEP_ALIVE_MS = 15_000;
export const HEAD_BYTES_MAX = 16 * 1024;
/** How often Node looks for requests that are over their time. */
const TIMEOUT_CHECK_MS = 2_000;

/** What a box ships with; a test that must reach a limit makes it smaller. */
const LIMITS = {
  connectionsMax: CONNECTIONS_MAX,
  connectionsPerAddressMax: CONNECTIONS_PER_ADDRESS_MAX,
  headTimeoutMs: HEAD_TIMEOUT_MS,
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
  keepAliveMs: KEEP_ALIVE_MS,
  timeoutCheckMs: TIMEOUT_CHECK_MS,
};
export type WebLimits = typeof LIMITS;

export interface WebOptions {
  log: Log;
  /** The API's fetch function. */
  api: (request: Request, arrival: Arrival) => Response | Promise<Response>;
  files: StaticFiles;
  healthz: () => { ok: boolean; body: object };
  metrics: () => Metric[];
  /** Names, beside addresses and *.local, by which the figures may be asked for. */
  hostNames?: () => readonly string[];
  limits?: Partial<WebLimits>;
}

export interface Web {
  /** Listens on TCP; resolves to the port. Port 0 takes a free one. Failures: port-in-use, address-not-local. */
  listen(port: number, bind: string | undefined): Promise<number>;
  /** Listens on a Unix socket at `path`, mode 0600. */
  listenLocal(path: string): Promise<void>;
  connections(): number;
  close(): Promise<void>;
}

export function createWeb(options: WebOptions): Web {
  const servers: Server[] = [];
  const closers: (() => void)[] = [];
  const limits = { ...LIMITS, ...options.limits };
  const places = createPlaces(options.log, limits);
  const upgrades = createUpgrades(options.api, (error) => options.log.debug("a web socket was not opened", { error }));

  const make = (local: boolean): Server => {
    const arrivalOf = (incoming: IncomingMessage, outgoing?: ServerResponse): Arrival => {
      const { socket } = incoming;
      const address = local ? "local" : (socket.remoteAddress ?? "gone");
      const hangUp = () => void socket.destroy();
      return { address, local, incoming, hangUp, ...(outgoing ? { outgoing } : {}) };
    };
    const listener = getRequestListener(
      async (request, env) => {
        const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse };
        return answer(options, request, arrivalOf(incoming, outgoing));
      },
      { overrideGlobalObjects: false, hostname: "localhost" },
    );
    const server = createServer(
      {
        headersTimeout: limits.headTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveMs,
        maxHeaderSize: HEAD_BYTES_MAX,
        connectionsCheckingInterval: limits.timeoutCheckMs,
        noDelay: true,
        shouldUpgradeCallback: isForWebSocket,
      },
      (request: IncomingMessage, response: ServerResponse) => {
        places.busy(request.socket);
        response.once("close", () => places.idle(request.socket));
        void listener(request, response);
      },
    );
    server.on("upgrade", (request, socket, head) => {
      places.busy(request.socket);
      upgrades.take(request, socket, head, arrivalOf(request));
    });
    if (!local) server.on("connection", (socket) => places.take(socket));
    server.on("clientError", (_error, socket) => socket.destroy());
    servers.push(server);
    return server;
  };

  return {
    async listen(port, bind) {
      const server = make(false);
      await listening(server, { port, ...(bind ? { host: bind } : {}) });
      return (server.address() as AddressInfo).port;
    },
    async listenLocal(path) {
      if (existsSync(path)) rmSync(path);
      const short = shortSocketPath(path);
      closers.push(short.release);
      await listening(make(true), { path: short.path });
      chmodSync(path, 0o600);
    },
    connections: () => places.count(),
    async close() {
      upgrades.close();
      await Promise.all(servers.map((server) => closed(server)));
      for (const release of closers) release();
    },
  };
}

async function answer(options: WebOptions, request: Request, arrival: Arrival): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/healthz") {
    const { ok, body } = options.healthz();
    return Response.json(body, { status: ok ? 200 : 503, headers: { "cache-control": "no-store" } });
  }
  if (pathname === "/metrics") {
    if (!arrival.local && !isOwnHost(request.headers.get("host") ?? "", options.hostNames?.() ?? [])) {
      return new Response("Ask by address.\n", { status: 403 });
    }
    return new Response(metricsText(options.metrics()), { headers: { "content-type": "text/plain; version=0.0.4" } });
  }
  if (pathname.startsWith("/api/") || (request.method !== "GET" && request.method !== "HEAD")) {
    return options.api(request, arrival);
  }
  const file = options.files(pathname, request.headers.get("accept-encoding") ?? "");
  return file ?? new Response("Not here.\n", { status: 404, headers: { "content-type": "text/plain" } });
}

/** Sockets in the order in which they fell idle, oldest first; busy ones are not in the queue. */
function createPlaces(log: Log, limits: WebLimits) {
  /** Every socket with its address, which a closed one no longer tells. */
  const all = new Map<Socket, string>();
  const idle = new Set<Socket>();
  const perAddress = new Map<string, number>();
  let refused = 0;
  const leave = (socket: Socket) => {
    const address = all.get(socket);
    if (address === undefined) return;
    all.delete(socket);
    idle.delete(socket);
    const left = (perAddress.get(address) ?? 1) - 1;
    if (left > 0) perAddress.set(address, left);
    else perAddress.delete(address);
  };
  return {
    take(socket: Socket) {
      const address = socket.remoteAddress ?? "gone";
      const held = perAddress.get(address) ?? 0;
      const full = all.size >= limits.connectionsMax;
      if (held >= limits.connectionsPerAddressMax || (full && idle.size === 0)) {
        if (refused++ % 1000 === 0) log.warn("connections refused, all places taken", { refused });
        socket.destroy();
        return;
      }
      if (full) {
        const oldest = idle.values().next().value!;
        oldest.destroy();
        // Its close is heard only later; many connections may come before that.
        leave(oldest);
      }
      perAddress.set(address, (perAddress.get(address) ?? 0) + 1);
      all.set(socket, address);
      idle.add(socket);
      socket.once("close", () => leave(socket));
    },
    busy: (socket: Socket) => void idle.delete(socket),
    idle: (socket: Socket) => {
      if (all.has(socket)) idle.add(socket);
    },
    count: () => all.size,
  };
}

function listening(server: Server, where: { port: number; host?: string } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      reject(
        "port" in where ? asListenFailure(error, where.host ?? "", where.port) : asListenFailure(error, where.path, 0),
      );
    };
    server.once("error", failed);
    server.listen(where, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
