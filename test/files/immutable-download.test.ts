/** Downloads when servers are killed, freeze or lie: the right bytes or a clear failure, and never long waiting. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { givePassedBack } from "../../src/platform/memory.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { storageIndexOf } from "../../src/protocols/grid/caps.ts";
import type { ChkReadCap, KnownCap } from "../../src/protocols/grid/caps.ts";
import { READ_NEAR_MS } from "../../src/services/files/grid/constants.ts";
import { downloadImmutable } from "../../src/services/files/grid/download.ts";
import type { ImmutableNeeds } from "../../src/services/files/grid/immutable.ts";
import { bytesOf, encoding, get, put, sameContent, testGrid, timed } from "./immutable-grid.ts";
import type { Watched } from "./immutable-grid.ts";

/** Well below the time after which a frozen server is given up; what is promised is shown in virtual time. */
const COST_MAX_MS = 8000;

/** The content, or one of these failures: anything else is wrong. */
async function rightOrFails(needs: ImmutableNeeds, cap: KnownCap, content: Buffer, what: string): Promise<boolean> {
  try {
    sameContent(await get(needs, cap), content, what);
    return true;
  } catch (error) {
    assert.ok(isFailure(error, "files-damaged") || isFailure(error, "files-unreachable"), `${what}: ${String(error)}`);
    return false;
  }
}

function revive(servers: readonly Watched[]): void {
  for (const server of servers) {
    server.before = async () => {};
    server.spoil = (_share, _at, bytes) => bytes;
    server.advised.length = 0;
  }
}

test("any n-k servers may be killed; one more is a clear failure", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 5);
  const content = bytesOf(1_500_000);
  const { cap } = await put(needs, content, encoding(2, 5));
  for (let first = 0; first < 5; first++) {
    for (const offset of [0, 1, 2]) servers[(first + offset) % 5]!.kill();
    sameContent(await get(needs, cap), content, `without 3 servers from ${first} on`);
    servers[(first + 3) % 5]!.kill();
    await assert.rejects(get(needs, cap), (error) => {
      assert.ok(isFailure(error, "files-unreachable"));
      assert.deepEqual(error.params, { found: 1, needed: 2 });
      return true;
    });
    revive(servers);
  }
});

test("a server that freezes at any step costs little, once", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 4);
  const content = bytesOf(9_000_000);
  const { cap } = await put(needs, content, encoding(2, 4));
  const usual = await timed(() => get(needs, cap));
  for (const [kind, index] of [
    ["shares", 0],
    ["read", 0],
    ["read", 2],
  ] as const) {
    for (const victim of servers) {
      let seen = 0;
      victim.before = async (what, signal) => {
        if (what !== kind || seen++ < index) return;
        victim.freeze();
        await victim.before(what, signal);
      };
      const { value, ms } = await timed(() => get(needs, cap));
      revive(servers);
      sameContent(value, content, `${kind} ${index}`);
      assert.ok(ms < usual.ms * 2 + COST_MAX_MS, `${kind} ${index}: ${ms} ms, ${usual.ms} ms without`);
    }
  }
});

test(
  "a flipped byte anywhere in a share is never given out, and its server is told",
  { timeout: 180_000 },
  async (t) => {
    const { needs, servers } = await testGrid(t, 3);
    for (const size of [3000, 300_000]) {
      const content = bytesOf(size);
      const { cap } = await put(needs, content, encoding(2, 3, 3, 32_768));
      const shareBytes = Math.ceil(size / 2) + 4000;
      let told = 0;
      for (let flipped = 0; flipped < shareBytes; flipped += size < 10_000 ? 61 : 4441) {
        const flip = (at: number, bytes: Uint8Array) => {
          const place = flipped - at;
          if (place < 0 || place >= bytes.length) return bytes;
          const copy = bytes.slice();
          copy[place]! ^= 1;
          return copy;
        };
        servers[flipped % 3]!.spoil = (_share, at, bytes) => flip(at, bytes);
        sameContent(await get(needs, cap), content, `byte ${flipped} of one share`);
        told += servers.reduce((sum, { advised }) => sum + advised.length, 0);
        for (const server of servers) server.spoil = (_share, at, bytes) => flip(at, bytes);
        await rightOrFails(needs, cap, content, `byte ${flipped} of all shares`);
        revive(servers);
      }
      assert.ok(told > 10, `${told} advisories`);
    }
  },
);

test("shares that are truncated, swapped or someone else's are passed over", { timeout: 180_000 }, async (t) => {
  const { needs, servers, workers } = await testGrid(t, 4);
  const content = bytesOf(400_000);
  const { cap } = await put(needs, content, encoding(2, 4, 4, 65_536));
  const other = await put(needs, bytesOf(400_001), encoding(2, 4, 4, 65_536));
  assert.ok(other.sent === 4 && workers.running <= 2);
  const cut = (end: number) => (_share: number, at: number, bytes: Uint8Array) =>
    bytes.subarray(0, Math.max(0, end - at));
  for (const end of [0, 3, 35, 36, 1000, 150_000, 200_030, 201_000]) {
    servers[0]!.spoil = cut(end);
    servers[1]!.spoil = cut(end);
    sameContent(await get(needs, cap), content, `two shares cut at ${end}`);
    servers[2]!.spoil = cut(end);
    assert.equal(await rightOrFails(needs, cap, content, `three shares cut at ${end}`), false);
    revive(servers);
  }
  const [a, b] = [servers[0]!, servers[1]!];
  const [readA, readB] = [a.inner.read.bind(a.inner), b.inner.read.bind(b.inner)];
  const numbersOf = async (server: Watched, si: string) => server.inner.shares("immutable", si);
  a.inner.read = async (kind, si, _share, range) => readB(kind, si, (await numbersOf(b, si))[0]!, range);
  b.inner.read = async (kind, si, _share, range) => readA(kind, si, (await numbersOf(a, si))[0]!, range);
  sameContent(await get(needs, cap), content, "two shares swapped");
});

test("more damage than can be repaired is a failure that says so", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 3);
  const content = bytesOf(700_000);
  const { cap } = await put(needs, content, encoding(2, 3));
  for (const server of servers.slice(1)) server.spoil = (_share, _at, bytes) => bytes.map((byte) => byte ^ 0x55);
  await assert.rejects(get(needs, cap), (error) => isFailure(error, "files-damaged"));
});

test("an abort in the middle ends it, and nothing runs on", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await testGrid(t, 3);
  const { cap } = await put(needs, bytesOf(4_000_000), encoding(1, 3));
  const controller = new AbortController();
  servers.forEach(
    (server) => (server.before = async (what) => void (what === "read" && controller.abort(new Error("enough")))),
  );
  await assert.rejects(get(needs, cap, { signal: controller.signal }), /enough/);
  const asked = servers.map((server) => server.asked.length);
  await new Promise((done) => setTimeout(done, 100));
  assert.deepEqual(
    servers.map((server) => server.asked.length),
    asked,
  );
});

test("the content itself is read first, unless what must be decoded is more than READ_NEAR_MS quicker", async (t) => {
  const { needs, servers } = await testGrid(t, 4);
  const content = bytesOf(9_000_000);
  const { cap } = await put(needs, content, encoding(2, 4));
  const storageIndex = encodeBase32(storageIndexOf(needs.crypto, cap)!);
  const readOf = async (contentMs: number, codedMs: number) => {
    let [contentBytes, codedBytes] = [0, 0];
    for (const server of servers) {
      const isContent = (await server.shares("immutable", storageIndex)).some((share) => share < 2);
      server.tookMs = isContent ? contentMs : codedMs;
      server.spoil = (share, _at, bytes) => {
        if (share < 2) contentBytes += bytes.length;
        else codedBytes += bytes.length;
        return bytes;
      };
    }
    sameContent(await get(needs, cap), content, `${contentMs} and ${codedMs} ms`);
    return contentBytes / (contentBytes + codedBytes);
  };
  // The first run is read from whoever answers first.
  assert.ok((await readOf(20, 20)) > 0.7);
  assert.ok((await readOf(READ_NEAR_MS + 2, 2)) > 0.7);
  assert.ok((await readOf(100, 50)) > 0.7);
  assert.ok((await readOf(READ_NEAR_MS + 3, 2)) < 0.3);
});

test("what was used up and given back is written over, and nothing else", { timeout: 180_000 }, async (t) => {
  const { needs } = await testGrid(t, 4);
  const content = bytesOf(21_000_000);
  const { cap } = await put(needs, content, encoding(2, 4));
  const pieces: Buffer[] = [];
  for await (const piece of downloadImmutable(needs, cap as ChkReadCap)) {
    pieces.push(Buffer.from(piece));
    givePassedBack(piece);
  }
  sameContent(Buffer.concat(pieces), content, "given back at once");
  const kept: Uint8Array[] = [];
  for await (const piece of downloadImmutable(needs, cap as ChkReadCap)) kept.push(piece);
  sameContent(Buffer.concat(kept), content, "kept to the end");
});

test("a small file takes two rounds of requests, and no thread", { timeout: 180_000 }, async (t) => {
  const { needs, servers, workers } = await testGrid(t, 5);
  const { cap } = await put(needs, bytesOf(1000), encoding(3, 5));
  for (const server of servers) server.asked.length = 0;
  await get(needs, cap);
  const asked = servers.flatMap((server) => server.asked).toSorted();
  assert.deepEqual(asked.filter((what) => what === "read").length, 3);
  assert.ok(asked.length <= 8, asked.join(" "));
  assert.equal(workers.running, 0);
});
