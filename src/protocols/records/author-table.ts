/**
 * What is held in memory: the live records of every author, what of them readers are shown, and the digests.
 * Nothing here judges whether a record is genuine; `records.ts` does that before it commits.
 */
import { AuthorSet, type Verdict } from "./author-set.ts";
import { LIVE_PER_KIND_MAX } from "./constants.ts";
import { DigestTree, digestOf, EMPTY_DIGEST } from "./digest-tree.ts";
import type { Kinds } from "./kinds.ts";
import { slotOf } from "./live-set.ts";
import { isExpired, type Held, type SignedRecord } from "./record.ts";

export interface Change {
  kind: string;
  key: string;
  author: string;
  /** null: gone. */
  record: SignedRecord | null;
}

export interface Committed {
  dropped: Held[];
  changes: Change[];
}

const NOBODY = new AuthorSet();

export class AuthorTable {
  readonly #kinds: Kinds;
  readonly #sha256: (bytes: Uint8Array) => Uint8Array;
  readonly #authors = new Map<string, AuthorSet>();
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

  /** Told by number and signature alone, which is much cheaper than by content: most of what comes is known. */
  isKnown(value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    const { author, seq, sig } = value as Partial<SignedRecord>;
    if (typeof author !== "string" || typeof seq !== "number" || typeof sig !== "string") return false;
    return this.#of(author).hasSignature(seq, sig);
  }

  bytesOf(author: string): number {
    return this.#of(author).bytes;
  }

  /** The tree of digests, up to date. */
  get tree(): DigestTree {
    for (const author of this.#stale) {
      const { kept } = this.#of(author);
      const refs = kept.map((held) => held.ref);
      this.#tree.set(author, refs.length ? digestOf(refs.join("\n"), this.#sha256) : EMPTY_DIGEST);
    }
    this.#stale.clear();
    return this.#tree;
  }

  /** What would become of this record; "new" may still turn out otherwise when it is added. */
  verdict(held: Held): Verdict {
    return this.#of(held.record.author).verdict(held);
  }

  add(held: Held): Committed & { verdict: Verdict } {
    const { author } = held.record;
    const set = this.#authors.get(author) ?? new AuthorSet();
    const { verdict, dropped } = set.add(held);
    if (verdict !== "new") return { verdict, dropped, changes: [] };
    this.#authors.set(author, set);
    this.#account(author, [held], dropped);
    return { verdict, dropped, changes: this.#show(set, [held, ...dropped]) };
  }

  /** Brings in what was stored. The records may come in any order, of any number of authors. */
  load(records: Iterable<Held>): void {
    const byAuthor = new Map<string, Held[]>();
    for (const held of records) {
      const list = byAuthor.get(held.record.author);
      if (list) list.push(held);
      else byAuthor.set(held.record.author, [held]);
    }
    for (const [author, list] of byAuthor) this.#replace(author, [...this.kept(author), ...list]);
  }

  /** Keeps of one author only what `keep` says. */
  retain(author: string, keep: (held: Held) => boolean): Committed {
    return this.#replace(author, this.kept(author).filter(keep));
  }

  dropExpired(nowMs: number): Committed {
    const all: Committed = { dropped: [], changes: [] };
    for (const [author, { kept }] of this.#authors) {
      if (!kept.some((held) => isExpired(held.record, nowMs))) continue;
      const { dropped, changes } = this.retain(author, (held) => !isExpired(held.record, nowMs));
      all.dropped.push(...dropped);
      all.changes.push(...changes);
    }
    return all;
  }

  /** In order. */
  kept(author: string): readonly Held[] {
    return this.#of(author).kept;
  }

  current(author: string): Held[] {
    return this.#of(author).current();
  }

  heldBy(author: string, ref: string): Held | undefined {
    return this.#of(author).byRef(ref);
  }

  /** Another record of this author with the same number: proof that the author numbers twice. */
  twinOf(held: Held): Held | undefined {
    return this.#of(held.record.author).twinOf(held);
  }

  get(author: string, kind: string, key: string): SignedRecord | undefined {
    return this.#shown.get(kind)?.get(`${author}\n${key}`);
  }

  list(kind: string): SignedRecord[] {
    const records = [...(this.#shown.get(kind)?.values() ?? [])];
    const max = this.#kinds.get(kind)?.livePerAuthorMax ?? LIVE_PER_KIND_MAX;
    return max >= LIVE_PER_KIND_MAX ? records : newestPerAuthor(records, max);
  }

  #of(author: string): AuthorSet {
    return this.#authors.get(author) ?? NOBODY;
  }

  #replace(author: string, records: readonly Held[]): Committed {
    const set = this.#authors.get(author) ?? new AuthorSet();
    const { added, dropped } = set.set(records);
    if (set.kept.length) this.#authors.set(author, set);
    else this.#authors.delete(author);
    this.#account(author, added, dropped);
    return { dropped, changes: this.#show(set, [...added, ...dropped]) };
  }

  #account(author: string, added: readonly Held[], dropped: readonly Held[]): void {
    for (const held of added) this.bytes += held.size;
    for (const held of dropped) this.bytes -= held.size;
    this.records += added.length - dropped.length;
    this.#stale.add(author);
  }

  /** What readers see differently in the slots of `touched`. */
  #show(set: AuthorSet, touched: readonly Held[]): Change[] {
    const changes: Change[] = [];
    for (const [slot, held] of new Map(touched.map((one) => [slotOf(one), one]))) {
      const { kind, key, author } = held.record;
      const was = this.get(author, kind, key);
      const word = set.at(slot)?.record;
      if (was === word) continue;
      const record = word && this.#kinds.isShown(word) ? word : null;
      this.#index(kind, `${author}\n${key}`, record);
      if (record || was) changes.push({ kind, key, author, record });
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
  for (const { author } of records) counts.set(author, (counts.get(author) ?? 0) + 1);
  const isOver = ({ author }: SignedRecord) => counts.get(author)! > max;
  // As a rule nobody is over, and there is nothing to sort.
  const over = Map.groupBy(records.filter(isOver), (record) => record.author);
  const newest = [...over.values()].flatMap((list) => list.sort((a, b) => b.seq - a.seq).slice(0, max));
  return over.size ? [...records.filter((record) => !isOver(record)), ...newest] : records;
}
