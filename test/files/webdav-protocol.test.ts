/** WebDAV request by request, over files in memory: what litmus does not ask, and what browsers get. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LOCK_MAX_MS, LOOKS_MAX, PROPERTIES_STORED_MAX_BYTES } from "../../src/services/files/webdav/constants.ts";
import { filesErrors } from "../../src/services/files/errors.ts";
import { eventually } from "../support/process.ts";
import { memoryFiles } from "./memory-files.ts";
import { startWebdav } from "./webdav-box.ts";

const XML = { "content-type": "application/xml" };
const prop = (inside: string) => `<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop>${inside}</D:prop></D:propfind>`;
const update = (inside: string) => `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x">${inside}</D:propertyupdate>`;
const LOCKINFO = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>
  <D:locktype><D:write/></D:locktype>
  <D:owner><D:href>mailto:anna@example.org</D:href></D:owner></D:lockinfo>`;

test("a file goes in and comes out, whole and in part, and 304 when it is known", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  const put = await box.ask("PUT", "/a.txt", { body: "0123456789", headers: { "x-oc-mtime": "1700000000" } });
  assert.equal(put.status, 201);
  assert.equal(put.headers["x-oc-mtime"], "accepted");
  const got = await box.ask("GET", "/a.txt");
  assert.equal(got.text, "0123456789");
  assert.equal(got.headers["content-type"], "text/plain");
  assert.equal(got.headers["last-modified"], "Tue, 14 Nov 2023 22:13:20 GMT");
  assert.equal(got.headers["x-content-type-options"], "nosniff");
  assert.match(String(got.headers["content-security-policy"]), /^sandbox;/);
  const { etag } = got.headers;
  assert.equal(put.headers.etag, etag);
  const part = await box.ask("GET", "/a.txt", { headers: { range: "bytes=2-4", "if-range": etag! } });
  assert.deepEqual([part.status, part.text, part.headers["content-range"]], [206, "234", "bytes 2-4/10"]);
  assert.equal((await box.ask("GET", "/a.txt", { headers: { range: "bytes=10-" } })).status, 416);
  const known = await box.ask("GET", "/a.txt", { headers: { "if-none-match": etag! } });
  assert.deepEqual([known.status, known.text], [304, ""]);
  const head = await box.ask("HEAD", "/a.txt", { headers: { range: "bytes=2-4" } });
  assert.deepEqual([head.status, head.headers["content-length"], head.text], [200, "10", ""]);
});

test("a PUT that expects something else changes nothing", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  const create = { body: "one", headers: { "if-none-match": "*" } };
  const { headers } = await box.ask("PUT", "/a", create);
  assert.equal((await box.ask("PUT", "/a", create)).status, 412);
  assert.equal((await box.ask("PUT", "/a", { body: "two", headers: { "if-match": headers.etag! } })).status, 204);
  assert.equal((await box.ask("PUT", "/a", { body: "three", headers: { "if-match": headers.etag! } })).status, 412);
  assert.equal((await box.ask("DELETE", "/a", { headers: { "if-match": headers.etag! } })).status, 412);
  assert.equal((await box.ask("PUT", "/a", { body: "x", headers: { "content-range": "bytes 0-0/3" } })).status, 400);
  assert.equal((await box.ask("GET", "/a")).text, "two");
});

test("what changes between looking and writing is not lost", async (t) => {
  const files = memoryFiles();
  const box = await startWebdav({ owner: t, files });
  const { headers } = await box.ask("PUT", "/a", { body: "one" });
  const write = files.write.bind(files);
  let isFirst = true;
  files.write = async (path, content, options) => {
    if (isFirst) {
      isFirst = false;
      await write("/a", [Buffer.from("of somebody else")] as unknown as AsyncIterable<Uint8Array>);
    }
    return write(path, content, options);
  };
  assert.equal(
    (await box.ask("PUT", "/a", { body: "two", headers: { if: `(["${"x"}"]) ([${headers.etag}])` } })).status,
    412,
  );
  assert.equal((await box.ask("GET", "/a")).text, "of somebody else");
});

test("what changes between looking and reading is looked at again, but not for ever", async (t) => {
  const files = memoryFiles();
  const box = await startWebdav({ owner: t, files });
  await box.ask("PUT", "/a", { body: "old" });
  const read = files.read.bind(files);
  let changes = 1;
  files.read = async (path, options) => {
    if ((changes -= 1) >= 0) {
      await files.write(path, [Buffer.from(`new ${changes}`)] as unknown as AsyncIterable<Uint8Array>);
    }
    return read(path, options);
  };
  assert.equal((await box.ask("GET", "/a", { headers: { range: "bytes=0-2" } })).text, "new");
  assert.equal((await box.ask("GET", "/a")).text, "new 0");
  let reads = 0;
  files.read = async (path, options) => {
    reads += 1;
    await files.write(path, [Buffer.from(`new ${reads}`)] as unknown as AsyncIterable<Uint8Array>);
    return read(path, options);
  };
  assert.equal((await box.ask("GET", "/a")).status, 503);
  assert.equal(reads, LOOKS_MAX);
});

test("properties: all, names, some, and quota when it is asked for", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles({ capacityBytes: 1000 }) });
  await box.ask("MKCOL", "/Fotos");
  await box.ask("PUT", "/Fotos/a%20%26%20b.txt", { body: "hola" });
  const all = await box.ask("PROPFIND", "/Fotos", { headers: { depth: "1" } });
  assert.equal(all.status, 207);
  assert.match(all.text, /<D:href>\/Fotos\/<\/D:href>/);
  assert.match(all.text, /<D:href>\/Fotos\/a%20%26%20b\.txt<\/D:href>/);
  assert.match(all.text, /<D:displayname>a &amp; b\.txt<\/D:displayname>/);
  assert.match(all.text, /<D:getcontentlength>4<\/D:getcontentlength>/);
  assert.doesNotMatch(all.text, /quota/);
  const names = await box.ask("PROPFIND", "/Fotos", {
    headers: { depth: "0" },
    body: `<propfind xmlns="DAV:"><propname/></propfind>`,
  });
  assert.match(names.text, /<D:resourcetype\/>/);
  const some = await box.ask("PROPFIND", "/", {
    headers: { depth: "0", ...XML },
    body: prop(`<D:quota-available-bytes/><D:quota-used-bytes/><x:none/>`),
  });
  assert.match(some.text, /<D:quota-available-bytes>996<\/D:quota-available-bytes><D:quota-used-bytes>4</);
  assert.match(some.text, /<none xmlns="urn:x"\/><\/D:prop><D:status>HTTP\/1.1 404 Not Found/);
  const infinite = await box.ask("PROPFIND", "/");
  assert.equal(infinite.status, 403);
  assert.match(infinite.text, /<D:propfind-finite-depth\/>/);
});

test("dead properties are kept with their language and markup, and go with a copy", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  await box.ask("PUT", "/a", { body: "a" });
  const set = await box.ask("PROPPATCH", "/a", {
    body: update(`<D:set><D:prop xml:lang="ca"><x:t>h<x:b y="1">i</x:b></x:t></D:prop></D:set>`),
  });
  assert.match(set.text, /HTTP\/1.1 200 OK/);
  await box.ask("COPY", "/a", { headers: { destination: "/b" } });
  const got = await box.ask("PROPFIND", "/b", { body: prop("<x:t/>"), headers: { depth: "0" } });
  assert.match(got.text, /<x:t xmlns:x="urn:x" xml:lang="ca">h<x:b y="1">i<\/x:b><\/x:t>/);
});

test("PROPPATCH does all or nothing", async (t) => {
  const files = memoryFiles();
  const box = await startWebdav({ owner: t, files });
  await box.ask("PUT", "/a", { body: "a" });
  const mixed = await box.ask("PROPPATCH", "/a", {
    body: update(`<D:set><D:prop><x:t>1</x:t><D:getetag>2</D:getetag></D:prop></D:set>`),
  });
  assert.match(mixed.text, /424 Failed Dependency/);
  assert.match(mixed.text, /403 Forbidden<\/D:status><D:error><D:cannot-modify-protected-property\/>/);
  const long = await box.ask("PROPPATCH", "/a", {
    body: update(`<D:set><D:prop><x:t>${"y".repeat(PROPERTIES_STORED_MAX_BYTES)}</x:t></D:prop></D:set>`),
  });
  assert.match(long.text, /507 Insufficient Storage/);
  assert.deepEqual((await files.stat("/a"))!.properties, {});
});

test("what Windows sets is taken, and nothing but the time is kept of it", async (t) => {
  const files = memoryFiles();
  const box = await startWebdav({ owner: t, files });
  await box.ask("PUT", "/a", { body: "a" });
  const times = ["CreationTime", "LastAccessTime", "LastModifiedTime"].map(
    (name) => `<w:Win32${name}>Tue, 14 Nov 2023 22:13:20 GMT</w:Win32${name}>`,
  );
  const marks = `${times.join("")}<w:Win32FileAttributes>00000020</w:Win32FileAttributes>`;
  const answer = await box.ask("PROPPATCH", "/a", {
    body: update(`<D:set><D:prop xmlns:w="urn:schemas-microsoft-com:">${marks}</D:prop></D:set>`),
  });
  assert.match(answer.text, /200 OK/);
  const entry = (await files.stat("/a"))!;
  assert.deepEqual([entry.modifiedMs, entry.properties], [1_700_000_000_000, {}]);
});

test("a lock keeps others out of a folder and of what is in it, until its time is over", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  await box.ask("MKCOL", "/d");
  await box.ask("PUT", "/d/a", { body: "a" });
  const locked = await box.ask("LOCK", "/d", { body: LOCKINFO, headers: { timeout: "Infinite, Second-5" } });
  assert.match(locked.text, new RegExp(`<D:timeout>Second-${LOCK_MAX_MS / 1000}</D:timeout>`));
  assert.match(locked.text, /<D:owner><D:href>mailto:anna@example.org<\/D:href><\/D:owner>/);
  const token = String(locked.headers["lock-token"]);
  for (const [method, path, headers] of [
    ["PUT", "/d/a", {}],
    ["PUT", "/d/new", {}],
    ["MKCOL", "/d/new", {}],
    ["DELETE", "/d/a", {}],
    ["MOVE", "/d/a", { destination: "/b" }],
    ["PROPPATCH", "/d/a", {}],
    ["LOCK", "/d/a", {}],
  ] as const) {
    const body = { PROPPATCH: update(`<D:remove><D:prop><x:t/></D:prop></D:remove>`), LOCK: LOCKINFO };
    const answer = await box.ask(method, path, { headers, body: body[method as "LOCK"] ?? "" });
    assert.equal(answer.status, 423, method);
    assert.match(answer.text, /<D:href>\/d\/<\/D:href>/);
  }
  const inside = await box.ask("LOCK", "/d", { body: LOCKINFO });
  assert.match(inside.text, /no-conflicting-lock/);
  assert.equal((await box.ask("PUT", "/d/a", { body: "b", headers: { if: `<${box.url}/d> (${token})` } })).status, 204);
  assert.equal((await box.ask("UNLOCK", "/d/a", { headers: { "lock-token": token } })).status, 204);
  assert.equal((await box.ask("PUT", "/d/a", { body: "c" })).status, 204);
});

test("a locked file keeps its folder from going, and the answer names it", async (t) => {
  const files = memoryFiles();
  const box = await startWebdav({ owner: t, files });
  await box.ask("MKCOL", "/d");
  const locked = await box.ask("LOCK", "/d/a", { body: LOCKINFO });
  assert.equal(locked.status, 201, "an empty file takes the name");
  assert.equal((await files.stat("/d/a"))!.bytes, 0);
  for (const method of ["MOVE", "DELETE"]) {
    const answer = await box.ask(method, "/d", { headers: { destination: "/e" } });
    assert.equal(answer.status, 207);
    assert.match(answer.text, /<D:href>\/d\/a<\/D:href><D:status>HTTP\/1.1 423 Locked/);
  }
  const token = String(locked.headers["lock-token"]);
  assert.equal((await box.ask("DELETE", "/d", { headers: { if: `<${box.url}/d/a> (${token})` } })).status, 204);
  assert.deepEqual(
    files.trash.map(({ path }) => path),
    ["/d"],
  );
});

test("copies and moves: over something, not over it, without a folder, into itself", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  const to = (destination: string, more = {}) => ({ headers: { destination, ...more } });
  await box.ask("MKCOL", "/d");
  await box.ask("MKCOL", "/d/e");
  await box.ask("PUT", "/d/a", { body: "a" });
  assert.equal((await box.ask("COPY", "/d", to("/f", { depth: "0" }))).status, 201);
  assert.equal((await box.ask("GET", "/f/a")).status, 404);
  assert.equal((await box.ask("COPY", "/d", to("/f", { overwrite: "F" }))).status, 412);
  assert.equal((await box.ask("COPY", "/d", to("/f", { depth: "1" }))).status, 400);
  assert.equal((await box.ask("COPY", "/d", to("/f"))).status, 204);
  assert.equal((await box.ask("GET", "/f/a")).text, "a");
  assert.equal((await box.ask("MOVE", "/d", to("/d"))).status, 403);
  assert.equal((await box.ask("MOVE", "/d", to("/d/e/d"))).status, 403);
  assert.equal((await box.ask("MOVE", "/d/e", to("/d"))).status, 403);
  assert.equal((await box.ask("MOVE", "/d/a", to("/none/a"))).status, 409);
  assert.equal((await box.ask("MOVE", "/d/a", to("/b"))).status, 201);
  assert.equal((await box.ask("GET", "/d/a")).status, 404);
  assert.equal((await box.ask("DELETE", "/")).status, 403);
});

test("a folder that many ask for at once is made once", async (t) => {
  const files = memoryFiles();
  let made = 0;
  const makeFolder = files.makeFolder.bind(files);
  files.makeFolder = async (path) => {
    made += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return makeFolder(path);
  };
  const box = await startWebdav({ owner: t, files });
  const answers = await Promise.all(Array.from({ length: 8 }, () => box.ask("MKCOL", "/d")));
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, ...Array.from({ length: 7 }, () => 405)]);
  assert.equal(made, 1);
});

test("a file that cannot be read to its end is no whole file", async (t) => {
  const files = memoryFiles({ pieceBytes: 1000 });
  const box = await startWebdav({ owner: t, files });
  await box.ask("PUT", "/a", { body: "x".repeat(5000) });
  const read = files.read.bind(files);
  files.read = async (path, options) => {
    const { entry, content } = await read(path, options);
    const cut = async function* () {
      for await (const piece of content) {
        yield piece;
        throw filesErrors.fail("files-unreachable", { params: { found: 1, needed: 3 } });
      }
    };
    return { entry, content: cut() };
  };
  await assert.rejects(box.ask("GET", "/a"), /aborted|ECONNRESET|hang up/);
  await eventually("it is in the log", 30_000, () => box.logged.some((line) => line.includes("files-unreachable")));
  files.read = () => Promise.reject(filesErrors.fail("files-unreachable", { params: { found: 1, needed: 3 } }));
  const { status, headers } = await box.ask("GET", "/a");
  assert.equal(status, 503);
  assert.ok(Number(headers["retry-after"]) > 0);
});

test("a folder in a browser is a plain page in which no name is markup", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  await box.ask("MKCOL", "/d");
  await box.ask("PUT", `/d/${encodeURIComponent(`<img src=x onerror="alert(1)">`)}`, { body: "x".repeat(1500) });
  const { text, headers } = await box.ask("GET", "/d/");
  assert.match(text, /&lt;img src=x onerror=&quot;alert\(1\)&quot;&gt;/);
  assert.doesNotMatch(text, /<img/);
  assert.match(text, /1\.5 kB/);
  assert.match(String(headers["content-security-policy"]), /default-src 'none'/);
});

test("OPTIONS says what there is", async (t) => {
  const box = await startWebdav({ owner: t, files: memoryFiles() });
  const { headers } = await box.ask("OPTIONS", "*");
  assert.equal(headers.dav, "1, 2, 3");
  assert.match(headers.allow!, /PROPFIND.*UNLOCK/);
  assert.equal((await box.ask("POST", "/")).status, 405);
});

test("a device that may only read changes nothing", async (t) => {
  const files = memoryFiles();
  await files.makeFolder("/d");
  const box = await startWebdav({ owner: t, files, mayWrite: false });
  for (const method of ["PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK"]) {
    assert.equal((await box.ask(method, "/d")).status, 403, method);
  }
  assert.equal((await box.ask("PROPFIND", "/d", { headers: { depth: "1" } })).status, 207);
});
