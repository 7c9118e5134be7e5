/**
 * The hashes of a file's segments and blocks, collected while they are made in any order and anywhere, and what comes
 * of them: the end of each share, and the hash that goes into the cap.
 */
import type { ChkParams } from "./chk-params.ts";
import { formatChain, formatWord, shareLayout } from "./chk-share.ts";
import { formatUeb } from "./chk-ueb.ts";
import { ENCODER_TREES_MAX_BYTES, HASH_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import { GridError } from "./errors.ts";
import { uebHash } from "./hashes.ts";
import { buildTree, hashAt, nodeCount, pathNodes, sameBytes } from "./merkle.ts";

export interface ChkFinished {
  uebHash: Uint8Array;
  /** What follows the last block in share `share`. */
  trailer(share: number): Uint8Array;
}

/** Bytes of what `ChkSummary.take` gets for one segment. */
export function segmentHashesBytes({ n }: ChkParams): number {
  return (n + 1) * HASH_BYTES;
}

/** The largest file that can be encoded in segments of this size. */
export function encodableBytes({ n, segmentBytes }: Pick<ChkParams, "n" | "segmentBytes">): number {
  const rowMax = ENCODER_TREES_MAX_BYTES / HASH_BYTES / 2 / (n + 1);
  return 2 ** Math.floor(Math.log2(rowMax)) * segmentBytes;
}

/** Throws GridError "too-large" when the hash trees of such a file would not fit. */
export function checkSummarySize(params: ChkParams): void {
  const trees = (params.n + 1) * nodeCount(params.segments) * HASH_BYTES;
  if (trees > ENCODER_TREES_MAX_BYTES) throw new GridError("too-large", `hash trees of ${trees} bytes`);
}

export class ChkSummary {
  readonly #crypto: GridCrypto;
  readonly #params: ChkParams;
  readonly #segmentLeaves: Uint8Array;
  readonly #blockLeaves: Uint8Array[];
  readonly #taken: Uint8Array;
  #missing: number;

  /** Throws GridError "too-large" when the hash trees would not fit. */
  constructor(crypto: GridCrypto, params: ChkParams) {
    checkSummarySize(params);
    this.#crypto = crypto;
    this.#params = params;
    this.#segmentLeaves = new Uint8Array(params.segments * HASH_BYTES);
    this.#blockLeaves = Array.from({ length: params.n }, () => new Uint8Array(params.segments * HASH_BYTES));
    this.#taken = new Uint8Array(params.segments);
    this.#missing = params.segments;
  }

  /**
   * Of the segments from `first` on, for each one after the other: the hash of its ciphertext, and those of its n
   * blocks. Throws GridError "bad-parameters" for what is no whole segments, or beyond the last.
   */
  take(first: number, hashes: Uint8Array): void {
    const each = segmentHashesBytes(this.#params);
    const count = hashes.length / each;
    if (!Number.isInteger(count) || first < 0 || first + count > this.#params.segments) {
      throw new GridError("bad-parameters", `hashes of segments ${first} to ${first + count}`);
    }
    for (let index = 0; index < count; index++) {
      const at = (first + index) * HASH_BYTES;
      const of = (number: number) => hashAt(hashes, index * (this.#params.n + 1) + number);
      this.#segmentLeaves.set(of(0), at);
      this.#blockLeaves.forEach((leaves, share) => leaves.set(of(share + 1), at));
      if (this.#taken[first + index] === 0) this.#missing--;
      this.#taken[first + index] = 1;
    }
  }

  /**
   * Once, when every segment was taken; `crypttextHash` is that of the whole ciphertext. Throws GridError
   * "bad-parameters" before. A repair gives the UEB hash of the cap as `expected`: "bad-hash" says that other shares
   * than the old ones would come out.
   */
  finish(crypttextHash: Uint8Array, expected?: Uint8Array): ChkFinished {
    if (this.#missing > 0 || this.#blockLeaves.length === 0) throw new GridError("bad-parameters", "not at the end");
    const [crypto, params] = [this.#crypto, this.#params];
    const layout = shareLayout(params);
    const crypttextTree = buildTree(crypto, this.#segmentLeaves);
    const blockTrees = this.#blockLeaves.map((leaves) => buildTree(crypto, leaves));
    this.#blockLeaves.length = 0;
    const roots = new Uint8Array(params.n * HASH_BYTES);
    blockTrees.forEach((tree, share) => roots.set(hashAt(tree, 0), share * HASH_BYTES));
    const shareTree = buildTree(crypto, roots);
    const crypttextRoot = hashAt(crypttextTree, 0);
    const ueb = formatUeb({ params, crypttextHash, crypttextRoot, shareRoot: hashAt(shareTree, 0) });
    const hash = uebHash(crypto, ueb);
    if (expected && !sameBytes(hash, expected)) throw new GridError("bad-hash", "not the file of the cap");
    const chainOf = (share: number) =>
      formatChain(pathNodes(params.n, share).map((node) => [node, hashAt(shareTree, node)] as const));
    const trailer = (share: number): Uint8Array => {
      const { offsets, shareBytes, version } = layout;
      const start = offsets.plaintextHashes;
      const bytes = new Uint8Array(shareBytes - start);
      bytes.set(crypttextTree, offsets.crypttextHashes - start);
      bytes.set(blockTrees[share]!, offsets.blockHashes - start);
      bytes.set(chainOf(share), offsets.shareHashes - start);
      bytes.set(formatWord(version, ueb.length), offsets.ueb - start);
      bytes.set(ueb, shareBytes - start - ueb.length);
      return bytes;
    };
    return { uebHash: hash, trailer };
  }
}
