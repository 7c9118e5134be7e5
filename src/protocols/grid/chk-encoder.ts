/**
 * Makes the shares of an immutable file: plaintext goes in segment by segment, n blocks come out for each; when all
 * have gone, what follows the blocks in each share, and the cap. Memory does not grow with the file but for 32 bytes
 * per block.
 */
import type { ChkReadCap } from "./caps.ts";
import { chkParams, segmentBytesFor, segmentLength, type ChkParams } from "./chk-params.ts";
import { formatChain, formatHeader, formatWord, shareLayout, type ShareLayout } from "./chk-share.ts";
import { formatUeb } from "./chk-ueb.ts";
import { ENCODER_TREES_MAX_BYTES, HASH_BYTES, KEY_BYTES } from "./constants.ts";
import type { GridCrypto, HashStream } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { blockHash, convergenceKeyStream, crypttextHashStream, crypttextSegmentHash, uebHash } from "./hashes.ts";
import { buildTree, hashAt, nodeCount, pathNodes, sameBytes } from "./merkle.ts";

/** Parameters of a new file. Throws like `chkParams`. */
export function newChkParams(size: number, k: number, n: number, segmentMaxBytes: number): ChkParams {
  return chkParams({ k, n, size, segmentBytes: segmentBytesFor(size, k, segmentMaxBytes) });
}

/** The whole plaintext goes in, the key (16 bytes) comes out: equal for equal content, parameters and secret. */
export function convergentKey(crypto: GridCrypto, secret: Uint8Array, params: ChkParams): HashStream {
  return convergenceKeyStream(crypto, secret, params);
}

export interface ChkEncoderNeeds {
  crypto: GridCrypto;
  /** Its k and n are those of the parameters. */
  code: ErasureCode;
  params: ChkParams;
  /** 16 bytes. Without a key, what goes in is ciphertext: a repair needs no more than that. */
  key?: Uint8Array;
}

export interface ChkFinished {
  uebHash: Uint8Array;
  /** What follows the last block in share `share`. */
  trailer(share: number): Uint8Array;
}

export class ChkEncoder {
  readonly params: ChkParams;
  readonly layout: ShareLayout;
  readonly #crypto: GridCrypto;
  readonly #code: ErasureCode;
  readonly #key: Uint8Array | undefined;
  readonly #crypttext: HashStream;
  /** The hashes of the segments so far: of their ciphertext, and of the blocks of each share. */
  readonly #segmentLeaves: Uint8Array;
  readonly #blockLeaves: Uint8Array[];
  #next = 0;
  #isFinished = false;

  /** Throws GridError "bad-parameters", and "too-large" when the hash trees would not fit. */
  constructor({ crypto, code, params, key }: ChkEncoderNeeds) {
    if (code.k !== params.k || code.n !== params.n || (key !== undefined && key.length !== KEY_BYTES)) {
      throw new GridError("bad-parameters", "a code or a key for something else");
    }
    const trees = (params.n + 1) * nodeCount(params.segments) * HASH_BYTES;
    if (trees > ENCODER_TREES_MAX_BYTES) throw new GridError("too-large", `hash trees of ${trees} bytes`);
    this.params = params;
    this.layout = shareLayout(params);
    this.#crypto = crypto;
    this.#code = code;
    this.#key = key;
    this.#crypttext = crypttextHashStream(crypto);
    this.#segmentLeaves = new Uint8Array(params.segments * HASH_BYTES);
    this.#blockLeaves = Array.from({ length: params.n }, () => new Uint8Array(params.segments * HASH_BYTES));
  }

  /** What each share begins with. */
  header(): Uint8Array {
    return formatHeader(this.params, this.layout);
  }

  /**
   * The n blocks of the next segment, in order of the shares. `bytes` must be exactly as long as `segmentLength` says.
   * The blocks of shares k to n-1 are written to `room` if it is given (see `ErasureCode`). Throws GridError
   * "bad-parameters" for another length, and when all segments have gone in.
   */
  segment(bytes: Uint8Array, room?: readonly Uint8Array[]): Uint8Array[] {
    const { params } = this;
    const segment = this.#next;
    if (segment >= params.segments || bytes.length !== segmentLength(params, segment)) {
      throw new GridError("bad-parameters", `${bytes.length} bytes as segment ${segment} of ${params.segments}`);
    }
    const ciphertext = this.#key ? this.#crypto.aesCtr(this.#key, bytes, segment * params.segmentBytes) : bytes;
    // The hashes are of the ciphertext before it is padded.
    this.#crypttext.update(ciphertext);
    this.#segmentLeaves.set(crypttextSegmentHash(this.#crypto, ciphertext), segment * HASH_BYTES);
    const blocks = this.#code.encode(cutIntoBlocks(ciphertext, params.k), undefined, room);
    blocks.forEach((block, share) =>
      this.#blockLeaves[share]!.set(blockHash(this.#crypto, block), segment * HASH_BYTES),
    );
    this.#next++;
    return blocks;
  }

  /**
   * Once, after the last segment. Throws GridError "bad-parameters" before. A repair gives the UEB hash of the cap as
   * `expected`: "bad-hash" says that other shares than the old ones would come out.
   */
  finish(expected?: Uint8Array): ChkFinished {
    const { params, layout } = this;
    if (this.#next < params.segments || this.#isFinished) throw new GridError("bad-parameters", "not at the end");
    this.#isFinished = true;
    const crypto = this.#crypto;
    const crypttextTree = buildTree(crypto, this.#segmentLeaves);
    const blockTrees = this.#blockLeaves.map((leaves) => buildTree(crypto, leaves));
    this.#blockLeaves.length = 0;
    const roots = new Uint8Array(params.n * HASH_BYTES);
    blockTrees.forEach((tree, share) => roots.set(hashAt(tree, 0), share * HASH_BYTES));
    const shareTree = buildTree(crypto, roots);
    const ueb = formatUeb({
      params,
      crypttextHash: this.#crypttext.digest(),
      crypttextRoot: hashAt(crypttextTree, 0),
      shareRoot: hashAt(shareTree, 0),
    });
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
    const hash = uebHash(crypto, ueb);
    if (expected && !sameBytes(hash, expected)) throw new GridError("bad-hash", "not the file of the cap");
    return { uebHash: hash, trailer };
  }
}

/** The cap of a file that was encoded under `key`. */
export function chkCapOf(params: ChkParams, key: Uint8Array, finished: ChkFinished): ChkReadCap {
  const { k, n, size } = params;
  return { kind: "chk", key, uebHash: finished.uebHash, k, n, size };
}

/** k blocks of one length, without copying unless the end must be padded. */
function cutIntoBlocks(ciphertext: Uint8Array, k: number): Uint8Array[] {
  const length = Math.ceil(ciphertext.length / k);
  let padded = ciphertext;
  if (ciphertext.length < length * k) {
    padded = new Uint8Array(length * k);
    padded.set(ciphertext);
  }
  return Array.from({ length: k }, (_, index) => padded.subarray(index * length, (index + 1) * length));
}
