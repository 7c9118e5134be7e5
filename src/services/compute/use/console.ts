/**
 * The home box's end of consoles: between a member's web socket and the box that has the sliver. Bytes go through as
 * they are, at the pace of whichever side is slower.
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import type { SocketLine } from "../../../kernel/contract.ts";
import { isFailure, kernelErrors } from "../../../kernel/errors.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { boxName } from "../../mesh/client.ts";
import type { MeshClient } from "../../mesh/client.ts";
import { CONSOLE_ALIVE_MS, CONSOLE_OPEN_TIMEOUT_MS, CONSOLE_UNSHOWN_BYTES_MAX } from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { CONSOLE_PATH, CONSOLE_REFUSALS, consoleText, framesOf, sendData, sendFrame } from "../messages-console.ts";
import { openHostStream } from "./host-stream.ts";
import type { Sliver } from "./slice-store.ts";

export interface ConsoleNeeds {
  clock: Clock;
  mesh: Pick<MeshClient, "selfId" | "box" | "openStream">;
  /** This box's own side as a host. */
  own: (peer: string, stream: Duplex) => void;
}

export interface ConsoleWish {
  columns: number;
  rows: number;
  /** Without one, a login shell. */
  command?: string | undefined;
  /** The caller says what it has shown; only so much is sent ahead. */
  paced: boolean;
}

/** Said once to whoever opened it: from now on, what comes is the terminal's. */
export const OPENED_TEXT = JSON.stringify({ opened: true });

export interface Consoles {
  /**
   * Until the command has ended, with its exit code. Throws `compute-host-away`, `compute-console-cut`, and what the
   * host says is in its way.
   */
  open(sliver: Sliver, wish: ConsoleWish, line: SocketLine, signal: AbortSignal): Promise<number>;
}

export function createConsoles({ clock, mesh, own }: ConsoleNeeds): Consoles {
  const dial = (host: string) => openHostStream({ mesh, own }, host, CONSOLE_PATH);
  return {
    async open(sliver, wish, line, signal) {
      const params = { box: boxName(mesh, sliver.host), number: sliver.index };
      const away = (cause: unknown) => computeErrors.fail("compute-host-away", { params, cause });
      const stream = await dial(sliver.host).catch((error: unknown) => Promise.reject(away(error)));
      stream.on("error", () => {});
      const end = () => void stream.destroy();
      signal.addEventListener("abort", end, { once: true });
      const cancelOpening = clock.after(CONSOLE_OPEN_TIMEOUT_MS, end);
      const cancelAlive = clock.every(CONSOLE_ALIVE_MS, () => void sendFrame(stream, { type: "alive" }));
      const state = { isOpen: false };
      const opened = () => {
        cancelOpening();
        state.isOpen = true;
      };
      try {
        if (signal.aborted) end();
        return await converse(stream, sliver.id, wish, line, opened, params);
      } catch (error) {
        signal.throwIfAborted();
        if (isFailure(error)) throw error;
        throw state.isOpen ? computeErrors.fail("compute-console-cut", { params, cause: error }) : away(error);
      } finally {
        cancelOpening();
        cancelAlive();
        signal.removeEventListener("abort", end);
        end();
      }
    },
  };
}

async function converse(
  stream: Duplex,
  sliver: string,
  { paced, ...wish }: ConsoleWish,
  line: SocketLine,
  opened: () => void,
  params: Record<string, string | number>,
): Promise<number> {
  let wrong: unknown;
  const pace = new Pace(paced ? CONSOLE_UNSHOWN_BYTES_MAX : Infinity);
  void sendFrame(stream, { type: "begin", bytes: Buffer.from(JSON.stringify({ ...wish, sliver })) })
    .then(() => typed(line, stream, pace))
    .catch((error: unknown) => void (wrong = error))
    .finally(() => {
      stream.destroy();
      pace.end();
    });
  try {
    for await (const frame of framesOf(stream)) {
      if (frame.type === "data") {
        await pace.take(frame.bytes.length);
        await line.send(frame.bytes);
      } else if (frame.type === "exit") return frame.code;
      else if (frame.type === "refused") throw refusal(Buffer.from(frame.bytes).toString("latin1"), params);
      else if (frame.type === "opened") {
        opened();
        await line.send(OPENED_TEXT);
      } else throw new Error(`a console's frame out of place: ${frame.type}`);
    }
  } catch (error) {
    throw wrong ?? error;
  }
  throw wrong ?? new Error("it ended without an end");
}

/** What the member says: bytes that are typed, and texts: the window's size, and what was shown. */
async function typed(line: SocketLine, stream: Duplex, pace: Pace): Promise<void> {
  for await (const message of line.messages) {
    if (typeof message !== "string") {
      await sendData(stream, message);
      continue;
    }
    const text = textOf(message);
    if ("shown" in text) pace.shown(text.shown);
    else await sendFrame(stream, { type: "window", ...text });
  }
}

/** Lets only so many bytes be on their way that nobody has said were shown. */
class Pace {
  readonly #bytesMax: number;
  #unshown = 0;
  #go = () => {};

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  async take(bytes: number): Promise<void> {
    while (this.#unshown >= this.#bytesMax) await new Promise<void>((resolve) => (this.#go = resolve));
    this.#unshown += bytes;
  }

  shown(bytes: number): void {
    this.#unshown = Math.max(0, this.#unshown - bytes);
    this.#go();
  }

  /** Whoever waits need not any more. */
  end(): void {
    this.shown(Infinity);
  }
}

function textOf(text: string) {
  try {
    return consoleText.parse(JSON.parse(text));
  } catch (cause) {
    throw kernelErrors.fail("bad-input", { params: { field: "message", reason: "a window or what was shown" }, cause });
  }
}

/** Another box does not choose our words. */
function refusal(code: string, params: Record<string, string | number>): Failure {
  const known = CONSOLE_REFUSALS.find((one) => one === code) ?? "compute-engine-failed";
  return computeErrors.fail(known, { params });
}
