/** A member's files: every operation of the file system, what it refuses, and what else a member has of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { VERSIONS_MAX } from "../../src/services/files/tree/constants.ts";
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import { bytesOf, content, noise, treeBox } from "./tree-box.ts";

const failsWith = (code: string) => (error: unknown) => isFailure(error, code);
const textOf = async (files: MemberFiles, path: string) => (await bytesOf((await files.read(path)).content)).toString();
const names = async (files: MemberFiles, path = "/") => (await files.list(path)).map(({ name }) => name).toSorted();

test("a file is written, read whole and in part, and told about", async (t) => {
  const clock = virtualClock(1_800_000_000_000);
  const { files } = await treeBox(t, { clock });
  const made = await files.write("/Àrea.txt", content("hello ", "world"), { modifiedMs: 1234 });
  assert.deepEqual(
    { ...made, etag: made.etag.length },
    {
      name: "Àrea.txt",
      path: "/Àrea.txt",
      kind: "file",
      bytes: 11,
      modifiedMs: 1234,
      createdMs: 1_800_000_000_000,
      etag: 32,
      mediaType: "text/plain",
      canWrite: true,
      properties: {},
      versions: 1,
    },
  );
  assert.equal(await textOf(files, "/A\u0300rea.txt"), "hello world");
  const { content: part, entry } = await files.read("//./x/../Àrea.txt", { at: 6, length: 3 });
  assert.equal((await bytesOf(part)).toString(), "wor");
  assert.deepEqual(entry, made);
  assert.deepEqual(await files.stat("/Àrea.txt"), made);
  assert.deepEqual(await files.list("/"), [made]);
});

test("small content, content of several segments, and none", async (t) => {
  const { files, grid } = await treeBox(t);
  for (const bytes of [noise(3_000_001), noise(1024 * 1024), new Uint8Array(0), noise(55), noise(56)]) {
    const name = `/${bytes.length}`;
    await files.write(name, content(bytes.subarray(0, 10), bytes.subarray(10)));
    assert.ok((await bytesOf((await files.read(name)).content)).equals(bytes));
    assert.equal((await files.stat(name))!.bytes, bytes.length);
  }
  assert.equal(grid.counts.uploads, 5);
});

test("what is not there, is something else, or has no name", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  await files.write("/a/f", content("x"));
  assert.equal(await files.stat("/b"), undefined);
  assert.equal(await files.stat("/a/f/g"), undefined);
  assert.equal(await files.stat("/b/c/d"), undefined);
  await assert.rejects(files.list("/b"), failsWith("files-not-found"));
  await assert.rejects(files.list("/a/f"), failsWith("files-not-a-folder"));
  await assert.rejects(files.read("/a"), failsWith("files-is-a-folder"));
  await assert.rejects(files.read("/"), failsWith("files-is-a-folder"));
  await assert.rejects(files.write("/a", content("x")), failsWith("files-is-a-folder"));
  await assert.rejects(files.write("/b/c", content("x")), failsWith("files-not-found"));
  await assert.rejects(files.write("/a/f/g", content("x")), failsWith("files-not-a-folder"));
  await assert.rejects(files.makeFolder("/a"), failsWith("files-exists"));
  await assert.rejects(files.makeFolder("/"), failsWith("files-exists"));
  await assert.rejects(files.makeFolder("/a\u0000b"), failsWith("files-bad-name"));
  await assert.rejects(files.makeFolder(`/${"x".repeat(256)}`), failsWith("files-bad-name"));
  await assert.rejects(files.remove("/b"), failsWith("files-not-found"));
  await assert.rejects(files.move("/a", "/a/b"), failsWith("files-into-itself"));
  await assert.rejects(files.copy("/a", "/a/b"), failsWith("files-into-itself"));
  await assert.rejects(files.move("/a/f", "/a", { replace: true }), failsWith("files-into-itself"));
  await assert.rejects(files.copy("/a/f", "/a/f", { replace: true }), failsWith("files-into-itself"));
});

test("the top folder cannot be moved, copied, removed or changed, and that is said of it", async (t) => {
  const { files } = await treeBox(t);
  const asks = [
    files.remove("/"),
    files.move("/", "/x"),
    files.copy("/", "/x"),
    files.change("//.", { modifiedMs: 1 }),
    files.versions("/a/.."),
  ];
  for (const one of asks) await assert.rejects(one, failsWith("files-top-folder"));
  assert.deepEqual(await names(files), []);
});

test("writing over: only new, only what was seen; what was is a version; one cut off changes nothing", async (t) => {
  const { files } = await treeBox(t);
  const first = await files.write("/f", content("one"));
  await assert.rejects(files.write("/f", content("two"), { mode: "new" }), failsWith("files-exists"));
  await assert.rejects(files.write("/f", content("two"), { ifEtag: "0".repeat(32) }), failsWith("files-changed"));
  const second = await files.write("/f", content("two"), { ifEtag: first.etag });
  assert.notEqual(second.etag, first.etag);
  await assert.rejects(files.write("/f", content("three"), { ifEtag: first.etag }), failsWith("files-changed"));
  async function* broken() {
    yield Buffer.from("thr");
    throw new Error("cut off");
  }
  await assert.rejects(files.write("/f", broken()), /cut off/);
  const abort = new AbortController();
  async function* aborted() {
    yield noise(2_000_000);
    abort.abort(new Error("given up"));
    yield noise(10);
  }
  await assert.rejects(files.write("/f", aborted(), { signal: abort.signal }), /given up/);
  assert.equal(await textOf(files, "/f"), "two");
  assert.equal((await files.write("/f", content("two"))).etag, second.etag);
  const versions = await files.versions("/f");
  assert.deepEqual(
    versions.map(({ bytes, current }) => ({ bytes, current })),
    [
      { bytes: 3, current: true },
      { bytes: 3, current: false },
    ],
  );
  assert.equal((await bytesOf(await files.readVersion("/f", versions[1]!.id))).toString(), "one");
  const back = await files.restoreVersion("/f", versions[1]!.id);
  assert.equal(back.etag, first.etag);
  assert.equal(await textOf(files, "/f"), "one");
  assert.equal((await files.versions("/f")).length, 2);
  await assert.rejects(files.restoreVersion("/f", "0".repeat(16)), failsWith("files-not-found"));
  for (let i = 0; i < VERSIONS_MAX + 5; i += 1) await files.write("/f", content(`content ${i}`));
  assert.equal((await files.versions("/f")).length, VERSIONS_MAX + 1);
  assert.equal((await files.stat("/f"))!.versions, VERSIONS_MAX + 1);
});

test("moving keeps content, times and properties; copying shares the content", async (t) => {
  const { files, grid } = await treeBox(t);
  await files.makeFolder("/a");
  await files.makeFolder("/b");
  const made = await files.write("/a/f", content("x".repeat(100)), { modifiedMs: 5000, mediaType: "text/css" });
  await files.change("/a/f", { properties: { "{x}y": "1", "{x}z": "2" }, modifiedMs: 6000 });
  await files.change("/a/f", { properties: { "{x}z": undefined } });
  const moved = await files.move("/a/f", "/b/g.html");
  assert.deepEqual(moved, {
    ...made,
    name: "g.html",
    path: "/b/g.html",
    modifiedMs: 6000,
    properties: { "{x}y": "1" },
  });
  assert.equal(await files.stat("/a/f"), undefined);
  const { uploads } = grid.counts;
  const copied = await files.copy("/b/g.html", "/a/h");
  assert.deepEqual({ ...copied, createdMs: 0 }, { ...moved, name: "h", path: "/a/h", createdMs: 0 });
  assert.equal(grid.counts.uploads, uploads);
  await files.move("/a/h", "/a/i");
  assert.deepEqual(await names(files, "/a"), ["i"]);
  await assert.rejects(files.move("/a/i", "/b/g.html"), failsWith("files-exists"));
  await assert.rejects(files.copy("/a/i", "/b/g.html"), failsWith("files-exists"));
  await files.write("/a/i", content("other"));
  await files.move("/a/i", "/b/g.html", { replace: true });
  assert.equal(await textOf(files, "/b/g.html"), "other");
  assert.deepEqual(
    files.trash().map(({ path }) => path),
    ["/b/g.html"],
  );
  assert.deepEqual(await files.move("/b", "/b"), await files.stat("/b"));
});

test("folders are copied whole, or empty, and then are folders of their own", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  await files.makeFolder("/a/b");
  await files.write("/a/b/f", content("1"));
  await files.write("/a/g", content("2"));
  await files.copy("/a", "/c");
  await files.copy("/a", "/d", { shallow: true });
  assert.deepEqual(await names(files, "/d"), []);
  await files.write("/a/b/f", content("changed"));
  await files.remove("/a/g");
  assert.equal(await textOf(files, "/c/b/f"), "1");
  assert.equal(await textOf(files, "/c/g"), "2");
  await files.copy("/c/b", "/a/b", { replace: true });
  assert.equal(await textOf(files, "/a/b/f"), "1");
});

test("the trash gives back under a free name, into the root when its folder is gone, and forgets", async (t) => {
  const clock = virtualClock();
  const { files, tree } = await treeBox(t, { clock, trashDays: 2 });
  await files.makeFolder("/a");
  await files.write("/a/f.txt", content("1"));
  const { trashId } = await files.remove("/a/f.txt");
  assert.equal(await files.stat("/a/f.txt"), undefined);
  await files.write("/a/f.txt", content("2"));
  const back = await files.restore(trashId!);
  assert.equal(back.path, "/a/f (2).txt");
  assert.equal(await textOf(files, back.path), "1");
  await assert.rejects(files.restore(trashId!), failsWith("files-not-found"));
  const one = await files.remove("/a/f.txt");
  const folder = await files.remove("/a");
  assert.equal((await files.restore(one.trashId!)).path, "/f.txt");
  assert.deepEqual(
    files.trash().map(({ kind, path }) => [kind, path]),
    [["folder", "/a"]],
  );
  assert.throws(() => tree.files("bert").forget(folder.trashId!), failsWith("files-not-found"));
  assert.deepEqual(tree.files("bert").trash(), []);
  clock.advance(3 * 24 * 3_600_000);
  await tree.sweep();
  assert.deepEqual(files.trash(), []);
  const { trashId: last } = await files.remove("/f.txt");
  files.forget(last!);
  assert.deepEqual(files.trash(), []);
});

test("without trash what is removed is gone", async (t) => {
  const { files } = await treeBox(t, { trashDays: 0 });
  await files.write("/f", content("1"));
  assert.deepEqual(await files.remove("/f"), { trashId: undefined });
  assert.deepEqual(files.trash(), []);
});

test("search finds names without regard to case and accents, where they are now", async (t) => {
  const { files, tree } = await treeBox(t);
  await files.makeFolder("/Fotos");
  await files.makeFolder("/Fotos/Estiu a Cadaqués");
  await files.write("/Fotos/Estiu a Cadaqués/Platja GRAN.jpg", content("1"));
  await files.write("/platges.txt", content("2"));
  const found = async (text: string) => (await files.search(text)).map(({ path }) => path);
  assert.deepEqual(await found("cadaques"), ["/Fotos/Estiu a Cadaqués"]);
  assert.deepEqual(await found("gran PLATJA"), ["/Fotos/Estiu a Cadaqués/Platja GRAN.jpg"]);
  assert.deepEqual(await found("plat"), ["/platges.txt", "/Fotos/Estiu a Cadaqués/Platja GRAN.jpg"]);
  assert.deepEqual(await found("100%"), []);
  assert.deepEqual(await found("  "), []);
  await files.move("/Fotos", "/Imatges");
  assert.deepEqual(await found("platja"), ["/Imatges/Estiu a Cadaqués/Platja GRAN.jpg"]);
  assert.deepEqual(await tree.files("bert").search("plat"), []);
  const below = await files.below("/Imatges", false);
  assert.deepEqual(
    (await below.search("plat")).map(({ path }) => path),
    ["/Estiu a Cadaqués/Platja GRAN.jpg"],
  );
  await files.remove("/Imatges");
  assert.deepEqual(await found("platja"), []);
});

test("a quota counts files, former contents and the trash, and refuses what goes beyond", async (t) => {
  let quota = 10_000;
  const { files } = await treeBox(t, { quotaBytes: () => quota });
  await files.write("/f", content(noise(4000)));
  await files.write("/f", content(noise(4000)));
  assert.deepEqual(await files.room(), { usedBytes: 8000, freeBytes: 2000 });
  await assert.rejects(files.write("/g", content(noise(2001))), failsWith("files-no-room"));
  await assert.rejects(files.copy("/f", "/g"), failsWith("files-no-room"));
  await files.remove("/f");
  assert.equal((await files.room())!.usedBytes, 8000);
  files.emptyTrash();
  assert.equal((await files.room())!.usedBytes, 0);
  await files.write("/g", content(noise(2001)));
  quota = 100;
  assert.deepEqual(await files.room(), { usedBytes: 2001, freeBytes: 0 });
});

test("two accounts have nothing in common", async (t) => {
  const { tree, files } = await treeBox(t);
  const bert = tree.files("bert");
  await files.write("/f", content("anna's"));
  assert.deepEqual(await bert.list("/"), []);
  await bert.write("/f", content("bert's"));
  assert.equal(await textOf(files, "/f"), "anna's");
});

test("the first use makes one root, however many come at once", async (t) => {
  const { files, grid } = await treeBox(t);
  await Promise.all(Array.from({ length: 5 }, () => files.list("/")));
  assert.equal(grid.counts.mutableWrites, 1);
});
