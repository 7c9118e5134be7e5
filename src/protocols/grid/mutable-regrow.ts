/**
 * Makes all shares of a version of a mutable file out of k good ones, byte for byte as its writer made them. No key is
 * needed: blocks are of ciphertext, and the signature is the same in every share. So somebody who may neither read nor
 * write a file can still bring back shares that were lost.
 */
import { concat } from "./concat.ts";
import { HASH_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { blockHash } from "./hashes.ts";
import { buildTree, hashAt, sameBytes, uncleChain } from "./merkle.ts";
import { writeChain } from "./mutable-encoding.ts";
import { segmentCount } from "./mutable-layout.ts";
import type { MutableHeader } from "./mutable-layout.ts";
import { blockSection, sectionOf } from "./mutable-reading.ts";
import type { MutableBlock } from "./mutable-reading.ts";

export class MutableRegrowth {
  readonly #crypto: GridCrypto;
  readonly #code: ErasureCode;
  readonly #header: MutableHeader;
  /** What all shares have in common is taken from it. */
  readonly #shares: Uint8Array[];
  readonly #leaves: Uint8Array[];
  #next = 0;

  /** `template`: a good share of the version, to its end at least. Throws GridError `truncated`. */
  constructor(
    { crypto, code }: { crypto: GridCrypto; code: ErasureCode },
    header: MutableHeader,
    template: Uint8Array,
  ) {
    this.#crypto = crypto;
    this.#code = code;
    this.#header = header;
    const whole = sectionOf(template, { start: 0, end: header.sections.end });
    // A copy each, whatever kind of view it is: `slice` of some is none.
    this.#shares = Array.from({ length: header.n }, () => new Uint8Array(whole));
    this.#leaves = Array.from({ length: header.n }, () => new Uint8Array(segmentCount(header) * HASH_BYTES));
  }

  get segmentCount(): number {
    return segmentCount(this.#header);
  }

  /** The checked blocks of the next segment, of k shares with distinct numbers. Throws GridError `bad-share`. */
  segment(blocks: readonly MutableBlock[]): void {
    const index = this.#next++;
    const salt = blocks[0]?.salt;
    if (!salt || !blocks.every((block) => sameBytes(block.salt, salt))) {
      throw new GridError("bad-share", `segment ${index} with different salts`);
    }
    const primary = this.#code.decode(blocks.map(({ number, bytes }) => ({ number, bytes })));
    const isMdmf = this.#header.format === "mdmf";
    this.#code.encode(primary).forEach((block, number) => {
      const entry = isMdmf ? concat([salt, block]) : block;
      this.#shares[number]!.set(entry, blockSection(this.#header, index).start);
      this.#leaves[number]!.set(blockHash(this.#crypto, entry), index * HASH_BYTES);
    });
  }

  /**
   * After the last segment: the shares from 0 to n-1. Throws GridError `bad-hash` when they are not those that were
   * signed, `bad-share` when their writer laid them out as no writer known to us does.
   */
  finish(): Uint8Array[] {
    const { n, rootHash, sections } = this.#header;
    if (this.#next !== this.segmentCount) throw new RangeError(`${this.#next} of ${this.segmentCount} segments`);
    const trees = this.#leaves.map((leaves) => buildTree(this.#crypto, leaves));
    const shareTree = buildTree(this.#crypto, concat(trees.map((tree) => hashAt(tree, 0))));
    if (!sameBytes(hashAt(shareTree, 0), rootHash)) throw new GridError("bad-hash", "not the shares that were signed");
    this.#shares.forEach((share, number) => {
      const chain = writeChain(shareTree, uncleChain(n, number));
      if (chain.length !== sections.chain.end - sections.chain.start) {
        throw new GridError("bad-share", "a share hash chain of another writer");
      }
      share.set(chain, sections.chain.start);
      share.set(trees[number]!, sections.blockHashes.start);
    });
    return this.#shares;
  }
}
