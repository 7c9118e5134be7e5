/**
 * From a request for a web socket to the API and back: the API sees an ordinary request, with a way to upgrade it. One
 * that the API does not upgrade is answered as any other, and its connection ends.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { ServerOptions, WebSocket } from "ws";
import type { Arrival } from "./api.ts";
import { SOCKET_GOODBYE_MS, SOCKET_MESSAGE_BYTES_MAX } from "./sockets.ts";

const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Compression would cost memory for each line; bursts of tiny fragments are nothing that a browser sends. */
const OPTIONS: ServerOptions & { closeTimeout: number } = {
  ...{ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: SOCKET_MESSAGE_BYTES_MAX },
  ...{ maxFragments: 64, maxBufferedChunks: 1024, closeTimeout: SOCKET_GOODBYE_MS },
};

export interface Upgrades {
  take(request: IncomingMessage, socket: Duplex, head: Buffer, arrival: Arrival): void;
  /** Cuts all that are open, or on their way to it. */
  close(): void;
}

/** Anything else that asks for another protocol is answered as if it had not. */
export function isForWebSocket({ method, headers }: IncomingMessage): boolean {
  const isWebSocket = headers.upgrade?.toLowerCase() === "websocket" && headers["sec-websocket-version"] === "13";
  return method === "GET" && isWebSocket && KEY.test(headers["sec-websocket-key"] ?? "");
}

export function createUpgrades(
  api: (request: Request, arrival: Arrival) => Response | Promise<Response>,
  failed: (error: unknown) => void,
): Upgrades {
  const server = new WebSocketServer(OPTIONS);
  /** The web server knows none of these any more. */
  const sockets = new Set<Duplex>();
  return {
    take(request, socket, head, arrival) {
      const gone = new AbortController();
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        gone.abort(new Error("the caller went away"));
      });
      // Until it is a web socket nobody else listens.
      socket.on("error", () => {});
      let isTaken = false;
      const upgrade = () => {
        isTaken = true;
        return upgraded(server, request, socket, head, gone.signal);
      };
      const answered = async () => {
        const url = new URL(`http://${request.headers.host ?? "localhost"}${request.url}`);
        const asked = new Request(url, { headers: headersOf(request), signal: gone.signal });
        const answer = await api(asked, { ...arrival, upgrade });
        // Whoever was refused need not hang up for its place to be free.
        if (!isTaken) socket.end(await refusal(answer), () => socket.destroy());
      };
      answered().catch((error: unknown) => {
        failed(error);
        socket.destroy();
      });
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Paused until its reader listens. Rejects when the caller is gone before that. */
function upgraded(
  server: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  gone: AbortSignal,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    if (gone.aborted) return reject(gone.reason as Error);
    gone.addEventListener("abort", () => reject(gone.reason as Error), { once: true });
    server.handleUpgrade(request, socket, head, (line) => {
      line.pause();
      resolve(line);
    });
  });
}

function headersOf({ headers }: IncomingMessage): Headers {
  const all = new Headers();
  for (const [name, value] of Object.entries(headers)) all.set(name, String(value));
  return all;
}

async function refusal(answer: Response): Promise<Buffer> {
  const body = Buffer.from(await answer.arrayBuffer());
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${answer.status} Refused`, ...headers, `content-length: ${body.length}`, "connection: close"];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}
