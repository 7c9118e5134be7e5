/** A grid of our own storage servers and what uploads and downloads need of it, with faults at a chosen moment. */
import type { ShareKind } from "../../src/services/files/storage/share-file.ts";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/kernel/clock.ts";
import { simdMixer } from "../../src/platform/erasure.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { erasureKernel } from "../../src/protocols/grid/erasure-kernel.ts";
import { erasureCode } from "../../src/protocols/grid/erasure.ts";
import type { ChkReadCap, KnownCap, LitCap } from "../../src/protocols/grid/caps.ts";
import { bytesContent } from "../../src/services/files/grid/content.ts";
import { downloadImmutable } from "../../src/services/files/grid/download.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import type {
  Content,
  DownloadOptions,
  Encoding,
  UploadOptions,
  Uploaded,
} from "../../src/services/files/grid/grid.ts";
import type { ImmutableNeeds } from "../../src/services/files/grid/immutable.ts";
import type { GridServer, ServerState } from "../../src/services/files/grid/server.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import { uploadImmutable } from "../../src/services/files/grid/upload.ts";
import { openIdentity } from "../../src/platform/identity.ts";
import { announcementOf, tubIdOf } from "../../src/services/files/storage/announcement.ts";
import { StorageBox, SWISSNUM } from "../grid/storage-box.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { start } from "../support/process.ts";
import type { Owner, Running } from "../support/process.ts";
import type { Announcement } from "../tahoe/grid.ts";
import { announcedOf, clientOf, placeOf } from "./storage-clients.ts";

const mixer = simdMixer(erasureKernel());
export const clock = systemClock();
export const crypto = gridCrypto();
export const secretOf = (name: string): Uint8Array => new Uint8Array(createHash("sha256").update(name).digest());

/** Everything of a server goes through it: it counts, and fails when it is told to. */
export class Watched implements GridServer {
  readonly inner: GridServer;
  owner: string | undefined;
  zone: string | undefined;
  /** Of chunks, and of what was read. */
  sentBytes = 0;
  readBytes = 0;
  readonly asked: string[] = [];
  readonly advised: number[] = [];
  available: number | undefined;
  quality: ServerState | undefined;
  /** What its small requests take, by what it says. */
  tookMs: number | undefined;
  /** Off: all goes share by share, as with a server of Tahoe-LAFS. */
  takesWhole = false;
  /** Before each request: may wait, or throw. */
  before: (what: string, signal?: AbortSignal) => Promise<void> = async () => {};
  /** After each reading. */
  spoil: (share: number, at: number, bytes: Uint8Array) => Uint8Array = (_share, _at, bytes) => bytes;
  readonly id: string;
  readonly name: string;
  readonly seed: Uint8Array;
  readonly tubId: Uint8Array;

  constructor(inner: GridServer) {
    this.inner = inner;
    ({ id: this.id, name: this.name, seed: this.seed, tubId: this.tubId, owner: this.owner, zone: this.zone } = inner);
  }

  freeze(): void {
    this.before = (_what, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
  }

  kill(): void {
    this.before = () => Promise.reject(new ServerError("unreachable", this.name, "killed"));
  }

  state = (): ServerState => this.quality ?? this.inner.state();
  availableBytes = (): number | undefined => this.available ?? this.inner.availableBytes();
  responseMs = (): number | undefined => this.tookMs ?? this.inner.responseMs();
  takesBefore = (): boolean => false;

  allocate: GridServer["allocate"] = async (storageIndex, wish, signal) => {
    await this.#begin("allocate", signal);
    return this.inner.allocate(storageIndex, wish, signal);
  };

  putWhole: GridServer["putWhole"] = async (storageIndex, wish, signal) => {
    if (!this.takesWhole) return undefined;
    await this.#begin("put", signal);
    const put = await this.inner.putWhole(storageIndex, wish, signal);
    for (const share of put?.stored ?? []) this.sentBytes += wish.shares.get(share)!.length;
    return put;
  };

  writeChunk: GridServer["writeChunk"] = async (storageIndex, share, chunk, signal) => {
    await this.#begin("write", signal);
    this.sentBytes += chunk.data.length;
    return this.inner.writeChunk(storageIndex, share, chunk, signal);
  };

  abort: GridServer["abort"] = async (...all) => {
    await this.#begin("abort");
    return this.inner.abort(...all);
  };

  shares = async (kind: ShareKind, storageIndex: string, signal?: AbortSignal): Promise<number[]> => {
    await this.#begin("shares", signal);
    return this.inner.shares(kind, storageIndex, signal);
  };

  read: GridServer["read"] = async (kind, storageIndex, share, range, signal) => {
    await this.#begin("read", signal);
    const bytes = await this.inner.read(kind, storageIndex, share, range, signal);
    this.readBytes += bytes.length;
    return this.spoil(share, range.at, bytes);
  };

  renewLease: GridServer["renewLease"] = (...all) => this.inner.renewLease(...all);
  readTestWrite: GridServer["readTestWrite"] = (...all) => this.inner.readTestWrite(...all);

  advise: GridServer["advise"] = async (_kind, _storageIndex, share) => {
    this.advised.push(share);
  };

  async #begin(what: string, signal?: AbortSignal): Promise<void> {
    this.asked.push(what);
    signal?.throwIfAborted();
    await this.before(what, signal);
  }
}

export interface TestGrid {
  boxes: StorageBox[];
  servers: Watched[];
  needs: ImmutableNeeds;
  workers: GridWorkers;
}

export function needsOf(servers: () => readonly GridServer[], workers: GridWorkers): ImmutableNeeds {
  const secrets = { convergence: secretOf("convergence"), lease: secretOf("lease"), upload: secretOf("upload") };
  return { crypto, codeOf: (k, n) => erasureCode(k, n, mixer), clock, servers, workers, secrets };
}

/** So many storage servers in this process, spoken to over HTTPS. */
export async function testGrid(owner: Owner, count: number): Promise<TestGrid> {
  const boxes = await Promise.all(Array.from({ length: count }, () => StorageBox.start({ owner })));
  const servers = boxes.map((box, index) => {
    const announced = announcedOf(`v0-box${index}`, box.announcement(`box ${index}`));
    return new Watched(clientOf(owner, placeOf(announced)));
  });
  const workers = new GridWorkers({ clock });
  owner.after(() => workers.close());
  return { boxes, servers, needs: needsOf(() => servers, workers), workers };
}

const PROGRAM = fileURLToPath(new URL("../grid/storage-process.ts", import.meta.url));

export interface ServerProcess {
  running: Running;
  server: Watched;
  folder: string;
}

/** A storage server in a process of its own, which can be frozen and killed. */
export async function serverProcess(
  owner: Owner,
  name: string,
  folder = temporaryFolder(name),
): Promise<ServerProcess> {
  const running = start([process.execPath, PROGRAM, folder], { name, owner });
  const port = Number(/\d+/.exec(String(await running.waitForLine(/^port \d+/)))![0]);
  const { certificatePem } = await openIdentity(folder);
  const place = { certificatePem, host: "127.0.0.1", port, swissnum: SWISSNUM, tubId: tubIdOf(certificatePem) };
  const announced = announcedOf(`v0-${name}`, announcementOf(place, name) as unknown as Announcement);
  return { running, folder, server: new Watched(clientOf(owner, placeOf(announced))) };
}

export async function processGrid(owner: Owner, count: number) {
  const processes: ServerProcess[] = [];
  for (let index = 0; index < count; index++) processes.push(await serverProcess(owner, `server${index}`));
  const servers = processes.map(({ server }) => server);
  const workers = new GridWorkers({ clock });
  owner.after(() => workers.close());
  return { processes, servers, workers, needs: needsOf(() => servers, workers) };
}

export const encoding = (needed: number, total: number, happy = total, segmentMaxBytes = 1_048_576): Encoding => ({
  needed,
  total,
  happy,
  segmentMaxBytes,
});

export function put(
  needs: ImmutableNeeds,
  content: Content | Uint8Array,
  how: Encoding,
  options: UploadOptions = {},
): Promise<Uploaded> {
  const given = content instanceof Uint8Array ? bytesContent(content) : content;
  return uploadImmutable(needs, given, { ...options, encoding: how });
}

export async function get(needs: ImmutableNeeds, cap: KnownCap, options: DownloadOptions = {}): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of downloadImmutable(needs, cap as ChkReadCap | LitCap, options)) parts.push(part);
  return Buffer.concat(parts);
}

/** Content of any size without memory: the same bytes each time. */
export function generated(bytes: number): Content {
  const piece = new Uint8Array(65_536 + 7);
  for (let index = 0; index < piece.length; index++) piece[index] = (index * 2_654_435_761) >>> 13;
  return {
    bytes,
    read: async function* (at = 0) {
      for (let next = at; next < bytes;) {
        const from = next % piece.length;
        const part = piece.subarray(from, Math.min(piece.length, from + bytes - next));
        next += part.length;
        yield part;
      }
    },
  };
}

/** Bytes of which no two sizes have the same, quickly made. */
export function bytesOf(size: number): Buffer {
  const key = secretOf(String(size)).subarray(0, 16);
  return Buffer.from(crypto.aesCtr(key, new Uint8Array(size)));
}

export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const startedMs = clock.monotonicMs();
  const value = await work();
  return { value, ms: clock.monotonicMs() - startedMs };
}

export function sameContent(a: Uint8Array, b: Uint8Array, what: string): void {
  assert.ok(Buffer.compare(a, b) === 0, `${what}: other bytes`);
}
