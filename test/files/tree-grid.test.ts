/** The tree on real storage servers: many small files, two boxes at once, an upload, a walk, a server that dies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCap } from "../../src/protocols/grid/caps.ts";
import type { DirectoryCap } from "../../src/protocols/grid/caps.ts";
import { walk } from "../../src/services/files/tree/deep.ts";
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import { startMember } from "./member-box.ts";
import { bytesOf, content, noise } from "./tree-box.ts";

const FILES = 200;

async function sequenceOf(files: MemberFiles, path: string): Promise<number> {
  const cap = parseCap((await files.caps(path)).write!) as DirectoryCap;
  return Number((await files.view.parts.directories.read(cap, { fresh: true })).sequence);
}

test("many small files, two accounts in one folder, an upload, and a dead server", { timeout: 110_000 }, async (t) => {
  const { files, tree, processes } = await startMember(t);
  await files.makeFolder("/many");
  const startMs = performance.now();
  const before = await sequenceOf(files, "/many");
  await Promise.all(Array.from({ length: FILES }, (_, i) => files.write(`/many/${i}`, content(`${i} `.repeat(100)))));
  const writes = (await sequenceOf(files, "/many")) - before;
  t.diagnostic(`${FILES} files: ${writes} folder writes, ${Math.round(performance.now() - startMs)} ms`);
  assert.ok(writes <= 24, `${writes} writes`);
  assert.equal((await files.list("/many")).length, FILES);

  const bert = tree.files("bert");
  await bert.attach("/from anna", (await files.caps("/many")).write!);
  const both = Array.from({ length: 10 }, (_, i) =>
    i % 2 === 0 ? files.write(`/many/a${i}`, content("a")) : bert.write(`/from anna/b${i}`, content("b")),
  );
  await Promise.all(both);
  assert.equal((await sequenceOf(files, "/many")) > 0, true);
  assert.equal((await files.list("/many")).length, FILES + 10);

  const bytes = noise(2_500_000);
  const { id } = await tree.uploads.begin("anna", { path: "/big", bytes: bytes.length });
  for (let at = 0; at < bytes.length; at += 1_000_000) {
    await tree.uploads.piece("anna", id, at, bytes.subarray(at, at + 1_000_000));
  }
  while (tree.uploads.get("anna", id).state === "storing") await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(tree.uploads.get("anna", id).state, "done");

  await files.move("/big", "/many/big");
  await processes[0]!.running.kill();
  assert.ok((await bytesOf((await files.read("/many/big")).content)).equals(bytes));
  let walked = 0;
  for await (const { failure } of walk(files.view, "/")) {
    assert.equal(failure, undefined);
    walked += 1;
  }
  assert.equal(walked, 2 + FILES + 10 + 1);
});
