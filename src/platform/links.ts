/**
 * Links between boxes: TLS 1.3 with both keys proved, HTTP/2 over it, pooled, with flow control, deadlines and
 * limits. One `Links` per daemon answers what others ask and carries what we ask.
 */
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import { constants } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../kernel/clock.ts";
import { isFailure } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import {
  LINK_BODIES_BYTES_MAX,
  LINK_BODIES_PER_PEER_BYTES_MAX,
  LINK_BODY_BYTES_MAX,
  LINK_CLOSE_GRACE_MS,
  LINK_CONNECT_TIMEOUT_MS,
  LINK_HANDSHAKE_TIMEOUT_MS,
  LINK_IDLE_MS,
  LINK_PING_INTERVAL_MS,
  LINK_PING_TIMEOUT_MS,
  LINK_POOL_MAX,
  LINK_REQUESTS_MAX,
  LINK_REQUESTS_PER_LINK_MAX,
  LINK_REQUESTS_PER_PEER_MAX,
  LINK_REQUEST_DEADLINE_MS,
  LINK_REQUEST_TIMEOUT_MS,
  LINK_SERVER_IDLE_MS,
  LINK_SESSIONS_PER_PEER_MAX,
  LINK_STREAM_IDLE_MS,
} from "./constants.ts";
import { fail } from "./errors.ts";
import type { Identity } from "./identity.ts";
import { STREAM_HEADER, bodyBudget, readBody } from "./link-messages.ts";
import type { Connect, LinkTarget, PooledLink } from "./link-pool.ts";
import { createLinkPool, where } from "./link-pool.ts";
import type { LinkServerOptions } from "./link-server.ts";
import { createLinkServer } from "./link-server.ts";
import { linkContext } from "./peer-tls.ts";

/** The limits of `constants.ts`, named as there without the prefix. */
export interface LinkLimits {
  connectTimeoutMs: number;
  handshakeTimeoutMs: number;
  bodyBytesMax: number;
  bodiesBytesMax: number;
  bodiesPerPeerBytesMax: number;
  requestDeadlineMs: number;
  requestsMax: number;
  requestsPerPeerMax: number;
  sessionsPerPeerMax: number;
  poolMax: number;
  requestsPerLinkMax: number;
  idleMs: number;
  serverIdleMs: number;
  pingIntervalMs: number;
  pingTimeoutMs: number;
  closeGraceMs: number;
}

export interface LinksOptions extends Pick<LinkServerOptions, "handler" | "streamHandler" | "authorize"> {
  identity: Identity;
  clock: Clock;
  log: Log;
  /** The bytes below TLS; TCP where it is not given. */
  connect?: Connect;
  limits?: Partial<LinkLimits>;
}

export interface LinkCall {
  peer: LinkTarget;
  path: string;
  body?: Uint8Array;
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface LinkReply {
  status: number;
  body: Uint8Array;
  /** Who answered. */
  peer: string;
  /** From sending the request on an open link to the first byte of the answer; the peer's own work included. */
  rttMs: number;
}

export interface LinksStats {
  /** Below TLS, since the start. */
  bytesIn: number;
  bytesOut: number;
  /** Links that others hold towards us. */
  sessionsIn: number;
  /** Links that we hold towards others. */
  sessionsOut: number;
  /** Handshakes under way. */
  handshakes: number;
  /** Links of others that were not taken: no key, not authorized, too many, too slow. */
  refused: number;
  /** Requests of others being answered. */
  requests: number;
}

export interface Links {
  /** Takes a connection of another box (any Duplex), whose next byte is the TLS hello. */
  accept(raw: Duplex): void;
  /** Asks a peer. Throws `peer-unreachable`, `peer-identity`, `peer-timeout`, `peer-refused`, `links-full`; an abort
   * of the caller throws the signal's reason. An answer with an error status is an answer. */
  request(call: LinkCall): Promise<LinkReply>;
  /** A stream of bytes in both directions, with flow control. The peer's `streamHandler` has the other end. */
  openStream(call: Omit<LinkCall, "body">): Promise<{ stream: Duplex; peer: string }>;
  /** Cuts all links with a box, at once. New ones are up to `authorize`. */
  dropPeer(boxId: string): void;
  stats(): LinksStats;
  close(): Promise<void>;
}

const LIMITS: LinkLimits = {
  connectTimeoutMs: LINK_CONNECT_TIMEOUT_MS,
  handshakeTimeoutMs: LINK_HANDSHAKE_TIMEOUT_MS,
  bodyBytesMax: LINK_BODY_BYTES_MAX,
  bodiesBytesMax: LINK_BODIES_BYTES_MAX,
  bodiesPerPeerBytesMax: LINK_BODIES_PER_PEER_BYTES_MAX,
  requestDeadlineMs: LINK_REQUEST_DEADLINE_MS,
  requestsMax: LINK_REQUESTS_MAX,
  requestsPerPeerMax: LINK_REQUESTS_PER_PEER_MAX,
  sessionsPerPeerMax: LINK_SESSIONS_PER_PEER_MAX,
  poolMax: LINK_POOL_MAX,
  requestsPerLinkMax: LINK_REQUESTS_PER_LINK_MAX,
  idleMs: LINK_IDLE_MS,
  serverIdleMs: LINK_SERVER_IDLE_MS,
  pingIntervalMs: LINK_PING_INTERVAL_MS,
  pingTimeoutMs: LINK_PING_TIMEOUT_MS,
  closeGraceMs: LINK_CLOSE_GRACE_MS,
};

export function createLinks(options: LinksOptions): Links {
  const { clock } = options;
  const limits = { ...LIMITS, ...options.limits };
  const meter = createMeter();
  const shared = { ...options, context: linkContext(options.identity), limits, onRaw: meter.watch };
  const server = createLinkServer(shared);
  const pool = createLinkPool(shared);
  const budget = bodyBudget(limits.bodiesBytesMax);

  /** A link for one call, or the end of the caller's patience, whichever comes first. */
  const linkFor = async (call: LinkCall, stop: AbortSignal): Promise<PooledLink> => {
    const getting = pool.get(call.peer);
    try {
      return await unlessAborted(getting, stop);
    } catch (error) {
      // The link may still open after we gave up; its place must be given back.
      if (stop.aborted)
        getting.then(
          (link) => link.release(),
          () => {},
        );
      throw error;
    }
  };

  const exchange = async (call: LinkCall, stop: AbortSignal): Promise<LinkReply> => {
    const link = await linkFor(call, stop);
    try {
      const stream = begin(link, call, { "content-length": String(call.body?.length ?? 0) }, stop);
      const sentMs = clock.monotonicMs();
      // Listened for from the start: the end of an empty answer comes together with its status.
      const reading = readBody(stream, limits.bodyBytesMax, budget);
      stream.end(call.body);
      const status = await answerOf(stream, link, call.peer, stop);
      const rttMs = clock.monotonicMs() - sentMs;
      const { result, body, release } = await reading;
      release();
      if (result === "complete") return { status, body, peer: link.peer, rttMs };
      stream.close(constants.NGHTTP2_CANCEL);
      stop.throwIfAborted();
      if (result === "too-large") throw fail("peer-answer-too-large", { params: { limit: limits.bodyBytesMax } });
      if (result === "full") throw fail("links-full", { params: { limit: limits.bodiesBytesMax } });
      throw fail("peer-unreachable", { params: where(call.peer) });
    } finally {
      link.release();
    }
  };

  const openStream = async (call: LinkCall, stop: AbortSignal) => {
    const link = await linkFor(call, stop);
    try {
      const stream = begin(link, call, { [STREAM_HEADER]: "1" }, stop);
      const status = await answerOf(stream, link, call.peer, stop);
      if (status !== 200) {
        stream.close(constants.NGHTTP2_CANCEL);
        throw fail("peer-refused", { params: { ...where(call.peer), status } });
      }
      stream.setTimeout(LINK_STREAM_IDLE_MS, () => stream.close(constants.NGHTTP2_CANCEL));
      stream.once("close", () => link.release());
      return { stream: stream as Duplex, peer: link.peer };
    } catch (error) {
      link.release();
      throw error;
    }
  };

  /** Runs one call with its own deadline and the caller's signal joined. */
  const within = async <T>(call: LinkCall, run: (stop: AbortSignal) => Promise<T>): Promise<T> => {
    const timeout = new AbortController();
    const late = () => timeout.abort(fail("peer-timeout", { params: where(call.peer) }));
    const cancel = clock.after(call.timeoutMs ?? LINK_REQUEST_TIMEOUT_MS, late);
    try {
      return await run(call.signal ? AbortSignal.any([call.signal, timeout.signal]) : timeout.signal);
    } finally {
      cancel();
    }
  };

  return {
    accept: server.accept,
    request: (call) => within(call, (stop) => exchange(call, stop)),
    openStream: (call) => within(call, (stop) => openStream(call, stop)),
    dropPeer(boxId) {
      server.dropPeer(boxId);
      pool.dropPeer(boxId);
    },
    stats() {
      const { sessions, handshakes, refused, requests } = server.counts();
      return { ...meter.total(), sessionsIn: sessions, sessionsOut: pool.size(), handshakes, refused, requests };
    },
    async close() {
      await Promise.all([server.close(), pool.close()]);
    },
  };
}

/** Sends the headers of a call. */
function begin(link: PooledLink, call: LinkCall, more: Record<string, string>, stop: AbortSignal): ClientHttp2Stream {
  stop.throwIfAborted();
  try {
    const headers = { ...call.headers, ...more, ":method": "POST", ":path": call.path };
    const stream = link.session.request(headers, { endStream: false });
    // Errors also arrive as "close", which `answerOf` and `readBody` watch.
    stream.on("error", () => {});
    const abort = () => stream.close(constants.NGHTTP2_CANCEL);
    stop.addEventListener("abort", abort, { once: true });
    stream.once("close", () => stop.removeEventListener("abort", abort));
    return stream;
  } catch (error) {
    // The link closed between being taken and being used.
    throw fail("peer-unreachable", { params: where(call.peer), cause: error });
  }
}

/** The status of the answer. */
function answerOf(stream: ClientHttp2Stream, link: PooledLink, target: LinkTarget, stop: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let cause: unknown;
    stream.once("error", (error) => (cause = error));
    stream.once("response", (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) =>
      resolve(headers[":status"] ?? 0),
    );
    stream.once("close", () => {
      if (stop.aborted) return reject(stop.reason);
      reject(fail(link.session.destroyed ? "peer-unreachable" : "peer-refused", { params: where(target), cause }));
    });
  });
}

function unlessAborted<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  if (stop.aborted) return Promise.reject(stop.reason);
  return new Promise((resolve, reject) => {
    const abort = () => reject(stop.reason);
    stop.addEventListener("abort", abort, { once: true });
    work
      .then(resolve, (error: unknown) => reject(isFailure(error) ? error : (error as Error)))
      .finally(() => {
        stop.removeEventListener("abort", abort);
      });
  });
}

/** Adds up the bytes of connections, also of those that are closed. Other Duplexes than sockets count themselves. */
function createMeter() {
  const open = new Set<Socket>();
  let bytesIn = 0;
  let bytesOut = 0;
  return {
    watch(raw: Duplex) {
      if (!(raw instanceof Socket)) return;
      open.add(raw);
      raw.once("close", () => {
        open.delete(raw);
        bytesIn += raw.bytesRead;
        bytesOut += raw.bytesWritten;
      });
    },
    total() {
      const sum = { bytesIn, bytesOut };
      for (const raw of open) {
        sum.bytesIn += raw.bytesRead;
        sum.bytesOut += raw.bytesWritten;
      }
      return sum;
    },
  };
}
