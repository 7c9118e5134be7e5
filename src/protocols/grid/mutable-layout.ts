/**
 * The two layouts of a mutable share, SDMF (version byte 0) and MDMF (version byte 1): header, signed prefix, table of
 * offsets. Everything else about mutable files is the same for both and works on what this file gives.
 *
 * Only the prefix is signed. The table of offsets is not, so nothing here trusts it: sections lie in the share's order,
 * have the lengths that the signed fields imply or a limit, and bytes behind `end` are left over from a longer version.
 * A sequence number is a bigint. Sizes are numbers; one above 2^53 - 1 is refused as `too-large`.
 */
import type { MutableFormat } from "./caps.ts";
import {
  HASH_BYTES,
  KEY_BYTES,
  MDMF_SEGMENTS_MAX,
  MUTABLE_KEY_MAX_BYTES,
  MUTABLE_SHARES_MAX,
  MUTABLE_SIGNATURE_MAX_BYTES,
  SDMF_DATA_MAX_BYTES,
  SEGMENT_MAX_BYTES,
} from "./constants.ts";
import { GridError } from "./errors.ts";
import { nodeCount, rowOf } from "./merkle.ts";

/** Bytes [start, end) of a share. */
export interface Section {
  start: number;
  end: number;
}

export interface MutableSections {
  publicKey: Section;
  signature: Section;
  /** Entries of 34 bytes: node number (2), hash (32). */
  chain: Section;
  blockHashes: Section;
  data: Section;
  encryptedPrivateKey: Section;
  /** EOF of this version. The share may be longer. */
  end: number;
}

/** What is signed, apart from the root hash. */
export interface MutableShape {
  format: MutableFormat;
  k: number;
  n: number;
  /** Of whole segments, a multiple of k. 0 in an empty SDMF file. */
  segmentSize: number;
  dataLength: number;
}

export interface MutableHeader extends MutableShape {
  /** 64 bits. */
  sequence: bigint;
  rootHash: Uint8Array;
  /** 16 bytes in SDMF; MDMF has one for each segment. */
  salt: Uint8Array | undefined;
  /** The signed bytes. */
  prefix: Uint8Array;
  /** The beginning of `prefix` that a writer tests, to see that nobody else has written. */
  checkstring: Uint8Array;
  sections: MutableSections;
}

export const SALT_BYTES = KEY_BYTES;
export const CHAIN_ENTRY_BYTES = 34;
/** A longer uncle chain has no tree over 255 leaves; one entry more for writers who store the leaf, too. */
const CHAIN_ENTRIES_MAX = 9;

interface Layout {
  version: number;
  headerBytes: number;
  prefixBytes: number;
  checkstringBytes: number;
  /** Where k stands; N, segment size, data length and the offsets follow. */
  parametersAt: number;
}

export const SDMF: Layout = {
  version: 0,
  headerBytes: 107,
  prefixBytes: 75,
  checkstringBytes: 57,
  parametersAt: 57,
};

export const MDMF: Layout = {
  version: 1,
  headerBytes: 123,
  prefixBytes: 59,
  checkstringBytes: 41,
  parametersAt: 41,
};

/** Where MDMF writers put the blocks, whatever the lengths of the fields before them. */
export const MDMF_DATA_AT = 2167;
/** Rounded up to a multiple of k. */
const MDMF_SEGMENT_BYTES = 131_072;

export function layoutOf(format: MutableFormat): Layout {
  return format === "sdmf" ? SDMF : MDMF;
}

/** The shape that a writer gives to a new version. Throws RangeError for k and n that no code has (a bug). */
export function shapeFor(format: MutableFormat, k: number, n: number, dataLength: number): MutableShape {
  if (!(k >= 1 && k <= n && n <= MUTABLE_SHARES_MAX)) throw new RangeError(`no code of ${k} of ${n}`);
  const segmentSize = roundUp(format === "sdmf" ? dataLength : MDMF_SEGMENT_BYTES, k);
  const shape = { format, k, n, segmentSize, dataLength };
  checkShape(shape);
  return shape;
}

export function segmentCount({ segmentSize, dataLength }: MutableShape): number {
  return dataLength === 0 ? 0 : Math.ceil(dataLength / segmentSize);
}

/** Plaintext bytes of segment `index`, without padding. */
export function segmentLength(shape: MutableShape, index: number): number {
  return Math.min(shape.segmentSize, shape.dataLength - index * shape.segmentSize);
}

/** Bytes of one block of segment `index`, without the salt of MDMF. */
export function blockLength(shape: MutableShape, index: number): number {
  return Math.ceil(segmentLength(shape, index) / shape.k);
}

/** Where the entry of segment `index` lies within the share data; in MDMF it is salt and block. */
export function blockEntry(shape: MutableShape, index: number): Section {
  const salt = shape.format === "mdmf" ? SALT_BYTES : 0;
  const start = index * (salt + shape.segmentSize / shape.k);
  return { start, end: start + salt + blockLength(shape, index) };
}

export function dataBytes(shape: MutableShape): number {
  const segments = segmentCount(shape);
  return segments === 0 ? 0 : blockEntry(shape, segments - 1).end;
}

/** Bytes of the whole block hash tree of one share. */
export function blockHashesBytes(shape: MutableShape): number {
  return HASH_BYTES * nodeCount(segmentCount(shape));
}

/** Bytes of the uncle chain that a writer stores. */
export function chainBytes(n: number): number {
  return CHAIN_ENTRY_BYTES * Math.log2(rowOf(n));
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Where a writer puts everything. `keys` are the lengths of both DERs, `signatureBytes` that of the signature. */
export function placeSections(
  shape: MutableShape,
  keys: { publicKeyBytes: number; privateKeyBytes: number; signatureBytes: number },
): MutableSections {
  const { publicKeyBytes, privateKeyBytes, signatureBytes } = keys;
  let at = layoutOf(shape.format).headerBytes;
  const next = (length: number): Section => ({ start: at, end: (at += length) });
  if (shape.format === "sdmf") {
    const publicKey = next(publicKeyBytes);
    const signature = next(signatureBytes);
    const chain = next(chainBytes(shape.n));
    const blockHashes = next(blockHashesBytes(shape));
    const data = next(dataBytes(shape));
    const encryptedPrivateKey = next(privateKeyBytes);
    return { publicKey, signature, chain, blockHashes, data, encryptedPrivateKey, end: at };
  }
  const encryptedPrivateKey = next(privateKeyBytes);
  const chain = next(chainBytes(shape.n));
  const signature = next(signatureBytes);
  const publicKey = next(publicKeyBytes);
  if (at > MDMF_DATA_AT) throw new GridError("too-large", "keys that do not fit before the data of an MDMF share");
  at = MDMF_DATA_AT;
  const data = next(dataBytes(shape));
  const blockHashes = next(blockHashesBytes(shape));
  return { publicKey, signature, chain, blockHashes, data, encryptedPrivateKey, end: at };
}

/** The bytes that are signed: 75 in SDMF, 59 in MDMF. `salt` only in SDMF. */
export function writePrefix(
  shape: MutableShape,
  version: { sequence: bigint; rootHash: Uint8Array; salt: Uint8Array | undefined },
): Uint8Array {
  const layout = layoutOf(shape.format);
  const bytes = new Uint8Array(layout.prefixBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = layout.version;
  view.setBigUint64(1, version.sequence);
  bytes.set(version.rootHash, 9);
  if (version.salt) bytes.set(version.salt, 41);
  const at = layout.parametersAt;
  bytes[at] = shape.k;
  bytes[at + 1] = shape.n;
  view.setBigUint64(at + 2, BigInt(shape.segmentSize));
  view.setBigUint64(at + 10, BigInt(shape.dataLength));
  return bytes;
}

/** The table of offsets, which stands behind the prefix. */
export function writeOffsets(format: MutableFormat, sections: MutableSections): Uint8Array {
  const { publicKey, signature, chain, blockHashes, data, encryptedPrivateKey, end } = sections;
  const layout = layoutOf(format);
  const bytes = new Uint8Array(layout.headerBytes - layout.prefixBytes);
  const view = new DataView(bytes.buffer);
  if (format === "sdmf") {
    [signature, chain, blockHashes, data].forEach(({ start }, index) => view.setUint32(4 * index, start));
    view.setBigUint64(16, BigInt(encryptedPrivateKey.start));
    view.setBigUint64(24, BigInt(end));
    return bytes;
  }
  const starts = [encryptedPrivateKey, chain, signature, publicKey].map((section) => section.start);
  const rest = [publicKey.end, data.start, blockHashes.start, end];
  [...starts, ...rest].forEach((offset, index) => view.setBigUint64(8 * index, BigInt(offset)));
  return bytes;
}

/**
 * Reads the header at the beginning of a share; `bytes` may be longer. Nothing is verified yet but that sizes and
 * offsets make sense. Throws GridError `truncated`, `bad-share`, `too-large`.
 */
export function readMutableHeader(bytes: Uint8Array): MutableHeader {
  const version = bytes[0];
  if (version === undefined) throw new GridError("truncated", "an empty mutable share");
  if (version > 1) throw new GridError("bad-share", `a mutable share of version ${version}`);
  const format: MutableFormat = version === 0 ? "sdmf" : "mdmf";
  const layout = layoutOf(format);
  if (bytes.length < layout.headerBytes) throw new GridError("truncated", `${bytes.length} bytes of a mutable header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = layout.parametersAt;
  const shape: MutableShape = {
    format,
    k: bytes[at]!,
    n: bytes[at + 1]!,
    segmentSize: readSize(view, at + 2),
    dataLength: readSize(view, at + 10),
  };
  checkShape(shape);
  const sections = format === "sdmf" ? sdmfSections(view) : mdmfSections(view);
  checkSections(shape, sections);
  const prefix = bytes.slice(0, layout.prefixBytes);
  return {
    ...shape,
    sequence: view.getBigUint64(1),
    rootHash: prefix.subarray(9, 41),
    salt: format === "sdmf" ? prefix.subarray(41, 57) : undefined,
    prefix,
    checkstring: prefix.subarray(0, layout.checkstringBytes),
    sections,
  };
}

function readSize(view: DataView, at: number): number {
  const value = view.getBigUint64(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new GridError("too-large", `${value} in a mutable share`);
  return Number(value);
}

function checkShape({ format, k, n, segmentSize, dataLength }: MutableShape): void {
  const bad = (problem: string) => new GridError("bad-share", problem);
  if (k < 1 || n < k) throw bad(`${k} of ${n} shares`);
  if (segmentSize % k !== 0) throw bad(`segments of ${segmentSize} bytes in ${k} blocks`);
  if (format === "sdmf") {
    if (dataLength > SDMF_DATA_MAX_BYTES) throw new GridError("too-large", `${dataLength} bytes in one SDMF file`);
    if (segmentSize !== roundUp(dataLength, k)) throw bad(`a segment of ${segmentSize} bytes for ${dataLength}`);
    return;
  }
  if (segmentSize === 0) throw bad("MDMF segments of no bytes");
  if (segmentSize > SEGMENT_MAX_BYTES) throw new GridError("too-large", `segments of ${segmentSize} bytes`);
  const segments = Math.ceil(dataLength / segmentSize);
  if (segments > MDMF_SEGMENTS_MAX) throw new GridError("too-large", `${segments} segments in one MDMF file`);
}

function sdmfSections(view: DataView): MutableSections {
  const [signature, chain, blockHashes, data] = [75, 79, 83, 87].map((at) => view.getUint32(at)) as [
    number,
    number,
    number,
    number,
  ];
  const privateKey = readSize(view, 91);
  const end = readSize(view, 99);
  return {
    publicKey: { start: SDMF.headerBytes, end: signature },
    signature: { start: signature, end: chain },
    chain: { start: chain, end: blockHashes },
    blockHashes: { start: blockHashes, end: data },
    data: { start: data, end: privateKey },
    encryptedPrivateKey: { start: privateKey, end },
    end,
  };
}

function mdmfSections(view: DataView): MutableSections {
  const offset = (index: number) => readSize(view, MDMF.prefixBytes + 8 * index);
  const end = offset(7);
  return {
    encryptedPrivateKey: { start: offset(0), end: offset(1) },
    chain: { start: offset(1), end: offset(2) },
    signature: { start: offset(2), end: offset(3) },
    publicKey: { start: offset(3), end: offset(4) },
    data: { start: offset(5), end: offset(6) },
    blockHashes: { start: offset(6), end },
    end,
  };
}

function checkSections(shape: MutableShape, sections: MutableSections): void {
  const { publicKey, signature, chain, blockHashes, data, encryptedPrivateKey } = sections;
  const order =
    shape.format === "sdmf"
      ? [publicKey, signature, chain, blockHashes, data, encryptedPrivateKey]
      : [encryptedPrivateKey, chain, signature, publicKey, data, blockHashes];
  let at = layoutOf(shape.format).headerBytes;
  for (const { start, end } of order) {
    if (start < at || end < start) throw new GridError("bad-share", "sections of a mutable share out of order");
    at = end;
  }
  const length = ({ start, end }: Section) => end - start;
  const fits =
    length(publicKey) <= MUTABLE_KEY_MAX_BYTES &&
    length(encryptedPrivateKey) <= MUTABLE_KEY_MAX_BYTES &&
    length(signature) <= MUTABLE_SIGNATURE_MAX_BYTES &&
    length(chain) % CHAIN_ENTRY_BYTES === 0 &&
    length(chain) <= CHAIN_ENTRIES_MAX * CHAIN_ENTRY_BYTES &&
    length(blockHashes) === blockHashesBytes(shape) &&
    length(data) === dataBytes(shape);
  if (!fits) throw new GridError("bad-share", "a section of a mutable share has a wrong length");
}
