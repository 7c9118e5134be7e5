/**
 * From parameters and content to the cap, without servers: what test vectors of the format state, and what tells
 * whether somebody else's content is the same file.
 */
import { formatCap, type FileCap } from "./caps.ts";
import { ChkEncoder, chkCapOf, convergentKey, newChkParams } from "./chk-encoder.ts";
import { segmentParts } from "./chk-params.ts";
import { LITERAL_MAX_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";

export interface ImmutableVector {
  /** "chk" as uploaders have it: short content goes into the cap itself. "lit": content of any length does. */
  kind: "chk" | "lit";
  /** The convergence secret; of any length, also 0. */
  convergence: Uint8Array;
  k: number;
  n: number;
  /** The maximum segment size, before it is rounded. */
  segsize: number;
  data: Uint8Array;
}

export interface VectorNeeds {
  crypto: GridCrypto;
  codeOf(k: number, n: number): ErasureCode;
}

/** The cap string. Throws GridError "bad-parameters" and "too-large". */
export function capOf(needs: VectorNeeds, vector: ImmutableVector): string {
  return formatCap(immutableCap(needs, vector));
}

function immutableCap({ crypto, codeOf }: VectorNeeds, vector: ImmutableVector): FileCap {
  const { kind, convergence, k, n, segsize, data } = vector;
  if (kind === "lit" || data.length <= LITERAL_MAX_BYTES) return { kind: "lit", data };
  const params = newChkParams(data.length, k, n, segsize);
  const stream = convergentKey(crypto, convergence, params);
  stream.update(data);
  const key = stream.digest();
  const encoder = new ChkEncoder({ crypto, code: codeOf(k, n), params, key });
  for (const { segment, to } of segmentParts(params, 0, data.length)) {
    const start = segment * params.segmentBytes;
    encoder.segment(data.subarray(start, start + to));
  }
  return chkCapOf(params, key, encoder.finish());
}
