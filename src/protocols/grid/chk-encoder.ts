/**
 * Makes the shares of an immutable file: plaintext goes in segment by segment, n blocks come out for each; when all
 * have gone, what follows the blocks in each share, and the cap. Memory does not grow with the file but for 32 bytes
 * per block.
 */
import type { ChkReadCap } from "./caps.ts";
import { chkParams, segmentBytesFor, segmentLength, type ChkParams } from "./chk-params.ts";
import { cutIntoBlocks } from "./chk-run.ts";
import { formatHeader, shareLayout, type ShareLayout } from "./chk-share.ts";
import { ChkSummary, type ChkFinished } from "./chk-summary.ts";
import { concat } from "./concat.ts";
import { KEY_BYTES } from "./constants.ts";
import type { GridCrypto, HashStream } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { blockHash, convergenceKeyStream, crypttextHashStream, crypttextSegmentHash } from "./hashes.ts";

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

export class ChkEncoder {
  readonly params: ChkParams;
  readonly layout: ShareLayout;
  readonly #crypto: GridCrypto;
  readonly #code: ErasureCode;
  readonly #key: Uint8Array | undefined;
  readonly #crypttext: HashStream;
  readonly #summary: ChkSummary;
  #next = 0;

  /** Throws GridError "bad-parameters", and "too-large" when the hash trees would not fit. */
  constructor({ crypto, code, params, key }: ChkEncoderNeeds) {
    if (code.k !== params.k || code.n !== params.n || (key !== undefined && key.length !== KEY_BYTES)) {
      throw new GridError("bad-parameters", "a code or a key for something else");
    }
    this.params = params;
    this.layout = shareLayout(params);
    this.#crypto = crypto;
    this.#code = code;
    this.#key = key;
    this.#crypttext = crypttextHashStream(crypto);
    this.#summary = new ChkSummary(crypto, params);
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
    const blocks = this.#code.encode(cutIntoBlocks(ciphertext, params.k), undefined, room);
    const hashes = [crypttextSegmentHash(this.#crypto, ciphertext)];
    for (const block of blocks) hashes.push(blockHash(this.#crypto, block));
    this.#summary.take(segment, concat(hashes));
    this.#next++;
    return blocks;
  }

  /**
   * Once, after the last segment. Throws GridError "bad-parameters" before. A repair gives the UEB hash of the cap as
   * `expected`: "bad-hash" says that other shares than the old ones would come out.
   */
  finish(expected?: Uint8Array): ChkFinished {
    if (this.#next < this.params.segments) throw new GridError("bad-parameters", "not at the end");
    return this.#summary.finish(this.#crypttext.digest(), expected);
  }
}

/** The cap of a file that was encoded under `key`. */
export function chkCapOf(params: ChkParams, key: Uint8Array, finished: ChkFinished): ChkReadCap {
  const { k, n, size } = params;
  return { kind: "chk", key, uebHash: finished.uebHash, k, n, size };
}
