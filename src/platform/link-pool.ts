/**
 * The calling half of the links: one open link per peer and address, shared by all requests to it, kept alive by
 * pings and closed when it is idle. The peer's identity is checked before the first byte of a request leaves.
 *
 *   opening ──handshake, right box──► open ──idle, drop, ping unanswered, error──► gone
 *      └───────refused, wrong box, too late───────────────────────────────────────►─┘
 */
import type { ClientHttp2Session } from "node:http2";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import type { Cancel, Clock } from "../kernel/clock.ts";
import type { Failure } from "../kernel/errors.ts";
import { isFailure } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { LINK_HEADERS_MAX, LINK_SESSION_MEMORY_MB, LINK_WINDOW_BYTES } from "./constants.ts";
import { fail } from "./errors.ts";
import { LINK_SETTINGS } from "./link-messages.ts";
import { closeGently } from "./link-server.ts";
import type { LinkLimits } from "./links.ts";
import type { SecureLink } from "./peer-tls.ts";
import { HandshakeTimeout, secureAsClient } from "./peer-tls.ts";

/** Where a peer is, and who it must be. Without a box id whoever answers is taken, as at a first contact. */
export interface LinkTarget {
  boxId?: string;
  address: string;
  port: number;
}

/** Opens the bytes below TLS. Must settle within a time of its own. */
export type Connect = (target: LinkTarget) => Promise<Duplex>;

export interface LinkPoolOptions {
  context: SecureContext;
  clock: Clock;
  log: Log;
  limits: LinkLimits;
  connect?: Connect;
  onRaw: (raw: Duplex) => void;
}

export interface PooledLink {
  readonly peer: string;
  readonly peerKey: Uint8Array;
  readonly session: ClientHttp2Session;
  /** To be called once for each `get`, when the request or stream is over. */
  release(): void;
}

export interface LinkPool {
  /** An open link with room for one more request. Throws the `peer-*` failures and `links-full`. */
  get(target: LinkTarget): Promise<PooledLink>;
  dropPeer(boxId: string): void;
  size(): number;
  close(): Promise<void>;
}

interface Entry {
  target: LinkTarget;
  opening: Promise<ClientHttp2Session>;
  link?: SecureLink;
  session?: ClientHttp2Session;
  inUse: number;
  lastUsedMs: number;
  dropped: boolean;
}

export function createLinkPool(options: LinkPoolOptions): LinkPool {
  const { clock, log, limits } = options;
  const connect = options.connect ?? tcpConnect(clock, limits.connectTimeoutMs);
  const entries = new Map<string, Entry>();
  let closed = false;

  const forget = (key: string, entry: Entry) => {
    entry.dropped = true;
    if (entries.get(key) === entry) entries.delete(key);
  };

  const makeRoom = () => {
    if (entries.size < limits.poolMax) return;
    const idle = [...entries]
      .filter(([, entry]) => entry.inUse === 0)
      .sort((a, b) => a[1].lastUsedMs - b[1].lastUsedMs)[0];
    if (!idle) throw fail("links-full", { params: { limit: limits.poolMax } });
    forget(...idle);
    idle[1].session?.destroy();
  };

  const open = async (key: string, entry: Entry): Promise<ClientHttp2Session> => {
    try {
      const link = await secureTo(options, connect, entry.target);
      if (closed || entry.dropped) {
        link.socket.destroy();
        throw fail("peer-refused", { params: where(entry.target) });
      }
      const session = connectHttp2(`https://${link.peer}`, {
        createConnection: () => link.socket,
        settings: LINK_SETTINGS,
        maxSessionMemory: LINK_SESSION_MEMORY_MB,
        maxHeaderListPairs: LINK_HEADERS_MAX,
      });
      Object.assign(entry, { link, session });
      session.on("error", (error) => log.debug("link", { peer: link.peer, error }));
      session.once("connect", () => session.setLocalWindowSize(LINK_WINDOW_BYTES));
      link.socket.once("end", () => session.destroy());
      session.once("goaway", () => forget(key, entry));
      session.once("close", () => {
        forget(key, entry);
        link.socket.destroy();
      });
      return session;
    } catch (error) {
      forget(key, entry);
      throw error;
    }
  };

  /** Once per ping interval: closes what is idle and finds out which links are dead. */
  const tend = () => {
    const nowMs = clock.monotonicMs();
    for (const [key, entry] of entries) {
      const { session } = entry;
      if (!session || session.destroyed) continue;
      if (entry.inUse === 0 && nowMs - entry.lastUsedMs >= limits.idleMs) {
        forget(key, entry);
        void closeGently({ session, socket: entry.link!.socket }, clock, limits.closeGraceMs);
        continue;
      }
      const cancel = clock.after(limits.pingTimeoutMs, () => session.destroy());
      session.once("close", cancel);
      const sent = session.ping((error) => {
        if (error) return;
        session.off("close", cancel);
        cancel();
      });
      if (!sent) cancel();
    }
  };
  const stopTending: Cancel = clock.every(limits.pingIntervalMs, tend);

  return {
    async get(target) {
      if (closed) throw fail("links-full", { params: { limit: 0 } });
      const key = `${target.boxId ?? ""}|${target.address}|${target.port}`;
      let entry = entries.get(key);
      if (entry?.session && (entry.session.closed || entry.session.destroyed)) {
        forget(key, entry);
        entry = undefined;
      }
      if (!entry) {
        makeRoom();
        const fresh: Entry = { target, opening: undefined as never, inUse: 0, lastUsedMs: 0, dropped: false };
        entries.set(key, fresh);
        fresh.opening = open(key, fresh);
        entry = fresh;
      }
      const used = entry;
      if (used.inUse >= limits.requestsPerLinkMax)
        throw fail("links-full", { params: { limit: limits.requestsPerLinkMax } });
      used.inUse++;
      let released = false;
      const release = () => {
        if (released) return;
        released = true;
        used.inUse--;
        used.lastUsedMs = clock.monotonicMs();
      };
      try {
        const session = await used.opening;
        return { peer: used.link!.peer, peerKey: used.link!.peerKey, session, release };
      } catch (error) {
        release();
        throw error;
      }
    },
    dropPeer(boxId) {
      for (const [key, entry] of entries) {
        if (entry.target.boxId !== boxId && entry.link?.peer !== boxId) continue;
        forget(key, entry);
        entry.session?.destroy();
      }
    },
    size: () => entries.size,
    async close() {
      closed = true;
      stopTending();
      const open = [...entries.values()].flatMap(({ session, link }) =>
        session && link ? { session, socket: link.socket } : [],
      );
      await Promise.all(open.map((one) => closeGently(one, clock, limits.closeGraceMs)));
    },
  };
}

/** Connects, shakes hands, and compares who answered with who was meant. */
async function secureTo(options: LinkPoolOptions, connect: Connect, target: LinkTarget): Promise<SecureLink> {
  const { clock, context, limits } = options;
  let raw: Duplex;
  try {
    raw = await connect(target);
  } catch (error) {
    throw isFailure(error) ? error : fail("peer-unreachable", { params: where(target), cause: error });
  }
  options.onRaw(raw);
  return new Promise((resolve, reject) => {
    secureAsClient({
      raw,
      context,
      clock,
      timeoutMs: limits.handshakeTimeoutMs,
      onSecure: (link) => {
        if (target.boxId === undefined || target.boxId === link.peer) return resolve(link);
        link.socket.destroy();
        reject(fail("peer-identity", { params: { expected: target.boxId, actual: link.peer } }));
      },
      onFailed: (error) => reject(handshakeFailure(error, target)),
    });
  });
}

function handshakeFailure(error: Error, target: LinkTarget): Failure {
  const code = error instanceof HandshakeTimeout ? "peer-timeout" : "peer-unreachable";
  return fail(code, { params: where(target), cause: error });
}

export function where({ address, port }: LinkTarget): { address: string; port: number } {
  return { address, port };
}

function tcpConnect(clock: Clock, timeoutMs: number): Connect {
  return (target) =>
    new Promise((resolve, reject) => {
      const socket = connectTcp({ host: target.address, port: target.port, noDelay: true, keepAlive: true });
      const cancel = clock.after(timeoutMs, () => socket.destroy(fail("peer-timeout", { params: where(target) })));
      const failed = (error: Error) => {
        cancel();
        reject(error);
      };
      socket.once("error", failed);
      socket.once("connect", () => {
        cancel();
        socket.off("error", failed);
        resolve(socket);
      });
    });
}
