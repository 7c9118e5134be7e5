/** Former contents of a file. They stand in its entry, so they go where it goes, and any device sees them. */
import type { DirectoryChild } from "../../../protocols/grid/directory.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import { filesErrors } from "../errors.ts";
import { bytesOf, entryOf, isFolder, readableCap, saidOf, timesOf, withSaid } from "./entries.ts";
import type { FileEntry } from "./file-system.ts";
import { placeWithChild, putChild, requireWritable, sameChild } from "./places.ts";
import { versionsWith } from "./storing.ts";
import { changeFolder } from "./tree-parts.ts";
import type { TreeView } from "./tree-parts.ts";

export interface VersionSeen {
  /** 16 letters and digits. */
  id: string;
  bytes: number;
  modifiedMs: number;
  current: boolean;
}

/** The newest first; the first one is what the file holds now. */
export async function versionsOf(view: TreeView, path: string): Promise<VersionSeen[]> {
  const { child, path: own } = await placeWithChild(view, path);
  if (isFolder(child)) throw filesErrors.fail("files-is-a-folder", { params: { path: own } });
  const { crypto } = view.parts;
  const said = saidOf(child.metadata);
  const now = {
    id: idOf(crypto, child.read ?? ""),
    bytes: bytesOf(child) ?? said.bytes ?? 0,
    modifiedMs: said.modifiedMs ?? timesOf(child.metadata).linkedMs,
    current: true,
  };
  const former = (said.versions ?? []).map(({ cap, bytes, modifiedMs }) => {
    return { id: idOf(crypto, cap), bytes, modifiedMs, current: false };
  });
  return [now, ...former];
}

/** The cap that reads a version. Throws `files-not-found`. */
export async function versionCap(view: TreeView, path: string, id: string): Promise<KnownCap> {
  const { child, path: own } = await placeWithChild(view, path);
  return readableCap(capOfVersion(view.parts.crypto, child, id, own));
}

/** What the file held becomes what it holds; what it held until now becomes the newest former content. */
export async function restoreVersion(view: TreeView, path: string, id: string): Promise<FileEntry> {
  const place = await placeWithChild(view, path);
  requireWritable({ folder: place.folder, path: place.path });
  const { crypto, clock } = view.parts;
  const at = { cap: place.folder.cap, path: place.folderPath };
  const { result } = await changeFolder(view, at, (directory) => {
    const child = sameChild(directory, place);
    const read = capOfVersion(crypto, child, id, place.path);
    if (read === child.read) return child;
    const { upload: _by, ...said } = saidOf(child.metadata);
    const version = (said.versions ?? []).find(({ cap }) => cap === read)!;
    const versions = versionsWith(child, said.versions ?? [], read);
    const metadata = withSaid(child.metadata, {
      ...said,
      bytes: version.bytes,
      modifiedMs: version.modifiedMs,
      versions,
    });
    putChild(directory, { name: place.name, read, metadata }, clock.wallMs());
    return directory.get(place.name)!;
  });
  return entryOf(crypto, result, { path: place.folderPath, canWrite: true });
}

function capOfVersion(crypto: GridCrypto, child: DirectoryChild, id: string, path: string): string {
  const caps = [child.read ?? "", ...(saidOf(child.metadata).versions ?? []).map(({ cap }) => cap)];
  const found = caps.find((cap) => idOf(crypto, cap) === id);
  if (isFolder(child)) throw filesErrors.fail("files-is-a-folder", { params: { path } });
  if (found === undefined) throw filesErrors.fail("files-not-found", { params: { path: `${path} ${id}` } });
  return found;
}

function idOf(crypto: GridCrypto, cap: string): string {
  return Buffer.from(crypto.sha256(Buffer.from(`version ${cap}`)))
    .toString("hex")
    .slice(0, 16);
}
