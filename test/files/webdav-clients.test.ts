/**
 * Other people's WebDAV programs against ours, over a member's real files on real storage servers: litmus with all of
 * its tests, cadaver, curl, rclone, and a davfs2 mount. What goes in comes out with the same hash.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdir, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { needDebian } from "../support/debian.ts";
import { atExit, temporaryFolder } from "../support/at-exit.ts";
import { eventually, run, runOk } from "../support/process.ts";
import type { Owner } from "../support/process.ts";
import { startMember } from "./member-box.ts";
import { PASSWORD, USER, startWebdav } from "./webdav-box.ts";
import type { WebdavBox } from "./webdav-box.ts";

const LITMUS_TESTS = 104;
const SMALL_FILES = 1000;
const LARGE_BYTES = 100_000_000;
const AS = ["--user", `${USER}:${PASSWORD}`];

before(() => needDebian(["litmus", "cadaver", "davfs2", "rclone", "curl"]));

async function start(owner: Owner): Promise<WebdavBox> {
  const { files } = await startMember(owner);
  return startWebdav({ owner, files });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A file of these many random bytes; its hash. */
function random(path: string, bytes: number): string {
  const content = randomBytes(bytes);
  writeFileSync(path, content);
  return sha256(content);
}

test("litmus passes, all of it", { timeout: 300_000 }, async (t) => {
  const box = await start(t);
  const command = ["litmus", "-k", `${box.url}/`, USER, PASSWORD];
  const { stdout } = await run(command, { cwd: temporaryFolder("litmus"), timeoutMs: 250_000 });
  const summaries = [...stdout.matchAll(/of (\d+) tests run: (\d+) passed, (\d+) failed/g)];
  const passed = summaries.reduce((sum, [, , good]) => sum + Number(good), 0);
  assert.equal(
    passed,
    LITMUS_TESTS,
    stdout
      .split("\n")
      .filter((line) => /FAIL|summary/.test(line))
      .join("\n"),
  );
  assert.deepEqual(box.logged, []);
});

test("cadaver puts, gets, makes folders, moves, copies and deletes", async (t) => {
  const box = await start(t);
  const home = temporaryFolder("cadaver");
  writeFileSync(join(home, ".netrc"), `machine 127.0.0.1 login ${USER} password ${PASSWORD}\n`, { mode: 0o600 });
  const sum = random(join(home, "one"), 300_000);
  const cadaver = (...lines: string[]) =>
    runOk(["cadaver", `${box.url}/`], { cwd: home, env: { HOME: home }, input: `${lines.join("\n")}\nquit\n` });
  const said = await cadaver(
    "mkcol Fotos",
    "put one Fotos/un",
    "copy Fotos/un Fotos/dos",
    "move Fotos/dos tres",
    "propset tres color blau",
    "propget tres color",
    "get tres back",
    "delete Fotos/un",
    "rmcol Fotos",
    "ls",
  );
  assert.doesNotMatch(said, /fail|error|could not/i);
  assert.match(said, /blau/);
  assert.match(said, /tres +300000/);
  assert.doesNotMatch(said, /Coll: +Fotos/);
  assert.equal(sha256(readFileSync(join(home, "back"))), sum);
});

test("curl sends and fetches 100 MB, and goes on where it was broken off", { timeout: 300_000 }, async (t) => {
  const box = await start(t);
  const folder = temporaryFolder("curl");
  const sum = random(join(folder, "large"), LARGE_BYTES);
  const curl = (...rest: string[]) => runOk(["curl", "-sSf", ...AS, ...rest], { cwd: folder, timeoutMs: 250_000 });
  await curl("-T", "large", `${box.url}/large`);
  await curl("-o", "back", `${box.url}/large`);
  assert.equal(sha256(await readFile(join(folder, "back"))), sum);
  await curl("-o", "part", "-r", `0-${LARGE_BYTES / 2 - 1}`, `${box.url}/large`);
  assert.equal((await stat(join(folder, "part"))).size, LARGE_BYTES / 2);
  await curl("-C", "-", "-o", "part", `${box.url}/large`);
  assert.equal(sha256(await readFile(join(folder, "part"))), sum);
  writeFileSync(join(folder, "empty"), "");
  await curl("-T", "empty", `${box.url}/empty`);
  assert.equal(await curl(`${box.url}/empty`), "");
});

test("rclone copies a thousand small files, and finds them the same", { timeout: 400_000 }, async (t) => {
  const box = await start(t);
  const folder = temporaryFolder("rclone");
  const source = join(folder, "source");
  for (let index = 0; index < SMALL_FILES; index += 1) {
    const below = join(source, `carpeta ${index % 4}`);
    mkdirSync(below, { recursive: true });
    random(join(below, `fitxer ${index} à.bin`), 1000);
  }
  const hidden = (await runOk(["rclone", "obscure", PASSWORD])).trim();
  const access = ["--webdav-url", box.url, "--webdav-user", USER, "--webdav-pass", hidden];
  const rclone = (...rest: string[]) => {
    const settings = ["--config", join(folder, "rclone.conf"), "--webdav-vendor", "owncloud", ...access];
    return runOk(["rclone", ...rest, ...settings, "--transfers", "8"], { timeoutMs: 350_000 });
  };
  await rclone("copy", source, ":webdav:tot");
  await rclone("check", "--download", source, ":webdav:tot");
  const seen = JSON.parse(await rclone("lsjson", ":webdav:tot/carpeta 1")) as { Name: string; ModTime: string }[];
  assert.equal(seen.length, SMALL_FILES / 4);
  const name = "fitxer 1 à.bin";
  const { mtimeMs } = await stat(join(source, "carpeta 1", name));
  const shown = Date.parse(seen.find((one) => one.Name === name)!.ModTime);
  assert.equal(shown, Math.floor(mtimeMs / 1000) * 1000, "the time of the file came with it");
  await rclone("moveto", ":webdav:tot/carpeta 1", ":webdav:altra");
  await rclone("purge", ":webdav:tot");
  assert.deepEqual((await rclone("lsf", ":webdav:")).split("\n"), ["altra/", ""]);
  await rclone("copy", ":webdav:altra", join(folder, "back"));
  const back = join(folder, "back", name);
  assert.equal(sha256(readFileSync(back)), sha256(readFileSync(join(source, "carpeta 1", name))));
});

test("davfs2 mounts it as a folder", { timeout: 300_000 }, async (t) => {
  if (!existsSync("/dev/fuse")) await runOk(["mknod", "/dev/fuse", "c", "10", "229"]);
  const box = await start(t);
  const folder = temporaryFolder("davfs");
  // Its daemon is davfs2, not root.
  chmodSync(folder, 0o755);
  const [point, cache] = [join(folder, "mount"), join(folder, "cache")];
  for (const one of [point, cache]) mkdirSync(one);
  await runOk(["sh", "-c", `chgrp davfs2 ${cache} && chmod 775 ${cache}`]);
  writeFileSync(join(folder, "secrets"), `${box.url}/ ${USER} ${PASSWORD}\n`, { mode: 0o600 });
  // Linux reads folders in larger pieces than davfs2 has room for by default (16 KiB), and is told "invalid argument".
  const settings = ["ask_auth 0", "buf_size 64", "delay_upload 0", `cache_dir ${cache}`, `secrets ${folder}/secrets`];
  writeFileSync(join(folder, "conf"), `${settings.join("\n")}\n`);
  const mount = `mount.davfs -o conf=${folder}/conf,uid=0 ${box.url}/ ${point} > ${folder}/said 2>&1 < /dev/null`;
  const mounted = await run(["sh", "-c", mount]);
  assert.equal(mounted.code, 0, readFileSync(join(folder, "said"), "utf8"));
  atExit(() => spawnSync("umount", ["--lazy", point]));
  const sums = new Map<string, string>();
  for (const bytes of [0, 1, 4096, 3_000_000]) sums.set(`f${bytes}`, random(join(folder, `f${bytes}`), bytes));
  await mkdir(join(point, "Fotos"));
  for (const name of sums.keys()) await cp(join(folder, name), join(point, "Fotos", name));
  await rename(join(point, "Fotos", "f1"), join(point, "u"));
  await rm(join(point, "Fotos", "f4096"));
  assert.deepEqual((await readdir(join(point, "Fotos"))).toSorted(), ["f0", "f3000000"]);
  await runOk(["umount", point], { timeoutMs: 60_000 });
  const has = async (path: string, sum: string) => {
    const { status, body } = await box.ask("GET", path);
    assert.deepEqual([status, sha256(body)], [200, sum], path);
  };
  await eventually("all is up", 60_000, async () => (await box.ask("GET", "/Fotos/f3000000")).status === 200);
  await has("/u", sums.get("f1")!);
  await has("/Fotos/f0", sums.get("f0")!);
  await has("/Fotos/f3000000", sums.get("f3000000")!);
  assert.equal((await box.ask("GET", "/Fotos/f4096")).status, 404);
  assert.deepEqual(box.logged, []);
});
