/** Checking and repairing files of both kinds, with caps of each strength, on servers that lose and damage things. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { readCapOf, verifyCapOf } from "../../src/protocols/grid/caps.ts";
import type { KnownCap } from "../../src/protocols/grid/caps.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import type { Encoding, Grid } from "../../src/services/files/grid/grid.ts";
import { bytes, clientOf, oneKey, shelves, textOf } from "./shelf-grid.ts";
import type { ShelfServer } from "./shelf-server.ts";

const workers = new GridWorkers({ clock: systemClock() });

function gridOver(servers: readonly ShelfServer[], encoding: Partial<Encoding> = {}): Grid {
  const secrets = { lease: new Uint8Array(32).fill(1), convergence: new Uint8Array(32), upload: new Uint8Array(32) };
  return createGrid({ ...clientOf(servers, { happy: 7, ...encoding }), secrets, keyPool: oneKey(), workers });
}

async function readAll(grid: Grid, cap: KnownCap): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of grid.download(cap)) parts.push(part);
  return Buffer.concat(parts);
}

interface Kept {
  kind: string;
  make(grid: Grid): Promise<KnownCap>;
}

const content = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 13) % 253);
const crypto = clientOf([]).crypto;
const KINDS: Kept[] = [
  {
    kind: "chk",
    make: async (grid) =>
      (
        await grid.upload({
          bytes: content.length,
          read: async function* (at = 0) {
            yield content.subarray(at);
          },
        })
      ).cap,
  },
  { kind: "sdmf", make: (grid) => grid.createMutable("sdmf", content) },
  { kind: "mdmf", make: (grid) => grid.createMutable("mdmf", content) },
];

/** Where the shares of the only file are. */
function sharesOn(server: ShelfServer): Map<number, Uint8Array> {
  const [index] = [...server.slots.keys(), ...server.immutables.keys()];
  return index === undefined ? new Map() : server.sharesOf(index);
}

for (const { kind, make } of KINDS) {
  describe(kind, () => {
    for (const strength of ["full", "read", "verify"] as const) {
      const capOf = (cap: KnownCap) =>
        strength === "full" ? cap : (strength === "read" ? readCapOf : verifyCapOf)(crypto, cap)!;

      test(`a lost part comes back on new servers, with a ${strength} cap`, async () => {
        const servers = shelves(14);
        const grid = gridOver(servers);
        const cap = await make(grid);
        const healthy = await grid.check(capOf(cap), { verify: true });
        assert.deepEqual([healthy.state, healthy.good, healthy.happiness, healthy.servers], ["healthy", 10, 10, 10]);
        const before = new Map(servers.flatMap((one) => [...sharesOn(one)]));
        const holders = servers.filter((one) => sharesOn(one).size > 0);
        for (const server of holders.slice(0, 5)) server.kill();
        const weak = await grid.check(capOf(cap));
        assert.deepEqual([weak.state, weak.good, weak.silent.length], ["weak", 5, 5]);
        const { after, written } = await grid.repair(capOf(cap));
        assert.deepEqual([after.state, after.good], ["healthy", 10]);
        assert.ok(written >= 5 && after.happiness >= 7, `${written} ${after.happiness}`);
        assert.ok(Buffer.compare(await readAll(grid, cap), content) === 0);
        if (kind === "chk" || strength !== "full") {
          for (const server of servers.filter((one) => !holders.includes(one))) {
            for (const [number, share] of sharesOn(server)) {
              assert.ok(Buffer.compare(share, before.get(number)!) === 0, `share ${number} is as it was`);
            }
          }
        }
        assert.equal((await grid.check(capOf(cap), { verify: true })).damaged.length, 0);
      });
    }

    test("every changed byte is found by verifying, the file is read all the same, and repaired", async () => {
      const servers = shelves(12);
      const grid = gridOver(servers);
      const cap = await make(grid);
      const holder = servers.find((one) => sharesOn(one).size > 0)!;
      const [number, good] = [...sharesOn(holder)][0]!;
      const step = Math.floor(good.length / 23);
      for (let at = 0; at < good.length; at += step) {
        // Between the keys and the blocks of MDMF lies what nobody reads.
        if (kind === "mdmf" && at > 1700 && at < 2167) continue;
        const bad = good.slice();
        bad[at]! ^= 1;
        sharesOn(holder).set(number, bad);
        const { damaged, good: left } = await grid.check(verifyCapOf(crypto, cap)!, { verify: true });
        assert.deepEqual(damaged, [{ share: number, server: holder.id }], `byte ${at}`);
        assert.equal(left, 9);
        assert.ok(Buffer.compare(await readAll(grid, cap), content) === 0);
      }
      const { after } = await grid.repair(cap, { verify: true });
      assert.deepEqual([after.good, after.state], [10, "healthy"]);
      assert.ok(holder.advisories.length > 0);
    });

    test("k shares are enough to come back to n; fewer are left as they are", async () => {
      const servers = shelves(10);
      const grid = gridOver(servers);
      const cap = await make(grid);
      const holders = servers.filter((one) => sharesOn(one).size > 0);
      for (const server of holders.slice(3)) sharesOn(server).clear();
      assert.equal((await grid.check(cap)).good, 3);
      assert.equal((await grid.repair(cap)).after.good, 10);
      assert.ok(Buffer.compare(await readAll(grid, cap), content) === 0);
      for (const server of servers) if (server !== holders[0]) server.kill();
      const { before, written } = await grid.repair(cap);
      assert.deepEqual([before.state, written], ["lost", 0]);
    });

    test("with one of several servers left it waits, and does not put all onto that one", async () => {
      const servers = shelves(4);
      const grid = gridOver(servers, { happy: 2 });
      const cap = await make(grid);
      for (const server of servers)
        while (sharesOn(server).size > 3) sharesOn(server).delete([...sharesOn(server).keys()][0]!);
      const own = servers.find((one) => sharesOn(one).size === 3)!;
      for (const server of servers) if (server !== own) server.kill();
      for (const asked of [cap, verifyCapOf(crypto, cap)!]) {
        const { before, after, written, isHeld } = await grid.repair(asked);
        assert.deepEqual([before.state, after.state, written, isHeld], ["weak", "weak", 0, true]);
      }
      assert.equal(sharesOn(own).size, 3);
      servers.find((one) => one !== own)!.revive();
      assert.ok((await grid.repair(cap)).written > 0, "two are enough to begin with");
    });

    test("leases are renewed where there are shares", async () => {
      const servers = shelves(11);
      const grid = gridOver(servers);
      const cap = await make(grid);
      await grid.check(cap, { renewLeases: true });
      assert.equal(servers.filter(({ renewed }) => renewed.length === 1).length, 10);
    });
  });
}

test("a file that is in its cap is healthy", async () => {
  const grid = gridOver(shelves(1));
  const { state } = await grid.check({ kind: "lit", data: bytes("short") });
  assert.equal(state, "healthy");
  assert.equal((await grid.repair({ kind: "lit", data: bytes("short") })).written, 0);
});

test("owners and zones are counted", async () => {
  const servers = shelves(10);
  servers.forEach((server, index) => {
    server.owner = `owner ${index % 4}`;
    server.zone = index < 6 ? "hill" : "valley";
  });
  const grid = gridOver(servers);
  const cap = await grid.createMutable("sdmf", bytes("a"));
  const { owners, zones, servers: boxes } = await grid.check(cap);
  assert.deepEqual([owners, zones, boxes], [4, 2, 10]);
});

describe("a mutable file that was copied without its write cap", () => {
  test("is still changed by its owner, on the same box and on another", async () => {
    const servers = shelves(14);
    const box = gridOver(servers);
    const cap = await box.createMutable("sdmf", bytes("a"));
    const holders = servers.filter((one) => sharesOn(one).size > 0);
    for (const server of holders.slice(0, 4)) server.kill();
    assert.equal((await box.repair(verifyCapOf(crypto, cap)!)).after.good, 10);
    const add = (text: string) => (before: Uint8Array) => Buffer.concat([before, bytes(text)]);
    await box.modifyMutable(cap, add("b"));
    assert.deepEqual([(await box.check(cap)).versions, (await box.check(cap)).good], [1, 10]);
    const other = createGrid({
      ...clientOf(servers, { happy: 7 }),
      secrets: { lease: new Uint8Array(32).fill(9), convergence: new Uint8Array(32), upload: new Uint8Array(32) },
      keyPool: oneKey(),
      workers,
    });
    await other.modifyMutable(cap, add("c"));
    assert.equal(textOf((await box.readMutable(cap)).content), "abc");
    for (const server of holders) server.revive();
    await box.modifyMutable(cap, add("d"));
    assert.equal(textOf((await other.readMutable(cap)).content), "abcd");
  });
});

describe("what a repair would destroy", () => {
  test("shares of a newer version that cannot be read are left alone", async () => {
    const servers = shelves(10);
    const grid = gridOver(servers);
    const cap = await grid.createMutable("sdmf", bytes("old"));
    const kept = servers.map((one) => new Map(sharesOn(one)));
    await grid.modifyMutable(cap, () => bytes("new"));
    servers.slice(2).forEach((server, index) => {
      for (const [number, share] of kept[index + 2]!) sharesOn(server).set(number, share);
    });
    const { before, written } = await grid.repair(cap);
    assert.deepEqual([before.state, before.versions, written], ["weak", 2, 0]);
    // Whoever writes next writes over both, as a version newer than either.
    const { sequence } = await grid.modifyMutable(cap, () => bytes("newest"));
    assert.ok(sequence > 2n, String(sequence));
    assert.equal((await grid.check(cap)).state, "healthy");
  });
});
