/** Where things are in a share of an immutable file: header, offset table, and the sections behind the blocks. */
import { blockLength, type ChkParams } from "./chk-params.ts";
import { uebLength } from "./chk-ueb.ts";
import { HASH_BYTES, UEB_MAX_BYTES } from "./constants.ts";
import { GridError } from "./errors.ts";
import { nodeCount, rowOf } from "./merkle.ts";

const TWO_32 = 2 ** 32;
/** Far enough below 2^53 that what is added to an offset stays exact. */
const WORD_MAX = 2 ** 52;
/** The longer of the two headers. */
export const HEADER_MAX_BYTES = 0x44;
/** Node number and hash. */
export const CHAIN_ENTRY_BYTES = 2 + HASH_BYTES;

export interface ShareOffsets {
  data: number;
  /** An unused area as long as a hash tree. */
  plaintextHashes: number;
  crypttextHashes: number;
  blockHashes: number;
  shareHashes: number;
  ueb: number;
}

export interface ShareHeader {
  version: 1 | 2;
  offsets: ShareOffsets;
}

export interface ShareLayout extends ShareHeader {
  /** Of the whole share; the same for all shares of a file. */
  shareBytes: number;
}

const SECTIONS = ["data", "plaintextHashes", "crypttextHashes", "blockHashes", "shareHashes", "ueb"] as const;

/** Bytes of a length or offset: 4 in version 1, 8 in version 2. */
export function wordBytes(version: 1 | 2): number {
  return version === 1 ? 4 : 8;
}

/** Nodes that the share hash chain holds: a leaf and its uncles. */
function chainLength(n: number): number {
  return Math.log2(rowOf(n)) + 1;
}

/** The layout that a writer chooses; with `version`, the one of that version. */
export function shareLayout(params: ChkParams, version?: 1 | 2): ShareLayout {
  const layout = layoutOf(params, version ?? 1);
  // Every other offset, and the block size, is below these two.
  const large = layout.offsets.ueb >= TWO_32 || params.shareDataBytes >= TWO_32;
  return version === undefined && large ? layoutOf(params, 2) : layout;
}

function layoutOf(params: ChkParams, version: 1 | 2): ShareLayout {
  const word = wordBytes(version);
  const tree = nodeCount(params.segments) * HASH_BYTES;
  const data = 4 + 8 * word;
  const plaintextHashes = data + params.shareDataBytes;
  const crypttextHashes = plaintextHashes + tree;
  const blockHashes = crypttextHashes + tree;
  const shareHashes = blockHashes + tree;
  const ueb = shareHashes + chainLength(params.n) * CHAIN_ENTRY_BYTES;
  const offsets = { data, plaintextHashes, crypttextHashes, blockHashes, shareHashes, ueb };
  return { version, offsets, shareBytes: ueb + word + uebLength(params) };
}

export function formatHeader(params: ChkParams, { version, offsets }: ShareHeader): Uint8Array {
  const word = wordBytes(version);
  const bytes = new Uint8Array(4 + 8 * word);
  bytes.set(formatWord(1, version));
  const words = [params.blockBytes, params.shareDataBytes, ...SECTIONS.map((section) => offsets[section])];
  words.forEach((value, index) => bytes.set(formatWord(version, value), 4 + index * word));
  return bytes;
}

/** One length or offset of a share of this version. */
export function formatWord(version: 1 | 2, value: number): Uint8Array {
  const bytes = new Uint8Array(wordBytes(version));
  const view = new DataView(bytes.buffer);
  if (version === 2) view.setUint32(0, Math.floor(value / TWO_32));
  view.setUint32(bytes.length - 4, value % TWO_32);
  return bytes;
}

/** The word at `at`. Throws GridError "bad-share" when it is beyond any file. */
export function readWord(version: 1 | 2, bytes: Uint8Array, at = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (version === 1) return view.getUint32(at);
  const value = view.getUint32(at) * TWO_32 + view.getUint32(at + 4);
  if (value > WORD_MAX) throw bad("an offset beyond any file");
  return value;
}

/**
 * `bytes`: the first HEADER_MAX_BYTES of a share, or the whole of a shorter one. The two lengths before the table are
 * not read. Throws GridError "bad-share" or "truncated".
 */
export function readHeader(bytes: Uint8Array): ShareHeader {
  if (bytes.length < 4) throw new GridError("truncated", "in its header");
  const version = readWord(1, bytes);
  if (version !== 1 && version !== 2) throw bad(`version ${version}`);
  const word = wordBytes(version);
  const headerBytes = 4 + 8 * word;
  if (bytes.length < headerBytes) throw new GridError("truncated", "in its header");
  const offsets = {} as ShareOffsets;
  SECTIONS.forEach((section, index) => (offsets[section] = readWord(version, bytes, 4 + (2 + index) * word)));
  if (offsets.data < headerBytes) throw bad("its data is in its header");
  return { version, offsets };
}

/** Throws GridError "bad-share" unless every section is as long as what it must hold. */
export function checkSections({ offsets }: ShareHeader, params: ChkParams): void {
  const tree = nodeCount(params.segments) * HASH_BYTES;
  const chain = offsets.ueb - offsets.shareHashes;
  // A chain may repeat nodes; no writer does. As many entries as the tree has nodes are enough for any.
  const chainMax = nodeCount(params.n) * CHAIN_ENTRY_BYTES;
  if (offsets.plaintextHashes - offsets.data < params.shareDataBytes) throw bad("no room for its data");
  if (offsets.crypttextHashes < offsets.plaintextHashes) throw bad("sections out of order");
  if (offsets.blockHashes - offsets.crypttextHashes !== tree) throw bad("the length of the crypttext hashes");
  if (offsets.shareHashes - offsets.blockHashes !== tree) throw bad("the length of the block hashes");
  if (chain <= 0 || chain > chainMax || chain % CHAIN_ENTRY_BYTES !== 0) throw bad("the length of the share hashes");
}

/** Where the block of a segment is. */
export function blockRange(params: ChkParams, { data }: ShareOffsets, segment: number): { at: number; length: number } {
  return { at: data + segment * params.blockBytes, length: blockLength(params, segment) };
}

/** The entries of a share hash chain, in ascending order of the nodes. */
export function formatChain(entries: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * CHAIN_ENTRY_BYTES);
  entries.forEach(([node, hash], index) => {
    bytes[index * CHAIN_ENTRY_BYTES] = node >> 8;
    bytes[index * CHAIN_ENTRY_BYTES + 1] = node & 0xff;
    bytes.set(hash, index * CHAIN_ENTRY_BYTES + 2);
  });
  return bytes;
}

/** Throws GridError "bad-share" when a node comes twice. `bytes` is a multiple of CHAIN_ENTRY_BYTES long. */
export function readChain(bytes: Uint8Array): Map<number, Uint8Array> {
  const nodes = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; at += CHAIN_ENTRY_BYTES) {
    const node = bytes[at]! * 256 + bytes[at + 1]!;
    if (nodes.has(node)) throw bad(`node ${node} twice`);
    nodes.set(node, bytes.subarray(at + 2, at + CHAIN_ENTRY_BYTES));
  }
  return nodes;
}

/** Throws GridError "bad-share" for a length that is no UEB's. */
export function checkUebLength(length: number): number {
  if (length < 1 || length >= UEB_MAX_BYTES) throw bad(`a UEB of ${length} bytes`);
  return length;
}

function bad(problem: string): GridError {
  return new GridError("bad-share", problem);
}
