/**
 * Bytes that go to the box and come from it: values from an argument, a file or standard input; answers to a file or
 * to standard output. A file of lines goes in as many requests as it takes, each cut at the end of a line.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Endpoint, Endpoints } from "../kernel/contract.ts";
import { callBox, cliErrors, EXIT_INTERRUPTED, openAnswer } from "./call.ts";

export interface Asked {
  data: string;
  input: Record<string, unknown>;
  language: string;
}

/** What was given beside the inputs: the place after them, and all options. */
type Given = { argument?: string | undefined } & Record<string, unknown>;

const STANDARD = "-";
const LINE_FEED = 0x0a;

/** `siblings`: of the same service. Throws `value-missing`, `file-unreadable`. */
export async function askOnce(asked: Asked, endpoint: Endpoint, siblings: Endpoints, given: Given): Promise<unknown> {
  const { data, input, language } = asked;
  const bytes = endpoint.cli?.bytes;
  if (!bytes) return callBox(data, endpoint, input, language);
  if ("lines" in bytes) return sendLines(asked, endpoint, bytes.from, given.argument!);
  if ("pieces" in bytes) return sendPieces(asked, endpoint, siblings[bytes.cancel]!, given.argument!);
  if ("file" in bytes) return callBox(data, endpoint, input, language, await readAll(given.argument!));
  const file = given[bytes.option] as string | undefined;
  // One of them; two would leave open which counts.
  if ((file === undefined) === (given.argument === undefined)) {
    throw cliErrors.fail("value-missing", { params: { argument: bytes.argument, option: `--${bytes.option}` } });
  }
  const body = file === undefined ? Buffer.from(given.argument!) : await readAll(file);
  return callBox(data, endpoint, input, language, body);
}

async function readAll(file: string): Promise<Buffer> {
  try {
    return await (file === STANDARD ? buffer(process.stdin) : readFile(file));
  } catch (cause) {
    throw cliErrors.fail("file-unreadable", { params: { file }, cause });
  }
}

/** Writes an answer of bytes; lines of JSON without the empty ones. A file appears only when it is whole. */
export async function writeAnswer(asked: Asked, endpoint: Endpoint, file: string | undefined): Promise<void> {
  const pieces = await openAnswer(asked.data, endpoint, asked.input, asked.language);
  const isLines = endpoint.answerType === "application/x-ndjson";
  const wanted = isLines ? withoutEmpty(pieces) : pieces;
  if (file === undefined || file === STANDARD) {
    await pipeline(Readable.from(wanted), process.stdout, { end: false });
    return;
  }
  const part = `${file}.part`;
  try {
    await pipeline(Readable.from(wanted), createWriteStream(part, { mode: 0o600 }));
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw cliErrors.fail("file-not-written", { params: { file }, cause });
  }
}

/** Empty lines only keep the connection alive. */
async function* withoutEmpty(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let atStart = true;
  for await (const piece of pieces) {
    const kept = piece.filter((byte, at) => byte !== LINE_FEED || !(at === 0 ? atStart : piece[at - 1] === LINE_FEED));
    atStart = piece.at(-1) === LINE_FEED;
    if (kept.length > 0) yield Buffer.from(kept);
  }
}

/** Numbers of the answers are added up, lists joined. */
async function sendLines(asked: Asked, endpoint: Endpoint, from: string, file: string): Promise<unknown> {
  const sum: Record<string, unknown> = {};
  let firstLine = 1;
  for await (const bytes of inPieces(file, endpoint.bytes!.max)) {
    const input = { ...asked.input, [from]: firstLine };
    const answer = (await callBox(asked.data, endpoint, input, asked.language, bytes)) as Record<string, unknown>;
    for (const [key, value] of Object.entries(answer)) sum[key] = added(sum[key], value);
    for (const byte of bytes) if (byte === LINE_FEED) firstLine += 1;
  }
  return sum;
}

/** Which piece of a file a request brings. */
export const PIECE_INPUTS = ["upload", "offset", "isLast"];

/** The id of a file that is sent in pieces. */
export const newUpload = (): string => crypto.randomUUID().replaceAll("-", "");

/** Each piece is as long as the endpoint takes. Gives the last answer. When it is given up, `cancel` is told. */
async function sendPieces(asked: Asked, endpoint: Endpoint, cancel: Endpoint, file: string): Promise<unknown> {
  const where = Object.fromEntries(Object.entries(asked.input).filter(([key]) => key in cancel.input.shape));
  // If that cannot be told either, the first error says more.
  const giveUp = () => callBox(asked.data, cancel, where, asked.language).catch(() => {});
  const interrupted = () => void giveUp().finally(() => process.exit(EXIT_INTERRUPTED));
  process.once("SIGINT", interrupted);
  try {
    return await piecesSent(asked, endpoint, file);
  } catch (error) {
    await giveUp();
    throw error;
  } finally {
    process.off("SIGINT", interrupted);
  }
}

async function piecesSent(asked: Asked, endpoint: Endpoint, file: string): Promise<unknown> {
  const ask = (bytes: Uint8Array, offset: number, isLast: boolean) =>
    callBox(asked.data, endpoint, { ...asked.input, offset, isLast }, asked.language, bytes);
  let offset = 0;
  let held: Buffer[] = [];
  let size = 0;
  const { max } = endpoint.bytes!;
  for await (const chunk of chunksOf(file)) {
    held.push(chunk);
    size += chunk.length;
    // The last piece is sent when it is known that nothing comes after it.
    if (size <= max) continue;
    const all = Buffer.concat(held, size);
    await ask(all.subarray(0, max), offset, false);
    offset += max;
    held = [all.subarray(max)];
    size -= max;
  }
  return ask(Buffer.concat(held, size), offset, true);
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  const source = file === STANDARD ? process.stdin : createReadStream(file, { highWaterMark: 1024 * 1024 });
  try {
    yield* source as AsyncIterable<Buffer>;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw cliErrors.fail("file-unreadable", { params: { file }, cause });
  }
}

function added(before: unknown, value: unknown): unknown {
  if (before === undefined) return value;
  return typeof value === "number" ? (before as number) + value : [...(before as unknown[]), ...(value as unknown[])];
}

/** At most `max` bytes each, and whole lines where a line is not longer than that. */
async function* inPieces(file: string, max: number): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunksOf(file)) {
    held = Buffer.concat([held, chunk]);
    while (held.length > max) {
      const end = held.lastIndexOf(LINE_FEED, max - 1) + 1 || max;
      yield held.subarray(0, end);
      held = held.subarray(end);
    }
  }
  // Also for an empty file: it is answered, too.
  yield held;
}
