/** The requests of SFTP that name paths: looking, listing, opening, making, moving, removing. */
import { filesErrors } from "../errors.ts";
import type { FileEntry, FileSystem } from "../tree/file-system.ts";
import { pathOf } from "../tree/paths.ts";
import { refuse } from "./answers.ts";
import type { Shown } from "./attributes.ts";
import type { Opened } from "./handles.ts";
import type { OpenWriters } from "./open-writers.ts";
import type { Attributes } from "./packets.ts";
import { OPEN } from "./packets.ts";
import type { ReadAhead } from "./reading-file.ts";
import { ReadingFile } from "./reading-file.ts";
import type { SpoolRoom } from "./spool.ts";
import { WritingFile } from "./writing-file.ts";
import type { Clock } from "../../../kernel/clock.ts";

/** What `statvfs` counts in. */
const BLOCK_BYTES = 4096;
const NAME_MAX_BYTES = 255;
/** Programs look before they copy, and give up where there is no answer; storing says when there is no room. */
const UNKNOWN_ROOM = { freeBytes: 2 ** 40, usedBytes: 0 };

export interface PathNeeds {
  files: FileSystem;
  writers: OpenWriters;
  room: SpoolRoom;
  ahead: ReadAhead;
  clock: Clock;
  /** Something went wrong after it was answered. */
  failed: (error: unknown) => void;
}

export class PathRequests {
  readonly #needs: PathNeeds;

  constructor(needs: PathNeeds) {
    this.#needs = needs;
  }

  async look(path: string): Promise<Shown> {
    const { files, writers } = this.#needs;
    return writers.at(path)?.shown() ?? writers.timed(path, present(path, await files.stat(path)));
  }

  async openFile(path: string, flags: number): Promise<Opened> {
    const { files, writers, room, ahead, clock } = this.#needs;
    await writers.settled(path);
    const before = await files.stat(path);
    const writing = writers.at(path);
    if (before?.kind === "folder") throw filesErrors.fail("files-is-a-folder", { params: { path } });
    const mayWrite = (flags & (OPEN.write | OPEN.append)) !== 0;
    if (!mayWrite) {
      // What is still being written cannot be read by another handle: it is nowhere yet but in that one's spool.
      return { kind: "reading", file: new ReadingFile(files, present(path, before), { ahead, clock }) };
    }
    if (before && !before.canWrite) throw filesErrors.fail("files-read-only", { params: { path } });
    const isThere = before !== undefined || writing !== undefined;
    if (!isThere && !(flags & OPEN.create)) throw filesErrors.fail("files-not-found", { params: { path } });
    const exclusive = (flags & OPEN.exclusive) !== 0 && (flags & OPEN.create) !== 0;
    if (isThere && exclusive) throw filesErrors.fail("files-exists", { params: { path } });
    if (!isThere) await this.#checkParent(path);
    const file = new WritingFile(
      files,
      room,
      { path, before, truncate: (flags & OPEN.truncate) !== 0, exclusive, append: (flags & OPEN.append) !== 0 },
      clock.wallMs(),
    );
    return { kind: "writing", file, mayRead: (flags & OPEN.read) !== 0, mayWrite };
  }

  /** Else a client would hear of it only after it has sent everything. */
  async #checkParent(path: string): Promise<void> {
    const parent = pathOf(path).slice(0, path.lastIndexOf("/")) || "/";
    const folder = present(parent, await this.#needs.files.stat(parent));
    if (folder.kind !== "folder") throw filesErrors.fail("files-not-a-folder", { params: { path: parent } });
    if (!folder.canWrite) throw filesErrors.fail("files-read-only", { params: { path: parent } });
  }

  async openFolder(path: string): Promise<Opened> {
    const { files, writers } = this.#needs;
    const listed = (await files.list(path)).map((entry) => writers.timed(entry.path, entry));
    const known = new Set(listed.map((entry) => entry.name));
    const rest = [...listed, ...writers.newIn(path).filter((entry) => !known.has(entry.name))];
    return { kind: "folder", path, rest };
  }

  async makeFolder(path: string): Promise<void> {
    if (this.#needs.writers.at(path)) throw filesErrors.fail("files-exists", { params: { path } });
    await this.#needs.files.makeFolder(path);
  }

  /** What is removed by mistake is in the trash. */
  async remove(path: string): Promise<void> {
    const { files, writers } = this.#needs;
    await writers.settled(path);
    const open = writers.openBelow(path).filter(({ file }) => file.path === path);
    const entry = await files.stat(path);
    if (entry?.kind === "folder") throw filesErrors.fail("files-is-a-folder", { params: { path } });
    if (!entry && open.length === 0) throw filesErrors.fail("files-not-found", { params: { path } });
    if (entry) await files.remove(path);
    for (const { file, handle } of open) await handle.inTurn(() => file.removed());
  }

  async removeFolder(path: string): Promise<void> {
    const { files, writers } = this.#needs;
    await writers.settled(path);
    const isEmpty = (await files.list(path)).length === 0 && writers.openBelow(path).length === 0;
    if (!isEmpty) throw refuse.notEmpty();
    await files.remove(path);
  }

  /** `replace` as in POSIX: a file replaces a file, a folder an empty folder. */
  async rename(from: string, to: string, replace: boolean): Promise<void> {
    const { files, writers } = this.#needs;
    await Promise.all([writers.settled(from), writers.settled(to)]);
    const open = writers.openBelow(from);
    const source = await files.stat(from);
    if (!source && !open.some(({ file }) => file.path === from)) present(from, undefined);
    const target = await files.stat(to);
    if (from === to) return;
    if ((target || writers.at(to)) && !replace) throw filesErrors.fail("files-exists", { params: { path: to } });
    if (target) await this.#mayReplace(target, source?.kind ?? "file");
    for (const { file, handle } of writers.openBelow(to)) await handle.inTurn(() => file.removed());
    const moved = source && (await files.move(from, to, { replace }));
    for (const { file, handle } of open) {
      const path = to + file.path.slice(from.length);
      const entry = file.path === from || !source ? moved : await files.stat(path);
      await handle.inTurn(() => file.moveTo(path, entry));
    }
  }

  async #mayReplace(target: FileEntry, kind: FileEntry["kind"]): Promise<void> {
    const { path } = target;
    if (target.kind === "file" && kind === "file") return;
    if (target.kind === "file") throw filesErrors.fail("files-not-a-folder", { params: { path } });
    if (kind === "file") throw filesErrors.fail("files-is-a-folder", { params: { path } });
    if ((await this.#needs.files.list(path)).length > 0) throw refuse.notEmpty();
  }

  /** Time and length; rights and owners are taken without effect, since only the member has any. */
  async change(path: string, { size, modifiedS }: Attributes, signal: AbortSignal): Promise<void> {
    const { files, writers, room, clock } = this.#needs;
    await writers.settled(path);
    const modifiedMs = modifiedS === undefined ? undefined : modifiedS * 1000;
    const open = writers.openBelow(path).find(({ file }) => file.path === path);
    if (open) return await open.handle.inTurn(() => changeOpen(open.file, { size, modifiedMs }));
    const before = present(path, await files.stat(path));
    if (size !== undefined && size !== before.bytes) {
      if (before.kind === "folder") throw filesErrors.fail("files-is-a-folder", { params: { path } });
      const options = { path, before, truncate: false, exclusive: false, append: false };
      const file = new WritingFile(files, room, options, clock.wallMs());
      try {
        await changeOpen(file, { size, modifiedMs });
      } catch (error) {
        await file.removed();
        throw error;
      } finally {
        await file.close(signal);
      }
    } else if (modifiedMs !== undefined) await this.#changeTime(before, modifiedMs);
  }

  async #changeTime({ path, kind, canWrite }: FileEntry, modifiedMs: number): Promise<void> {
    const { files, writers, failed } = this.#needs;
    const put = () => files.change(path, { modifiedMs }).catch(failed);
    if (kind === "file" && canWrite && writers.timeLater(path, modifiedMs, put)) return;
    await files.change(path, { modifiedMs });
  }

  /** The rows of `statvfs`: block sizes, blocks, free ones, files, free ones, id, flags, the longest name. */
  async space(): Promise<number[]> {
    const room = (await this.#needs.files.room()) ?? UNKNOWN_ROOM;
    const free = Math.floor(room.freeBytes / BLOCK_BYTES);
    const total = free + Math.ceil(room.usedBytes / BLOCK_BYTES);
    const unknown = 2 ** 32 - 1;
    return [BLOCK_BYTES, BLOCK_BYTES, total, free, free, unknown, unknown, unknown, 0, 0, NAME_MAX_BYTES];
  }
}

export async function changeOpen(
  file: WritingFile,
  { size, modifiedMs }: { size: number | undefined; modifiedMs: number | undefined },
): Promise<void> {
  if (size !== undefined) await file.truncate(size);
  if (modifiedMs !== undefined) file.setModified(modifiedMs);
}

function present(path: string, entry: FileEntry | undefined): FileEntry {
  if (!entry) throw filesErrors.fail("files-not-found", { params: { path } });
  return entry;
}
