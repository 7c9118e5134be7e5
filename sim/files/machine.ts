/**
 * One simulated storage server: what the protocol says it does, over a disk in memory. It takes requests while it
 * runs, keeps them while it is frozen, and forgets those under way when it is killed. Whose room is used is counted by
 * the shipped `Room`.
 */
import type { ShareKind } from "../../src/services/files/storage/share-file.ts";
import type { ByteRange } from "../../src/protocols/grid/pieces.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import type {
  AllocateWish,
  Allocated,
  Before,
  Chunk,
  ChunkWritten,
  LeaseSecrets,
  PutWhole,
  ReadTestWrite,
  ReadTestWritten,
  ServerErrorCode,
  WholePut,
} from "../../src/services/files/grid/server.ts";
import { RangeSet } from "../../src/services/files/storage/ranges.ts";
import { ownerNumber } from "../../src/services/files/storage/room.ts";
import type { Room, StorageMember } from "../../src/services/files/storage/room.ts";
import { Disk, renew } from "./disk.ts";
import type { Share } from "./disk.ts";

interface Waiting {
  run: () => void;
  lose: () => void;
}

export class Machine {
  readonly name: string;
  state: "up" | "frozen" | "down" = "up";
  disk = new Disk();
  /** Bytes that its owner gives. */
  givenBytes = Number.MAX_SAFE_INTEGER;
  /** Share bytes that came in, of chunks and writes. */
  takenBytes = 0;
  /** Share bytes that were read. */
  readBytes = 0;
  /** Writes of mutable shares whose tests failed: somebody else had written. */
  refusedWrites = 0;
  readonly advised: string[] = [];
  /** Takes several small shares in one request; a server of Tahoe-LAFS does not. */
  takesWhole = true;
  readonly room: Room;
  readonly #clock: Clock;
  #frozen: Waiting[] = [];

  /** `roomOf` makes what counts its room, of what is still free. */
  constructor(name: string, clock: Clock, roomOf: (capacity: () => number) => Room) {
    this.name = name;
    this.#clock = clock;
    this.room = roomOf(() => this.givenBytes - this.usedBytes());
  }

  usedBytes(): number {
    let sum = 0;
    for (const { share } of this.disk.all()) sum += share.bytes.length;
    return sum;
  }

  // --- What happens to it -----------------------------------------------------------------------------------------

  /** Does the request now, or when it is thawed. */
  take(run: () => void, lose: () => void): void {
    if (this.state === "up") run();
    else if (this.state === "down") lose();
    else this.#frozen.push({ run, lose });
  }

  freeze(): void {
    if (this.state === "up") this.state = "frozen";
  }

  kill(): void {
    this.state = "down";
    for (const { lose } of this.#frozen.splice(0)) lose();
  }

  /** Thaws it, or starts it again with what is on its disk. */
  start(): void {
    this.state = "up";
    for (const { run } of this.#frozen.splice(0)) run();
  }

  loseDisk(): void {
    this.back(new Disk());
  }

  /** Its disk is what it was before; all is counted anew, as at a start. */
  back(disk: Disk): void {
    this.disk = disk;
    this.room.forget();
    for (const { share } of disk.all()) this.room.count(ownerNumber(share.member), share.bytes.length);
  }

  expire(): number {
    return this.disk.expire(this.#clock.wallMs());
  }

  // --- The protocol -----------------------------------------------------------------------------------------------

  allocate(member: StorageMember, index: string, wish: AllocateWish): Allocated {
    const { bytes, uploadSecret, lease } = wish;
    const there = this.disk.immutable.get(index) ?? new Map<number, Share>();
    for (const share of there.values()) renew(share, lease.renewSecret, this.#clock.wallMs());
    const allocated = wish.shares.filter((number) => {
      if (there.has(number)) return false;
      const known = this.disk.uploads.get(`${index}/${number}`);
      if (known) return same(known.secret, uploadSecret) && known.bytes.length === bytes;
      if (!this.room.allows(member, bytes)) return false;
      this.room.count(ownerNumber(member.member), bytes);
      this.room.promise(bytes);
      const upload = { bytes: new Uint8Array(bytes), written: new RangeSet(), secret: uploadSecret, member };
      this.disk.uploads.set(`${index}/${number}`, { ...upload, renewSecret: lease.renewSecret });
      return true;
    });
    return { alreadyHave: [...there.keys()], allocated };
  }

  writeChunk(index: string, number: number, { uploadSecret, offset, data }: Chunk): ChunkWritten {
    const name = `${index}/${number}`;
    const upload = this.disk.uploads.get(name) ?? this.#fail("no-such-share", name);
    if (!same(upload.secret, uploadSecret)) this.#fail("refused", "another upload secret");
    const end = offset + data.length;
    if (end > upload.bytes.length) this.#fail("failed", "beyond the allocated size");
    for (const { begin, end: to } of upload.written.within({ begin: offset, end })) {
      const there = upload.bytes.subarray(begin, to);
      if (!same(there, data.subarray(begin - offset, to - offset))) this.#fail("conflict", "other bytes are there");
    }
    this.takenBytes += data.length;
    upload.bytes.set(data, offset);
    upload.written.add({ begin: offset, end });
    const missing = upload.written.missing(upload.bytes.length);
    if (missing.length > 0) {
      return { isComplete: false, missing: missing.map((gap) => ({ at: gap.begin, length: gap.end - gap.begin })) };
    }
    this.disk.uploads.delete(name);
    this.room.promise(-upload.bytes.length);
    const share: Share = { bytes: upload.bytes, member: upload.member.member, leases: new Map() };
    renew(share, upload.renewSecret, this.#clock.wallMs());
    const shares = this.disk.immutable.get(index) ?? new Map<number, Share>();
    this.disk.immutable.set(index, shares.set(number, share));
    return { isComplete: true, missing: [] };
  }

  putWhole(member: StorageMember, index: string, { shares, uploadSecret, lease }: PutWhole): WholePut {
    const [first = new Uint8Array(0)] = shares.values();
    const wish = { shares: [...shares.keys()], bytes: first.length, uploadSecret, lease };
    const { alreadyHave, allocated } = this.allocate(member, index, wish);
    for (const number of allocated) {
      const data = shares.get(number)!;
      this.writeChunk(index, number, { uploadSecret, offset: 0, data, total: data.length });
    }
    return { alreadyHave, stored: allocated };
  }

  abort(index: string, number: number, secret: Uint8Array): void {
    const name = `${index}/${number}`;
    const upload = this.disk.uploads.get(name) ?? this.#fail("no-such-share", name);
    if (!same(upload.secret, secret)) this.#fail("refused", "another upload secret");
    this.disk.uploads.delete(name);
    this.room.promise(-upload.bytes.length);
    this.room.count(ownerNumber(upload.member.member), -upload.bytes.length);
  }

  shares(kind: ShareKind, index: string): number[] {
    return [...this.#of(kind, index).keys()];
  }

  read(kind: ShareKind, index: string, number: number, { at, length }: ByteRange): Uint8Array {
    const share = this.#of(kind, index).get(number) ?? this.#fail("no-such-share", `${index}/${number}`);
    const bytes = Buffer.from(share.bytes.slice(at, at + length));
    this.readBytes += bytes.length;
    return bytes;
  }

  renewLease(index: string, { renewSecret }: LeaseSecrets): boolean {
    const shares = this.disk.sharesOf(index);
    for (const share of shares.values()) renew(share, renewSecret, this.#clock.wallMs());
    return shares.size > 0;
  }

  readTestWrite(member: StorageMember, index: string, wish: ReadTestWrite): ReadTestWritten {
    for (const one of wish.before ?? []) this.#store(member, one);
    const slot = this.disk.mutable.get(index);
    if (slot && !same(slot.writeEnabler, wish.writeEnabler)) this.#fail("write-enabler", "another write enabler");
    const shares = slot?.shares ?? new Map<number, Share>();
    const piece = (number: number, at: number, length: number) =>
      Buffer.from((shares.get(number)?.bytes ?? new Uint8Array(0)).slice(at, at + length));
    const success = [...wish.shares].every(([number, { test }]) =>
      test.every(({ offset, size, specimen }) => same(piece(number, offset, size), specimen)),
    );
    const data = new Map(
      [...shares.keys()].map((number) => [number, wish.read.map(({ offset, size }) => piece(number, offset, size))]),
    );
    if (!success) this.refusedWrites += 1;
    if (!success || wish.shares.size === 0) return { success, data };
    const after = [...wish.shares].map(([number, { write, newLength }]) => {
      const bytes = overwritten(shares.get(number)?.bytes, write, newLength);
      return { number, bytes, grownBytes: bytes.length - (shares.get(number)?.bytes.length ?? 0) };
    });
    const grownBytes = after.reduce((sum, one) => sum + one.grownBytes, 0);
    if (grownBytes > 0 && !this.room.allows(member, grownBytes)) this.#fail("no-room", "full");
    for (const { number, bytes } of after) {
      const share = shares.get(number) ?? { bytes, member: member.member, leases: new Map<string, number>() };
      this.room.count(ownerNumber(share.member), bytes.length - (shares.get(number)?.bytes.length ?? 0));
      share.bytes = bytes;
      this.takenBytes += bytes.length;
      if (bytes.length > 0) shares.set(number, share);
      else shares.delete(number);
    }
    for (const share of shares.values()) renew(share, wish.lease.renewSecret, this.#clock.wallMs());
    this.disk.mutable.set(index, { writeEnabler: wish.writeEnabler, shares });
    return { success, data };
  }

  #store(member: StorageMember, one: Before): void {
    if (one.kind === "new") {
      if (!this.readTestWrite(member, one.storageIndex, one.wish).success) this.#fail("conflict", "it is not new");
      return;
    }
    const { alreadyHave, stored } = this.putWhole(member, one.storageIndex, one.put);
    const there = new Set([...alreadyHave, ...stored]);
    if (![...one.put.shares.keys()].every((share) => there.has(share))) this.#fail("no-room", "full");
  }

  #of(kind: ShareKind, index: string): Map<number, Share> {
    const shares = kind === "mutable" ? this.disk.mutable.get(index)?.shares : this.disk.immutable.get(index);
    return shares ?? new Map<number, Share>();
  }

  #fail(code: ServerErrorCode, message: string): never {
    throw new ServerError(code, this.name, message);
  }
}

function overwritten(
  before: Uint8Array | undefined,
  writes: readonly { offset: number; data: Uint8Array }[],
  newLength: number | null,
): Uint8Array {
  const end = Math.max(before?.length ?? 0, ...writes.map(({ offset, data }) => offset + data.length));
  const bytes = new Uint8Array(end);
  if (before) bytes.set(before);
  for (const { offset, data } of writes) bytes.set(data, offset);
  return newLength === null ? bytes : bytes.slice(0, newLength);
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
