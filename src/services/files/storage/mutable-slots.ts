/**
 * Mutable shares: one operation that tests, reads and writes all shares of a storage index. It is atomic also when
 * the server dies. Small shares go through the journal as whole containers (`pending-shares.ts`). For large ones, and
 * where one is removed, the request's body and a note of the decision are on the disk before the first share changes,
 * and what they say can be done twice.
 *
 *   tests fail──► answer
 *   tests pass──► note and body synced ──► shares changed and synced ──► note, body removed ──► answer
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { syncFolder, writeAtomic } from "../../../platform/files.ts";
import type { Turns } from "../../../kernel/turns.ts";
import { PENDING_PUT_BYTES_MAX, READ_RESULT_MAX_BYTES, REPLACED_MAX_BYTES, SYNCED_TOGETHER_MAX } from "./constants.ts";
import { MemoryFile } from "./container-file.ts";
import type { ContainerFile } from "./container-file.ts";
import type { LeaseRequest } from "./leases.ts";
import { changeShare, endOf, lengthAfter } from "./mutable-change.ts";
import { dataEquals, mutableHeader, mutableLeases, readMutable } from "./mutable-container.ts";
import type { MutableContainer } from "./mutable-container.ts";
import { finishReplacements } from "./mutable-replacing.ts";
import { refuse } from "./refusal.ts";
import { takenBytes } from "./room.ts";
import type { Room, StorageMember } from "./room.ts";
import { makeSlotFolder, namesIn } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";
import type { Shelf } from "./shelf.ts";
import type { Storing } from "./store-together.ts";
import { WriteBodies } from "./write-bodies.ts";
import type { BodyBytes, WriteBody } from "./write-bodies.ts";
import { readWriteRequest } from "./write-request.ts";
import type { ReadVector, ShareWish, Span, WriteRequest } from "./write-request.ts";

export interface MutableSlotsOptions {
  shelf: Shelf;
  room: Room;
  turns: Turns;
  nodeId: Uint8Array;
}

export interface WriteWish {
  member: StorageMember;
  storageIndex: string;
  writeEnabler: Uint8Array;
  lease: LeaseRequest;
  body: WriteBody;
}

export interface WriteAnswer {
  success: boolean;
  /** Share number → one piece of data for each read vector. */
  data: Map<number, Uint8Array[]>;
}

interface Slot {
  file: ContainerFile;
  container: MutableContainer;
}

interface FileSlot extends Slot {
  file: FileHandle;
}

interface Replaced {
  /** The whole container. */
  content: Buffer;
  owner: number;
  growth: number;
}

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const noteShape = z.strictObject({
  storageIndex: z.string(),
  body: z.string().regex(/^[0-9a-f]+\.body$/),
  writeEnabler: hex32,
  owner: z.int(),
  expiryS: z.int(),
  renew: hex32,
  cancel: hex32,
});
type Note = z.infer<typeof noteShape>;

export class MutableSlots {
  /** Of requests that are being read or worked on. */
  readonly bodies: WriteBodies;
  readonly #shelf: Shelf;
  readonly #paths: SharePaths;
  readonly #room: Room;
  readonly #turns: Turns;
  readonly #nodeId: Uint8Array;
  /** Decided, and not done for a reason that may pass (no space): done before the next request there. */
  readonly #unfinished = new Set<string>();

  constructor({ shelf, room, turns, nodeId }: MutableSlotsOptions) {
    this.#shelf = shelf;
    this.#paths = shelf.paths;
    this.#room = room;
    this.#turns = turns;
    this.#nodeId = nodeId;
    this.bodies = new WriteBodies(shelf.paths.writes, room);
  }

  /** Finishes what was decided before the server ended; drops bodies of which nothing was decided. */
  async recover(): Promise<void> {
    await finishReplacements(this.#paths);
    for (const name of await namesIn(this.#paths.writes)) {
      if (name.endsWith(".note")) await this.#redo(name.slice(0, -".note".length));
    }
    for (const name of await namesIn(this.#paths.writes)) await rm(join(this.#paths.writes, name), { force: true });
  }

  /**
   * The body is the operation's to drop. 401 for another write enabler, 400 for a malformed body, 403 for a reader, 507
   * without room.
   */
  async readTestWrite(wish: WriteWish, storing: Storing = this.#shelf.pending): Promise<WriteAnswer> {
    const { storageIndex, body } = wish;
    let isUnfinished = false;
    try {
      const request = readWriteRequest(body);
      return await this.#turns.run(storageIndex, async () => {
        if (this.#unfinished.has(storageIndex)) await this.#redo(storageIndex);
        const slots = await this.#open(storageIndex);
        try {
          await storing.begin?.();
          return await this.#decide(wish, request, slots, storing);
        } finally {
          for (const { file } of slots.values()) await file.close();
          isUnfinished = this.#unfinished.has(storageIndex);
        }
      });
    } finally {
      await this.bodies.drop(body, isUnfinished);
    }
  }

  async #decide(
    wish: WriteWish,
    request: WriteRequest,
    slots: Map<number, Slot>,
    storing: Storing,
  ): Promise<WriteAnswer> {
    for (const { container } of slots.values()) {
      if (!timingSafeEqual(container.writeEnabler, wish.writeEnabler)) refuse(401, "wrong write enabler");
    }
    let success = true;
    for (const [number, { tests }] of request.shares) {
      for (const test of tests) success &&= await passes(slots.get(number), test, wish.body);
    }
    const data = await readAll(slots, request.reads);
    if (success && request.shares.size > 0) await this.#commit(wish, request, slots, storing);
    return { success, data };
  }

  async #commit(wish: WriteWish, request: WriteRequest, slots: Map<number, Slot>, storing: Storing): Promise<void> {
    if (!wish.member.mayWrite) refuse(403, "this swissnum reads only");
    let growth = 0;
    for (const [number, share] of request.shares) {
      const before = slots.get(number)?.container.dataBytes;
      const after = share.newLength === 0 ? undefined : lengthAfter(before ?? 0, share);
      growth += takenBytes(after) - takenBytes(before);
    }
    if (growth > 0 && !this.#room.allows(wish.member, growth)) refuse(507, "no room");
    const replaced = await this.#replaced(wish, request, slots);
    if (replaced) return this.#replace(wish.storageIndex, replaced, storing);
    await storing.aside?.();
    await this.#shelf.pending.settle(wish.storageIndex);
    const [body] = await Promise.all([wish.body.keep(), makeSlotFolder(this.#paths, wish.storageIndex)]);
    const note: Note = {
      storageIndex: wish.storageIndex,
      body,
      writeEnabler: hex(wish.writeEnabler),
      owner: wish.lease.owner,
      expiryS: wish.lease.expiryS,
      renew: hex(wish.lease.renewSecret),
      cancel: hex(wish.lease.cancelSecret),
    };
    await writeAtomic(this.#notePath(wish.storageIndex), JSON.stringify(note));
    this.#unfinished.add(wish.storageIndex);
    await this.#apply(note, request, wish.body);
    await this.#done(note);
  }

  /** The shares as they are to be, in memory; undefined when one of them goes, or they are too large for that. */
  async #replaced(
    { writeEnabler, lease, body }: WriteWish,
    request: WriteRequest,
    slots: Map<number, Slot>,
  ): Promise<Map<number, Replaced> | undefined> {
    const replaced = new Map<number, Replaced>();
    let total = 0;
    for (const [number, share] of request.shares) {
      const slot = slots.get(number);
      const bytes = slot ? (await slot.file.stat()).size : 0;
      if (share.newLength === 0 || Math.max(bytes, ...share.writes.map(endOf)) > REPLACED_MAX_BYTES) return undefined;
      const before = slot ? Buffer.alloc(bytes) : mutableHeader(this.#nodeId, writeEnabler);
      await slot?.file.read(before, 0, bytes, 0);
      const file = new MemoryFile(before);
      const { container } = await changeShare(file, (await readMutable(file))!, share, lease, body);
      const growth = takenBytes(container.dataBytes) - takenBytes(slot?.container.dataBytes);
      replaced.set(number, { content: file.bytes, growth, owner: await ownerOf({ file, container }) });
      total += file.bytes.length;
      if (total > PENDING_PUT_BYTES_MAX) return undefined;
    }
    return replaced;
  }

  async #replace(storageIndex: string, shares: ReadonlyMap<number, Replaced>, storing: Storing): Promise<void> {
    const count = (sign: 1 | -1) => {
      for (const { owner, growth } of shares.values()) this.#room.count(owner, sign * growth);
    };
    // Counted before: others ask for room while the disk works.
    count(1);
    try {
      await storing.put(storageIndex, new Map([...shares].map(([number, { content }]) => [number, content])));
    } catch (error) {
      count(-1);
      throw error;
    }
  }

  /**
   * Does what the note of this storage index says, again or for the first time. A note without its body is done: the
   * body goes last.
   */
  async #redo(storageIndex: string): Promise<void> {
    const text = await readFile(this.#notePath(storageIndex), "utf8");
    const note = noteShape.parse(JSON.parse(text));
    const body = await this.bodies.leftOver(note.body);
    try {
      if (body) await this.#apply(note, readWriteRequest(body), body);
    } finally {
      await body?.close();
    }
    await this.#done(note);
    await rm(join(this.#paths.writes, note.body), { force: true });
  }

  /** For good: what comes next may go through the journal, and an old note must not take it back. */
  async #done({ storageIndex }: Note): Promise<void> {
    await rm(this.#notePath(storageIndex), { force: true });
    await syncFolder(this.#paths.writes);
    this.#unfinished.delete(storageIndex);
  }

  async #apply(note: Note, request: WriteRequest, body: BodyBytes): Promise<void> {
    const folder = await makeSlotFolder(this.#paths, note.storageIndex);
    const shares = [...request.shares];
    for (let at = 0; at < shares.length; at += SYNCED_TOGETHER_MAX) {
      const some = shares.slice(at, at + SYNCED_TOGETHER_MAX).map(async ([number, share]) => {
        const path = this.#paths.share(note.storageIndex, number);
        if (share.newLength === 0) await this.#remove(path);
        else await this.#change(path, share, note, body);
      });
      // All of them end before one failure is told.
      for (const one of await Promise.allSettled(some)) if (one.status === "rejected") throw one.reason;
    }
    await syncFolder(folder);
  }

  async #remove(path: string): Promise<void> {
    const slot = await openSlot(path);
    if (!slot) return;
    const owner = await ownerOf(slot);
    await slot.file.close();
    await rm(path, { force: true });
    this.#room.count(owner, -takenBytes(slot.container.dataBytes));
  }

  async #change(path: string, share: ShareWish, note: Note, body: BodyBytes): Promise<void> {
    const before = await openSlot(path);
    const slot = before ?? (await this.#create(path, note));
    const { file } = slot;
    try {
      const lease = {
        owner: note.owner,
        expiryS: note.expiryS,
        renewSecret: Buffer.from(note.renew, "hex"),
        cancelSecret: Buffer.from(note.cancel, "hex"),
      };
      const { container } = await changeShare(file, slot.container, share, lease, body);
      await file.sync();
      const growth = takenBytes(container.dataBytes) - takenBytes(before?.container.dataBytes);
      this.#room.count(await ownerOf({ file, container }), growth);
    } finally {
      await file.close();
    }
  }

  async #create(path: string, note: Note): Promise<FileSlot> {
    const temporary = join(this.#paths.writes, `${randomBytes(12).toString("hex")}.new`);
    await mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER_MODE });
    const header = mutableHeader(this.#nodeId, Buffer.from(note.writeEnabler, "hex"));
    await writeFile(temporary, header, { mode: PRIVATE_FILE_MODE });
    await rename(temporary, path);
    return (await openSlot(path))!;
  }

  async #open(storageIndex: string): Promise<Map<number, Slot>> {
    const slots = new Map<number, Slot>();
    try {
      for (const number of await this.#shelf.numbers(storageIndex)) {
        const content = this.#shelf.pending.content(storageIndex, number);
        const slot = content ? await memorySlot(content) : await openSlot(this.#paths.share(storageIndex, number));
        slots.set(number, slot ?? refuse(400, "the shares of this storage index are immutable"));
      }
      return slots;
    } catch (error) {
      for (const { file } of slots.values()) await file.close();
      throw error;
    }
  }

  #notePath(storageIndex: string): string {
    return join(this.#paths.writes, `${storageIndex}.note`);
  }
}

async function memorySlot(content: Buffer): Promise<Slot | undefined> {
  const file = new MemoryFile(content);
  const container = await readMutable(file);
  return container && { file, container };
}

async function openSlot(path: string): Promise<FileSlot | undefined> {
  const file = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  const container = file && (await readMutable(file));
  if (file && container) return { file, container };
  await file?.close();
  return undefined;
}

async function ownerOf({ file, container }: { file: ContainerFile; container: MutableContainer }): Promise<number> {
  return (await mutableLeases(file, container))[0]?.owner ?? 0;
}

async function passes(
  slot: Slot | undefined,
  test: ReadVector & { specimen: Span },
  body: BodyBytes,
): Promise<boolean> {
  const length = slot ? Math.max(0, Math.min(test.size, slot.container.dataBytes - test.offset)) : 0;
  if (length !== test.specimen.length) return false;
  if (!slot) return true;
  const specimen = (at: number, bytes: number) => body.read(test.specimen.at + at, bytes);
  return dataEquals(slot.file, slot.container, { offset: test.offset, length }, specimen);
}

async function readAll(slots: Map<number, Slot>, reads: readonly ReadVector[]): Promise<Map<number, Uint8Array[]>> {
  const data = new Map<number, Uint8Array[]>();
  let total = 0;
  for (const [number, { file, container }] of slots) {
    const parts: Uint8Array[] = [];
    for (const { offset, size } of reads) {
      const length = Math.max(0, Math.min(size, container.dataBytes - offset));
      total += length;
      if (total > READ_RESULT_MAX_BYTES) refuse(400, "the read vectors ask for too much");
      const part = Buffer.alloc(length);
      await file.read(part, 0, length, container.dataAt + offset);
      parts.push(part);
    }
    data.set(number, parts);
  }
  return data;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
