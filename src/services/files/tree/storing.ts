/** Content into the grid, and then its entry into the folder: what single writes and uploads have in common. */
import { formatCap } from "../../../protocols/grid/caps.ts";
import type { KnownCap } from "../../../protocols/grid/caps.ts";
import type { Directory, DirectoryChild } from "../../../protocols/grid/directory.ts";
import { filesErrors } from "../errors.ts";
import type { Content, ContentKey, Progress } from "../grid/grid.ts";
import { DRAFT_MAX_BYTES, SMALL_FILE_MAX_BYTES } from "../grid/constants.ts";
import type { Draft } from "../grid/draft.ts";
import {
  IN_MEMORY_MAX_BYTES,
  STORING_DRAFTS_MAX,
  STORING_MAX,
  STORING_SMALL_MAX,
  STORING_WAITING_MAX,
  VERSIONS_MAX,
} from "./constants.ts";
import { bytesOf, entryOf, etagOf, isFolder, isMediaType, saidOf, timesOf, withSaid } from "./entries.ts";
import type { Said, Version } from "./entries.ts";
import type { FileEntry } from "./file-system.ts";
import { freeName, placeOf, putChild, requireWritable } from "./places.ts";
import type { Place } from "./places.ts";
import { changeFolder } from "./tree-parts.ts";
import type { TreeParts, TreeView } from "./tree-parts.ts";

export interface PutWish {
  /** `rename`: under a free name when this one is taken. */
  mode: "new" | "replace" | "rename";
  ifEtag?: string | undefined;
  mediaType?: string | undefined;
  modifiedMs?: number | undefined;
  /** Of the upload that it comes from. */
  upload?: string;
  /** Ends what `Directories.announce` has begun. */
  arrives?: () => void;
  /** The content is not stored yet. */
  draft?: Draft | undefined;
}

/**
 * So many at the same time, of all accounts; the others wait in the order in which they came. Small files, which cost
 * one round trip and little memory, do not wait behind large ones.
 */
export class StoringTurns {
  readonly #large = new Lane(STORING_MAX);
  readonly #small = new Lane(STORING_SMALL_MAX);
  readonly #drafts = new Lane(STORING_DRAFTS_MAX);

  /** For what goes with a change of its folder: in memory until that is done. */
  draft<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#drafts.run(work, signal);
  }

  run<T>(bytes: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return (bytes <= SMALL_FILE_MAX_BYTES ? this.#small : this.#large).run(work, signal);
  }
}

class Lane {
  readonly #max: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.#max) await this.#wait(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= STORING_WAITING_MAX) {
      throw filesErrors.fail("files-too-many", { params: { limit: STORING_WAITING_MAX } });
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        const at = this.#waiting.indexOf(go);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(signal!.reason);
      };
      this.#waiting.push(go);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }
}

/** The place that content may go to, before any of it is taken in. Throws what `putEntry` would throw now. */
export async function placeForContent(view: TreeView, path: string, wish: PutWish): Promise<Place> {
  const place = await placeOf(view, path);
  requireWritable({ folder: place.folder, path: place.path });
  if (wish.mode !== "rename") requireFree(view, place, place.folder.directory, wish);
  return place;
}

/** Throws `files-no-room` when the account has not so many bytes left. */
export function requireRoom({ parts, account }: TreeView, bytes: number): void {
  const quotaBytes = parts.settings.quotaBytes(account);
  if (quotaBytes !== undefined && parts.names.usedBytes(account) + bytes > quotaBytes) {
    throw filesErrors.fail("files-no-room");
  }
}

export interface StoreOptions {
  signal?: AbortSignal | undefined;
  onProgress?: (progress: Progress) => void;
  /** Of the content, where it is known. */
  key?: ContentKey | undefined;
}

export async function intoGrid(
  parts: TreeParts,
  turns: StoringTurns,
  content: Content,
  { signal, onProgress, key }: StoreOptions,
): Promise<KnownCap> {
  const options = { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}), key };
  return (await turns.run(content.bytes, () => parts.grid.upload(content, options), signal)).cap;
}

/**
 * Content into the grid and its entry into its folder, in one go where it is small and the grid takes it so. Throws
 * what `intoGrid` and `putEntry` throw.
 */
export async function store(
  view: TreeView,
  turns: StoringTurns,
  at: { path: string; content: Content },
  wish: PutWish,
  signal?: AbortSignal,
): Promise<FileEntry> {
  const { path, content } = at;
  const { bytes } = content;
  const { parts } = view;
  const together = async () => {
    const draft = await parts.grid.draftFile(content, signal && { signal });
    return draft && putEntry(view, path, { cap: draft.cap, bytes }, { ...wish, draft }, signal);
  };
  const stored = bytes <= DRAFT_MAX_BYTES ? await turns.draft(together, signal) : undefined;
  return (
    stored ?? putEntry(view, path, { cap: await intoGrid(parts, turns, content, { signal }), bytes }, wish, signal)
  );
}

/** True for content so small that it is there in a moment: changes of its folder wait for it. */
export function isSoonThere(bytes: number): boolean {
  return bytes <= IN_MEMORY_MAX_BYTES;
}

/**
 * Puts stored content into its folder, now. What stood there becomes an older version. Doing it again for the same
 * upload changes nothing. Throws `files-exists`, `files-changed`, `files-is-a-folder`, `files-folder-full`, and what
 * keeps one from the folder.
 */
export async function putEntry(
  view: TreeView,
  path: string,
  content: { cap: KnownCap; bytes: number },
  wish: PutWish,
  signal?: AbortSignal,
): Promise<FileEntry> {
  const place = await placeOf(view, path);
  requireWritable({ folder: place.folder, path: place.path });
  const { crypto, clock } = view.parts;
  const read = formatCap(content.cap);
  wish.arrives?.();
  const { result } = await changeFolder(
    view,
    { cap: place.folder.cap, path: place.folderPath },
    (directory): DirectoryChild => {
      const done = wish.upload === undefined ? undefined : ofUpload(directory, place.name, wish, read);
      if (done) return done;
      const name = wish.mode === "rename" ? freeName(directory, place.name) : place.name;
      const before = directory.get(name);
      if (wish.mode !== "rename") requireFree(view, place, directory, wish);
      const said = saidAfter(before, read, content.bytes, wish, clock.wallMs());
      putChild(directory, { name, read, metadata: withSaid(before?.metadata, said) }, clock.wallMs());
      return directory.get(name)!;
    },
    { signal, draft: wish.draft },
  );
  return entryOf(crypto, result, { path: place.folderPath, canWrite: true });
}

/** What this upload has put there before, under its name or another one. */
function ofUpload(directory: Directory, name: string, wish: PutWish, read: string): DirectoryChild | undefined {
  const isDone = (child: DirectoryChild | undefined) =>
    child !== undefined && child.read === read && saidOf(child.metadata).upload === wish.upload;
  if (wish.mode !== "rename") return isDone(directory.get(name)) ? directory.get(name) : undefined;
  return directory.children().find(isDone);
}

function requireFree(view: TreeView, { name, path }: Place, directory: Directory, wish: PutWish): void {
  const before = directory.get(name);
  if (wish.ifEtag !== undefined && (!before || etagOf(view.parts.crypto, before) !== wish.ifEtag)) {
    throw filesErrors.fail("files-changed", { params: { path } });
  }
  if (before && isFolder(before)) throw filesErrors.fail("files-is-a-folder", { params: { path } });
  // One that cannot be used is somebody's, too.
  if (wish.mode === "new" ? directory.has(name) : !before && directory.has(name)) {
    throw filesErrors.fail("files-exists", { params: { path } });
  }
}

function saidAfter(
  before: DirectoryChild | undefined,
  read: string,
  bytes: number,
  wish: PutWish,
  nowMs: number,
): Said {
  const { upload: _earlier, mediaType: _former, ...kept } = before ? saidOf(before.metadata) : ({} as Said);
  const versions = before ? versionsWith(before, kept.versions ?? [], read) : [];
  return {
    ...kept,
    bytes,
    modifiedMs: wish.modifiedMs ?? nowMs,
    ...(wish.mediaType !== undefined && isMediaType(wish.mediaType) ? { mediaType: wish.mediaType } : {}),
    ...(wish.upload === undefined ? {} : { upload: wish.upload }),
    ...(versions.length > 0 ? { versions } : {}),
  };
}

/** The former versions of a file that gets another content, the newest first. */
export function versionsWith(before: DirectoryChild, kept: readonly Version[], newRead: string): Version[] {
  if (before.read === undefined || before.read === newRead) return [...kept];
  const said = saidOf(before.metadata);
  const modifiedMs = said.modifiedMs ?? timesOf(before.metadata).linkedMs;
  const bytes = bytesOf(before) ?? said.bytes ?? 0;
  const others = kept.filter(({ cap }) => cap !== newRead && cap !== before.read);
  return [{ cap: before.read, bytes, modifiedMs }, ...others].slice(0, VERSIONS_MAX);
}
