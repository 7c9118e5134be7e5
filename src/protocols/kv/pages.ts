/**
 * The pages that a listing is made of: what one member tells of a slot, and what several tell together. Removed and
 * ended keys are in them, too, with their version: of each key the newest version decides, and it may be a removal that
 * another member has missed.
 */
import { compareVersions } from "./content.ts";
import type { Key, Version } from "./types.ts";

export interface ListedKey {
  key: Key;
  version: Version;
  /** False: removed, or its end has come. */
  isThere: boolean;
}

/** Of one slot, in the order of keys. Unless it is the end, it knows of nothing beyond its last key. */
export interface Page {
  keys: readonly ListedKey[];
  isEnd: boolean;
}

/** The first `count` keys in order, without sorting all: a slot may hold many more than are wanted. */
export function firstOf(keys: Iterable<Key>, count: number): Key[] {
  const first: Key[] = [];
  const many = 4 * count + 64;
  let bound: Key | undefined;
  for (const key of keys) {
    if (bound !== undefined && key > bound) continue;
    first.push(key);
    if (first.length < many) continue;
    first.sort().length = count;
    bound = first.at(-1);
  }
  return first.sort().slice(0, count);
}

/** Up to `thereMax` keys that are there, and up to `keysMax` in all; at least one of each. */
export function pageOf(
  keys: Iterable<Key>,
  tell: (key: Key) => ListedKey,
  { thereMax, keysMax }: { thereMax: number; keysMax: number },
): Page {
  const first = firstOf(keys, keysMax + 1);
  const page: ListedKey[] = [];
  let there = 0;
  for (const key of first) {
    if (page.length === keysMax || there === thereMax) return { keys: page, isEnd: false };
    const listed = tell(key);
    if (listed.isThere) there++;
    page.push(listed);
  }
  return { keys: page, isEnd: true };
}

/** Whether it is a page of what comes after this key, and goes on. */
export function isPage({ keys, isEnd }: Page, after: Key | undefined): boolean {
  let last = after;
  for (const { key } of keys) {
    if (last !== undefined && key <= last) return false;
    last = key;
  }
  return isEnd || keys.length > 0;
}

export interface Merged {
  /** That are there, in order. */
  keys: Key[];
  /** How far all of them tell; undefined: to the end. */
  upTo: Key | undefined;
}

/** What pages of several members, all after one key, tell together. */
export function mergePages(pages: readonly Page[]): Merged {
  let upTo: Key | undefined;
  for (const { keys, isEnd } of pages) {
    const last = keys.at(-1)?.key;
    if (!isEnd && last !== undefined && (upTo === undefined || last < upTo)) upTo = last;
  }
  const newest = new Map<Key, ListedKey>();
  for (const { keys } of pages)
    for (const one of keys) {
      if (upTo !== undefined && one.key > upTo) break;
      const known = newest.get(one.key);
      if (!known || compareVersions(one.version, known.version) > 0) newest.set(one.key, one);
    }
  const keys = [...newest.values()].filter(({ isThere }) => isThere).map(({ key }) => key);
  return { keys: keys.sort(), upTo };
}
