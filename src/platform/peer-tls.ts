/**
 * TLS 1.3 with both sides authenticated, over any Duplex: a TCP socket today, a relay tunnel or a punched UDP stream
 * later. Certificates only carry the key; who a peer is follows from its Ed25519 key, so chains, names and dates are
 * not looked at, and a peer without such a key is no peer.
 */
import { constants } from "node:crypto";
import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import { TLSSocket, connect, createSecureContext } from "node:tls";
import type { Clock } from "../kernel/clock.ts";
import type { Identity } from "./identity.ts";
import { boxIdOf, rawPublicKey } from "./identity.ts";

/** A connection whose other end has proved that it holds the key of `peer`. */
export interface SecureLink {
  socket: TLSSocket;
  /** The other's box id. */
  peer: string;
  /** 32 raw bytes. */
  peerKey: Uint8Array;
}

export interface SecureOptions {
  raw: Duplex;
  context: SecureContext;
  clock: Clock;
  /** Absolute: a byte now and then does not prolong it. */
  timeoutMs: number;
  /** Called once, in the same turn as the end of the handshake: the caller must take the socket at once. */
  onSecure: (link: SecureLink) => void;
  /** Called once instead of `onSecure`; everything is closed by then. */
  onFailed: (error: Error) => void;
}

export function linkContext({ privateKeyPem, certificatePem }: Identity): SecureContext {
  // Without tickets each link proves both keys anew, and an excluded box has nothing to resume.
  const secureOptions = constants.SSL_OP_NO_TICKET;
  return createSecureContext({ key: privateKeyPem, cert: certificatePem, minVersion: "TLSv1.3", secureOptions });
}

/** Answers a handshake. */
export function secureAsServer(options: SecureOptions): void {
  const { raw, context: secureContext } = options;
  raw.allowHalfOpen = false; // TLS has no use for a connection of which one half has ended.
  const common = { secureContext, rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  const socket = new TLSSocket(raw as never, { isServer: true, requestCert: true, ...common });
  settle(socket, "secure", options);
}

/** Begins a handshake. */
export function secureAsClient(options: SecureOptions): void {
  const { raw, context: secureContext } = options;
  raw.allowHalfOpen = false; // TLS has no use for a connection of which one half has ended.
  const common = { secureContext, rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  settle(connect({ socket: raw, ...common }), "secureConnect", options);
}

function settle(socket: TLSSocket, event: string, options: SecureOptions): void {
  const { raw, clock, timeoutMs, onSecure, onFailed } = options;
  let settled = false;
  const failed = (error: Error) => {
    if (settled) return;
    settled = true;
    cancel();
    socket.destroy();
    raw.destroy();
    onFailed(error);
  };
  const cancel = clock.after(timeoutMs, () => failed(new HandshakeTimeout()));
  // These stay for the life of the socket: an error after the handshake must not become an exception.
  socket.on("error", failed);
  raw.on("error", failed);
  socket.once("close", () => {
    failed(new Error("closed during the handshake"));
    raw.destroy();
  });
  raw.once("close", () => {
    failed(new Error("closed during the handshake"));
    socket.destroy();
  });
  socket.once(event, () => {
    if (settled) return;
    const key = socket.getPeerX509Certificate()?.publicKey;
    const peerKey = key && rawPublicKey(key);
    if (!peerKey) return failed(new Error("the peer has no Ed25519 certificate"));
    if (socket.alpnProtocol !== "h2") return failed(new Error("the peer does not speak HTTP/2"));
    settled = true;
    cancel();
    // A server-side TLSSocket made by hand keeps this flag, and an HTTP/2 session on it would wait for ever.
    Object.assign(socket, { secureConnecting: false });
    onSecure({ socket, peer: boxIdOf(peerKey), peerKey });
  });
}

export class HandshakeTimeout extends Error {
  constructor() {
    super("the TLS handshake took too long");
  }
}
