/**
 * The SFTP server: one port, SSH by the `ssh2` package, and behind each login the files of one member. Only the `sftp`
 * subsystem: no shell, no commands, no forwarding of ports.
 */
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import type { Connection as SshConnection } from "ssh2";
import ssh2 from "ssh2";
import type { Clock } from "../../../kernel/clock.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { plainAddress } from "../../../platform/addresses.ts";
import { asListenFailure } from "../../../platform/errors.ts";
import { Connection } from "./connection.ts";
import type { SftpLimits } from "./constants.ts";
import { SFTP_LIMITS } from "./constants.ts";
import { publicHostKey } from "./host-key.ts";
import type { Authenticate } from "./login.ts";
import { LoginFailures } from "./login-failures.ts";
import { ReadAhead } from "./reading-file.ts";
import { SpoolRoom } from "./spool.ts";

export interface SftpOptions {
  /** From `makeHostKey`. */
  hostKey: string;
  address: string;
  /** 0: any free one. */
  port: number;
  /** Undefined: not known. Slow answers and pauses after failures of one account are the caller's. */
  authenticate: Authenticate;
  /** Private to this box; made when it is needed. */
  spoolFolder: string;
  clock: Clock;
  log: Log;
  /** A failure in words, for the client to show. Its code, by default. */
  explain?: (failure: Failure) => string;
  limits?: Partial<SftpLimits>;
}

export interface Sftp {
  readonly local: { address: string; port: number };
  readonly hostKeyFingerprint: string;
  stats(): { connections: number; loggedIn: number; refused: number; spoolBytes: number; readAheadBytes: number };
  /** Devices changed: ends the connections of those that are not allowed any more. */
  forget(): void;
  /** Stops listening, lets what is being stored end within the grace, and closes all connections. */
  close(): Promise<void>;
}

/** No compression (a small packet may unpack to a large one), no key exchange that takes long to compute. */
const ALGORITHMS = {
  kex: ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384"],
  // Those that Node computes; the others would be done in script.
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr"],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
  compress: ["none"],
} satisfies ssh2.ServerConfig["algorithms"];

/** Throws `port-in-use`, `address-not-local`, `port-not-allowed`. */
export async function createSftp(options: SftpOptions): Promise<Sftp> {
  const { clock, log, hostKey } = options;
  const limits = { ...SFTP_LIMITS, ...options.limits };
  const shared = {
    clock,
    log,
    limits,
    authenticate: options.authenticate,
    explain: options.explain ?? ((failure: Failure) => failure.code),
    room: new SpoolRoom(options.spoolFolder, limits),
    ahead: new ReadAhead(limits),
    failures: new LoginFailures(clock, limits),
  };
  const ssh = new ssh2.Server({ hostKeys: [hostKey], algorithms: ALGORITHMS, ident: "comu" });
  const open = new Map<string, Connection>();
  let refused = 0;

  const take = (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? "");
    const all = [...open.values()];
    const isFull =
      address === "" ||
      all.length >= limits.connectionsMax ||
      all.filter((one) => one.address === address).length >= limits.connectionsPerAddressMax ||
      all.filter((one) => !one.isLoggedIn).length >= limits.strangersMax ||
      shared.failures.isBarred(address);
    socket.on("error", (error) => log.debug("sftp connection", { address, error }));
    if (isFull) {
      refused += 1;
      return void socket.destroy();
    }
    const name = nameOf(socket);
    const connection = new Connection(socket, address, shared);
    open.set(name, connection);
    void connection.ended.then(() => open.delete(name));
    ssh.injectSocket(socket);
    connection.watch();
  };
  ssh.on("connection", (client: SshConnection, info: { ip: string; port: number }) => {
    const connection = open.get(`${info.ip} ${info.port}`);
    if (connection) connection.meet(client);
    else client.end();
  });
  ssh.on("error", (error: Error) => log.warn("sftp server", { error }));

  const server = createServer({ noDelay: true, keepAlive: true }, take);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(asListenFailure(error, options.address, options.port));
    server.once("error", failed);
    server.listen({ host: options.address, port: options.port, exclusive: true }, () => {
      server.off("error", failed);
      server.on("error", (error) => log.warn("sftp server", { error }));
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all([...open.values()].map((one) => one.close(limits.stopGraceMs)));
    await closed;
  };
  return {
    local: { address: bound.address, port: bound.port },
    hostKeyFingerprint: publicHostKey(hostKey).fingerprint,
    stats: () => ({
      connections: open.size,
      loggedIn: [...open.values()].filter((one) => one.isLoggedIn).length,
      refused,
      spoolBytes: shared.room.usedBytes(),
      readAheadBytes: shared.ahead.heldBytes,
    }),
    forget: () => {
      for (const one of open.values()) one.forget();
    },
    close: () => (closing ??= close()),
  };
}

/** As `ssh2` says who has connected. */
function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
