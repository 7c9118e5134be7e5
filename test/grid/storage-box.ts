/** A storage server of ours in this process or in one of its own, and raw requests to it over real HTTPS. */
import { createHash } from "node:crypto";
import { Agent, request as httpsRequest } from "node:https";
import { decode, encode, Token, Type } from "cborg";
import type { EncodeOptions } from "cborg/interface";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { createLog } from "../../src/kernel/log.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import type { Identity } from "../../src/platform/identity.ts";
import { announcementOf, tubIdOf } from "../../src/services/files/storage/announcement.ts";
import type { StorageMember } from "../../src/services/files/storage/room.ts";
import { ShareStore } from "../../src/services/files/storage/share-store.ts";
import type { ServerLimits } from "../../src/services/files/storage/storage-server.ts";
import { StorageServer } from "../../src/services/files/storage/storage-server.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import type { Owner } from "../support/process.ts";
import type { Announcement } from "../tahoe/grid.ts";

export const SWISSNUM = "swissnumexample";
export const SI = "abcdefghijklmnopqrstuvwxya";
const GIB = 2 ** 30;

export interface StorageBoxOptions {
  owner: Owner;
  folder?: string;
  identity?: Identity;
  members?: readonly StorageMember[];
  capacity?: () => number;
  clock?: Clock;
  limits?: Partial<ServerLimits>;
  /** Takes the lines of its log. */
  say?: (line: string) => void;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export interface Ask {
  headers?: Record<string, string | string[]>;
  /** Kind → bytes. */
  secrets?: Readonly<Record<string, Uint8Array>>;
  body?: Uint8Array;
  swissnum?: string;
  /** What the path lies below. */
  root?: string;
}

export class StorageBox {
  readonly folder: string;
  readonly store: ShareStore;
  readonly server: StorageServer;
  readonly port: number;
  readonly identity: Identity;
  readonly agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 10 });

  private constructor(folder: string, store: ShareStore, server: StorageServer, port: number, identity: Identity) {
    this.folder = folder;
    this.store = store;
    this.server = server;
    this.port = port;
    this.identity = identity;
  }

  static async start(options: StorageBoxOptions): Promise<StorageBox> {
    const { owner, clock = systemClock(), identity = newIdentity() } = options;
    const folder = options.folder ?? temporaryFolder("storage");
    const { certificatePem, privateKeyPem } = identity;
    const members = options.members ?? [anna()];
    const capacity = options.capacity ?? (() => 10 * GIB);
    const nodeId = tubIdOf(certificatePem);
    const write = options.say ?? ((line: string) => process.stderr.write(`${line}\n`));
    const log = createLog({ clock, level: "warn", write });
    const store = await ShareStore.open({ folder, clock, log, capacity, members, nodeId });
    const place = { address: "127.0.0.1", port: 0, certificatePem, privateKeyPem };
    const server = new StorageServer({ store, clock, log, ...place, application: "comu/test", limits: options.limits });
    const box = new StorageBox(folder, store, server, await server.listen(), identity);
    owner.after(() => box.stop());
    return box;
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    await this.server.close();
    await this.store.close();
  }

  announcement(nickname: string, swissnum = SWISSNUM): Announcement {
    const { certificatePem } = this.identity;
    const place = { host: "127.0.0.1", port: this.port, swissnum, tubId: tubIdOf(certificatePem) };
    return announcementOf({ certificatePem, ...place }, nickname) as unknown as Announcement;
  }

  ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    return askAt(this.port, method, path, { ...ask, agent: this.agent });
  }
}

export function anna(changes: Partial<StorageMember> = {}): StorageMember {
  return { swissnum: SWISSNUM, member: "anna", quotaBytes: 10 * GIB, mayWrite: true, ...changes };
}

export function askAt(port: number, method: string, path: string, ask: Ask & { agent?: Agent }): Promise<Answer> {
  const { swissnum = SWISSNUM, secrets = {}, body, agent, root = "/storage/v1/" } = ask;
  const lines = Object.entries(secrets).map(([kind, secret]) => `${kind} ${Buffer.from(secret).toString("base64")}`);
  const headers: Record<string, string | string[]> = {
    authorization: `Tahoe-LAFS ${Buffer.from(swissnum).toString("base64")}`,
    ...(lines.length > 0 ? { "x-tahoe-authorization": lines } : {}),
    ...(body ? { "content-length": String(body.length) } : {}),
    ...ask.headers,
  };
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path: root + path, headers, agent };
    const outgoing = httpsRequest({ ...options, rejectUnauthorized: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const OPTIONS: EncodeOptions = {
  typeEncoders: {
    Set: (set: Set<number>) => [
      new Token(Type.tag, 258),
      [new Token(Type.array, set.size), ...[...set].map((one) => new Token(Type.uint, one))],
    ],
  },
};

export function cbor(value: unknown): Uint8Array {
  return encode(value, OPTIONS);
}

/** Maps as Map, sets as Set. */
export function fromCbor(bytes: Uint8Array): unknown {
  return decode(bytes, { useMaps: true, tags: { 258: (content) => new Set(content() as number[]) } });
}

/** 32 bytes that the name stands for. */
export function secret(name: string): Buffer {
  return createHash("sha256").update(name).digest();
}

export const LEASE = { "lease-renew-secret": secret("renew"), "lease-cancel-secret": secret("cancel") };
export const UPLOAD = { "upload-secret": secret("upload") };
export const ENABLER = { "write-enabler": secret("enabler") };

/** Bytes without a pattern, the same in each run. */
export function contentOf(size: number): Buffer {
  const blocks = Math.ceil(size / 32);
  return Buffer.concat(Array.from({ length: blocks }, (_, index) => secret(`${size}:${index}`))).subarray(0, size);
}

/** Asks to allocate; the two sets of the answer as sorted lists. */
export async function allocate(box: StorageBox, numbers: readonly number[], bytes: number, ask: Ask = {}) {
  const body = cbor({ "share-numbers": new Set(numbers), "allocated-size": bytes });
  const answer = await box.ask("POST", `immutable/${SI}`, { secrets: { ...LEASE, ...UPLOAD }, body, ...ask });
  if (answer.status !== 200) return { status: answer.status, have: [], got: [] };
  const sets = fromCbor(answer.body) as Map<string, Set<number>>;
  return { status: 200, have: [...sets.get("already-have")!], got: [...sets.get("allocated")!] };
}

/** What asks for shares to be stored whole, several in one request. */
export function wholeShares(shares: ReadonlyMap<number, Uint8Array>): Ask {
  return { root: "/comu/v1/", secrets: { ...LEASE, ...UPLOAD }, body: cbor({ shares }) };
}

/** Writes a chunk of share `number`. */
export function patch(box: StorageBox, number: number, first: number, bytes: Uint8Array, ask: Ask = {}) {
  const range = `bytes ${first}-${first + bytes.length - 1}/*`;
  const headers = { "content-range": range, ...ask.headers };
  return box.ask("PATCH", `immutable/${SI}/${number}`, { secrets: UPLOAD, body: bytes, ...ask, headers });
}
