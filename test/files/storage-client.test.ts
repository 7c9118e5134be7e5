/** Our client of a storage server, every operation, against our own server and against the released Tahoe-LAFS. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { exportServers, importServers } from "../../src/services/files/grid/servers-yaml.ts";
import type { GridServer } from "../../src/services/files/grid/server.ts";
import { LEASE_DURATION_S } from "../../src/services/files/storage/constants.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { StorageBox, anna, contentOf, secret } from "../grid/storage-box.ts";
import { eventually } from "../support/process.ts";
import { startGrid } from "../tahoe/grid.ts";
import { announcedOf, clientOf, placeOf } from "./storage-clients.ts";

const SI = "abcdefghijklmnopqrstuvwxya";
const OTHER = "bbcdefghijklmnopqrstuvwxya";
const NOBODY = "cbcdefghijklmnopqrstuvwxya";
const uploadSecret = secret("upload");
const lease = { renewSecret: secret("renew"), cancelSecret: secret("cancel") };
const failsWith = (code: string) => ({ name: "ServerError", code });

async function immutableShares(server: GridServer, serverIsOurs: boolean): Promise<void> {
  const bytes = contentOf(2_500_000);
  const total = bytes.length;
  const wish = { shares: [0, 7], bytes: total, uploadSecret, lease };
  assert.deepEqual(await server.allocate(SI, wish), { alreadyHave: [], allocated: [0, 7] });
  const write = (share: number, from: number, to: number, as = uploadSecret) =>
    server.writeChunk(SI, share, { uploadSecret: as, offset: from, data: bytes.subarray(from, to), total });
  assert.deepEqual(await write(7, 1_000_000, 2_000_000), {
    isComplete: false,
    missing: [
      { at: 0, length: 1_000_000 },
      { at: 2_000_000, length: 500_000 },
    ],
  });
  await assert.rejects(write(7, 0, 10, secret("another")), failsWith("conflict"));
  const wrong = { uploadSecret, offset: 1_500_000, data: Buffer.alloc(10, 1), total };
  await assert.rejects(server.writeChunk(SI, 7, wrong), failsWith("conflict"));
  assert.deepEqual(await server.shares("immutable", SI), []);
  await assert.rejects(server.read("immutable", SI, 7, { at: 0, length: 5 }), failsWith("no-such-share"));
  await write(7, 2_000_000, total);
  assert.deepEqual(await write(7, 0, 1_000_000), { isComplete: true, missing: [] });
  await assert.rejects(write(7, 0, 10), failsWith("no-such-share"));

  assert.deepEqual(await server.shares("immutable", SI), [7]);
  assert.deepEqual(await server.shares("immutable", NOBODY), []);
  const read = (at: number, length: number) => server.read("immutable", SI, 7, { at, length });
  assert.ok(bytes.equals(await read(0, total)));
  assert.ok(bytes.subarray(-5).equals(await read(total - 5, 1000)));
  for (const at of [total, total + 1000]) assert.equal((await read(at, 10)).length, 0);
  assert.equal((await read(3, 0)).length, 0);

  await server.abort(SI, 0, uploadSecret);
  await server.abort(SI, 0, uploadSecret);
  await server.abort(SI, 7, uploadSecret);
  const again = await server.allocate(SI, { ...wish, shares: [0, 7] });
  assert.deepEqual(again, { alreadyHave: [7], allocated: [0] });
  const resumed = await server.allocate(SI, { ...wish, shares: [0] });
  // The released server does not find an upload again by its secret.
  assert.deepEqual(resumed, { alreadyHave: [7], allocated: serverIsOurs ? [0] : [] });
  await server.abort(SI, 0, uploadSecret);
}

async function mutableShares(server: GridServer): Promise<void> {
  const writeEnabler = secret("enabler");
  const data = contentOf(700_000);
  const head = data.subarray(0, 3);
  const empty = { test: [{ offset: 0, size: 1, specimen: new Uint8Array(0) }], newLength: null };
  const first = new Map([1, 4].map((one) => [one, { ...empty, write: [{ offset: 0, data }] }] as const));
  const ask = { writeEnabler, lease, read: [{ offset: 0, size: 3 }] };
  assert.deepEqual(await server.readTestWrite(OTHER, { ...ask, shares: first }), { success: true, data: new Map() });
  const again = await server.readTestWrite(OTHER, { ...ask, shares: first });
  assert.equal(again.success, false);
  assert.equal(again.data.size, 2);
  for (const share of [1, 4]) assert.ok(head.equals(again.data.get(share)![0]!));
  assert.deepEqual(await server.shares("mutable", OTHER), [1, 4]);
  assert.ok(data.equals(await server.read("mutable", OTHER, 4, { at: 0, length: 1_000_000 })));

  const small = Array.from({ length: 40 }, (_, index) => ({ offset: index * 10, data: Buffer.from([index, 1]) }));
  const change = { test: [{ offset: 0, size: 3, specimen: head }], write: small, newLength: 500 };
  const shares = new Map([[1, change]]);
  assert.equal((await server.readTestWrite(OTHER, { ...ask, shares })).success, true);
  const changed = await server.read("mutable", OTHER, 1, { at: 0, length: 1000 });
  assert.deepEqual([changed.length, changed[390], changed[391], changed[392]], [500, 39, 1, data[392]]);

  const gone = new Map([[4, { test: [], write: [], newLength: 0 }]]);
  assert.equal((await server.readTestWrite(OTHER, { ...ask, shares: gone })).success, true);
  assert.deepEqual(await server.shares("mutable", OTHER), [1]);
  const stranger = server.readTestWrite(OTHER, { ...ask, writeEnabler: secret("wrong"), shares });
  await assert.rejects(stranger, failsWith("write-enabler"));
  await assert.rejects(server.read("mutable", OTHER, 4, { at: 0, length: 5 }), failsWith("no-such-share"));
}

async function leasesAndAdvice(server: GridServer): Promise<void> {
  assert.equal(await server.renewLease(SI, lease), true);
  assert.equal(await server.renewLease(OTHER, lease), true);
  assert.equal(await server.renewLease(NOBODY, lease), false);
  await server.advise("immutable", SI, 7, "a block of it is wrong");
  await server.advise("mutable", OTHER, 1, "");
  await server.advise("immutable", NOBODY, 7, "gone");
}

async function everything(server: GridServer, serverIsOurs: boolean): Promise<void> {
  await immutableShares(server, serverIsOurs);
  await mutableShares(server);
  await leasesAndAdvice(server);
}

test("every operation with a server of ours", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t });
  const client = clientOf(t, placeOf(announcedOf("v0-ours", box.announcement("ours"))));
  assert.equal(client.state(), "unknown");
  await everything(client, true);
  assert.equal(client.state(), "up");
  client.start();
  await eventually("its room is known", 30_000, () => client.availableBytes() === 10 * 2 ** 30);
  assert.ok(client.responseMs()! < 1000);
  const share = (await box.store.open("immutable", SI, 7))!;
  const [kept] = await share.leases();
  await share.file.close();
  assert.ok(Math.abs(kept!.expiryS - LEASE_DURATION_S - Date.now() / 1000) < 60);
});

test("a server that has no room, is not to be written to, or does not know us", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t, members: [anna({ quotaBytes: takenBytes(100) })] });
  const announced = announcedOf("v0-ours", box.announcement("ours"));
  const client = clientOf(t, placeOf(announced));
  const wish = { shares: [0, 1], bytes: 60, uploadSecret, lease };
  assert.deepEqual(await client.allocate(SI, wish), { alreadyHave: [], allocated: [0] });
  const write = [{ offset: 0, data: contentOf(200) }];
  const shares = new Map([[0, { test: [], write, newLength: null }]]);
  const ask = { writeEnabler: secret("enabler"), lease, shares, read: [] };
  await assert.rejects(client.readTestWrite(OTHER, ask), failsWith("no-room"));

  const [nurl] = announced.nurls;
  const stranger = clientOf(t, placeOf({ ...announced, nurls: [{ ...nurl!, swissnum: "other" }] }));
  await assert.rejects(stranger.shares("immutable", SI), failsWith("refused"));
  await assert.rejects(stranger.readTestWrite(OTHER, ask), failsWith("refused"));
  const chunk = { uploadSecret, offset: 0, data: contentOf(60), total: 60 };
  await assert.rejects(stranger.writeChunk(SI, 0, chunk), failsWith("refused"));
  stranger.start();
  await eventually("it is away for a stranger", 30_000, () => stranger.state() === "away");
  assert.equal(stranger.problem(), "refused");
});

test("every operation with the released server, whose client takes the list that we write", async (t) => {
  const boxes = await Promise.all([1, 2].map(() => StorageBox.start({ owner: t })));
  const others = Object.fromEntries(boxes.map((box, index) => [`v0-ours${index}`, box.announcement(`ours-${index}`)]));
  const grid = await startGrid({ owner: t, servers: 1, needed: 2, happy: 3, total: 3, others });
  const [theirs] = grid.servers;
  const client = clientOf(t, placeOf(announcedOf(theirs!.id, theirs!.announcement)));
  await everything(client, false);
  client.start();
  await eventually("its room is known", 30_000, () => (client.availableBytes() ?? 0) > 0);

  const path = join(grid.client.folder, "private", "servers.yaml");
  const { servers, skipped } = importServers(readFileSync(path, "utf8"));
  assert.deepEqual([servers.length, skipped.length], [3, 0]);
  const text = exportServers(servers);
  assert.match(text, /^storage:\n/);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  await grid.client.restart();
  await grid.client.waitForServers(servers.map(({ nickname }) => nickname));
  const from = join(grid.folder, "from");
  writeFileSync(from, contentOf(100_000));
  const cap = await grid.client.ok(["put", from]);
  assert.match(cap, /^URI:CHK:.*:2:3:100000$/);
  await grid.client.ok(["get", cap, join(grid.folder, "to")]);
  assert.ok(readFileSync(join(grid.folder, "to")).equals(contentOf(100_000)));
});
