/**
 * The host's end of consoles: a terminal in a sliver for the box that reserved it, and for nobody else.
 *
 *   stream taken ─► begin heard ─► engine asked ─► open ─► exit told
 *        │ 10 s, no frame   │ not its own, not running, too many      │ idle for an hour: refused
 *        └──► cut           └──► refused                              └ its box is gone: the shell is killed
 */
import type { Duplex } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { throttle } from "../../../kernel/throttle.ts";
import type { Command, Commands } from "../../../platform/engine/commands.ts";
import type { ConsoleFrame } from "../../../protocols/compute/console-frames.ts";
import type { MeshClient } from "../../mesh/client.ts";
import {
  CONSOLES_MAX,
  CONSOLES_PER_BOX_MAX,
  CONSOLES_PER_SLIVER_MAX,
  CONSOLE_BEGIN_TIMEOUT_MS,
  CONSOLE_IDLE_MS,
  CONSOLE_RESIZE_MS,
} from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { CONSOLE_PATH, CONSOLE_REFUSALS, consoleQuestion, framesOf, sendData, sendFrame } from "../messages-console.ts";
import type { Books } from "./books.ts";
import type { Reconciler } from "./reconciler.ts";

export interface ConsolesNeeds {
  clock: Clock;
  log: Log;
  mesh: Pick<MeshClient, "serveStreams">;
  books: Pick<Books, "get">;
  reconciler: Pick<Reconciler, "isReady" | "instanceOf">;
  commands: Pick<Commands, "begin">;
}

export interface Consoles {
  /** Takes a stream, also this box's own. */
  take(peer: string, stream: Duplex): void;
  open(): number;
  /** Ends all of them. */
  stop(): void;
}

/**
 * The engine loses what a command wrote to its terminal in its last moments (docs/protocols/engine.md), so that
 * something outlives it by as much. Signals of the keyboard are the command's alone.
 */
const OUTLIVED = 'trap : INT QUIT; "$@"; code=$?; sleep 0.2 2>/dev/null || sleep 1; exit $code';
/** The best shell that is there: not every image has bash. */
const LOGIN = ["/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash -l; exec /bin/sh -l"];
const ENVIRONMENT = { TERM: "xterm-256color" };

/** Called before the mesh starts. */
export function serveConsoles(needs: ConsolesNeeds): Consoles {
  const open = new Map<Duplex, { peer: string; sliver?: string }>();
  const take = (peer: string, stream: Duplex) => {
    stream.on("error", () => stream.destroy());
    const ofPeer = [...open.values()].filter((one) => one.peer === peer).length;
    if (open.size >= CONSOLES_MAX || ofPeer >= CONSOLES_PER_BOX_MAX) return void refuse(stream, "compute-busy");
    const place: { peer: string; sliver?: string } = { peer };
    open.set(stream, place);
    const inSliver = (sliver: string) => {
      const others = [...open.values()].filter((one) => one.sliver === sliver).length;
      if (others >= CONSOLES_PER_SLIVER_MAX) throw computeErrors.fail("compute-busy");
      place.sliver = sliver;
    };
    void serve(needs, peer, stream, inSliver)
      .catch((error: unknown) => {
        needs.log.debug("a console was cut", { peer, error });
        stream.destroy();
      })
      .finally(() => open.delete(stream));
  };
  needs.mesh.serveStreams(CONSOLE_PATH, take);
  return {
    take,
    open: () => open.size,
    stop() {
      for (const stream of open.keys()) stream.destroy();
    },
  };
}

async function refuse(stream: Duplex, code: string): Promise<void> {
  await sendFrame(stream, { type: "refused", bytes: Buffer.from(code) });
  stream.end();
}

async function serve(
  needs: ConsolesNeeds,
  peer: string,
  stream: Duplex,
  inSliver: (sliver: string) => void,
): Promise<void> {
  const { clock, log } = needs;
  const frames = framesOf(stream);
  const cancel = clock.after(CONSOLE_BEGIN_TIMEOUT_MS, () => stream.destroy(new Error("nothing was wanted in time")));
  const { value: first } = await frames.next().finally(cancel);
  if (first?.type !== "begin") throw new Error("a console begins with what is wanted");
  const question = consoleQuestion.parse(JSON.parse(new TextDecoder().decode(first.bytes)));
  const stop = new AbortController();
  stream.once("close", () => stop.abort(new Error("who asked has gone")));
  try {
    const name = instanceOf(needs, peer, question.sliver);
    inSliver(question.sliver);
    const wanted = question.command === undefined ? LOGIN : ["/bin/sh", "-c", question.command];
    const words = ["/bin/sh", "-c", OUTLIVED, "sh", ...wanted];
    const { columns, rows } = question;
    const options = { terminal: { columns, rows }, environment: ENVIRONMENT, signal: stop.signal };
    const command = await needs.commands.begin(name, words, options);
    await sendFrame(stream, { type: "opened" });
    const code = await converse(clock, command, stream, frames, stop);
    await sendFrame(stream, { type: "exit", code });
    stream.end();
  } catch (error) {
    if (!isFailure(error)) throw error;
    const code = codeOf(error.code);
    if (code === "compute-engine-failed") log.warn("the engine could not open a console", { error });
    await refuse(stream, code);
  }
}

/** The engine's name of it. Throws for what is not the asking box's own: to it, that is not there. */
function instanceOf({ books, reconciler }: ConsolesNeeds, peer: string, sliver: string): string {
  if (!reconciler.isReady) throw computeErrors.fail("compute-busy");
  if (books.get(sliver)?.borrower.box !== peer) throw computeErrors.fail("compute-sliver-unknown");
  const instance = reconciler.instanceOf(sliver);
  if (instance?.state !== "running") throw computeErrors.fail("compute-not-running");
  return instance.name;
}

function codeOf(code: string): (typeof CONSOLE_REFUSALS)[number] {
  if (code === "engine-busy") return "compute-busy";
  if (code === "instance-state" || code === "no-such-instance") return "compute-not-running";
  return CONSOLE_REFUSALS.find((known) => known === code) ?? "compute-engine-failed";
}

/** Both ways at once, until the command has ended. Throws `compute-console-idle`. */
async function converse(
  clock: Clock,
  command: Command,
  stream: Duplex,
  frames: AsyncIterable<ConsoleFrame>,
  stop: AbortController,
): Promise<number> {
  const idle = watchIdle(clock, () => stop.abort(computeErrors.fail("compute-console-idle")));
  // Whoever has gone, or says what is no frame, leaves no shell behind.
  void hear(clock, command, frames, idle.touch)
    .catch((error: unknown) => stream.destroy(error as Error))
    .finally(() => stop.abort(new Error("who asked has gone")));
  try {
    for await (const chunk of command.stdout.iterator({ destroyOnReturn: false })) {
      idle.touch();
      await sendData(stream, chunk as Buffer);
    }
    const code = await command.ended;
    if (isFailure(stop.signal.reason)) throw stop.signal.reason;
    return code;
  } finally {
    idle.stop();
  }
}

async function hear(
  clock: Clock,
  command: Command,
  frames: AsyncIterable<ConsoleFrame>,
  touch: () => void,
): Promise<void> {
  let window = { columns: 0, rows: 0 };
  const resize = throttle(clock, CONSOLE_RESIZE_MS, () => command.resize(window.columns, window.rows));
  for await (const frame of frames) {
    if (frame.type === "data") {
      touch();
      // Typed into a command that has ended: writing would throw away what of its last words nobody has read yet.
      if (!command.stdin.writable) continue;
      await new Promise<void>((resolve) => command.stdin.write(frame.bytes, () => resolve()));
    } else if (frame.type === "window") {
      window = frame;
      resize();
    } else if (frame.type !== "alive") throw new Error(`a console's frame out of place: ${frame.type}`);
  }
}

function watchIdle(clock: Clock, over: () => void): { touch: () => void; stop: () => void } {
  let lastMs = clock.monotonicMs();
  let cancel = () => {};
  const wait = (ms: number) => {
    cancel = clock.after(ms, () => {
      const leftMs = lastMs + CONSOLE_IDLE_MS - clock.monotonicMs();
      if (leftMs > 0) wait(leftMs);
      else over();
    });
  };
  wait(CONSOLE_IDLE_MS);
  return { touch: () => void (lastMs = clock.monotonicMs()), stop: () => cancel() };
}
