/**
 * From parameters and content to the cap, without servers: what test vectors of the format state, and what tells
 * whether somebody else's content is the same file. The content goes through twice, for the key and for the hashes,
 * one segment at a time.
 */
import type { ByteSource } from "./byte-source.ts";
import { formatCap, readCapOf, verifyCapOf } from "./caps.ts";
import type { FileCap, KnownCap } from "./caps.ts";
import { ChkEncoder, chkCapOf, convergentKey, newChkParams } from "./chk-encoder.ts";
import { segmentLength } from "./chk-params.ts";
import { LITERAL_MAX_BYTES, VECTOR_LITERAL_MAX_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { sameBytes } from "./merkle.ts";
import { mutableKeys } from "./mutable-keys.ts";

interface AnyVector {
  /** The cap of the directory whose content this is. */
  directory?: boolean;
  /** A weaker cap instead of the strongest. */
  right?: "read" | "verify";
}

export interface ImmutableVector extends AnyVector {
  /** "chk" as uploaders have it: short content goes into the cap itself. "lit": content of any length does. */
  kind: "chk" | "lit";
  /** The convergence secret; of any length, also 0. Content that goes into the cap needs none. */
  convergence?: Uint8Array;
  k: number;
  n: number;
  /** The maximum segment size, before it is rounded. */
  segsize: number;
  content: ByteSource;
  /** SHA-256 of the content: refused if it is of something else. */
  sha256?: Uint8Array;
}

/** The key alone makes the cap; content and code of a mutable file may change. */
export interface MutableVector extends AnyVector {
  kind: "sdmf" | "mdmf";
  /** PKCS#8 DER. */
  privateKey: Uint8Array;
}

export type Vector = ImmutableVector | MutableVector;

export interface VectorNeeds {
  crypto: GridCrypto;
  codeOf(k: number, n: number): ErasureCode;
}

/** Pieces in which content is hashed. */
const PIECE_BYTES = 1_048_576;

/** The cap string. Throws like `vectorCap`. */
export function capOf(needs: VectorNeeds, vector: Vector): string {
  return formatCap(vectorCap(needs, vector));
}

/** Throws GridError "bad-parameters", "too-large", "bad-key", "bad-hash", and "not-permitted" for a right it lacks. */
export function vectorCap(needs: VectorNeeds, vector: Vector): KnownCap {
  const file = fileCap(needs, vector);
  const cap: KnownCap = vector.directory ? { kind: "directory", file } : file;
  if (vector.right === undefined) return cap;
  const weaker = vector.right === "read" ? readCapOf(needs.crypto, cap) : verifyCapOf(needs.crypto, cap);
  if (!weaker) throw new GridError("not-permitted", "no cap to verify what has no shares");
  return weaker;
}

function fileCap(needs: VectorNeeds, vector: Vector): FileCap {
  if ("content" in vector) return immutableCap(needs, vector);
  const { writeKey, fingerprint } = mutableKeys(needs.crypto, vector.privateKey);
  return { kind: "mutable-write", format: vector.kind, writeKey, fingerprint };
}

function immutableCap({ crypto, codeOf }: VectorNeeds, vector: ImmutableVector): FileCap {
  const { kind, convergence, k, n, segsize, content } = vector;
  checkContent(crypto, vector);
  if (kind === "lit" || content.length <= LITERAL_MAX_BYTES) {
    if (content.length > VECTOR_LITERAL_MAX_BYTES) throw new GridError("too-large", `${content.length} bytes in a cap`);
    return { kind: "lit", data: content.read(0, content.length) };
  }
  if (!convergence) throw new GridError("bad-parameters", "a convergence secret is needed");
  const params = newChkParams(content.length, k, n, segsize);
  const stream = convergentKey(crypto, convergence, params);
  for (const piece of pieces(content)) stream.update(piece);
  const key = stream.digest();
  const encoder = new ChkEncoder({ crypto, code: codeOf(k, n), params, key });
  const room = Array.from({ length: params.segments > 1 ? n - k : 0 }, () => new Uint8Array(params.blockBytes));
  for (let segment = 0; segment < params.segments; segment++) {
    const length = segmentLength(params, segment);
    const isWhole = length === params.segmentBytes;
    encoder.segment(content.read(segment * params.segmentBytes, length), isWhole ? room : undefined);
  }
  return chkCapOf(params, key, encoder.finish());
}

function checkContent(crypto: GridCrypto, { content, sha256 }: ImmutableVector): void {
  if (!sha256) return;
  const stream = crypto.sha256Stream();
  for (const piece of pieces(content)) stream.update(piece);
  if (!sameBytes(stream.digest(), sha256)) throw new GridError("bad-hash", "its sha256 is of other content");
}

function* pieces(content: ByteSource): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    yield content.read(at, Math.min(PIECE_BYTES, content.length - at));
  }
}
