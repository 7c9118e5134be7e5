/**
 * What the engine carries over web sockets: streams of bytes (the ends of a command, a console) and messages (events,
 * the control of a command). A stream's end is a message of text, so that an end is told apart from a broken line.
 */
import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Cancel, Clock } from "../../kernel/clock.ts";
import { EVENT_BYTES_MAX, SOCKET_PONG_DELAY_MS, SOCKET_UNSENT_BYTES_MAX } from "./constants.ts";
import { fail } from "./errors.ts";

interface Hearer {
  data(message: Buffer, isText: boolean): void;
  /** `clean`: the engine said goodbye. Called once. */
  closed(clean: boolean, error?: unknown): void;
}

/** Of RFC 6455: the line broke without a goodbye. */
const NO_GOODBYE = 1006;

/** Hears what comes on a line that was paused so far, and answers when the engine asks whether we are there. */
function hear(line: WebSocket, clock: Clock, hearer: Hearer): void {
  let broken: unknown;
  let cancelPong: Cancel = () => {};
  // Not at once: the engine asks at the beginning, and a quick command has ended by then. Writing to a socket that is
  // closed on the other side destroys it here, with all that was sent before and is still unread.
  const pong = (words: Buffer) => {
    cancelPong();
    // Nor while somebody reads slowly: what is unread then may be all that is left.
    cancelPong = clock.after(SOCKET_PONG_DELAY_MS, () =>
      line.isPaused ? pong(words) : line.pong(words, true, ignore),
    );
  };
  line.on("ping", pong);
  line.on("message", (data, isBinary) => hearer.data(data as Buffer, !isBinary));
  line.on("error", (error: NodeJS.ErrnoException) => {
    broken ??= asLineFailure(error);
    line.terminate();
  });
  line.once("close", (code) => {
    cancelPong();
    hearer.closed(broken === undefined && code !== NO_GOODBYE, broken);
  });
  line.resume();
}

function asLineFailure(error: NodeJS.ErrnoException): unknown {
  if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    return fail("engine-answer-too-large", { params: { limit: EVENT_BYTES_MAX }, cause: error });
  }
  if (!error.code?.startsWith("WS_ERR_")) return error;
  return fail("engine-garbled", { params: { what: "a web socket" }, cause: error });
}

const ignore = () => {};

/**
 * Bytes both ways. Ending the writing side tells the engine that nothing more comes; the reading side ends when the
 * engine says so, and breaks with `engine-interrupted` when the line breaks before.
 */
export function byteChannel(line: WebSocket, clock: Clock): Duplex {
  let ended = false;
  const end = () => {
    if (!ended) stream.push(null);
    ended = true;
    // The engine waits for our end as well before it says how a command with a terminal ended.
    if (!stream.writableEnded) stream.end();
  };
  const stream = new Duplex({
    ...{ allowHalfOpen: true, writableHighWaterMark: SOCKET_UNSENT_BYTES_MAX },
    read: () => line.resume(),
    // Written into a closed line is written into a command that has ended: gone, and no error.
    write: (chunk: Buffer, _encoding, done) => line.send(chunk, { binary: true }, () => done()),
    final: (done) => line.send("", { binary: false }, () => done()),
    destroy(error, done) {
      line.terminate();
      done(error);
    },
  });
  hear(line, clock, {
    data(message, isText) {
      if (isText) return end();
      if (!ended && message.length > 0 && !stream.push(message)) line.pause();
    },
    closed(clean, error) {
      if (clean || ended) end();
      else stream.destroy(fail("engine-interrupted", { cause: error }));
    },
  });
  return stream;
}

export interface Messages {
  send(text: string): void;
  close(): void;
}

export interface MessagesHearer {
  message(text: string): void;
  /** Called once, also after `close`. */
  closed(error?: unknown): void;
}

/** Whole messages of text. */
export function messageChannel(line: WebSocket, clock: Clock, hearer: MessagesHearer): Messages {
  hear(line, clock, {
    data: (message) => hearer.message(message.toString("utf8")),
    closed: (_clean, error) => hearer.closed(error),
  });
  return {
    send: (text) => line.send(text, ignore),
    close: () => line.close(),
  };
}
