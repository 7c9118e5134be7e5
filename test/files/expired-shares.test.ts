/**
 * What nobody wants any more goes, and nothing else: not after a leap of the clock, not when a box comes back after a
 * long time, not when the owner of the files is away for 90 days and longer.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createLog } from "../../src/kernel/log.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import type { VirtualClock } from "../../src/kernel/virtual-clock.ts";
import { openStore } from "../../src/platform/store.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { formatCap } from "../../src/protocols/grid/caps.ts";
import type { ChkVerifyCap, KnownCap } from "../../src/protocols/grid/caps.ts";
import { careStore } from "../../src/services/files/care/care-store.ts";
import { CARE_EVERY_MS } from "../../src/services/files/care/constants.ts";
import { createDeposits } from "../../src/services/files/care/deposits.ts";
import type { CheckResult, Grid } from "../../src/services/files/grid/grid.ts";
import { expiryRows, spaceStore } from "../../src/services/files/space-store.ts";
import {
  EXPIRED_LOOKED_AT_ONCE,
  EXPIRED_LOOK_MS,
  EXPIRED_REMOVED_AT_ONCE,
  EXPIRED_RUNNING_MS,
  LEASE_DURATION_S,
} from "../../src/services/files/storage/constants.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { ExpiredShares } from "../../src/services/files/storage/expired-shares.ts";
import { ShareStore } from "../../src/services/files/storage/share-store.ts";
import { temporaryFolder } from "../support/at-exit.ts";
import { anna, secret } from "../grid/storage-box.ts";
import { MeshDouble } from "./mesh-double.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const LEASE_DAYS = LEASE_DURATION_S / 86_400;
const KEEP_DAYS = 60;
const { signal } = new AbortController();

const indexOf = (n: number) => encodeBase32(Buffer.alloc(16, n + 1));
const secretsOf = (who: string) => ({ renewSecret: secret(`renew ${who}`), cancelSecret: secret(`cancel ${who}`) });

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

class Shelf {
  readonly store: ShareStore;
  readonly clock: VirtualClock;
  readonly #needs: ConstructorParameters<typeof ExpiredShares>[0];
  keepDays = KEEP_DAYS;
  isClockRight = true;
  expired: ExpiredShares;

  private constructor(clock: VirtualClock, store: ShareStore) {
    this.clock = clock;
    this.store = store;
    const database = openStore(":memory:");
    this.#needs = {
      ...{ store, clock, log: quietLog(clock), rows: expiryRows(database, spaceStore(database)) },
      keepDays: () => this.keepDays,
      isClockRight: () => this.isClockRight,
    };
    this.expired = new ExpiredShares(this.#needs);
  }

  static async open(owner: { after: (end: () => Promise<void>) => void }, clock: VirtualClock): Promise<Shelf> {
    const folder = join(temporaryFolder("shelf"), "storage");
    const nodeId = new Uint8Array(20);
    const options = { folder, clock, log: quietLog(clock), capacity: () => 2 ** 30, members: [anna()], nodeId };
    const shelf = new Shelf(clock, await ShareStore.open(options));
    owner.after(async () => {
      await shelf.expired.close();
      await shelf.store.close();
    });
    return shelf;
  }

  async restart(): Promise<void> {
    await this.expired.close();
    this.expired = new ExpiredShares(this.#needs);
  }

  async put(storageIndex: string, numbers: readonly number[] = [0]): Promise<void> {
    const wish = { numbers, bytes: 10, uploadSecret: secret("u"), secrets: secretsOf("owner") };
    await this.store.allocate(anna(), storageIndex, wish);
    for (const number of numbers) {
      const upload = this.store.uploads.find(storageIndex, number)!;
      await this.store.uploads.write(upload, 0, 10, once(Buffer.alloc(10, number)));
    }
  }

  renew(storageIndex: string, who: string): Promise<void> {
    return this.store.renewLeases(anna(), storageIndex, secretsOf(who));
  }

  async has(storageIndex: string): Promise<boolean> {
    return (await this.store.numbers("immutable", storageIndex)).length > 0;
  }

  /** Days of running, with every look that falls into them. */
  async days(count: number, daily: () => Promise<void> = async () => {}): Promise<void> {
    for (let day = 0; day < count; day += 1) {
      this.clock.advance(DAY_MS);
      await this.settle();
      await daily();
    }
  }

  async settle(): Promise<void> {
    await this.expired.look();
    await this.expired.look();
  }
}

function quietLog(clock: VirtualClock) {
  return createLog({ clock, level: "error", write: (line) => assert.fail(line) });
}

test("a share goes so many days after its last lease, and its room comes back; a renewed one stays", async (t) => {
  const shelf = await Shelf.open(t, virtualClock());
  const [unwanted, wanted, shared] = [indexOf(1), indexOf(2), indexOf(3)];
  for (const index of [unwanted, wanted, shared]) await shelf.put(index);
  await shelf.renew(shared, "another account");
  const renewing = async () => {
    await shelf.renew(wanted, "owner");
    await shelf.renew(shared, "another account");
  };
  await shelf.days(LEASE_DAYS + KEEP_DAYS - 1, renewing);
  assert.equal(await shelf.has(unwanted), true);
  assert.equal(shelf.store.room.usedBytes("anna"), 3 * takenBytes(10));
  await shelf.days(3, renewing);
  const left = await Promise.all([unwanted, wanted, shared].map((index) => shelf.has(index)));
  assert.deepEqual(left, [false, true, true]);
  assert.equal(shelf.store.room.usedBytes("anna"), 2 * takenBytes(10));
});

test("0 days: nothing ever goes", async (t) => {
  const shelf = await Shelf.open(t, virtualClock());
  await shelf.put(indexOf(1));
  shelf.keepDays = 0;
  await shelf.days(400);
  assert.equal(await shelf.has(indexOf(1)), true);
});

test("a clock that leaps a year ahead removes nothing, whether the other boxes tell or nobody does", async (t) => {
  for (const isTold of [true, false]) {
    const shelf = await Shelf.open(t, virtualClock());
    await shelf.put(indexOf(1));
    await shelf.days(5);
    shelf.clock.setWall(shelf.clock.wallMs() + YEAR_MS);
    shelf.isClockRight = !isTold;
    // Longer than care needs to come by, and to renew by the wrong clock.
    await shelf.days(isTold ? 200 : 30);
    assert.equal(await shelf.has(indexOf(1)), true);
    shelf.clock.setWall(shelf.clock.wallMs() - YEAR_MS);
    shelf.isClockRight = true;
    await shelf.days(1);
    assert.equal(await shelf.has(indexOf(1)), true);
  }
});

test("a clock that leaps day by day, or back, makes no more rounds than there are hours to run", async (t) => {
  const shelf = await Shelf.open(t, virtualClock());
  await shelf.put(indexOf(1));
  shelf.clock.setWall(shelf.clock.wallMs() + YEAR_MS);
  const hours = (KEEP_DAYS * EXPIRED_RUNNING_MS) / 3_600_000 - 1;
  for (let hour = 0; hour < hours; hour += 1) {
    shelf.clock.advance(3_600_000);
    shelf.clock.setWall(shelf.clock.wallMs() + DAY_MS * (hour % 3 === 0 ? -1 : 2));
    await shelf.settle();
  }
  assert.equal(await shelf.has(indexOf(1)), true);
});

test("a box that was off for a year gives everybody as long as ever; restarts count for nothing", async (t) => {
  const shelf = await Shelf.open(t, virtualClock());
  for (const n of [1, 2]) await shelf.put(indexOf(n));
  shelf.clock.setWall(shelf.clock.wallMs() + YEAR_MS);
  for (let n = 0; n < 3 * KEEP_DAYS; n += 1) {
    await shelf.restart();
    shelf.clock.advance(EXPIRED_LOOK_MS);
    await shelf.settle();
  }
  await shelf.days(KEEP_DAYS / 2);
  await shelf.renew(indexOf(2), "owner");
  await shelf.restart();
  await shelf.days(KEEP_DAYS / 2 - 1);
  assert.equal(await shelf.has(indexOf(1)), true);
  await shelf.days(3);
  assert.equal(await shelf.has(indexOf(1)), false, "half of its rounds were before the restart");
  assert.equal(await shelf.has(indexOf(2)), true);
  // Its lease ended before: it is counted anew, and not from where it was.
  await shelf.days(LEASE_DAYS + KEEP_DAYS / 2 - 5);
  assert.equal(await shelf.has(indexOf(2)), true);
});

test("one look looks at a few, and removes a few", async (t) => {
  const shelf = await Shelf.open(t, virtualClock());
  const numbers = Array.from({ length: EXPIRED_REMOVED_AT_ONCE - 10 }, (_none, n) => n);
  for (let n = 0; n < 3; n += 1) await shelf.put(indexOf(n), numbers);
  await shelf.days(LEASE_DAYS + 2);
  shelf.keepDays = 1;
  const used = () => shelf.store.room.usedBytes("anna") / takenBytes(10) / numbers.length;
  shelf.clock.advance(20 * 3_600_000);
  while (used() === 3) {
    shelf.clock.advance(EXPIRED_LOOK_MS);
    await shelf.expired.look();
  }
  assert.equal(used(), 1);
  shelf.clock.advance(EXPIRED_LOOK_MS);
  await shelf.expired.look();
  assert.equal(used(), 0);

  let asked = 0;
  const clock = virtualClock();
  const database = openStore(":memory:");
  const many = new ExpiredShares({
    ...{ clock, log: quietLog(clock), rows: expiryRows(database, spaceStore(database)) },
    ...{ keepDays: () => 1, isClockRight: () => true },
    store: {
      async *storageIndexes() {
        for (let n = 0; n < 3 * EXPIRED_LOOKED_AT_ONCE; n += 1) yield `${n}`;
      },
      removeExpired: async () => {
        asked += 1;
        return { removed: 0, bytes: 0 };
      },
    },
  });
  clock.advance(EXPIRED_RUNNING_MS - 1);
  await many.look();
  assert.equal(asked, 0);
  clock.advance(1);
  await many.look();
  assert.equal(asked, EXPIRED_LOOKED_AT_ONCE);
  await many.close();
});

/** Boxes on one clock: two that give space, and one that looks after files of `owner`, which has left. */
test("an owner is away for 150 days: its files are kept, as long as another box looks after them", async (t) => {
  const clock = virtualClock();
  const shelves = await Promise.all([1, 2].map(() => Shelf.open(t, clock)));
  const capOf = (n: number): ChkVerifyCap => ({
    kind: "chk-verify",
    ...{ storageIndex: Buffer.alloc(16, n + 1), uebHash: Buffer.alloc(32, n), k: 3, n: 10, size: 30 },
  });
  const meshes = new MeshDouble();
  meshes.join("owner");
  const rows = careStore(openStore(":memory:"));
  const healthy = { state: "healthy", good: 3, needed: 1, total: 3, silent: [] } as unknown as CheckResult;
  const grid = {
    async check(cap: KnownCap, { renewLeases }: { renewLeases?: boolean }) {
      const { storageIndex } = cap as ChkVerifyCap;
      if (renewLeases) for (const shelf of shelves) await shelf.renew(encodeBase32(storageIndex), "the taker");
      return healthy;
    },
  } as unknown as Grid;
  const deposits = createDeposits({
    ...{ clock, log: quietLog(clock), mesh: meshes.join("taker"), rows, others: () => [], grid: async () => grid },
    pace: { spend: async () => {} },
  });
  const files = Array.from({ length: 6 }, (_none, n) => n);
  for (const n of files) {
    for (const shelf of shelves) await shelf.put(indexOf(n));
    // One half was left with somebody; the other shows what happens otherwise.
    if (n % 2 === 0) rows.deposit("owner", formatCap(capOf(n)), clock.wallMs());
  }
  meshes.states.set("owner", "away");
  const kept = async (parity: number) => {
    const found = files.filter((n) => n % 2 === parity).map((n) => shelves.map((shelf) => shelf.has(indexOf(n))));
    return (await Promise.all(found.flat())).filter(Boolean).length;
  };
  const live = async (days: number) => {
    for (let day = 0; day < days; day += 1) {
      clock.advance(DAY_MS);
      for (const shelf of shelves) await shelf.settle();
      await deposits.tend(clock.wallMs() - CARE_EVERY_MS, signal);
    }
  };
  await live(90);
  assert.deepEqual([await kept(0), await kept(1)], [6, 6], "90 days lose nothing in any case");
  await live(60);
  assert.deepEqual([await kept(0), await kept(1)], [6, 0]);
});
