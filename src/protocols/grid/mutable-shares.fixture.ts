/** What tests of mutable files do with whole shares: put one together from its writes, check one, decode some. */
import type { GridCrypto } from "./crypto.ts";
import { plainErasureCode } from "./erasure.ts";
import { readMutableHeader, segmentCount } from "./mutable-layout.ts";
import type { MutableHeader, MutableSections } from "./mutable-layout.ts";
import {
  blockSection,
  decodeMutableSegment,
  sectionOf,
  verifyBlock,
  verifyBlockHashes,
  verifyHeader,
} from "./mutable-reading.ts";
import type { MutableBlock } from "./mutable-reading.ts";
import type { WriteVector } from "./mutable-writes.ts";

/** A share as a server has it after the writes, over what it had before. */
export function writtenShare(writes: readonly WriteVector[], before: Uint8Array = new Uint8Array(0)): Uint8Array {
  const share = new Uint8Array(Math.max(before.length, ...writes.map(({ offset, data }) => offset + data.length)));
  share.set(before);
  for (const { offset, data } of writes) share.set(data, offset);
  return share;
}

export interface CheckedShare {
  header: MutableHeader;
  /** One for each segment. */
  blocks: MutableBlock[];
}

/** The bytes of a section of a whole share. */
export function partOf(share: Uint8Array, name: Exclude<keyof MutableSections, "end">): Uint8Array {
  return sectionOf(share, readMutableHeader(share).sections[name]);
}

/** All that a reader checks of a share. Throws GridError. */
export function checkedShare(
  crypto: GridCrypto,
  share: Uint8Array,
  number: number,
  fingerprint: Uint8Array,
): CheckedShare {
  const header = readMutableHeader(share);
  const keyPair = { publicKey: partOf(share, "publicKey"), signature: partOf(share, "signature") };
  verifyHeader(crypto, header, fingerprint, keyPair);
  const trees = { chain: partOf(share, "chain"), blockHashes: partOf(share, "blockHashes") };
  const hashes = verifyBlockHashes(crypto, header, number, trees);
  const blocks = Array.from({ length: segmentCount(header) }, (_, index) =>
    verifyBlock(crypto, header, { number, index, hashes }, sectionOf(share, blockSection(header, index))),
  );
  return { header, blocks };
}

/** The content, from k checked shares of one version. */
export function decodedShares(crypto: GridCrypto, checked: readonly CheckedShare[], readKey: Uint8Array): Uint8Array {
  const { header } = checked[0]!;
  const decoder = { crypto, code: plainErasureCode(header.k, header.n), readKey };
  const content = new Uint8Array(header.dataLength);
  for (let index = 0; index < segmentCount(header); index++) {
    const blocks = checked.map((share) => share.blocks[index]!);
    content.set(decodeMutableSegment(decoder, header, index, blocks), index * header.segmentSize);
  }
  return content;
}
