/**
 * What the engine carries over web sockets: streams of bytes (the ends of a command, a console) and messages (events,
 * the control of a command). A stream's end is a message of text, so that an end is told apart from a broken line.
 */
import { Duplex } from "node:stream";
import type { Cancel, Clock } from "../../kernel/clock.ts";
import { EVENT_BYTES_MAX, SOCKET_CLOSE_GRACE_MS, SOCKET_PONG_DELAY_MS, SOCKET_UNSENT_BYTES_MAX } from "./constants.ts";
import { fail } from "./errors.ts";
import { OPCODE, createFrameReader, frameHead } from "./frames.ts";
import type { Frame } from "./frames.ts";
import type { Upgraded } from "./transport.ts";

interface Hearer {
  /** Text or binary, or the rest of one. */
  data(frame: Frame): void;
  /** `clean`: the engine said goodbye. Called once. */
  closed(clean: boolean, error?: unknown): void;
}

interface Line {
  send(opcode: number, payload: Uint8Array, done?: (error?: Error | null) => void): void;
  pause(): void;
  resume(): void;
  /** Says goodbye; cut when the engine does not. */
  close(): void;
  destroy(error?: unknown): void;
}

/** Frames on a socket: answers pings, and goodbyes. */
function openLine(upgraded: Upgraded, clock: Clock, hearer: Hearer): Line {
  const { socket, head } = upgraded;
  const reader = createFrameReader();
  let state: "open" | "closing" | "closed" = "open";
  let clean = false;
  let cancelPong: Cancel = () => {};

  const closed = (error?: unknown) => {
    if (state === "closed") return;
    state = "closed";
    cancelPong();
    socket.destroy();
    hearer.closed(clean, error);
  };
  const send = (opcode: number, payload: Uint8Array, done?: (error?: Error | null) => void) => {
    if (state === "closed" || !socket.writable) return void done?.(new Error("the line is closed"));
    socket.cork();
    socket.write(frameHead(opcode, payload.length));
    socket.write(payload, done);
    socket.uncork();
  };
  // Not at once: the engine asks at the beginning, and a quick command has ended by then. Writing to a socket that is
  // closed on the other side destroys it here, with all that was sent before and is still unread.
  const pong = (payload: Uint8Array) => {
    cancelPong();
    // Nor while somebody reads slowly: what is unread then may be all that is left.
    const answer = () => (socket.isPaused() ? pong(payload) : send(OPCODE.pong, payload));
    cancelPong = clock.after(SOCKET_PONG_DELAY_MS, answer);
  };
  const hear = (frame: Frame) => {
    if (frame.opcode === OPCODE.ping) pong(frame.payload);
    else if (frame.opcode === OPCODE.close) {
      clean = true;
      send(OPCODE.close, frame.payload.subarray(0, 2));
      socket.end();
      closed();
    } else if (frame.opcode !== OPCODE.pong && state === "open") hearer.data(frame);
  };
  const read = (chunk: Buffer) => {
    try {
      for (const frame of reader.push(chunk)) if (state !== "closed") hear(frame);
    } catch (error) {
      closed(error);
    }
  };

  socket.on("data", read);
  socket.on("error", (error) => closed(error));
  socket.on("end", () => closed());
  socket.on("close", () => closed());
  if (head.length > 0) queueMicrotask(() => read(head));
  return {
    send,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close() {
      if (state !== "open") return;
      send(OPCODE.close, Buffer.from([0x03, 0xe8]));
      state = "closing";
      clock.after(SOCKET_CLOSE_GRACE_MS, () => closed());
    },
    destroy: (error) => closed(error),
  };
}

/**
 * Bytes both ways. Ending the writing side tells the engine that nothing more comes; the reading side ends when the
 * engine says so, and breaks with `engine-interrupted` when the line breaks before.
 */
export function byteChannel(upgraded: Upgraded, clock: Clock): Duplex {
  let ended = false;
  const end = () => {
    if (!ended) stream.push(null);
    ended = true;
    // The engine waits for our end as well before it says how a command with a terminal ended.
    if (!stream.writableEnded) stream.end();
  };
  const line = openLine(upgraded, clock, {
    data(frame) {
      if (frame.opcode === OPCODE.text) return end();
      if (!ended && frame.payload.length > 0 && !stream.push(frame.payload)) line.pause();
    },
    closed(clean, error) {
      if (clean || ended) end();
      else stream.destroy(fail("engine-interrupted", { cause: error }));
    },
  });
  const stream = new Duplex({
    ...{ allowHalfOpen: true, writableHighWaterMark: SOCKET_UNSENT_BYTES_MAX },
    read: () => line.resume(),
    // Written into a closed line is written into a command that has ended: gone, and no error.
    write: (chunk: Buffer, _encoding, done) => line.send(OPCODE.binary, chunk, () => done()),
    final: (done) => line.send(OPCODE.text, Buffer.alloc(0), () => done()),
    destroy(error, done) {
      line.destroy();
      done(error);
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
export function messageChannel(upgraded: Upgraded, clock: Clock, hearer: MessagesHearer): Messages {
  let parts: Buffer[] = [];
  let size = 0;
  const line = openLine(upgraded, clock, {
    data(frame) {
      size += frame.payload.length;
      if (size > EVENT_BYTES_MAX) {
        return line.destroy(fail("engine-answer-too-large", { params: { limit: EVENT_BYTES_MAX } }));
      }
      parts.push(frame.payload);
      if (!frame.last) return;
      const text = Buffer.concat(parts, size).toString("utf8");
      parts = [];
      size = 0;
      hearer.message(text);
    },
    closed: (_clean, error) => hearer.closed(error),
  });
  return { send: (text) => line.send(OPCODE.text, Buffer.from(text)), close: () => line.close() };
}
