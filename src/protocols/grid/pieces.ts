/** The bytes of a share that have come so far: what was asked for in ranges arrives in any order, and is used once. */

/** `length` bytes from `at` on. */
export interface ByteRange {
  at: number;
  length: number;
}

export class Pieces {
  /** In ascending order, without overlap. */
  #pieces: { at: number; bytes: Uint8Array }[] = [];

  /** Keeps what is new of `bytes`; what is there already stays. */
  put(at: number, bytes: Uint8Array): void {
    for (const gap of this.missing({ at, length: bytes.length })) {
      this.#pieces.push({ at: gap.at, bytes: bytes.subarray(gap.at - at, gap.at - at + gap.length) });
    }
    this.#pieces.sort((a, b) => a.at - b.at);
  }

  /** The parts of the range that are not here; ascending. */
  missing({ at, length }: ByteRange): ByteRange[] {
    const gaps: ByteRange[] = [];
    const end = at + length;
    let next = at;
    for (const piece of this.#pieces) {
      if (piece.at >= end) break;
      if (piece.at > next) gaps.push({ at: next, length: piece.at - next });
      next = Math.max(next, piece.at + piece.bytes.length);
    }
    if (next < end) gaps.push({ at: next, length: end - next });
    return gaps;
  }

  /** The range, not copied where it came in one piece; undefined when something is missing. */
  read(range: ByteRange): Uint8Array | undefined {
    const { at, length } = range;
    if (length === 0) return new Uint8Array(0);
    const parts = this.#pieces.filter((piece) => piece.at < at + length && at < piece.at + piece.bytes.length);
    const [first] = parts;
    if (!first || this.missing(range).length > 0) return undefined;
    if (parts.length === 1) return first.bytes.subarray(at - first.at, at - first.at + length);
    const whole = new Uint8Array(length);
    for (const piece of parts) {
      const from = Math.max(0, at - piece.at);
      whole.set(piece.bytes.subarray(from, at + length - piece.at), piece.at + from - at);
    }
    return whole;
  }

  /** Lets go of the range. */
  forget({ at, length }: ByteRange): void {
    const end = at + length;
    this.#pieces = this.#pieces.flatMap((piece) => {
      const pieceEnd = piece.at + piece.bytes.length;
      if (pieceEnd <= at || piece.at >= end) return [piece];
      const kept: { at: number; bytes: Uint8Array }[] = [];
      if (piece.at < at) kept.push({ at: piece.at, bytes: piece.bytes.subarray(0, at - piece.at) });
      if (pieceEnd > end) kept.push({ at: end, bytes: piece.bytes.subarray(end - piece.at) });
      return kept;
    });
  }
}

/** The ranges in order, those that overlap or lie at most `gapBytes` apart made one. */
export function mergeRanges(ranges: readonly ByteRange[], gapBytes: number): ByteRange[] {
  const merged: ByteRange[] = [];
  for (const { at, length } of ranges.toSorted((a, b) => a.at - b.at)) {
    const last = merged.at(-1);
    if (last && at <= last.at + last.length + gapBytes) last.length = Math.max(last.length, at + length - last.at);
    else merged.push({ at, length });
  }
  return merged;
}
