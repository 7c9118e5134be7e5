/**
 * The SQLite wrapper: settings, migrations, transactions, the full disk and the failing one, damage, and a writer that
 * is killed.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFailure } from "../kernel/errors.ts";
import { STORE_STATEMENTS_MAX } from "./constants.ts";
import { openStore } from "./store.ts";

const folder = await mkdtemp(join(tmpdir(), "comu-store-"));
after(() => rm(folder, { recursive: true }));
const STEPS = ["CREATE TABLE words (word TEXT PRIMARY KEY, size INTEGER)"];

test("it opens durable, with foreign keys, and leaves one file when closed", async () => {
  const store = openStore(join(folder, "plain.db"));
  const pragma = (name: string) => Object.values(store.prepare(`PRAGMA ${name}`).get()!)[0];
  assert.equal(pragma("journal_mode"), "wal");
  assert.equal(pragma("synchronous"), 2);
  assert.equal(pragma("foreign_keys"), 1);
  store.migrate("words", STEPS);
  store.prepare("INSERT INTO words VALUES (?, ?)").run("casa", 4);
  assert.deepEqual({ ...store.prepare("SELECT * FROM words").get() }, { word: "casa", size: 4 });
  assert.deepEqual(store.checkIntegrity(), []);
  assert.ok(store.sizeBytes() >= 8192);
  store.close();
  store.close();
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("plain")),
    ["plain.db"],
  );
});

test("migrations run once each, per owner; a failed step leaves nothing; a newer file is refused", () => {
  const path = join(folder, "steps.db");
  const store = openStore(path);
  store.migrate("a", STEPS);
  store.migrate("b", ["CREATE TABLE b (x)"]);
  const more = [...STEPS, "ALTER TABLE words ADD COLUMN note TEXT", "CREATE TABLE half (x); CREATE TABLE words (y)"];
  assert.throws(() => store.migrate("a", more), /already exists/);
  store.migrate("a", more.slice(0, 2));
  store.prepare("INSERT INTO words VALUES ('x', 1, 'note')").run();
  assert.equal(store.prepare("SELECT name FROM sqlite_schema WHERE name = 'half'").get(), undefined);
  assert.throws(
    () => store.migrate("a", STEPS),
    (error) => isFailure(error, "store-too-new"),
  );
  store.close();
});

test("transactions roll back, nest, and refuse asynchronous work", () => {
  const store = openStore(":memory:");
  store.migrate("a", STEPS);
  const add = (word: string) => store.prepare("INSERT INTO words VALUES (?, 1)").run(word);
  const words = () =>
    store
      .prepare<{ word: string }>("SELECT word FROM words ORDER BY word")
      .all()
      .map((row) => row.word);
  store.transaction(() => {
    add("outer");
    assert.throws(() => store.transaction(() => (add("inner"), assert.fail("stop"))), /stop/);
    add("after");
  });
  assert.deepEqual(words(), ["after", "outer"]);
  assert.throws(() => store.transaction(() => (add("late"), Promise.resolve())), /asynchronous/);
  assert.deepEqual(words(), ["after", "outer"]);
  assert.deepEqual([...store.each("SELECT size FROM words")].length, 2);
  store.close();
});

test("what can be made again is committed without waiting for the disk, and only that", () => {
  const store = openStore(join(folder, "unsynced.db"));
  store.migrate("a", STEPS);
  const add = (word: string) => store.prepare("INSERT INTO words VALUES (?, 1)").run(word);
  const words = () => [...store.each<{ word: string }>("SELECT word FROM words ORDER BY word")].map(({ word }) => word);
  const waits = () => store.prepare("PRAGMA synchronous").get()!["synchronous"] === 2;
  assert.equal(waits(), true);
  assert.equal(
    store.transactionUnsynced(() => (add("soon"), waits())),
    false,
  );
  assert.equal(waits(), true);
  assert.throws(() => store.transactionUnsynced(() => (add("never"), assert.fail("stop"))), /stop/);
  assert.equal(waits(), true);
  store.transaction(() => {
    assert.equal(
      store.transactionUnsynced(() => (add("within"), waits())),
      true,
    );
  });
  assert.deepEqual(words(), ["soon", "within"]);
  store.close();
});

test("a full disk is disk-full, nothing of the transaction stays, and the store goes on", () => {
  const store = openStore(join(folder, "full.db"));
  store.migrate("a", ["CREATE TABLE blobs (x BLOB)"]);
  store.exec("PRAGMA max_page_count = 20");
  const add = (bytes: number) => store.prepare("INSERT INTO blobs VALUES (zeroblob(?))").run(bytes);
  add(1000);
  assert.throws(
    () => store.transaction(() => (add(1000), add(1_000_000))),
    (error) => isFailure(error, "disk-full"),
  );
  assert.equal(store.prepare("SELECT count(*) AS n FROM blobs").get()!["n"], 1);
  add(1000);
  assert.deepEqual(store.checkIntegrity(), []);
  store.close();
});

test("a disk that fails though it has room is storage-failed, and the store goes on when it works again", async () => {
  const store = openStore(join(folder, "failing.db"));
  store.migrate("a", ["CREATE TABLE blobs (x BLOB)"]);
  const add = (bytes: number) => store.prepare("INSERT INTO blobs VALUES (zeroblob(?))").run(bytes);
  add(1000);
  // The kernel refuses to let any file of this process grow; all of it in one turn, so that no other test notices.
  const limitFiles = (soft: string) => execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${soft}:`]);
  limitFiles("4096");
  try {
    assert.throws(
      () => store.transaction(() => (add(1000), add(1_000_000))),
      (error) => isFailure(error, "storage-failed") && /disk I\/O/.test(String((error.cause as Error).message)),
    );
  } finally {
    limitFiles("unlimited");
  }
  assert.equal(store.prepare("SELECT count(*) AS n FROM blobs").get()!["n"], 1);
  add(1000);
  assert.deepEqual(store.checkIntegrity(), []);
  store.close();
});

test("a damaged file is recognised, on opening or by the check", async () => {
  const garbage = join(folder, "garbage.db");
  await writeFile(garbage, "this is not a database, and it is long enough to be looked at ".repeat(80));
  assert.throws(
    () => openStore(garbage),
    (error) => isFailure(error, "store-damaged"),
  );
  const path = join(folder, "damaged.db");
  const store = openStore(path);
  store.migrate("a", STEPS);
  store.transaction(() => {
    for (let n = 0; n < 2000; n++) store.prepare("INSERT INTO words VALUES (?, ?)").run(`word ${n}`, n);
  });
  store.close();
  const handle = await open(path, "r+");
  await handle.write(new Uint8Array(4096 * 3).fill(7), 0, 4096 * 3, 4096 * 5);
  await handle.close();
  const again = openStore(path);
  assert.ok(again.checkIntegrity().length > 0);
  assert.throws(
    () => again.prepare("SELECT sum(size) FROM words").get(),
    (error) => isFailure(error, "store-damaged"),
  );
  again.close();
});

test("the statement cache is bounded, and a dropped statement still works", () => {
  const store = openStore(":memory:");
  const first = store.prepare("SELECT 0 AS n");
  for (let n = 1; n <= STORE_STATEMENTS_MAX + 10; n++) store.prepare(`SELECT ${n} AS n`).get();
  assert.equal(first.get()!["n"], 0);
  assert.equal(store.prepare("SELECT 0 AS n").get()!["n"], 0);
  store.close();
});

test("what was acknowledged before kill -9 is there afterwards", async () => {
  const path = join(folder, "killed.db");
  const program = `import { openStore } from ${JSON.stringify(new URL("./store.ts", import.meta.url).href)};
    const store = openStore(${JSON.stringify(path)});
    store.migrate("a", ["CREATE TABLE numbers (n INTEGER PRIMARY KEY)"]);
    for (let n = 1; ; n++) { store.prepare("INSERT INTO numbers VALUES (?)").run(n); process._rawDebug(n); }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said.length > 2000) child.kill("SIGKILL");
  });
  await once(child, "close");
  const acknowledged = said
    .trimEnd()
    .split("\n")
    .filter((line) => /^\d+$/.test(line)).length;
  assert.ok(acknowledged > 100, said);
  const store = openStore(path);
  const { n } = store.prepare<{ n: number }>("SELECT max(n) AS n FROM numbers").get()!;
  assert.ok(n >= acknowledged - 1, `${n} of ${acknowledged}`);
  assert.deepEqual(store.checkIntegrity(), []);
  store.close();
});
