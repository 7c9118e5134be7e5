/**
 * The answering half of the links: takes raw connections, finds out who calls, and hands each request to the one
 * handler, within limits on links per peer, requests, bodies and time.
 */
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { constants, performServerHandshake } from "node:http2";
import type { Duplex } from "node:stream";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../kernel/clock.ts";
import type { Failure } from "../kernel/errors.ts";
import { asFailure, isFailure } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import {
  LINK_DISCARD_MS,
  LINK_HEADERS_MAX,
  LINK_SESSION_MEMORY_MB,
  LINK_STREAM_IDLE_MS,
  LINK_WINDOW_BYTES,
} from "./constants.ts";
import type { Call } from "./link-callers.ts";
import { createCallers } from "./link-callers.ts";
import type { LinkAnswer, LinkRequest } from "./link-messages.ts";
import { LINK_SETTINGS, STREAM_HEADER, readBody } from "./link-messages.ts";
import type { LinkLimits } from "./links.ts";
import type { SecureLink } from "./peer-tls.ts";
import { secureAsServer } from "./peer-tls.ts";

export interface LinkServerOptions {
  context: SecureContext;
  clock: Clock;
  log: Log;
  limits: LinkLimits;
  handler: (request: LinkRequest) => Promise<LinkAnswer>;
  streamHandler?: (request: Omit<LinkRequest, "body" | "signal">, stream: Duplex) => void;
  /** Asked when a link opens (without a path) and at each request. */
  authorize: (caller: { peer: string; path?: string }) => boolean;
  /** Told of each connection, so that its bytes are counted. */
  onRaw: (raw: Duplex) => void;
}

export interface LinkServer {
  accept(raw: Duplex): void;
  dropPeer(boxId: string): void;
  counts(): { sessions: number; handshakes: number; refused: number; requests: number };
  close(): Promise<void>;
}

interface ServedLink extends SecureLink {
  session: ServerHttp2Session;
}

export function createLinkServer(options: LinkServerOptions): LinkServer {
  const { clock, log, limits, authorize } = options;
  const links = new Set<ServedLink>();
  const handshakes = new Set<Duplex>();
  const callers = createCallers(limits, clock);
  let refused = 0;
  let closed = false;

  const answer = (stream: ServerHttp2Stream, what: LinkAnswer) => sendAnswer(stream, what, clock);

  const take = (link: SecureLink) => {
    const ofPeer = [...links].filter((one) => one.peer === link.peer).length;
    if (closed || ofPeer >= limits.sessionsPerPeerMax || !authorize({ peer: link.peer })) {
      refused++;
      link.socket.destroy();
      return;
    }
    const session = performServerHandshake(link.socket, {
      settings: LINK_SETTINGS,
      maxSessionMemory: LINK_SESSION_MEMORY_MB,
      maxHeaderListPairs: LINK_HEADERS_MAX,
    });
    const served: ServedLink = { ...link, session };
    links.add(served);
    session.setLocalWindowSize(LINK_WINDOW_BYTES);
    session.setTimeout(limits.serverIdleMs, () => session.destroy());
    session.on("error", (error) => log.debug("link", { peer: link.peer, error }));
    link.socket.once("end", () => session.destroy());
    session.once("close", () => {
      links.delete(served);
      link.socket.destroy();
    });
    session.on("stream", (stream, headers) => serve(served, stream, headers));
  };

  const serve = (link: ServedLink, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", (error) => log.debug("link request", { peer: link.peer, error }));
    const path = String(headers[":path"] ?? "");
    const request = { peer: link.peer, peerKey: link.peerKey, method: String(headers[":method"]), path, headers };
    if (!authorize({ peer: link.peer, path })) return answer(stream, { status: 403 });
    if (headers[STREAM_HEADER] !== undefined) {
      if (!options.streamHandler) return answer(stream, { status: 404 });
      stream.setTimeout(LINK_STREAM_IDLE_MS, () => stream.close(constants.NGHTTP2_CANCEL));
      stream.respond({ ":status": 200 });
      return options.streamHandler(request, stream);
    }
    const length = headers["content-length"];
    const call = callers.begin(link.peer, length === undefined ? undefined : Number(length));
    if (!call) return answer(stream, { status: 503 });
    void handle(request, stream, call).finally(call.end);
  };

  const handle = async (request: Omit<LinkRequest, "body" | "signal">, stream: ServerHttp2Stream, call: Call) => {
    if (call.refusal) {
      await call.wait();
      return answer(stream, call.refusal);
    }
    const stop = new AbortController();
    stream.once("close", () => stop.abort());
    const cancel = clock.after(limits.requestDeadlineMs, () => {
      stop.abort();
      answer(stream, { status: 504 });
    });
    const { result, body, release } = await readBody(stream, limits.bodyBytesMax, call.bodies);
    try {
      if (result === "too-large") answer(stream, { status: 413 });
      else if (result === "full") answer(stream, { status: 503 });
      else if (result === "complete") {
        const given = await options.handler({ ...request, body, signal: stop.signal });
        call.answered(given);
        answer(stream, given);
      }
    } catch (error) {
      if (!isFailure(error)) log.error("a link request failed", { peer: request.peer, path: request.path, error });
      answer(stream, failureAnswer(asFailure(error)));
    } finally {
      cancel();
      release();
    }
  };

  return {
    accept(raw) {
      if (closed) return void raw.destroy();
      options.onRaw(raw);
      handshakes.add(raw);
      secureAsServer({
        raw,
        context: options.context,
        clock,
        timeoutMs: limits.handshakeTimeoutMs,
        onSecure: (link) => {
          handshakes.delete(raw);
          take(link);
        },
        onFailed: (error) => {
          handshakes.delete(raw);
          refused++;
          log.debug("a link was not established", { error });
        },
      });
    },
    dropPeer(boxId) {
      for (const link of links) if (link.peer === boxId) link.session.destroy();
    },
    counts: () => ({ sessions: links.size, handshakes: handshakes.size, refused, requests: callers.requests() }),
    async close() {
      closed = true;
      for (const raw of handshakes) raw.destroy();
      await Promise.all([...links].map((link) => closeGently(link, clock, limits.closeGraceMs)));
    },
  };
}

/** Lets open requests finish for a moment, then ends the link. */
export function closeGently(
  { session, socket }: { session: Http2Session; socket: TLSSocket },
  clock: Clock,
  graceMs: number,
): Promise<void> {
  if (session.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = clock.after(graceMs, () => {
      // A session that is closing would wait for the peer's end; the socket does not.
      session.destroy();
      socket.destroy();
    });
    session.once("close", () => {
      cancel();
      resolve();
    });
    session.close();
  });
}

/** Sends the one answer of a request; harmless when the request is gone or answered. */
function sendAnswer(stream: ServerHttp2Stream, { status, body }: LinkAnswer, clock: Clock): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": status, "content-length": body?.length ?? 0 });
  stream.end(body);
  if (stream.readableEnded) return;
  // What the caller is still sending is thrown away for a moment: a reset at once would overtake the answer.
  stream.resume();
  const cancel = clock.after(LINK_DISCARD_MS, () => stream.close(constants.NGHTTP2_NO_ERROR));
  stream.once("close", cancel);
}

function failureAnswer({ code, status, params }: Failure): LinkAnswer {
  return { status, body: new TextEncoder().encode(JSON.stringify({ error: { code, params } })) };
}
