/** Immutable files of the released Tahoe-LAFS, repaired by us with no more than a verify cap, and ours by them. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { formatCap, storageIndexOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { contentOf } from "../grid/storage-box.ts";
import { capOf, startMixed } from "./mixed-grid.ts";

const ENCODING = { needed: 3, happy: 3, total: 10, segmentMaxBytes: 128 * 1024 };
/** Before the data of a share, in its file. */
const CONTAINER_BYTES = 12;
const crypto = gridCrypto();

test("what is lost or damaged of an immutable file comes back", { timeout: 110_000 }, async (t) => {
  const { theirs, grid } = await startMixed({ owner: t, servers: 3, boxes: 3, encoding: ENCODING });
  const { client, folder, servers } = theirs;
  const content = contentOf(400_000);
  const from = join(folder, "from");
  writeFileSync(from, content);
  const sharesOf = (cap: KnownCap, server: number) => [
    ...servers[server]!.shares(encodeBase32(storageIndexOf(crypto, cap)!)).values(),
  ];
  const theirCheck = async (cap: KnownCap, ...args: string[]) => {
    const said = await client.ok(["check", "--raw", "--verify", ...args, formatCap(cap)]);
    const { results } = JSON.parse(said) as { results: { "count-shares-good": number } };
    return results?.["count-shares-good"];
  };

  await t.test("theirs, by us", async () => {
    const cap = capOf(await client.ok(["put", from]));
    const verify = verifyCapOf(crypto, cap)!;
    const whole = await grid.check(verify, { verify: true, renewLeases: true });
    assert.deepEqual([whole.good, whole.damaged, whole.state], [10, [], "healthy"]);
    for (const path of sharesOf(cap, 0)) rmSync(path);
    const [path] = sharesOf(cap, 1);
    const bytes = readFileSync(path!);
    bytes[CONTAINER_BYTES + 5000]! ^= 1;
    writeFileSync(path!, bytes);
    const { before, after, written } = await grid.repair(verify, { verify: true });
    assert.equal(before.damaged.length, 1);
    assert.ok(before.good < 10 && after.good === 10 && written >= 10 - before.good, `${before.good} ${after.good}`);
    assert.equal(await theirCheck(cap), 10);
    assert.ok(readFileSync(from).equals(content));
    await client.ok(["get", formatCap(cap), join(folder, "to")]);
    assert.ok(readFileSync(join(folder, "to")).equals(content));
  });

  await t.test("ours, by them", async () => {
    const read = async function* (at = 0) {
      yield content.subarray(at);
    };
    const { cap } = await grid.upload({ bytes: content.length, read });
    assert.equal(await theirCheck(cap), 10);
    for (const path of [...sharesOf(cap, 0), ...sharesOf(cap, 1)]) rmSync(path);
    assert.ok((await grid.check(cap)).good < 10);
    await client.ok(["check", "--repair", formatCap(cap)]);
    const again = await grid.check(cap, { verify: true });
    assert.deepEqual([again.good, again.damaged], [10, []]);
  });
});
