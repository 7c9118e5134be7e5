/** Small files, whose shares go to our servers in one request each, and share by share to those that cannot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { encodeBase32 } from "../../src/protocols/grid/base32.ts";
import { formatCap, storageIndexOf } from "../../src/protocols/grid/caps.ts";
import { SMALL_FILE_MAX_BYTES, WHOLE_LATE_MIN_MS } from "../../src/services/files/grid/constants.ts";
import { ServerError } from "../../src/services/files/grid/server.ts";
import { WHOLE_BODY_MAX_BYTES } from "../../src/services/files/grid/storage-client-constants.ts";
import type { StorageClient } from "../../src/services/files/grid/storage-client.ts";
import { eventually } from "../support/process.ts";
import type { Owner } from "../support/process.ts";
import { bytesOf, encoding, get, put, sameContent, serverProcess, testGrid, timed } from "./immutable-grid.ts";
import type { TestGrid, Watched } from "./immutable-grid.ts";

const KNOWN_MS = 30_000;
const secretOf = (byte: number) => new Uint8Array(32).fill(byte);
const lease = { renewSecret: secretOf(1), cancelSecret: secretOf(2) };

/** Servers that have said what they can. */
async function smallGrid(owner: Owner, count: number): Promise<TestGrid> {
  const grid = await testGrid(owner, count);
  for (const server of grid.servers) {
    (server.inner as StorageClient).start();
    server.takesWhole = true;
  }
  await eventually("all have said what they can", KNOWN_MS, async () => {
    for (const { inner } of grid.servers) {
      const nothing = { shares: new Map(), uploadSecret: secretOf(3), lease };
      if (inner.availableBytes() === undefined) throw new Error("not yet");
      assert.deepEqual(await inner.putWhole("a".repeat(26), nothing), { alreadyHave: [], stored: [] });
    }
    return true;
  });
  return grid;
}

const asked = (servers: readonly Watched[]) => servers.flatMap((server) => server.asked.splice(0)).toSorted();
const times = (what: string, count: number) => Array.from({ length: count }, () => what);

test("one request to each server, and what is there is found again", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await smallGrid(t, 5);
  const how = encoding(3, 10, 5);
  for (const size of [56, 1000, SMALL_FILE_MAX_BYTES]) {
    const content = bytesOf(size);
    const { cap, sent, found, happiness } = await put(needs, content, how);
    assert.deepEqual([sent, found, happiness], [10, 0, 5], `${size}`);
    assert.deepEqual(asked(servers), times("put", 5), `${size}`);
    sameContent(await get(needs, cap), content, `${size}`);
    asked(servers);
    const again = await put(needs, content, how);
    assert.deepEqual([again.sent, again.found, again.happiness], [0, 10, 5], `${size} again`);
    assert.equal(formatCap(again.cap), formatCap(cap));
    assert.deepEqual(asked(servers), times("put", 5), `${size} again`);
  }
  const { sent } = await put(needs, bytesOf(SMALL_FILE_MAX_BYTES + 1), how);
  assert.deepEqual([sent, asked(servers).includes("put")], [10, false], "what is larger asks first");
});

test("the same shares come to lie as when each is sent by itself", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await smallGrid(t, 3);
  const how = encoding(2, 6, 3, 131_072);
  const content = bytesOf(150_000);
  for (const server of servers) server.takesWhole = false;
  const before = await put(needs, content, how);
  for (const server of servers) server.takesWhole = true;
  const after = await put(needs, content, how);
  assert.deepEqual([formatCap(after.cap), after.found], [formatCap(before.cap), 6]);
  const other = await smallGrid(t, 3);
  await put({ ...needs, servers: () => other.servers }, content, how);
  const index = encodeBase32(storageIndexOf(needs.crypto, after.cap)!);
  for (const share of [0, 1, 2, 3, 4, 5]) {
    const [one, two] = await Promise.all([servers, other.servers].map((all) => shareOf(all, index, share)));
    assert.ok(one && two && Buffer.compare(one, two) === 0, `share ${share}`);
  }
  assert.deepEqual(asked(other.servers), times("put", 3));
});

/** The bytes of a share, from whoever has it. */
async function shareOf(servers: readonly Watched[], index: string, share: number): Promise<Uint8Array | undefined> {
  for (const { inner } of servers) {
    const numbers = await inner.shares("immutable", index);
    if (numbers.includes(share)) return inner.read("immutable", index, share, { at: 0, length: 1_000_000 });
  }
  return undefined;
}

test("servers that cannot are asked share by share, beside those that can", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await smallGrid(t, 4);
  const how = encoding(2, 4, 4);
  servers[1]!.takesWhole = false;
  servers[2]!.takesWhole = false;
  const content = bytesOf(5000);
  const { cap, sent, happiness } = await put(needs, content, how);
  assert.deepEqual([sent, happiness], [4, 4]);
  assert.deepEqual(asked(servers), ["allocate", "allocate", "put", "put", "write", "write"]);
  servers[0]!.kill();
  servers[3]!.kill();
  sameContent(await get(needs, cap), content, "from those alone");
});

test("more than one request may hold goes share by share", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await smallGrid(t, 1);
  const content = bytesOf(SMALL_FILE_MAX_BYTES);
  const shares = Math.ceil(WHOLE_BODY_MAX_BYTES / SMALL_FILE_MAX_BYTES) + 1;
  const { cap, sent } = await put(needs, content, encoding(1, shares, 1));
  assert.equal(sent, shares);
  const kinds = asked(servers);
  assert.deepEqual(
    [kinds.includes("allocate"), kinds.filter((what) => what === "write").length],
    [true, shares],
    kinds.join(),
  );
  sameContent(await get(needs, cap), content, "share by share");
});

test("a server that is full, broken or gone costs nothing but itself", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await smallGrid(t, 4);
  const how = encoding(2, 4, 3);
  const victim = servers[1]!;
  const broken = () => Promise.reject(new ServerError("unreachable", "it", "broken"));
  let failures = 1;
  victim.before = async () => (failures-- > 0 ? broken() : undefined);
  const once = await put(needs, bytesOf(1000), how);
  assert.deepEqual([once.sent, once.happiness, asked(servers).length], [4, 4, 5], "tried once more");

  for (const [what, error] of [
    ["broken", new ServerError("unreachable", "it", "broken")],
    ["full", new ServerError("no-room", "it", "full")],
    ["garbled", new ServerError("garbled", "it", "no CBOR")],
  ] as const) {
    victim.before = () => Promise.reject(error);
    const content = bytesOf(1000 + what.length);
    const { cap, sent, happiness } = await put(needs, content, how);
    assert.deepEqual([sent, happiness], [4, 3], what);
    sameContent(await get(needs, cap), content, what);
  }
  victim.before = async () => {};
  victim.putWhole = async () => ({ alreadyHave: [], stored: [] });
  const { sent, happiness } = await put(needs, bytesOf(2000), how);
  assert.deepEqual([sent, happiness], [4, 3], "no room for these");
  await assert.rejects(put(needs, bytesOf(2001), encoding(2, 4, 4)), (error) => isFailure(error, "files-no-room"));
});

test("a frozen server costs a moment, and one that is needed is waited for", { timeout: 180_000 }, async (t) => {
  const { needs, servers } = await smallGrid(t, 4);
  const how = encoding(2, 4, 3);
  const victim = servers[2]!;
  victim.freeze();
  const content = bytesOf(3000);
  const frozen = await timed(() => put(needs, content, how));
  assert.deepEqual([frozen.value.sent, frozen.value.happiness], [4, 3]);
  sameContent(await get(needs, frozen.value.cap), content, "without the frozen one");
  t.diagnostic(`${Math.round(frozen.ms)} ms with a frozen server`);
  assert.ok(frozen.ms >= WHOLE_LATE_MIN_MS - 50, `${frozen.ms} ms: it may be syncing its disk`);
  // Without this one there would be too few: its disk is slow.
  victim.before = () => new Promise((resolve) => setTimeout(resolve, 3 * WHOLE_LATE_MIN_MS));
  const slow = await put(needs, bytesOf(3001), encoding(2, 4, 4));
  assert.deepEqual([slow.sent, slow.happiness], [4, 4]);
});

test("what was stored is there after kill -9 of every server", { timeout: 180_000 }, async (t) => {
  const processes = await Promise.all(["a", "b", "c"].map((name) => serverProcess(t, name)));
  const grid = await smallGrid(t, 1);
  const servers = processes.map(({ server }) => server);
  for (const server of servers) {
    (server.inner as StorageClient).start();
    server.takesWhole = true;
  }
  await eventually("they are known", KNOWN_MS, async () => {
    if (servers.some((server) => server.availableBytes() === undefined)) throw new Error("not yet");
    return true;
  });
  const needs = { ...grid.needs, servers: () => servers };
  const contents = Array.from({ length: 20 }, (_, i) => bytesOf(900 + i));
  const caps = await Promise.all(contents.map(async (content) => (await put(needs, content, encoding(2, 3, 3))).cap));
  assert.deepEqual(asked(servers), times("put", 60));
  await Promise.all(processes.map(({ running }) => running.kill()));
  const again = await Promise.all(processes.map(({ folder }, i) => serverProcess(t, "abc"[i]!, folder)));
  const now = again.map(({ server }) => server);
  for (const [i, cap] of caps.entries()) {
    sameContent(await get({ ...needs, servers: () => now }, cap), contents[i]!, `file ${i}`);
  }
});
