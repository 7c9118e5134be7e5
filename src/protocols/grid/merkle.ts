/**
 * Merkle trees of the grid formats: how one hash vouches for many. A whole tree is made by who writes; who reads has
 * a partial one, which begins with the root alone and takes from the network only what leads up to it.
 *
 * Nodes are numbered breadth first: 0 is the root, the children of i are 2i + 1 and 2i + 2. The row of leaves is
 * filled up to a power of two.
 */
import { HASH_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import { GridError } from "./errors.ts";
import { merkleEmptyLeaf, merkleNode } from "./hashes.ts";

/** Nodes of one page of a partial tree. */
const PAGE_NODES = 64;

/** The smallest power of two that is not below `count`; 1 for none. */
export function rowOf(count: number): number {
  let row = 1;
  while (row < count) row *= 2;
  return row;
}

/** How many nodes a tree over so many leaves has. */
export function nodeCount(leaves: number): number {
  return 2 * rowOf(leaves) - 1;
}

/** The number of the node that is leaf `leaf`. */
export function leafNode(leaves: number, leaf: number): number {
  return rowOf(leaves) - 1 + leaf;
}

/** The siblings on the way from a leaf up to, not including, the root; ascending. */
export function uncleChain(leaves: number, leaf: number): number[] {
  const uncles: number[] = [];
  for (let node = leafNode(leaves, leaf); node > 0; node = parentOf(node)) uncles.push(siblingOf(node));
  return uncles.reverse();
}

/** What leads from a leaf to the root: its uncle chain and itself; ascending. */
export function pathNodes(leaves: number, leaf: number): number[] {
  return [...uncleChain(leaves, leaf), leafNode(leaves, leaf)].toSorted((a, b) => a - b);
}

/**
 * The whole tree over `leaves` (hashes of 32 bytes, one after the other) as one array in the order of node numbers:
 * 32 * nodeCount bytes, the root first.
 */
export function buildTree(crypto: GridCrypto, leaves: Uint8Array): Uint8Array {
  const count = leaves.length / HASH_BYTES;
  const row = rowOf(count);
  const tree = new Uint8Array((2 * row - 1) * HASH_BYTES);
  tree.set(leaves, (row - 1) * HASH_BYTES);
  for (let leaf = count; leaf < row; leaf++) tree.set(merkleEmptyLeaf(crypto, leaf), (row - 1 + leaf) * HASH_BYTES);
  for (let node = row - 2; node >= 0; node--) {
    const hash = merkleNode(crypto, hashAt(tree, 2 * node + 1), hashAt(tree, 2 * node + 2));
    tree.set(hash, node * HASH_BYTES);
  }
  return tree;
}

/** Node `node` of a tree that `buildTree` made: a part of it, not a copy. */
export function hashAt(tree: Uint8Array, node: number): Uint8Array {
  return tree.subarray(node * HASH_BYTES, (node + 1) * HASH_BYTES);
}

/** A tree of which the root is known, and every node that was shown to lead up to it. */
export class PartialTree {
  readonly #crypto: GridCrypto;
  readonly #leaves: number;
  readonly #nodes: number;
  /** Pages of hashes, so that a tree of millions of leaves costs only what was read of it. */
  readonly #pages = new Map<number, { hashes: Uint8Array; known: Uint8Array }>();

  constructor(crypto: GridCrypto, leaves: number, root: Uint8Array) {
    this.#crypto = crypto;
    this.#leaves = leaves;
    this.#nodes = nodeCount(leaves);
    this.#keep(0, root);
  }

  /** A known leaf, or undefined. A part of the tree, not a copy. */
  leaf(leaf: number): Uint8Array | undefined {
    return this.#hash(leafNode(this.#leaves, leaf));
  }

  knows(node: number): boolean {
    return this.#hash(node) !== undefined;
  }

  /** The nodes that must still be accepted before leaf `leaf` is known; ascending. */
  missing(leaf: number): number[] {
    let node = leafNode(this.#leaves, leaf);
    if (this.#hash(node)) return [];
    const missing = [node];
    // What is known is known with its sibling, so the way ends where one of them is. Parents come out of children.
    for (; !this.#hash(node); node = parentOf(node)) missing.push(siblingOf(node));
    return missing.toSorted((a, b) => a - b);
  }

  /**
   * Takes all of `nodes` (number to hash of 32 bytes), or none: throws GridError "bad-hash" when one contradicts the
   * root, cannot be connected to it, or is outside of the tree.
   */
  accept(nodes: ReadonlyMap<number, Uint8Array>): void {
    const fresh = new Map<number, Uint8Array>();
    const rows: number[][] = [];
    const add = (node: number, hash: Uint8Array): void => {
      const before = this.#hash(node) ?? fresh.get(node);
      if (before !== undefined) {
        if (!sameBytes(before, hash)) throw new GridError("bad-hash", `node ${node} contradicts the root`);
        return;
      }
      fresh.set(node, hash);
      (rows[depthOf(node)] ??= []).push(node);
    };
    for (const [node, hash] of nodes) {
      if (!Number.isSafeInteger(node) || node < 0 || node >= this.#nodes || hash.length !== HASH_BYTES) {
        throw new GridError("bad-hash", `no node of this tree: ${node}`);
      }
      add(node, hash);
    }
    for (let depth = rows.length - 1; depth > 0; depth--) {
      for (const node of rows[depth] ?? []) {
        // Of two fresh siblings, one makes the parent. (A known node's sibling is known, so both are fresh.)
        const sibling = fresh.get(siblingOf(node));
        if (sibling === undefined) throw new GridError("bad-hash", `node ${node} has no sibling`);
        if (isLeft(node)) add(parentOf(node), merkleNode(this.#crypto, fresh.get(node)!, sibling));
      }
    }
    for (const [node, hash] of fresh) this.#keep(node, hash);
  }

  #hash(node: number): Uint8Array | undefined {
    const page = this.#pages.get(Math.floor(node / PAGE_NODES));
    const at = node % PAGE_NODES;
    return page?.known[at] ? hashAt(page.hashes, at) : undefined;
  }

  #keep(node: number, hash: Uint8Array): void {
    const number = Math.floor(node / PAGE_NODES);
    let page = this.#pages.get(number);
    if (!page) {
      page = { hashes: new Uint8Array(PAGE_NODES * HASH_BYTES), known: new Uint8Array(PAGE_NODES) };
      this.#pages.set(number, page);
    }
    const at = node % PAGE_NODES;
    page.hashes.set(hash, at * HASH_BYTES);
    page.known[at] = 1;
  }
}

/** Whether two byte strings are equal. For hashes that anyone may know; not in constant time. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const isLeft = (node: number) => node % 2 === 1;
const siblingOf = (node: number) => (isLeft(node) ? node + 1 : node - 1);
const parentOf = (node: number) => Math.floor((node - 1) / 2);

/** 0 for the root. */
function depthOf(node: number): number {
  let depth = 0;
  for (let at = node; at > 0; at = parentOf(at)) depth++;
  return depth;
}
