/**
 * What is held in memory: the live records of every author, what of them readers are shown, and the digests.
 * Nothing here judges whether a record is genuine; `records.ts` does that before it commits.
 */
import { LIVE_PER_KIND_MAX } from "./constants.ts";
import { DigestTree, digestOf, EMPTY_DIGEST } from "./digest-tree.ts";
import type { Kinds } from "./kinds.ts";
import { liveOf, slotOf, type LiveSet } from "./live-set.ts";
import { isExpired, type Held, type SignedRecord } from "./record.ts";

export interface Change {
  kind: string;
  key: string;
  author: string;
  /** null: gone. */
  record: SignedRecord | null;
}

interface Author {
  /** All that is kept, by ref, in order. */
  kept: Map<string, Held>;
  /** The author's word for each (kind, key), tombstones too. */
  current: Map<string, Held>;
}

export type Preview =
  | { outcome: "new"; held: Held; next: LiveSet }
  | { outcome: "known" | "superseded" | "too-many-live" };

export interface Committed {
  dropped: Held[];
  changes: Change[];
}

const NOBODY: Author = { kept: new Map(), current: new Map() };

export class AuthorTable {
  readonly #kinds: Kinds;
  readonly #sha256: (bytes: Uint8Array) => Uint8Array;
  readonly #authors = new Map<string, Author>();
  /** kind, then author and key, to what readers are shown. */
  readonly #shown = new Map<string, Map<string, SignedRecord>>();
  readonly #tree: DigestTree;
  /** Authors whose digest in the tree is out of date. */
  readonly #stale = new Set<string>();
  bytes = 0;
  records = 0;

  constructor(kinds: Kinds, sha256: (bytes: Uint8Array) => Uint8Array) {
    this.#kinds = kinds;
    this.#sha256 = sha256;
    this.#tree = new DigestTree(sha256);
  }

  get authors(): number {
    return this.#authors.size;
  }

  has(author: string): boolean {
    return this.#authors.has(author);
  }

  /** The tree of digests, up to date. */
  get tree(): DigestTree {
    for (const author of this.#stale) {
      const refs = [...this.#of(author).kept.keys()];
      this.#tree.set(author, refs.length ? digestOf(refs.join("\n"), this.#sha256) : EMPTY_DIGEST);
    }
    this.#stale.clear();
    return this.#tree;
  }

  /** What would become of this record. */
  preview(held: Held): Preview {
    const author = this.#of(held.record.author);
    if (author.kept.has(held.ref)) return { outcome: "known" };
    const next = liveOf([...author.kept.values(), held]);
    if (next.kept.includes(held)) return { outcome: "new", held, next };
    return { outcome: next.crowdedOut.includes(held) ? "too-many-live" : "superseded" };
  }

  commit(author: string, next: LiveSet): Committed {
    const before = this.#of(author);
    const after: Author = {
      kept: new Map(next.kept.map((held) => [held.ref, held])),
      current: new Map(next.current.map((held) => [slotOf(held), held])),
    };
    const dropped = [...before.kept.values()].filter((held) => !after.kept.has(held.ref));
    const added = next.kept.filter((held) => !before.kept.has(held.ref));
    for (const held of added) this.bytes += held.size;
    for (const held of dropped) this.bytes -= held.size;
    this.records += added.length - dropped.length;
    if (after.kept.size) this.#authors.set(author, after);
    else this.#authors.delete(author);
    this.#stale.add(author);
    return { dropped, changes: this.#show(before, after, [...added, ...dropped]) };
  }

  /** Brings in what was stored. The records may come in any order, of any number of authors. */
  load(records: Iterable<Held>): void {
    const byAuthor = new Map<string, Held[]>();
    for (const held of records) {
      const list = byAuthor.get(held.record.author);
      if (list) list.push(held);
      else byAuthor.set(held.record.author, [held]);
    }
    for (const [author, list] of byAuthor) this.commit(author, liveOf([...this.kept(author), ...list]));
  }

  /** Keeps of one author only what `keep` says. */
  retain(author: string, keep: (held: Held) => boolean): Committed {
    return this.commit(author, liveOf(this.kept(author).filter(keep)));
  }

  dropExpired(nowMs: number): Committed {
    const all: Committed = { dropped: [], changes: [] };
    for (const [author, { kept }] of this.#authors) {
      let expired = false;
      for (const held of kept.values()) expired ||= isExpired(held.record, nowMs);
      if (!expired) continue;
      const { dropped, changes } = this.retain(author, (held) => !isExpired(held.record, nowMs));
      all.dropped.push(...dropped);
      all.changes.push(...changes);
    }
    return all;
  }

  kept(author: string): Held[] {
    return [...this.#of(author).kept.values()];
  }

  current(author: string): Held[] {
    return [...this.#of(author).current.values()];
  }

  heldBy(author: string, ref: string): Held | undefined {
    return this.#of(author).kept.get(ref);
  }

  /** Another record of this author with the same number: proof that the author numbers twice. */
  twinOf(held: Held): Held | undefined {
    for (const other of this.#of(held.record.author).kept.values())
      if (other.record.seq === held.record.seq && other.ref !== held.ref) return other;
    return undefined;
  }

  get(author: string, kind: string, key: string): SignedRecord | undefined {
    return this.#shown.get(kind)?.get(`${author}\n${key}`);
  }

  list(kind: string): SignedRecord[] {
    const records = [...(this.#shown.get(kind)?.values() ?? [])];
    const max = this.#kinds.get(kind)?.livePerAuthorMax ?? LIVE_PER_KIND_MAX;
    return max >= LIVE_PER_KIND_MAX ? records : newestPerAuthor(records, max);
  }

  #of(author: string): Author {
    return this.#authors.get(author) ?? NOBODY;
  }

  #show(before: Author, after: Author, touched: Held[]): Change[] {
    const changes: Change[] = [];
    for (const slot of new Set(touched.map(slotOf))) {
      const was = before.current.get(slot);
      const is = after.current.get(slot);
      if (was?.ref === is?.ref) continue;
      const { kind, key, author } = (is ?? was)!.record;
      const shown = is && this.#kinds.isShown(is.record) ? is.record : null;
      const wasShown = this.get(author, kind, key) !== undefined;
      this.#index(kind, `${author}\n${key}`, shown);
      if (shown || wasShown) changes.push({ kind, key, author, record: shown });
    }
    return changes;
  }

  #index(kind: string, name: string, record: SignedRecord | null): void {
    let map = this.#shown.get(kind);
    if (record) {
      if (!map) this.#shown.set(kind, (map = new Map()));
      map.set(name, record);
    } else if (map?.delete(name) && map.size === 0) this.#shown.delete(kind);
  }
}

function newestPerAuthor(records: SignedRecord[], max: number): SignedRecord[] {
  const counts = new Map<string, number>();
  return records
    .sort((a, b) => b.seq - a.seq)
    .filter(({ author }) => {
      const count = (counts.get(author) ?? 0) + 1;
      counts.set(author, count);
      return count <= max;
    });
}
