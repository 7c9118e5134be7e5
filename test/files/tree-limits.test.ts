/** The limits of a tree, each reached. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../src/kernel/errors.ts";
import { virtualClock } from "../../src/kernel/virtual-clock.ts";
import { formatCap, parseCap } from "../../src/protocols/grid/caps.ts";
import type { DirectoryCap } from "../../src/protocols/grid/caps.ts";
import { Directory } from "../../src/protocols/grid/directory.ts";
import { gridCrypto } from "../../src/platform/grid-crypto.ts";
import {
  FOLDER_CACHE_MAX,
  FOLDER_ENTRIES_MAX,
  FOLDER_FRESH_MS,
  FOLDER_MAX_BYTES,
  FOLDER_READ_MAX_BYTES,
  FREE_NAMES_MAX,
  MEDIA_TYPE_MAX_CHARS,
  MUTABLE_SIZES_MAX,
  PROPERTIES_MAX_BYTES,
  SEARCH_RESULTS_MAX,
  SHARE_NOTE_MAX_CHARS,
  STORING_MAX,
  STORING_WAITING_MAX,
  TRASH_ITEMS_MAX,
} from "../../src/services/files/tree/constants.ts";
import { copy } from "../../src/services/files/tree/copying.ts";
import { walk } from "../../src/services/files/tree/deep.ts";
import { Directories } from "../../src/services/files/tree/directories.ts";
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import { MutableSizes } from "../../src/services/files/tree/mutable-sizes.ts";
import { StoringTurns } from "../../src/services/files/tree/storing.ts";
import { memoryGrid } from "./memory-grid.ts";
import { content, treeBox } from "./tree-box.ts";

const failsWith = (code: string) => (error: unknown) => isFailure(error, code);
const crypto = gridCrypto();

/** Fills a folder without the limits of ours. */
async function fill(files: MemberFiles, path: string, entries: number, metadata: object = {}): Promise<DirectoryCap> {
  const cap = parseCap((await files.caps(path)).write!) as DirectoryCap;
  await files.view.parts.directories.change(cap, (directory) => {
    for (let i = 0; i < entries; i += 1) {
      directory.set({ name: `${i}`, read: "URI:LIT:me", metadata: { ...metadata } }, 0);
    }
  });
  return cap;
}

test("a folder's content, also with few entries", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  const entries = 60;
  await fill(files, "/a", entries, { other: "x".repeat(FOLDER_MAX_BYTES / entries) });
  await assert.rejects(files.write("/a/more", content("1")), failsWith("files-folder-full"));
  await files.move("/a/7", "/a/renamed");
  await files.remove("/a/8");
  await files.remove("/a/9");
  await files.write("/a/more", content("1"));
});

test("properties, media types and notes", async (t) => {
  const { files, tree } = await treeBox(t);
  await files.write("/f.txt", content("1"), { mediaType: `text/${"x".repeat(MEDIA_TYPE_MAX_CHARS)}` });
  assert.equal((await files.stat("/f.txt"))!.mediaType, "text/plain");
  for (const bad of ["text", "text/html\r\nx: y", "text/html;\u0000"]) {
    assert.equal((await files.change("/f.txt", { mediaType: bad })).mediaType, "text/plain");
  }
  await files.change("/f.txt", { properties: { a: "x".repeat(PROPERTIES_MAX_BYTES - 20) } });
  const more = files.change("/f.txt", { properties: { b: "x".repeat(20) } });
  await assert.rejects(more, failsWith("files-too-large"));
  const { share } = await tree.sharing.make("anna", { path: "/f.txt", mode: "read", note: "x".repeat(1000) });
  assert.equal(share.note.length, SHARE_NOTE_MAX_CHARS);
});

test("free names, and long ones that get a number", async (t) => {
  const { files } = await treeBox(t);
  const long = `${"ç".repeat(125)}.txt`;
  await files.write(`/${long}`, content("1"));
  const { trashId } = await files.remove(`/${long}`);
  await files.write(`/${long}`, content("2"));
  const back = await files.restore(trashId!);
  assert.match(back.name, /^ç+ \(2\)\.txt$/);
  assert.ok(Buffer.byteLength(back.name) <= 255);
  await files.makeFolder("/a");
  await files.write("/a/0", content("1"));
  const gone = await files.remove("/a/0");
  const cap = await fill(files, "/a", 1);
  await files.view.parts.directories.change(cap, (directory) => {
    for (let i = 2; i <= FREE_NAMES_MAX; i += 1) directory.set({ name: `0 (${i})`, read: "URI:LIT:me" }, 0);
  });
  await assert.rejects(files.restore(gone.trashId!), failsWith("files-exists"));
});

test("entries of a walk and of a copy, results of a search", { timeout: 180_000 }, async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  await fill(files, "/a", SEARCH_RESULTS_MAX + 50);
  await files.list("/a");
  const { view } = files;
  const count = async (entriesMax: number) => {
    let seen = 0;
    for await (const _one of walk(view, "/", { entriesMax })) seen += 1;
    return seen;
  };
  assert.equal(await count(SEARCH_RESULTS_MAX + 52), SEARCH_RESULTS_MAX + 52);
  await assert.rejects(count(SEARCH_RESULTS_MAX + 51), failsWith("files-too-many"));
  // The same folder in many places.
  await files.makeFolder("/many");
  const { read } = await files.caps("/a");
  const cap = parseCap((await files.caps("/many")).write!) as DirectoryCap;
  await view.parts.directories.change(cap, (directory) => {
    for (let i = 0; i < 4; i += 1) directory.set({ name: `${i}`, read: read! }, 0);
  });
  const entriesMax = 4 + 4 * (SEARCH_RESULTS_MAX + 50);
  await assert.rejects(copy(view, "/many", "/copy", { entriesMax }), failsWith("files-too-many"));
  assert.equal(await files.stat("/copy"), undefined);
  await copy(view, "/many", "/copy", { entriesMax: entriesMax + 1 });
  let entered = 0;
  for await (const { kind } of walk(view, "/many")) entered += kind === "folder" ? 1 : 0;
  assert.equal(entered, 2, "a folder in many places is entered once");
});

test("no more results of a search than a page can show", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/x");
  const cap = parseCap((await files.caps("/x")).write!) as DirectoryCap;
  await files.view.parts.directories.change(cap, (directory) => {
    for (let i = 0; i < SEARCH_RESULTS_MAX + 1; i += 1) directory.set({ name: `same ${i}`, read: "URI:LIT:me" }, 0);
  });
  await files.list("/x");
  assert.equal((await files.search("same")).length, SEARCH_RESULTS_MAX);
});

test("the oldest of too much trash goes", async (t) => {
  const { files } = await treeBox(t);
  const { store } = files.view.parts;
  store.transaction(() => {
    for (let i = 0; i < TRASH_ITEMS_MAX; i += 1) {
      store
        .query("INSERT INTO files_trash VALUES (?, 'anna', '', 'f', '/f', 'file', 1, NULL, 'URI:LIT:me', '{}', ?, 0)")
        .run(`${i}`, i);
    }
  });
  await files.write("/g", content("1"));
  await files.remove("/g");
  const trash = files.trash();
  assert.equal(trash.length, TRASH_ITEMS_MAX);
  assert.deepEqual([trash[0]!.path, trash.at(-1)!.id], ["/g", "1"]);
});

test("immutable folders are read, up to a size, and kept for good", async () => {
  const grid = memoryGrid();
  const clock = virtualClock();
  const directories = new Directories({ grid, crypto, clock });
  const directory = new Directory(crypto, { kind: "immutable" });
  directory.set({ name: "f", read: "URI:LIT:me" }, 0);
  directory.set({ name: "g", read: "URI:LIT:me" }, 0);
  const bytes = directory.write();
  async function* read() {
    yield bytes;
  }
  const { cap } = await grid.upload({ bytes: bytes.length, read });
  const found = await directories.read({ kind: "directory", file: cap as DirectoryCap["file"] });
  assert.deepEqual([found.directory.size, found.canWrite], [2, false]);
  clock.advance(10 * FOLDER_FRESH_MS);
  grid.failWith("files-unreachable");
  assert.equal(await directories.read(found.cap), found);
  await assert.rejects(
    directories.change(found.cap, () => {}),
    failsWith("files-read-only"),
  );
  grid.failWith(undefined);
  const large: DirectoryCap = {
    kind: "directory",
    file: { ...(cap as Extract<typeof cap, { kind: "chk" }>), size: FOLDER_READ_MAX_BYTES + 1 },
  };
  await assert.rejects(directories.read(large), failsWith("files-too-large"));
  const literal = parseCap("URI:DIR2-LIT:gmzdumj2mewdcnr2kvjesosmjfkdu3tcon3xsm3eoawdaormgi5hw7jmfq") as DirectoryCap;
  assert.equal((await directories.read(literal)).directory.get("a")!.read, "URI:LIT:nbswy3dp");
});

test("what is no directory says so, and hurts nobody", async () => {
  const grid = memoryGrid();
  const directories = new Directories({ grid, crypto, clock: virtualClock() });
  for (const text of ["no netstring", "5:hello,", "3:1:a,,"]) {
    const file = (await grid.createMutable("sdmf", Buffer.from(text))) as DirectoryCap["file"];
    await assert.rejects(directories.read({ kind: "directory", file }), failsWith("files-bad-cap"));
    await assert.rejects(
      directories.change({ kind: "directory", file }, () => {}),
      failsWith("files-bad-cap"),
    );
  }
});

test("so many folders stay in memory, those that were used last", async () => {
  const grid = memoryGrid();
  const directories = new Directories({ grid, crypto, clock: virtualClock() });
  const caps: DirectoryCap[] = [];
  for (let i = 0; i <= FOLDER_CACHE_MAX; i += 1) caps.push(await directories.create());
  const reads = grid.counts.mutableReads;
  await directories.read(caps.at(-1)!);
  await directories.read(caps[1]!);
  assert.equal(grid.counts.mutableReads, reads);
  await directories.read(caps[0]!);
  assert.equal(grid.counts.mutableReads, reads + 1);
});

test("so many sizes of mutable files are remembered", async () => {
  const grid = memoryGrid();
  const clock = virtualClock();
  const sizes = new MutableSizes({ grid, clock });
  const directory = new Directory(crypto, { kind: "mutable", writeKey: new Uint8Array(16) });
  for (let i = 0; i <= MUTABLE_SIZES_MAX; i += 1) {
    const cap = await grid.createMutable("sdmf", new Uint8Array(i % 50));
    directory.set({ name: String(i).padStart(6, "0"), write: formatCap(cap) }, 0);
  }
  const children = directory.children();
  for (const child of children) await sizes.of(child);
  const reads = grid.counts.mutableReads;
  assert.equal((await sizes.of(children.at(-1)!))!.bytes, MUTABLE_SIZES_MAX % 50);
  assert.equal(grid.counts.mutableReads, reads);
  await sizes.of(children[0]!);
  assert.equal(grid.counts.mutableReads, reads + 1);
});

test("so much waits to be stored, and more is refused", async () => {
  const turns = new StoringTurns();
  let end = () => {};
  const held = new Promise<void>((resolve) => (end = resolve));
  const all = Array.from({ length: STORING_MAX + STORING_WAITING_MAX }, () => turns.run(Infinity, () => held));
  await assert.rejects(
    turns.run(Infinity, () => held),
    failsWith("files-too-many"),
  );
  // Small files have a queue of their own.
  await turns.run(100, () => Promise.resolve());
  end();
  await Promise.all(all);
  await turns.run(Infinity, () => Promise.resolve());
});

test("two folders that are moved into each other at the same moment are not lost", async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  await files.makeFolder("/b");
  const done = await Promise.allSettled([files.move("/a", "/b/a"), files.move("/b", "/a/b")]);
  assert.equal(done.filter(({ status }) => status === "fulfilled").length, 1);
  assert.equal((await files.list("/")).length, 1);
});

test("the largest folder is listed in steps that let others go in between", { timeout: 180_000 }, async (t) => {
  const { files } = await treeBox(t);
  await files.makeFolder("/a");
  await fill(files, "/a", FOLDER_ENTRIES_MAX);
  let turns = 0;
  const look = () => setImmediate(() => ((turns += 1), isListing && look()));
  let isListing = true;
  look();
  assert.equal((await files.list("/a")).length, FOLDER_ENTRIES_MAX);
  isListing = false;
  assert.ok(turns >= 8, `${turns} turns`);
});
