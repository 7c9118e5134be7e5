/** The storage protocol route by route, by raw requests over real HTTPS: statuses, order of checks, hostile input. */
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { test } from "node:test";
import fc from "fast-check";
import {
  ADVISORY_BODY_MAX_BYTES,
  ADVISORY_KEPT_CHARS_MAX,
  ALLOCATE_BODY_MAX_BYTES,
  HEADERS_MAX_BYTES,
  SHARE_BASE_BYTES,
} from "../../src/services/files/storage/constants.ts";
import { takenBytes } from "../../src/services/files/storage/room.ts";
import { ENABLER, LEASE, SI, StorageBox, UPLOAD, allocate, anna, cbor, contentOf } from "./storage-box.ts";
import { fromCbor, patch, secret } from "./storage-box.ts";

test("paths, methods and the swissnum are judged in this order", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const wrong = { swissnum: "another" };
  const cases: [number, string, string][] = [
    [404, "GET", "nothing"],
    [404, "GET", `immutable/${SI.slice(1)}/shares`],
    [404, "GET", `immutable/${SI.slice(1)}1/shares`],
    [404, "GET", `immutable/${SI}/256`],
    [404, "GET", `immutable/${SI}/01`],
    [405, "DELETE", `immutable/${SI}/1`],
    [405, "PATCH", `mutable/${SI}/1`],
    [405, "POST", "version"],
    [401, "GET", "version"],
    [401, "GET", `immutable/${SI}/1`],
  ];
  for (const [status, method, path] of cases) {
    assert.equal((await box.ask(method, path, wrong)).status, status, `${method} ${path}`);
  }
  assert.equal((await box.ask("GET", "version", { headers: { authorization: "Tahoe-LAFS" } })).status, 401);

  const answer = await box.ask("GET", "version");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "application/cbor");
  const document = [...(fromCbor(answer.body) as Map<Uint8Array, unknown>)];
  assert.deepEqual(document.map(([key]) => Buffer.from(key).toString()).toSorted(), [
    "application-version",
    "http://allmydata.org/tahoe/protocols/storage/v1",
  ]);
  const facts = document.find(([, value]) => value instanceof Map)![1] as Map<Uint8Array, unknown>;
  const values = new Map([...facts].map(([key, value]) => [Buffer.from(key).toString(), value]));
  assert.equal(values.get("maximum-mutable-share-size"), 69_105_000_000_000_000n);
  assert.equal(values.get("available-space"), 10 * 2 ** 30);
});

test("secrets must be exactly those that the route asks for", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const body = cbor({ "share-numbers": new Set([1]), "allocated-size": 10 });
  const all = { ...LEASE, ...UPLOAD };
  const ask = async (secrets: Record<string, Uint8Array>) =>
    (await box.ask("POST", `immutable/${SI}`, { secrets, body })).status;
  assert.equal(await ask(LEASE), 400);
  assert.equal(await ask({ ...all, ...ENABLER }), 400);
  assert.equal(await ask({ ...all, "another-secret": secret("x") }), 400);
  assert.equal(await ask({ ...all, "lease-renew-secret": new Uint8Array(31) }), 400);
  assert.equal(await ask({ ...all, "upload-secret": new Uint8Array(0) }), 400);
  assert.equal(await ask({ ...all, "upload-secret": new Uint8Array(257) }), 400);
  assert.equal(await ask(all), 200);
  assert.equal((await box.ask("GET", "version", { secrets: UPLOAD })).status, 400);
  const doubled = { "x-tahoe-authorization": ["upload-secret AAAA", "upload-secret AAAA"] };
  assert.equal((await box.ask("PUT", `immutable/${SI}/1/abort`, { headers: doubled })).status, 400);
  const spoiled = { "x-tahoe-authorization": "upload-secret A-A" };
  assert.equal((await box.ask("PUT", `immutable/${SI}/1/abort`, { headers: spoiled })).status, 400);
});

test("Accept, content types, sizes and shapes of bodies", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const good = cbor({ "share-numbers": new Set([1]), "allocated-size": 10 });
  const ask = async (body: Uint8Array, headers = {}) =>
    (await box.ask("POST", `immutable/${SI}`, { secrets: { ...LEASE, ...UPLOAD }, body, headers })).status;
  assert.equal(await ask(good, { accept: "text/html, application/cbor;q=0.5" }), 406);
  assert.equal(await ask(good, { accept: "text/html;q=0.1, application/cbor" }), 200);
  assert.equal(await ask(good, { "content-type": "application/json" }), 415);
  assert.equal(await ask(new Uint8Array(ALLOCATE_BODY_MAX_BYTES + 1)), 413);
  assert.equal(await ask(new Uint8Array(ALLOCATE_BODY_MAX_BYTES)), 400);
  const numbers = (list: unknown) => cbor({ "share-numbers": list, "allocated-size": 1 });
  assert.equal(await ask(numbers([1])), 400, "a plain array is no set");
  assert.equal(await ask(numbers(new Set([256]))), 400);
  assert.equal(await ask(numbers(new Set(Array.from({ length: 256 }, (_, n) => n)))), 200);
  assert.equal(await ask(cbor({ "share-numbers": new Set([1]) })), 400);
  assert.equal(await ask(cbor({ "share-numbers": new Set([1]), "allocated-size": 1, more: 1 })), 400);
  const large = await box.ask("GET", "version", { headers: { "x-long": "x".repeat(HEADERS_MAX_BYTES) } });
  assert.equal(large.status, 431);
});

test("chunks in any order, conflicts, repeats, and reading", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const bytes = contentOf(1000);
  assert.deepEqual(await allocate(box, [1, 7], 1000), { status: 200, have: [], got: [1, 7] });
  assert.deepEqual((await allocate(box, [1, 7], 1000)).got, [1, 7], "the same upload again");
  const other = { secrets: { ...LEASE, "upload-secret": secret("another") } };
  assert.deepEqual((await allocate(box, [1, 2], 1000, other)).got, [2], "of another upload only what is free");

  const required = async (first: number, end: number) => {
    const answer = await patch(box, 1, first, bytes.subarray(first, end));
    const list = (fromCbor(answer.body) as Map<string, Map<string, number>[]>).get("required")!;
    return [answer.status, ...list.map((one) => [one.get("begin"), one.get("end")])];
  };
  assert.deepEqual(await required(600, 700), [200, [0, 600], [700, 1000]]);
  assert.deepEqual(await required(0, 100), [200, [100, 600], [700, 1000]]);
  assert.deepEqual(await required(50, 650), [200, [700, 1000]]);
  const differing = Buffer.from(bytes.subarray(600, 800));
  differing[10]! ^= 1;
  assert.equal((await patch(box, 1, 600, differing)).status, 409);
  assert.equal((await box.ask("GET", `immutable/${SI}/1`)).status, 404, "not readable before it is complete");

  assert.equal((await patch(box, 1, 0, bytes.subarray(0, 9), other)).status, 400);
  const another = { secrets: { "upload-secret": secret("another") } };
  assert.equal((await patch(box, 1, 0, bytes.subarray(0, 9), another)).status, 401);
  assert.equal((await patch(box, 9, 0, bytes.subarray(0, 9))).status, 404);
  for (const range of ["", "bytes 0-8", "bytes 8-0/*", "bytes 0-8/5", "items 0-8/*", "bytes 995-1003/*"]) {
    const headers = { "content-range": range };
    assert.equal((await patch(box, 1, 0, bytes.subarray(0, 9), { headers })).status, 416, range);
  }
  const short = { headers: { "content-range": "bytes 700-799/*" } };
  assert.equal((await patch(box, 1, 700, bytes.subarray(700, 750), short)).status, 400);
  assert.equal((await patch(box, 1, 700, bytes.subarray(700, 801), short)).status, 413);
  assert.deepEqual(await required(700, 1000), [201]);
  assert.equal((await patch(box, 1, 0, bytes)).status, 404, "complete");
  assert.deepEqual(await allocate(box, [1, 7], 1000), { status: 200, have: [1], got: [7] });

  const read = async (range?: string) => {
    const answer = await box.ask("GET", `immutable/${SI}/1`, range === undefined ? {} : { headers: { range } });
    return { ...answer, part: answer.headers["content-range"] };
  };
  const whole = await read();
  assert.equal(whole.status, 200);
  assert.equal(whole.headers["content-type"], "application/octet-stream");
  assert.ok(whole.body.equals(bytes));
  const part = await read("bytes=990-2000");
  assert.deepEqual([part.status, part.part], [206, "bytes 990-999/*"]);
  assert.ok(part.body.equals(bytes.subarray(990)));
  assert.equal((await read("bytes=1000-1001")).status, 204);
  for (const range of ["bytes=1-", "bytes=-5", "bytes=0-1,3-4", "items=0-1", "bytes=3-1"]) {
    assert.equal((await read(range)).status, 416, range);
  }
  const shares = await box.ask("GET", `immutable/${SI}/shares`);
  assert.deepEqual(fromCbor(shares.body), new Set([1]));
  assert.deepEqual(fromCbor((await box.ask("GET", `mutable/${SI}/shares`)).body), new Set());
  assert.equal((await box.ask("GET", `mutable/${SI}/1`)).status, 404);
});

test("a refusal in the middle of a large body is heard, and what stood there stays", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const bytes = contentOf(3_000_000);
  await allocate(box, [1], bytes.length);
  assert.equal((await patch(box, 1, 0, bytes.subarray(0, 100))).status, 200);
  assert.equal((await patch(box, 1, 0, contentOf(2_900_000))).status, 409);
  assert.equal((await patch(box, 1, 0, bytes)).status, 201);
  assert.ok((await box.ask("GET", `immutable/${SI}/1`)).body.equals(bytes));
});

test("abort leaves no trace", async (t) => {
  const box = await StorageBox.start({ owner: t });
  await allocate(box, [1, 2], 100);
  const abort = async (number: number, upload = UPLOAD["upload-secret"]) =>
    (await box.ask("PUT", `immutable/${SI}/${number}/abort`, { secrets: { "upload-secret": upload } })).status;
  assert.equal(await abort(1, secret("another")), 401);
  assert.equal(await abort(1), 200);
  assert.equal(await abort(1), 404);
  assert.equal((await patch(box, 2, 0, contentOf(100))).status, 201);
  assert.equal(await abort(2), 405);
  assert.equal(box.store.room.usedBytes("anna"), takenBytes(100));
  assert.equal(box.store.uploads.size, 0);
});

test("quotas, readers, and the room of the disk", async (t) => {
  const members = [
    anna({ quotaBytes: takenBytes(500) * 2 }),
    anna({ swissnum: "reader", member: "bernat", mayWrite: false }),
  ];
  let capacity = 100_000;
  const box = await StorageBox.start({ owner: t, members, capacity: () => capacity });
  assert.deepEqual((await allocate(box, [1, 2, 3], 400)).got, [1, 2]);
  assert.deepEqual((await allocate(box, [4], 10, { swissnum: "reader" })).got, []);
  capacity = 850;
  assert.equal(box.store.room.availableBytes(), 50, "what is promised is not offered again");
  assert.deepEqual((await allocate(box, [5], 60)).got, []);
  assert.equal((await patch(box, 1, 0, contentOf(400))).status, 201);
  assert.equal((await box.ask("GET", `immutable/${SI}/1`, { swissnum: "reader" })).status, 200);
  assert.equal(box.store.room.usedBytes("anna"), 2 * takenBytes(400));
});

test("shares of no bytes take room, too, whoever sends very many of them", async (t) => {
  const box = await StorageBox.start({ owner: t, members: [anna({ quotaBytes: 3 * SHARE_BASE_BYTES })] });
  assert.deepEqual((await allocate(box, [0, 1, 2, 3, 4], 0)).got.length, 3);
  assert.equal(box.store.room.usedBytes("anna"), 3 * SHARE_BASE_BYTES);
});

test("all accounts of a bad neighbour together store no more than a box may", async (t) => {
  const neighbour = { id: "neighbour", quotaBytes: takenBytes(100) * 3 };
  const accounts = Array.from({ length: 10 }, (_, n) =>
    anna({ swissnum: `invented${n}`, member: `neighbour/${n}`, box: neighbour }),
  );
  const good = anna({ swissnum: "good", member: "other/anna", box: { id: "other", quotaBytes: takenBytes(100) } });
  const box = await StorageBox.start({ owner: t, members: [...accounts, good] });
  let got = 0;
  for (const [number, { swissnum }] of accounts.entries()) {
    got += (await allocate(box, [number], 100, { swissnum })).got.length;
  }
  assert.equal(got, 3, "under whatever names");
  assert.equal(box.store.room.boxUsedBytes("neighbour"), neighbour.quotaBytes);
  assert.deepEqual((await allocate(box, [100], 100, { swissnum: "good" })).got, [100], "others have their room");
  assert.equal((await box.ask("GET", "version", { swissnum: "invented9" })).status, 200, "and it reads on");
});

test("leases and advisories", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const lease = async (secrets: Record<string, Uint8Array> = LEASE) =>
    (await box.ask("PUT", `lease/${SI}`, { secrets })).status;
  assert.equal(await lease(), 404);
  await allocate(box, [1], 10);
  await patch(box, 1, 0, contentOf(10));
  assert.equal(await lease(), 204);
  assert.equal(await lease({ ...LEASE, "lease-renew-secret": secret("second") }), 204);
  assert.equal((await box.ask("GET", `immutable/${SI}/1`)).body.length, 10, "leases are no data");

  const report = async (number: number, body: Uint8Array) =>
    (await box.ask("POST", `immutable/${SI}/${number}/corrupt`, { body })).status;
  assert.equal(await report(1, cbor({ reason: "bad" })), 200);
  assert.equal(await report(2, cbor({ reason: "bad" })), 404);
  assert.equal(await report(1, cbor({ reason: "" })), 400);
  const longest = cbor({ reason: "x".repeat(32_757) });
  assert.equal(longest.length, ADVISORY_BODY_MAX_BYTES);
  assert.equal(await report(1, longest), 200);
  assert.equal(await report(1, cbor({ reason: "x".repeat(32_758) })), 413);
  const lengths = box.store.advisories.list().map(({ reason }) => reason.length);
  assert.deepEqual(lengths, [3, ADVISORY_KEPT_CHARS_MAX]);
});

test("nothing that a stranger sends makes the server fail", { timeout: 180_000 }, async (t) => {
  const box = await StorageBox.start({ owner: t });
  const secrets = { ...LEASE, ...UPLOAD };
  const writing = { ...LEASE, ...ENABLER };
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (body) => {
      const allocated = await box.ask("POST", `immutable/${SI}`, { secrets, body });
      assert.ok([200, 400].includes(allocated.status), String(allocated.status));
      const written = await box.ask("POST", `mutable/${SI}/read-test-write`, { secrets: writing, body });
      assert.ok([200, 400].includes(written.status), String(written.status));
    }),
    { numRuns: 60 },
  );
  const text = fc.string({ maxLength: 60, unit: fc.constantFrom(..."abc=-,/ *0123456789bytesq;.") });
  await fc.assert(
    fc.asyncProperty(text, text, text, text, async (range, accept, kind, authorization) => {
      const headers = { range, "content-range": range, accept, "content-type": kind, "x-tahoe-authorization": kind };
      for (const path of [`immutable/${SI}/1`, `immutable/${SI}/shares`, "version"]) {
        const { status } = await box.ask("GET", path, { headers });
        assert.ok(status < 500, String(status));
      }
      assert.equal((await box.ask("GET", "version", { headers: { authorization } })).status, 401);
    }),
    { numRuns: 40 },
  );
});

test("half-open connections harm nobody else", async (t) => {
  const box = await StorageBox.start({ owner: t });
  const sockets = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect({ host: "127.0.0.1", port: box.port, rejectUnauthorized: false });
      socket.on("error", () => {});
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      socket.write("GET /storage/v1/version HTTP/1.1\r\nHost: x\r\n");
      return socket;
    }),
  );
  assert.equal(sockets[0]!.getPeerX509Certificate()?.issuerCertificate, undefined, "one certificate, no chain");
  assert.equal((await box.ask("GET", "version")).status, 200);
  for (const socket of sockets) socket.destroy();
});
