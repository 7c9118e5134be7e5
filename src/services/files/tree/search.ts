/**
 * Search by name: an index of the names in every folder that this box has read or written for an account, folded for
 * case and accents. It stands by the keys of the folders, so that moving one changes a single row; what has been
 * removed has no way up to the root any more and is not found. It also tells how much an account keeps.
 */
import type { Directory, DirectoryChild } from "../../../protocols/grid/directory.ts";
import { PATH_NAMES_MAX } from "./paths.ts";
import { SEARCH_RESULTS_MAX, SEARCH_WORDS_MAX } from "./constants.ts";
import type { Folder } from "./directories.ts";
import { isFolder, isShowable, keptBytesOf } from "./entries.ts";
import type { TreeStore } from "./store.ts";

/** Folders whose state of the index is remembered; of others it is compared again. */
const SEEN_MAX = 10_000;
/** With more changed names than this, all rows of the folder are read in one go. */
const FEW_NAMES_MAX = 64;

/** "Àrea" and "AREA" are the same. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");
}

export interface NameFound {
  /** In the account's own tree. */
  path: string;
}

export class NameIndex {
  readonly #store: TreeStore;
  readonly #keyOfChild: (child: DirectoryChild) => string | undefined;
  /** What the index stands at, by account and folder: the sequence number, and that content while others keep it. */
  readonly #seen = new Map<string, { sequence: bigint; directory: WeakRef<Directory> }>();
  readonly #usedBytes = new Map<string, number>();

  /** `keyOfChild`: the key of the directory that a child is. */
  constructor(store: TreeStore, keyOfChild: (child: DirectoryChild) => string | undefined) {
    this.#store = store;
    this.#keyOfChild = keyOfChild;
  }

  /** Brings the index to what this folder holds now. */
  saw(account: string, folder: Folder): void {
    const seenKey = `${account} ${folder.key}`;
    const at = this.#seen.get(seenKey);
    if (at !== undefined && at.sequence >= folder.sequence) return;
    const before = at?.directory.deref();
    const changed = before && folder.directory.changedSince(before);
    const areFew = changed !== undefined && changed.length <= FEW_NAMES_MAX;
    // Every write of a file comes by here: it does not wait for the disk. The next look at the folder makes it right.
    const grownBytes = this.#store.transactionUnsynced(() =>
      areFew ? this.#bringFew(account, folder, changed) : this.#bring(account, folder),
    );
    this.#grow(account, grownBytes);
    this.#seen.delete(seenKey);
    this.#seen.set(seenKey, { sequence: folder.sequence, directory: new WeakRef(folder.directory) });
    if (this.#seen.size > SEEN_MAX) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** Paths of what has all these words in its name, in the tree below the folder `rootKey`. Folders first. */
  find(account: string, rootKey: string, text: string): NameFound[] {
    const words = folded(text).split(/\s+/u).filter(Boolean).slice(0, SEARCH_WORDS_MAX);
    if (words.length === 0) return [];
    const rows = this.#store.query<{ folder: string; name: string }>(
      `SELECT folder, name FROM files_names WHERE account = ?${" AND instr(folded, ?) > 0".repeat(words.length)}
       ORDER BY child IS NULL, length(folded), folded LIMIT ?`,
    );
    const found: NameFound[] = [];
    const above = new Map<string, string | undefined>();
    // Some may have no way up any more.
    for (const { folder, name } of rows.all(account, ...words, SEARCH_RESULTS_MAX * 4)) {
      const parent = this.#pathOf(account, rootKey, folder, above);
      if (parent !== undefined) found.push({ path: `${parent}/${name}` });
      if (found.length === SEARCH_RESULTS_MAX) break;
    }
    return found;
  }

  /** Bytes of all files that were seen, with their former versions, and of the trash. */
  usedBytes(account: string): number {
    let used = this.#usedBytes.get(account);
    if (used === undefined) {
      // Caps of strangers say any size: together they are more than a number, or what the database adds up, can be.
      const sum = (sql: string) => this.#store.query<{ sum: number }>(sql).get(account)!.sum;
      const all =
        sum("SELECT total(bytes) AS sum FROM files_names WHERE account = ?") +
        sum("SELECT total(bytes) AS sum FROM files_trash WHERE account = ? AND is_going = 0");
      used = Math.min(all, Number.MAX_SAFE_INTEGER);
      this.#usedBytes.set(account, used);
    }
    return used;
  }

  /** The trash has changed. */
  forgetUsed(account: string): void {
    this.#usedBytes.delete(account);
  }

  /** A folder is gone for good, and all below it that this account has nowhere else. */
  dropFolder(account: string, key: string): void {
    this.#store.transaction(() => {
      const below = this.#store.query<{ child: string }>(
        "SELECT child FROM files_names WHERE account = ? AND folder = ? AND child IS NOT NULL",
      );
      const isLinked = this.#store.query("SELECT 1 FROM files_names WHERE account = ? AND child = ? LIMIT 1");
      const drop = this.#store.query("DELETE FROM files_names WHERE account = ? AND folder = ?");
      const left = [key];
      for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
        if (isLinked.get(account, folder)) continue;
        const children = below.all(account, folder);
        drop.run(account, folder);
        this.#seen.delete(`${account} ${folder}`);
        for (const { child } of children) if (child !== folder) left.push(child);
      }
    });
    this.forgetUsed(account);
  }

  /** Bytes that the folder keeps now and did not. */
  #bring(account: string, folder: Folder): number {
    const before = new Map(
      this.#store
        .query<{ name: string; mark: string }>("SELECT name, mark FROM files_names WHERE account = ? AND folder = ?")
        .all(account, folder.key)
        .map(({ name, mark }) => [name, mark] as const),
    );
    let grownBytes = 0;
    for (const child of folder.directory.children()) {
      if (!isShowable(child.name)) continue;
      grownBytes += this.#put(account, folder.key, child, before.get(child.name));
      before.delete(child.name);
    }
    for (const [name, former] of before) grownBytes += this.#drop(account, folder.key, name, former);
    return grownBytes;
  }

  /** The same where only these names have changed: of a large folder it is mostly one. */
  #bringFew(account: string, folder: Folder, names: readonly string[]): number {
    const mark = this.#store.query<{ mark: string }>(
      "SELECT mark FROM files_names WHERE account = ? AND folder = ? AND name = ?",
    );
    let grownBytes = 0;
    for (const name of names) {
      const child = folder.directory.get(name);
      const former = mark.get(account, folder.key, name)?.mark;
      if (child && isShowable(name)) grownBytes += this.#put(account, folder.key, child, former);
      else grownBytes += this.#drop(account, folder.key, name, former);
    }
    return grownBytes;
  }

  /** Bytes that are more than those of the former row. */
  #put(account: string, folder: string, child: DirectoryChild, former: string | undefined): number {
    const bytes = keptBytesOf(child);
    const key = isFolder(child) ? (this.#keyOfChild(child) ?? null) : null;
    const mark = `${key ?? ""} ${bytes}`;
    if (former === mark) return 0;
    const put = this.#store.query("INSERT OR REPLACE INTO files_names VALUES (?, ?, ?, ?, ?, ?, ?)");
    put.run(account, folder, child.name, folded(child.name), key, bytes, mark);
    return bytes - bytesOfMark(former);
  }

  #drop(account: string, folder: string, name: string, former: string | undefined): number {
    if (former === undefined) return 0;
    this.#store
      .query("DELETE FROM files_names WHERE account = ? AND folder = ? AND name = ?")
      .run(account, folder, name);
    return -bytesOfMark(former);
  }

  /** Adding up all rows at each write would cost the more the more files there are. */
  #grow(account: string, bytes: number): void {
    const used = this.#usedBytes.get(account);
    if (used === undefined) return;
    if (used < Number.MAX_SAFE_INTEGER && Number.isSafeInteger(used + bytes))
      this.#usedBytes.set(account, used + bytes);
    else this.#usedBytes.delete(account);
  }

  /** Without "/" at its end: "" for the root itself. Undefined when no way leads up to it. */
  #pathOf(
    account: string,
    rootKey: string,
    folder: string,
    known: Map<string, string | undefined>,
    depth = 0,
  ): string | undefined {
    if (folder === rootKey) return "";
    if (known.has(folder)) return known.get(folder);
    if (depth > PATH_NAMES_MAX) return undefined;
    const row = this.#store
      .query<{ folder: string; name: string }>(
        "SELECT folder, name FROM files_names WHERE account = ? AND child = ? LIMIT 1",
      )
      .get(account, folder);
    const parent = row && this.#pathOf(account, rootKey, row.folder, known, depth + 1);
    const path = parent === undefined ? undefined : `${parent}/${row!.name}`;
    known.set(folder, path);
    return path;
  }
}

function bytesOfMark(mark: string | undefined): number {
  return mark === undefined ? 0 : Number(mark.slice(mark.lastIndexOf(" ") + 1));
}
