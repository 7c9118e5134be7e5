/** Caps of others in one's own tree: files that cannot be read now, and files that were cut in other ways. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/kernel/clock.ts";
import { isFailure } from "../../src/kernel/errors.ts";
import { formatCap } from "../../src/protocols/grid/caps.ts";
import { createGrid } from "../../src/services/files/grid/community-grid.ts";
import { GridWorkers } from "../../src/services/files/grid/encode-pool.ts";
import type { Encoding } from "../../src/services/files/grid/grid.ts";
import { bytes, clientOf, oneKey, shelves } from "./shelf-grid.ts";
import { memoryGrid } from "./memory-grid.ts";
import { bytesOf, content, noise, treeBox } from "./tree-box.ts";

test("what cannot be read now is attached all the same, listed, and read when it is there again", async (t) => {
  const grid = memoryGrid();
  const owner = await treeBox(t, { grid });
  const { files } = await treeBox(t, { grid });
  const large = noise(5000);
  await owner.files.write("/f", content(large));
  await owner.files.makeFolder("/d");
  const caps = {
    file: (await owner.files.caps("/f")).read!,
    mutable: formatCap(await grid.createMutable("sdmf", bytes("mutable"))),
    folder: (await owner.files.caps("/d")).read!,
  };
  await files.list("/");
  const isAway = (error: unknown) => isFailure(error, "files-unreachable");
  const down = () => grid.failWith("files-unreachable");
  // The folder that they go into is there; what they lead to is not.
  const attached = [];
  for (const [name, cap] of Object.entries(caps)) attached.push(await files.attach(`/${name}`, cap));
  down();
  assert.deepEqual(
    attached.map(({ kind, bytes: size }) => [kind, size]),
    [
      ["file", 5000],
      ["file", 7],
      ["folder", 0],
    ],
  );
  assert.equal((await files.list("/")).length, 3);
  const read = async (path: string) => bytesOf((await files.read(path)).content);
  await assert.rejects(read("/file"), isAway);
  await assert.rejects(read("/mutable"), isAway);
  await assert.rejects(files.list("/folder"), isAway);
  grid.failWith(undefined);
  assert.ok((await read("/file")).equals(large));
  assert.equal((await read("/mutable")).toString(), "mutable");
});

test("a cap that no server has anything of is attached, too, and gives no wrong content", async (t) => {
  const grid = memoryGrid();
  const { files } = await treeBox(t, { grid });
  const lost = await grid.createMutable("mdmf", bytes("soon lost"));
  grid.lose(lost);
  const entry = await files.attach("/lost", formatCap(lost));
  assert.deepEqual([entry.kind, entry.bytes], ["file", 0]);
  assert.equal((await files.list("/")).length, 1);
  await assert.rejects(
    files.read("/lost").then(({ content: pieces }) => bytesOf(pieces)),
    isFailure,
  );
  await files.remove("/lost");
});

test("files of 1 of 1, 2 of 4 and 20 of 40 are attached and read where files are 3 of 10", async (t) => {
  const servers = shelves(10);
  const workers = new GridWorkers({ clock: systemClock() });
  t.after(() => workers.close());
  const secrets = { lease: new Uint8Array(32), convergence: new Uint8Array(32), upload: new Uint8Array(32) };
  const gridOf = (encoding: Partial<Encoding>) =>
    createGrid({ ...clientOf(servers, encoding), secrets, keyPool: oneKey(), workers });
  const { files } = await treeBox(t, { grid: gridOf({ happy: 7 }) });
  for (const [needed, total] of [
    [1, 1],
    [2, 4],
    [20, 40],
  ] as const) {
    const grid = gridOf({ needed, total, happy: 1 });
    const data = noise(20_000 + needed);
    const { cap } = await grid.upload({
      bytes: data.length,
      async *read(at = 0) {
        yield data.subarray(at);
      },
    });
    const path = `/${needed} of ${total}`;
    assert.equal((await files.attach(path, formatCap(cap))).bytes, data.length);
    assert.ok((await bytesOf((await files.read(path)).content)).equals(data), path);
  }
});
