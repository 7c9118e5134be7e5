/**
 * What becomes of a tree that was found again: the account's own where that has nothing in it yet, else a folder of it.
 * It is read first, so that nothing changes here while its pieces cannot be reached.
 */
import { formatCap } from "../../../protocols/grid/caps.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import { folderAt, freeName } from "../tree/places.ts";
import { join, nameOf, namesOf, parentOf, pathOf } from "../tree/paths.ts";
import type { Tree } from "../tree/tree.ts";

export interface TakenUp {
  /** `whole`: it is the account's tree now; `already`: it was before; `folder`: it hangs in the tree at `path`. */
  state: "whole" | "already" | "folder";
  path: string;
  /** Files and folders right in it. */
  entries: number;
}

/** `wished`: where it hangs when it must be a folder; with a number when that name is taken. */
export type TakeUp = (account: string, found: DirectoryCap, wished: string) => Promise<TakenUp>;

export function createTakeUp(tree: Tree, taken: () => void): TakeUp {
  return async (account, found, wished) => {
    const cap = formatCap(found);
    const before = tree.rootOf(account);
    const files = tree.files(account);
    const entries = (await folderAt(files.from(found, "/").view, [])).folder.directory.size;
    if (before === cap) return { state: "already", path: "/", entries };
    const isEmpty = before === undefined || (await isUnused(tree, account));
    if (isEmpty && tree.replaceRoot(account, before, found)) {
      taken();
      return { state: "whole", path: "/", entries };
    }
    const place = pathOf(wished);
    const { folder, path } = await folderAt(files.view, namesOf(parentOf(place)));
    const known = folder.directory.children().find((child) => formatCap(child.cap) === cap);
    if (known) return { state: "folder", path: join(path, known.name), entries };
    const at = join(path, freeName(folder.directory, nameOf(place)));
    await files.attach(at, cap);
    taken();
    return { state: "folder", path: at, entries };
  };
}

/** Nothing in it, nothing in its trash, nothing on its way into it. */
async function isUnused(tree: Tree, account: string): Promise<boolean> {
  const files = tree.files(account);
  if (files.trash().length > 0) return false;
  if (tree.uploads.list(account).some(({ state }) => state !== "done")) return false;
  return (await folderAt(files.view, [])).folder.directory.size === 0;
}
