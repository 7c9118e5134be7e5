/**
 * The host's answers about what is inside a sliver: its snapshots, files, logs and figures. One stream a question;
 * only the box that reserved the sliver gets one, and everything is done by the engine, from within the instance.
 */
import { Readable } from "node:stream";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { Turns } from "../../../kernel/turns.ts";
import type { Engine } from "../../../platform/engine/engine.ts";
import { firstLine } from "../../../platform/first-line.ts";
import type { MeshClient } from "../../mesh/client.ts";
import {
  INSIDE_STREAMS_MAX,
  INSIDE_STREAMS_PER_BOX_MAX,
  INSIDE_QUESTION_BYTES_MAX,
  MESSAGE_TIMEOUT_MS,
  RESTORED_WAIT_MS,
  SLIVER_SNAPSHOTS_MAX,
  SNAPSHOT_TIMEOUT_MS,
} from "../constants.ts";
import { computeErrors } from "../errors.ts";
import { INSIDE_PATH, INSIDE_REFUSALS, insideQuestion } from "../messages-inside.ts";
import type { InsideQuestion } from "../messages-inside.ts";
import type { Books, Entry } from "./books.ts";
import type { Figures } from "./figures.ts";
import { fileAnswer } from "./inside-files.ts";
import { ConsoleLogs, logAnswer } from "./inside-logs.ts";
import type { Reconciler } from "./reconciler.ts";
import { settled } from "./settling.ts";

export interface InsideNeeds {
  clock: Clock;
  log: Log;
  mesh: Pick<MeshClient, "serveStreams">;
  books: Books;
  reconciler: Reconciler;
  engine: Pick<Engine, "instances" | "tree" | "commands">;
  /** The disk of a sliver, and nothing else of it. It is stopped afterwards. */
  restore: (entry: Entry, instance: string, snapshot: string) => Promise<void>;
  figures: Figures;
}

/** What goes back: a line, and for a file or a log its bytes. */
export interface InsideReply {
  done: object;
  body?: AsyncIterable<Uint8Array>;
}

/** Of one question that was found to be the borrower's own. */
export interface InsideAsked {
  /** The engine's name of it. */
  name: string;
  isRunning: () => boolean;
  rest: AsyncIterable<Uint8Array>;
  /** Ends with the stream. */
  signal: AbortSignal;
}

/** Called before the mesh starts. Gives what takes this box's own streams. */
export function serveInside(needs: InsideNeeds): { take: (peer: string, stream: Duplex) => void } {
  const turns = new Turns();
  const consoles = new ConsoleLogs(needs.engine);
  const open = new Map<string, number>();
  let all = 0;
  const count = (peer: string, change: 1 | -1) => {
    all += change;
    const now = (open.get(peer) ?? 0) + change;
    if (now > 0) open.set(peer, now);
    else open.delete(peer);
  };
  const take = (peer: string, stream: Duplex) => {
    stream.on("error", () => stream.destroy());
    const isTooMany = all >= INSIDE_STREAMS_MAX || (open.get(peer) ?? 0) >= INSIDE_STREAMS_PER_BOX_MAX;
    if (isTooMany) return void stream.end(refusalLine("compute-busy"));
    count(peer, 1);
    consoles.keepOnly((sliver) => needs.books.get(sliver) !== undefined);
    void answer({ ...needs, turns, consoles }, peer, stream)
      .catch((error: unknown) => {
        needs.log.debug("a question about a sliver was not answered to its end", { peer, error });
        stream.destroy();
      })
      .finally(() => count(peer, -1));
  };
  needs.mesh.serveStreams(INSIDE_PATH, take);
  return { take };
}

type Answering = InsideNeeds & { turns: Turns; consoles: ConsoleLogs };

async function answer(needs: Answering, peer: string, stream: Duplex): Promise<void> {
  const { clock, log } = needs;
  const stop = new AbortController();
  stream.once("close", () => stop.abort(new Error("who asked has gone")));
  const cancel = clock.after(MESSAGE_TIMEOUT_MS, () => stream.destroy(new Error("no question in time")));
  const { line, rest } = await firstLine(stream, INSIDE_QUESTION_BYTES_MAX).finally(cancel);
  const question = insideQuestion.parse(JSON.parse(line));
  let reply: InsideReply;
  try {
    reply = await replyTo(needs, question, asked(needs, peer, question.sliver, rest, stop.signal));
  } catch (error) {
    if (stop.signal.aborted) return;
    const code = codeOf(error, question);
    if (code === "compute-engine-failed") log.warn("the engine could not do it", { do: question.do, error });
    return void stream.end(refusalLine(code));
  }
  const head = `${JSON.stringify({ done: reply.done })}\n`;
  const { body } = reply;
  if (!body) return void stream.end(head);
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(head);
    yield* body;
  };
  await pipeline(Readable.from(bytes(), { objectMode: false }), stream);
}

const refusalLine = (code: string): string => `${JSON.stringify({ error: { code } })}\n`;

/** Throws for what is not the asking box's own: to it, that is not there. */
function asked(
  { books, reconciler }: InsideNeeds,
  peer: string,
  sliver: string,
  rest: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): InsideAsked {
  if (!reconciler.isReady) throw computeErrors.fail("compute-busy");
  if (books.get(sliver)?.borrower.box !== peer) throw computeErrors.fail("compute-sliver-unknown");
  const instance = reconciler.instanceOf(sliver);
  if (!instance) throw computeErrors.fail("compute-not-running");
  const isRunning = () => reconciler.instanceOf(sliver)?.state === "running";
  return { name: instance.name, isRunning, rest, signal };
}

async function replyTo(needs: Answering, question: InsideQuestion, asked: InsideAsked): Promise<InsideReply> {
  switch (question.do) {
    case "snapshots":
      return { done: await snapshots(needs, asked.name) };
    case "take":
    case "restore":
    case "drop":
      // One after the other for each sliver: two at once could both be the last that is allowed.
      return { done: await needs.turns.run(question.sliver, () => changeSnapshots(needs, question, asked.name)) };
    case "list":
    case "get":
    case "put":
    case "cancel":
      return fileAnswer(needs, question, asked);
    case "log":
      return logAnswer(needs, question, asked);
    case "figures":
      return { done: await needs.figures.of(question.sliver) };
  }
}

async function snapshots({ engine, clock }: InsideNeeds, name: string) {
  const nowMs = clock.wallMs();
  const there = await engine.instances.snapshots(name);
  return {
    snapshots: there.map((one) => ({ name: one.name, ageMs: Math.max(0, nowMs - Date.parse(one.createdAt)) })),
  };
}

type SnapshotChange = Extract<InsideQuestion, { do: "take" | "restore" | "drop" }>;

/**
 * What was begun goes on when who asked has gone: it cannot be broken off. A snapshot is in the books before it is
 * made, so that nobody else is promised its room.
 */
async function changeSnapshots(needs: InsideNeeds, { do: what, sliver, name }: SnapshotChange, instance: string) {
  const { engine, books, reconciler } = needs;
  const { instances } = engine;
  const options = { timeoutMs: SNAPSHOT_TIMEOUT_MS };
  const note = async () => {
    const there = await instances.snapshots(instance);
    books.noteSnapshots(sliver, there.length);
    return there;
  };
  const there = await note();
  if (what === "restore") {
    const entry = books.get(sliver);
    // Before it is stopped for it.
    if (!entry || !there.some((one) => one.name === name)) throw computeErrors.fail("compute-snapshot-unknown");
    await reconciler.during(sliver, () => needs.restore(entry, instance, name));
    // What ran runs again.
    await settled(needs, [sliver], RESTORED_WAIT_MS, (one) => books.get(one));
  } else if (what === "drop") await instances.deleteSnapshot(instance, name, options);
  else {
    const params = { name, limit: SLIVER_SNAPSHOTS_MAX };
    if (there.some((one) => one.name === name)) throw computeErrors.fail("compute-snapshot-exists", { params });
    if (there.length >= SLIVER_SNAPSHOTS_MAX) throw computeErrors.fail("compute-snapshots-full", { params });
    if (!books.hasRoomAgain(sliver)) throw computeErrors.fail("compute-snapshot-no-room");
    books.noteSnapshots(sliver, there.length + 1);
    await instances.snapshot(instance, name, options).catch(async (error: unknown) => {
      await note();
      throw error;
    });
  }
  await note();
  return snapshots(needs, instance);
}

const OF_ENGINE: Readonly<Record<string, (typeof INSIDE_REFUSALS)[number]>> = {
  "already-exists": "compute-snapshot-exists",
  "engine-full": "compute-sliver-full",
  /** Of the books, in which a snapshot is before it is made. */
  "disk-full": "compute-snapshot-no-room",
  "engine-bad-request": "compute-file-refused",
  "engine-busy": "compute-busy",
  "instance-state": "compute-busy",
  "no-such-instance": "compute-not-running",
};

/** A failure's code as the other box may hear it. A bug is thrown. */
function codeOf(error: unknown, { do: what }: InsideQuestion): string {
  if (!isFailure(error)) throw error;
  const known = INSIDE_REFUSALS.find((code) => code === error.code) ?? OF_ENGINE[error.code];
  if (known) return known;
  const isFile = what === "list" || what === "get" || what === "put" || what === "cancel";
  if (error.code === "engine-has-no") return isFile ? "compute-file-unknown" : "compute-snapshot-unknown";
  // "Is a directory", "not a directory", "text file busy": the engine says it in the guest's own words.
  return isFile && error.code === "engine-failed" ? "compute-file-refused" : "compute-engine-failed";
}
