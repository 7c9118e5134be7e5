/**
 * A storage server as a client of the grid sees it: where it stands in the order of a file's servers, whether it
 * answers, and the operations of the HTTP storage protocol ("Great Black Swamp"). What speaks to a real one is
 * `storage-client.ts`; everything above works on this interface, and a simulated grid implements it, too.
 */
import type { ByteRange } from "../../../protocols/grid/pieces.ts";
import type { ShareKind } from "../storage/share-file.ts";

/** The secrets that a client derives for one storage index on one server (see `protocols/grid/secrets.ts`). */
export interface LeaseSecrets {
  /** 32 bytes each. */
  renewSecret: Uint8Array;
  cancelSecret: Uint8Array;
}

/**
 * `up`: it answered within its time. `slow`: it answers others, or did a moment ago, and is late now: used last.
 * `away`: it has not answered for so long that nothing is asked of it but whether it is back. `unknown`: not asked yet.
 */
export type ServerState = "unknown" | "up" | "slow" | "away";

export interface GridServer {
  /** "v0-…" of a Tahoe-LAFS announcement, or the id of a box. Unique in the list. */
  readonly id: string;
  /** For people: a box's name, a nickname. */
  readonly name: string;
  /** What places it in the order of a file's servers. */
  readonly seed: Uint8Array;
  /** 20 bytes that go into lease secrets and write enablers. */
  readonly tubId: Uint8Array;
  /** What fails together with it: the owner, and the zone; undefined when not known. */
  readonly owner: string | undefined;
  readonly zone: string | undefined;
  state(): ServerState;
  /** Bytes that it said it still takes; undefined before it was asked. 0: it takes none. */
  availableBytes(): number | undefined;
  /** Median of what small requests took of late; undefined before there were some. */
  responseMs(): number | undefined;
  /** It does what `ReadTestWrite.before` says; false for a server of Tahoe-LAFS. */
  takesBefore(): boolean;

  /**
   * All operations reject with a `ServerError`, or with the signal's reason; each has a time limit of its own, after
   * which the code is `timeout`. `storageIndex` is its 26 characters of base32.
   */
  allocate(storageIndex: string, wish: AllocateWish, signal?: AbortSignal): Promise<Allocated>;
  /**
   * Allocates these small shares and writes each whole, all in one request: what is in `stored` is on its disk, as
   * after the last chunk. Undefined when it has to be asked share by share: a server of Tahoe-LAFS, or too much.
   */
  putWhole(storageIndex: string, wish: PutWhole, signal?: AbortSignal): Promise<WholePut | undefined>;
  /** Writes `data` at `offset` of a share of `total` bytes. `isComplete`: the share is whole now. */
  writeChunk(storageIndex: string, share: number, chunk: Chunk, signal?: AbortSignal): Promise<ChunkWritten>;
  /** Gives up an upload. */
  abort(storageIndex: string, share: number, uploadSecret: Uint8Array): Promise<void>;
  /** The numbers of the complete shares that it holds. */
  shares(kind: ShareKind, storageIndex: string, signal?: AbortSignal): Promise<number[]>;
  /**
   * At most `length` bytes from `at` on: fewer, or none, where the share ends. `no-such-share` where there is none.
   * What comes may be in memory that was taken from `memory`, and is given back there when it does not come whole.
   */
  read(
    kind: ShareKind,
    storageIndex: string,
    share: number,
    range: ByteRange,
    signal?: AbortSignal,
    memory?: AnswerMemory,
  ): Promise<Uint8Array>;
  /** False when it holds no share of this storage index. */
  renewLease(storageIndex: string, secrets: LeaseSecrets, signal?: AbortSignal): Promise<boolean>;
  readTestWrite(storageIndex: string, wish: ReadTestWrite, signal?: AbortSignal): Promise<ReadTestWritten>;
  /** Tells that a share is damaged. */
  advise(kind: ShareKind, storageIndex: string, share: number, reason: string): Promise<void>;
}

/** Where an answer is written to. */
export interface AnswerMemory {
  /** Of this size, with anything in it. */
  take(bytes: number): Uint8Array;
  giveBack(memory: Uint8Array): void;
}

export interface AllocateWish {
  shares: readonly number[];
  /** Of one share. */
  bytes: number;
  /** The same one finds the upload again after a break, and is what makes resuming possible. */
  uploadSecret: Uint8Array;
  lease: LeaseSecrets;
}

export interface Allocated {
  alreadyHave: number[];
  /** Of those that were wished: the server takes these. */
  allocated: number[];
}

export interface PutWhole {
  /** By number; all of one length. */
  shares: ReadonlyMap<number, Uint8Array>;
  /** As in `AllocateWish`. */
  uploadSecret: Uint8Array;
  lease: LeaseSecrets;
}

export interface WholePut {
  alreadyHave: number[];
  /** Of those that were sent. For what is in neither there was no room. */
  stored: number[];
}

export interface Chunk {
  uploadSecret: Uint8Array;
  offset: number;
  data: Uint8Array;
  total: number;
}

export interface ChunkWritten {
  isComplete: boolean;
  /** What the server has not got yet; ascending. */
  missing: ByteRange[];
}

export interface ReadTestWrite {
  /** 32 bytes. */
  writeEnabler: Uint8Array;
  lease: LeaseSecrets;
  /** For each share number: what must be there, what is written, and the new length (null: as it comes). */
  shares: ReadonlyMap<
    number,
    {
      test: readonly { offset: number; size: number; specimen: Uint8Array }[];
      write: readonly { offset: number; data: Uint8Array }[];
      newLength: number | null;
    }
  >;
  /** Read of every share that is there, before the write. */
  read: readonly { offset: number; size: number }[];
  /**
   * All of this is on the server's disk before the write is looked at; where it cannot be, nothing is written
   * (`conflict`, `no-room`). For a server that `takesBefore`, and together `BEFORE_BODY_MAX_BYTES` at most.
   */
  before?: readonly Before[] | undefined;
}

/** Small immutable shares, or the first version of a mutable file. */
export type Before =
  | { kind: "whole"; storageIndex: string; put: PutWhole }
  | { kind: "new"; storageIndex: string; wish: ReadTestWrite };

export interface ReadTestWritten {
  success: boolean;
  data: ReadonlyMap<number, readonly Uint8Array[]>;
}

export type ServerErrorCode =
  /** No connection, or it broke. */
  | "unreachable"
  /** Not in time. */
  | "timeout"
  /** The certificate's key is not the one that was announced. */
  | "identity"
  /** It does not know our swissnum. */
  | "refused"
  | "no-such-share"
  /** 409: the chunk differs from what is there. */
  | "conflict"
  /** It has no room, or not for us. */
  | "no-room"
  /** The write enabler is wrong. */
  | "write-enabler"
  /** It answered something that is none of the protocol. */
  | "garbled"
  /** It said that it has failed. */
  | "failed";

export class ServerError extends Error {
  readonly code: ServerErrorCode;
  readonly server: string;

  constructor(code: ServerErrorCode, server: string, message: string, options?: { cause?: unknown }) {
    super(`${server}: ${message}`, options);
    this.name = "ServerError";
    this.code = code;
    this.server = server;
  }
}
