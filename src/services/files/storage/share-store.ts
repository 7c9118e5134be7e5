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
import { LEASE_DURATION_S } from "./constants.ts";
import type { LeaseRequest } from "./leases.ts";
import { LyingBodies } from "./lying-bodies.ts";
import { MutableSlots } from "./mutable-slots.ts";
import { refuse } from "./refusal.ts";
import { Room, ownerNumber } from "./room.ts";
import type { StorageMember } from "./room.ts";
import { openShare } from "./share-file.ts";
import type { ShareFile, ShareKind } from "./share-file.ts";
import { namesIn, shareNumber, sharePaths, storageIndexes } from "./share-paths.ts";
import type { SharePaths } from "./share-paths.ts";
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

const SWEEP_PERIOD_MS = 60_000;

export class ShareStore {
  readonly room: Room;
  /** Of requests that are being read. */
  readonly bodies: LyingBodies;
  readonly uploads: Uploads;
  readonly advisories: Advisories;
  readonly mutable: MutableSlots;
  readonly #paths: SharePaths;
  readonly #clock: Clock;
  /** One request at a time changes what is there of a storage index. */
  readonly #turns = new Turns();
  #stopSweep: Cancel = () => {};

  private constructor(options: ShareStoreOptions, paths: SharePaths) {
    const { folder, clock, capacity, members, nodeId } = options;
    this.#paths = paths;
    this.#clock = clock;
    this.room = new Room({ capacity, members });
    this.bodies = new LyingBodies(this.room);
    this.uploads = new Uploads({ paths, clock, room: this.room });
    this.advisories = new Advisories(join(folder, "corruption-advisories.jsonl"), clock);
    this.mutable = new MutableSlots({ paths, room: this.room, turns: this.#turns, nodeId });
  }

  /** Takes up what an earlier run left, and counts what is there: one small reading for each share. */
  static async open(options: ShareStoreOptions): Promise<ShareStore> {
    const paths = sharePaths(options.folder);
    for (const folder of [paths.incoming, paths.writes]) {
      await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
    }
    const store = new ShareStore(options, paths);
    await store.mutable.recover();
    await store.#count();
    await store.uploads.recover();
    await store.advisories.open();
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
  }

  /** Numbers of the complete shares of this kind. */
  async numbers(kind: ShareKind, storageIndex: string): Promise<number[]> {
    const found: number[] = [];
    for (const number of await this.#all(storageIndex)) {
      const share = await this.open(kind, storageIndex, number);
      if (!share) continue;
      await share.file.close();
      found.push(number);
    }
    return found;
  }

  /** The share, opened; undefined when there is none of this kind. */
  async open(kind: ShareKind, storageIndex: string, number: number): Promise<ShareFile | undefined> {
    const share = await openShare(this.#paths.share(storageIndex, number));
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
      const there = await this.#renew(storageIndex, lease);
      const alreadyHave = [...there].filter(([, kind]) => kind === "immutable").map(([number]) => number);
      const allocated: number[] = [];
      for (const number of wish.numbers.filter((one) => !there.has(one))) {
        const upload = this.uploads.find(storageIndex, number);
        if (upload) {
          if (hasSecret(upload, wish.uploadSecret) && upload.bytes === wish.bytes) allocated.push(number);
        } else if (await this.#exists(storageIndex, number)) {
          // Its last chunk came while this request was being looked at.
          alreadyHave.push(number);
        } else if (this.room.allows(member, wish.bytes)) {
          const { bytes, uploadSecret: secret } = wish;
          if (await this.uploads.begin({ storageIndex, number, bytes, secret, lease })) allocated.push(number);
        }
      }
      return { alreadyHave, allocated };
    });
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
    return storageIndexes(this.#paths.shares);
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
      for (const number of await this.#all(storageIndex)) {
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
    const path = this.#paths.share(storageIndex, number);
    const share = await openShare(path);
    if (!share) return undefined;
    try {
      const leases = await share.leases();
      const endedS = leases.reduce((latest, { expiryS }) => Math.max(latest, expiryS), 0);
      if (endedS > this.#clock.wallMs() / 1000 || !isUnwanted(number, endedS)) return undefined;
      await rm(path);
      this.room.count(leases[0]?.owner ?? 0, -share.dataBytes);
      return share.dataBytes;
    } finally {
      await share.file.close();
    }
  }

  /** What is there, after its lease was renewed or added; undefined for a file that is no share. */
  async #renew(storageIndex: string, request: LeaseRequest): Promise<Map<number, ShareKind | undefined>> {
    const there = new Map<number, ShareKind | undefined>();
    for (const number of await this.#all(storageIndex)) {
      const share = await openShare(this.#paths.share(storageIndex, number), "r+");
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
    const share = await openShare(this.#paths.share(storageIndex, number));
    await share?.file.close();
    return share !== undefined;
  }

  async #all(storageIndex: string): Promise<number[]> {
    const numbers = (await namesIn(this.#paths.slot(storageIndex))).map(shareNumber);
    return numbers.filter((number) => number !== undefined).toSorted((a, b) => a - b);
  }

  async #count(): Promise<void> {
    this.room.forget();
    for await (const storageIndex of storageIndexes(this.#paths.shares)) {
      for (const number of await this.#all(storageIndex)) {
        const share = await openShare(this.#paths.share(storageIndex, number));
        if (!share) continue;
        try {
          this.room.count((await share.leases())[0]?.owner ?? 0, share.dataBytes);
        } finally {
          await share.file.close();
        }
      }
    }
  }
}
