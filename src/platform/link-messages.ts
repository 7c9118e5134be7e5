/**
 * What passes over a link: the shapes of requests and answers, the HTTP/2 settings that both sides use, and the
 * reading of a body within its limits.
 */
import type { Http2Stream, IncomingHttpHeaders, Settings } from "node:http2";
import { LINK_HEADER_BYTES_MAX, LINK_STREAMS_MAX, LINK_STREAM_WINDOW_BYTES } from "./constants.ts";

/** A request as the answering box sees it. */
export interface LinkRequest {
  /** Box id of the caller, proved by its key. */
  peer: string;
  peerKey: Uint8Array;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Uint8Array;
  /** Aborted when the caller goes away, or at the deadline. */
  signal: AbortSignal;
}

export interface LinkAnswer {
  /** HTTP status. */
  status: number;
  body?: Uint8Array;
}

/** Marks a request that opens a byte stream. */
export const STREAM_HEADER = "comu-stream";

/** HTTP/2 settings of both sides (RFC 9113, section 6.5.2). */
export const LINK_SETTINGS: Settings = {
  enablePush: false,
  initialWindowSize: LINK_STREAM_WINDOW_BYTES,
  maxConcurrentStreams: LINK_STREAMS_MAX,
  maxHeaderListSize: LINK_HEADER_BYTES_MAX,
};

/** Counts the bytes of bodies that are being received, so that all together stay within a limit. */
export interface BodyBudget {
  /** False when there is no room for so many more. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function bodyBudget(limitBytes: number): BodyBudget {
  let usedBytes = 0;
  return {
    take(bytes) {
      if (usedBytes + bytes > limitBytes) return false;
      usedBytes += bytes;
      return true;
    },
    give: (bytes) => void (usedBytes -= bytes),
  };
}

/**
 * Reads to the end of a stream. "too-large": longer than `limitBytes`; "full": the budget of all bodies is used up;
 * "broken": the stream ended early. `release` gives the bytes back to the budget, when the body is no longer needed.
 */
export function readBody(stream: Http2Stream, limitBytes: number, budget: BodyBudget): Promise<ReadBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let ended = false;
    const release = () => {
      budget.give(length);
      length = 0;
    };
    const done = (result: ReadBody["result"]) => {
      if (ended) return;
      ended = true;
      stream.off("data", take);
      const body = result === "complete" ? new Uint8Array(Buffer.concat(chunks)) : new Uint8Array(0);
      if (result !== "complete") release();
      resolve({ result, body, release });
    };
    const take = (bytes: Buffer) => {
      if (length + bytes.length > limitBytes) return done("too-large");
      if (!budget.take(bytes.length)) return done("full");
      length += bytes.length;
      chunks.push(bytes);
    };
    if (stream.destroyed) return done("broken");
    stream.on("data", take);
    stream.once("end", () => done("complete"));
    stream.once("aborted", () => done("broken"));
    stream.once("error", () => done("broken"));
    stream.once("close", () => done("broken"));
  });
}

export interface ReadBody {
  result: "complete" | "too-large" | "full" | "broken";
  body: Uint8Array;
  release(): void;
}
