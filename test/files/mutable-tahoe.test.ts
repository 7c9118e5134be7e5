/**
 * Mutable files and folders of ours and of the released Tahoe-LAFS on the same servers, some ours and some theirs: each
 * reads, changes, checks and repairs what the other has made, one after the other and at the same time.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { formatCap, readCapOf, storageIndexOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { Directory } from "../../src/protocols/grid/directory.ts";
import type { DirectoryAccess } from "../../src/protocols/grid/directory.ts";
import { contentOf } from "../grid/storage-box.ts";
import { elapsedMs, quickerThan } from "../../src/kernel/cost.fixture.ts";
import { capOf, startMixed } from "./mixed-grid.ts";
import type { MixedGrid } from "./mixed-grid.ts";

const TRIALS_MAX = 3;
const ENCODING = { needed: 3, happy: 3, total: 10, segmentMaxBytes: 1024 * 1024 };
const LITERAL = "URI:LIT:krugkidrovuwg2zaonvwszdf";
const crypto = gridCrypto();

function accessOf(cap: KnownCap): DirectoryAccess {
  if (cap.kind !== "directory" || cap.file.kind !== "mutable-write") throw new Error("no writable folder");
  return { kind: "mutable", writeKey: cap.file.writeKey };
}

async function namesIn({ grid }: MixedGrid, cap: KnownCap): Promise<string[]> {
  const { content } = await grid.readMutable(cap);
  return Directory.read(crypto, accessOf(cap), content)
    .children()
    .map(({ name }) => name);
}

async function link({ grid }: MixedGrid, cap: KnownCap, name: string): Promise<void> {
  await grid.modifyMutable(cap, (before) => {
    const directory = Directory.read(crypto, accessOf(cap), before);
    if (directory.has(name)) return undefined;
    directory.set({ name, read: LITERAL }, Date.now());
    return directory.write();
  });
}

async function makeFolder({ grid }: MixedGrid): Promise<KnownCap> {
  const file = await grid.createMutable("sdmf", new Uint8Array(0));
  if (file.kind !== "mutable-write") throw new Error("not a write cap");
  return { kind: "directory", file };
}

function indexOf(cap: KnownCap): string {
  return encodeBase32(storageIndexOf(crypto, cap)!);
}

/** Their web API, which does what their CLI does, without starting a Python program each time. */
async function ask({ theirs }: MixedGrid, method: string, path: string, body?: Uint8Array): Promise<Buffer> {
  // Without this an error comes as a page.
  const headers = { accept: "text/plain" };
  const request = body ? { method, headers, body: new Uint8Array(body) } : { method, headers };
  const answer = await fetch(`${theirs.client.url}uri${path}`, request);
  const said = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`${answer.status}: ${said.toString().slice(-1500)}`);
  return said;
}

function pathOf(cap: KnownCap): string {
  return `/${encodeURIComponent(formatCap(cap))}`;
}

/** What their check says: healthy, and how many good shares. */
async function theirCheck(world: MixedGrid, cap: KnownCap): Promise<[boolean, number]> {
  const said = await ask(world, "POST", `${pathOf(cap)}?t=check&verify=true&add-lease=true&output=JSON`);
  const { results } = JSON.parse(said.toString()) as { results: { healthy: boolean; "count-shares-good": number } };
  return [results.healthy, results["count-shares-good"]];
}

for (const format of ["sdmf", "mdmf"] as const) {
  test(`${format}: each uses what the other has made`, { timeout: 110_000 }, async (t) => {
    const world = await startMixed({ owner: t, servers: 3, boxes: 3, encoding: ENCODING });
    const { theirs, grid } = world;
    const theirRead = (cap: KnownCap) => ask(world, "GET", pathOf(cap));
    const loseTheirs = (cap: KnownCap, count: number) => {
      const servers = theirs.servers.slice(0, count);
      for (const server of servers) for (const path of server.shares(indexOf(cap)).values()) rmSync(path);
    };

    await t.test("theirs is read, changed and checked by us", async () => {
      for (const size of [0, 1, 1000, 300_000]) {
        const cap = capOf((await ask(world, "PUT", `?format=${format}`, contentOf(size))).toString());
        assert.ok(contentOf(size).equals((await grid.readMutable(readCapOf(crypto, cap)!)).content), `${size} bytes`);
        const healthy = await grid.check(verifyCapOf(crypto, cap)!, { verify: true, renewLeases: true });
        assert.deepEqual([healthy.state, healthy.good, healthy.damaged], ["healthy", 10, []]);
        await grid.modifyMutable(cap, (before) => Buffer.concat([before, Buffer.from("ours")]));
        assert.ok(Buffer.concat([contentOf(size), Buffer.from("ours")]).equals(await theirRead(cap)));
        assert.deepEqual(await theirCheck(world, cap), [true, 10]);
      }
    });

    await t.test("ours is read, changed and checked by them", async () => {
      for (const size of [0, 1, 300_000]) {
        const cap = await grid.createMutable(format, contentOf(size));
        assert.ok((await theirRead(readCapOf(crypto, cap)!)).equals(contentOf(size)), `${size} bytes`);
        assert.deepEqual(await theirCheck(world, cap), [true, 10]);
        await ask(world, "PUT", pathOf(cap), contentOf(size + 7));
        assert.ok(contentOf(size + 7).equals((await grid.readMutable(cap)).content));
      }
    });

    await t.test("what is lost of ours comes back by their CLI, and by us", async () => {
      const { client, folder } = theirs;
      const cap = await grid.createMutable(format, contentOf(5000));
      loseTheirs(cap, 3);
      const left = (await grid.check(cap)).good;
      assert.ok(left >= 3 && left < 10, `${left} are left`);
      await client.ok(["check", "--repair", "--verify", formatCap(cap)]);
      assert.deepEqual(
        [(await grid.check(cap, { verify: true })).state, await theirCheck(world, cap)],
        ["healthy", [true, 10]],
      );
      await client.ok(["get", formatCap(cap), join(folder, "to")]);
      assert.ok(readFileSync(join(folder, "to")).equals(contentOf(5000)));
      loseTheirs(cap, 3);
      assert.equal((await grid.repair(cap, { verify: true })).after.good, 10);
      assert.deepEqual(await theirCheck(world, cap), [true, 10]);
    });

    await t.test("shares made again without the write cap are healthy to them", async () => {
      const cap = await grid.createMutable(format, contentOf(5000));
      loseTheirs(cap, 2);
      assert.equal((await grid.repair(verifyCapOf(crypto, cap)!, { verify: true })).after.good, 10);
      assert.deepEqual(await theirCheck(world, cap), [true, 10]);
      assert.ok((await theirRead(cap)).equals(contentOf(5000)));
    });
  });
}

test("folders, ours and theirs", { timeout: 110_000 }, async (t) => {
  const world = await startMixed({ owner: t, servers: 3, boxes: 3, encoding: ENCODING });
  const { theirs, keyPool } = world;
  const { client, folder } = theirs;
  const from = join(folder, "from");
  const theirLink = (cap: KnownCap, name: string) =>
    ask(world, "PUT", `${pathOf(cap)}/${encodeURIComponent(name)}`, contentOf(7));

  await t.test("a folder is changed by both in turn", async () => {
    const made = capOf(await client.ok(["mkdir"]));
    writeFileSync(from, "content");
    for (const cap of [made, await makeFolder(world)]) {
      await link(world, cap, "ours 1");
      await client.ok(["put", from, `${formatCap(cap)}/theirs 1`]);
      await link(world, cap, "ours 2");
      await theirLink(cap, "theirs 2");
      const all = ["ours 1", "ours 2", "theirs 1", "theirs 2"];
      assert.deepEqual(await namesIn(world, cap), all);
      assert.deepEqual((await client.ok(["ls", formatCap(cap)])).split("\n"), all);
      assert.deepEqual(await theirCheck(world, cap), [true, 10]);
    }
  });

  const bothAtOnce = async () => {
    const cap = await makeFolder(world);
    const [ours, theirs]: [string[], string[]] = [[], []];
    let areTheirsDone = false;
    let refused = 0;
    const change = async () => {
      for (let at = 0; !areTheirsDone; at++) {
        await link(world, cap, `ours ${at}`);
        ours.push(`ours ${at}`);
        await new Promise((resolve) => setTimeout(resolve, 100 * at));
      }
    };
    const theirsToo = async () => {
      // Theirs gives up soon when it is disturbed, and says so.
      for (let at = 0; theirs.length < 3 && at < 20; at++) {
        try {
          await theirLink(cap, `theirs ${at}`);
          theirs.push(`theirs ${at}`);
        } catch {
          refused++;
        }
      }
      areTheirsDone = true;
    };
    await Promise.all([theirsToo(), change()]);
    return { names: await namesIn(world, cap), ours, theirs, refused };
  };

  await t.test("a folder is changed by both at the same time: no entry that was stored gets lost", async (inner) => {
    // Theirs builds upon an older version when it meets a newer one half-way written (its "prime coordination
    // directive" asks people not to do this at all): now and then it loses an entry of ours. Ours never loses one of
    // theirs, and most times nothing is lost at all.
    for (let trial = 1; ; trial += 1) {
      const { names, ours, theirs, refused } = await bothAtOnce();
      for (const name of theirs) assert.ok(names.includes(name), `${name} in ${names.join()}`);
      assert.ok(ours.length > 0 && theirs.length > 0, [...ours, ...theirs].join());
      inner.diagnostic(`ours: ${ours.length} stored; theirs: ${theirs.length} stored, ${refused} refused`);
      const lost = ours.filter((name) => !names.includes(name));
      if (lost.length === 0) return;
      assert.ok(trial < TRIALS_MAX, `${lost.join()} in ${names.join()}`);
      inner.diagnostic(`theirs has lost ${lost.join()}`);
    }
  });

  await t.test("a folder is made in a fraction of the time", async (inner) => {
    while (keyPool.size < 5) await new Promise((resolve) => setTimeout(resolve, 50));
    await makeFolder(world);
    const times = async (make: () => Promise<unknown>) => {
      const all: number[] = [];
      for (let count = 0; count < 5; count++) all.push(await elapsedMs(make));
      return Math.min(...all);
    };
    const ours = await times(() => makeFolder(world));
    const others = await times(() => ask(world, "POST", "?t=mkdir"));
    inner.diagnostic(`mkdir: ${ours.toFixed(1)} ms, theirs ${others.toFixed(1)} ms`);
    assert.ok(ours < others, `${ours} ${others}`);
  });

  await t.test("with one server frozen each operation takes less than two seconds", async (inner) => {
    await quickerThan(2000, async () => {
      const cap = await makeFolder(world);
      theirs.servers[0]!.freeze();
      const times = [
        await elapsedMs(() => namesIn(world, cap)),
        await elapsedMs(() => link(world, cap, "a")),
        await elapsedMs(() => makeFolder(world)),
        await elapsedMs(() => link(world, cap, "b")),
      ];
      theirs.servers[0]!.thaw();
      inner.diagnostic(`read, change, make, change: ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
      assert.deepEqual(await namesIn(world, cap), ["a", "b"]);
      return Math.max(...times);
    });
  });
});
