/**
 * Mutable shares: one operation that tests, reads and writes all shares of a storage index. It is atomic also when
 * the server dies. Small shares are replaced (`mutable-replacing.ts`). For large ones, the request's body and a note of
 * the decision are on the disk before the first share changes, and what they say can be done twice.
 *
 *   body on disk ──tests fail──► answer
 *        └── tests pass ──► note and body synced ──► shares changed and synced ──► note, body removed ──► answer
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { syncFolder, writeAtomic } from "../../../platform/files.ts";
import { READ_RESULT_MAX_BYTES, REPLACED_MAX_BYTES, SYNCED_TOGETHER_MAX } from "./constants.ts";
import type { LeaseRequest } from "./leases.ts";
import { changeShare, endOf, lengthAfter, readBody } from "./mutable-change.ts";
import { dataEquals, mutableHeader, mutableLeases, readMutable } from "./mutable-container.ts";
import type { ContainerFile, MutableContainer } from "./mutable-container.ts";
import { MemoryFile, Replacing } from "./mutable-replacing.ts";
import type { Replacement } from "./mutable-replacing.ts";
import { refuse } from "./refusal.ts";
import type { Room, StorageMember } from "./room.ts";
import { makeSlotFolder, namesIn, shareNumber } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";
import type { Turns } from "../../../kernel/turns.ts";
import { readWriteRequest } from "./write-request.ts";
import type { ReadVector, ShareWish, Span, WriteRequest } from "./write-request.ts";

export interface MutableSlotsOptions {
  paths: SharePaths;
  room: Room;
  turns: Turns;
  nodeId: Uint8Array;
}

export interface WriteWish {
  member: StorageMember;
  storageIndex: string;
  writeEnabler: Uint8Array;
  lease: LeaseRequest;
  /** Of the body, which this operation removes. */
  bodyPath: string;
}

export interface WriteAnswer {
  success: boolean;
  /** Share number → one piece of data for each read vector. */
  data: Map<number, Uint8Array[]>;
}

interface Slot {
  file: FileHandle;
  container: MutableContainer;
}

interface Replaced extends Replacement {
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
  readonly #paths: SharePaths;
  readonly #room: Room;
  readonly #turns: Turns;
  readonly #nodeId: Uint8Array;
  readonly #replacing: Replacing;
  /** Decided, and not done for a reason that may pass (no space): done before the next request there. */
  readonly #unfinished = new Set<string>();

  constructor({ paths, room, turns, nodeId }: MutableSlotsOptions) {
    this.#paths = paths;
    this.#room = room;
    this.#turns = turns;
    this.#nodeId = nodeId;
    this.#replacing = new Replacing(paths);
  }

  /** Where the body of a new request may be put. */
  newBodyPath(): string {
    return join(this.#paths.writes, `${randomBytes(12).toString("hex")}.body`);
  }

  async dropBody(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /** Finishes what was decided before the server ended; drops bodies of which nothing was decided. */
  async recover(): Promise<void> {
    await this.#replacing.finish();
    for (const name of await namesIn(this.#paths.writes)) {
      if (name.endsWith(".note")) await this.#redo(name.slice(0, -".note".length));
    }
    for (const name of await namesIn(this.#paths.writes)) await rm(join(this.#paths.writes, name), { force: true });
  }

  /** 401 for another write enabler, 400 for a malformed body, 403 for a reader, 507 without room. */
  async readTestWrite(wish: WriteWish): Promise<WriteAnswer> {
    const body = await open(wish.bodyPath, "r");
    let keep = false;
    try {
      const request = readWriteRequest(body.fd, (await body.stat()).size);
      return await this.#turns.run(wish.storageIndex, async () => {
        if (this.#unfinished.has(wish.storageIndex)) await this.#finish(wish.storageIndex);
        const slots = await this.#open(wish.storageIndex);
        try {
          return await this.#decide(wish, request, slots, body);
        } finally {
          for (const { file } of slots.values()) await file.close();
          keep = this.#unfinished.has(wish.storageIndex);
        }
      });
    } finally {
      await body.close();
      if (!keep) await rm(wish.bodyPath, { force: true });
    }
  }

  async #decide(
    wish: WriteWish,
    request: WriteRequest,
    slots: Map<number, Slot>,
    body: FileHandle,
  ): Promise<WriteAnswer> {
    for (const { container } of slots.values()) {
      if (!timingSafeEqual(container.writeEnabler, wish.writeEnabler)) refuse(401, "wrong write enabler");
    }
    let success = true;
    for (const [number, { tests }] of request.shares) {
      for (const test of tests) success &&= await passes(slots.get(number), test, body.fd);
    }
    const data = await readAll(slots, request.reads);
    if (success && request.shares.size > 0) await this.#commit(wish, request, slots, body);
    return { success, data };
  }

  async #commit(wish: WriteWish, request: WriteRequest, slots: Map<number, Slot>, body: FileHandle): Promise<void> {
    if (!wish.member.mayWrite) refuse(403, "this swissnum reads only");
    let growth = 0;
    for (const [number, share] of request.shares) {
      const before = slots.get(number)?.container.dataBytes ?? 0;
      growth += lengthAfter(before, share) - before;
    }
    if (growth > 0 && !this.#room.allows(wish.member, growth)) refuse(507, "no room");
    const replaced = await this.#replaced(wish, request, slots, body);
    if (replaced) return this.#replace(wish.storageIndex, replaced);
    const note: Note = {
      storageIndex: wish.storageIndex,
      body: wish.bodyPath.slice(wish.bodyPath.lastIndexOf("/") + 1),
      writeEnabler: hex(wish.writeEnabler),
      owner: wish.lease.owner,
      expiryS: wish.lease.expiryS,
      renew: hex(wish.lease.renewSecret),
      cancel: hex(wish.lease.cancelSecret),
    };
    await Promise.all([body.sync(), makeSlotFolder(this.#paths, wish.storageIndex)]);
    await writeAtomic(this.#notePath(wish.storageIndex), JSON.stringify(note));
    this.#unfinished.add(wish.storageIndex);
    await this.#apply(note, request, body.fd);
    await this.#done(note);
  }

  /** The shares as they are to be, in memory; undefined when one of them goes, or is too large for that. */
  async #replaced(
    { writeEnabler, lease }: WriteWish,
    request: WriteRequest,
    slots: Map<number, Slot>,
    body: FileHandle,
  ): Promise<Replaced[] | undefined> {
    const replaced: Replaced[] = [];
    for (const [number, share] of request.shares) {
      const slot = slots.get(number);
      const bytes = slot ? (await slot.file.stat()).size : 0;
      if (share.newLength === 0 || Math.max(bytes, ...share.writes.map(endOf)) > REPLACED_MAX_BYTES) return undefined;
      const before = slot ? Buffer.alloc(bytes) : mutableHeader(this.#nodeId, writeEnabler);
      await slot?.file.read(before, 0, bytes, 0);
      const file = new MemoryFile(before);
      const { container, growth } = await changeShare(file, (await readMutable(file))!, share, lease, body.fd);
      replaced.push({ number, content: file.bytes, growth, owner: await ownerOf({ file, container }) });
    }
    return replaced;
  }

  async #replace(storageIndex: string, shares: readonly Replaced[]): Promise<void> {
    await this.#replacing.replace(storageIndex, shares, () => {
      this.#unfinished.add(storageIndex);
      for (const { owner, growth } of shares) this.#room.count(owner, growth);
    });
    this.#unfinished.delete(storageIndex);
  }

  async #finish(storageIndex: string): Promise<void> {
    await this.#replacing.finish(storageIndex);
    if ((await namesIn(this.#paths.writes)).includes(`${storageIndex}.note`)) await this.#redo(storageIndex);
    this.#unfinished.delete(storageIndex);
  }

  /**
   * Does what the note of this storage index says, again or for the first time. A note without its body is done: the
   * body goes last.
   */
  async #redo(storageIndex: string): Promise<void> {
    const text = await readFile(this.#notePath(storageIndex), "utf8");
    const note = noteShape.parse(JSON.parse(text));
    const path = join(this.#paths.writes, note.body);
    const body = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    try {
      if (body) await this.#apply(note, readWriteRequest(body.fd, (await body.stat()).size), body.fd);
    } finally {
      await body?.close();
    }
    await this.#done(note);
    await rm(path, { force: true });
  }

  /** Not synced: to do it again does no harm, as long as no other write has come, and that brings its own note. */
  async #done({ storageIndex }: Note): Promise<void> {
    await rm(this.#notePath(storageIndex), { force: true });
    this.#unfinished.delete(storageIndex);
  }

  async #apply(note: Note, request: WriteRequest, body: number): Promise<void> {
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
    this.#room.count(owner, -slot.container.dataBytes);
  }

  async #change(path: string, share: ShareWish, note: Note, body: number): Promise<void> {
    const slot = (await openSlot(path)) ?? (await this.#create(path, note));
    const { file } = slot;
    try {
      const lease = {
        owner: note.owner,
        expiryS: note.expiryS,
        renewSecret: Buffer.from(note.renew, "hex"),
        cancelSecret: Buffer.from(note.cancel, "hex"),
      };
      const { container, growth } = await changeShare(file, slot.container, share, lease, body);
      await file.sync();
      this.#room.count(await ownerOf({ file, container }), growth);
    } finally {
      await file.close();
    }
  }

  async #create(path: string, note: Note): Promise<Slot> {
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
      for (const number of (await namesIn(this.#paths.slot(storageIndex))).map(shareNumber)) {
        if (number === undefined) continue;
        const slot = await openSlot(this.#paths.share(storageIndex, number));
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

async function openSlot(path: string): Promise<Slot | undefined> {
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

async function passes(slot: Slot | undefined, test: ReadVector & { specimen: Span }, body: number): Promise<boolean> {
  const length = slot ? Math.max(0, Math.min(test.size, slot.container.dataBytes - test.offset)) : 0;
  if (length !== test.specimen.length) return false;
  if (!slot) return true;
  const specimen = (at: number, bytes: number) => readBody(body, { at: test.specimen.at + at, length: bytes });
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
