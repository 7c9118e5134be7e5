/** What all parts of the trees of a box work with, and the point from which one tree is seen. */
import type { Clock } from "../../../kernel/clock.ts";
import type { Random } from "../../../kernel/random.ts";
import type { DirectoryCap } from "../../../protocols/grid/caps.ts";
import type { GridCrypto } from "../../../protocols/grid/crypto.ts";
import type { Directory } from "../../../protocols/grid/directory.ts";
import { filesErrors } from "../errors.ts";
import type { Grid } from "../grid/grid.ts";
import { nextTurn } from "../../../kernel/clock.ts";
import { FOLDER_PAUSE_ENTRIES } from "./constants.ts";
import type { Directories, Folder } from "./directories.ts";
import type { ChangeOptions } from "./folder-writes.ts";
import type { NameIndex } from "./search.ts";
import type { Spool } from "./spool.ts";
import type { TreeStore } from "./store.ts";
import type { Turns } from "../../../kernel/turns.ts";

export interface TreeParts {
  grid: Grid;
  crypto: GridCrypto;
  clock: Clock;
  random: Random;
  store: TreeStore;
  directories: Directories;
  names: NameIndex;
  spool: Spool;
  settings: TreeSettings;
  /** The account was removed: whoever is still at work in its tree comes no further. */
  isGone?: boolean;
  /** One folder after the other: two that went into each other at the same moment would both be lost. */
  folderMoves: Turns;
  /** One new folder of a name after the other: whoever comes second makes no key and no file for nothing. */
  folderMakings: Turns;
  /** A folder was changed: its path in the account's own tree. */
  changed: (account: string, folderPath: string) => void;
}

export interface TreeSettings {
  /** 0: what is removed is gone. */
  trashDays: () => number;
  /** Of all files of an account with their former versions and the trash; undefined: as much as there is. */
  quotaBytes: (account: string) => number | undefined;
}

/** A tree as somebody sees it: a whole account, or what is below one of its folders. */
export interface TreeView {
  readonly parts: TreeParts;
  readonly account: string;
  /** Where its root is in the account's own tree. */
  readonly base: string;
  root: () => Promise<DirectoryCap>;
}

/** Reads a folder, and notes the names in it for the search. */
export async function readFolder(view: TreeView, cap: DirectoryCap, options?: { fresh?: boolean }): Promise<Folder> {
  const folder = await view.parts.directories.read(cap, options);
  requireThere(view.parts);
  // A large folder has just been taken apart: others' work first.
  if (folder.directory.size > FOLDER_PAUSE_ENTRIES) await nextTurn();
  view.parts.names.saw(view.account, folder);
  return folder;
}

/** Changes a folder, notes its names, and tells that it changed. See `Directories.change`. */
export async function changeFolder<T>(
  view: TreeView,
  at: { cap: DirectoryCap; path: string },
  apply: (directory: Directory) => T,
  options?: ChangeOptions,
): Promise<{ result: T; folder: Folder }> {
  const { parts, account, base } = view;
  requireThere(parts);
  const done = await parts.directories.change(at.cap, apply, options);
  if (done.folder.directory.size > FOLDER_PAUSE_ENTRIES) await nextTurn();
  requireThere(parts);
  parts.names.saw(account, done.folder);
  parts.changed(account, base === "/" ? at.path : at.path === "/" ? base : base + at.path);
  return done;
}

function requireThere({ isGone }: TreeParts): void {
  if (isGone) throw filesErrors.fail("files-not-found", { params: { path: "/" } });
}
