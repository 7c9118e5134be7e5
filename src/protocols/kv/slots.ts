/**
 * Which slot a key is in, and which nodes should hold a slot: the first ones by rendezvous hashing (Thaler, Ravishankar
 * 1998), a form of consistent hashing: one node more or less moves only its own share.
 */
import { mix } from "../mix.ts";
import type { Key } from "./types.ts";

/** FNV-1a with a last mixing (MurmurHash3's), since only the lowest bits are used. */
export function slotOf(key: Key, slots: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return mix(hash) % slots;
}

/** The first `degree` of the nodes for a slot, best first. */
export function groupOf(slot: number, nodes: Iterable<number>, degree: number): number[] {
  const best: { node: number; weight: number }[] = [];
  for (const node of nodes) {
    const weight = weightOf(slot, node);
    let at = best.length;
    while (at > 0 && isBefore(weight, node, best[at - 1]!)) at--;
    if (at >= degree) continue;
    best.splice(at, 0, { node, weight });
    if (best.length > degree) best.pop();
  }
  return best.map(({ node }) => node);
}

function isBefore(weight: number, node: number, other: { node: number; weight: number }): boolean {
  return weight > other.weight || (weight === other.weight && node < other.node);
}

function weightOf(slot: number, node: number): number {
  const high = mix(Math.imul(slot + 1, 0x9e3779b1) ^ (node % 2 ** 32));
  return mix(high ^ Math.imul(Math.floor(node / 2 ** 32) + 1, 0x85ebca6b));
}

/** The groups of all slots, each counted once for as long as the nodes stay the same. */
export class Groups {
  readonly #degree: number;
  #nodes: readonly number[] = [];
  #groups: (readonly number[])[] = [];

  constructor(degree: number) {
    this.#degree = degree;
  }

  /** As `groupOf`. Nobody may change the nodes afterwards, nor what it gives. */
  of(slot: number, nodes: readonly number[]): readonly number[] {
    if (nodes !== this.#nodes) {
      if (!isSame(nodes, this.#nodes)) this.#groups = [];
      this.#nodes = nodes;
    }
    return (this.#groups[slot] ??= groupOf(slot, nodes, this.#degree));
  }
}

function isSame(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((node, at) => node === others[at]);
}
