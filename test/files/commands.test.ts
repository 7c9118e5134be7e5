/** `comu files` on a real box: whole folders, what was broken off, what is refused, lists of servers, devices. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run, start } from "../support/process.ts";

const SEEN_TIMEOUT_MS = 30_000;
const BIG_BYTES = 40_000_000;

let box: Box;
let here: string;

before(async () => {
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri" });
  here = temporaryFolder("commands");
  await box.cli(["files", "give", "1GiB", "--json"]);
  const isThere = async () => (await box.api<{ grid: { reachable: number } }>("/files/status")).grid.reachable === 1;
  await eventually("a storage server", SEEN_TIMEOUT_MS, isThere);
});

after(async () => {
  await box?.stop();
});

const command = (words: readonly string[]) => [...COMU_COMMAND, ...words, "--lang", "en", "--data", box.data];
const put = (words: readonly string[]) =>
  box.cli<{ files: number; sizeBytes: number; skipped: number; refused: { path: string; code: string }[] }>([
    "files",
    "put",
    ...words,
  ]);

test("a folder goes there and back, with times, names of any letters and empty folders", async () => {
  const source = join(here, "source");
  mkdirSync(join(source, "òlibes", "buit"), { recursive: true });
  for (const [name, size] of [
    ["0", 0],
    ["55", 55],
    ["56", 56],
    ["òlibes/1 M", 1024 * 1024 + 1],
  ] as const) {
    writeFileSync(join(source, name), randomBytes(size));
    utimesSync(join(source, name), 1_700_000_000, 1_700_000_000);
  }
  symlinkSync("..", join(source, "loop"));
  writeFileSync(join(source, "x".repeat(255)), "");
  const done = await put([source, "/", "--json"]);
  assert.deepEqual([done.files, done.sizeBytes, done.refused], [5, 55 + 56 + 1024 * 1024 + 1, []]);
  assert.equal(done.skipped, 1, "the link");
  await box.cli(["files", "get", "/source", join(here, "back"), "--json"]);
  assert.equal(statSync(join(here, "back", "x".repeat(255))).size, 0);
  for (const name of ["0", "55", "56", "òlibes/1 M"]) {
    assert.ok(readFileSync(join(here, "back", name)).equals(readFileSync(join(source, name))), name);
    assert.equal(statSync(join(here, "back", name)).mtimeMs, 1_700_000_000_000, name);
  }
  assert.deepEqual(readdirSync(join(here, "back", "òlibes", "buit")), []);
});

test("the top folder stays, and that is said of it", async () => {
  for (const words of [
    ["rm", "/"],
    ["mv", "/", "/x"],
    ["cp", "/", "/x"],
  ])
    await assert.rejects(box.cli(["files", ...words]), /files-top-folder/, words.join(" "));
});

test("a large file that was broken off goes on, both ways", async () => {
  const big = randomBytes(BIG_BYTES);
  writeFileSync(join(here, "big"), big);
  const first = start(command(["files", "put", join(here, "big"), "/big"]), { name: "put" });
  const uploads = async () => {
    const all = await box.api<{ id: string; path: string; receivedBytes: number; state: string }[]>("/files/uploads");
    return all.filter(({ path }) => path === "/big");
  };
  const hasSome = async () => (await uploads()).some(({ receivedBytes }) => receivedBytes > 0);
  await eventually("some pieces are there", SEEN_TIMEOUT_MS, hasSome);
  await first.kill();
  const [begun] = await uploads();
  await put([join(here, "big"), "/big", "--json"]);
  const ended = await uploads();
  assert.deepEqual([ended.length, ended[0]!.id, ended[0]!.state], [1, begun!.id, "done"]);

  const { etag } = await box.api<{ etag: string }>("/files/entry?path=/big");
  const part = join(here, `.down.${etag.slice(0, 16)}.part`);
  writeFileSync(part, big.subarray(0, 30_000_000));
  await box.cli(["files", "get", "/big", join(here, "down"), "--json"]);
  assert.ok(readFileSync(join(here, "down")).equals(big));
});

test("what is refused is told for each file, and the others go", async () => {
  writeFileSync(join(here, "good"), randomBytes(100));
  mkdirSync(join(here, "mixed"));
  writeFileSync(join(here, "mixed", "a"), "a");
  await box.cli(["files", "mkdir", "/taken", "--json"]);
  await box.cli(["files", "mkdir", "/taken/mixed", "--json"]);
  await box.cli(["files", "mkdir", "/taken/mixed/a", "--json"]);
  const result = await run(command(["files", "put", join(here, "mixed"), join(here, "good"), "/taken/", "--json"]));
  assert.equal(result.code, 1);
  const said = JSON.parse(result.stdout) as { files: number; refused: unknown[] };
  assert.deepEqual([said.files, said.refused], [1, [{ path: "/taken/mixed/a", code: "files-is-a-folder" }]]);
  assert.match(result.stderr, /This is a folder, and a file is wanted: \/taken\/mixed\/a/);
  for (const words of [
    ["files", "get", "/nowhere"],
    ["files", "put", join(here, "nothing"), "/"],
  ])
    assert.match((await run(command(words))).stderr, /^(?:files-not-found|file-unreadable): /, words.join(" "));
});

test("a name that cannot be read ends nothing but itself", async () => {
  mkdirSync(join(here, "odd"));
  writeFileSync(Buffer.concat([Buffer.from(join(here, "odd/")), Buffer.of(0x61, 0xff)]), "a");
  writeFileSync(join(here, "odd", "new\nline"), "b");
  writeFileSync(join(here, "odd", "z"), "z");
  const result = await run(command(["files", "put", join(here, "odd"), "/", "--json"]));
  const said = JSON.parse(result.stdout) as { files: number; refused: { code: string }[] };
  assert.equal(result.code, 1);
  assert.deepEqual(
    [said.files, said.refused.map(({ code }) => code).toSorted()],
    [1, ["file-unreadable", "files-bad-name"]],
  );
  assert.match(result.stderr, /^\/odd\/new line: files-bad-name/m, "no line of its own from a name");
});

test("a slash at the end is into that folder; an older version is read by its id", async () => {
  for (const text of ["one", "two"]) {
    writeFileSync(join(here, "letter"), text);
    await put([join(here, "letter"), "/letter", "--json"]);
  }
  const [, old] = await box.cli<{ id: string }[]>(["files", "versions", "/letter", "--json"]);
  assert.equal((await run(command(["files", "cat", "/letter", "--version", old!.id]))).stdout, "one");
  assert.match((await run(command(["files", "cat", "/letter", "--version", "nope"]))).stderr, /\/letter nope/);
  await box.cli(["files", "mkdir", "/into", "--json"]);
  await box.cli(["files", "cp", "/letter", "/into/", "--json"]);
  assert.equal((await run(command(["files", "cp", "/letter", "/into"]))).code, 1);
  assert.equal((await box.cli<{ path: string }>(["files", "mv", "/letter", "/into/new", "--json"])).path, "/into/new");
  assert.equal((await run(command(["files", "cat", "/into/letter"]))).stdout, "two");
});

test("a door that cannot be opened, and what is no key, are refused", async () => {
  const taken = new URL(box.url).port;
  const result = await run(command(["files", "access", "--webdav-port", taken]));
  assert.deepEqual([result.code, result.stderr.split(":")[0]], [1, "files-port"]);
  await box.cli(["files", "access", "--webdav-port", "0", "--json"]);
  assert.equal((await run(command(["files", "add-device", "a", "--public-key", "rubbish"]))).code, 2);
  const known = await box.cli<unknown[]>(["files", "devices", "--json"]);
  assert.match((await run(command(["files", "drop-device", "nope"]))).stderr, /^files-not-found: /);
  assert.equal(known.length, 0);
});

test("caps, and lists of servers", async () => {
  const caps = await box.cli<{ caps: { cap: string }[] }>(["files", "put", join(here, "good"), "/", "--cap", "--json"]);
  assert.match(caps.caps[0]!.cap, /^URI:CHK:.*:3:10:100$/);
  await box.cli(["files", "attach", "/same", caps.caps[0]!.cap, "--json"]);
  const { bytes } = await box.cli<{ bytes: number }>(["files", "stat", "/same", "--json"]);
  assert.equal(bytes, 100);
  const list = join(here, "servers.yaml");
  await box.cli(["files", "export-servers", list]);
  const text = readFileSync(list, "utf8");
  assert.match(text, /permutation-seed-base32/);
  const other = text.replaceAll(/v0-[a-z2-7]{52}/g, `v0-${"a".repeat(52)}`);
  writeFileSync(list, other);
  const taken = await box.cli<{ added: number }>(["files", "import-servers", list, "--json"]);
  assert.equal(taken.added, 1);
  const { grid } = await box.api<{ grid: { servers: { id: string; origin: string }[] } }>("/files/status");
  assert.deepEqual(grid.servers.map(({ origin }) => origin).toSorted(), ["box", "list"]);
  await box.cli(["files", "drop-server", `v0-${"a".repeat(52)}`, "--json"]);
});
