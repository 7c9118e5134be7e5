/** What an account keeps is counted as its folders change: the same as who begins to count anew would find. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DirectoryCap } from "../../src/protocols/grid/caps.ts";
import { namesOf } from "../../src/services/files/tree/paths.ts";
import { folderAt } from "../../src/services/files/tree/places.ts";
import { NameIndex } from "../../src/services/files/tree/search.ts";
import { content, noise, treeBox } from "./tree-box.ts";

test("after every change the count is that of all rows", async (t) => {
  const { files } = await treeBox(t);
  const { store, names } = files.view.parts;
  const anew = () => new NameIndex(store, () => undefined).usedBytes("anna");
  assert.equal(names.usedBytes("anna"), 0);
  const same = (what: string, bytes: number) =>
    assert.deepEqual([names.usedBytes("anna"), anew()], [bytes, bytes], what);

  await files.makeFolder("/f");
  await Promise.all(Array.from({ length: 20 }, (_, i) => files.write(`/f/${i}`, content(noise(100 + i)))));
  same("twenty files", 2190);
  await files.write("/f/0", content(noise(1000)));
  same("a former content is kept, too", 3190);
  await files.write("/f/1", content(""));
  same("and so it is of a file that is empty now", 3190);
  await files.move("/f/2", "/two");
  same("moved", 3190);
  const { trashId } = await files.remove("/f/3");
  same("in the trash", 3190);
  files.forget(trashId!);
  same("gone for good", 3190 - 103);
  await files.remove("/f");
  files.emptyTrash();
  await files.list("/");
  same("only what was moved out", 102);
});

test("a large folder that changes a little is not compared as a whole, and yet the index is right", async (t) => {
  const { files } = await treeBox(t);
  const { store } = files.view.parts;
  await files.makeFolder("/f");
  await Promise.all(Array.from({ length: 100 }, (_, i) => files.write(`/f/${i}`, content(noise(100 + i)))));
  const asked: string[] = [];
  const query = store.query.bind(store);
  store.query = (sql) => (asked.push(sql), query(sql));
  await files.write("/f/new", content(noise(100)));
  await files.move("/f/0", "/f/moved");
  await files.remove("/f/1");
  await files.write("/f/2", content(""));
  store.query = query;
  assert.ok(!asked.some((sql) => sql.startsWith("SELECT name, mark")), "not all names are read");
  const rows = () =>
    store
      .query<{ name: string; mark: string }>("SELECT name, mark FROM files_names WHERE account = 'anna' ORDER BY name")
      .all();
  const before = rows();
  assert.equal(before.length, 101);
  // Whoever begins with nothing comes to the same.
  query("DELETE FROM files_names").run();
  const anew = new NameIndex(store, (child) => files.view.parts.directories.keyOf(child.cap as DirectoryCap));
  for (const path of ["/", "/f"]) anew.saw("anna", (await folderAt(files.view, namesOf(path))).folder);
  assert.deepEqual(rows(), before);
});

test("sizes that strangers claim do not spoil the count", async (t) => {
  const { files } = await treeBox(t);
  const { store, names } = files.view.parts;
  await files.write("/own", content(noise(500)));
  const put = store.query("INSERT INTO files_names VALUES ('anna', 'elsewhere', ?, ?, NULL, ?, '')");
  for (const name of ["a", "b"]) put.run(name, name, Number.MAX_SAFE_INTEGER);
  names.forgetUsed("anna");
  assert.equal(names.usedBytes("anna"), Number.MAX_SAFE_INTEGER);
  await files.remove("/own");
  assert.equal(names.usedBytes("anna"), Number.MAX_SAFE_INTEGER);
  store.query("DELETE FROM files_names WHERE folder = 'elsewhere'").run();
  await files.write("/other", content(noise(70)));
  assert.equal(names.usedBytes("anna"), 570);
});
