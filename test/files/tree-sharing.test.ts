/** Links, devices and saved links: what they open, and that there is no way beyond it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { DEVICES_MAX, LINKS_MAX, SHARES_MAX } from "../../src/services/files/tree/constants.ts";
import type { FileSystem } from "../../src/services/files/tree/file-system.ts";
import { bytesOf, content, treeBox } from "./tree-box.ts";

const failsWith = (code: string) => (error: unknown) => isFailure(error, code);
const textOf = async (files: FileSystem, path: string) => (await bytesOf((await files.read(path)).content)).toString();
const names = async (files: FileSystem, path = "/") => (await files.list(path)).map(({ name }) => name).toSorted();

async function withFolder(t: { after(run: () => Promise<void> | void): void }) {
  const clock = virtualClock();
  const box = await treeBox(t, { clock });
  await box.files.makeFolder("/secret");
  await box.files.write("/secret/diary", content("private"));
  await box.files.makeFolder("/shared");
  await box.files.makeFolder("/shared/sub");
  await box.files.write("/shared/sub/f", content("public"));
  return { ...box, clock };
}

test("a link to read shows its folder as it is now, and nothing else", async (t) => {
  const { files, tree } = await withFolder(t);
  const { share, secret } = await tree.sharing.make("anna", { path: "/shared", mode: "read", note: "for all" });
  assert.match(secret, /^[a-z2-7]{52}$/);
  assert.deepEqual(
    [share.path, share.kind, share.mode, share.note, share.expiresMs],
    ["/shared", "folder", "read", "for all", undefined],
  );
  const { files: below, name } = await tree.sharing.open(secret);
  assert.equal(name, "shared");
  assert.deepEqual(await names(below), ["sub"]);
  assert.equal(await textOf(below, "/sub/f"), "public");
  await files.write("/shared/later", content("new"));
  assert.equal(await textOf((await tree.sharing.open(secret)).files, "/later"), "new");
  // Every way out leads to the folder itself, or to nothing.
  for (const path of ["/..", "/../..", "/sub/../../..", "//./../"])
    assert.deepEqual(await names(below, path), ["later", "sub"]);
  for (const path of [
    "/../secret/diary",
    "/secret/diary",
    "/..%2fsecret/diary",
    "/%2e%2e/secret",
    "/sub/../../secret",
  ]) {
    assert.equal(await below.stat(path), undefined);
    await assert.rejects(below.read(path), failsWith("files-not-found"));
  }
  await assert.rejects(below.read("/\u0000../secret"), failsWith("files-bad-name"));
  const refused = failsWith("files-read-only");
  await assert.rejects(below.write("/x", content("x")), refused);
  await assert.rejects(below.write("/sub/f", content("x")), refused);
  await assert.rejects(below.makeFolder("/x"), refused);
  await assert.rejects(below.remove("/sub"), refused);
  await assert.rejects(below.move("/sub/f", "/f"), refused);
  await assert.rejects(below.copy("/sub/f", "/f"), refused);
  await assert.rejects(below.change("/sub/f", { modifiedMs: 1 }), refused);
  assert.ok((await below.list("/")).every(({ canWrite }) => !canWrite));
});

test("a link to write writes below its folder only; what it removes is in the owner's trash", async (t) => {
  const { files, tree } = await withFolder(t);
  const { secret } = await tree.sharing.make("anna", { path: "/shared", mode: "write" });
  const { files: below } = await tree.sharing.open(secret);
  await below.write("/../../secret/diary", content("x")).then(
    () => assert.fail("it was written"),
    (error: unknown) => assert.ok(isFailure(error, "files-not-found")),
  );
  await below.write("/../x", content("stays below"));
  assert.equal(await textOf(files, "/shared/x"), "stays below");
  await below.move("/x", "/../../y");
  assert.deepEqual(await names(files, "/shared"), ["sub", "y"]);
  await below.remove("/y");
  assert.deepEqual(
    files.trash().map(({ path }) => path),
    ["/shared/y"],
  );
  assert.deepEqual(await names(files), ["secret", "shared"]);
  assert.equal(await textOf(files, "/secret/diary"), "private");
});

test("a link stays with its folder when that is renamed or moved, and ends when it is removed", async (t) => {
  const { files, tree } = await withFolder(t);
  const { secret } = await tree.sharing.make("anna", { path: "/shared/sub", mode: "read" });
  await files.move("/shared", "/public");
  await files.move("/public/sub", "/secret/sub");
  const { share, files: below, name } = await tree.sharing.open(secret);
  assert.deepEqual([share.path, name], ["/secret/sub", "sub"]);
  assert.equal(await textOf(below, "/f"), "public");
  assert.equal(await below.stat("/../diary"), undefined);
  await files.remove("/secret");
  await assert.rejects(tree.sharing.open(secret), failsWith("files-link-gone"));
  assert.deepEqual(tree.sharing.list("anna"), []);
});

test("a link to a file shows its content now, under its new name, and no neighbour", async (t) => {
  const { files, tree } = await withFolder(t);
  const reading = await tree.sharing.make("anna", { path: "/secret/diary", mode: "read" });
  const writing = await tree.sharing.make("anna", { path: "/secret/diary", mode: "write" });
  await files.write("/secret/other", content("not for you"));
  const { files: file, share } = await tree.sharing.open(reading.secret);
  assert.equal(share.kind, "file");
  assert.equal((await file.stat("/"))!.name, "diary");
  assert.equal(await textOf(file, "/"), "private");
  await assert.rejects(file.list("/"), failsWith("files-not-a-folder"));
  for (const path of ["/other", "/diary", "/../secret/other"]) {
    assert.equal(await file.stat(path), undefined);
    await assert.rejects(file.read(path), failsWith("files-not-found"));
    await assert.rejects(file.list(path), failsWith("files-not-found"));
  }
  await assert.rejects(file.write("/", content("x")), failsWith("files-read-only"));
  await files.move("/secret/diary", "/shared/my diary");
  const { files: writable, name } = await tree.sharing.open(writing.secret);
  assert.equal(name, "my diary");
  await writable.write("/", content("changed"));
  await writable.change("/", { modifiedMs: 5 });
  for (const refused of [
    writable.makeFolder("/x"),
    writable.remove("/"),
    writable.move("/", "/x"),
    writable.copy("/", "/x"),
  ]) {
    await assert.rejects(refused, failsWith("files-read-only"));
  }
  assert.equal(await textOf(files, "/shared/my diary"), "changed");
  assert.equal((await (await tree.sharing.open(reading.secret)).files.stat("/"))!.modifiedMs, 5);
  await files.remove("/shared/my diary");
  await files.write("/shared/my diary", content("another one"));
  await assert.rejects(tree.sharing.open(reading.secret), failsWith("files-link-gone"));
});

test("a link ends by its day, when it is taken back, and for any other secret", async (t) => {
  const { tree, clock } = await withFolder(t);
  const make = (expiresMs?: number) => tree.sharing.make("anna", { path: "/shared", mode: "read", expiresMs });
  const soon = await make(clock.wallMs() + 1000);
  const taken = await make();
  const gone = failsWith("files-link-gone");
  await tree.sharing.open(soon.secret);
  clock.advance(1000);
  await assert.rejects(tree.sharing.open(soon.secret), gone);
  await tree.sweep();
  assert.deepEqual(
    tree.sharing.list("anna").map(({ id }) => id),
    [taken.share.id],
  );
  assert.throws(() => tree.sharing.end("bert", taken.share.id), gone);
  tree.sharing.end("anna", taken.share.id);
  await assert.rejects(tree.sharing.open(taken.secret), gone);
  for (const secret of ["", "x", "../..", "a".repeat(52), taken.secret.toUpperCase(), `${soon.secret}a`]) {
    await assert.rejects(tree.sharing.open(secret), gone);
  }
});

test("what cannot be shared, and how much", async (t) => {
  const { files, tree } = await withFolder(t);
  await files.attach("/ro", (await files.caps("/shared")).read!);
  const make = (path: string, mode: "read" | "write") => tree.sharing.make("anna", { path, mode });
  await assert.rejects(make("/nothing", "read"), failsWith("files-not-found"));
  await assert.rejects(make("/ro", "write"), failsWith("files-read-only"));
  await assert.rejects(make("/ro/sub/f", "write"), failsWith("files-read-only"));
  const { secret } = await make("/", "read");
  assert.deepEqual(await names((await tree.sharing.open(secret)).files), ["ro", "secret", "shared"]);
  const { store } = files.view.parts;
  store.transaction(() => {
    for (let i = 1; i < SHARES_MAX; i += 1) {
      store
        .query("INSERT INTO files_shares VALUES (?, 'anna', ?, '/', 'folder', 'read', '', '', '', 0, NULL)")
        .run(`${i}`, `${i}`);
    }
  });
  await assert.rejects(make("/shared", "read"), failsWith("files-too-many"));
});

test("the secrets of links and devices are in no file of the box", async (t) => {
  const { tree, files } = await withFolder(t);
  const { secret } = await tree.sharing.make("anna", { path: "/shared", mode: "read" });
  const { password } = tree.devices.add("anna", { name: "phone", mayWrite: true });
  for (const table of ["files_shares", "files_devices"]) {
    const text = JSON.stringify(files.view.parts.store.query(`SELECT * FROM ${table}`).all());
    for (const one of [secret, password, password.replaceAll("-", "")]) assert.equal(text.includes(one), false);
  }
});

test("a device signs in with its own password, sees its folder, and is forgotten", async (t) => {
  const { tree, files } = await withFolder(t);
  const key = "ssh-ed25519 AAAA anna@phone";
  const { device, password } = tree.devices.add("anna", {
    name: "phone",
    mayWrite: false,
    path: "/shared",
    publicKey: key,
  });
  assert.deepEqual(
    [device.account, device.name, device.path, device.mayWrite, device.publicKey, device.usedMs],
    ["anna", "phone", "/shared", false, key, undefined],
  );
  assert.equal(tree.devices.signIn(device.user, "wrong"), undefined);
  assert.equal(tree.devices.signIn("nobody", password), undefined);
  assert.equal(tree.devices.signIn("", ""), undefined);
  for (const typed of [password, password.replaceAll("-", ""), ` ${password.toUpperCase()} `]) {
    assert.equal(tree.devices.signIn(device.user, typed)!.id, device.id);
  }
  assert.ok(tree.devices.find(device.user)!.usedMs! > 0);
  await files.move("/shared", "/given");
  const now = tree.devices.find(device.user)!;
  assert.equal(now.path, "/given");
  const below = await files.below(now.path, now.mayWrite);
  assert.deepEqual(await names(below), ["sub"]);
  await assert.rejects(below.write("/x", content("x")), failsWith("files-read-only"));
  assert.throws(() => tree.devices.remove("bert", device.id), failsWith("files-not-found"));
  tree.devices.remove("anna", device.id);
  assert.equal(tree.devices.signIn(device.user, password), undefined);
});

test("so many devices and saved links, and no more", async (t) => {
  const { tree, files } = await withFolder(t);
  const { store } = files.view.parts;
  store.transaction(() => {
    for (let i = 0; i < DEVICES_MAX; i += 1) tree.devices.add("anna", { name: `${i}`, mayWrite: true });
    for (let i = 0; i < LINKS_MAX; i += 1) tree.links.add("anna", `https://example.org/${i}`, `${i}`);
  });
  assert.throws(() => tree.devices.add("anna", { name: "more", mayWrite: true }), failsWith("files-too-many"));
  assert.throws(() => tree.links.add("anna", "https://example.org/more", "more"), failsWith("files-too-many"));
  const [link] = tree.links.list("anna");
  assert.equal(tree.links.add("anna", link!.url, "again").id, link!.id);
  assert.deepEqual(tree.links.list("bert"), []);
  assert.throws(() => tree.links.get("bert", link!.id), failsWith("files-link-gone"));
  tree.links.drop("anna", link!.id);
  assert.throws(() => tree.links.get("anna", link!.id), failsWith("files-link-gone"));
});
