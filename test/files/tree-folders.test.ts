/** Folders: many changes in few writes, two sessions at once, limits, strangers' entries, moves that are cut off. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isFailure } from "../../src/kernel/errors.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { formatCap, parseCap } from "../../src/protocols/grid/caps.ts";
import type { DirectoryCap } from "../../src/protocols/grid/caps.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import { Directories } from "../../src/services/files/tree/directories.ts";
import { FOLDER_CHANGES_MAX, FOLDER_ENTRIES_MAX, FOLDER_FRESH_MS } from "../../src/services/files/tree/constants.ts";
import { eventually } from "../support/process.ts";
import { memoryGrid } from "./memory-grid.ts";
import { walk } from "../../src/services/files/tree/deep.ts";
import { bytesOf, content, treeBox } from "./tree-box.ts";

const failsWith = (code: string) => (error: unknown) => isFailure(error, code);
const crypto = gridCrypto();

test("a thousand files into one folder are some dozens of writes", { timeout: 180_000 }, async (t) => {
  const grid = memoryGrid({ pause: (operation) => sleep(operation === "write" ? 40 : 10) });
  const { files } = await treeBox(t, { grid });
  await files.makeFolder("/many");
  const before = grid.counts.mutableWrites;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: 1000 }, (_, i) => files.write(`/many/${i}.txt`, content(`file ${i} ${"x".repeat(60)}`))),
  );
  const writes = grid.counts.mutableWrites - before;
  t.diagnostic(`1000 files: ${writes} folder writes, ${Math.round(performance.now() - startMs)} ms`);
  assert.ok(writes <= 48, `${writes} writes`);
  assert.equal((await files.list("/many")).length, 1000);
});

test("one change alone waits for nobody", async (t) => {
  const clock = virtualClock();
  const { files } = await treeBox(t, { clock });
  // The clock stands still: whoever waited would wait for ever.
  for (let i = 0; i < 5; i += 1) await files.write(`/${i}`, content("x"));
  assert.equal((await files.list("/")).length, 5);
});

test("each change in a batch has its own answer", async (t) => {
  const { files } = await treeBox(t);
  const done = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => files.makeFolder(`/${i % 10}`)));
  const refused = done.filter((one) => one.status === "rejected");
  assert.equal(refused.length, 10);
  assert.ok(refused.every(({ reason }) => isFailure(reason, "files-exists")));
});

test("many hands that make the same folders make each once", async (t) => {
  const { files, grid } = await treeBox(t);
  await files.makeFolder("/in");
  const before = grid.counts.created;
  const hands = Array.from({ length: 40 }, (_, i) => files.makeFolder(`/in/${i % 5}`));
  const done = await Promise.allSettled(hands);
  assert.equal(done.filter(({ status }) => status === "fulfilled").length, 5);
  assert.ok(done.every((one) => one.status === "fulfilled" || isFailure(one.reason, "files-exists")));
  assert.equal(grid.counts.created - before, 5);
});

test("two boxes that move two folders into each other at once do not lose them", { timeout: 180_000 }, async (t) => {
  for (const [oneMs, otherMs] of [
    [3, 3],
    [1, 6],
    [6, 1],
  ] as const) {
    let turn = 0;
    const grid = memoryGrid({ pause: () => sleep((turn += 1) % 2 === 0 ? oneMs : otherMs) });
    const one = await treeBox(t, { grid });
    const other = await treeBox(t, { grid });
    await one.files.makeFolder("/common");
    await other.files.attach("/common", (await one.files.caps("/common")).write!);
    for (const name of ["a", "b"]) {
      await one.files.makeFolder(`/common/${name}`);
      await one.files.write(`/common/${name}/kept`, content(name));
    }
    await other.files.list("/common/a");
    await other.files.list("/common/b");
    const moves = [one.files.move("/common/a", "/common/b/a"), other.files.move("/common/b", "/common/a/b")];
    for (const { reason } of (await Promise.allSettled(moves)).filter((move) => move.status === "rejected"))
      assert.ok(isFailure(reason, "files-changed"), String(reason));
    await sleep(FOLDER_FRESH_MS + 50);
    const found: string[] = [];
    for await (const { path } of walk(one.files.view, "/common")) found.push(path.split("/").slice(-2).join("/"));
    for (const kept of ["a/kept", "b/kept"]) assert.ok(found.includes(kept), found.join(" "));
  }
});

test("two boxes change one folder at the same moment, and nothing is lost", { timeout: 180_000 }, async (t) => {
  const grid = memoryGrid({ pause: () => sleep(3) });
  const one = await treeBox(t, { grid });
  const other = await treeBox(t, { grid });
  await one.files.makeFolder("/a");
  const { write } = await one.files.caps("/a");
  await other.files.attach("/a", write!);
  const works = Array.from({ length: 60 }, (_, i) =>
    (i % 2 === 0 ? one : other).files.write(`/a/${i}`, content(`from ${i % 2}`)),
  );
  await Promise.all(works);
  await sleep(FOLDER_FRESH_MS + 50);
  assert.equal((await one.files.list("/a")).length, 60);
  assert.equal((await other.files.list("/a")).length, 60);
});

test("what another box wrote is seen after a short time, own writes at once", async (t) => {
  const clock = virtualClock();
  const grid = memoryGrid();
  const one = await treeBox(t, { grid, clock });
  const other = await treeBox(t, { grid, clock });
  await one.files.makeFolder("/a");
  await other.files.attach("/a", (await one.files.caps("/a")).write!);
  await other.files.list("/a");
  await one.files.write("/a/f", content("1"));
  assert.equal((await one.files.list("/a")).length, 1);
  assert.equal((await other.files.list("/a")).length, 0);
  clock.advance(FOLDER_FRESH_MS);
  assert.equal((await other.files.list("/a")).length, 1);
  const reads = grid.counts.mutableReads;
  for (let i = 0; i < 10; i += 1) await other.files.list("/a");
  assert.equal(grid.counts.mutableReads, reads);
});

test("a full folder takes no more, and still lets one rename and remove", { timeout: 180_000 }, async (t) => {
  const grid = memoryGrid();
  const { files } = await treeBox(t, { grid });
  await files.makeFolder("/full");
  const { write } = await files.caps("/full");
  const file = (parseCap(write!) as DirectoryCap).file;
  const directories = new Directories({ grid, crypto, clock: virtualClock() });
  await directories.change({ kind: "directory", file }, (directory) => {
    for (let i = 0; i < FOLDER_ENTRIES_MAX; i += 1) directory.set({ name: `${i}`, read: "URI:LIT:me" }, 0);
  });
  await sleep(FOLDER_FRESH_MS);
  const beforeMs = performance.now();
  assert.equal((await files.list("/full")).length, FOLDER_ENTRIES_MAX);
  t.diagnostic(`${FOLDER_ENTRIES_MAX} entries listed in ${Math.round(performance.now() - beforeMs)} ms`);
  await assert.rejects(files.write("/full/x", content("1")), failsWith("files-folder-full"));
  await assert.rejects(files.makeFolder("/full/x"), failsWith("files-folder-full"));
  await files.move("/full/7", "/full/x");
  await files.write("/full/8", content("over it"));
  await files.remove("/full/9");
  await files.write("/full/y", content("1"));
});

test("too many changes that wait are refused", async () => {
  const grid = memoryGrid({ pause: () => new Promise(() => {}) });
  const directories = new Directories({ grid, crypto, clock: virtualClock() });
  const cap: DirectoryCap = {
    kind: "directory",
    file: {
      kind: "mutable-write",
      format: "sdmf",
      writeKey: new Uint8Array(16),
      fingerprint: new Uint8Array(32),
    },
  };
  const waiting = Array.from({ length: FOLDER_CHANGES_MAX + 300 }, () => directories.change(cap, () => {}));
  const refused = await Promise.race([
    Promise.any(
      waiting.slice(-40).map((one) =>
        one.then(
          () => "done",
          (error: unknown) => error,
        ),
      ),
    ),
    sleep(60_000, undefined, { ref: false }),
  ]);
  assert.ok(isFailure(refused, "files-too-many"), String(refused));
  for (const one of waiting) one.catch(() => {});
});

test("entries that only can be read, or are of an unknown kind, are shown and kept", async (t) => {
  const grid = memoryGrid();
  const { files } = await treeBox(t, { grid });
  await files.makeFolder("/a");
  await files.makeFolder("/a/sub");
  await files.write("/a/sub/f", content("inside"));
  const readOnly = (await files.caps("/a/sub")).read!;
  await files.attach("/ro", readOnly);
  assert.equal((await files.stat("/ro"))!.canWrite, false);
  assert.equal((await files.stat("/ro/f"))!.canWrite, false);
  assert.equal((await bytesOf((await files.read("/ro/f")).content)).toString(), "inside");
  await assert.rejects(files.write("/ro/g", content("1")), failsWith("files-read-only"));
  await assert.rejects(files.remove("/ro/f"), failsWith("files-read-only"));
  await assert.rejects(files.makeFolder("/ro/g"), failsWith("files-read-only"));
  await assert.rejects(files.move("/ro/f", "/g"), failsWith("files-read-only"));
  await assert.rejects(files.change("/ro/f", { modifiedMs: 1 }), failsWith("files-read-only"));
  await assert.rejects(files.attach("/bad", "URI:nothing"), failsWith("files-bad-cap"));
  await assert.rejects(files.attach("/ro", readOnly), failsWith("files-exists"));

  const { view } = files;
  const { folder } = {
    folder: await view.parts.directories.read(parseCap((await files.caps("/a")).write!) as DirectoryCap),
  };
  await view.parts.directories.change(folder.cap, (directory) => {
    directory.set({ name: "future", write: "lafs://w", read: "lafs://r" }, 0);
    directory.set({ name: "with/slash", read: "URI:LIT:me" }, 0);
  });
  const listed = await files.list("/a");
  assert.deepEqual(listed.map(({ name }) => name).toSorted(), ["future", "sub"]);
  await assert.rejects(files.read("/a/future"), failsWith("files-bad-cap"));
  await files.move("/a/future", "/later");
  await files.write("/a/g", content("1"));
  assert.equal((await files.caps("/later")).write, "lafs://w");
  const now = await view.parts.directories.read(folder.cap, { fresh: true });
  assert.ok(now.directory.has("with/slash"));
});

test("mutable files of other programs show their size, and a copy is what they hold now", async (t) => {
  const grid = memoryGrid();
  const clock = virtualClock();
  const { files } = await treeBox(t, { grid, clock });
  const cap = await grid.createMutable("sdmf", Buffer.from("first"));
  await files.attach("/m", formatCap(cap));
  const entry = (await files.stat("/m"))!;
  assert.equal(entry.bytes, 5);
  await files.copy("/m", "/copy");
  await grid.modifyMutable(cap, () => Buffer.from("second one"));
  clock.advance(FOLDER_FRESH_MS);
  const after = (await files.stat("/m"))!;
  assert.equal(after.bytes, 10);
  assert.notEqual(after.etag, entry.etag);
  await assert.rejects(files.write("/m", content("x"), { ifEtag: entry.etag }), failsWith("files-changed"));
  assert.equal((await bytesOf((await files.read("/copy")).content)).toString(), "first");
});

test("a folder that holds itself is copied and removed without end being lost", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  await files.attach("/a/again", (await files.caps("/a")).write!);
  await assert.rejects(files.copy("/a", "/b"), failsWith("files-into-itself"));
  await files.remove("/a");
  files.emptyTrash();
  assert.deepEqual(await files.list("/"), []);
});

test("a move between folders that is cut off in the middle is ended after the start", async (t) => {
  const grid = memoryGrid();
  const first = await treeBox(t, { grid });
  const { files } = first;
  await files.makeFolder("/a");
  await files.makeFolder("/b");
  await files.write("/a/f", content("kept"));
  // The second write, which takes it from where it was, never ends: this process is gone.
  const modify = grid.modifyMutable.bind(grid);
  let writes = 0;
  grid.modifyMutable = (cap, change, options) => {
    writes += 1;
    return writes === 2 ? new Promise(() => {}) : modify(cap, change, options);
  };
  void files.move("/a/f", "/b/g");
  while (writes < 2) await sleep(5);
  grid.modifyMutable = modify;
  const second = await treeBox(t, { grid, folder: first.folder });
  await eventually("it is at one place", 30_000, async () => (await second.files.stat("/a/f")) === undefined, 10);
  assert.equal((await bytesOf((await second.files.read("/b/g")).content)).toString(), "kept");
});

test("a removal that is cut off before or after the entry went is in one place, not in none", async (t) => {
  for (const isWritten of [false, true]) {
    const grid = memoryGrid();
    const first = await treeBox(t, { grid });
    await first.files.write("/f", content("kept"));
    const modify = grid.modifyMutable.bind(grid);
    let isReached = false;
    grid.modifyMutable = async (cap, change, options) => {
      if (isWritten) await modify(cap, change, options);
      isReached = true;
      return new Promise(() => {});
    };
    void first.files.remove("/f");
    while (!isReached) await sleep(5);
    grid.modifyMutable = modify;
    const second = await treeBox(t, { grid, folder: first.folder });
    await sleep(100);
    await eventually("it is decided", 30_000, () => second.files.trash().length === (isWritten ? 1 : 0), 10);
    assert.equal((await second.files.stat("/f")) === undefined, isWritten);
    if (isWritten) await second.files.restore(second.files.trash()[0]!.id);
    assert.equal((await bytesOf((await second.files.read("/f")).content)).toString(), "kept");
  }
});

test("what the grid cannot do is told, and nothing is changed", async (t) => {
  const { files, grid } = await treeBox(t);
  await files.write("/f", content("kept"));
  for (const code of ["files-unreachable", "files-not-spread", "files-no-room"] as const) {
    grid.failWith(code);
    await assert.rejects(files.write("/g", content("x".repeat(100))), failsWith(code));
    await assert.rejects(files.makeFolder("/h"), failsWith(code));
    await assert.rejects(files.remove("/f"), failsWith(code));
  }
  grid.failWith(undefined);
  assert.deepEqual(
    (await files.list("/")).map(({ name }) => name),
    ["f"],
  );
});
