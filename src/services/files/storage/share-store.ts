/**
 * The shares of a storage server: what is there, what is being uploaded, who keeps it and what it takes of whose
 * room. It knows nothing of HTTP; what the protocol answers with a status is thrown as a `Refusal`.
 */
import { mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { Cancel, Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { PRIVATE_FOLDER_MODE } from "../../../platform/constants.ts";
import { Advisories } from "./advisories.ts";
import { IMMUTABLE_HEADER_BYTES, LEASE_DURATION_S, PENDING_SEGMENT_BYTES } from "./constants.ts";
import { immutableContainer } from "./immutable-container.ts";
import { leaseOf } from "./leases.ts";
import type { Lease, LeaseRequest } from "./leases.ts";
import { MutableSlots } from "./mutable-slots.ts";
import { PendingShares } from "./pending-shares.ts";
import type { Containers } from "./pending-shares.ts";
import { refuse } from "./refusal.ts";
import { Room, ownerNumber, takenBytes } from "./room.ts";
import type { StorageMember } from "./room.ts";
import type { ShareFile, ShareKind } from "./share-file.ts";
import { sharePaths } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";
import { Shelf } from "./shelf.ts";
import type { Storing } from "./store-together.ts";
import { Turns } from "../../../kernel/turns.ts";
import { Uploads, hasSecret } from "./uploads.ts";

export interface ShareStoreOptions {
  /** Holds `shares`; may be the `storage` folder of a Tahoe-LAFS node that has ended. */
  folder: string;
  clock: Clock;
  log: Log;
  /** Bytes that shares may still take on the disk. */
  capacity: () => number;
  members: readonly StorageMember[];
  /** The server's tub id, 20 bytes, which goes into mutable containers. */
  nodeId: Uint8Array;
}

/** Lease secrets of 32 bytes as they come with a request. */
export interface LeaseSecrets {
  renewSecret: Uint8Array;
  cancelSecret: Uint8Array;
}

export interface Allocation {
  alreadyHave: number[];
  allocated: number[];
}

/** A share that comes whole. */
interface SmallWish {
  shares: ReadonlyMap<number, Uint8Array>;
  uploadSecret: Uint8Array;
  secrets: LeaseSecrets;
  /** 507 where there is no room for one of them. */
  isAllOrNone?: boolean;
}

const SWEEP_PERIOD_MS = 60_000;
/** With less room than the journal of small shares may want, it keeps itself short. */
const TIGHT_BYTES = 4 * PENDING_SEGMENT_BYTES;

export class ShareStore {
  readonly room: Room;
  readonly uploads: Uploads;
  readonly advisories: Advisories;
  readonly mutable: MutableSlots;
  readonly #paths: SharePaths;
  readonly #shelf: Shelf;
  readonly #clock: Clock;
  /** One request at a time changes what is there of a storage index. */
  readonly #turns = new Turns();
  #stopSweep: Cancel = () => {};

  private constructor(options: ShareStoreOptions, shelf: Shelf) {
    const { folder, clock, capacity, members, nodeId } = options;
    this.#paths = shelf.paths;
    this.#shelf = shelf;
    this.#clock = clock;
    this.room = new Room({ capacity, members });
    this.uploads = new Uploads({ paths: shelf.paths, pending: shelf.pending, clock, room: this.room });
    this.advisories = new Advisories(join(folder, "corruption-advisories.jsonl"), clock);
    this.mutable = new MutableSlots({ shelf, room: this.room, turns: this.#turns, nodeId });
  }

  /** Takes up what an earlier run left, and counts what is there: one small reading for each share. */
  static async open(options: ShareStoreOptions): Promise<ShareStore> {
    const paths = sharePaths(options.folder);
    for (const folder of [paths.incoming, paths.writes]) {
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
    }
    const { clock, log, capacity } = options;
    const isTight = () => capacity() < TIGHT_BYTES;
    const pending = await PendingShares.open({ paths, clock, log, isTight });
    const store = new ShareStore(options, new Shelf(paths, pending));
    try {
      await store.mutable.recover();
      await store.#count();
      await store.uploads.recover();
      await store.advisories.open();
    } catch (error) {
      await pending.close();
      throw error;
    }
    const sweep = () =>
      void store.uploads
        .dropIdle()
        .catch((error: unknown) => options.log.error("uploads that were left could not be removed", { error }));
    store.#stopSweep = options.clock.every(SWEEP_PERIOD_MS, sweep);
    return store;
  }

  async close(): Promise<void> {
    this.#stopSweep();
    await this.uploads.close();
    await this.#shelf.pending.close();
  }

  /** Where small shares go first. */
  get pending(): PendingShares {
    return this.#shelf.pending;
  }

  /** Puts the small shares that are in the journal only into their files. */
  checkpoint(): Promise<void> {
    return this.#shelf.pending.checkpoint();
  }

  /** Numbers of the complete shares of this kind. */
  async numbers(kind: ShareKind, storageIndex: string): Promise<number[]> {
    const found: number[] = [];
    for (const number of await this.#shelf.numbers(storageIndex)) {
      const share = await this.open(kind, storageIndex, number);
      if (!share) continue;
      await share.file.close();
      found.push(number);
    }
    return found;
  }

  /** The share, opened; undefined when there is none of this kind. */
  async open(kind: ShareKind, storageIndex: string, number: number): Promise<ShareFile | undefined> {
    const share = await this.#shelf.open(storageIndex, number);
    if (!share || share.kind === kind) return share;
    await share.file.close();
    return undefined;
  }

  /** Opens shares of `bytes` each for writing, as far as there is room; what is complete gets its lease. */
  allocate(
    member: StorageMember,
    storageIndex: string,
    wish: { numbers: readonly number[]; bytes: number; uploadSecret: Uint8Array; secrets: LeaseSecrets },
  ): Promise<Allocation> {
    return this.#turns.run(storageIndex, async () => {
      const lease = this.leaseRequest(member, wish.secrets);
      const begun = wish.numbers.filter((number) => this.uploads.find(storageIndex, number));
      const there = await this.#renew(storageIndex, lease);
      const alreadyHave = [...there].filter(([, kind]) => kind === "immutable").map(([number]) => number);
      const allocated: number[] = [];
      for (const number of wish.numbers.filter((one) => !there.has(one))) {
        const upload = this.uploads.find(storageIndex, number);
        if (upload) {
          if (hasSecret(upload, wish.uploadSecret) && upload.bytes === wish.bytes) allocated.push(number);
        } else if (begun.includes(number) && (await this.#exists(storageIndex, number))) {
          // Its last chunk came while this request was being looked at.
          alreadyHave.push(number);
        } else if (this.room.allows(member, takenBytes(wish.bytes))) {
          const { bytes, uploadSecret: secret } = wish;
          if (await this.uploads.begin({ storageIndex, number, bytes, secret, lease })) allocated.push(number);
        }
      }
      return { alreadyHave, allocated };
    });
  }

  /**
   * Stores whole shares, as far as there is room; what is complete gets its lease. 409 when an upload of one of them
   * is in progress, under the same secret and with other bytes: then nothing is stored.
   */
  storeSmall(
    member: StorageMember,
    storageIndex: string,
    wish: SmallWish,
    storing: Storing = this.pending,
  ): Promise<{ alreadyHave: number[]; stored: number[] }> {
    return this.#turns.run(storageIndex, async () => {
      const request = this.leaseRequest(member, wish.secrets);
      const begun = [...wish.shares.keys()].filter((number) => this.uploads.find(storageIndex, number));
      const there = await this.#renew(storageIndex, request);
      const alreadyHave = [...there].filter(([, kind]) => kind === "immutable").map(([number]) => number);
      const stored: number[] = [];
      const fresh: [number, Uint8Array][] = [];
      for (const [number, bytes] of wish.shares) {
        if (there.has(number)) continue;
        if (!begun.includes(number)) fresh.push([number, bytes]);
        else if (await this.uploads.writeAll(storageIndex, number, wish.uploadSecret, bytes)) stored.push(number);
        // Its last chunk came while this request was being looked at.
        else if (await this.#exists(storageIndex, number)) alreadyHave.push(number);
        else if (!this.uploads.find(storageIndex, number)) fresh.push([number, bytes]);
      }
      const { containers, taken } = this.#fitting(member, fresh, leaseOf(request, 2));
      if (wish.isAllOrNone && containers.size < fresh.length) refuse(507, "no room for a share before the write");
      await this.#putWhole(storageIndex, { containers, taken, owner: request.owner }, storing);
      stored.push(...containers.keys());
      return { alreadyHave, stored };
    });
  }

  /** Containers of those that there is room for, and what they take of it. */
  #fitting(member: StorageMember, shares: readonly [number, Uint8Array][], lease: Lease) {
    const containers = new Map<number, Buffer>();
    let taken = 0;
    for (const [number, bytes] of shares) {
      if (!this.room.allows(member, taken + takenBytes(bytes.length))) continue;
      taken += takenBytes(bytes.length);
      const container = immutableContainer(bytes.length, lease);
      container.set(bytes, IMMUTABLE_HEADER_BYTES);
      containers.set(number, container);
    }
    return { containers, taken };
  }

  async #putWhole(
    storageIndex: string,
    { containers, taken, owner }: { containers: Containers; taken: number; owner: number },
    storing: Storing,
  ): Promise<void> {
    if (containers.size === 0) return;
    // Counted before: others ask for room while the disk works.
    this.room.count(owner, taken);
    try {
      await storing.put(storageIndex, containers);
    } catch (error) {
      this.room.count(owner, -taken);
      throw error;
    }
  }

  /** Renews or adds the lease on every share of the storage index. 404 when there is none. */
  async renewLeases(member: StorageMember, storageIndex: string, secrets: LeaseSecrets): Promise<void> {
    await this.#turns.run(storageIndex, async () => {
      const there = await this.#renew(storageIndex, this.leaseRequest(member, secrets));
      if (![...there.values()].some((kind) => kind !== undefined)) refuse(404, "no shares of this storage index");
    });
  }

  leaseRequest({ member }: StorageMember, secrets: LeaseSecrets): LeaseRequest {
    const expiryS = Math.floor(this.#clock.wallMs() / 1000) + LEASE_DURATION_S;
    return { ...secrets, owner: ownerNumber(member), expiryS };
  }

  /** Every storage index with something in it, as they come. */
  storageIndexes(): AsyncGenerator<string> {
    return this.#shelf.storageIndexes();
  }

  /**
   * Removes those shares of the storage index that `isUnwanted` names. It is asked of each share none of whose leases
   * holds now, with the end of the last one in seconds since 1970; 0 where there never was one.
   */
  removeExpired(
    storageIndex: string,
    isUnwanted: (share: number, endedS: number) => boolean,
  ): Promise<{ removed: number; bytes: number }> {
    return this.#turns.run(storageIndex, async () => {
      const total = { removed: 0, bytes: 0 };
      for (const number of await this.#shelf.numbers(storageIndex)) {
        const bytes = await this.#removeIfExpired(storageIndex, number, isUnwanted);
        if (bytes === undefined) continue;
        total.removed += 1;
        total.bytes += bytes;
      }
      if (total.removed > 0) await rmdir(this.#paths.slot(storageIndex)).catch(() => {});
      return total;
    });
  }

  async #removeIfExpired(
    storageIndex: string,
    number: number,
    isUnwanted: (share: number, endedS: number) => boolean,
  ): Promise<number | undefined> {
    const share = await this.#shelf.open(storageIndex, number);
    if (!share) return undefined;
    try {
      const leases = await share.leases();
      const endedS = leases.reduce((latest, { expiryS }) => Math.max(latest, expiryS), 0);
      if (endedS > this.#clock.wallMs() / 1000 || !isUnwanted(number, endedS)) return undefined;
      await this.#shelf.pending.settle(storageIndex);
      await rm(this.#paths.share(storageIndex, number));
      this.room.count(leases[0]?.owner ?? 0, -takenBytes(share.dataBytes));
      return share.dataBytes;
    } finally {
      await share.file.close();
    }
  }

  /** What is there, after its lease was renewed or added; undefined for a file that is no share. */
  async #renew(storageIndex: string, request: LeaseRequest): Promise<Map<number, ShareKind | undefined>> {
    const there = new Map<number, ShareKind | undefined>();
    await this.#shelf.pending.clear(storageIndex);
    for (const number of await this.#shelf.numbers(storageIndex)) {
      const share = await this.#shelf.open(storageIndex, number, "r+");
      there.set(number, share?.kind);
      if (!share) continue;
      try {
        await share.renew(request);
      } finally {
        await share.file.close();
      }
    }
    return there;
  }

  async #exists(storageIndex: string, number: number): Promise<boolean> {
    const share = await this.#shelf.open(storageIndex, number);
    await share?.file.close();
    return share !== undefined;
  }

  async #count(): Promise<void> {
    this.room.forget();
    for await (const storageIndex of this.#shelf.storageIndexes()) {
      for (const number of await this.#shelf.numbers(storageIndex)) {
        const share = await this.#shelf.open(storageIndex, number);
        if (!share) continue;
        try {
          this.room.count((await share.leases())[0]?.owner ?? 0, takenBytes(share.dataBytes));
        } finally {
          await share.file.close();
        }
      }
    }
  }
}
