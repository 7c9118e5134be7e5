/**
 * The erasure code of zfec and Tahoe-LAFS: k blocks become n shares, and any k of those give the blocks back. Shares
 * 0 to k-1 are the blocks themselves.
 *
 * The k bytes at one place of the blocks are the values of a polynomial of degree below k at the first k of 256
 * points; each share holds its value at one more point. So encoding and decoding are both interpolation. (Tahoe's
 * formats describe the same as a Vandermonde matrix multiplied with the inverse of its top: the tests compare.)
 *
 * The bytes are multiplied by what is handed in, here in plain TypeScript; `platform/erasure.ts` does it with SIMD.
 */
import { SHARES_MAX } from "./constants.ts";
import { GridError } from "./errors.ts";
import { interpolation, power, productTables } from "./gf256.ts";

export interface Share {
  /** 0 to n-1. */
  number: number;
  bytes: Uint8Array;
}

export interface ErasureCode {
  readonly k: number;
  readonly n: number;
  /**
   * `blocks`: k of equal length, also 0. Gives the shares with the numbers `wanted`, in that order, each as long as a
   * block; all n if it is left out. A share below k is the given block, not a copy. The others are written to `room`,
   * in that order, or to new memory: who encodes segment after segment and gives the same room each time spares the
   * allocation, which takes about as long as the encoding. Throws a GridError for another number of blocks, blocks of
   * unequal length, wanted numbers that repeat or are out of range, and room that is not as long as a block.
   */
  encode(blocks: readonly Uint8Array[], wanted?: readonly number[], room?: readonly Uint8Array[]): Uint8Array[];
  /**
   * `shares`: k with distinct numbers, in any order, of equal length. Gives the k blocks; those that are among the
   * shares are not copied. Wrong bytes give wrong blocks: hashes are checked elsewhere. Throws a GridError for another
   * number of shares, unequal lengths, and numbers that repeat or are out of range.
   */
  decode(shares: readonly Share[]): Uint8Array[];
}

/**
 * Adds up multiples of blocks: result r is the sum over b of `rows[r][b]` × `blocks[b]`, byte by byte in GF(256). The
 * blocks (at least one, at most 256) and the results have one length, each row has an entry per block. Results are
 * overwritten; they share no memory with the blocks.
 */
export type MixBlocks = (
  rows: readonly Uint8Array[],
  blocks: readonly Uint8Array[],
  results: readonly Uint8Array[],
) => void;

/** The code in plain TypeScript. Throws a GridError unless 1 <= k <= n <= 256. */
export function plainErasureCode(k: number, n: number): ErasureCode {
  return erasureCode(k, n, mixPlainly);
}

/** The code with a faster way to mix, if there is one. Throws a GridError unless 1 <= k <= n <= 256. */
export function erasureCode(k: number, n: number, mix: MixBlocks = mixPlainly): ErasureCode {
  if (!Number.isInteger(k) || !Number.isInteger(n) || k < 1 || k > n || n > SHARES_MAX) {
    throw new GridError("bad-parameters", `an erasure code needs 1 <= k <= n <= ${SHARES_MAX}, not k = ${k}, n = ${n}`);
  }
  return new InterpolationCode(k, n, mix);
}

/** The point of share 0 is 0, of share i the generator to the power of i-1. */
const pointOf = (number: number) => (number === 0 ? 0 : power(number - 1));
const count = (length: number) => Array.from({ length }, (_, index) => index);

class InterpolationCode implements ErasureCode {
  readonly k: number;
  readonly n: number;
  private readonly mix: MixBlocks;
  /** Of shares k to n-1: at most 16 KiB, made when first needed. */
  private parityRows: Uint8Array[] | undefined;
  /** The newest only: the segments of a file come with the same numbers, and new rows cost less than one segment. */
  private decoding: { numbers: string; rows: Uint8Array[] } | undefined;

  constructor(k: number, n: number, mix: MixBlocks) {
    this.k = k;
    this.n = n;
    this.mix = mix;
  }

  encode(
    blocks: readonly Uint8Array[],
    wanted: readonly number[] = count(this.n),
    room: readonly Uint8Array[] = [],
  ): Uint8Array[] {
    const { k, n } = this;
    if (blocks.length !== k)
      throw new GridError("bad-parameters", `encoding ${k} of ${n} needs ${k} blocks, not ${blocks.length}`);
    checkLengths([...blocks, ...room]);
    checkNumbers(wanted, n);
    this.parityRows ??= interpolation(
      count(k).map(pointOf),
      count(n - k).map((row) => pointOf(k + row)),
    );
    const rows = this.parityRows;
    const parity = wanted.filter((number) => number >= k);
    const mixed = parity.map((_, index) => room[index] ?? new Uint8Array(blocks[0]!.length));
    this.mix(
      parity.map((number) => rows[number - k]!),
      blocks,
      mixed,
    );
    let next = 0;
    return wanted.map((number) => (number < k ? blocks[number]! : mixed[next++]!));
  }

  decode(shares: readonly Share[]): Uint8Array[] {
    const { k, n } = this;
    if (shares.length !== k)
      throw new GridError("bad-parameters", `decoding ${k} of ${n} needs ${k} shares, not ${shares.length}`);
    const numbers = shares.map((share) => share.number);
    const bytes = shares.map((share) => share.bytes);
    checkLengths(bytes);
    checkNumbers(numbers, n);
    const blocks: (Uint8Array | undefined)[] = new Array(k).fill(undefined);
    for (const { number, bytes: block } of shares) if (number < k) blocks[number] = block;
    const missing = count(k).filter((number) => blocks[number] === undefined);
    if (missing.length > 0) {
      const mixed = missing.map(() => new Uint8Array(bytes[0]!.length));
      this.mix(this.rowsFor(numbers, missing), bytes, mixed);
      missing.forEach((number, index) => (blocks[number] = mixed[index]));
    }
    return blocks as Uint8Array[];
  }

  private rowsFor(numbers: readonly number[], missing: readonly number[]): Uint8Array[] {
    const name = numbers.join();
    if (this.decoding?.numbers !== name) {
      this.decoding = { numbers: name, rows: interpolation(numbers.map(pointOf), missing.map(pointOf)) };
    }
    return this.decoding.rows;
  }
}

function checkLengths(blocks: readonly Uint8Array[]): void {
  const length = blocks[0]!.length;
  const other = blocks.find((block) => block.length !== length);
  if (other) throw new GridError("bad-parameters", `blocks of unequal length: ${length} and ${other.length} bytes`);
}

function checkNumbers(numbers: readonly number[], n: number): void {
  const seen = new Set<number>();
  for (const number of numbers) {
    if (!Number.isInteger(number) || number < 0 || number >= n) {
      throw new GridError("bad-parameters", `share number ${number} is not in 0 to ${n - 1}`);
    }
    if (seen.has(number)) throw new GridError("bad-parameters", `share number ${number} occurs twice`);
    seen.add(number);
  }
}

/** The product of each byte is looked up. With `forEach` in place of the inner loop it runs at a third of the speed. */
const mixPlainly: MixBlocks = (rows, blocks, results) => {
  const tables = productTables();
  rows.forEach((row, index) => {
    const sum = results[index]!.fill(0);
    for (let source = 0; source < blocks.length; source += 1) {
      addProduct(sum, tables[row[source]!]!, blocks[source]!);
    }
  });
};

function addProduct(sum: Uint8Array, table: Uint8Array, block: Uint8Array): void {
  for (let at = 0; at < block.length; at += 1) sum[at]! ^= table[block[at]!]!;
}
