/**
 * Calls to the box. Method and path come from the table that the build made from the contracts; types come from the
 * contracts themselves. A failure is always an ApiError, with words that can be shown as they are.
 */
import table from "virtual:api-table";
import type { CallName, Input, Output } from "./api.ts";
import { CALL_TIMEOUT_MS, SEND_STALLED_MS } from "./constants.ts";
import { buildBytesRequest, buildRequest, readAnswer } from "./request.ts";
import { language, t } from "./words.ts";

export class ApiError extends Error {
  readonly code: string;
  readonly advice: string;

  constructor(code: string, message: string, advice: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ApiError";
    this.code = code;
    this.advice = advice;
  }
}

/**
 * What every call must carry beside the cookie. Browsers send the cookie to every program on the same address; this
 * stays in the storage of this origin, which knows the port.
 */
const CSRF_KEY = "comu.csrf";
let csrf: string | null = localStorage.getItem(CSRF_KEY);
let onSignedOut = () => {};

export function setCsrf(value: string | null): void {
  csrf = value;
  if (value === null) localStorage.removeItem(CSRF_KEY);
  else localStorage.setItem(CSRF_KEY, value);
}

/** Where the events are; a stream cannot carry a header. */
export function eventsUrl(): string {
  return `/api/v1/events${csrf === null ? "" : `?proof=${encodeURIComponent(csrf)}`}`;
}

/** Where a call is that is a web socket, which cannot carry a header either. */
export function socketUrl<N extends CallName>(name: N, input: Input<N>): string {
  const [, pattern] = table[name] ?? missing(name);
  const bare = { proof: csrf ?? undefined, language: language.value };
  const url = new URL(buildBytesRequest(pattern, { ...(input as Record<string, unknown>), ...bare }), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** Called when the box says that the session is over. */
export function whenSignedOut(run: () => void): void {
  onSignedOut = run;
}

export interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  /** Characters that nobody sees come unmarked, for what is written back: whoever shows them marks them. */
  exact?: true;
}

export async function call<N extends CallName>(
  name: N,
  input: Input<N>,
  options: CallOptions = {},
): Promise<Output<N>> {
  const ask = prepare(name, input);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), options.timeoutMs ?? CALL_TIMEOUT_MS);
  const stop = () => limit.abort();
  options.signal?.addEventListener("abort", stop);
  try {
    const answer = await ask(limit.signal);
    const read = options.exact && answer.ok ? JSON.parse : readAnswer;
    const content: unknown = answer.status === 204 ? {} : read(await answer.text());
    if (!answer.ok) throw failureOf(content, name);
    return content as Output<N>;
  } catch (error) {
    if (error instanceof ApiError || options.signal?.aborted) throw error;
    throw silence(limit.signal.aborted ? "timed-out" : "unreachable", error);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", stop);
  }
}

/** An answer that goes on until `signal` ends it, such as lines of JSON. Its characters come as they are. */
export async function openStream<N extends CallName>(
  name: N,
  input: Input<N>,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const ask = prepare(name, input);
  const answer = await ask(signal).catch((error: unknown) => {
    throw signal.aborted ? error : silence("unreachable", error);
  });
  if (!answer.ok || !answer.body) throw failureOf(readAnswer(await answer.text()), name);
  return answer.body;
}

/**
 * Throws what the box says to whoever opens this address of its own. A browser that saves a file, or shows one, keeps
 * that to itself.
 */
export async function checkAddress(url: string): Promise<void> {
  const stop = new AbortController();
  const headers = { ...headersOf(), range: "bytes=0-0" };
  try {
    const answer = await fetch(url, { headers, cache: "no-store", signal: stop.signal });
    // An empty file has no first byte.
    if (!answer.ok && answer.status !== 416) throw failureOf(readAnswer(await answer.text()), "");
  } catch (error) {
    throw error instanceof ApiError ? error : silence("unreachable", error);
  } finally {
    stop.abort();
  }
}

export interface SendOptions {
  signal: AbortSignal;
  /** Bytes of `content` that have left this machine. */
  onSent?: (bytes: number) => void;
}

/** A call whose body is bytes. It may take as long as it moves. By the browser's older way, which tells progress. */
export function send<N extends CallName>(
  name: N,
  input: Input<N>,
  content: Blob,
  { signal, onSent }: SendOptions,
): Promise<Output<N>> {
  const [method, pattern] = table[name] ?? missing(name);
  const request = new XMLHttpRequest();
  return new Promise((done, failed) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moves = () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(silence("timed-out", undefined)), SEND_STALLED_MS);
    };
    const end = (error: unknown) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      failed(error);
      request.abort();
    };
    const stop = () => end(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop);
    request.open(method, buildBytesRequest(pattern, input as Record<string, unknown>));
    for (const [key, value] of Object.entries(headersOf())) request.setRequestHeader(key, value);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => {
      moves();
      onSent?.(Math.min(loaded, content.size));
    };
    request.onerror = () => end(silence("unreachable", undefined));
    request.onload = () => {
      try {
        const answer = readAnswer(request.responseText || "{}");
        if (request.status >= 400) return end(failureOf(answer, name));
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        done(answer as Output<N>);
      } catch (error) {
        end(silence("unreachable", error));
      }
    };
    moves();
    request.send(content);
  });
}

function headersOf(): Record<string, string> {
  const headers: Record<string, string> = { accept: "application/json", "x-comu-language": language.value };
  if (csrf) headers["x-comu-csrf"] = csrf;
  return headers;
}

function prepare<N extends CallName>(name: N, input: Input<N>): (signal: AbortSignal) => Promise<Response> {
  const [method, pattern] = table[name] ?? missing(name);
  const { url, body } = buildRequest(method, pattern, input as Record<string, unknown>);
  const headers = headersOf();
  if (body !== undefined) headers["content-type"] = "application/json";
  return (signal) => fetch(url, { method, headers, body: body ?? null, signal, cache: "no-store" });
}

function silence(code: "timed-out" | "unreachable", cause: unknown): ApiError {
  const text = t(code === "timed-out" ? "error.timed-out" : "shell.unreachable");
  return new ApiError(code, text, t("shell.unreachable-advice"), cause);
}

function missing(name: string): never {
  throw new Error(`no contract holds the call ${name}`);
}

function failureOf(content: unknown, name: string): ApiError {
  const error = (content as { error?: { code?: string; message?: string; advice?: string } } | null)?.error;
  const code = error?.code ?? "internal";
  if (code === "not-signed-in" && name !== "people.signIn") onSignedOut();
  return new ApiError(code, error?.message ?? t("error.internal"), error?.advice ?? "");
}

/** Anything thrown, as something that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError("internal", t("error.internal"), t("advice.internal"), error);
}
