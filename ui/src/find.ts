/**
 * Type-to-filter: every entry's words are brought into one plain form once (lower case, no diacritics), so that a
 * key press over thousands of entries is a few substring searches. Pure.
 */

/** "Ràdio  PARRÒQUIA" and "radio parroquia" become the same. */
export function plain(text: string): string {
  return text
    .normalize("NFD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase()
    .replaceAll("·", "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

export interface Findable<T> {
  item: T;
  text: string;
}

export function findable<T>(items: readonly T[], wordsOf: (item: T) => readonly string[]): Findable<T>[] {
  return items.map((item) => ({ item, text: plain(wordsOf(item).join(" ")) }));
}

/** Entries that hold every word of the query, in any order. An empty query holds all. */
export function find<T>(entries: readonly Findable<T>[], query: string): T[] {
  const words = plain(query).split(" ").filter(Boolean);
  const found: T[] = [];
  for (const entry of entries) {
    if (words.every((word) => entry.text.includes(word))) found.push(entry.item);
  }
  return found;
}
