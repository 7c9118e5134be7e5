/**
 * The mesh's TCP port. Two protocols share it, and the first byte tells them apart: 0x16 opens a TLS hello (a link
 * between boxes), everything else is a memberlist stream, whose first byte is a small message type.
 *
 *   accepted ──first byte 0x16──► link (links.ts owns the socket; only the count stays here)
 *      │  └───────other byte────► stream (closed when silent)
 *      └─ nothing in time, too many ──► closed, counted
 */
import type { Socket } from "node:net";
import { createServer } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { plainAddress } from "./addresses.ts";
import {
  PORT_BACKLOG,
  PORT_CLOSE_GRACE_MS,
  PORT_CONNECTIONS_MAX,
  PORT_CONNECTIONS_PER_ADDRESS_MAX,
  PORT_FIRST_BYTE_TIMEOUT_MS,
  PORT_STREAM_IDLE_MS,
} from "./constants.ts";
import { asListenFailure } from "./errors.ts";

export interface PortLimits {
  connectionsMax: number;
  connectionsPerAddressMax: number;
  firstByteTimeoutMs: number;
  streamIdleMs: number;
  closeGraceMs: number;
}

export interface PortOptions {
  address: string;
  port: number;
  clock: Clock;
  log: Log;
  /** Takes a socket whose next byte is the TLS hello. Must read it at once, in the same turn. */
  onLink: (socket: Socket) => void;
  /** Takes a paused socket and the bytes already read; `resume()` or a pipe starts the rest. */
  onStream: (socket: Socket, firstBytes: Uint8Array) => void;
  limits?: Partial<PortLimits>;
}

export interface PortStats {
  open: number;
  links: number;
  streams: number;
  /** Closed at once: too many in total, or from one address. */
  refused: number;
  /** Closed because nothing came. */
  silent: number;
}

export interface Port {
  readonly local: { address: string; port: number };
  stats(): PortStats;
  /** Stops listening, lets streams end for a moment, then closes everything. */
  close(): Promise<void>;
}

const LIMITS: PortLimits = {
  connectionsMax: PORT_CONNECTIONS_MAX,
  connectionsPerAddressMax: PORT_CONNECTIONS_PER_ADDRESS_MAX,
  firstByteTimeoutMs: PORT_FIRST_BYTE_TIMEOUT_MS,
  streamIdleMs: PORT_STREAM_IDLE_MS,
  closeGraceMs: PORT_CLOSE_GRACE_MS,
};
const TLS_HANDSHAKE = 0x16;

/** Throws `port-in-use`, `address-not-local`, `port-not-allowed`. */
export async function openPort(options: PortOptions): Promise<Port> {
  const { clock, log, onLink, onStream } = options;
  const limits = { ...LIMITS, ...options.limits };
  const open = new Map<Socket, "new" | "link" | "stream">();
  const perAddress = new Map<string, number>();
  let refused = 0;
  let silent = 0;

  const accept = (socket: Socket) => {
    const from = plainAddress(socket.remoteAddress ?? "");
    const fromThere = perAddress.get(from) ?? 0;
    // No address: the peer has gone again before we looked.
    if (from === "" || open.size >= limits.connectionsMax || fromThere >= limits.connectionsPerAddressMax) {
      refused++;
      socket.on("error", () => {});
      socket.resetAndDestroy();
      return;
    }
    open.set(socket, "new");
    perAddress.set(from, fromThere + 1);
    const cancel = clock.after(limits.firstByteTimeoutMs, () => {
      silent++;
      socket.destroy();
    });
    socket.on("error", (error) => log.debug("mesh port", { from, error }));
    socket.once("close", () => {
      cancel();
      open.delete(socket);
      const left = (perAddress.get(from) ?? 1) - 1;
      if (left > 0) perAddress.set(from, left);
      else perAddress.delete(from);
    });
    const early = () => socket.destroy();
    socket.once("end", early);
    socket.once("data", (bytes: Buffer) => {
      cancel();
      socket.off("end", early);
      socket.pause();
      if (bytes[0] === TLS_HANDSHAKE) {
        open.set(socket, "link");
        socket.unshift(bytes);
        onLink(socket);
        return;
      }
      open.set(socket, "stream");
      socket.setTimeout(limits.streamIdleMs, () => {
        silent++;
        socket.destroy();
      });
      onStream(socket, bytes);
    });
  };

  // Half-open, because a memberlist peer may send all it has, end, and still wait for our answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, accept);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(asListenFailure(error, options.address, options.port));
    server.once("error", failed);
    server.listen({ host: options.address, port: options.port, backlog: PORT_BACKLOG, exclusive: true }, () => {
      server.off("error", failed);
      server.on("error", (error) => log.warn("mesh port", { error }));
      resolve();
    });
  });
  const bound = server.address() as { address: string; port: number };
  const count = (kind: string) => [...open.values()].filter((one) => one === kind).length;
  let closing: Promise<void> | undefined;

  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const [socket, kind] of open) if (kind !== "stream") socket.destroy();
    const cancel = clock.after(limits.closeGraceMs, () => {
      for (const socket of open.keys()) socket.destroy();
    });
    await closed;
    cancel();
  };
  return {
    local: { address: bound.address, port: bound.port },
    stats: () => ({ open: open.size, links: count("link"), streams: count("stream"), refused, silent }),
    close: () => (closing ??= close()),
  };
}
