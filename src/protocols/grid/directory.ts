/**
 * A directory: the content of a file, read as a table from names to caps. A mutable directory stands in a mutable file
 * and hides the write caps of its children from those who may only read it; an immutable one holds nothing that could
 * change.
 *
 * Entries that were not touched keep their bytes when the directory is written again, also those that this program
 * cannot use: a child must not get lost because an older program moved its neighbour.
 */
import { fromUtf8, utf8, utf8Length } from "../wire/utf8.ts";
import { concat } from "./concat.ts";
import type { DirectoryCap } from "./caps.ts";
import { CHILD_NAME_MAX_BYTES, DIRECTORY_CHILDREN_MAX, LITERAL_MAX_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import { isNoWrite, linkMetadata, readMetadata, writeMetadata } from "./directory-metadata.ts";
import type { Metadata } from "./directory-metadata.ts";
import { childCaps, openWriteCap, sealWriteCap, slotText, storedRead } from "./directory-slots.ts";
import type { ChildCaps, ChildProblem, GivenCaps } from "./directory-slots.ts";
import { GridError } from "./errors.ts";
import { NetstringReader, netstring } from "./netstring.ts";

/** Which directory it is and what may be done with it. Without `writeKey` a mutable one can only be read. */
export type DirectoryAccess = { kind: "mutable"; writeKey?: Uint8Array } | { kind: "immutable" };

export interface DirectoryChild extends ChildCaps {
  /** Normalised (NFC). Any character may be in it, "/" too; it may be empty. */
  name: string;
  metadata: Metadata;
}

/** A child that is there and cannot be used. */
export interface SkippedChild {
  name: string;
  problem: ChildProblem;
}

interface Entry {
  name: string;
  /** As it stands in the file, without the outer netstring. */
  bytes: Uint8Array;
  child: DirectoryChild | undefined;
  problem: ChildProblem | undefined;
}

export class Directory {
  readonly #crypto: GridCrypto;
  readonly #access: DirectoryAccess;
  readonly #entries = new Map<string, Entry>();
  /** Earlier ones of two entries with the same name: they are kept until one of that name is set or deleted. */
  #shadowed: Entry[] = [];

  /** An empty one. */
  constructor(crypto: GridCrypto, access: DirectoryAccess) {
    this.#crypto = crypto;
    this.#access = access;
  }

  /**
   * Reads the content of a directory. Children that cannot be used are skipped. Throws GridError `bad-directory`,
   * `bad-netstring`, `too-large` when the whole is none.
   */
  static read(crypto: GridCrypto, access: DirectoryAccess, content: Uint8Array): Directory {
    const reading = Directory.readInSteps(crypto, access, content, Infinity);
    for (;;) {
      const step = reading.next();
      if (step.done) return step.value;
    }
  }

  /** As `read`, but stops after so many entries each time, for somebody who has more to do. */
  static *readInSteps(
    crypto: GridCrypto,
    access: DirectoryAccess,
    content: Uint8Array,
    entriesPerStep: number,
  ): Generator<undefined, Directory> {
    const directory = new Directory(crypto, access);
    // Counted before anything is made of them.
    const parts: Uint8Array[] = [];
    for (const reader = new NetstringReader(content); !reader.isEnd; parts.push(reader.next())) {
      if (parts.length === DIRECTORY_CHILDREN_MAX) throw new GridError("too-large", `over ${parts.length} children`);
    }
    for (const [index, part] of parts.entries()) {
      if (index > 0 && index % entriesPerStep === 0) yield;
      const entry = readEntry(crypto, access, part);
      const earlier = directory.#entries.get(entry.name);
      if (earlier) directory.#shadowed.push({ ...earlier, child: undefined, problem: "duplicate" });
      directory.#entries.set(entry.name, entry);
    }
    return directory;
  }

  /** One that can be changed while this one stays. Cheap: what stands in it is shared. */
  copy(): Directory {
    const copy = new Directory(this.#crypto, this.#access);
    for (const [name, entry] of this.#entries) copy.#entries.set(name, entry);
    copy.#shadowed = [...this.#shadowed];
    return copy;
  }

  /** Names, also of children that cannot be used. */
  get size(): number {
    return this.#entries.size;
  }

  /** Names that are not as in `before`, also those that are gone. Cheap where one is a changed copy of the other. */
  changedSince(before: Directory): string[] {
    const changed: string[] = [];
    for (const [name, entry] of this.#entries) if (before.#entries.get(name) !== entry) changed.push(name);
    for (const name of before.#entries.keys()) if (!this.#entries.has(name)) changed.push(name);
    return changed;
  }

  /** Length of what `write` gives, but for the lengths in front of the entries. */
  get contentBytes(): number {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.bytes.length;
    for (const entry of this.#shadowed) bytes += entry.bytes.length;
    return bytes;
  }

  /** Also true of a child that cannot be used. */
  has(name: string): boolean {
    return this.#entries.has(name.normalize("NFC"));
  }

  /** By code point of their names. */
  children(): DirectoryChild[] {
    return this.#sorted().flatMap(({ child }) => (child ? [child] : []));
  }

  get(name: string): DirectoryChild | undefined {
    return this.#entries.get(name.normalize("NFC"))?.child;
  }

  skipped(): SkippedChild[] {
    return this.#sorted().flatMap(({ name, problem }) => (problem ? [{ name, problem }] : []));
  }

  /**
   * Links a child, in the place of another of that name. Without `metadata` those of the one before stay. Throws
   * GridError `not-permitted` without the write key, `bad-cap` for caps that this directory must not hold,
   * `bad-directory` for a name that is no text, `too-large`.
   */
  set(child: { name: string; metadata?: Metadata } & GivenCaps, nowMs: number): void {
    const name = child.name.normalize("NFC");
    if (!name.isWellFormed()) throw new GridError("bad-directory", "a name with half a character");
    const nameBytes = utf8Length(name);
    if (nameBytes > CHILD_NAME_MAX_BYTES) throw new GridError("too-large", `a name of ${nameBytes} bytes`);
    if (this.#entries.size + this.#shadowed.length >= DIRECTORY_CHILDREN_MAX && !this.#entries.has(name)) {
      throw new GridError("too-large", `more than ${DIRECTORY_CHILDREN_MAX} children`);
    }
    const before = this.#entries.get(name);
    const metadata = linkMetadata(before && metadataOf(before), child.metadata, nowMs);
    const { kind } = this.#access;
    let caps = childCaps(this.#crypto, kind, child);
    // Without its write cap it must be possible to read it: an unknown one alone is refused here.
    if (caps && isNoWrite(metadata)) caps = childCaps(this.#crypto, kind, { read: caps.read });
    if (!caps || caps.read === undefined) throw new GridError("bad-cap", `not for a child of a directory: ${kind}`);
    const bytes = concat([
      netstring(utf8(name)),
      netstring(utf8(storedRead(kind, caps.read))),
      netstring(this.#writeSlot(caps.write)),
      netstring(writeMetadata(metadata)),
    ]);
    this.#shadowed = this.#shadowed.filter((entry) => entry.name !== name);
    this.#entries.set(name, { name, bytes, child: { name, ...caps, metadata }, problem: undefined });
  }

  /** Unlinks a child, also one that cannot be used; false if there is none. Throws GridError `not-permitted`. */
  delete(name: string): boolean {
    this.#writeSlot(undefined);
    const normal = name.normalize("NFC");
    this.#shadowed = this.#shadowed.filter((entry) => entry.name !== normal);
    return this.#entries.delete(normal);
  }

  /** The content of the file. */
  write(): Uint8Array {
    return concat(this.#sorted().map(({ bytes }) => netstring(bytes)));
  }

  #writeSlot(write: string | undefined): Uint8Array {
    if (this.#access.kind === "immutable") return new Uint8Array(0);
    const { writeKey } = this.#access;
    if (!writeKey) throw new GridError("not-permitted", "changing a directory with a read cap");
    return sealWriteCap(this.#crypto, writeKey, write ?? "");
  }

  /** Shadowed ones before those that count. */
  #sorted(): Entry[] {
    return [...this.#shadowed, ...this.#entries.values()].toSorted((a, b) => compareNames(a.name, b.name));
  }
}

function readEntry(crypto: GridCrypto, access: DirectoryAccess, bytes: Uint8Array): Entry {
  const reader = new NetstringReader(bytes);
  const [name, read, write, metadata] = [reader.next(), reader.next(), reader.next(), reader.next()];
  if (!reader.isEnd) throw new GridError("bad-directory", "an entry with more than four parts");
  if (access.kind === "immutable" && write!.length > 0) {
    throw new GridError("bad-directory", "a write slot in an immutable directory");
  }
  const entry: Entry = { name: readName(name!), bytes, child: undefined, problem: undefined };
  const known = readMetadata(metadata!);
  if (!known) return { ...entry, problem: "bad-metadata" };
  let given: GivenCaps;
  try {
    given = { read: slotText(read!) };
    if (access.kind === "mutable" && access.writeKey) given.write = openWriteCap(crypto, access.writeKey, write!);
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    return { ...entry, problem: "bad-slot" };
  }
  const caps = childCaps(crypto, access.kind, given);
  if (!caps) return { ...entry, problem: "bad-cap" };
  return { ...entry, child: { name: entry.name, ...caps, metadata: known } };
}

function readName(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes).normalize("NFC");
  } catch {
    throw new GridError("bad-directory", "a name that is no text");
  }
}

/** Also of a child that cannot be used: who replaces it keeps what was said about it. */
function metadataOf({ child, bytes }: Entry): Metadata | undefined {
  if (child) return child.metadata;
  const reader = new NetstringReader(bytes);
  for (let part = 0; part < 3; part++) reader.next();
  return readMetadata(reader.next());
}

/** By Unicode code point. UTF-16 units give another order: surrogates lie below U+E000 and stand for more. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = rank(a.charCodeAt(index)) - rank(b.charCodeAt(index));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const rank = (unit: number) => (unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000);

/** The cap that holds the content of a small immutable directory itself; undefined when it must be stored as CHK. */
export function literalDirectory(content: Uint8Array): DirectoryCap | undefined {
  return content.length <= LITERAL_MAX_BYTES ? { kind: "directory", file: { kind: "lit", data: content } } : undefined;
}
