/** Shares on the disk: leases, sweeping, limits, folders of other servers, and the small parts below. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import fc from "fast-check";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { newIdentity } from "../../src/platform/identity.ts";
import { furlOf, nurlOf, pinOf, tubIdOf } from "../../src/services/files/storage/announcement.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { leaseHash } from "../../src/services/files/storage/leases.ts";
import {
  ADVISORIES_MAX,
  BODY_GRACE_MS,
  LEASES_MAX,
  LEASE_DURATION_S,
  UPLOADS_MAX,
  UPLOADS_PER_MEMBER_MAX,
  UPLOAD_IDLE_MS,
  UPLOAD_RANGES_MAX,
} from "../../src/services/files/storage/constants.ts";
import { RangeSet } from "../../src/services/files/storage/ranges.ts";
import { Refusal } from "../../src/services/files/storage/refusal.ts";
import { LEASE, SI, StorageBox, allocate, anna, contentOf, patch, secret } from "./storage-box.ts";

const share = (box: StorageBox, number: number) => join(box.folder, "shares", SI.slice(0, 2), SI, String(number));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("the container of an immutable share is the published one", async (t) => {
  const clock = virtualClock(1_700_000_000_000);
  const box = await StorageBox.start({ owner: t, clock });
  await allocate(box, [3], 100);
  await patch(box, 3, 0, contentOf(100));
  await box.store.checkpoint();
  const file = readFileSync(share(box, 3));
  assert.equal(file.length, 12 + 100 + 72);
  assert.equal(hex(file.subarray(0, 12)), "000000020000006400000001");
  assert.ok(file.subarray(12, 112).equals(contentOf(100)));
  assert.equal(hex(file.subarray(116, 148)), hex(leaseHash(LEASE["lease-renew-secret"])));
  assert.equal(file.readUInt32BE(180), 1_700_000_000 + LEASE_DURATION_S);
});

test("a lease that was written and not counted is no data", async (t) => {
  const box = await StorageBox.start({ owner: t });
  await allocate(box, [3], 100);
  await patch(box, 3, 0, contentOf(100));
  await box.store.checkpoint();
  const path = share(box, 3);
  const file = readFileSync(path);
  writeFileSync(path, Buffer.concat([file, file.subarray(112)]));
  const answer = await box.ask("GET", `immutable/${SI}/3`);
  assert.ok(answer.body.equals(contentOf(100)));
});

test("containers of version 1 keep their secrets in clear, and go on", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const header = Buffer.from("00000001000000040000000100000000", "hex");
  const lease = Buffer.concat([LEASE["lease-renew-secret"], LEASE["lease-cancel-secret"], Buffer.alloc(4)]);
  mkdirSync(dirname(share(box, 0)), { recursive: true });
  writeFileSync(
    share(box, 0),
    Buffer.concat([header.subarray(0, 12), Buffer.from("data"), header.subarray(12), lease]),
  );
  assert.equal((await box.ask("GET", `immutable/${SI}/0`)).body.toString(), "data");
  assert.equal((await box.ask("PUT", `lease/${SI}`, { secrets: LEASE })).status, 204);
  assert.equal(readFileSync(share(box, 0)).length, 12 + 4 + 72, "renewed, not added");
  assert.ok(readFileSync(share(box, 0)).readUInt32BE(84) > 0);
});

test("only shares without a lease go, and only those that are named", async (t) => {
  const clock = virtualClock();
  const box = await StorageBox.start({ owner: t, clock });
  await allocate(box, [1, 2], 50);
  await patch(box, 1, 0, contentOf(50));
  await patch(box, 2, 0, contentOf(50));
  const asked: [number, number][] = [];
  const only = (wanted: number) => (share: number, endedS: number) => {
    asked.push([share, endedS]);
    return share === wanted;
  };
  const endS = Math.floor(clock.wallMs() / 1000) + LEASE_DURATION_S;
  clock.advance((LEASE_DURATION_S - 10) * 1000);
  assert.deepEqual(await box.store.removeExpired(SI, only(1)), { removed: 0, bytes: 0 });
  assert.deepEqual(asked, []);
  clock.advance(11_000);
  assert.deepEqual(await box.store.removeExpired(SI, only(1)), { removed: 1, bytes: 50 });
  assert.deepEqual(asked, [
    [1, endS],
    [2, endS],
  ]);
  assert.equal((await box.ask("GET", `immutable/${SI}/1`)).status, 404);
  assert.equal((await box.ask("GET", `immutable/${SI}/2`)).status, 200);
});

test("an upload without writes is aborted after a while", async (t) => {
  const clock = virtualClock();
  const box = await StorageBox.start({ owner: t, clock });
  await allocate(box, [1], 50);
  clock.advance(UPLOAD_IDLE_MS - 1000);
  await patch(box, 1, 0, contentOf(10));
  clock.advance(UPLOAD_IDLE_MS - 1000);
  await box.store.uploads.dropIdle();
  assert.equal(box.store.uploads.size, 1);
  clock.advance(1000);
  await box.store.uploads.dropIdle();
  assert.equal(box.store.uploads.size, 0);
  assert.equal(box.store.room.usedBytes("anna"), 0);
  assert.deepEqual(readdirSync(join(box.folder, "shares", "incoming", SI.slice(0, 2), SI)), []);
});

test("what a member stored is counted again after a restart", async (t) => {
  const first = await StorageBox.start({ owner: t });
  await allocate(first, [1, 2], 700);
  await patch(first, 1, 0, contentOf(700));
  await patch(first, 2, 0, contentOf(700).subarray(0, 300));
  await first.stop();
  const second = await StorageBox.start({
    owner: t,
    folder: first.folder,
    members: [anna({ quotaBytes: takenBytes(750) * 2 })],
  });
  assert.equal(second.store.room.usedBytes("anna"), 2 * takenBytes(700));
  assert.deepEqual((await allocate(second, [5], 200)).got, []);
  assert.equal((await patch(second, 2, 300, contentOf(700).subarray(300))).status, 201, "an orderly end notes all");
});

test("limits of leases, uploads, holes, and advisories", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t });
  await allocate(box, [1], 50);
  await patch(box, 1, 0, contentOf(50));
  const lease = (index: number) =>
    box.store.renewLeases(anna(), SI, { renewSecret: secret(`r${index}`), cancelSecret: secret("c") });
  for (let index = 1; index < LEASES_MAX; index++) await lease(index);
  await assert.rejects(lease(LEASES_MAX), (error) => error instanceof Refusal && error.status === 507);

  await allocate(box, [2], 100_000);
  const upload = box.store.uploads.find(SI, 2)!;
  const bytes = contentOf(1);
  const put = (index: number) => box.store.uploads.write(upload, index * 2, 1, chunks(bytes));
  for (let index = 0; index < UPLOAD_RANGES_MAX; index++) upload.written.add({ begin: index * 2, end: index * 2 + 1 });
  await assert.rejects(put(UPLOAD_RANGES_MAX), (error) => error instanceof Refusal && error.status === 400);

  const numbers = Array.from({ length: 256 }, (_, number) => number);
  let open = box.store.uploads.size;
  const secrets = { renewSecret: secret("r"), cancelSecret: secret("c") };
  for (let index = 0; open < UPLOADS_MAX; index++) {
    const storageIndex = `${"abcdefghijklmnopqrstuvwxyz"[index]}${SI.slice(1)}`.replace(/^a/, "7");
    const wish = { numbers, bytes: 1, uploadSecret: secret("u"), secrets };
    const before = open;
    for (let member = 0; member < UPLOADS_MAX / UPLOADS_PER_MEMBER_MAX; member++) {
      const { allocated } = await box.store.allocate(anna({ member: `anna ${member}` }), storageIndex, wish);
      // Who had some already at its limit leaves the rest to the next one.
      open = box.store.uploads.size;
      if (allocated.length === 256) break;
    }
    if (open === before) break;
  }
  assert.equal(box.store.uploads.size, UPLOADS_MAX);

  const advisory = { kind: "immutable", storageIndex: SI, number: 1 } as const;
  const many = Array.from({ length: ADVISORIES_MAX + 1 }, (_, index) => `${index}`);
  await Promise.all(many.slice(0, 50).map((reason) => box.store.advisories.add({ ...advisory, reason })));
  for (const reason of many.slice(50)) void box.store.advisories.add({ ...advisory, reason }).catch(() => {});
  assert.equal(box.store.advisories.list().length, ADVISORIES_MAX);
  assert.equal(box.store.advisories.list()[0]!.reason, "1");
  await box.store.advisories.add({ ...advisory, reason: "last" });
});

test("slow senders, silent connections, and too many of them", { timeout: 180_000 }, async (t) => {
  const clock = virtualClock();
  const quiet = await StorageBox.start({ owner: t, clock, limits: { idleMs: 400 } });
  const box = await StorageBox.start({ owner: t, clock, limits: { connectionsMax: 5, headersMs: 900 } });
  const open = async (port = box.port) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
    const closed = new Promise<string>((resolve) => {
      let said = "";
      socket.on("data", (chunk) => (said += String(chunk)));
      socket.on("error", () => {});
      socket.on("close", () => resolve(said));
    });
    await new Promise((resolve) => {
      socket.once("secureConnect", resolve);
      socket.once("close", resolve);
    });
    return { socket, closed };
  };
  const silent = await open(quiet.port);
  assert.equal(await silent.closed, "", "cut when nothing moves");
  const headers = await open();
  headers.socket.write("GET /storage/v1/version HTTP/1.1\r\nHost: x\r\n");
  const dripping = setInterval(() => headers.socket.write("X: y\r\n"), 100);
  assert.match(await headers.closed, /^HTTP\/1.1 408 /);
  clearInterval(dripping);

  await allocate(box, [1], 1000);
  const drip = await open();
  const auth = `Authorization: Tahoe-LAFS ${Buffer.from("swissnumexample").toString("base64")}`;
  const upload = `X-Tahoe-Authorization: upload-secret ${secret("upload").toString("base64")}`;
  const range = "Content-Range: bytes 0-999/*\r\nContent-Length: 1000";
  drip.socket.write(
    `PATCH /storage/v1/immutable/${SI}/1 HTTP/1.1\r\nHost: x\r\n${auth}\r\n${upload}\r\n${range}\r\n\r\nx`,
  );
  const slowly = setInterval(() => {
    clock.advance(BODY_GRACE_MS + 1000);
    drip.socket.write("y");
  }, 150);
  assert.match(await drip.closed, /^HTTP\/1.1 408 /);
  clearInterval(slowly);

  box.agent.destroy();
  const many = await Promise.all(Array.from({ length: 8 }, () => open()));
  const refused = many.filter(({ socket }) => socket.destroyed || socket.closed);
  assert.ok(refused.length >= 3, `${refused.length} of 8 were cut at once`);
  for (const { socket } of many) socket.destroy();
});

test("addresses carry the pin, the tub id and the swissnum", () => {
  const { certificatePem } = newIdentity();
  const place = { certificatePem, port: 4444, swissnum: "s", tubId: tubIdOf(certificatePem) };
  assert.equal(nurlOf({ ...place, host: "a.example" }), `pb://${pinOf(certificatePem)}@a.example:4444/s#v=1`);
  assert.match(nurlOf({ ...place, host: "fe80::1" }), /^pb:\/\/[\w-]{43}@\[fe80::1\]:4444\/s#v=1$/);
  assert.match(furlOf({ ...place, host: "a.example" }), /^pb:\/\/[a-z2-7]{32}@tcp:a\.example:4444\/s$/);
});

test("BLAKE2b of 32 bytes has its published values", () => {
  // Of the empty text and of "abc", as b2sum -l 256 prints them; and over the edge of a block.
  assert.equal(hex(leaseHash(new Uint8Array())), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  assert.equal(hex(leaseHash(Buffer.from("abc"))), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  const lengths = [127, 128, 129, 256, 300].map((length) => hex(leaseHash(Buffer.alloc(length, "a"))));
  const digest = createHash("sha256").update(lengths.join(" ")).digest("hex");
  assert.equal(digest, "e3c43ec2251d9af2a6aabf12324891b54e1047d433854cc5acf385c96daeeb87");
});

test("ranges are joined, and what is missing is the rest", () => {
  const range = fc.tuple(fc.nat(60), fc.nat(20)).map(([begin, length]) => ({ begin, end: begin + length }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), range, (ranges, asked) => {
      const set = new RangeSet(ranges);
      const there = (at: number) => ranges.some(({ begin, end }) => begin <= at && at < end);
      const bytes = Array.from({ length: 81 }, (_, at) => at);
      const covered = (list: readonly { begin: number; end: number }[]) =>
        bytes.filter((at) => list.some(({ begin, end }) => begin <= at && at < end)).join();
      assert.equal(covered(set.ranges), bytes.filter(there).join());
      assert.equal(covered(set.missing(70)), bytes.filter((at) => at < 70 && !there(at)).join());
      const inside = bytes.filter((at) => there(at) && at >= asked.begin && at < asked.end);
      assert.equal(covered(set.within(asked)), inside.join());
      assert.equal(set.bytes, bytes.filter(there).length);
      for (const [index, one] of set.ranges.entries()) assert.ok(index === 0 || set.ranges[index - 1]!.end < one.begin);
    }),
  );
});

test("a share of many gigabytes is read in parts", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const size = 5 * 2 ** 30;
  mkdirSync(dirname(share(box, 0)), { recursive: true });
  const file = openSync(share(box, 0), "w");
  writeSync(file, Buffer.from("00000002ffffffff00000001", "hex"), 0, 12, 0);
  ftruncateSync(file, 12 + size + 72);
  writeSync(file, Buffer.from("the end"), 0, 7, 12 + size - 7);
  closeSync(file);
  const answer = await box.ask("GET", `immutable/${SI}/0`, { headers: { range: `bytes=${size - 7}-${size + 9}` } });
  assert.equal(answer.body.toString(), "the end");
  assert.equal(answer.headers["content-range"], `bytes ${size - 7}-${size - 1}/*`);
});

async function* chunks(...list: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* list;
}
