/** What the disk can give to the store, from plenty to nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { virtualClock } from "../../kernel/virtual-clock.ts";
import { JOURNAL_SEGMENT_BYTES } from "../../platform/constants.ts";
import { ROOM_TIMES_MAX } from "../../protocols/kv/constants.ts";
import { createDiskQuota, DISK_LOOK_MS, KEPT_SEGMENTS, LAST_SEGMENTS, TIGHT_SEGMENTS } from "./disk-quota.ts";

const MIB = 1024 * 1024;
const RESERVE_BYTES = 64 * MIB;
const KEPT_BYTES = RESERVE_BYTES + KEPT_SEGMENTS * JOURNAL_SEGMENT_BYTES;

function bench({ usedBytes = 100 * MIB, freeBytes = 1000 * MIB } = {}) {
  const clock = virtualClock();
  const disk = { freeBytes, looks: 0, fails: false, isWanted: true };
  const quota = createDiskQuota({
    clock,
    async freeBytes() {
      disk.looks += 1;
      if (disk.fails) throw new Error("no such folder");
      return disk.freeBytes;
    },
    reserveBytes: () => RESERVE_BYTES,
    isWanted: () => disk.isWanted,
    usedBytes: () => usedBytes,
  });
  const looked = async (free: number) => {
    disk.freeBytes = free;
    await quota.look();
    return quota.quotaBytes();
  };
  return { clock, disk, quota, looked };
}

test("the store may grow by what is free beyond the reserve and what its journal needs", async () => {
  const { quota, looked } = bench();
  assert.deepEqual([quota.quotaBytes(), quota.freeBytes(), quota.isTight()], [Infinity, undefined, false]);
  assert.equal(await looked(KEPT_BYTES + 5 * MIB), 105 * MIB);
  assert.equal(await looked(KEPT_BYTES), 100 * MIB, "nothing that grows");
  const lastBytes = LAST_SEGMENTS * JOURNAL_SEGMENT_BYTES;
  // The core takes ROOM_TIMES_MAX of it from others: what it holds, and nothing more.
  assert.equal(await looked(lastBytes), 100 * MIB);
  assert.equal(quota.freeBytes(), lastBytes);
  assert.equal(ROOM_TIMES_MAX * (await looked(lastBytes - 1)), 100 * MIB);
});

test("the journal is told before puts are refused", async () => {
  const { quota, looked } = bench();
  const tightBytes = KEPT_BYTES + TIGHT_SEGMENTS * JOURNAL_SEGMENT_BYTES;
  await looked(tightBytes);
  assert.equal(quota.isTight(), false);
  assert.ok((await looked(tightBytes - 1)) > 100 * MIB);
  assert.equal(quota.isTight(), true);
});

test("it looks at once, then each second, and keeps what it knew when it cannot", async () => {
  const { clock, disk, quota } = bench();
  await quota.start();
  const before = quota.quotaBytes();
  assert.equal(disk.looks, 1);
  Object.assign(disk, { fails: true });
  clock.advance(3 * DISK_LOOK_MS);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([disk.looks, quota.quotaBytes()], [4, before]);
  disk.isWanted = false;
  clock.advance(3 * DISK_LOOK_MS);
  assert.equal(disk.looks, 4, "nobody needs it");
  quota.stop();
  clock.advance(3 * DISK_LOOK_MS);
  assert.equal(disk.looks, 4);
});
