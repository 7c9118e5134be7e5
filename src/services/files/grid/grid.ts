/**
 * The grid as everything above it sees it: caps in, content out. Directories, the tree of a member, care, and the
 * front ends know nothing of shares and servers. Failures are those of `files/errors.ts`.
 */
import type { KnownCap, MutableFormat } from "../../../protocols/grid/caps.ts";
import type { ChkParams } from "../../../protocols/grid/chk-params.ts";
import type { Draft, Drafts } from "./draft.ts";
import type { GridServer } from "./server.ts";

/** How a new file is cut and spread. */
export interface Encoding {
  /** Any so many shares are enough. */
  needed: number;
  total: number;
  /** An upload that cannot be spread over so many servers fails (`files-not-spread`). */
  happy: number;
  segmentMaxBytes: number;
}

/** Content whose size is known and that can be read more than once: a spooled upload, bytes in memory. */
export interface Content {
  bytes: number;
  /** From `at` (0 by default) to the end, in pieces of any size, each of which is there until the next is asked for. */
  read(at?: number): AsyncIterable<Uint8Array>;
}

export interface Progress {
  /** Of the content. */
  doneBytes: number;
  totalBytes: number;
}

/** What content is encrypted with when it is cut like this. */
export interface ContentKey {
  key: Uint8Array;
  params: ChkParams;
}

/** The key of content that is still coming, made while it comes: else it is read once more for that. */
export interface KeyMaking {
  /** The bytes that come next. They must not change before it resolves. */
  take(bytes: Uint8Array): Promise<void>;
  /** All has come. */
  finish(): Promise<ContentKey>;
  /** Gives it up; may be called more than once. */
  drop(): void;
}

export interface UploadOptions {
  encoding?: Encoding;
  /** Of just this content; one for other parameters is not used. */
  key?: ContentKey | undefined;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface Uploaded {
  cap: KnownCap;
  /** Shares that were sent, and those that were there already. */
  sent: number;
  found: number;
  /** "Servers of happiness" of the outcome. */
  happiness: number;
}

export interface DownloadOptions {
  /** 0 by default. */
  at?: number;
  /** To the end by default; what goes beyond the end is cut. */
  length?: number;
  signal?: AbortSignal;
}

export interface MutableContent {
  content: Uint8Array;
  sequence: bigint;
}

export interface ShareSeen {
  share: number;
  server: string;
}

export interface CheckResult {
  storageIndex: string;
  /** `lost`: fewer shares than are needed. `weak`: fewer than there should be, or not spread. */
  state: "healthy" | "weak" | "lost";
  needed: number;
  total: number;
  /** Different good shares. */
  good: number;
  happiness: number;
  /** Different boxes, owners and zones that hold good shares. */
  servers: number;
  owners: number;
  zones: number;
  shares: ShareSeen[];
  /** Only when verified: shares whose bytes are wrong. */
  damaged: ShareSeen[];
  /** Servers that did not answer. */
  silent: string[];
  /** Mutable files: versions seen, the recoverable ones first. More than one: somebody's write was cut off. */
  versions: number;
}

export interface RepairResult {
  before: CheckResult;
  after: CheckResult;
  /** Shares that were written. */
  written: number;
  /** It was left as it is, until more servers answer. */
  isHeld?: boolean;
}

export interface Grid {
  servers(): readonly GridServer[];
  encoding(): Encoding;
  /** LIT for up to 55 bytes, else CHK. Asked again after a break with the same content, it goes on where it was. */
  upload(content: Content, options?: UploadOptions): Promise<Uploaded>;
  /** For content of so many bytes; undefined where nothing would be won. */
  makeKey(bytes: number): KeyMaking | undefined;
  /** Of LIT and CHK; of mutable files it is the newest version that can be read, whole in memory. */
  download(cap: KnownCap, options?: DownloadOptions): AsyncIterable<Uint8Array>;
  /** Bytes of the plaintext where the cap says so (LIT, CHK). */
  sizeOf(cap: KnownCap): number | undefined;

  /** A new mutable file; the cap can write. `content` at most `MUTABLE_CONTENT_MAX_BYTES`. */
  createMutable(format: MutableFormat, content: Uint8Array, options?: { signal?: AbortSignal }): Promise<KnownCap>;
  readMutable(cap: KnownCap, options?: { signal?: AbortSignal }): Promise<MutableContent>;
  /**
   * Reads, changes and writes until no other writer comes between. `change` is called with the newest content each
   * time; undefined: leave it as it is. It must not touch anything else, and nobody may write into what it gives. What
   * it throws ends this, and is thrown.
   */
  modifyMutable(
    cap: KnownCap,
    change: (before: Uint8Array) => Uint8Array | undefined,
    options?: { signal?: AbortSignal; drafts?: Drafts },
  ): Promise<MutableContent>;
  /**
   * A new small file, and a new mutable one, that are not stored yet: for `modifyMutable` of the folder that links to
   * them. Undefined where that cannot be, as in a large grid: then they are to be stored before.
   */
  draftFile(content: Content, options?: { signal?: AbortSignal }): Promise<Draft | undefined>;
  draftMutable(content: Uint8Array, options?: { signal?: AbortSignal }): Promise<Draft | undefined>;
  /** Asks now what a change that comes within a moment would have to ask first. Never rejects. */
  prepareMutable(cap: KnownCap): Promise<void>;

  /** Takes a cap of any strength. LIT is always healthy. `verify` reads every byte of every share. */
  check(
    cap: KnownCap,
    options?: { verify?: boolean; renewLeases?: boolean; signal?: AbortSignal },
  ): Promise<CheckResult>;
  /** Of immutable files with any cap; of mutable ones with the write cap, or else by copying shares. */
  repair(cap: KnownCap, options?: { verify?: boolean; signal?: AbortSignal }): Promise<RepairResult>;
}
