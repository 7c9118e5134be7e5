/**
 * The released Tahoe-LAFS as a partner: it is installed, a grid of it comes up and does what later tests build on,
 * over its HTTPS protocol, and our helpers see what happens in it.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startGrid } from "./grid.ts";
import { TAHOE_VERSION } from "./install.ts";

/** What `tahoe check --raw` prints, as far as it matters here. */
interface CheckResult {
  "storage-index": string;
  results: { healthy: boolean; "count-shares-good": number; "count-corrupt-shares": number };
}

/** Bytes without a pattern, the same in each run. */
function contentOf(size: number): Buffer {
  const blocks = Math.ceil(size / 32);
  const hash = (index: number): Buffer => createHash("sha256").update(`${size}:${index}`).digest();
  return Buffer.concat(Array.from({ length: blocks }, (_, index) => hash(index))).subarray(0, size);
}

test("a grid of the released package works over HTTPS alone", async (t) => {
  const { client, folder, servers } = await startGrid({ owner: t, servers: 4, needed: 2, happy: 3, total: 4 });
  assert.match(await client.ok(["--version"]), new RegExp(`^tahoe-lafs/${TAHOE_VERSION.replaceAll(".", "\\.")}$`));

  // Foolscap addresses that lead nowhere: whoever is connected then is so by HTTPS.
  const nowhere = servers.map((server) => {
    const furl = server.furl.replace(`127.0.0.1:${server.port}`, "127.0.0.1:1");
    assert.notEqual(furl, server.furl);
    return [server.id, { ...server.announcement, "anonymous-storage-FURL": furl }] as const;
  });
  client.know(Object.fromEntries(nowhere));
  await client.restart();
  await client.waitForServers(servers.map(({ name }) => name));

  await t.test("files come back as they were", async () => {
    for (const size of [0, 55, 56, 1000, 3_000_000]) {
      const bytes = contentOf(size);
      const [from, to] = [join(folder, "from"), join(folder, "to")];
      writeFileSync(from, bytes);
      const cap = await client.ok(["put", from]);
      assert.match(cap, size <= 55 ? /^URI:LIT:/ : new RegExp(`^URI:CHK:.*:2:4:${size}$`));
      await client.ok(["get", cap, to]);
      assert.ok(readFileSync(to).equals(bytes), `${size} bytes`);
      rmSync(to);
    }
  });

  await t.test("a folder lists what was put into it", async () => {
    await client.ok(["create-alias", "home"]);
    await client.ok(["mkdir", "home:photos"]);
    await client.ok(["put", "-", "home:photos/ç.txt"], "one");
    await client.ok(["cp", "home:photos/ç.txt", "home:photos/two.txt"]);
    assert.equal(await client.ok(["ls", "home:photos"]), "two.txt\nç.txt");
    assert.equal(await client.ok(["get", "home:photos/two.txt"]), "one");
  });

  await t.test("verify finds a damaged share, repair mends it, a dead server is seen", async () => {
    const cap = await client.ok(["put", "-"], contentOf(5000));
    const check = async (...args: string[]) =>
      JSON.parse(await client.ok(["check", "--raw", ...args, cap])) as CheckResult;
    const healthy = await check("--verify");
    assert.equal(healthy.results.healthy, true);
    assert.equal(healthy.results["count-shares-good"], 4);

    const holder = servers.find((server) => server.shares(healthy["storage-index"]).size > 0)!;
    const [path] = holder.shares(healthy["storage-index"]).values();
    const before = readFileSync(path!);
    const damaged = Buffer.from(before);
    damaged[100]! ^= 1;
    writeFileSync(path!, damaged);
    const hurt = await check("--verify");
    assert.equal(hurt.results.healthy, false);
    assert.equal(hurt.results["count-corrupt-shares"], 1);

    await holder.kill();
    const others = servers.filter((server) => server !== holder).map(({ name }) => name);
    await client.waitForServers(others);
    assert.equal((await check()).results["count-shares-good"], 3);
    rmSync(path!);
    await holder.restart();
    await client.waitForServers(servers.map(({ name }) => name));
    await client.ok(["check", "--repair", cap]);
    assert.equal((await check("--verify")).results.healthy, true);
  });

  await t.test("a frozen server goes away and comes back", async () => {
    servers[0]!.freeze();
    await client.waitForServers(servers.slice(1).map(({ name }) => name));
    servers[0]!.thaw();
    await client.waitForServers(servers.map(({ name }) => name));
  });
});
