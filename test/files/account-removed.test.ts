/** An account that is removed: nothing of its tree is found by a new one of the same name. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openStore } from "../../src/platform/store.ts";
import { eventually } from "../support/process.ts";
import { content, noise, treeBox } from "./tree-box.ts";

const MIB = 1024 * 1024;

test("tree, trash, links, devices, uploads and the spool of a removed account are gone; others' stay", async (t) => {
  const { tree, files, folder } = await treeBox(t);
  const berta = tree.files("berta");
  await berta.write("/hers", content("b"));
  await files.makeFolder("/Photos");
  await files.write("/Photos/a", content("one"));
  await files.write("/b", content("two"));
  await files.remove("/b");
  const { secret } = await tree.sharing.make("anna", { path: "/Photos", mode: "read" });
  tree.links.add("anna", "link", "theirs");
  const { device, password } = tree.devices.add("anna", { name: "laptop", path: "/", mayWrite: true });
  const { id } = await tree.uploads.begin("anna", { path: "/film", bytes: 3 * MIB });
  await tree.uploads.piece("anna", id, 0, noise(MIB));
  assert.equal(readdirSync(join(folder, "spool")).length, 1);

  tree.forget("anna");
  const store = openStore(join(folder, "box.sqlite"));
  t.after(() => store.close());
  const tables = store.prepare<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const ofTree = tables.map(({ name }) => name).filter((name) => name.startsWith("files_"));
  assert.ok(ofTree.length >= 8, ofTree.join(" "));
  for (const table of ofTree) {
    assert.deepEqual(store.prepare(`SELECT * FROM ${table} WHERE account = 'anna'`).all(), [], table);
  }
  assert.deepEqual(tree.accounts(), ["berta"]);
  assert.equal(tree.devices.signIn(device.user, password), undefined);
  await assert.rejects(tree.sharing.open(secret), /files-link-gone/);
  await assert.rejects(tree.uploads.piece("anna", id, MIB, noise(MIB)), /files-upload-unknown/);
  await eventually("the spool is empty", 30_000, () => readdirSync(join(folder, "spool")).length === 0, 10);

  const again = tree.files("anna");
  assert.deepEqual(await again.list("/"), []);
  assert.deepEqual([again.trash(), tree.links.list("anna"), tree.devices.list("anna")], [[], [], []]);
  assert.deepEqual(await again.search("a"), []);
  assert.equal((await again.room())?.usedBytes ?? 0, 0);
  assert.deepEqual(
    (await berta.list("/")).map(({ name }) => name),
    ["hers"],
  );
});

test("whoever is at work in the tree then comes no further, and leaves nothing", async (t) => {
  const { tree, files } = await treeBox(t);
  await files.write("/a", content("one"));
  let go = () => {};
  const waiting = new Promise<void>((resolve) => (go = resolve));
  async function* slow() {
    yield Buffer.from("some");
    await waiting;
    yield Buffer.from("more");
  }
  const writing = files.write("/late", slow());
  const refused = assert.rejects(writing, /files-not-found/);
  const removing = assert.rejects(files.remove("/a"), /files-not-found/);
  tree.forget("anna");
  go();
  await Promise.all([refused, removing]);
  for (const work of [() => files.list("/"), () => files.makeFolder("/x"), () => files.read("/a")]) {
    await assert.rejects(work(), /files-not-found/);
  }
  assert.deepEqual(tree.accounts(), []);
  assert.deepEqual(tree.files("anna").trash(), []);
  assert.deepEqual(await tree.files("anna").list("/"), []);
});
