/**
 * A bounded table that neighbours fill, kept fair: when it is full, a newcomer takes the place of an entry of whoever
 * has most in it, and is refused where its own neighbour has most. A flood from one address so ends at the share that
 * is left, and pushes out nothing of the others. Pure.
 */

interface Entry<V> {
  value: V;
  source: string;
}

export interface Shares<V> {
  get(key: string): V | undefined;
  has(key: string): boolean;
  /** Adds an entry on behalf of a source, or replaces it in its place. False when there is no room for that source. */
  add(key: string, value: V, source: string): boolean;
  delete(key: string): void;
  entries(): IterableIterator<[string, V]>;
  readonly size: number;
}

export function createShares<V>(limit: number): Shares<V> {
  const held = new Map<string, Entry<V>>();
  /** The keys of each source, oldest first. */
  const bySource = new Map<string, Set<string>>();
  /** The sources by how many keys they have: a flood must not make us search for the largest each time. */
  const bySize = new Map<number, Set<string>>();
  let largest = 0;

  const resized = (source: string, before: number, after: number) => {
    bySize.get(before)?.delete(source);
    if (bySize.get(before)?.size === 0) bySize.delete(before);
    if (after > 0) bySize.set(after, (bySize.get(after) ?? new Set()).add(source));
    largest = Math.max(largest, after);
    while (largest > 0 && !bySize.has(largest)) largest--;
  };
  const remove = (key: string) => {
    const entry = held.get(key);
    if (!entry) return;
    held.delete(key);
    const its = bySource.get(entry.source)!;
    its.delete(key);
    if (its.size === 0) bySource.delete(entry.source);
    resized(entry.source, its.size + 1, its.size);
  };
  /** Frees a place for one more of the source, where that does not leave another with less than it would have. */
  const makeRoom = (source: string): boolean => {
    if (largest <= (bySource.get(source)?.size ?? 0) + 1) return false;
    const [greediest] = bySize.get(largest)!;
    // Its newest: what was there before the flood is the likelier to be real.
    remove([...bySource.get(greediest!)!].at(-1)!);
    return true;
  };

  return {
    get: (key) => held.get(key)?.value,
    has: (key) => held.has(key),
    add(key, value, source) {
      const known = held.get(key);
      if (known) {
        known.value = value;
        return true;
      }
      if (held.size >= limit && !makeRoom(source)) return false;
      held.set(key, { value, source });
      const its = bySource.get(source) ?? new Set();
      bySource.set(source, its.add(key));
      resized(source, its.size - 1, its.size);
      return true;
    },
    delete: remove,
    *entries() {
      for (const [key, { value }] of held) yield [key, value];
    },
    get size() {
      return held.size;
    },
  };
}
