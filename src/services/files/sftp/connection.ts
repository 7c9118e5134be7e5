/**
 * One SSH connection: a stranger until the login, then sessions with one member's files.
 *
 *   stranger ── login in time, few wrong attempts ──► logged in ── sftp subsystem ──► sessions (a few)
 *      └─ too slow, too many ─┐                           └─ gone, floods, server stops ─┐
 *                             ▼                                                          ▼
 *                           ended                                 sessions close their files ──► ended
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { AuthContext, Connection as SshConnection, ServerChannel, Session as SshSession } from "ssh2";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { Failure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import type { SftpLimits } from "./constants.ts";
import type { Authenticate, SftpMember } from "./login.ts";
import { Login } from "./login.ts";
import type { LoginFailures } from "./login-failures.ts";
import type { ReadAhead } from "./reading-file.ts";
import { Session } from "./session.ts";
import type { SpoolRoom } from "./spool.ts";

/** What all connections share. */
export interface Shared {
  clock: Clock;
  log: Log;
  limits: SftpLimits;
  authenticate: Authenticate;
  explain: (failure: Failure) => string;
  room: SpoolRoom;
  ahead: ReadAhead;
  failures: LoginFailures;
}

/** Programs look at the exit code, people at the words. */
const NO_COMMANDS = "This server does file transfer (SFTP) only.\n";
const NO_COMMANDS_EXIT = 1;

export class Connection {
  readonly address: string;
  /** The socket is closed and all sessions have ended. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #channels = new Set<Duplex>();
  readonly #sessions = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #stopLoginTimer: Cancel;
  #member: SftpMember | undefined;
  #attempts = 0;

  constructor(socket: Socket, address: string, shared: Shared) {
    this.#socket = socket;
    this.address = address;
    this.#shared = shared;
    this.#stopLoginTimer = shared.clock.after(shared.limits.loginTimeoutMs, () => {
      if (!this.#member) socket.destroy();
    });
    this.ended = new Promise<void>((resolve) => socket.once("close", resolve)).then(async () => {
      this.#stopLoginTimer();
      await Promise.allSettled(this.#sessions);
    });
  }

  get isLoggedIn(): boolean {
    return this.#member !== undefined;
  }

  /** `ssh2` does not end who sends beyond the window that it was given, so this does. After `ssh2` has the socket. */
  watch(): void {
    this.#socket.on("data", () => {
      for (const channel of this.#channels) {
        if (channel.readableLength > this.#shared.limits.unreadMaxBytes) this.#socket.destroy();
      }
    });
  }

  /** The greeting is over. */
  meet(client: SshConnection): void {
    const { clock, log, limits, authenticate, failures } = this.#shared;
    const { address } = this;
    const login = new Login({
      address,
      authenticate,
      clock,
      log,
      delayMs: limits.loginDelayMs,
      failed: () => {
        failures.failed(address);
        this.#attempts += 1;
        return this.#attempts >= limits.loginAttemptsMax || failures.isBarred(address);
      },
      accepted: (member) => {
        failures.succeeded(address);
        this.#member = member;
      },
      end: () => client.end(),
    });
    client.on("error", (error: Error) => log.debug("sftp connection", { address, error }));
    client.on("authentication", (attempt: AuthContext) => void login.take(attempt));
    client.on("session", (accept: () => SshSession, reject: () => void) => {
      if (this.#channels.size >= limits.sessionsMax || !this.#member) reject();
      else this.#offer(accept());
    });
  }

  /** Ends when its device was taken back. */
  forget(): void {
    if (this.#member?.isAllowed?.() === false) this.#socket.destroy();
  }

  /** Ends at once what only reads; what is being stored has `graceMs`, and is given up then. */
  async close(graceMs: number): Promise<void> {
    this.#socket.destroy();
    let stopTimer: Cancel = () => {};
    const late = new Promise<void>((resolve) => (stopTimer = this.#shared.clock.after(graceMs, resolve)));
    await Promise.race([this.ended, late.then(() => this.#stop.abort())]).finally(stopTimer);
  }

  #offer(session: SshSession): void {
    const refuse = (accept: () => ServerChannel) => {
      const channel = accept();
      channel.stderr.write(NO_COMMANDS);
      channel.exit(NO_COMMANDS_EXIT);
      channel.end();
    };
    session.on("exec", refuse);
    session.on("shell", refuse);
    // Not the event "sftp": the package's own SFTP knows no extensions and no waiting.
    session.on("subsystem", (accept: () => ServerChannel, reject: () => void, info: { name: string }) => {
      if (info.name === "sftp" && this.#channels.size < this.#shared.limits.sessionsMax) this.#serve(accept());
      else reject();
    });
    // Programs ask for these before a shell or a command; refusing them would end some before they hear why.
    session.on("env", (accept?: () => void) => accept?.());
    session.on("pty", (accept?: () => void) => accept?.());
  }

  #serve(channel: ServerChannel): void {
    const { log } = this.#shared;
    const { name, files } = this.#member!;
    const signal = this.#stop.signal;
    const drained = () => this.#drained(channel);
    const session = new Session(channel, { ...this.#shared, files, owner: name, drained, signal });
    this.#channels.add(channel);
    channel.on("error", (error: Error) => log.debug("sftp channel", { error }));
    channel.once("close", () => this.#channels.delete(channel));
    const running = session
      .run()
      .catch((error: unknown) => log.debug("sftp session", { error }))
      .finally(() => {
        this.#channels.delete(channel);
        this.#sessions.delete(running);
        channel.exit(0);
        channel.end();
      });
    this.#sessions.add(running);
  }

  /** False when nobody is there any more. */
  async #drained(channel: Duplex): Promise<boolean> {
    const socket = this.#socket;
    while (this.#channels.has(channel) && !socket.destroyed) {
      const waiting = [channel, socket].find((one) => one.writableNeedDrain);
      if (!waiting) return true;
      await new Promise<void>((resolve) => {
        const done = () => {
          waiting.off("drain", done);
          channel.off("close", done);
          socket.off("close", done);
          resolve();
        };
        waiting.once("drain", done);
        channel.once("close", done);
        socket.once("close", done);
      });
    }
    return false;
  }
}
