/**
 * Is a service there, and how quick? One look at one endpoint: TCP connect, an HTTP request, or one question over UDP
 * (probe-questions.ts).
 * A probe talks to the host and port that it was given and to nothing else: redirects are not followed, and a
 * certificate is not judged (services of a community sign their own).
 */
import { createSocket } from "node:dgram";
import type { RequestOptions } from "node:http";
import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { connect, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../kernel/clock.ts";
import { hostPort } from "./addresses.ts";
import { PROBE_BYTES_MAX, PROBE_HEAD_BYTES_MAX, PROBE_TIMEOUT_MS } from "./constants.ts";
import { isQuestionScheme, questionFor } from "./probe-questions.ts";
import type { Question } from "./probe-questions.ts";

export interface ProbeTarget {
  /** "http" and "https" ask for `path`; "dns", "ntp" and "coap" ask over UDP; every other scheme is a TCP connect. */
  scheme: string;
  host: string;
  /** Where to connect, when `host` was looked up before. */
  address?: string | undefined;
  port: number;
  /** With a leading slash; "/" where it is not given. */
  path?: string;
}

/** Why a probe failed; "http-NNN" is the status of an HTTP answer. */
export type ProbeReason =
  | "refused"
  | "timeout"
  | "no-route"
  | "no-such-host"
  | "reset"
  | "bad-answer"
  | "bad-target"
  | "error"
  | `http-${number}`;

export interface ProbeResult {
  ok: boolean;
  /** TCP: until connected. UDP: until answered. Undefined when it did not come so far. */
  rttMs?: number;
  /**
   * HTTP: from the start of the request until the head of the answer is whole, on a connection that is already open.
   * Who sends the first byte at once and the rest of the head slowly gains nothing.
   */
  firstByteMs?: number;
  reason?: ProbeReason;
}

export interface ProbeOptions {
  clock: Clock;
  /** For the whole probe. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Never rejects: everything that can go wrong is a reason. */
export async function probe(target: ProbeTarget, options: ProbeOptions): Promise<ProbeResult> {
  const { host, port, path = "/" } = target;
  const sound = host !== "" && Number.isInteger(port) && port > 0 && port < 65_536 && /^\/[\x21-\x7e]*$/.test(path);
  if (!sound) return { ok: false, reason: "bad-target" };
  const full = { ...target, path };
  const tcp = { http: probeHttp, https: probeHttp }[target.scheme] ?? probeTcp;
  const stop = new AbortController();
  const cancel = options.clock.after(options.timeoutMs ?? PROBE_TIMEOUT_MS, () => stop.abort());
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  try {
    if (isQuestionScheme(target.scheme)) return await probeUdp(full, options.clock, signal, questionFor(target.scheme));
    return await tcp(full, options.clock, signal);
  } catch (error) {
    return { ok: false, reason: signal.aborted ? "timeout" : reasonOf(error) };
  } finally {
    cancel();
  }
}

type FullTarget = ProbeTarget & { path: string };

/** Connects; the time leaves out the look-up of the name. */
function dial(target: FullTarget, clock: Clock, signal: AbortSignal): Promise<{ socket: Socket; rttMs: number }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    let startedMs = clock.monotonicMs();
    const socket = connect({ host: target.address ?? target.host, port: target.port, noDelay: true });
    const abort = () => socket.destroy(new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    socket.once("lookup", () => (startedMs = clock.monotonicMs()));
    socket.once("connect", () => resolve({ socket, rttMs: clock.monotonicMs() - startedMs }));
    socket.on("error", reject);
    socket.once("close", () => signal.removeEventListener("abort", abort));
  });
}

async function probeTcp(target: FullTarget, clock: Clock, signal: AbortSignal): Promise<ProbeResult> {
  const { socket, rttMs } = await dial(target, clock, signal);
  socket.destroy();
  return { ok: true, rttMs };
}

async function probeHttp(target: FullTarget, clock: Clock, signal: AbortSignal): Promise<ProbeResult> {
  const { socket, rttMs } = await dial(target, clock, signal);
  const startedMs = clock.monotonicMs();
  try {
    const { status, firstByteMs } = await get(target, socket, () => clock.monotonicMs() - startedMs);
    const ok = (status >= 200 && status < 400) || status === 401 || status === 403;
    return ok ? { ok, rttMs, firstByteMs } : { ok, rttMs, firstByteMs, reason: `http-${status}` };
  } catch (error) {
    return { ok: false, rttMs, reason: signal.aborted ? "timeout" : reasonOf(error) };
  } finally {
    socket.destroy();
  }
}

/** One GET over an open socket; resolves with the head of the answer. The caller destroys the socket. */
function get(
  target: FullTarget,
  socket: Socket,
  elapsedMs: () => number,
): Promise<{ status: number; firstByteMs: number }> {
  return new Promise((resolve, reject) => {
    const secure = target.scheme === "https";
    const tls = { socket, servername: isIP(target.host) ? "" : target.host, rejectUnauthorized: false };
    const options: RequestOptions = {
      // Without an agent, which would open a connection of its own.
      createConnection: () => (secure ? connectTls(tls) : socket),
      method: "GET",
      path: target.path,
      maxHeaderSize: PROBE_HEAD_BYTES_MAX,
      headers: { host: hostPort(target.host, target.port), connection: "close", "user-agent": "comu-probe" },
    };
    // The status line says enough: a radio stream or an event stream never ends, and may be slow.
    const request = httpRequest(options, (response) => {
      response.on("error", () => {});
      resolve({ status: response.statusCode ?? 0, firstByteMs: elapsedMs() });
    });
    // Interim answers ("103 Early Hints") may come without end before the real one.
    request.on("information", () => {
      if (socket.bytesRead > PROBE_BYTES_MAX) request.destroy(Object.assign(new Error("too much"), { code: "HPE_" }));
    });
    request.on("error", reject);
    request.end();
    socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  });
}

function probeUdp(target: FullTarget, clock: Clock, signal: AbortSignal, question: Question): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const address = target.address ?? target.host;
    const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
    const finish = (run: () => void) => {
      signal.removeEventListener("abort", abort);
      socket.removeAllListeners().on("error", () => {});
      socket.close();
      run();
    };
    const abort = () => finish(() => reject(new Error("aborted")));
    signal.addEventListener("abort", abort, { once: true });
    let startedMs = clock.monotonicMs();
    socket.once("error", (error) => finish(() => reject(error)));
    // Connected, so that only the target's packets arrive, and so that its "port unreachable" is an error here.
    socket.connect(target.port, address, () => {
      startedMs = clock.monotonicMs();
      socket.send(question.bytes);
    });
    socket.on("message", (bytes: Buffer) => {
      const rttMs = clock.monotonicMs() - startedMs;
      finish(() =>
        resolve(question.isAnswer(bytes) ? { ok: true, rttMs } : { ok: false, rttMs, reason: "bad-answer" }),
      );
    });
  });
}

const REASONS: Readonly<Record<string, ProbeReason>> = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "no-route",
  ENETUNREACH: "no-route",
  EADDRNOTAVAIL: "no-route",
  ENOTFOUND: "no-such-host",
  EAI_AGAIN: "no-such-host",
  ECONNRESET: "reset",
  EPIPE: "reset",
};

function reasonOf(error: unknown): ProbeReason {
  // A name with several addresses fails with all their errors; the first speaks for them.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const code = (first as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (/^(HPE_|ERR_SSL|EPROTO|ERR_TLS)/.test(code)) return "bad-answer";
  return REASONS[code] ?? "error";
}
