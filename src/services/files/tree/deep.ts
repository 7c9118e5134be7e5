/**
 * A walk through a tree: everything that is below a folder, with its caps, for checks, repairs and counts. Folders that
 * stand in several places are entered once, so it ends also where a folder holds itself.
 */
import type { DirectoryCap, KnownCap } from "../../../protocols/grid/caps.ts";
import { isFailure } from "../../../kernel/errors.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { filesErrors } from "../errors.ts";
import { WALK_ENTRIES_MAX } from "./constants.ts";
import { isFolder, knownCap, readableCap, saidOf } from "./entries.ts";
import { join, namesOf } from "./paths.ts";
import { folderAt, placeOf } from "./places.ts";
import { readFolder } from "./tree-parts.ts";
import type { TreeView } from "./tree-parts.ts";

export interface Walked {
  path: string;
  /** `version`: a former content of the file at this path. */
  kind: "file" | "folder" | "version";
  cap: KnownCap;
  /** Of a folder that cannot be read: what is below it is missing in the walk. */
  failure?: Failure;
}

export interface WalkOptions {
  signal?: AbortSignal;
  /** Throws `files-too-many` beyond. `WALK_ENTRIES_MAX` by default. */
  entriesMax?: number;
  /** Also former contents. True by default. */
  withVersions?: boolean;
}

/** A file or folder, and all below it. Entries of a kind that this program does not know are passed over. */
export async function* walk(view: TreeView, path: string, options: WalkOptions = {}): AsyncGenerator<Walked> {
  const { signal, entriesMax = WALK_ENTRIES_MAX, withVersions = true } = options;
  let entries = 0;
  const count = <T>(walked: T): T => {
    signal?.throwIfAborted();
    entries += 1;
    if (entries > entriesMax) throw filesErrors.fail("files-too-many", { params: { limit: entriesMax } });
    return walked;
  };
  const left: { cap: DirectoryCap; path: string }[] = [];
  if (namesOf(path).length > 0) {
    const place = await placeOf(view, path);
    if (!place.child) throw filesErrors.fail("files-not-found", { params: { path: place.path } });
    if (!isFolder(place.child)) {
      for (const one of filesOf(place.child, place.path, withVersions)) yield count(one);
      return;
    }
  }
  const top = await folderAt(view, namesOf(path));
  left.push({ cap: top.folder.cap, path: top.path });
  const entered = new Set<string>();
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const key = view.parts.directories.keyOf(next.cap);
    if (entered.has(key)) continue;
    entered.add(key);
    const own: Walked = { path: next.path, kind: "folder", cap: next.cap };
    const read = await readFolder(view, next.cap).catch((error: unknown) => {
      if (!isFailure(error)) throw error;
      return error;
    });
    if (isFailure(read)) {
      yield count({ ...own, failure: read });
      continue;
    }
    yield count(own);
    for (const child of read.directory.children()) {
      // What is still to come counts, too: folders of very many folders, somebody else's, must not fill the memory.
      if (entries + left.length > entriesMax)
        throw filesErrors.fail("files-too-many", { params: { limit: entriesMax } });
      const childPath = join(next.path, child.name);
      if (child.cap.kind === "directory") left.push({ cap: child.cap, path: childPath });
      else for (const one of filesOf(child, childPath, withVersions)) yield count(one);
    }
  }
}

type Child = Parameters<typeof knownCap>[0];

function filesOf(child: Child, path: string, withVersions: boolean): Walked[] {
  const cap = knownCap(child);
  const found: Walked[] = cap ? [{ path, kind: "file", cap }] : [];
  if (!withVersions) return found;
  for (const version of saidOf(child.metadata).versions ?? []) {
    try {
      found.push({ path, kind: "version", cap: readableCap(version.cap) });
    } catch {
      // Written by somebody else, and none.
    }
  }
  return found;
}

/** The caps of what is in the trash of an account: it must be kept alive, too. */
export function trashCaps(view: TreeView): { path: string; cap: string }[] {
  const rows = view.parts.store.query<{ path: string; read_cap: string | null; write_cap: string | null }>(
    "SELECT path, read_cap, write_cap FROM files_trash WHERE account = ?",
  );
  return rows.all(view.account).flatMap(({ path, read_cap, write_cap }) => {
    const cap = write_cap ?? read_cap;
    return cap === null ? [] : [{ path, cap }];
  });
}
