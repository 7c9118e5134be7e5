/**
 * A TCP server for protocols of requests and answers. It owns the sockets and their limits: how many, how long one
 * that is being closed may linger, how long one may leave its answers unread. What the bytes mean is its user's.
 *
 *   accepted ──► open ──finish()──► finishing (says the rest, throws away what comes) ──► closed
 *      │           └─ error, destroy(), answers unread for too long ────────────────────────▲
 *      └─ too many ──► told so, finishing ──────────────────────────────────────────────────┘
 */
import type { Socket } from "node:net";
import { createServer } from "node:net";
import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { plainAddress } from "./addresses.ts";
import {
  TCP_BACKLOG,
  TCP_CONNECTIONS_MAX,
  TCP_KEEP_ALIVE_MS,
  TCP_LINGER_MS,
  TCP_REFUSED_MAX,
  TCP_SWEEP_MS,
  TCP_UNREAD_MS,
} from "./constants.ts";
import { asListenFailure } from "./errors.ts";

export interface TcpServerLimits {
  connectionsMax: number;
  /** Connections beyond the maximum that are being told so; what comes on top is cut without a word. */
  refusedMax: number;
  lingerMs: number;
  unreadMs: number;
}

/** One open connection, as its user has it. After `finish` or `destroy` the user hears only `closed`. */
export interface TcpConnection {
  readonly remote: { address: string; port: number };
  readonly local: { address: string; port: number };
  /** Hands over pieces in order, in one system call where the kernel takes it. */
  write(pieces: readonly Uint8Array[]): void;
  /** Bytes written that the kernel has not taken yet. */
  unsentBytes(): number;
  pause(): void;
  resume(): void;
  /** Says what was written, then closes. */
  finish(): void;
  destroy(): void;
}

/** What the user of a connection does with it. */
export interface TcpReader {
  /** The chunk is the reader's. */
  read(chunk: Uint8Array): void;
  /** The kernel has taken all that was written. */
  drained(): void;
  /** The other side sends no more; it may still wait for answers. The reader calls `finish`. */
  ended(): void;
  closed(): void;
}

export interface TcpServerOptions {
  address: string;
  port: number;
  clock: Clock;
  log: Log;
  accept: (connection: TcpConnection) => TcpReader;
  /** Said to whom there is no place for. */
  refusal: Uint8Array;
  limits?: Partial<TcpServerLimits>;
}

export interface TcpServer {
  readonly local: { address: string; port: number };
  /** `refused`: there was no place. `unread`: closed because they did not read their answers. */
  stats(): { open: number; refused: number; unread: number };
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

const LIMITS: TcpServerLimits = {
  connectionsMax: TCP_CONNECTIONS_MAX,
  refusedMax: TCP_REFUSED_MAX,
  lingerMs: TCP_LINGER_MS,
  unreadMs: TCP_UNREAD_MS,
};

interface Open {
  socket: Socket;
  state: "open" | "finishing";
  /** Monotonic: when it began to finish, or when its unsent bytes last changed. */
  sinceMs: number;
  /** What the socket had handed to the kernel then. */
  sentBytes: number;
}

/** Throws `port-in-use`, `address-not-local`, `port-not-allowed`. */
export async function openTcpServer(options: TcpServerOptions): Promise<TcpServer> {
  const { clock, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const all = new Set<Open>();
  const count = { places: 0, refusing: 0, refused: 0, unread: 0 };

  const finish = (one: Open) => {
    if (one.state === "finishing") return;
    one.state = "finishing";
    one.sinceMs = clock.monotonicMs();
    // What still comes is read and thrown away: a close with unread bytes would be a reset that overtakes the answer.
    one.socket.removeAllListeners("data").on("data", () => {});
    one.socket.resume();
    one.socket.end();
  };

  const refuse = (socket: Socket) => {
    count.refused += 1;
    socket.on("error", () => {});
    if (count.refusing >= limits.refusedMax) return void socket.resetAndDestroy();
    const one: Open = { socket, state: "open", sinceMs: 0, sentBytes: 0 };
    count.refusing += 1;
    all.add(one);
    socket.once("close", () => {
      all.delete(one);
      count.refusing -= 1;
    });
    socket.write(options.refusal);
    finish(one);
  };

  const take = (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? "");
    // No address: the other side has gone again before we looked.
    if (address === "") return void socket.destroy();
    if (count.places >= limits.connectionsMax) return refuse(socket);
    const one: Open = { socket, state: "open", sinceMs: clock.monotonicMs(), sentBytes: 0 };
    count.places += 1;
    all.add(one);
    const reader = options.accept(connectionOf(one, address, finish));
    socket.on("error", (error) => log.debug("tcp connection", { address, error }));
    socket.once("close", () => {
      all.delete(one);
      count.places -= 1;
      reader.closed();
    });
    if (one.state !== "open") return;
    socket.on("data", (chunk: Buffer) => reader.read(chunk));
    socket.on("drain", () => {
      if (one.state === "open") reader.drained();
    });
    socket.once("end", () => {
      if (one.state === "open") reader.ended();
    });
  };

  const sweep = () => {
    const nowMs = clock.monotonicMs();
    for (const one of all) {
      if (one.socket.destroyed) continue;
      const sentBytes = one.socket.bytesWritten - one.socket.writableLength;
      const unread = one.socket.writableLength > 0;
      if (sentBytes !== one.sentBytes || (one.state === "open" && !unread)) {
        one.sinceMs = nowMs;
        one.sentBytes = sentBytes;
      } else if (nowMs - one.sinceMs >= (unread ? limits.unreadMs : limits.lingerMs)) {
        if (unread) count.unread += 1;
        one.socket.destroy();
      }
    }
  };

  // Half-open, because who pipes requests in may end at once and still wait for the answers.
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS },
    take,
  );
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(asListenFailure(error, options.address, options.port));
    server.once("error", failed);
    server.listen({ host: options.address, port: options.port, backlog: TCP_BACKLOG, exclusive: true }, () => {
      server.off("error", failed);
      server.on("error", (error) => log.warn("tcp server", { error }));
      resolve();
    });
  });
  const bound = server.address() as { address: string; port: number };
  const stopSweeping = clock.every(TCP_SWEEP_MS, sweep);
  let closing: Promise<void> | undefined;

  return {
    local: { address: bound.address, port: bound.port },
    stats: () => ({ open: count.places, refused: count.refused, unread: count.unread }),
    close: () =>
      (closing ??= new Promise<void>((resolve) => {
        stopSweeping();
        server.close(() => resolve());
        for (const { socket } of all) socket.destroy();
      })),
  };
}

function connectionOf(one: Open, address: string, finish: (one: Open) => void): TcpConnection {
  const { socket } = one;
  return {
    remote: { address, port: socket.remotePort ?? 0 },
    local: { address: plainAddress(socket.localAddress ?? ""), port: socket.localPort ?? 0 },
    write(pieces) {
      if (one.state !== "open" || socket.destroyed) return;
      if (pieces.length > 1) socket.cork();
      for (const piece of pieces) socket.write(piece);
      if (pieces.length > 1) socket.uncork();
    },
    unsentBytes: () => socket.writableLength,
    pause: () => void socket.pause(),
    resume: () => void (one.state === "open" && socket.resume()),
    finish: () => finish(one),
    destroy: () => void socket.destroy(),
  };
}
