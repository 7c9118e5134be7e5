/**
 * Digests over all authors, so that two boxes find what differs in a few small messages: a tree by the characters of
 * the box ids (32 ways), in the manner of range-based set reconciliation (Meyer 2022, arXiv:2212.13567) with ranges
 * that are prefixes. A node with at most LEAF_AUTHORS_MAX authors is a leaf. The shape and the digests follow from the
 * set alone, not from its history. Digests are recomputed when asked for.
 */
import { utf8 } from "../wire/utf8.ts";
import { toBase64url } from "./base64url.ts";
import { BASE32_CHARS } from "./base32.ts";
import { LEAF_AUTHORS_MAX } from "./constants.ts";

interface Node {
  prefix: string;
  count: number;
  /** Leaf: author to digest. */
  authors: Map<string, string> | null;
  children: Map<string, Node> | null;
  digest: string | null;
}

export type NodeView =
  | { shape: "leaf"; authors: [author: string, digest: string][] }
  | { shape: "inner"; children: [char: string, digest: string][] };

/** The digest of nothing. */
export const EMPTY_DIGEST = "";

/** 12 bytes: no attacker gains by a collision but to hide a record of his own. */
export function digestOf(text: string, sha256: (bytes: Uint8Array) => Uint8Array): string {
  return toBase64url(sha256(utf8(text)).subarray(0, 12));
}

export class DigestTree {
  readonly #sha256: (bytes: Uint8Array) => Uint8Array;
  #root: Node = newLeaf("");

  constructor(sha256: (bytes: Uint8Array) => Uint8Array) {
    this.#sha256 = sha256;
  }

  get size(): number {
    return this.#root.count;
  }

  /** Sets an author's digest; EMPTY_DIGEST takes the author out. */
  set(author: string, digest: string): void {
    const path = this.#pathTo(author);
    const leaf = path.at(-1)!;
    const before = leaf.authors!.get(author) ?? EMPTY_DIGEST;
    if (before === digest) return;
    if (digest === EMPTY_DIGEST) leaf.authors!.delete(author);
    else leaf.authors!.set(author, digest);
    const change = Number(digest !== EMPTY_DIGEST) - Number(before !== EMPTY_DIGEST);
    for (const node of path) {
      node.count += change;
      node.digest = null;
    }
    if (leaf.count > LEAF_AUTHORS_MAX) divide(leaf);
    if (change < 0) joinFirstSmall(path);
  }

  get(author: string): string {
    return this.#pathTo(author).at(-1)!.authors!.get(author) ?? EMPTY_DIGEST;
  }

  /** Digest over all authors whose ids begin with `prefix`. */
  digest(prefix: string): string {
    const node = this.#find(prefix);
    if (!node) return this.#listDigest(prefix, this.authors(prefix));
    return this.#digestOfNode(node);
  }

  /** What is under `prefix`; the same for the same set, as deep as the other side may look. */
  view(prefix: string): NodeView {
    const node = this.#find(prefix);
    if (!node?.children) return { shape: "leaf", authors: this.authors(prefix) };
    const children: [string, string][] = [];
    for (const char of BASE32_CHARS) {
      const child = node.children.get(char);
      if (child?.count) children.push([char, this.#digestOfNode(child)]);
    }
    return { shape: "inner", children };
  }

  /** Authors under `prefix` with their digests, in order of id. */
  authors(prefix: string): [author: string, digest: string][] {
    const found: [string, string][] = [];
    collect(this.#find(prefix) ?? this.#pathTo(prefix).at(-1)!, prefix, found);
    return found;
  }

  #find(prefix: string): Node | undefined {
    const node = this.#pathTo(prefix).at(-1)!;
    return node.prefix === prefix ? node : undefined;
  }

  /** From the root towards `name` (an id or a prefix), as deep as the tree goes. */
  #pathTo(name: string): Node[] {
    const path = [this.#root];
    for (let node = this.#root; node.children && node.prefix.length < name.length;) {
      const char = name[node.prefix.length]!;
      let child = node.children.get(char);
      if (!child) node.children.set(char, (child = newLeaf(node.prefix + char)));
      path.push((node = child));
    }
    return path;
  }

  #digestOfNode(node: Node): string {
    if (node.digest !== null) return node.digest;
    if (node.authors) return (node.digest = this.#listDigest(node.prefix, this.authors(node.prefix)));
    let text = `inner ${node.prefix}\n`;
    for (const char of BASE32_CHARS) {
      const child = node.children!.get(char);
      if (child?.count) text += `${char} ${this.#digestOfNode(child)}\n`;
    }
    return (node.digest = digestOf(text, this.#sha256));
  }

  #listDigest(prefix: string, authors: [string, string][]): string {
    if (authors.length === 0) return EMPTY_DIGEST;
    return digestOf(`leaf ${prefix}\n${authors.map((pair) => pair.join(" ")).join("\n")}`, this.#sha256);
  }
}

function newLeaf(prefix: string): Node {
  return { prefix, count: 0, authors: new Map(), children: null, digest: null };
}

function divide(leaf: Node): void {
  leaf.children = new Map();
  for (const [author, digest] of leaf.authors!) {
    const char = author[leaf.prefix.length]!;
    let child = leaf.children.get(char);
    if (!child) leaf.children.set(char, (child = newLeaf(leaf.prefix + char)));
    child.authors!.set(author, digest);
    child.count++;
  }
  leaf.authors = null;
  for (const child of leaf.children.values()) if (child.count > LEAF_AUTHORS_MAX) divide(child);
}

/** After a removal: the highest node on the path that became small enough is a leaf again. */
function joinFirstSmall(path: Node[]): void {
  const node = path.find((step) => step.children && step.count <= LEAF_AUTHORS_MAX);
  if (!node) return;
  const found: [string, string][] = [];
  collect(node, node.prefix, found);
  node.authors = new Map(found);
  node.children = null;
}

function collect(node: Node, prefix: string, found: [string, string][]): void {
  if (node.authors) {
    const here = [...node.authors].filter(([author]) => author.startsWith(prefix));
    found.push(...here.sort(([a], [b]) => (a < b ? -1 : 1)));
    return;
  }
  for (const char of BASE32_CHARS) {
    const child = node.children!.get(char);
    if (child?.count) collect(child, prefix, found);
  }
}
