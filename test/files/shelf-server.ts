/**
 * A storage server in memory, for tests that need many of them, or faults at a chosen moment: what `GridServer` says,
 * without a disk, a network or a lease. What real servers do is tested against real ones.
 */
import type { ShareKind } from "../../src/services/files/storage/share-file.ts";
import type { ByteRange } from "../../src/protocols/grid/pieces.ts";
import { createHash } from "node:crypto";
import { ServerError } from "../../src/services/files/grid/server.ts";
import type {
  AllocateWish,
  Allocated,
  Before,
  Chunk,
  ChunkWritten,
  GridServer,
  LeaseSecrets,
  PutWhole,
  ReadTestWrite,
  ReadTestWritten,
  ServerState,
  WholePut,
} from "../../src/services/files/grid/server.ts";

interface Slot {
  writeEnabler: Uint8Array;
  shares: Map<number, Uint8Array>;
}

export class ShelfServer implements GridServer {
  readonly id: string;
  readonly name: string;
  readonly seed: Uint8Array;
  readonly tubId: Uint8Array;
  owner: string | undefined;
  zone: string | undefined;
  readonly immutables = new Map<string, Map<number, Uint8Array>>();
  readonly slots = new Map<string, Slot>();
  readonly advisories: { storageIndex: string; share: number; reason: string }[] = [];
  readonly renewed: string[] = [];
  /** Requests by name, for tests that count round trips. */
  readonly asked: string[] = [];
  availability: ServerState = "up";
  room: number | undefined = undefined;
  /** Small shares in one request: what our servers do, and those of Tahoe-LAFS do not. */
  takesWhole = true;
  /** New files before a write, as ours do. */
  takesDrafts = true;
  usualMs: number | undefined = 5;
  /** What happens to each request before it is looked at: nothing, a delay, never, an error. */
  before: (request: string) => Promise<void> = () => Promise.resolve();
  /** What happens to the answer of a writing that was done. */
  after: () => Promise<void> = () => Promise.resolve();
  /** What happens between what comes before a write and the next of that, or the write. */
  between: () => Promise<void> = () => Promise.resolve();
  readonly #uploads = new Map<string, { data: Uint8Array; got: number }>();

  constructor(name: string) {
    const hash = createHash("sha256").update(name).digest();
    this.id = `v0-${name}`;
    this.name = name;
    this.seed = new Uint8Array(hash);
    this.tubId = new Uint8Array(hash.subarray(0, 20));
  }

  state(): ServerState {
    return this.availability;
  }

  availableBytes(): number | undefined {
    return this.room;
  }

  responseMs(): number | undefined {
    return this.usualMs;
  }

  takesBefore(): boolean {
    return this.takesDrafts;
  }

  /** Takes requests and never answers. */
  freeze(): void {
    this.before = () => new Promise(() => {});
  }

  kill(): void {
    this.before = () => Promise.reject(new ServerError("unreachable", this.name, "killed"));
  }

  revive(): void {
    this.before = () => Promise.resolve();
    this.between = () => Promise.resolve();
    this.after = () => Promise.resolve();
  }

  /** The shares of a storage index of either kind. */
  sharesOf(storageIndex: string): Map<number, Uint8Array> {
    return this.slots.get(storageIndex)?.shares ?? this.immutables.get(storageIndex) ?? new Map();
  }

  async allocate(storageIndex: string, wish: AllocateWish, signal?: AbortSignal): Promise<Allocated> {
    await this.#arrive("allocate", signal);
    const have = this.immutables.get(storageIndex) ?? new Map<number, Uint8Array>();
    const alreadyHave = [...have.keys()];
    if (this.room === 0) return { alreadyHave, allocated: [] };
    const allocated = wish.shares.filter((share) => !have.has(share));
    for (const share of allocated) {
      this.#uploads.set(`${storageIndex}/${share}`, { data: new Uint8Array(wish.bytes), got: 0 });
    }
    return { alreadyHave, allocated };
  }

  async putWhole(storageIndex: string, { shares }: PutWhole, signal?: AbortSignal): Promise<WholePut | undefined> {
    if (!this.takesWhole) return undefined;
    await this.#arrive("putWhole", signal);
    const put = this.#put(storageIndex, shares);
    await this.after();
    return put;
  }

  #put(storageIndex: string, shares: PutWhole["shares"]): WholePut {
    const have = this.immutables.get(storageIndex) ?? new Map<number, Uint8Array>();
    const alreadyHave = [...have.keys()];
    const stored = this.room === 0 ? [] : [...shares.keys()].filter((share) => !have.has(share));
    for (const share of stored) have.set(share, shares.get(share)!.slice());
    if (stored.length > 0) this.immutables.set(storageIndex, have);
    return { alreadyHave, stored };
  }

  async writeChunk(storageIndex: string, share: number, chunk: Chunk, signal?: AbortSignal): Promise<ChunkWritten> {
    await this.#arrive("writeChunk", signal);
    const name = `${storageIndex}/${share}`;
    const upload = this.#uploads.get(name);
    if (!upload) throw new ServerError("no-such-share", this.name, name);
    upload.data.set(chunk.data, chunk.offset);
    upload.got += chunk.data.length;
    if (upload.got < upload.data.length) {
      return { isComplete: false, missing: [{ at: upload.got, length: upload.data.length - upload.got }] };
    }
    this.#uploads.delete(name);
    const shares = this.immutables.get(storageIndex) ?? new Map<number, Uint8Array>();
    this.immutables.set(storageIndex, shares.set(share, upload.data));
    return { isComplete: true, missing: [] };
  }

  async abort(storageIndex: string, share: number): Promise<void> {
    await this.#arrive("abort");
    this.#uploads.delete(`${storageIndex}/${share}`);
  }

  async shares(kind: ShareKind, storageIndex: string, signal?: AbortSignal): Promise<number[]> {
    await this.#arrive("shares", signal);
    return [...this.#of(kind, storageIndex).keys()];
  }

  async read(
    kind: ShareKind,
    storageIndex: string,
    share: number,
    { at, length }: ByteRange,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    await this.#arrive("read", signal);
    const data = this.#of(kind, storageIndex).get(share);
    if (!data) throw new ServerError("no-such-share", this.name, `${storageIndex}/${share}`);
    // What comes from a socket is a Buffer, whose `slice` copies nothing.
    return Buffer.from(data.subarray(at, at + length));
  }

  async renewLease(storageIndex: string, _secrets: LeaseSecrets, signal?: AbortSignal): Promise<boolean> {
    await this.#arrive("renewLease", signal);
    if (this.sharesOf(storageIndex).size === 0) return false;
    this.renewed.push(storageIndex);
    return true;
  }

  async readTestWrite(storageIndex: string, wish: ReadTestWrite, signal?: AbortSignal): Promise<ReadTestWritten> {
    await this.#arrive(wish.shares.size > 0 ? "write" : "readTestWrite", signal);
    for (const one of wish.before ?? []) await this.#store(one);
    const written = this.#write(storageIndex, wish);
    if (written.success && wish.shares.size > 0) await this.after();
    return written;
  }

  #write(storageIndex: string, wish: ReadTestWrite): ReadTestWritten {
    const slot = this.slots.get(storageIndex);
    if (slot && !same(slot.writeEnabler, wish.writeEnabler)) {
      throw new ServerError("write-enabler", this.name, "wrong write enabler");
    }
    const shares = slot?.shares ?? new Map<number, Uint8Array>();
    const piece = (share: number, at: number, length: number) =>
      Buffer.from((shares.get(share) ?? new Uint8Array(0)).subarray(at, at + length));
    const success = [...wish.shares].every(([share, { test }]) =>
      test.every(({ offset, size, specimen }) => same(piece(share, offset, size), specimen)),
    );
    const data = new Map(
      [...shares.keys()].map((share) => [share, wish.read.map(({ offset, size }) => piece(share, offset, size))]),
    );
    if (!success || wish.shares.size === 0) return { success, data };
    if (this.room === 0) throw new ServerError("no-room", this.name, "full");
    for (const [share, { write }] of wish.shares) shares.set(share, overwritten(shares.get(share), write));
    this.slots.set(storageIndex, { writeEnabler: wish.writeEnabler, shares });
    return { success, data };
  }

  async #store(one: Before): Promise<void> {
    if (one.kind === "new") {
      const { success } = this.#write(one.storageIndex, one.wish);
      if (!success) throw new ServerError("conflict", this.name, "it is not new");
    } else {
      const { alreadyHave, stored } = this.#put(one.storageIndex, one.put.shares);
      const there = new Set([...alreadyHave, ...stored]);
      if (![...one.put.shares.keys()].every((share) => there.has(share))) {
        throw new ServerError("no-room", this.name, "full");
      }
    }
    await this.between();
  }

  async advise(_kind: ShareKind, storageIndex: string, share: number, reason: string): Promise<void> {
    await this.#arrive("advise");
    this.advisories.push({ storageIndex, share, reason });
  }

  #of(kind: ShareKind, storageIndex: string): Map<number, Uint8Array> {
    const shares = kind === "mutable" ? this.slots.get(storageIndex)?.shares : this.immutables.get(storageIndex);
    return shares ?? new Map<number, Uint8Array>();
  }

  async #arrive(request: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.asked.push(request);
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    await Promise.race([this.before(request), aborted]);
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function overwritten(
  before: Uint8Array | undefined,
  writes: readonly { offset: number; data: Uint8Array }[],
): Uint8Array {
  const end = Math.max(before?.length ?? 0, ...writes.map(({ offset, data }) => offset + data.length));
  const share = new Uint8Array(end);
  if (before) share.set(before);
  for (const { offset, data } of writes) share.set(data, offset);
  return share;
}
