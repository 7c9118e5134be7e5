/**
 * The HTTPS front of the shares, as Tahoe-LAFS clients of 1.19 and newer speak it: TLS with one self-signed
 * certificate whose key clients pin, HTTP/1.1 that keeps connections, and limits on everything that a stranger can
 * make long, large or slow.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { ConnectionCounts } from "../../../platform/connection-counts.ts";
import { asDiskFailure } from "../../../platform/files.ts";
import { asListenFailure } from "../../../platform/errors.ts";
import { answerText } from "./answers.ts";
import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_ADDRESS_MAX,
  CONNECTION_IDLE_MS,
  HEADERS_MAX_BYTES,
  HEADERS_TIMEOUT_MS,
} from "./constants.ts";
import { Refusal, refuse } from "./refusal.ts";
import type { ShareStore } from "./share-store.ts";
import { routeOf } from "./storage-routes.ts";

export interface StorageServerOptions {
  store: ShareStore;
  clock: Clock;
  log: Log;
  address: string;
  /** 0 for any free one. */
  port: number;
  /** Its key must never change: clients pin it. */
  certificatePem: string;
  privateKeyPem: string;
  /** `name/version` for the version document. */
  application: string;
  limits?: Partial<ServerLimits>;
}

export interface ServerLimits {
  connectionsMax: number;
  connectionsPerAddressMax: number;
  /** Without a byte in either direction. */
  idleMs: number;
  /** From the first byte of a request to the end of its headers, and for the TLS handshake. */
  headersMs: number;
}

const CHECK_MS = 5000;

export class StorageServer {
  readonly #options: StorageServerOptions;
  readonly #server: Server;
  readonly #connections: ConnectionCounts;

  constructor(options: StorageServerOptions) {
    this.#options = options;
    const limits: ServerLimits = {
      connectionsMax: CONNECTIONS_MAX,
      connectionsPerAddressMax: CONNECTIONS_PER_ADDRESS_MAX,
      idleMs: CONNECTION_IDLE_MS,
      headersMs: HEADERS_TIMEOUT_MS,
      ...options.limits,
    };
    this.#server = createServer(
      {
        cert: options.certificatePem,
        key: options.privateKeyPem,
        minVersion: "TLSv1.2",
        maxHeaderSize: HEADERS_MAX_BYTES,
        headersTimeout: limits.headersMs,
        handshakeTimeout: limits.headersMs,
        connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
        keepAliveTimeout: limits.idleMs,
        // A whole request may take as long as its body comes fast enough.
        requestTimeout: 0,
        ALPNProtocols: ["http/1.1"],
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = limits.connectionsMax;
    this.#connections = new ConnectionCounts(limits.connectionsPerAddressMax);
    this.#server.on("connection", (socket: Socket) => this.#connections.take(socket));
    this.#server.timeout = limits.idleMs;
  }

  /** Resolves with the port. Throws a Failure when the address cannot be listened on. */
  listen(): Promise<number> {
    const { address, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => reject(asListenFailure(error, address, port)));
      this.#server.listen(port, address, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Cuts what is open; the store is the caller's to close. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    this.#connections.end();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { store, clock, application } = this.#options;
    try {
      const { handler, ...place } = routeOf(request.method ?? "", request.url ?? "");
      const member = store.room.memberOf(request.headers.authorization ?? "") ?? refuse(401, "wrong swissnum");
      await handler({ store, clock, application, request, response, member, ...place });
    } catch (error) {
      this.#refuse(request, response, error);
    }
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const cut =
      response.socket === null || response.socket.destroyed || (error as NodeJS.ErrnoException).code === "ECONNRESET";
    if (!(error instanceof Refusal) && !cut) this.#options.log.error("a storage request failed", { error });
    if (response.headersSent || cut) {
      response.destroy();
      return;
    }
    const full = isFailure(asDiskFailure(error), "disk-full");
    // What is left of the body is not read: the next request cannot be found behind it.
    if (!request.complete) {
      response.setHeader("connection", "close");
      // Thrown away while the answer is on its way, so that the other side comes to read it.
      request.resume();
    }
    if (error instanceof Refusal) answerText(response, error.status, error.message);
    else answerText(response, full ? 507 : 500, full ? "the disk is full" : "internal error");
  }
}
