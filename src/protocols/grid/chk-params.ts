/** How an immutable file is cut: segments of the file, blocks of a segment. Writer and reader derive the same. */
import { SEGMENT_MAX_BYTES, SEGMENTS_MAX, SHARES_MAX } from "./constants.ts";
import { GridError } from "./errors.ts";

export interface ChkParams {
  /** Blocks that suffice. */
  k: number;
  /** Blocks that are made. */
  n: number;
  /** Length of plaintext and of ciphertext; at least 1. */
  size: number;
  /** Length of every segment but the last; a multiple of k. */
  segmentBytes: number;
  segments: number;
  /** Length of the last segment, and the same filled up to a multiple of k. */
  tailBytes: number;
  paddedTailBytes: number;
  /** Length of a block of every segment but the last, and of the last. */
  blockBytes: number;
  tailBlockBytes: number;
  /** All blocks of a share. */
  shareDataBytes: number;
}

/** The segment size of a new file: at most `segmentMaxBytes` and what the file needs, then up to a multiple of k. */
export function segmentBytesFor(size: number, k: number, segmentMaxBytes: number): number {
  return Math.ceil(Math.min(segmentMaxBytes, size) / k) * k;
}

/** Throws GridError "bad-parameters", and "too-large" for what the format allows and we do not. */
export function chkParams(given: Pick<ChkParams, "k" | "n" | "size" | "segmentBytes">): ChkParams {
  const { k, n, size, segmentBytes } = given;
  if (![k, n, size, segmentBytes].every((value) => Number.isSafeInteger(value) && value > 0)) throw bad(given);
  if (k > n || n > SHARES_MAX || segmentBytes % k !== 0) throw bad(given);
  const segments = Math.ceil(size / segmentBytes);
  if (segmentBytes > SEGMENT_MAX_BYTES) throw new GridError("too-large", `segments of ${segmentBytes} bytes`);
  if (segments > SEGMENTS_MAX) throw new GridError("too-large", `${segments} segments`);
  const tailBytes = size - (segments - 1) * segmentBytes;
  const tailBlockBytes = Math.ceil(tailBytes / k);
  return {
    k,
    n,
    size,
    segmentBytes,
    segments,
    tailBytes,
    paddedTailBytes: tailBlockBytes * k,
    blockBytes: segmentBytes / k,
    tailBlockBytes,
    shareDataBytes: (segments - 1) * (segmentBytes / k) + tailBlockBytes,
  };
}

/** Length of the plaintext of a segment. */
export function segmentLength(params: ChkParams, segment: number): number {
  return segment === params.segments - 1 ? params.tailBytes : params.segmentBytes;
}

/** Length of each block of a segment. */
export function blockLength(params: ChkParams, segment: number): number {
  return segment === params.segments - 1 ? params.tailBlockBytes : params.blockBytes;
}

/** One segment of a range of the file, and which bytes of the segment belong to it (`to` is exclusive). */
export interface SegmentPart {
  segment: number;
  from: number;
  to: number;
}

/** The bytes [start, end) of the file, segment by segment, in order; what is beyond the file is left out. */
export function* segmentParts(params: ChkParams, start: number, end: number): Generator<SegmentPart> {
  const stop = Math.min(end, params.size);
  for (let at = Math.max(0, start); at < stop;) {
    const segment = Math.floor(at / params.segmentBytes);
    const base = segment * params.segmentBytes;
    const to = Math.min(stop - base, segmentLength(params, segment));
    yield { segment, from: at - base, to };
    at = base + to;
  }
}

function bad({ k, n, size, segmentBytes }: Pick<ChkParams, "k" | "n" | "size" | "segmentBytes">): GridError {
  return new GridError("bad-parameters", `k = ${k}, n = ${n}, size = ${size}, segments of ${segmentBytes}`);
}
