/**
 * The Redis front end of the store: what lets redis-cli and every Redis library use it. Listens on this machine only
 * unless told otherwise; without a password it takes nobody from elsewhere. Which commands there are: resp-commands.ts.
 */
import type { Clock } from "../../kernel/clock.ts";
import { nextTurn } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import { hostPort } from "../../platform/addresses.ts";
import { TCP_CONNECTIONS_MAX, TCP_SWEEP_MS } from "../../platform/constants.ts";
import type { TcpConnection, TcpReader } from "../../platform/tcp-server.ts";
import { openTcpServer } from "../../platform/tcp-server.ts";
import { ReplyWriter } from "../../protocols/resp/writer.ts";
import type { RespHouse, RespStats, RespStore } from "./resp-command.ts";
import type { RespKeeper } from "./resp-connection.ts";
import { RespConnection } from "./resp-connection.ts";
import { createCursors } from "./resp-keys.ts";
import * as limit from "./resp-limits.ts";
import { createRespPasswords } from "./resp-password.ts";

export interface RespLimits {
  connectionsMax: number;
  inFlightMax: number;
  queuedMax: number;
  expectedBytesMax: number;
  expectedFirstBytes: number;
  waitingBytesMax: number;
  readAheadBytes: number;
  outputBytesMax: number;
  heldBytesMax: number;
  requestMs: number;
  firstMs: number;
  idleMs: number;
}

const LIMITS: RespLimits = {
  connectionsMax: TCP_CONNECTIONS_MAX,
  inFlightMax: limit.RESP_IN_FLIGHT_MAX,
  queuedMax: limit.RESP_QUEUED_MAX,
  expectedBytesMax: limit.RESP_EXPECTED_BYTES_MAX,
  expectedFirstBytes: limit.RESP_EXPECTED_FIRST_BYTES,
  waitingBytesMax: limit.RESP_WAITING_BYTES_MAX,
  readAheadBytes: limit.RESP_READ_AHEAD_BYTES,
  outputBytesMax: limit.RESP_OUTPUT_BYTES_MAX,
  heldBytesMax: limit.RESP_HELD_BYTES_MAX,
  requestMs: limit.RESP_REQUEST_MS,
  firstMs: limit.RESP_FIRST_MS,
  idleMs: limit.RESP_IDLE_MS,
};

export interface RespServerOptions {
  store: RespStore;
  clock: Clock;
  random: Random;
  log: Log;
  /** Of the program, for INFO. */
  version: string;
  address?: string;
  /** 0: any that is free. */
  port?: number;
  /** As `hashRespPassword` made it; undefined: none, and nobody from another machine is let in. */
  password?: string | undefined;
  limits?: Partial<RespLimits>;
}

export interface RespServer {
  readonly local: { address: string; port: number };
  stats(): RespStats & { cutOff: number; unread: number };
  close(): Promise<void>;
}

const latin1 = (text: string) => Buffer.from(text, "latin1");
const FULL = latin1("-ERR max number of clients reached\r\n");
const DENIED = latin1(
  "-DENIED no password is set, so that only connections from this machine are taken; set one for the others\r\n",
);
const LOOPBACK = /^(?:127\.|::1$)/;

/** Throws `port-in-use`, `address-not-local`, `port-not-allowed`. */
export async function openRespServer(options: RespServerOptions): Promise<RespServer> {
  const { clock, log, random, store, version, password } = options;
  const limits = { ...LIMITS, ...options.limits };
  const connections = new Set<RespConnection>();
  const count = { taken: 0, commands: 0, heldBytes: 0, cutOff: 0 };
  const startedMs = clock.monotonicMs();

  const stats = () => ({
    startedMs,
    connections: connections.size,
    connectionsMax: limits.connectionsMax,
    connectionsTaken: count.taken,
    connectionsRefused: server.stats().refused,
    commands: count.commands,
    heldBytes: count.heldBytes,
    cutOff: count.cutOff,
    unread: server.stats().unread,
  });
  const house: RespHouse = {
    store,
    clock,
    version,
    cursors: createCursors(BigInt(random.below(2 ** 31)) << 20n),
    checkPassword: password === undefined ? undefined : createRespPasswords({ stored: password, clock, random, log }),
    sessions: () => connections,
    stats,
  };

  const cutOff = (connection: RespConnection, why: string) => {
    count.cutOff += 1;
    log.info("redis client cut off", { client: connection.remote, why, heldBytes: connection.heldBytes() });
    connection.destroy();
  };
  const relieve = () => {
    let most: RespConnection | undefined;
    for (const one of connections) if (!most || one.heldBytes() > most.heldBytes()) most = one;
    if (most) cutOff(most, "memory");
  };

  const keeper: RespKeeper = {
    house,
    limits,
    soon: flushing(),
    holds(bytes) {
      count.heldBytes += bytes;
      if (bytes > 0 && count.heldBytes > limits.heldBytesMax) relieve();
    },
    counted: () => void (count.commands += 1),
    bug: (command, cause) => log.error("a command of the redis front end failed", { command, error: cause }),
    gone: (connection) => void connections.delete(connection),
  };
  const accept = (tcp: TcpConnection): TcpReader => {
    count.taken += 1;
    if (password === undefined && !LOOPBACK.test(tcp.remote.address)) {
      tcp.write([DENIED]);
      tcp.finish();
      return NOBODY;
    }
    const connection = new RespConnection(count.taken, tcp, keeper, (of) => hostPort(of.address, of.port));
    connections.add(connection);
    return connection;
  };

  const server = await openTcpServer({
    address: options.address ?? limit.RESP_ADDRESS,
    port: options.port ?? limit.RESP_PORT,
    clock,
    log,
    accept,
    refusal: FULL,
    limits: { connectionsMax: limits.connectionsMax },
  });
  const stopSweeping = clock.every(TCP_SWEEP_MS, () => {
    const nowMs = clock.monotonicMs();
    for (const one of connections) {
      const why = one.overdue(nowMs);
      if (why) cutOff(one, why);
    }
  });
  return {
    local: server.local,
    stats,
    close() {
      stopSweeping();
      return server.close();
    },
  };
}

const NOBODY: TcpReader = { read: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };

/** Collects connections that have answers, and flushes all of them at the end of the turn with one writer. */
function flushing(): RespKeeper["soon"] {
  const writer = new ReplyWriter();
  let ready = new Set<RespConnection>();
  return (connection) => {
    if (ready.size === 0) {
      void nextTurn().then(() => {
        const flushed = ready;
        ready = new Set();
        for (const one of flushed) one.flush(writer);
      });
    }
    ready.add(connection);
  };
}
