/**
 * `comu files get`: files and folders of the box onto this machine. What is not whole yet has a name of its own that
 * holds the content's mark, so that a command that was broken off goes on where it was, and never with other content.
 */
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { systemClock } from "../kernel/clock.ts";
import { NAME_MAX_BYTES } from "../services/files/tree/paths.ts";
import { cliErrors, openAnswer } from "./call.ts";
import type { Entry, Job, Transfer } from "./files-transfer.ts";
import { ask, filesEndpoints, oneOfMany, severalAtOnce } from "./files-transfer.ts";

/** Of a small file most of the time is waiting: more of them at once. */
const TINY_BYTES = 64 * 1024;
const PLACES = 16;
const TINY_PLACES = 1;
const PLACES_OF_OTHERS = 4;
const clock = systemClock();
const STANDARD = "-";

/** `target` undefined: here, under its own name; "-": standard output, for one file. */
export async function getAll(transfer: Transfer, path: string, target: string | undefined): Promise<void> {
  const entry = await ask<Entry>(transfer, "entry", { path });
  if (target === STANDARD) return writeOut(transfer, entry);
  if (entry.kind === "file") transfer.progress.expect(entry.bytes);
  const own = entry.name || "files";
  const isInto = target !== undefined && (target.endsWith("/") || (await isFolderHere(target)));
  if (isInto) await written(target, () => mkdir(target, { recursive: true }));
  const to = target === undefined ? own : isInto ? join(target, own) : target;
  await severalAtOnce(jobs(transfer, entry, to), PLACES);
}

async function* jobs(transfer: Transfer, entry: Entry, to: string): AsyncGenerator<Job> {
  if (entry.kind === "file") {
    const places = entry.bytes <= TINY_BYTES ? TINY_PLACES : PLACES_OF_OTHERS;
    yield { places, run: () => oneOfMany(transfer, entry.path, () => getFile(transfer, entry, to)) };
    return;
  }
  await written(to, () => mkdir(to, { recursive: true }));
  const { entries } = await ask<{ entries: Entry[] }>(transfer, "list", { path: entry.path });
  for (const { kind, bytes } of entries) if (kind === "file") transfer.progress.expect(bytes);
  // A name that would leave the folder is none that a box gives; it is not believed to be so.
  for (const one of entries.filter(({ name }) => name === basename(name) && name !== ".." && name !== "."))
    yield* jobs(transfer, one, join(to, one.name));
}

/** Also of a name that has the longest length itself. */
function partName(name: string, etag: string): string {
  const tail = `.${etag.slice(0, 16)}.part`;
  let stem = name;
  while (Buffer.byteLength(stem) > NAME_MAX_BYTES - tail.length - 1) stem = [...stem].slice(0, -1).join("");
  return `.${stem}${tail}`;
}

async function getFile(transfer: Transfer, entry: Entry, to: string): Promise<void> {
  const { progress } = transfer;
  progress.at(entry.path);
  const part = join(dirname(to), partName(basename(to), entry.etag));
  const have = Math.min((await stat(part).catch(() => undefined))?.size ?? 0, entry.bytes);
  progress.had(have);
  if (have < entry.bytes || entry.bytes === 0) {
    const range = have > 0 ? { range: `bytes=${have}-` } : {};
    const input = { path: entry.path, ...range };
    const pieces = await openAnswer(transfer.data, filesEndpoints["read"]!, input, transfer.language);
    const counted = Readable.from(count(pieces, progress.done));
    await written(part, () => pipeline(counted, createWriteStream(part, { flags: have > 0 ? "a" : "w" })));
  }
  const { size } = await stat(part);
  if (size !== entry.bytes) {
    // It is another file by now.
    await rm(part, { force: true });
    throw cliErrors.fail("file-changed", { params: { path: entry.path } });
  }
  await written(to, () => rename(part, to));
  await utimes(to, clock.wallMs() / 1000, Date.parse(entry.modifiedAt) / 1000);
  transfer.files += 1;
  transfer.bytes += entry.bytes;
}

async function writeOut(transfer: Transfer, { path }: Entry): Promise<void> {
  const pieces = await openAnswer(transfer.data, filesEndpoints["read"]!, { path }, transfer.language);
  await pipeline(Readable.from(pieces), process.stdout, { end: false });
}

async function* count(pieces: AsyncIterable<Buffer>, done: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    yield piece;
    done(piece.length);
  }
}

async function isFolderHere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function written<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw cliErrors.fail("file-not-written", { params: { file }, cause });
  }
}
