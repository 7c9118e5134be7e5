/**
 * The released Tahoe-LAFS client against storage servers of ours only, and against a mix of ours and its own: files of
 * all kinds, folders, mutable files of both formats, check, verify, repair.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startGrid } from "../tahoe/grid.ts";
import type { TahoeClient } from "../tahoe/grid.ts";
import { StorageBox, contentOf } from "./storage-box.ts";

interface CheckResult {
  "storage-index": string;
  results: { healthy: boolean; "count-shares-good": number };
}

async function checkOf(client: TahoeClient, cap: string, ...args: string[]): Promise<CheckResult> {
  return JSON.parse(await client.ok(["check", "--raw", ...args, cap])) as CheckResult;
}

/** Paths of the shares of a storage index on the boxes. */
async function sharesOf(boxes: readonly StorageBox[], storageIndex: string): Promise<string[]> {
  // Small ones are in the journal for a moment.
  await Promise.all(boxes.map(({ store }) => store.checkpoint()));
  return boxes.flatMap(({ folder }) => {
    const slot = join(folder, "shares", storageIndex.slice(0, 2), storageIndex);
    return existsSync(slot) ? readdirSync(slot).map((name) => join(slot, name)) : [];
  });
}

async function putAndGet(client: TahoeClient, folder: string, bytes: Buffer, ...args: string[]): Promise<string> {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  writeFileSync(from, bytes);
  const cap = await client.ok(["put", ...args, from]);
  await client.ok(["get", cap, to]);
  assert.ok(readFileSync(to).equals(bytes), `${args.join(" ")} ${bytes.length} bytes`);
  rmSync(to);
  return cap;
}

function others(boxes: readonly StorageBox[]) {
  return Object.fromEntries(boxes.map((box, index) => [`v0-ours${index}`, box.announcement(`ours-${index}`)]));
}

test("the released client works with servers of ours alone", { timeout: 170_000 }, async (t) => {
  const boxes = await Promise.all([1, 2, 3].map(() => StorageBox.start({ owner: t })));
  const shape = { servers: 0, needed: 2, happy: 3, total: 3 };
  const { client, folder } = await startGrid({ owner: t, ...shape, others: others(boxes) });

  await t.test("immutable files come back, are healthy, and are repaired", async () => {
    for (const size of [0, 55, 56, 1000, 3_000_000]) {
      const cap = await putAndGet(client, folder, contentOf(size));
      assert.match(cap, size <= 55 ? /^URI:LIT:/ : new RegExp(`^URI:CHK:.*:2:3:${size}$`));
      if (size < 1000) continue;
      const healthy = await checkOf(client, cap, "--verify", "--add-lease");
      assert.equal(healthy.results.healthy, true);
      const paths = await sharesOf(boxes, healthy["storage-index"]);
      assert.equal(paths.length, 3);
      rmSync(paths[0]!);
      assert.equal((await checkOf(client, cap)).results["count-shares-good"], 2);
      await client.ok(["check", "--repair", cap]);
      assert.equal((await checkOf(client, cap, "--verify")).results.healthy, true);
    }
  });

  await t.test("mutable files of both formats are written, written over, and repaired", async () => {
    for (const format of ["SDMF", "MDMF"]) {
      const cap = await putAndGet(client, folder, contentOf(300_000), `--format=${format}`);
      const shorter = contentOf(1234);
      writeFileSync(join(folder, "from"), shorter);
      await client.ok(["put", join(folder, "from"), cap]);
      await client.ok(["get", cap, join(folder, "to")]);
      assert.ok(readFileSync(join(folder, "to")).equals(shorter));
      const healthy = await checkOf(client, cap, "--verify");
      assert.equal(healthy.results.healthy, true);
      const paths = await sharesOf(boxes, healthy["storage-index"]);
      assert.equal(paths.length, 3);
      rmSync(paths[1]!);
      await client.ok(["check", "--repair", cap]);
      assert.equal((await checkOf(client, cap, "--verify")).results.healthy, true);
    }
  });

  await t.test("folders list what was put into them", async () => {
    await client.ok(["create-alias", "home"]);
    await client.ok(["mkdir", "home:photos"]);
    await client.ok(["put", "-", "home:photos/ç.txt"], "one");
    assert.equal(await client.ok(["ls", "home:photos"]), "ç.txt");
    assert.equal(await client.ok(["get", "home:photos/ç.txt"]), "one");
  });
});

test("ours and the released servers hold one file together", { timeout: 120_000 }, async (t) => {
  const boxes = await Promise.all([1, 2].map(() => StorageBox.start({ owner: t })));
  const shape = { servers: 1, needed: 2, happy: 3, total: 3 };
  const { client, folder, servers } = await startGrid({ owner: t, ...shape, others: others(boxes) });
  const cap = await putAndGet(client, folder, contentOf(100_000));
  const { results, "storage-index": storageIndex } = await checkOf(client, cap, "--verify");
  assert.equal(results.healthy, true);
  assert.equal((await sharesOf(boxes, storageIndex)).length, 2);
  const [theirs] = servers[0]!.shares(storageIndex).values();
  const [ours] = await sharesOf(boxes, storageIndex);
  // The files around the shares are built alike; the lease's time and the share itself differ.
  assert.equal(readFileSync(ours!).length, readFileSync(theirs!).length);
  assert.ok(readFileSync(ours!).subarray(0, 12).equals(readFileSync(theirs!).subarray(0, 12)));

  await t.test("their node serves a folder that was ours", async () => {
    await servers[0]!.kill();
    for (const box of boxes) await box.stop();
    const slot = join(servers[0]!.sharesFolder, storageIndex.slice(0, 2), storageIndex);
    for (const path of await sharesOf(boxes, storageIndex)) {
      writeFileSync(join(slot, path.slice(path.lastIndexOf("/") + 1)), readFileSync(path));
    }
    client.know({ [servers[0]!.id]: servers[0]!.announcement });
    await servers[0]!.restart();
    await client.restart();
    await client.waitForServers([servers[0]!.name]);
    const check = await checkOf(client, cap, "--verify", "--add-lease");
    assert.equal(check.results["count-shares-good"], 3);
  });
});
