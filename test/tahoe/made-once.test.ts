/** Folders that are made once: by whom, when two want one, after a killed making, and when it cannot be made. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/at-exit.ts";
import { needTahoe } from "./install.ts";
import type { Recipe } from "./made-once.ts";
import { madeOnce } from "./made-once.ts";

/** Notes each making in `log`, and leaves a file. */
const recipe = (log: string, script = ""): Recipe => ({
  name: "sample",
  script: `echo made >> "$2"; sleep 0.2; echo "it's whole" > "$1/file"\n${script}`,
  args: [log],
  timeoutMs: 20_000,
});

function place(): { cache: string; log: string; makings: () => number } {
  const cache = temporaryFolder("made-once");
  const log = join(cache, "log");
  return { cache, log, makings: () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").length - 1 : 0) };
}

test("two that want a folder at once get one folder, made once", async () => {
  const { cache, log, makings } = place();
  const [one, two] = await Promise.all([madeOnce(recipe(log), cache), madeOnce(recipe(log), cache)]);
  assert.equal(one, two);
  assert.equal(makings(), 1);
  assert.equal(readFileSync(join(one, "file"), "utf8"), "it's whole\n");
  assert.equal(await madeOnce(recipe(log), cache), one);
  assert.equal(makings(), 1);
});

test("what a killed making or removing left is made again", async () => {
  const { cache, log, makings } = place();
  const folder = await madeOnce(recipe(log), cache);
  rmSync(folder, { recursive: true });
  mkdirSync(`${folder}.making`);
  writeFileSync(join(`${folder}.making`, "half"), "");
  await madeOnce(recipe(log), cache);
  assert.deepEqual(readdirSync(folder).toSorted(), [".complete", "file"]);
  rmSync(join(folder, ".complete"));
  writeFileSync(join(folder, "stale"), "");
  await madeOnce(recipe(log), cache);
  assert.deepEqual(readdirSync(folder).toSorted(), [".complete", "file"]);
  assert.equal(makings(), 3);
});

test("another recipe gets another folder", async () => {
  const { cache, log } = place();
  const one = await madeOnce(recipe(log), cache);
  assert.notEqual(await madeOnce(recipe(log, "true"), cache), one);
  assert.ok(existsSync(one));
});

test("a making that fails or mounts leaves nothing, and its last words are in the error", async () => {
  const { cache, log } = place();
  const failing = recipe(log, 'mount -t tmpfs none "$1"; echo "no such mirror" >&2; false; echo never');
  await assert.rejects(madeOnce(failing, cache), (error: Error) => {
    assert.match(error.message, /cannot make .*sample-.* \(exit 1\):\nno such mirror/);
    assert.ok(!error.message.includes("never"));
    return true;
  });
  assert.ok(!readFileSync("/proc/mounts", "utf8").includes(cache));
  assert.deepEqual(
    readdirSync(cache).filter((name) => !/\.(lock|making)$/.test(name)),
    ["log"],
  );
});

test("a machine without a Debian mirror says what is missing", async (t) => {
  const cache = temporaryFolder("no-mirror");
  const settings = join(cache, "apt.conf");
  writeFileSync(settings, 'Dir::Etc "/nowhere";\n');
  const before = process.env["APT_CONFIG"];
  t.after(() => {
    if (before === undefined) delete process.env["APT_CONFIG"];
    else process.env["APT_CONFIG"] = before;
  });
  process.env["APT_CONFIG"] = settings;
  await assert.rejects(needTahoe(cache), /no Debian mirror in this machine's apt sources: a 'deb' line/);
});
