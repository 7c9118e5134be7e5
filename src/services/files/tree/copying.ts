/**
 * Copies. A file's copy is the same content in the grid under a second name. A folder's is a new folder for each of
 * those below it; it is made aside, and put into its place when it is whole.
 */
import { formatCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryChild } from "../../../protocols/grid/directory.ts";
import { filesErrors } from "../errors.ts";
import { COPY_ENTRIES_MAX, FOLDER_BATCH_MAX } from "./constants.ts";
import { bytesOf, entryOf, isFolder, knownCap, saidOf, timesOf, withSaid } from "./entries.ts";
import type { FileEntry } from "./file-system.ts";
import { replacing, requireOutside } from "./moving.ts";
import { PATH_NAMES_MAX } from "./paths.ts";
import { directoryCapOf, placeOf, placeWithChild, putChild, requireWritable } from "./places.ts";
import type { Link } from "./places.ts";
import { requireRoom } from "./storing.ts";
import { changeFolder, readFolder } from "./tree-parts.ts";
import type { TreeView } from "./tree-parts.ts";

/** Throws `files-exists`, `files-into-itself`, `files-read-only`, `files-too-many`, `files-no-room`. */
export async function copy(
  view: TreeView,
  from: string,
  to: string,
  options: { replace?: boolean; shallow?: boolean; entriesMax?: number } = {},
): Promise<FileEntry> {
  const { replace = false, shallow = false, entriesMax = COPY_ENTRIES_MAX } = options;
  const source = await placeWithChild(view, from);
  const target = await placeOf(view, to);
  requireWritable({ folder: target.folder, path: target.path });
  if (source.path === target.path) throw filesErrors.fail("files-into-itself");
  if (!shallow) requireOutside(view, source, target);
  if (target.folder.directory.has(target.name) && !replace) {
    throw filesErrors.fail("files-exists", { params: { path: target.path } });
  }
  const budget = { entries: 0, bytes: 0 };
  const made: DirectoryCap[] = [];
  const link = await copied(view, source.child, target.name, { budget, shallow, entriesMax, above: [], made });
  const at = { cap: target.folder.cap, path: target.folderPath };
  const { crypto, clock } = view.parts;
  const child = await replacing(view, target, replace, async (makeRoom) => {
    const { result } = await changeFolder(view, at, (directory) => {
      makeRoom(directory);
      putChild(directory, link, clock.wallMs());
      return directory.get(target.name)!;
    });
    return result;
  });
  // Their names are found and their bytes count from now on.
  for (const cap of made) await readFolder(view, cap);
  return entryOf(crypto, child, { path: target.folderPath, canWrite: true });
}

interface Copying {
  budget: { entries: number; bytes: number };
  shallow: boolean;
  entriesMax: number;
  /** Keys of the folders that this one is in: a folder that holds itself has no end. */
  above: readonly string[];
  /** All new folders. */
  made: DirectoryCap[];
}

async function copied(view: TreeView, child: DirectoryChild, name: string, copying: Copying): Promise<Link> {
  const { budget, entriesMax } = copying;
  budget.entries += 1;
  budget.bytes += isFolder(child) ? 0 : (bytesOf(child) ?? 0);
  if (budget.entries > entriesMax) {
    throw filesErrors.fail("files-too-many", { params: { limit: entriesMax } });
  }
  requireRoom(view, budget.bytes);
  const { versions: _former, upload: _by, ...said } = saidOf(child.metadata);
  const modifiedMs = said.modifiedMs ?? timesOf(child.metadata).linkedMs;
  const metadata = withSaid(child.metadata, { ...said, modifiedMs, createdMs: view.parts.clock.wallMs() });
  if (!isFolder(child)) return { name, ...(await sameContent(view, child)), metadata };
  const cap = await copiedFolder(view, directoryCapOf(child, name), copying);
  return { name, write: formatCap(cap), metadata };
}

/** A mutable file would go on changing with the first: its copy is what it holds now. */
async function sameContent(view: TreeView, child: DirectoryChild): Promise<{ read?: string; write?: string }> {
  const cap = knownCap(child);
  const { grid } = view.parts;
  if (!cap || bytesOf(child) !== undefined) {
    return { ...(child.read ? { read: child.read } : {}), ...(child.write ? { write: child.write } : {}) };
  }
  const { content } = await grid.readMutable(cap);
  requireRoom(view, content.length);
  async function* read(at = 0) {
    yield content.subarray(at);
  }
  return { read: formatCap((await grid.upload({ bytes: content.length, read })).cap) };
}

async function copiedFolder(view: TreeView, cap: DirectoryCap, copying: Copying): Promise<DirectoryCap> {
  const { directories, clock } = view.parts;
  const made = await directories.create();
  copying.made.push(made);
  if (copying.shallow) return made;
  const folder = await readFolder(view, cap);
  const above = [...copying.above, folder.key];
  if (copying.above.includes(folder.key) || above.length > PATH_NAMES_MAX) throw filesErrors.fail("files-into-itself");
  const children = folder.directory.children();
  for (let at = 0; at < children.length; at += FOLDER_BATCH_MAX) {
    const links: Link[] = [];
    for (const child of children.slice(at, at + FOLDER_BATCH_MAX)) {
      links.push(await copied(view, child, child.name, { ...copying, above }));
    }
    await directories.change(made, (directory) => {
      for (const link of links) putChild(directory, link, clock.wallMs());
    });
  }
  return made;
}
