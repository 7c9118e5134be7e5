/**
 * Connections to one storage server. Who it is says its key alone: no authority, name or date is looked at, but the
 * hash of the key must be the one in the NURL. That is checked on every connection before the first byte of a request
 * goes out, because requests carry secrets.
 */
import { createHash } from "node:crypto";
import { Agent } from "node:https";
import type { OnReadOpts, Socket } from "node:net";
import { connect, createSecureContext } from "node:tls";
import type { ConnectionOptions, SecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../../../kernel/clock.ts";
import type { Resolver } from "../../../platform/resolve.ts";
import type { Nurl } from "./nurl.ts";
import type { ServerErrorCode } from "./server.ts";
import { CONNECTION_KEPT_MS, CONNECT_TIMEOUT_MS } from "./storage-client-constants.ts";
import { READ_BUFFER_BYTES, SERVER_CONNECTIONS_MAX } from "./storage-client-constants.ts";

/** Why there is no answer; the client names the server and passes it on. */
export class Unanswered extends Error {
  readonly code: ServerErrorCode;
  /** A connection that was kept broke before anything came: it says nothing about the server. */
  isStale = false;

  constructor(code: ServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export interface ConnectionNeeds {
  clock: Clock;
  resolver: Resolver;
  place: Nurl;
  limits?: Partial<ConnectionLimits> | undefined;
}

export interface ConnectionLimits {
  connectMs: number;
  connectionsMax: number;
  keptMs: number;
}

type Connected = (error: Error | null, socket: Socket) => void;

/** Keeps connections open between requests, and opens at most so many. */
export class PinnedAgent extends Agent {
  readonly #needs: ConnectionNeeds;
  readonly #connectMs: number;

  constructor(needs: ConnectionNeeds) {
    const { connectMs = CONNECT_TIMEOUT_MS, connectionsMax = SERVER_CONNECTIONS_MAX } = needs.limits ?? {};
    super({
      keepAlive: true,
      maxSockets: connectionsMax,
      maxFreeSockets: connectionsMax,
      // The one used last is the one that is least likely to be closed just now.
      scheduling: "lifo",
      timeout: needs.limits?.keptMs ?? CONNECTION_KEPT_MS,
    });
    this.#needs = needs;
    this.#connectMs = connectMs;
  }

  /** All connections are to the same place: no need to put all options into a name at each request. */
  override getName(): string {
    return "";
  }

  override createConnection(_options: unknown, connected?: Connected): undefined {
    this.#connect().then(
      (socket) => connected!(null, socket),
      // The agent ends the request with it.
      (error: Error) => (connected as (error: Error) => void)(error),
    );
  }

  async #connect(): Promise<TLSSocket> {
    const { clock, resolver, place } = this.#needs;
    const found = await resolver.resolve(place.host);
    if ("reason" in found) throw new Unanswered("unreachable", `${place.host}: ${found.reason}`);
    return new Promise((resolve, reject) => {
      const { address: host } = found;
      const onread: OnReadOpts = {
        buffer: (readBuffer ??= Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)),
        // The parser of HTTP copies what it passes on before it returns. Without one, nothing was asked.
        callback: (bytes, buffer) => {
          if (!socket.emit("data", buffer.subarray(0, bytes))) socket.destroy();
          return true;
        },
      };
      const secure = { secureContext: context(), rejectUnauthorized: false };
      // Node's types do not say that `tls.connect` takes what `net.connect` does.
      const options: ConnectionOptions & { onread: OnReadOpts } = { host, port: place.port, ...secure, onread };
      const socket = connect(options);
      const giveUp = (error: Error) => {
        late();
        socket.destroy();
        reject(error);
      };
      const late = clock.after(this.#connectMs, () => giveUp(new Unanswered("timeout", "no connection in time")));
      // It stays: what breaks later is told to whoever uses the connection, and breaks nothing here.
      socket.on("error", giveUp);
      socket.once("close", () => giveUp(new Unanswered("unreachable", "it closed the connection")));
      socket.once("secureConnect", () => {
        if (pinOf(socket) !== place.pin) {
          giveUp(new Unanswered("identity", "its key is not the one that was announced"));
          return;
        }
        late();
        socket.setNoDelay(true);
        resolve(socket);
      });
    });
  }
}

/** One for all connections: no memory for each record that comes. */
let readBuffer: Buffer | undefined;

let shared: SecureContext | undefined;

/** One for all connections, without the list of authorities, of which none is asked. */
function context(): SecureContext {
  shared ??= createSecureContext({ minVersion: "TLSv1.2", ca: [] });
  return shared;
}

function pinOf(socket: TLSSocket): string | undefined {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
  return key && createHash("sha256").update(key).digest("base64url");
}
