/**
 * A call that is a web socket: bytes and texts both ways, and at last the answer or an error, as of any other call.
 * Method and path come from the contract; types too.
 */
import type { CallName, Input, Output } from "./api.ts";
import { ApiError, socketUrl } from "./client.ts";

export type SocketEnd<N extends CallName> =
  | { how: "done"; output: Output<N> }
  | { how: "failed"; error: ApiError }
  /** Without a word: the line broke, or it was never opened. */
  | { how: "cut" };

export interface SocketHearer<N extends CallName> {
  /** What the service says by text, parsed. */
  said(message: unknown): void;
  bytes(bytes: Uint8Array): void;
  /** Once, and not after `close`. */
  ended(end: SocketEnd<N>): void;
}

export interface Socket {
  /** Bytes, or a message of JSON; nothing while it is not open. */
  send(message: Uint8Array<ArrayBuffer> | object): void;
  close(): void;
}

interface Last {
  end?: unknown;
  error?: { code: string; message: string; advice: string };
}

export function openSocket<N extends CallName>(name: N, input: Input<N>, hearer: SocketHearer<N>): Socket {
  const line = new WebSocket(socketUrl(name, input));
  line.binaryType = "arraybuffer";
  let last: Last | undefined;
  let isClosed = false;
  line.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (isClosed) return;
    if (typeof data !== "string") return hearer.bytes(new Uint8Array(data));
    const message = JSON.parse(data) as Last;
    if (message.end === undefined && message.error === undefined) hearer.said(message);
    else last = message;
  });
  line.addEventListener("close", () => {
    if (isClosed) return;
    isClosed = true;
    if (last?.error) {
      const { code, message, advice } = last.error;
      hearer.ended({ how: "failed", error: new ApiError(code, message, advice) });
    } else if (last) hearer.ended({ how: "done", output: last.end as Output<N> });
    else hearer.ended({ how: "cut" });
  });
  return {
    send(message) {
      if (line.readyState !== WebSocket.OPEN) return;
      line.send(message instanceof Uint8Array ? message : JSON.stringify(message));
    },
    close() {
      isClosed = true;
      line.close();
    },
  };
}
