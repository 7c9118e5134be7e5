/** From a path to the folder and the entry that it names. */
import { formatCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import type { Directory, DirectoryChild } from "../../../protocols/grid/directory.ts";
import type { Metadata } from "../../../protocols/grid/directory-metadata.ts";
import { GridError } from "../../../protocols/grid/errors.ts";
import { filesErrors } from "../errors.ts";
import { FOLDER_ENTRIES_MAX, FOLDER_MAX_BYTES, FREE_NAMES_MAX } from "./constants.ts";
import type { Folder } from "./directories.ts";
import { isFolder } from "./entries.ts";
import { NAME_MAX_BYTES, checkedName, join, namesOf } from "./paths.ts";
import { readFolder } from "./tree-parts.ts";
import type { TreeView } from "./tree-parts.ts";

/** A name in a folder, whether there is something or not. */
export interface Place {
  folder: Folder;
  folderPath: string;
  name: string;
  path: string;
  child: DirectoryChild | undefined;
  /** Keys of all folders from the root to this one. */
  keys: readonly string[];
}

export interface FolderFound {
  folder: Folder;
  path: string;
  keys: readonly string[];
}

/** Throws `files-not-found`, `files-not-a-folder`. */
export async function folderAt(view: TreeView, names: readonly string[]): Promise<FolderFound> {
  let folder = await readFolder(view, await view.root());
  let path = "/";
  const keys = [folder.key];
  for (const name of names) {
    path = join(path, name);
    const child = folder.directory.get(name);
    if (!child && folder.directory.has(name)) throw filesErrors.fail("files-bad-cap");
    if (!child) throw filesErrors.fail("files-not-found", { params: { path } });
    folder = await readFolder(view, directoryCapOf(child, path));
    keys.push(folder.key);
  }
  return { folder, path, keys };
}

/** The root has no place: throws `files-exists` for it. */
export async function placeOf(view: TreeView, path: string): Promise<Place> {
  const names = namesOf(path);
  const name = names.pop();
  if (name === undefined) throw filesErrors.fail("files-exists", { params: { path: "/" } });
  const { folder, path: folderPath, keys } = await folderAt(view, names);
  const own = join(folderPath, name);
  return { folder, folderPath, name, path: own, child: folder.directory.get(name), keys };
}

/** Throws `files-not-found`; for the root `files-top-folder`. */
export async function placeWithChild(view: TreeView, path: string): Promise<Place & { child: DirectoryChild }> {
  if (namesOf(path).length === 0) throw filesErrors.fail("files-top-folder");
  const place = await placeOf(view, path);
  const { child } = place;
  if (!child) throw filesErrors.fail("files-not-found", { params: { path: place.path } });
  return { ...place, child };
}

export function directoryCapOf(child: DirectoryChild, path: string): DirectoryCap {
  if (child.cap.kind !== "directory") throw filesErrors.fail("files-not-a-folder", { params: { path } });
  return child.cap;
}

export function requireWritable({ folder, path }: { folder: Folder; path: string }): void {
  if (!folder.canWrite) throw filesErrors.fail("files-read-only", { params: { path } });
}

/** As the place was when it was looked at; `files-changed` when something else stands there now. */
export function sameChild(directory: Directory, place: Place & { child: DirectoryChild }): DirectoryChild {
  const now = directory.get(place.name);
  if (!now) throw filesErrors.fail("files-not-found", { params: { path: place.path } });
  if (isFolder(now) !== isFolder(place.child) || (isFolder(now) && capText(now) !== capText(place.child))) {
    throw filesErrors.fail("files-changed", { params: { path: place.path } });
  }
  return now;
}

/** The strongest cap there is. */
export function capText(child: DirectoryChild): string {
  return formatCap(child.cap);
}

export interface Link {
  name: string;
  read?: string | undefined;
  write?: string | undefined;
  metadata: Metadata;
}

/** What stands around the names, caps and metadata of an entry: lengths, the write slot's salt and MAC. */
const ENTRY_EXTRA_BYTES = 100;

/** Puts an entry into a folder that is being changed. Throws `files-folder-full`, `files-bad-cap`, before it does. */
export function putChild(directory: Directory, link: Link, nowMs: number): void {
  const { name, read, write, metadata } = link;
  if (!directory.has(name) || directory.contentBytes > FOLDER_MAX_BYTES / 2) requireSpace(directory, link);
  try {
    const caps = { ...(read === undefined ? {} : { read }), ...(write === undefined ? {} : { write }) };
    directory.set({ name, ...caps, metadata }, nowMs);
  } catch (cause) {
    if (!(cause instanceof GridError)) throw cause;
    throw filesErrors.fail(cause.code === "too-large" ? "files-folder-full" : "files-bad-cap", {
      params: { limit: FOLDER_ENTRIES_MAX },
      cause,
    });
  }
}

function requireSpace(directory: Directory, { name, read, write, metadata }: Link): void {
  const isFull = directory.size >= FOLDER_ENTRIES_MAX && !directory.has(name);
  const own = JSON.stringify(metadata).length + name.length * 3 + (read?.length ?? 0) + (write?.length ?? 0);
  if (isFull || directory.contentBytes + own + ENTRY_EXTRA_BYTES > FOLDER_MAX_BYTES) {
    throw filesErrors.fail("files-folder-full", { params: { limit: FOLDER_ENTRIES_MAX } });
  }
}

/** Another name for a child of the same folder, however full that is. The caller has looked at both names. */
export function renameChild(directory: Directory, child: DirectoryChild, name: string, said: Metadata, nowMs: number) {
  const { read, write } = child;
  const caps = { ...(read === undefined ? {} : { read }), ...(write === undefined ? {} : { write }) };
  try {
    directory.set({ name, ...caps, metadata: said }, nowMs);
  } catch (cause) {
    // At the format's own limit, or a cap of an unknown kind that may not be written again.
    if (cause instanceof GridError) throw filesErrors.fail("files-bad-cap", { cause });
    throw cause;
  }
  directory.delete(child.name);
}

/** `name`, or with a number where that is taken: "letter (2).txt". */
export function freeName(directory: Directory, name: string): string {
  if (!directory.has(name)) return name;
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 2; number <= FREE_NAMES_MAX; number += 1) {
    const tail = ` (${number})${ending}`;
    const free = checkedName(shortened(stem, NAME_MAX_BYTES - Buffer.byteLength(tail)) + tail);
    if (!directory.has(free)) return free;
  }
  throw filesErrors.fail("files-exists", { params: { path: name } });
}

/** By whole characters. An ending that leaves nothing for the stem is bad as a name, and is refused as such. */
function shortened(text: string, bytesMax: number): string {
  let short = text;
  while (Buffer.byteLength(short) > Math.max(0, bytesMax)) short = [...short].slice(0, -1).join("");
  return short;
}
