/**
 * Immutable files between us and the released Tahoe-LAFS, on servers of both: what we put, it gets, verifies as healthy
 * and names alike; what it puts, we get, from any of the servers.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatCap, parseCap } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import { StorageBox } from "../grid/storage-box.ts";
import { startGrid } from "../tahoe/grid.ts";
import { bytesOf, clock, encoding, get, needsOf, put, sameContent, secretOf, Watched } from "./immutable-grid.ts";
import { announcedOf, clientOf, placeOf } from "./storage-clients.ts";

test("ours up, theirs down; theirs up, ours down", { timeout: 170_000 }, async (t) => {
  const boxes = await Promise.all([0, 1].map(() => StorageBox.start({ owner: t })));
  const others = Object.fromEntries(boxes.map((box, index) => [`v0-ours${index}`, box.announcement(`ours-${index}`)]));
  const shape = { servers: 2, needed: 2, happy: 4, total: 4, segmentBytes: 131_072 };
  const convergence = secretOf("convergence");
  const { client, folder, servers } = await startGrid({ owner: t, ...shape, convergence, others });
  const known = { ...others, ...Object.fromEntries(servers.map((one) => [one.id, one.announcement])) };
  const clients = Object.entries(known).map(([id, ann]) => new Watched(clientOf(t, placeOf(announcedOf(id, ann)))));
  const workers = new GridWorkers({ clock });
  t.after(() => workers.close());
  const needs = needsOf(() => clients, workers);
  const how = encoding(2, 4, 4, 131_072);
  const [from, to] = [join(folder, "from"), join(folder, "to")];

  for (const size of [0, 55, 56, 131_071, 131_072, 131_073, 3_000_001]) {
    const content = bytesOf(size);
    const ours = formatCap((await put(needs, content, how)).cap);
    await client.ok(["get", ours, to]);
    sameContent(readFileSync(to), content, `${size} bytes, ours up`);
    rmSync(to);
    if ([56, 131_073, 3_000_001].includes(size)) {
      const { results } = JSON.parse(await client.ok(["check", "--raw", "--verify", ours])) as {
        results: { healthy: boolean; "count-shares-good": number; "count-happiness": number };
      };
      assert.deepEqual([results.healthy, results["count-shares-good"], results["count-happiness"]], [true, 4, 4]);
    }
    if (![55, 131_072, 3_000_001].includes(size)) continue;
    writeFileSync(from, content);
    assert.equal(await client.ok(["put", from]), ours, "the same content, the same cap");
  }

  for (const size of [56, 131_073, 2_500_000]) {
    const content = bytesOf(size + 1_000_000);
    writeFileSync(from, content);
    const cap = parseCap(await client.ok(["put", from])) as KnownCap;
    sameContent(await get(needs, cap), content, `${content.length} bytes, theirs up`);
    for (const lost of [
      [0, 1],
      [2, 3],
    ]) {
      for (const index of lost) clients[index]!.kill();
      sameContent(await get(needs, cap), content, `without servers ${lost.join()}`);
      for (const index of lost) clients[index]!.before = async () => {};
    }
    const again = await put(needs, content, how);
    assert.deepEqual([again.sent, again.found], [0, 4], "nothing is sent of what is there");
  }
});
