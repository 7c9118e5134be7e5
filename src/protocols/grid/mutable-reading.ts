/**
 * Checks what servers give as shares of a mutable file, in the order in which it may be trusted: the public key by the
 * cap's fingerprint, the header by the signature, the block hashes by the signed root hash, each block by its hash.
 * Nothing that was not checked is decoded.
 *
 * Not protected by any of this: the table of offsets (it is checked for sense, and what it points at is checked), the
 * encrypted private key (checked by the write key, when it is opened), in MDMF the unused bytes before the data, and
 * stale bytes behind the end. An older version that was validly signed once is still valid: only the server map, with
 * more servers, tells that it is old.
 */
import { CHAIN_ENTRY_BYTES, SALT_BYTES, blockEntry, segmentCount, segmentLength } from "./mutable-layout.ts";
import type { MutableHeader, Section } from "./mutable-layout.ts";
import { HASH_BYTES } from "./constants.ts";
import type { GridCrypto } from "./crypto.ts";
import type { ErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { blockHash, dataKeyOf, fingerprintOf } from "./hashes.ts";
import { buildTree, hashAt, leafNode, nodeCount, PartialTree, sameBytes } from "./merkle.ts";

/** The bytes of a section of a share that was read from its beginning. Throws GridError `truncated`. */
export function sectionOf(share: Uint8Array, { start, end }: Section): Uint8Array {
  if (end > share.length) throw new GridError("truncated", `a share of ${share.length} bytes, not ${end}`);
  return share.subarray(start, end);
}

/**
 * The header is of somebody who could write the file. Once for each version (`versionName`): another share with equal
 * prefix needs no other check. Throws GridError `bad-key`, `bad-signature`.
 */
export function verifyHeader(
  crypto: GridCrypto,
  header: MutableHeader,
  fingerprint: Uint8Array,
  { publicKey, signature }: { publicKey: Uint8Array; signature: Uint8Array },
): void {
  if (!sameBytes(fingerprintOf(crypto, publicKey), fingerprint)) {
    throw new GridError("bad-key", "a share with the public key of another file");
  }
  if (!crypto.rsaVerify(publicKey, header.prefix, signature)) {
    throw new GridError("bad-signature", "a share that nobody with the write cap has signed");
  }
}

/**
 * The hashes of the blocks of share `number`, 32 bytes for each segment. `chain` and `blockHashes` are those sections
 * of the share. Throws GridError `bad-hash`, `bad-share`.
 */
export function verifyBlockHashes(
  crypto: GridCrypto,
  header: MutableHeader,
  number: number,
  { chain, blockHashes }: { chain: Uint8Array; blockHashes: Uint8Array },
): Uint8Array {
  if (!(number >= 0 && number < header.n)) throw new GridError("bad-share", `share ${number} of ${header.n}`);
  const segments = segmentCount(header);
  if (blockHashes.length !== nodeCount(segments) * HASH_BYTES) {
    throw new GridError("truncated", `${blockHashes.length} bytes of a block hash tree`);
  }
  const firstLeaf = leafNode(segments, 0) * HASH_BYTES;
  const leaves = blockHashes.slice(firstLeaf, firstLeaf + segments * HASH_BYTES);
  const tree = buildTree(crypto, leaves);
  if (!sameBytes(tree, blockHashes)) throw new GridError("bad-hash", "a block hash tree that contradicts itself");
  const nodes = readChain(chain);
  const root = hashAt(tree, 0);
  const leaf = leafNode(header.n, number);
  // Some other writer may store the leaf itself, as immutable shares do.
  const stored = nodes.get(leaf);
  if (stored && !sameBytes(stored, root)) throw new GridError("bad-hash", "a chain that contradicts its share");
  new PartialTree(crypto, header.n, header.rootHash).accept(nodes.set(leaf, root));
  return leaves;
}

function readChain(chain: Uint8Array): Map<number, Uint8Array> {
  const nodes = new Map<number, Uint8Array>();
  if (chain.length % CHAIN_ENTRY_BYTES !== 0) throw new GridError("bad-share", `a chain of ${chain.length} bytes`);
  const view = new DataView(chain.buffer, chain.byteOffset, chain.length);
  for (let at = 0; at < chain.length; at += CHAIN_ENTRY_BYTES) {
    const node = view.getUint16(at);
    if (nodes.has(node)) throw new GridError("bad-hash", `node ${node} twice in a share hash chain`);
    nodes.set(node, chain.subarray(at + 2, at + CHAIN_ENTRY_BYTES));
  }
  return nodes;
}

/** One checked block, with the salt of its segment. */
export interface MutableBlock {
  /** Share number. */
  number: number;
  salt: Uint8Array;
  bytes: Uint8Array;
}

/** Where the entry of segment `index` lies in a share: in SDMF a block, in MDMF salt and block. */
export function blockSection(header: MutableHeader, index: number): Section {
  if (!(index >= 0 && index < segmentCount(header))) throw new RangeError(`segment ${index}`);
  const { start, end } = blockEntry(header, index);
  return { start: header.sections.data.start + start, end: header.sections.data.start + end };
}

/**
 * `entry` is what stood in `blockSection`, `hashes` what `verifyBlockHashes` gave for the same share. Throws GridError
 * `bad-hash`, `truncated`.
 */
export function verifyBlock(
  crypto: GridCrypto,
  header: MutableHeader,
  place: { number: number; index: number; hashes: Uint8Array },
  entry: Uint8Array,
): MutableBlock {
  const { start, end } = blockSection(header, place.index);
  if (entry.length !== end - start) throw new GridError("truncated", `${entry.length} bytes of a block`);
  if (!sameBytes(blockHash(crypto, entry), hashAt(place.hashes, place.index))) {
    throw new GridError("bad-hash", `block ${place.index} of share ${place.number}`);
  }
  return header.salt
    ? { number: place.number, salt: header.salt, bytes: entry }
    : { number: place.number, salt: entry.subarray(0, SALT_BYTES), bytes: entry.subarray(SALT_BYTES) };
}

/**
 * The plaintext of segment `index`, from k checked blocks of shares with distinct numbers. Throws GridError `bad-share`
 * when the writer has signed shares that are not of one plaintext.
 */
export function decodeMutableSegment(
  decoder: { crypto: GridCrypto; code: ErasureCode; readKey: Uint8Array },
  header: MutableHeader,
  index: number,
  blocks: readonly MutableBlock[],
): Uint8Array {
  const { crypto, code, readKey } = decoder;
  const salt = blocks[0]?.salt;
  if (!salt || !blocks.every((block) => sameBytes(block.salt, salt))) {
    throw new GridError("bad-share", `segment ${index} with different salts`);
  }
  const parts = code.decode(blocks.map(({ number, bytes }) => ({ number, bytes })));
  const length = segmentLength(header, index);
  const ciphertext = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    ciphertext.set(part.subarray(0, Math.max(0, length - at)), Math.min(at, length));
    at += part.length;
  }
  return crypto.aesCtr(dataKeyOf(crypto, salt, readKey), ciphertext);
}
