/**
 * Files on three real boxes: what one stores is on all, outlasts a box that is killed, is shared by a link that another
 * box opens over the mesh, and by one that a stranger opens; and what was taken back is gone.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { COMU_COMMAND, startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { needDebian } from "../support/debian.ts";
import { eventually, run, runOk } from "../support/process.ts";

const SEEN_TIMEOUT_MS = 60_000;
const BYTES = 3_000_000;

interface Status {
  grid: { reachable: number; servers: { name: string; state: string; origin: string }[] };
  me: { quotaBytes: number };
}

interface Given {
  box: string;
  owner: string | null;
  member: string;
  account: string | null;
  usedBytes: number;
  boxUsedBytes: number | null;
  boxQuotaBytes: number | null;
}

const status = (box: Box) => box.api<Status>("/files/status");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function refusal(box: Box, words: readonly string[]): Promise<string> {
  const result = await run([...COMU_COMMAND, ...words, "--lang", "en", "--data", box.data]);
  assert.notEqual(result.code, 0, words.join(" "));
  return result.stderr;
}

async function threeBoxes(t: { after: (run: () => Promise<void>) => void }): Promise<[Box, Box, Box]> {
  const [one, names] = [
    await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri", until: t }),
    ["Molí", "Pou"],
  ];
  const { code } = await one.api<{ code: string }>("/invitations", { method: "POST", body: { uses: 2 } });
  const others: Box[] = [];
  for (const name of names) others.push(await startBox({ name, owner: `Owner of ${name}`, join: code, until: t }));
  const [two, three] = others as [Box, Box];
  for (const box of [one, two, three]) await box.cli(["files", "give", "1GiB", "--json"]);
  for (const box of [one, two, three]) {
    const hasAll = async () => (await status(box)).grid.reachable === 3;
    await eventually(`${box.name} has three servers`, SEEN_TIMEOUT_MS, hasAll);
  }
  return [one, two, three];
}

test("three boxes: stored on all, read without any two of them, shared and taken back", async (t) => {
  await needDebian(["unzip"]);
  const [one, two, three] = await threeBoxes(t);
  assert.ok((await status(one)).grid.servers.every(({ origin }) => origin === "box"));
  assert.equal((await status(one)).me.quotaBytes, 3 * 10_240 * 1024 * 1024, "what it may store at each");

  const here = temporaryFolder("files");
  mkdirSync(join(here, "album", "empty"), { recursive: true });
  const picture = randomBytes(BYTES);
  writeFileSync(join(here, "album", "a b é.bin"), picture);
  writeFileSync(join(here, "album", "note.txt"), "bon dia\n");
  const put = await one.cli<{ files: number; refused: unknown[] }>([
    ...["files", "put", join(here, "album"), "/Photos/", "--json"],
  ]);
  assert.deepEqual([put.files, put.refused], [2, []]);
  const checked = await one.cli<{ ok: boolean; checked: number }>(["files", "check", "/", "--json"]);
  assert.equal(checked.ok, true);
  const health = await one.cli<Record<string, number>>(["files", "health", "/Photos/album/a b é.bin", "--json"]);
  assert.deepEqual([health["good"], health["total"], health["servers"], health["owners"]], [10, 10, 3, 3]);

  await t.test("the boxes count whose it is, under a name that says nothing", async () => {
    const given = await two.cli<Given[]>(["files", "given", "--json"]);
    const ours = given.filter(({ box, usedBytes }) => box === "Forn" && usedBytes > 0);
    assert.equal(ours.length, 1);
    assert.match(ours[0]!.member, /^[a-z2-7]{26}$/);
    assert.ok(ours[0]!.usedBytes > BYTES);
    assert.deepEqual([ours[0]!.account, ours[0]!.owner, ours[0]!.boxQuotaBytes], [null, "Anna", 51_200 * 1024 * 1024]);
    assert.ok(ours[0]!.boxUsedBytes! >= ours[0]!.usedBytes);
    const atHome = await one.cli<typeof given>(["files", "given", "--json"]);
    const own = atHome.filter(({ account }) => account !== null);
    assert.deepEqual(
      own.map(({ account, box, boxQuotaBytes }) => [account, box, boxQuotaBytes]),
      [["anna", "Forn", null]],
    );
  });

  await t.test("a link that another box opens over the mesh, and a stranger here", async () => {
    const link = await one.cli<{ id: string; url: string }>(["files", "share", "/Photos/album", "--json"]);
    const kept = await two.cli<{ id: string; name: string; box: string }>(["files", "add-link", link.url, "--json"]);
    assert.deepEqual([kept.name, kept.box], ["album", "Forn"]);
    const view = await two.cli<{ entries: { name: string }[] }>(["files", "link", kept.id, "--json"]);
    assert.deepEqual(view.entries.map(({ name }) => name).toSorted(), ["a b é.bin", "empty", "note.txt"]);
    await two.cli(["files", "link-get", kept.id, "/", join(here, "album.zip")]);
    assert.equal(await runOk(["unzip", "-p", join(here, "album.zip"), "album/note.txt"]), "bon dia\n");
    await one.cli(["files", "zip", "/Photos", join(here, "Photos.zip")]);
    const unzipped = await runOk(["unzip", "-Z1", join(here, "Photos.zip")], { env: { LC_ALL: "C.UTF-8" } });
    assert.deepEqual(
      unzipped.trim().split("\n").toSorted(),
      ["a b é.bin", "empty/", "note.txt", ""]
        .map((name) => `Photos/album/${name}`)
        .concat("Photos/")
        .toSorted(),
    );
    const ticket = { method: "POST", body: { path: "/a b é.bin" } };
    const { url } = await two.api<{ url: string }>(`/files/links/${kept.id}/tickets`, ticket);
    assert.equal(sha256(new Uint8Array(await (await fetch(two.url + url)).arrayBuffer())), sha256(picture));
    const part = await fetch(two.url + url, { headers: { range: "bytes=1000000-1000009" } });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, `bytes 1000000-1000009/${BYTES}`]);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), picture.subarray(1_000_000, 1_000_010));

    const token = new URL(link.url).hash.slice(1);
    const shared = () => fetch(`${one.url}/api/v1/files/shared/${token}`);
    assert.equal(((await (await shared()).json()) as { name: string }).name, "album");
    const above = await fetch(`${one.url}/api/v1/files/shared/${token}?path=${encodeURIComponent("/../..")}`);
    assert.equal(((await above.json()) as { entry: { path: string } }).entry.path, "/");

    await one.cli(["files", "unshare", link.id, "--json"]);
    assert.equal((await shared()).status, 410);
    assert.match(await refusal(two, ["files", "link", kept.id]), /^files-link-gone/);
    assert.equal((await fetch(two.url + url)).status, 410, "an address that was made from it, too");
  });

  await t.test("any two boxes may go: the rest reads, and says what cannot be done", async () => {
    await three.kill();
    await one.cli(["files", "get", "/Photos", join(here, "one-away"), "--json"]);
    assert.equal(sha256(readFileSync(join(here, "one-away", "album", "a b é.bin"))), sha256(picture));
    writeFileSync(join(here, "later.bin"), randomBytes(50_000));
    await eventually("it can be stored on two", SEEN_TIMEOUT_MS, async () => {
      const result = await one.cli<{ files: number }>(["files", "put", join(here, "later.bin"), "/", "--json"]);
      return result.files === 1;
    });
    await two.kill();
    await one.cli(["files", "get", "/Photos", join(here, "two-away"), "--json"]);
    assert.equal(sha256(readFileSync(join(here, "two-away", "album", "a b é.bin"))), sha256(picture));
    const isTold = async () => (await one.api<Status>("/files/status")).grid.reachable === 1;
    await eventually("it is told", SEEN_TIMEOUT_MS, isTold);
    assert.match(await refusal(one, ["files", "put", join(here, "later.bin"), "/new.bin"]), /files-not-spread/);
    const codes = await one.cli<{ code: string }[]>(["health", "--json"]);
    assert.ok(codes.some(({ code }) => code === "files-not-spread"));
  });

  await t.test("after a restart everything is known again", async () => {
    await one.kill();
    await Promise.all([one.restart(), two.restart(), three.restart()]);
    await eventually("three servers", SEEN_TIMEOUT_MS, async () => (await status(one)).grid.reachable === 3);
    const content = await one.cli(["files", "cat", "/Photos/album/note.txt"]);
    assert.equal(content, "bon dia\n");
  });
});
