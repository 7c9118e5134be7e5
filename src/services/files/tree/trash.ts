/**
 * The trash: what was removed, with its caps, so that it can come back. A row is written before the entry goes, marked
 * `is_going`, and counts once the entry is gone; after a crash in between the folder tells which it was.
 */
import { encodeBase32 } from "../../../protocols/grid/base32.ts";
import { formatCap, parseCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryChild } from "../../../protocols/grid/directory.ts";
import type { Metadata } from "../../../protocols/grid/directory-metadata.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import { TRASH_ITEMS_MAX } from "./constants.ts";
import { entryOf, isFolder, keptBytesOf } from "./entries.ts";
import type { FileEntry } from "./file-system.ts";
import { namesOf, parentOf } from "./paths.ts";
import { folderAt, freeName, putChild, requireWritable, sameChild } from "./places.ts";
import type { FolderFound, Place } from "./places.ts";
import { changeFolder, readFolder } from "./tree-parts.ts";
import type { TreeParts, TreeView } from "./tree-parts.ts";

export interface TrashItem {
  id: string;
  name: string;
  /** Where it was, in the account's own tree. */
  path: string;
  kind: "file" | "folder";
  bytes: number;
  removedMs: number;
}

interface Row {
  id: string;
  account: string;
  folder: string;
  name: string;
  path: string;
  kind: "file" | "folder";
  bytes: number;
  write_cap: string | null;
  read_cap: string | null;
  metadata: string;
  removed_ms: number;
}

const DAY_MS = 24 * 3_600_000;

/** Writes down what is about to go from a place; undefined when trash is not kept. */
export function keepInTrash(view: TreeView, place: Place & { child: DirectoryChild }): string | undefined {
  const { parts, account, base } = view;
  if (parts.settings.trashDays() <= 0) return undefined;
  const id = encodeBase32(parts.random.bytes(15));
  const { child, folder } = place;
  const path = base === "/" ? place.path : base + place.path;
  parts.store
    .query("INSERT INTO files_trash VALUES (?, ?, ?, ?, ?, ?, 0, NULL, NULL, '{}', ?, 1)")
    .run(id, account, formatCap(folder.cap), place.name, path, kindOf(child), parts.clock.wallMs());
  note(parts, id, child);
  return id;
}

/** The entry has gone, and was `child`; undefined: there was nothing any more. */
export function nowInTrash(parts: TreeParts, account: string, id: string, child: DirectoryChild | undefined): void {
  const { store, names } = parts;
  if (child) {
    note(parts, id, child);
    store.query("UPDATE files_trash SET is_going = 0 WHERE id = ?").run(id);
  } else {
    store.query("DELETE FROM files_trash WHERE id = ?").run(id);
  }
  names.forgetUsed(account);
  const surplus = store.query<{ id: string }>(
    "SELECT id FROM files_trash WHERE account = ? ORDER BY removed_ms DESC, rowid DESC LIMIT -1 OFFSET ?",
  );
  for (const old of surplus.all(account, TRASH_ITEMS_MAX)) forget(parts, account, old.id);
}

/** Nothing went after all. */
export function notInTrash({ store }: TreeParts, id: string | undefined): void {
  if (id !== undefined) store.query("DELETE FROM files_trash WHERE id = ? AND is_going = 1").run(id);
}

function note({ store }: TreeParts, id: string, child: DirectoryChild): void {
  store
    .query("UPDATE files_trash SET kind = ?, bytes = ?, write_cap = ?, read_cap = ?, metadata = ? WHERE id = ?")
    .run(
      kindOf(child),
      keptBytesOf(child),
      child.write ?? null,
      child.read ?? null,
      JSON.stringify(child.metadata),
      id,
    );
}

const kindOf = (child: DirectoryChild) => (isFolder(child) ? "folder" : "file");

/** Takes an entry out of its folder and keeps it in the trash. Gives the id there. */
export async function remove(view: TreeView, place: Place & { child: DirectoryChild }): Promise<string | undefined> {
  requireWritable({ folder: place.folder, path: place.path });
  const { parts, account } = view;
  const id = keepInTrash(view, place);
  try {
    const { result } = await changeFolder(view, { cap: place.folder.cap, path: place.folderPath }, (directory) => {
      const child = sameChild(directory, place);
      directory.delete(place.name);
      return child;
    });
    if (id !== undefined) nowInTrash(parts, account, id, result);
    else dropNames(parts, account, result.read, isFolder(result));
    return id;
  } catch (error) {
    if (isRefusal(error)) notInTrash(parts, id);
    throw error;
  }
}

/**
 * True when a change was certainly not made. After other failures it may have been: a write whose answer was lost. Then
 * the row stays as it is, and after the next start the folder tells.
 */
export function isRefusal(error: unknown): boolean {
  return isFailure(error) && REFUSALS.has(error.code);
}

const REFUSALS: ReadonlySet<string> = new Set([
  "files-not-found",
  "files-changed",
  "files-exists",
  "files-folder-full",
  "files-bad-cap",
  "files-read-only",
  "files-too-many",
]);

export function trashOf({ parts, account }: TreeView): TrashItem[] {
  return parts.store
    .query<Row>(
      "SELECT * FROM files_trash WHERE account = ? AND is_going = 0 ORDER BY removed_ms DESC, rowid DESC LIMIT ?",
    )
    .all(account, TRASH_ITEMS_MAX)
    .map(({ id, name, path, kind, bytes, removed_ms }) => ({ id, name, path, kind, bytes, removedMs: removed_ms }));
}

function rowOf({ parts, account }: TreeView, id: string): Row {
  const row = parts.store
    .query<Row>("SELECT * FROM files_trash WHERE id = ? AND account = ? AND is_going = 0")
    .get(id, account);
  if (!row) throw filesErrors.fail("files-not-found", { params: { path: id } });
  return row;
}

/** Back to where it was, under another name where that is taken, or into the root where its folder is no more. */
export async function restore(view: TreeView, id: string): Promise<FileEntry> {
  const row = rowOf(view, id);
  const found = await folderOrRoot(view, parentOf(row.path));
  requireWritable(found);
  const { parts, account } = view;
  const { result } = await changeFolder(view, { cap: found.folder.cap, path: found.path }, (directory) => {
    const name = freeName(directory, row.name);
    const metadata = JSON.parse(row.metadata) as Metadata;
    const [read, write] = [row.read_cap ?? undefined, row.write_cap ?? undefined];
    putChild(directory, { name, read, write, metadata }, parts.clock.wallMs());
    return directory.get(name)!;
  });
  parts.store.query("DELETE FROM files_trash WHERE id = ?").run(id);
  parts.names.forgetUsed(account);
  return entryOf(parts.crypto, result, { path: found.path, canWrite: true });
}

async function folderOrRoot(view: TreeView, path: string): Promise<FolderFound> {
  try {
    const found = await folderAt(view, namesOf(path));
    if (found.folder.canWrite) return found;
  } catch (error) {
    if (!isFailure(error, "files-not-found") && !isFailure(error, "files-not-a-folder")) throw error;
  }
  return folderAt(view, []);
}

export function forgetItem(view: TreeView, id: string): void {
  rowOf(view, id);
  forget(view.parts, view.account, id);
}

export function emptyTrash(view: TreeView): void {
  for (const { id } of trashOf(view)) forget(view.parts, view.account, id);
}

/** Forgets what has been in the trash for its days. */
export function sweepTrash({ parts, account }: TreeView): void {
  const before = parts.clock.wallMs() - parts.settings.trashDays() * DAY_MS;
  const old = parts.store.query<{ id: string }>(
    "SELECT id FROM files_trash WHERE account = ? AND removed_ms < ? AND is_going = 0",
  );
  for (const { id } of old.all(account, before)) forget(parts, account, id);
}

function forget(parts: TreeParts, account: string, id: string): void {
  const row = parts.store.query<Row>("SELECT * FROM files_trash WHERE id = ?").get(id);
  if (!row) return;
  parts.store.query("DELETE FROM files_trash WHERE id = ?").run(id);
  parts.names.forgetUsed(account);
  dropNames(parts, account, row.read_cap ?? undefined, row.kind === "folder");
}

function dropNames({ directories, names }: TreeParts, account: string, read: string | undefined, isDirectory: boolean) {
  if (!isDirectory || read === undefined) return;
  const cap = parseCap(read);
  if (cap.kind === "directory") names.dropFolder(account, directories.keyOf(cap));
}

/** After a crash: of what was about to go, the folder tells whether it went. Each may fail, and be tried again. */
export function removalsUnderWay(view: TreeView): (() => Promise<void>)[] {
  const rows = view.parts.store.query<Row>("SELECT * FROM files_trash WHERE account = ? AND is_going = 1");
  return rows.all(view.account).map((row) => () => endRemoval(view, row));
}

async function endRemoval(view: TreeView, row: Row): Promise<void> {
  const { parts } = view;
  const cap = parseCap(row.folder);
  if (cap.kind !== "directory") return notInTrash(parts, row.id);
  const folder = await readFolder(view, cap, { fresh: true });
  const child = folder.directory.get(row.name);
  const isThere = child !== undefined && (child.read ?? null) === row.read_cap;
  if (isThere) notInTrash(parts, row.id);
  else parts.store.query("UPDATE files_trash SET is_going = 0 WHERE id = ?").run(row.id);
  parts.names.forgetUsed(row.account);
}
