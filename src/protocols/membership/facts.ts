/**
 * What a member says of itself: address, tags, versions. Kept as the bytes that stand in every message about it, so
 * that telling it on is one copy, and most news are known to be no news by comparing bytes in place.
 */
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import type { NodeState } from "./codec.ts";
import { decodeTags } from "./tags.ts";
import type { Tags } from "./tags.ts";

export interface Described {
  /** 4 or 16 bytes. */
  address: Uint8Array;
  port: number;
  /** Its tags, encoded. */
  meta: Uint8Array;
  versions: Uint8Array;
}

const writer = new MsgpackWriter(1024);

/** Never changed: news are other facts. */
export class Facts {
  /** As text, canonical. */
  readonly address: string;
  readonly port: number;
  /** "Addr", "Port", "Meta" and "Vsn" with their values, as MessagePack. */
  readonly fields: Uint8Array;
  readonly #addressEnd: number;
  readonly #metaEnd: number;
  readonly #metaBytes: number;
  #tags: Tags | undefined;

  constructor(address: string, described: Described) {
    const w = writer.reset().text("Addr").raw(described.address);
    this.address = address;
    this.port = described.port;
    this.#addressEnd = w.size;
    w.text("Port").int(described.port).text("Meta").raw(described.meta);
    this.#metaEnd = w.size;
    this.#metaBytes = described.meta.length;
    this.fields = w.text("Vsn").raw(described.versions).finish();
  }

  get addressBytes(): Uint8Array {
    return this.fields.subarray(VALUE_AT, this.#addressEnd);
  }

  get meta(): Uint8Array {
    return this.fields.subarray(this.#metaEnd - this.#metaBytes, this.#metaEnd);
  }

  get versions(): Uint8Array {
    return this.fields.subarray(this.#metaEnd + VALUE_AT - 1);
  }

  /** Read when they are first asked for. Meta that is no tags (another program in the same cluster) shows as none. */
  get tags(): Tags {
    this.#tags ??= Object.freeze(safeTags(this.meta));
    return this.#tags;
  }

  equals(other: Facts): boolean {
    return this === other || sameBytes(this.fields, other.fields);
  }

  /** Of a node that may have been told in other words. */
  describes(node: NodeState): boolean {
    if (node.facts) return this === node.facts;
    if (this.port !== node.port || !sameBytes(this.meta, node.meta)) return false;
    return sameBytes(this.addressBytes, node.address) && sameBytes(this.versions, node.versions);
  }

  /** Do these bytes stand there? */
  standsAt(bytes: Uint8Array, offset: number, end: number): boolean {
    const { fields } = this;
    if (offset + fields.length > end) return false;
    for (let i = 0; i < fields.length; i++) if (fields[i] !== bytes[offset + i]) return false;
    return true;
  }
}

/** "Addr" takes five bytes, and the head of its value one; "Vsn" takes four. */
const VALUE_AT = 6;

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function safeTags(meta: Uint8Array): Tags {
  try {
    return decodeTags(meta);
  } catch {
    return {};
  }
}
