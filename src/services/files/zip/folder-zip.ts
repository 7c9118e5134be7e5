/**
 * A folder with all that is below it as one .zip, made while it is read: nothing of it lies on a disk or in memory but
 * a few small files that come next. What is in it, and so its length, is settled before its first byte; when a file
 * has changed or cannot be read in the middle, the answer breaks off, so that nobody has a part for the whole.
 */
import { crc32 } from "node:zlib";
import type { BytesAnswer } from "../../../kernel/contract.ts";
import { begun, savedAs } from "../content-answer.ts";
import { filesErrors } from "../errors.ts";
import { PATH_NAMES_MAX, checkedName, join } from "../tree/paths.ts";
import {
  ZIPS_MAX,
  ZIPS_PER_OWNER_MAX,
  ZIP_AHEAD,
  ZIP_AHEAD_FILE_MAX_BYTES,
  ZIP_ENTRIES_MAX,
  ZIP_PIECE_BYTES,
} from "./constants.ts";
import { centralHeader, descriptor, endOfZip, localHeader, zipBytes } from "./zip-format.ts";
import type { ZipEntry, ZipWritten } from "./zip-format.ts";

export interface ZipListed {
  name: string;
  kind: "file" | "folder";
  bytes: number;
  modifiedMs: number;
}

/** Where folders and files come from: a member's tree, or what another box shares. */
export interface ZipSource {
  /** Of the top one. */
  name: string;
  modifiedMs: number;
  list(path: string, signal: AbortSignal): Promise<readonly ZipListed[]>;
  /** The whole of a file. */
  read(path: string, bytes: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

export interface Zips {
  /**
   * The folder at `path`. `owner`: the account or the link that asks. Throws `files-too-many` beyond the limits, and
   * what the source throws for a folder or for the first file.
   */
  answer(owner: string, source: ZipSource, path: string, signal: AbortSignal): Promise<BytesAnswer>;
}

function tooMany(limit: number) {
  return filesErrors.fail("files-too-many", { params: { limit } });
}

function tooLarge() {
  return filesErrors.fail("files-too-large", { params: { limit: Number.MAX_SAFE_INTEGER } });
}

export function createZips(): Zips {
  let all = 0;
  const ofOwner = new Map<string, number>();
  const count = (owner: string, change: 1 | -1) => {
    all += change;
    const now = (ofOwner.get(owner) ?? 0) + change;
    if (now > 0) ofOwner.set(owner, now);
    else ofOwner.delete(owner);
  };
  return {
    async answer(owner, source, path, signal) {
      if (all >= ZIPS_MAX || (ofOwner.get(owner) ?? 0) >= ZIPS_PER_OWNER_MAX) {
        throw tooMany(ZIPS_PER_OWNER_MAX);
      }
      count(owner, 1);
      let isCounted = true;
      const release = () => {
        if (isCounted) count(owner, -1);
        isCounted = false;
      };
      signal.addEventListener("abort", release, { once: true });
      try {
        const entries = await zipPlan(source, path, signal);
        const body = await begun(ending(gathered(zipContent(source, entries, signal)), release));
        const headers = { "content-disposition": savedAs(`${source.name}.zip`), "accept-ranges": "none" };
        return { body, length: zipBytes(entries), type: "application/zip", headers };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

/** An entry, and where its content is. */
interface Planned extends ZipEntry {
  path: string;
  /** Folders above it. */
  depth: number;
}

/** All that goes into it, folders before what is in them. Throws `files-too-many`. */
async function zipPlan(source: ZipSource, path: string, signal: AbortSignal): Promise<Planned[]> {
  const planned: Planned[] = [
    { name: `${checkedName(source.name)}/`, bytes: 0, modifiedMs: source.modifiedMs, path, depth: 0 },
  ];
  for (let at = 0; at < planned.length; at += 1) {
    const folder = planned[at]!;
    if (!folder.name.endsWith("/")) continue;
    signal.throwIfAborted();
    // A folder that is in itself.
    if (folder.depth > PATH_NAMES_MAX) throw tooMany(PATH_NAMES_MAX);
    for (const { name, kind, bytes, modifiedMs } of await source.list(folder.path, signal)) {
      if (planned.length >= ZIP_ENTRIES_MAX) throw tooMany(ZIP_ENTRIES_MAX);
      // Another box may say anything; nothing that is unpacked leaves its folder.
      const own = checkedName(name);
      if (!Number.isSafeInteger(bytes) || bytes < 0) throw tooLarge();
      const isFolder = kind === "folder";
      planned.push({
        ...{ name: `${folder.name}${own}${isFolder ? "/" : ""}`, path: join(folder.path, own) },
        ...{ bytes: isFolder ? 0 : bytes, modifiedMs, depth: folder.depth + 1 },
      });
    }
  }
  if (zipBytes(planned) > Number.MAX_SAFE_INTEGER) throw tooLarge();
  return planned;
}

async function* zipContent(
  source: ZipSource,
  entries: readonly Planned[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const contentOf = readingAhead(source, entries, signal);
  const written: ZipWritten[] = [];
  let at = 0;
  for (const [index, entry] of entries.entries()) {
    const head = localHeader(entry);
    yield head;
    let [doneBytes, checksum] = [0, 0];
    for await (const piece of contentOf(index)) {
      signal.throwIfAborted();
      doneBytes += piece.length;
      if (doneBytes > entry.bytes) break;
      checksum = crc32(piece, checksum);
      yield piece;
    }
    if (doneBytes !== entry.bytes) throw filesErrors.fail("files-changed", { params: { path: entry.path } });
    const after = descriptor(entry, checksum);
    yield after;
    written.push({ checksum, at });
    at += head.length + doneBytes + after.length;
  }
  const central = { at, bytes: 0 };
  for (const [index, entry] of entries.entries()) {
    const line = centralHeader(entry, written[index]!);
    central.bytes += line.length;
    yield line;
  }
  yield endOfZip(entries.length, central);
}

/** The content of one entry after the other. To find a small file takes longer than to read it: some are ahead. */
function readingAhead(source: ZipSource, entries: readonly Planned[], signal: AbortSignal) {
  const ahead = new Map<number, Promise<Uint8Array[]>>();
  const whole = async ({ path, bytes }: Planned) => {
    const pieces: Uint8Array[] = [];
    // Copies: who reads may use a buffer again.
    for await (const piece of await source.read(path, bytes, signal)) pieces.push(new Uint8Array(piece));
    return pieces;
  };
  const begin = (index: number) => {
    const entry = entries[index];
    if (!entry || ahead.has(index) || entry.bytes === 0 || entry.bytes > ZIP_AHEAD_FILE_MAX_BYTES) return;
    const pieces = whole(entry);
    // It is thrown when its turn comes.
    pieces.catch(() => {});
    ahead.set(index, pieces);
  };
  return async function* contentOf(index: number): AsyncGenerator<Uint8Array> {
    for (let next = index; next <= index + ZIP_AHEAD; next += 1) begin(next);
    const held = ahead.get(index);
    const { path, bytes } = entries[index]!;
    if (held) {
      yield* await held;
      ahead.delete(index);
    } else if (bytes > 0) yield* await source.read(path, bytes, signal);
  };
}

/** Not each header by itself: so much at once. */
async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of pieces) {
    heldBytes += piece.length;
    if (heldBytes < ZIP_PIECE_BYTES) {
      held.push(new Uint8Array(piece));
      continue;
    }
    if (held.length > 0) yield Buffer.concat(held);
    yield piece;
    held = [];
    heldBytes = 0;
  }
  if (held.length > 0) yield Buffer.concat(held);
}

async function* ending(pieces: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } finally {
    end();
  }
}
