/**
 * Another name, or another folder. Between two folders the entry is first put where it goes and then taken from where
 * it was, so that a crash never loses it; what was under way is written down, and is ended after the crash.
 */
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { formatCap, parseCap } from "../../../protocols/grid/caps.ts";
import type { Directory, DirectoryChild } from "../../../protocols/grid/directory.ts";
import type { Metadata } from "../../../protocols/grid/directory-metadata.ts";
import { filesErrors } from "../errors.ts";
import { entryOf, isFolder, saidOf, timesOf, withSaid } from "./entries.ts";
import type { FileEntry } from "./file-system.ts";
import {
  directoryCapOf,
  placeOf,
  placeWithChild,
  putChild,
  renameChild,
  requireWritable,
  sameChild,
} from "./places.ts";
import type { Place } from "./places.ts";
import { endSharedPaths, moveSharedPaths } from "./shared-paths.ts";
import { isRefusal, keepInTrash, notInTrash, nowInTrash } from "./trash.ts";
import { changeFolder, readFolder } from "./tree-parts.ts";
import type { TreeView } from "./tree-parts.ts";

type Filled = Place & { child: DirectoryChild };

/** Throws `files-exists`, `files-into-itself`, `files-read-only`, `files-folder-full`, and what the grid throws. */
export async function move(
  view: TreeView,
  from: string,
  to: string,
  { replace = false }: { replace?: boolean } = {},
): Promise<FileEntry> {
  const { child } = await placeWithChild(view, from);
  if (!isFolder(child)) return moveNow(view, from, to, replace);
  return view.parts.folderMoves.run("", () => moveNow(view, from, to, replace));
}

async function moveNow(view: TreeView, from: string, to: string, replace: boolean): Promise<FileEntry> {
  const source = await placeWithChild(view, from);
  const target = await placeOf(view, to);
  requireWritable({ folder: source.folder, path: source.path });
  requireWritable({ folder: target.folder, path: target.path });
  const isSameFolder = source.folder.key === target.folder.key;
  const parent = { path: target.folderPath, canWrite: true };
  if (isSameFolder && source.name === target.name) return entryOf(view.parts.crypto, source.child, parent);
  requireOutside(view, source, target);
  const moved = await replacing(view, target, replace, (put) =>
    isSameFolder ? rename(view, source, target, put) : between(view, source, target, put),
  );
  moveSharedPaths(view, source.path, target.path, target);
  return entryOf(view.parts.crypto, moved, parent);
}

/** A folder must not come below itself, and nothing into the place of a folder that it is in. */
export function requireOutside(view: TreeView, source: Filled, target: Place): void {
  const keyOf = (child: DirectoryChild, path: string) => view.parts.directories.keyOf(directoryCapOf(child, path));
  const isBelow = isFolder(source.child) && target.keys.includes(keyOf(source.child, source.path));
  const isAbove = target.child && isFolder(target.child) && source.keys.includes(keyOf(target.child, target.path));
  if (isBelow || isAbove) throw filesErrors.fail("files-into-itself");
}

/** Called within the change of the target's folder, before the new child is set in the place of the old one. */
export type MakeRoom = (directory: Directory) => void;

/**
 * Runs `write` so that what stands at the target, if it may be replaced, is in the trash afterwards. Throws
 * `files-exists`.
 */
export async function replacing<T>(
  view: TreeView,
  target: Place,
  replace: boolean,
  write: (makeRoom: MakeRoom) => Promise<T>,
): Promise<T> {
  const { parts, account } = view;
  const taken = () => filesErrors.fail("files-exists", { params: { path: target.path } });
  const isTaken = (directory: Directory) => directory.has(target.name);
  if (isTaken(target.folder.directory) && (!replace || !target.child)) throw taken();
  const trashId = target.child ? keepInTrash(view, target as Filled) : undefined;
  let replaced: DirectoryChild | undefined;
  try {
    const result = await write((directory) => {
      replaced = directory.get(target.name);
      // What came there since was not in question.
      if (isTaken(directory) && (!replaced || !replace || !target.child)) throw taken();
    });
    if (trashId !== undefined) nowInTrash(parts, account, trashId, replaced);
    // A link to a file stands at its name, one to a folder at what is in the trash now.
    if (replaced && isFolder(replaced)) endSharedPaths(view, target.path);
    return result;
  } catch (error) {
    if (replaced === undefined || isRefusal(error)) notInTrash(parts, trashId);
    throw error;
  }
}

async function rename(view: TreeView, source: Filled, target: Place, makeRoom: MakeRoom): Promise<DirectoryChild> {
  const { clock } = view.parts;
  const at = { cap: source.folder.cap, path: source.folderPath };
  const { result } = await changeFolder(view, at, (directory) => {
    const child = sameChild(directory, source);
    makeRoom(directory);
    renameChild(directory, child, target.name, keptTimes(child), clock.wallMs());
    return directory.get(target.name)!;
  });
  return result;
}

async function between(view: TreeView, source: Filled, target: Place, makeRoom: MakeRoom): Promise<DirectoryChild> {
  const { parts, account } = view;
  const read = source.child.read ?? "";
  const id = encodeBase32(parts.random.bytes(15));
  parts.store
    .query("INSERT INTO files_moves VALUES (?, ?, ?, ?, ?, ?, ?)")
    .run(id, account, capOf(source), source.name, capOf(target), target.name, read);
  try {
    const { result } = await changeFolder(view, { cap: target.folder.cap, path: target.folderPath }, (directory) => {
      const { child } = source;
      const link = { name: target.name, read: child.read, write: child.write, metadata: keptTimes(child) };
      makeRoom(directory);
      putChild(directory, link, parts.clock.wallMs());
      return directory.get(target.name)!;
    });
    if (isFolder(source.child) && (await hasComeBelow(view, source, target))) {
      await putBack(view, target, read);
      throw filesErrors.fail("files-changed", { params: { path: source.path } });
    }
    await takeAway(view, source, read);
    return result;
  } finally {
    parts.store.query("DELETE FROM files_moves WHERE id = ?").run(id);
  }
}

/**
 * Has another box, which has the same folders, put one that the target is in right into what is moved here? Taken away
 * by both, the two would hang in each other and nowhere else. Each of both puts first and looks then, so that at least
 * one of them sees it.
 */
async function hasComeBelow(view: TreeView, source: Filled, target: Place): Promise<boolean> {
  const { directory } = await readFolder(view, directoryCapOf(source.child, source.path), { fresh: true });
  const { directories } = view.parts;
  return directory
    .children()
    .some((child) => child.cap.kind === "directory" && target.keys.includes(directories.keyOf(child.cap)));
}

/** As it was before it was moved there. */
async function putBack(view: TreeView, { folder, folderPath, name, child }: Place, read: string): Promise<void> {
  await changeFolder(view, { cap: folder.cap, path: folderPath }, (directory) => {
    if ((directory.get(name)?.read ?? "") !== read) return;
    directory.delete(name);
    if (child) putChild(directory, child, view.parts.clock.wallMs());
  });
}

const capOf = ({ folder }: Place) => formatCap(folder.cap);

/** Only what was moved: what came under this name since stays. */
async function takeAway(view: TreeView, source: Place, read: string): Promise<void> {
  await changeFolder(view, { cap: source.folder.cap, path: source.folderPath }, (directory) => {
    if ((directory.get(source.name)?.read ?? "") === read) directory.delete(source.name);
  });
}

/** A new link would begin its times anew. */
function keptTimes(child: DirectoryChild): Metadata {
  const said = saidOf(child.metadata);
  const { madeMs, linkedMs } = timesOf(child.metadata);
  const { modifiedMs = linkedMs, createdMs = madeMs } = said;
  return withSaid(child.metadata, { ...said, modifiedMs, createdMs });
}

/** Work that a crash has left; each may fail while the grid cannot be reached, and is tried again then. */
export function movesUnderWay(view: TreeView): (() => Promise<void>)[] {
  const rows = view.parts.store.query<Record<string, string>>("SELECT * FROM files_moves WHERE account = ?");
  return rows.all(view.account).map((row) => () => endMove(view, row));
}

/** What stands in both places is taken from the first. */
async function endMove(view: TreeView, row: Record<string, string>): Promise<void> {
  const [from, to] = [parseCap(row["from_folder"]!), parseCap(row["to_folder"]!)];
  if (from.kind === "directory" && to.kind === "directory") {
    const { directory } = await readFolder(view, to, { fresh: true });
    if (directory.get(row["to_name"]!)?.read === row["read_cap"]) {
      const folder = await readFolder(view, from, { fresh: true });
      const source = { folder, folderPath: "/", name: row["from_name"]!, path: "/", child: undefined, keys: [] };
      await takeAway(view, source, row["read_cap"]!);
    }
  }
  view.parts.store.query("DELETE FROM files_moves WHERE id = ?").run(row["id"]!);
}
