/**
 * The tree of files in an instance, running or not, over the engine's SFTP: folders with sizes, and files read and
 * written piece by piece. The engine answers it from within the instance: whatever its links lead to is inside, too.
 * A file is opened only when it is one: a pipe or a device of a guest must keep nobody waiting.
 */
import { Readable } from "node:stream";
import { SFTP_PIECES_MAX, SFTP_PIECE_BYTES, UNSIZED_FILE_BYTES_MAX } from "./constants.ts";
import { fail } from "./errors.ts";
import { insidePath, instanceName } from "./names.ts";
import { OPEN, sftpSession } from "./sftp.ts";
import type { SftpEntry, SftpFacts, SftpSession } from "./sftp.ts";
import { late } from "./transport.ts";
import type { Transport } from "./transport.ts";

export type InsideEntry = SftpEntry;
export type InsideFacts = SftpFacts;

export interface InsideTree {
  /** At most so many entries, in the engine's order, and whether there are more. `engine-has-no` for no folder. */
  list(
    name: string,
    path: string,
    entriesMax: number,
    signal?: AbortSignal,
  ): Promise<{ entries: InsideEntry[]; isCut: boolean }>;
  /** Of what is there in the end, if it is a link. */
  facts(name: string, path: string, signal?: AbortSignal): Promise<InsideFacts>;
  /**
   * A file's bytes: read or destroy them. `bytes` is how many come, undefined for a file that does not say; one that
   * becomes shorter meanwhile breaks with `engine-interrupted`. `engine-bad-request` for what is no file.
   */
  read(
    name: string,
    path: string,
    signal?: AbortSignal,
  ): Promise<{ facts: InsideFacts; bytes: number | undefined; content: Readable }>;
  /** Writes at a place, into a file that is made if it is not there. Gives how many bytes. */
  write(
    name: string,
    path: string,
    at: number,
    content: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<number>;
  /** Over whatever file is there. */
  rename(name: string, from: string, to: string, signal?: AbortSignal): Promise<void>;
  remove(name: string, path: string, signal?: AbortSignal): Promise<void>;
}

export function insideTree(transport: Transport): InsideTree {
  const open = async (name: string, path: string, signal: AbortSignal | undefined): Promise<SftpSession> => {
    insidePath(path);
    const about = { kind: "file", name: path, instance: name } as const;
    const ask = { path: `/instances/${instanceName(name)}/sftp`, about, signal };
    const { socket, head } = await transport.tunnel(ask, "sftp");
    const { streamIdleMs } = transport.limits;
    socket.setTimeout(streamIdleMs, () => socket.destroy(late(streamIdleMs)));
    const abort = () => socket.destroy();
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("close", () => signal?.removeEventListener("abort", abort));
    return sftpSession(socket, head, about);
  };
  const within = async <T>(
    name: string,
    path: string,
    signal: AbortSignal | undefined,
    run: (session: SftpSession) => Promise<T>,
  ): Promise<T> => {
    const session = await open(name, path, signal);
    try {
      return await run(session);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      session.end();
    }
  };
  return {
    list: (name, path, entriesMax, signal) =>
      within(name, path, signal, async (session) => {
        const handle = await session.openFolder(path);
        const entries: InsideEntry[] = [];
        while (entries.length <= entriesMax) {
          const more = await session.nextEntries(handle);
          if (!more) return { entries, isCut: false };
          entries.push(...more);
        }
        return { entries: entries.slice(0, entriesMax), isCut: true };
      }),
    facts: (name, path, signal) => within(name, path, signal, (session) => session.facts(path)),
    async read(name, path, signal) {
      const session = await open(name, path, signal);
      try {
        const facts = await session.facts(path);
        if (facts.kind !== "file") throw fail("engine-bad-request", { params: { said: `${path} is no file` } });
        const handle = await session.open(path, OPEN.read);
        const pieces = facts.bytes > 0 ? sizedPieces(session, handle, facts.bytes) : unsizedPieces(session, handle);
        const content = Readable.from(pieces, { objectMode: false });
        content.once("close", () => session.end());
        return { facts, bytes: facts.bytes > 0 ? facts.bytes : undefined, content };
      } catch (error) {
        session.end();
        signal?.throwIfAborted();
        throw error;
      }
    },
    write: (name, path, at, content, signal) =>
      within(name, path, signal, async (session) => {
        const there = await session.facts(path).catch(() => undefined);
        if (there && there.kind !== "file") {
          throw fail("engine-bad-request", { params: { said: `${path} is no file` } });
        }
        const handle = await session.open(path, OPEN.write | OPEN.create);
        const bytes = await writePieces(session, handle, at, content);
        await session.close(handle);
        return bytes;
      }),
    rename: (name, from, to, signal) => within(name, from, signal, (session) => session.rename(from, to)),
    remove: (name, path, signal) => within(name, path, signal, (session) => session.remove(path)),
  };
}

/** Some are asked for ahead, so that a far engine's answers do not come one after the other. */
async function* sizedPieces(session: SftpSession, handle: Buffer, bytes: number): AsyncGenerator<Buffer> {
  const asked: Promise<Buffer>[] = [];
  let at = 0;
  while (at < bytes || asked.length > 0) {
    while (asked.length < SFTP_PIECES_MAX && at < bytes) {
      const piece = wholePiece(session, handle, at, Math.min(SFTP_PIECE_BYTES, bytes - at));
      piece.catch(() => {});
      asked.push(piece);
      at += SFTP_PIECE_BYTES;
    }
    yield await asked.shift()!;
  }
}

async function wholePiece(session: SftpSession, handle: Buffer, at: number, length: number): Promise<Buffer> {
  let piece = await session.read(handle, at, length);
  while (piece.length < length) {
    const more = await session.read(handle, at + piece.length, length - piece.length);
    if (more.length === 0) throw fail("engine-interrupted", { cause: new Error("the file became shorter") });
    piece = Buffer.concat([piece, more]);
  }
  return piece;
}

async function* unsizedPieces(session: SftpSession, handle: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < UNSIZED_FILE_BYTES_MAX;) {
    const piece = await session.read(handle, at, Math.min(SFTP_PIECE_BYTES, UNSIZED_FILE_BYTES_MAX - at));
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
  }
}

async function writePieces(
  session: SftpSession,
  handle: Buffer,
  from: number,
  content: AsyncIterable<Uint8Array>,
): Promise<number> {
  const asked: Promise<void>[] = [];
  let at = from;
  for await (const chunk of content) {
    for (let start = 0; start < chunk.length; start += SFTP_PIECE_BYTES) {
      const piece = chunk.subarray(start, start + SFTP_PIECE_BYTES);
      const written = session.write(handle, at, piece);
      written.catch(() => {});
      asked.push(written);
      at += piece.length;
      // Whoever sends waits for the engine's disk.
      if (asked.length >= SFTP_PIECES_MAX) await asked.shift();
    }
  }
  await Promise.all(asked);
  return at - from;
}
