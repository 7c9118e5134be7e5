/**
 * From the plaintext of one version of a mutable file to what is written to the servers. SDMF holds the file as one
 * segment and in memory; MDMF goes segment by segment and keeps only the hashes of the blocks (32 bytes each).
 *
 * The signature covers the root hash, so it comes last: a writer sends nothing before `finish`, or it would leave
 * shares that no signature covers. Each salt must be new and random: the same salt for another plaintext would reveal
 * both.
 */
import { concat } from "./concat.ts";
import { HASH_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { blockHash, dataKeyOf } from "./hashes.ts";
import { buildTree, hashAt, uncleChain } from "./merkle.ts";
import { sealPrivateKey } from "./mutable-keys.ts";
import type { MutableKeys } from "./mutable-keys.ts";
import {
  CHAIN_ENTRY_BYTES,
  MDMF,
  MDMF_DATA_AT,
  SALT_BYTES,
  SDMF,
  blockEntry,
  blockLength,
  layoutOf,
  placeSections,
  segmentCount,
  segmentLength,
  shapeFor,
  writeOffsets,
  writePrefix,
} from "./mutable-layout.ts";
import type { MutableSections, MutableShape } from "./mutable-layout.ts";
import type { WriteVector } from "./mutable-writes.ts";

export interface MutableEncoder {
  crypto: GridCrypto;
  code: ErasureCode;
  keys: MutableKeys;
}

export interface EncodedVersion {
  /** What is signed. */
  prefix: Uint8Array;
  /** To recognise our own shares, and to replace them the next time. */
  checkstring: Uint8Array;
  /**
   * What is to be written into the share of each number, from 0 to N-1. In SDMF all of it; in MDMF all but the blocks,
   * which `MdmfEncoder.segment` gave: they belong into the same request.
   */
  writes: WriteVector[][];
}

/** `salt`: 16 new random bytes. Throws GridError `too-large` above SDMF_DATA_MAX_BYTES. */
export function encodeSdmf(
  encoder: MutableEncoder,
  version: { sequence: bigint; plaintext: Uint8Array; salt: Uint8Array },
): EncodedVersion {
  const { crypto, code } = encoder;
  const { sequence, plaintext, salt } = version;
  checkSalt(salt);
  const shape = shapeFor("sdmf", code.k, code.n, plaintext.length);
  const blocks = plaintext.length > 0 ? encodeSegment(encoder, shape, 0, plaintext, salt) : [];
  const leaves = everyShare(shape, (number) =>
    blocks[number] ? blockHash(crypto, blocks[number]) : new Uint8Array(0),
  );
  const sealed = sealVersion(encoder, shape, { sequence, salt, leaves });
  const writes = everyShare(shape, (number) => {
    const share = new Uint8Array(sealed.sections.end);
    const put = (offset: number, bytes: Uint8Array) => share.set(bytes, offset);
    put(0, sealed.prefix);
    put(SDMF.prefixBytes, sealed.offsets);
    for (const { offset, data } of sealed.fields(number)) put(offset, data);
    if (blocks[number]) put(sealed.sections.data.start, blocks[number]);
    return [{ offset: 0, data: share }];
  });
  return { prefix: sealed.prefix, checkstring: sealed.checkstring, writes };
}

/** One version of an MDMF file. Every segment is given once, in any order. */
export class MdmfEncoder {
  readonly #encoder: MutableEncoder;
  readonly #shape: MutableShape;
  readonly #sequence: bigint;
  /** Of each share, the hash of every block. */
  readonly #leaves: Uint8Array[];
  readonly #given: boolean[];

  /** Throws GridError `too-large` for a file with more than MDMF_SEGMENTS_MAX segments. */
  constructor(encoder: MutableEncoder, version: { sequence: bigint; dataLength: number }) {
    this.#encoder = encoder;
    this.#shape = shapeFor("mdmf", encoder.code.k, encoder.code.n, version.dataLength);
    this.#sequence = version.sequence;
    this.#leaves = everyShare(this.#shape, () => new Uint8Array(this.segmentCount * HASH_BYTES));
    this.#given = Array.from({ length: this.segmentCount }, () => false);
  }

  get segmentCount(): number {
    return segmentCount(this.#shape);
  }

  get segmentSize(): number {
    return this.#shape.segmentSize;
  }

  /** What is to be written into the share of each number. `salt`: 16 new random bytes for each segment. */
  segment(index: number, plaintext: Uint8Array, salt: Uint8Array): WriteVector[] {
    checkSalt(salt);
    const blocks = encodeSegment(this.#encoder, this.#shape, index, plaintext, salt);
    this.#claim(index);
    const offset = MDMF_DATA_AT + blockEntry(this.#shape, index).start;
    return blocks.map((block, number) => {
      this.#leaves[number]!.set(blockHash(this.#encoder.crypto, salt, block), index * HASH_BYTES);
      return { offset, data: concat([salt, block]) };
    });
  }

  /**
   * A segment that stays as it is in the shares of the version before. `hashes`: those of its blocks in all N shares,
   * from verified block hash trees. The old version must have had the same length of this segment.
   */
  keep(index: number, hashes: readonly Uint8Array[]): void {
    if (hashes.length !== this.#shape.n) throw new RangeError(`${hashes.length} hashes for ${this.#shape.n} shares`);
    this.#claim(index);
    hashes.forEach((hash, number) => this.#leaves[number]!.set(hash, index * HASH_BYTES));
  }

  finish(): EncodedVersion {
    const missing = this.#given.indexOf(false);
    if (missing >= 0) throw new RangeError(`segment ${missing} was not given`);
    const version = { sequence: this.#sequence, salt: undefined, leaves: this.#leaves };
    const sealed = sealVersion(this.#encoder, this.#shape, version);
    const head: WriteVector[] = [
      { offset: 0, data: sealed.prefix },
      { offset: MDMF.prefixBytes, data: sealed.offsets },
    ];
    const writes = everyShare(this.#shape, (number) => [...sealed.fields(number), ...head]);
    return { prefix: sealed.prefix, checkstring: sealed.checkstring, writes };
  }

  #claim(index: number): void {
    if (this.#given[index] === undefined) throw new RangeError(`segment ${index} of ${this.segmentCount}`);
    if (this.#given[index]) throw new RangeError(`segment ${index} was given twice`);
    this.#given[index] = true;
  }
}

function everyShare<T>({ n }: MutableShape, make: (number: number) => T): T[] {
  return Array.from({ length: n }, (_, number) => make(number));
}

function checkSalt(salt: Uint8Array): void {
  if (salt.length !== SALT_BYTES) throw new RangeError(`a salt of ${salt.length} bytes`);
}

/** The N blocks of one segment. */
function encodeSegment(
  { crypto, code, keys }: MutableEncoder,
  shape: MutableShape,
  index: number,
  plaintext: Uint8Array,
  salt: Uint8Array,
): Uint8Array[] {
  const expected = index < segmentCount(shape) ? segmentLength(shape, index) : -1;
  if (plaintext.length !== expected) throw new RangeError(`${plaintext.length} bytes in a segment of ${expected}`);
  const length = blockLength(shape, index);
  const padded = new Uint8Array(length * shape.k);
  padded.set(crypto.aesCtr(dataKeyOf(crypto, salt, keys.readKey), plaintext));
  return code.encode(
    Array.from({ length: shape.k }, (_, block) => padded.subarray(block * length, (block + 1) * length)),
  );
}

interface SealedVersion {
  prefix: Uint8Array;
  checkstring: Uint8Array;
  offsets: Uint8Array;
  sections: MutableSections;
  /** All of a share but header and blocks. */
  fields(number: number): WriteVector[];
}

function sealVersion(
  { crypto, keys }: MutableEncoder,
  shape: MutableShape,
  version: { sequence: bigint; salt: Uint8Array | undefined; leaves: readonly Uint8Array[] },
): SealedVersion {
  const blockTrees = version.leaves.map((leaves) => buildTree(crypto, leaves));
  const roots = blockTrees.map((tree) => hashAt(tree, 0));
  const shareTree = buildTree(crypto, concat(roots));
  const { sequence, salt } = version;
  const prefix = writePrefix(shape, { sequence, rootHash: hashAt(shareTree, 0), salt });
  const signature = crypto.rsaSign(keys.privateKey, prefix);
  const encryptedPrivateKey = sealPrivateKey(crypto, keys);
  const sections = placeSections(shape, {
    publicKeyBytes: keys.publicKey.length,
    privateKeyBytes: encryptedPrivateKey.length,
    signatureBytes: signature.length,
  });
  return {
    prefix,
    checkstring: prefix.subarray(0, layoutOf(shape.format).checkstringBytes),
    offsets: writeOffsets(shape.format, sections),
    sections,
    fields: (number) => [
      { offset: sections.encryptedPrivateKey.start, data: encryptedPrivateKey },
      { offset: sections.blockHashes.start, data: blockTrees[number]! },
      { offset: sections.chain.start, data: writeChain(shareTree, uncleChain(shape.n, number)) },
      { offset: sections.signature.start, data: signature },
      { offset: sections.publicKey.start, data: keys.publicKey },
    ],
  };
}

/** The share hash chain. Entries in ascending node number, without the share's own leaf. */
export function writeChain(tree: Uint8Array, nodes: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(nodes.length * CHAIN_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  nodes.forEach((node, index) => {
    view.setUint16(index * CHAIN_ENTRY_BYTES, node);
    bytes.set(hashAt(tree, node), index * CHAIN_ENTRY_BYTES + 2);
  });
  return bytes;
}
