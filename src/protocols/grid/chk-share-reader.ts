/**
 * One share of an immutable file, read from one server: says which bytes it needs next, and hands out a block only
 * when its hash leads up to the cap. Nothing that the server sends is believed before; whatever is wrong throws, and
 * then the share is of no use any more.
 *
 * The first request is a guess of where things are, so that one round trip is enough for most files.
 */
import type { ChkFacts, ChkFile } from "./chk-decoder.ts";
import { runBytes, type RunShare } from "./chk-run.ts";
import {
  blockRange,
  checkSections,
  checkUebLength,
  formatHeader,
  HEADER_MAX_BYTES,
  readChain,
  readHeader,
  readWord,
  shareLayout,
  wordBytes,
  type ShareHeader,
} from "./chk-share.ts";
import { concat } from "./concat.ts";
import { AUDIT_SEGMENTS_MAX, HASH_BYTES, HASHES_PER_READ, RANGE_GAP_BYTES } from "./constants.ts";
import { GridError } from "./errors.ts";
import { blockHash } from "./hashes.ts";
import { hashAt, nodeCount, PartialTree, pathNodes, sameBytes } from "./merkle.ts";
import { mergeRanges, Pieces, type ByteRange } from "./pieces.ts";

/** Either it is done, or these ranges must be fetched and given to `feed` first. */
export type Progress<T> = { state: "ready"; value: T } | { state: "needs"; ranges: ByteRange[] };

/** Asked for where a UEB is expected; usual ones are shorter. */
const UEB_READ_BYTES = 512;

interface Opened {
  header: ShareHeader;
  facts: ChkFacts;
}

export class ChkShareReader {
  readonly number: number;
  readonly #file: ChkFile;
  readonly #pieces = new Pieces();
  /** Where the share ends, once the server has shown it. */
  #endAt = Infinity;
  #wanted: ByteRange[] = [];
  #hasGuessed = false;
  #header: ShareHeader | undefined;
  #areSectionsChecked = false;
  /** Over the blocks of this share. */
  #tree: PartialTree | undefined;
  #audited = 0;
  #failure: unknown;

  /** Made by `ChkFile.share`. */
  constructor(file: ChkFile, number: number) {
    this.#file = file;
    this.number = number;
  }

  /** The bytes of a range that was needed; fewer than asked for when the share ends there. */
  feed(range: ByteRange, bytes: Uint8Array): void {
    if (bytes.length < range.length) this.#endAt = Math.min(this.#endAt, range.at + bytes.length);
    this.#pieces.put(range.at, bytes.subarray(0, range.length));
  }

  /**
   * What the file is, from this share or another. `atByte`: where reading will begin, and `bytes` how far it will go,
   * so that those blocks are asked for along with the rest. Throws GridError when the share is bad, each time again.
   */
  open(atByte = 0, bytes = 1): Progress<ChkFacts> {
    const { segmentBytes } = this.#file.facts?.params ?? this.#file.guess;
    const first = Math.floor(atByte / segmentBytes);
    const count = Math.max(1, Math.ceil((atByte + bytes) / segmentBytes) - first);
    return this.#attempt(() => this.#open(first, count)?.facts);
  }

  /** The checked block of a segment. Its bytes are let go. Throws GridError when the share is bad, each time again. */
  block(segment: number): Progress<Uint8Array> {
    return this.#attempt(() => this.#block(segment));
  }

  /**
   * The blocks of `count` segments from `first` on, not yet checked, and what they must hash to: for `decodeRun`. The
   * bytes are let go. Throws GridError when the share is bad, each time again.
   */
  run(first: number, count: number): Progress<RunShare> {
    return this.#attempt(() => {
      const run = this.#run(first, count);
      return run && { number: this.number, ...run };
    });
  }

  /** A hash of what `run` gave was wrong: the share is bad from now on. */
  spoil(): GridError {
    const failure = new GridError("bad-hash", `blocks of share ${this.number}`);
    this.#failure ??= failure;
    return failure;
  }

  /**
   * Checks every byte of the share, also those that no reader looks at: "ready" means that it is just as a writer
   * makes it. Goes on at each call. Throws GridError when the share is bad, "too-large" beyond AUDIT_SEGMENTS_MAX.
   */
  audit(): Progress<true> {
    return this.#attempt(() => {
      const opened = this.#open(0);
      if (!opened) return undefined;
      const { segments } = opened.facts.params;
      if (segments > AUDIT_SEGMENTS_MAX) throw new GridError("too-large", `${segments} segments`);
      for (; this.#audited < segments; this.#audited++) if (!this.#block(this.#audited)) return undefined;
      return this.#auditRest(opened);
    });
  }

  #attempt<T>(work: () => T | undefined): Progress<T> {
    if (this.#failure) throw this.#failure;
    this.#wanted = [];
    try {
      const value = work();
      if (value !== undefined) return { state: "ready", value };
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    return { state: "needs", ranges: mergeRanges(this.#wanted, RANGE_GAP_BYTES) };
  }

  /** The bytes, or undefined and the range is wanted. Throws GridError "truncated". */
  #read(range: ByteRange): Uint8Array | undefined {
    if (range.at + range.length > this.#endAt) throw new GridError("truncated", `at ${this.#endAt}`);
    const bytes = this.#pieces.read(range);
    if (!bytes) this.#wanted.push(...this.#pieces.missing(range));
    return bytes;
  }

  #open(segment: number, count = 1): Opened | undefined {
    this.#header ??= this.#readHeader(segment, count);
    if (!this.#header) return undefined;
    const facts = this.#file.facts ?? this.#readUeb(this.#header);
    if (!facts) return undefined;
    if (!this.#areSectionsChecked) checkSections(this.#header, facts.params);
    this.#areSectionsChecked = true;
    return { header: this.#header, facts };
  }

  #readHeader(segment: number, count: number): ShareHeader | undefined {
    const bytes = this.#read({ at: 0, length: HEADER_MAX_BYTES });
    if (bytes) return readHeader(bytes);
    if (!this.#hasGuessed) this.#wanted.push(...this.#guess(segment, count));
    this.#hasGuessed = true;
    return undefined;
  }

  /** All that reading a segment will need, where a usual writer puts it. */
  #guess(wish: number, count: number): ByteRange[] {
    const params = this.#file.facts?.params ?? this.#file.guess;
    const first = Math.min(wish, params.segments - 1);
    const { version, offsets } = shareLayout(params);
    const nodes = runNodes(params.segments, first, count);
    const ranges = [
      { at: offsets.shareHashes, length: offsets.ueb - offsets.shareHashes },
      { at: blockRange(params, offsets, first).at, length: runBytes(params, first, count).share },
      ...hashRanges(offsets.blockHashes, params.segments, nodes),
    ];
    const tree = this.#file.facts?.crypttextTree;
    const wanted = tree ? nodes.filter((node) => !tree.knows(node)) : nodes;
    ranges.push(...hashRanges(offsets.crypttextHashes, params.segments, wanted));
    if (!this.#file.facts) ranges.push({ at: offsets.ueb, length: wordBytes(version) + UEB_READ_BYTES });
    return ranges;
  }

  #readUeb({ version, offsets }: ShareHeader): ChkFacts | undefined {
    const word = wordBytes(version);
    const length = this.#read({ at: offsets.ueb, length: word });
    if (!length) {
      this.#wanted.push({ at: offsets.ueb, length: word + UEB_READ_BYTES });
      return undefined;
    }
    const bytes = this.#read({ at: offsets.ueb + word, length: checkUebLength(readWord(version, length)) });
    return bytes && this.#file.takeUeb(bytes);
  }

  #block(segment: number): Uint8Array | undefined {
    const run = this.#run(segment, 1);
    if (!run) return undefined;
    if (!sameBytes(blockHash(this.#file.crypto, run.bytes), run.hashes)) {
      throw new GridError("bad-hash", `block ${segment} of share ${this.number}`);
    }
    return run.bytes;
  }

  #run(first: number, count: number): { bytes: Uint8Array; hashes: Uint8Array } | undefined {
    const opened = this.#open(first, count);
    if (!opened) return undefined;
    const { header, facts } = opened;
    const { params, crypttextTree } = facts;
    if (!Number.isInteger(first) || first < 0 || !(count >= 1) || first + count > params.segments) {
      throw new GridError("bad-parameters", `segments ${first} to ${first + count} of ${params.segments}`);
    }
    // All of these ask for what they lack before one of them makes us wait.
    const range = { at: blockRange(params, header.offsets, first).at, length: runBytes(params, first, count).share };
    const bytes = this.#read(range);
    this.#tree ??= this.#readTree(opened);
    const segments = Array.from({ length: count }, (_, index) => first + index);
    const { crypttextHashes, blockHashes } = header.offsets;
    const isCrypttextKnown = this.#learn(crypttextTree, crypttextHashes, params.segments, segments);
    const tree = this.#tree;
    if (!tree) {
      const nodes = runNodes(params.segments, first, count);
      for (const hashes of hashRanges(blockHashes, params.segments, nodes)) this.#read(hashes);
      return undefined;
    }
    const areLeavesKnown = this.#learn(tree, blockHashes, params.segments, segments);
    if (!bytes || !isCrypttextKnown || !areLeavesKnown) return undefined;
    this.#pieces.forget(range);
    return { bytes, hashes: concat(segments.map((segment) => tree.leaf(segment)!)) };
  }

  /** The tree over the blocks: its root is this share's leaf of the tree over all shares. */
  #readTree({ header, facts }: Opened): PartialTree | undefined {
    const { params, shareTree } = facts;
    let root = shareTree.leaf(this.number);
    if (!root) {
      const chain = this.#readChain(header);
      if (!chain) return undefined;
      shareTree.accept(chain);
      root = shareTree.leaf(this.number);
      if (!root) throw new GridError("bad-share", "its share hash chain is not its own");
    }
    return new PartialTree(this.#file.crypto, params.segments, root);
  }

  #readChain({ offsets }: ShareHeader): Map<number, Uint8Array> | undefined {
    const bytes = this.#read({ at: offsets.shareHashes, length: offsets.ueb - offsets.shareHashes });
    return bytes && readChain(bytes);
  }

  /** True when the tree knows the leaves, after taking what leads to them from the section at `at`. */
  #learn(tree: PartialTree, at: number, leafCount: number, leaves: readonly number[]): boolean {
    const missing = new Set(leaves.flatMap((leaf) => tree.missing(leaf)));
    if (missing.size === 0) return true;
    // Each is asked for, also when one before it is not here.
    const isHere = hashRanges(at, leafCount, [...missing]).map((range) => this.#read(range) !== undefined);
    if (isHere.includes(false)) return false;
    const hash = (node: number) => this.#pieces.read({ at: at + node * HASH_BYTES, length: HASH_BYTES })!;
    tree.accept(new Map([...missing].map((node) => [node, hash(node)])));
    return true;
  }

  #auditRest({ header, facts }: Opened): true | undefined {
    const { params, crypttextTree } = facts;
    const expected = shareLayout(params, header.version);
    const { plaintextHashes, crypttextHashes, blockHashes } = expected.offsets;
    const wholeHeader = formatHeader(params, expected);
    const headerBytes = this.#read({ at: 0, length: wholeHeader.length });
    if (headerBytes && !sameBytes(headerBytes, wholeHeader)) throw new GridError("bad-share", "its header");
    const treeBytes = nodeCount(params.segments) * HASH_BYTES;
    const unused = this.#read({ at: plaintextHashes, length: treeBytes });
    if (unused?.some((byte) => byte !== 0)) throw new GridError("bad-share", "its unused area");
    const crypttext = this.#read({ at: crypttextHashes, length: treeBytes });
    if (crypttext) crypttextTree.accept(nodesOf(crypttext));
    const blocks = this.#read({ at: blockHashes, length: treeBytes });
    if (blocks) this.#tree!.accept(nodesOf(blocks));
    const chain = this.#readChain(expected);
    if (chain) {
      if (pathNodes(params.n, this.number).some((node) => !chain.has(node))) {
        throw new GridError("bad-share", "its share hash chain");
      }
      facts.shareTree.accept(chain);
    }
    const isUebRead = this.#readUeb(header) !== undefined;
    if (this.#endAt > expected.shareBytes) {
      if (this.#pieces.read({ at: expected.shareBytes, length: 1 })) throw new GridError("bad-share", "its length");
      this.#wanted.push({ at: expected.shareBytes, length: 1 });
      return undefined;
    }
    return headerBytes && unused && crypttext && blocks && chain && isUebRead ? true : undefined;
  }
}

/** Where the nodes of a tree over `leaves` leaves are, which begins at `at`; with their neighbours. */
function hashRanges(at: number, leaves: number, nodes: readonly number[]): ByteRange[] {
  const reads = new Set(nodes.map((node) => Math.floor(node / HASHES_PER_READ)));
  return [...reads].map((read) => {
    const first = read * HASHES_PER_READ;
    const end = Math.min(first + HASHES_PER_READ, nodeCount(leaves));
    return { at: at + first * HASH_BYTES, length: (end - first) * HASH_BYTES };
  });
}

/** What leads up to the root from each of a run of leaves; a node may occur twice. */
function runNodes(leaves: number, first: number, count: number): number[] {
  const nodes: number[] = [];
  for (let leaf = first; leaf < Math.min(first + count, leaves); leaf++) nodes.push(...pathNodes(leaves, leaf));
  return nodes;
}

/** A whole tree as its nodes. */
function nodesOf(tree: Uint8Array): Map<number, Uint8Array> {
  return new Map(Array.from({ length: tree.length / HASH_BYTES }, (_, node) => [node, hashAt(tree, node)]));
}
