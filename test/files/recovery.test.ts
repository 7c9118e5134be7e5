/**
 * A box that is lost with its data folder: on real boxes, a fresh one that joined with a code finds all of its owner's
 * files again by the twelve words, while two of the boxes that keep what they lead to are away.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { eventually, run } from "../support/process.ts";
import { openPty } from "../support/pty.ts";

const SEEN_TIMEOUT_MS = 60_000;
const LARGE_BYTES = 25_000_000;
const OTHERS = ["Molí", "Pou", "Era", "Bosc"];

interface State {
  made: boolean;
  boxes: string[];
}

interface Found {
  state: string;
  path: string;
  entries: number;
  boxes: string[];
  away: string[];
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const servers = async (box: Box) =>
  (await box.api<{ grid: { servers: { name: string; state: string }[] } }>("/files/status")).grid.servers;
const hasFive = (box: Box) => async () => (await servers(box)).filter(({ state }) => state === "up").length === 5;
const command = (box: Box, words: readonly string[]) => [...COMU_COMMAND, ...words, "--lang", "en", "--data", box.data];

async function refusal(box: Box, words: readonly string[], input = ""): Promise<string> {
  const result = await run(command(box, words), { input });
  assert.notEqual(result.code, 0, words.join(" "));
  return result.stderr;
}

test("a box lost with its data folder, and its owner's files from twelve words", async (t) => {
  const founder = await startBox({ name: "Era", owner: "Owner of Era", newCommunity: "Barri", until: t });
  const { code } = await founder.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 9 } });
  const joinAs = (name: string, owner: string) => startBox({ name, owner, join: code, until: t });
  const lost = await joinAs("Forn", "Anna");
  assert.match(await refusal(lost, ["files", "recovery", "make"]), /^files-not-spread: /);
  const [one, two, last] = [await joinAs("Molí", "Berta"), await joinAs("Pou", "Carla"), await joinAs("Bosc", "Dora")];
  const staying = [founder, last];
  const others = [one, two, ...staying];
  for (const box of [lost, ...others]) await box.cli(["files", "give", "1GiB", "--json"]);
  await eventually("five servers", SEEN_TIMEOUT_MS, hasFive(lost));

  const here = temporaryFolder("recovery");
  const source = join(here, "album");
  mkdirSync(join(source, "2026", "òlibes", "buit"), { recursive: true });
  const contents = new Map([
    ["film.bin", randomBytes(LARGE_BYTES)],
    ["2026/a b é.bin", randomBytes(300_000)],
    ["2026/òlibes/nota.txt", Buffer.from("bon dia\n")],
    ["buit.txt", Buffer.alloc(0)],
  ]);
  for (const [path, bytes] of contents) writeFileSync(join(source, path), bytes);
  await lost.cli(["files", "put", source, "/Photos/", "--json"]);
  writeFileSync(join(source, "letter.txt"), "first\n");
  await lost.cli(["files", "put", join(source, "letter.txt"), "/", "--json"]);
  writeFileSync(join(source, "letter.txt"), "second\n");
  await lost.cli(["files", "put", join(source, "letter.txt"), "/", "--json"]);

  const made = () => lost.cli<State>(["files", "recovery", "status", "--json"]);
  assert.deepEqual((await made()).made, false);
  const first = await lost.cli<{ phrase: string; boxes: string[] }>(["files", "recovery", "make", "--json"]);
  assert.equal(first.phrase.split(" ").length, 12);
  assert.deepEqual(first.boxes.toSorted(), OTHERS.toSorted());
  assert.match(await refusal(lost, ["files", "recovery", "make"]), /^files-recovery-exists: /);
  const second = await lost.cli<{ phrase: string }>(["files", "recovery", "make", "--replace", "--json"]);
  assert.deepEqual((await made()).boxes.toSorted(), OTHERS.toSorted());
  const database = () => readFileSync(join(lost.data, "comu.db")).toString("latin1");
  for (const word of [first.phrase, second.phrase]) assert.ok(!database().includes(word), "no words in the database");

  await lost.kill();
  rmSync(lost.data, { recursive: true });
  const fresh = await joinAs("Forn nou", "Anna");
  const sees = async (names: readonly string[]) => {
    const up = (await servers(fresh)).filter(({ state }) => state === "up").map(({ name }) => name);
    return names.every((name) => up.includes(name));
  };
  await eventually("it sees the others", SEEN_TIMEOUT_MS, () => sees(OTHERS));
  await one.kill();
  await two.kill();

  await t.test("the words of before open nothing, and typing mistakes are told", async () => {
    const file = join(here, "words");
    writeFileSync(file, `${first.phrase}\n`);
    assert.match(await refusal(fresh, ["files", "recover", "--words-file", file]), /^files-recovery-away: .*Forn/);
    const words = second.phrase.split(" ");
    assert.match(
      await refusal(fresh, ["files", "recover"], words.with(4, "xyz").join("\n")),
      /^files-phrase-word: .*: 5\n/,
    );
    assert.match(await refusal(fresh, ["files", "recover"], ""), /^files-phrase-count: /);
    assert.match(await refusal(fresh, ["files", "recover", "--words-file", join(here, "none")]), /^file-unreadable: /);
    assert.deepEqual(
      await fresh.cli(["files", "ls", "/", "--json"]).then((seen) => (seen as { entries: [] }).entries),
      [],
    );
  });

  await t.test("the words, typed at a terminal, bring everything back", async () => {
    const typed = command(fresh, ["files", "recover", "--json"])
      .map((word) => `'${word}'`)
      .join(" ");
    const pty = openPty(typed, { columns: 200, rows: 24 }, t);
    await pty.see(/twelve words/);
    pty.type(`  ${second.phrase.toUpperCase().replaceAll(" ", ", ")}\n`);
    const said = await pty.see(/\{"state".*\}/);
    assert.equal(await pty.ended, 0);
    const found = JSON.parse(said[0]) as Found;
    assert.deepEqual([found.state, found.path, found.entries], ["whole", "/", 2]);
    assert.deepEqual(found.boxes.toSorted(), staying.map(({ name }) => name).toSorted());
    assert.deepEqual(found.away.toSorted(), ["Forn", one.name, two.name].toSorted());

    await fresh.cli(["files", "get", "/", join(here, "back"), "--json"]);
    for (const [path, bytes] of contents) {
      assert.equal(sha256(readFileSync(join(here, "back", "Photos", "album", path))), sha256(bytes), path);
    }
    assert.equal(readFileSync(join(here, "back", "letter.txt"), "utf8"), "second\n");
    const versions = await fresh.cli<{ id: string; current: boolean }[]>([
      "files",
      "versions",
      "/letter.txt",
      "--json",
    ]);
    assert.equal(versions.length, 2, "former versions come with their folder");
    const folder = await fresh.cli<{ entries: unknown[] }>(["files", "ls", "/Photos/album/2026/òlibes/buit", "--json"]);
    assert.deepEqual(folder.entries, []);
  });

  await t.test("the fresh box goes on with it: it writes, renews the words, and looks after the files", async () => {
    await Promise.all([one.restart(), two.restart()]);
    await fresh.cli(["files", "give", "1GiB", "--json"]);
    await eventually("five servers again", SEEN_TIMEOUT_MS, () => sees([...OTHERS, fresh.name]));
    await fresh.cli(["files", "put", join(source, "letter.txt"), "/Photos/", "--json"]);
    const state = await fresh.cli<State>(["files", "recovery", "status", "--json"]);
    assert.equal(state.made, true);
    assert.match(
      await refusal(fresh, ["files", "recover"], first.phrase),
      /^files-recovery-away: .*, and 1 did not answer: Forn\n/,
    );
    const again = await run(command(fresh, ["files", "recover", "--json"]), { input: second.phrase });
    assert.equal((JSON.parse(again.stdout) as Found).state, "already");
    await eventually("care has seen them", 180_000, async () => {
      const { care } = await fresh.api<{ care: { healthy: number; weak: number } }>("/files/status");
      return care.healthy + care.weak >= contents.size;
    });
  });

  await t.test("another member's box hangs it into its own files", async () => {
    await one.cli(["files", "put", join(source, "letter.txt"), "/mine.txt", "--json"]);
    const result = await run(command(one, ["files", "recover", "--folder", "/from Anna", "--json"]), {
      input: second.phrase,
    });
    const found = JSON.parse(result.stdout) as Found;
    assert.deepEqual([found.state, found.path, found.entries], ["folder", "/from Anna", 2]);
    assert.equal(await one.cli(["files", "cat", "/from Anna/letter.txt"]), "second\n");
    const state = await one.cli<State>(["files", "recovery", "status", "--json"]);
    assert.equal(state.made, false, "these words are of another tree");
  });

  await t.test("removed, the words open nothing", async () => {
    assert.match(await refusal(fresh, ["files", "recovery", "remove"]), /^yes-needed: /);
    await fresh.cli(["files", "recovery", "remove", "--yes", "--json"]);
    await eventually("the boxes have been told", SEEN_TIMEOUT_MS, async () =>
      (await refusal(two, ["files", "recover"], second.phrase)).startsWith("files-recovery-away: "),
    );
  });
});
