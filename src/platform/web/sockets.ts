/**
 * Web sockets, for endpoints whose contract says `socket`. The API's gates come first and refuse over HTTP as they do
 * any call; then the handler runs for as long as the line is open, and its result is the last message.
 *
 *   gates ─► taken ─► open ─┬─ the handler is done ─► {"end"} ───┐
 *                           ├─ it failed, session over ► {"error"} ┴► goodbye ─► closed
 *                           └─ the caller is gone, or silent ──────────────────► closed
 */
import { on } from "node:events";
import type { WebSocket } from "ws";
import type { Clock } from "../../kernel/clock.ts";
import type { SocketLine } from "../../kernel/contract.ts";
import { fail } from "../../kernel/errors.ts";

/** One message of a caller; a longer one ends the line. */
export const SOCKET_MESSAGE_BYTES_MAX = 64 * 1024;
/** Messages that wait for a handler, beside what the system holds; then the caller has to wait. */
export const SOCKET_WAITING_MAX = 16;
/** Open at once: of everybody, and of one account, so that nobody takes the places of all. */
export const SOCKETS_MAX = 256;
export const SOCKETS_PER_ACCOUNT_MAX = 16;
/** So often the session is looked at again, and a caller that says nothing is asked whether it is there. */
export const SOCKET_HEARTBEAT_MS = 20_000;
/** Unanswered in a row, while neither side waits for the other; then it is gone. */
export const SOCKET_UNANSWERED_MAX = 3;
/** From our goodbye to the caller's; then the line is cut. */
export const SOCKET_GOODBYE_MS = 2_000;

/** Of RFC 6455. */
const NORMAL = 1000;

export interface SocketLimits {
  socketsMax: number;
  perAccountMax: number;
}

export interface SocketCall {
  /** Whose places it takes. */
  account: string;
  /** Asked again and again: a line ends with the session that opened it. */
  mayStay: () => boolean;
  /** The handler; `gone` ends when the caller is. */
  run: (line: SocketLine, gone: AbortSignal) => Promise<unknown>;
  /** The form of an error for this caller. */
  errorBody: (error: unknown) => object;
}

export interface Sockets {
  /** Resolves when the line is open, and goes on by itself. Throws `limit-reached`, and what `upgrade` throws. */
  take(upgrade: () => Promise<WebSocket>, call: SocketCall): Promise<void>;
}

export function createSockets(
  clock: Clock,
  limits: SocketLimits = { socketsMax: SOCKETS_MAX, perAccountMax: SOCKETS_PER_ACCOUNT_MAX },
): Sockets {
  let open = 0;
  const ofAccount = new Map<string, number>();
  const count = (account: string, change: 1 | -1) => {
    open += change;
    const now = (ofAccount.get(account) ?? 0) + change;
    if (now > 0) ofAccount.set(account, now);
    else ofAccount.delete(account);
  };
  return {
    async take(upgrade, call) {
      const { account } = call;
      const limit = open >= limits.socketsMax ? limits.socketsMax : limits.perAccountMax;
      if (open >= limits.socketsMax || (ofAccount.get(account) ?? 0) >= limits.perAccountMax) {
        throw fail("limit-reached", { params: { limit } });
      }
      count(account, 1);
      try {
        const line = await upgrade();
        line.once("close", () => count(account, -1));
        void converse(line, call, clock);
      } catch (error) {
        count(account, -1);
        throw error;
      }
    },
  };
}

async function converse(line: WebSocket, call: SocketCall, clock: Clock): Promise<void> {
  const gone = new AbortController();
  // Breaks in the way the caller says things are breaks of the line.
  line.on("error", () => line.terminate());
  line.once("close", () => gone.abort(new Error("the caller is gone")));
  const watched = watch(line, call, clock);
  const heard = on(line, "message", {
    ...{ close: ["close"], highWaterMark: SOCKET_WAITING_MAX, lowWaterMark: SOCKET_WAITING_MAX / 2 },
  });
  line.resume();
  let last: object;
  try {
    last = { end: await Promise.race([call.run(lineOf(line, heard), gone.signal), watched.ended]) };
  } catch (error) {
    // Nobody is left to tell, and nothing failed.
    last = gone.signal.aborted ? {} : call.errorBody(error);
  }
  watched.stop();
  await heard.return?.();
  // Whoever has not been heard to the end says goodbye behind that.
  line.resume();
  if (line.readyState !== line.OPEN) return;
  line.send(JSON.stringify(last), () => {});
  line.close(NORMAL);
  gone.abort(new Error("the line is closed"));
}

function lineOf(line: WebSocket, heard: AsyncIterable<unknown[]>): SocketLine {
  return {
    messages: messagesOf(heard),
    send: (message) =>
      new Promise((resolve) => line.send(message, { binary: typeof message !== "string" }, () => resolve())),
  };
}

async function* messagesOf(heard: AsyncIterable<unknown[]>): AsyncGenerator<Uint8Array | string> {
  try {
    for await (const [data, isBinary] of heard) yield isBinary ? (data as Buffer) : (data as Buffer).toString("utf8");
  } catch {
    // A line that broke has ended, as one that was closed.
  }
}

/** `ended` rejects when the session is over; never resolves. */
function watch(line: WebSocket, call: SocketCall, clock: Clock): { ended: Promise<never>; stop: () => void } {
  let unanswered = 0;
  const isThere = () => void (unanswered = 0);
  line.on("pong", isThere);
  line.on("message", isThere);
  let stop = () => {};
  const ended = new Promise<never>((_resolve, reject) => {
    stop = clock.every(SOCKET_HEARTBEAT_MS, () => {
      if (!call.mayStay()) return reject(fail("not-signed-in"));
      // No answer can be heard while one side lets the other wait. Who is gone then breaks the line by what is sent.
      const mayAnswer = !line.isPaused && line.bufferedAmount === 0;
      unanswered = mayAnswer ? unanswered + 1 : 0;
      if (unanswered > SOCKET_UNANSWERED_MAX) return line.terminate();
      line.ping();
    });
  });
  ended.catch(() => {});
  return { ended, stop };
}
