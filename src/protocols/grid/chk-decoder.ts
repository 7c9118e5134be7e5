/**
 * Reads an immutable file from its shares: checks what each share says against the cap, and turns k good blocks into
 * a segment. A caller asks a share for a block, fetches the ranges that it still needs, and asks again; a share that
 * throws is bad, and another one takes its place. Plaintext comes out only when its hash leads up to the cap.
 *
 *   ChkFile ── share(i) ──► ChkShareReader.block(segment) ──► k blocks ──► ChkFile.plaintext(segment, blocks)
 */
import type { ChkReadCap, ChkVerifyCap } from "./caps.ts";
import { chkParams, segmentBytesFor, segmentLength, type ChkParams } from "./chk-params.ts";
import type { DecodeRun, RunShare } from "./chk-run.ts";
import { ChkShareReader } from "./chk-share-reader.ts";
import { readUeb } from "./chk-ueb.ts";
import { concat } from "./concat.ts";
import { DEFAULT_SEGMENT_MAX_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode, Share } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { crypttextSegmentHash } from "./hashes.ts";
import { PartialTree, sameBytes } from "./merkle.ts";

export interface ChkFileNeeds {
  crypto: GridCrypto;
  /** Its k and n are those of the cap. */
  code: ErasureCode;
  cap: ChkReadCap | ChkVerifyCap;
  /** The segment size that the file probably has, so that the first request can already ask for a block. */
  segmentMaxBytes?: number;
}

/** What is known of a file when one good UEB has been seen. */
export interface ChkFacts {
  params: ChkParams;
  /** Over the roots of the shares' block hash trees. */
  shareTree: PartialTree;
  /** Over the ciphertext of the segments. */
  crypttextTree: PartialTree;
}

export class ChkFile {
  readonly cap: ChkReadCap | ChkVerifyCap;
  readonly crypto: GridCrypto;
  /** The parameters that a usual writer would have chosen; only to ask for the right bytes early. */
  readonly guess: ChkParams;
  readonly #code: ErasureCode;
  #facts: ChkFacts | undefined;

  /** Throws GridError "bad-parameters" and "too-large" for a cap that no file can have. */
  constructor({ crypto, code, cap, segmentMaxBytes = DEFAULT_SEGMENT_MAX_BYTES }: ChkFileNeeds) {
    if (code.k !== cap.k || code.n !== cap.n) throw new GridError("bad-parameters", "a code for something else");
    const { k, n, size } = cap;
    this.cap = cap;
    this.crypto = crypto;
    this.guess = chkParams({ k, n, size, segmentBytes: segmentBytesFor(size, k, segmentMaxBytes) });
    this.#code = code;
  }

  /** Undefined until some share gave a good UEB. */
  get facts(): ChkFacts | undefined {
    return this.#facts;
  }

  /** A reader of share `number`, on one server. Throws GridError "bad-parameters" for a number that no share has. */
  share(number: number): ChkShareReader {
    if (!Number.isInteger(number) || number < 0 || number >= this.cap.n) {
      throw new GridError("bad-parameters", `share ${number} of ${this.cap.n}`);
    }
    return new ChkShareReader(this, number);
  }

  /** Takes a UEB that a share gave. Throws like `readUeb`. */
  takeUeb(bytes: Uint8Array): ChkFacts {
    const ueb = readUeb(this.crypto, this.cap, bytes);
    this.#facts ??= {
      params: ueb.params,
      shareTree: new PartialTree(this.crypto, ueb.params.n, ueb.shareRoot),
      crypttextTree: new PartialTree(this.crypto, ueb.params.segments, ueb.crypttextRoot),
    };
    return this.#facts;
  }

  /** The work of `decodeRun` for what `ChkShareReader.run` of k distinct shares gave. */
  decodeRun(first: number, count: number, shares: readonly RunShare[]): DecodeRun {
    const facts = this.#facts;
    if (!facts || shares.length !== facts.params.k) throw new GridError("too-few-shares", `for segment ${first}`);
    const leaves = Array.from({ length: count }, (_, index) => facts.crypttextTree.leaf(first + index)!);
    const key = this.cap.kind === "chk" ? this.cap.key : undefined;
    return { params: facts.params, first, count, shares, crypttextHashes: concat(leaves), key };
  }

  /**
   * The ciphertext of a segment out of k checked blocks of distinct shares. Throws GridError "too-few-shares", and
   * "bad-hash" when it is not what the cap promised: then the writer of the file, not a server, has been at fault.
   */
  ciphertext(segment: number, blocks: readonly Share[]): Uint8Array {
    const facts = this.#facts;
    const expected = facts?.crypttextTree.leaf(segment);
    const distinct = [...new Map(blocks.map((block) => [block.number, block])).values()];
    if (!facts || !expected || distinct.length < facts.params.k) {
      throw new GridError("too-few-shares", `for segment ${segment}`);
    }
    const decoded = this.#code.decode(distinct.slice(0, facts.params.k));
    const ciphertext = joined(decoded, segmentLength(facts.params, segment));
    if (!sameBytes(crypttextSegmentHash(this.crypto, ciphertext), expected)) {
      throw new GridError("bad-hash", `the ciphertext of segment ${segment}`);
    }
    return ciphertext;
  }

  /** The plaintext of a segment. Throws like `ciphertext`, and "not-permitted" when there is only a verify cap. */
  plaintext(segment: number, blocks: readonly Share[]): Uint8Array {
    if (this.cap.kind !== "chk") throw new GridError("not-permitted", "a verify cap gives no plaintext");
    const ciphertext = this.ciphertext(segment, blocks);
    return this.crypto.aesCtr(this.cap.key, ciphertext, segment * this.#facts!.params.segmentBytes);
  }
}

/** The first `length` bytes of the blocks one after the other. */
function joined(blocks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const block of blocks) {
    if (at >= length) break;
    whole.set(at + block.length > length ? block.subarray(0, length - at) : block, at);
    at += block.length;
  }
  return whole;
}
