/**
 * One member's files over the grid: the `FileSystem` that pages, commands, WebDAV and SFTP work on, and what only pages
 * and commands ask for (trash, versions, caps, search). The same class serves a whole account and what is below one of
 * its folders: its root is all it knows of the tree, so there is no way out of it, and with a root that can only be
 * read there is nothing to write with.
 */
import { fileOf, formatCap, parseCap, readCapOf, verifyCapOf } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap, KnownCap } from "../../../protocols/grid/caps.ts";
import type { Directory, DirectoryChild } from "../../../protocols/grid/directory.ts";
import { nextTurn } from "../../../kernel/clock.ts";
import { isFailure } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import { FOLDER_PAUSE_ENTRIES } from "./constants.ts";
import { copy } from "./copying.ts";
import { bytesOf, entryOf, etagOf, isFolder, isMediaType, isShowable, knownCap, saidOf, withSaid } from "./entries.ts";
import type { Said } from "./entries.ts";
import type { FileEntry, FileSystem, ReadOptions, WriteOptions } from "./file-system.ts";
import { move } from "./moving.ts";
import type { MutableSizes } from "./mutable-sizes.ts";
import { namesOf, pathOf } from "./paths.ts";
import { folderAt, placeOf, placeWithChild, putChild, requireWritable, sameChild } from "./places.ts";
import type { Place } from "./places.ts";
import { ownPath, endSharedPaths } from "./shared-paths.ts";
import { isSoonThere, placeForContent, requireRoom, store } from "./storing.ts";
import type { PutWish, StoringTurns } from "./storing.ts";
import { emptyTrash, forgetItem, remove, restore, trashOf } from "./trash.ts";
import type { TrashItem } from "./trash.ts";
import { changeFolder, readFolder } from "./tree-parts.ts";
import type { TreeParts, TreeView } from "./tree-parts.ts";
import { restoreVersion, versionCap, versionsOf } from "./versions.ts";
import type { VersionSeen } from "./versions.ts";

export interface MemberFilesNeeds {
  parts: TreeParts;
  turns: StoringTurns;
  sizes: MutableSizes;
  account: string;
  base: string;
  root: () => Promise<DirectoryCap>;
  /** Of the root, which has no entry anywhere. */
  madeMs: () => number;
}

/** The caps of an entry, as text. */
export interface CapsSeen {
  read: string | null;
  write: string | null;
  verify: string | null;
}

export class MemberFiles implements FileSystem {
  readonly #needs: MemberFilesNeeds;
  /** For walks, checks and uploads. */
  readonly view: TreeView;

  constructor(needs: MemberFilesNeeds) {
    this.#needs = needs;
    const { parts, account, base, root } = needs;
    this.view = { parts, account, base, root };
  }

  async stat(path: string): Promise<FileEntry | undefined> {
    const names = namesOf(path);
    if (names.length === 0) return this.#rootEntry();
    try {
      const place = await placeOf(this.view, path);
      return place.child && (await this.#entryOf(place.child, place));
    } catch (error) {
      // A way through what is no folder leads to nothing.
      if (isFailure(error, "files-not-found") || isFailure(error, "files-not-a-folder")) return undefined;
      throw error;
    }
  }

  async list(path: string): Promise<FileEntry[]> {
    const { folder, path: own } = await folderAt(this.view, namesOf(path));
    const parent = { path: own, canWrite: folder.canWrite };
    const shown = folder.directory.children().filter(({ name }) => isShowable(name));
    const entries: FileEntry[] = [];
    for (const child of shown) {
      if (entries.length % FOLDER_PAUSE_ENTRIES === FOLDER_PAUSE_ENTRIES - 1) await nextTurn();
      const size = bytesOf(child) === undefined ? await this.#needs.sizes.of(child) : undefined;
      entries.push(entryOf(this.view.parts.crypto, child, parent, size));
    }
    return entries;
  }

  async read(
    path: string,
    options: ReadOptions = {},
  ): Promise<{ entry: FileEntry; content: AsyncIterable<Uint8Array> }> {
    if (namesOf(path).length === 0) throw filesErrors.fail("files-is-a-folder", { params: { path: "/" } });
    const place = await placeWithChild(this.view, path);
    if (isFolder(place.child)) throw filesErrors.fail("files-is-a-folder", { params: { path: place.path } });
    const cap = knownCap(place.child);
    if (!cap) throw filesErrors.fail("files-bad-cap");
    const entry = await this.#entryOf(place.child, place);
    return { entry, content: this.#contentOf(cap, options) };
  }

  async write(path: string, content: AsyncIterable<Uint8Array>, options: WriteOptions = {}): Promise<FileEntry> {
    const { signal, ...rest } = options;
    const wish: PutWish = { mode: "replace", ...rest };
    wish.ifEtag = await this.#plainEtag(path, wish.ifEtag);
    const place = await placeForContent(this.view, path, wish);
    const { parts } = this.view;
    const taken = await parts.spool.take(content, signal);
    try {
      requireRoom(this.view, taken.bytes);
      const arrives = isSoonThere(taken.bytes) ? parts.directories.announce(place.folder.cap) : () => {};
      try {
        const at = { path: place.path, content: taken };
        return await store(this.view, this.#needs.turns, at, { ...wish, arrives }, signal);
      } finally {
        arrives();
      }
    } finally {
      await taken.dispose();
    }
  }

  async makeFolder(path: string): Promise<FileEntry> {
    const { folder, name } = await placeOf(this.view, path);
    return this.view.parts.folderMakings.run(`${folder.key} ${name}`, () => this.#makeFolder(path));
  }

  async #makeFolder(path: string): Promise<FileEntry> {
    const { parts } = this.view;
    const place = await placeOf(this.view, path);
    requireWritable({ folder: place.folder, path: place.path });
    const taken = () => filesErrors.fail("files-exists", { params: { path: place.path } });
    if (place.folder.directory.has(place.name)) throw taken();
    parts.directories.prepare(place.folder.cap);
    const { cap, draft } = await parts.directories.draft();
    const nowMs = parts.clock.wallMs();
    const write = formatCap(cap);
    const link = (directory: Directory) => {
      if (directory.has(place.name)) throw taken();
      putChild(directory, { name: place.name, write, metadata: withSaid({}, { modifiedMs: nowMs }) }, nowMs);
      return directory.get(place.name)!;
    };
    const at = { cap: place.folder.cap, path: place.folderPath };
    const { result } = await changeFolder(this.view, at, link, { draft });
    if (draft) parts.directories.made(cap);
    return this.#entryOf(result, place);
  }

  move(from: string, to: string, options?: { replace?: boolean }): Promise<FileEntry> {
    return move(this.view, from, to, options);
  }

  copy(from: string, to: string, options?: { replace?: boolean; shallow?: boolean }): Promise<FileEntry> {
    return copy(this.view, from, to, options);
  }

  async remove(path: string): Promise<{ trashId: string | undefined }> {
    const place = await placeWithChild(this.view, path);
    const trashId = await remove(this.view, place);
    endSharedPaths(this.view, place.path);
    return { trashId };
  }

  async change(path: string, what: Parameters<FileSystem["change"]>[1]): Promise<FileEntry> {
    const place = await placeWithChild(this.view, path);
    requireWritable({ folder: place.folder, path: place.path });
    const { clock } = this.view.parts;
    const { result } = await changeFolder(this.view, { cap: place.folder.cap, path: place.folderPath }, (directory) => {
      const child = sameChild(directory, place);
      const metadata = withSaid(child.metadata, changed(saidOf(child.metadata), what));
      putChild(directory, { name: place.name, read: child.read, write: child.write, metadata }, clock.wallMs());
      return directory.get(place.name)!;
    });
    return this.#entryOf(result, place);
  }

  async room(): Promise<{ freeBytes: number; usedBytes: number } | undefined> {
    const { parts, account } = this.view;
    const usedBytes = parts.names.usedBytes(account);
    const quotaBytes = parts.settings.quotaBytes(account);
    const { needed, total } = parts.grid.encoding();
    const free = parts.grid.servers().map((server) => server.availableBytes());
    const known = free.filter((bytes) => bytes !== undefined);
    const inGrid = known.length === 0 ? undefined : Math.floor((known.reduce((a, b) => a + b, 0) * needed) / total);
    const ofQuota = quotaBytes === undefined ? undefined : Math.max(0, quotaBytes - usedBytes);
    if (inGrid === undefined && ofQuota === undefined) return undefined;
    return { usedBytes, freeBytes: Math.min(inGrid ?? Number.MAX_SAFE_INTEGER, ofQuota ?? Number.MAX_SAFE_INTEGER) };
  }

  // --- What only pages and commands ask for ------------------------------------------------------------------------

  trash(): TrashItem[] {
    return trashOf(this.view);
  }

  restore(id: string): Promise<FileEntry> {
    return restore(this.view, id);
  }

  forget(id: string): void {
    forgetItem(this.view, id);
  }

  emptyTrash(): void {
    emptyTrash(this.view);
  }

  versions(path: string): Promise<VersionSeen[]> {
    return versionsOf(this.view, path);
  }

  restoreVersion(path: string, id: string): Promise<FileEntry> {
    return restoreVersion(this.view, path, id);
  }

  async readVersion(path: string, id: string, options: ReadOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    return this.#contentOf(await versionCap(this.view, path, id), options);
  }

  /** Throws `files-not-found`. */
  async caps(path: string): Promise<CapsSeen> {
    const { crypto } = this.view.parts;
    if (namesOf(path).length === 0) return capsOf(crypto, await this.view.root());
    const { child } = await placeWithChild(this.view, path);
    const cap = knownCap(child);
    if (!cap) return { read: child.read ?? null, write: child.write ?? null, verify: null };
    return capsOf(crypto, cap);
  }

  /** Puts a cap that somebody has given into the tree. Throws `files-bad-cap`, `files-exists`. */
  async attach(path: string, capText: string): Promise<FileEntry> {
    const cap = parseCap(capText.trim());
    if (cap.kind === "unknown" || !readCapOf(this.view.parts.crypto, cap)) throw filesErrors.fail("files-bad-cap");
    const place = await placeOf(this.view, path);
    requireWritable({ folder: place.folder, path: place.path });
    const { clock } = this.view.parts;
    const { result } = await changeFolder(this.view, { cap: place.folder.cap, path: place.folderPath }, (directory) => {
      if (directory.has(place.name)) throw filesErrors.fail("files-exists", { params: { path: place.path } });
      putChild(directory, { name: place.name, write: formatCap(cap), metadata: {} }, clock.wallMs());
      return directory.get(place.name)!;
    });
    return this.#entryOf(result, place);
  }

  /** By name, without regard to case and accents; all words must be in it. At most `SEARCH_RESULTS_MAX`. */
  async search(text: string): Promise<FileEntry[]> {
    const { names, directories } = this.view.parts;
    const found = names.find(this.view.account, directories.keyOf(await this.view.root()), text);
    const entries: FileEntry[] = [];
    for (const { path } of found) {
      const entry = await this.stat(path);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  /** What is below a folder, as a file system of its own. It stays with that folder wherever this is moved. */
  async below(path: string, mayWrite: boolean): Promise<MemberFiles> {
    const { folder, path: own } = await folderAt(this.view, namesOf(path));
    const cap = mayWrite ? folder.cap : (readCapOf(this.view.parts.crypto, folder.cap) as DirectoryCap);
    return this.from(cap, ownPath(this.view, own));
  }

  /** The same from a folder's cap. `base`: where it is in this account's tree. */
  from(cap: DirectoryCap, base: string): MemberFiles {
    return new MemberFiles({ ...this.#needs, base, root: () => Promise.resolve(cap) });
  }

  // --- Within ------------------------------------------------------------------------------------------------------

  async #rootEntry(): Promise<FileEntry> {
    const folder = await readFolder(this.view, await this.view.root());
    const madeMs = this.#needs.madeMs();
    return {
      name: "",
      path: "/",
      kind: "folder",
      bytes: 0,
      modifiedMs: madeMs,
      createdMs: madeMs,
      etag: folder.key,
      mediaType: "",
      canWrite: folder.canWrite,
      properties: {},
    };
  }

  async #entryOf(child: DirectoryChild, { folder, folderPath }: Place): Promise<FileEntry> {
    const size = bytesOf(child) === undefined ? await this.#needs.sizes.of(child) : undefined;
    return entryOf(this.view.parts.crypto, child, { path: folderPath, canWrite: folder.canWrite }, size);
  }

  #contentOf(cap: KnownCap, { at, length, signal }: ReadOptions): AsyncIterable<Uint8Array> {
    const { grid } = this.view.parts;
    return grid.download(cap, {
      ...(at === undefined ? {} : { at }),
      ...(length === undefined ? {} : { length }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Of a mutable file the etag that was given counts its writes; the folder knows only which file it is. */
  async #plainEtag(path: string, ifEtag: string | undefined): Promise<string | undefined> {
    if (ifEtag === undefined) return undefined;
    const { child } = await placeOf(this.view, pathOf(path));
    if (!child || bytesOf(child) !== undefined) return ifEtag;
    const { crypto } = this.view.parts;
    const size = await this.#needs.sizes.of(child);
    return size && etagOf(crypto, child, size.sequence) === ifEtag ? etagOf(crypto, child) : ifEtag;
  }
}

function capsOf(crypto: TreeParts["crypto"], cap: KnownCap): CapsSeen {
  const read = readCapOf(crypto, cap);
  const verify = verifyCapOf(crypto, cap);
  return {
    read: read ? formatCap(read) : null,
    write: fileOf(cap).kind === "mutable-write" ? formatCap(cap) : null,
    verify: verify ? formatCap(verify) : null,
  };
}

function changed(said: Said, what: Parameters<FileSystem["change"]>[1]): Said {
  const after: Said = { ...said };
  if (what.modifiedMs !== undefined) after.modifiedMs = what.modifiedMs;
  if (what.mediaType !== undefined && isMediaType(what.mediaType)) after.mediaType = what.mediaType;
  if (what.properties) {
    const properties = Object.entries({ ...said.properties, ...what.properties });
    const kept = properties.filter((one): one is [string, string] => one[1] !== undefined);
    after.properties = Object.fromEntries(kept);
  }
  return after;
}
