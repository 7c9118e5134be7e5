/** What an account keeps is counted as its folders change: the same as who begins to count anew would find. */
import assert from "node:assert/strict";
import { test } from "node:test";
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
