/** What the launcher hands over to: which Node, with which flags, for which words. A small program tells it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { passingFolder } from "../src/platform/waiting.fixture.ts";

const TELLS = `
  const { MALLOC_ARENA_MAX: arenas, NODE_COMPILE_CACHE: cache } = process.env;
  console.log(JSON.stringify({ words: process.argv.slice(2), flags: process.execArgv, arenas, cache }));`;

interface Told {
  words: string[];
  flags: string[];
  arenas?: string;
  cache?: string;
}

/** A folder in which all is set up, and a Node of this version before all others; "": the one that runs this. */
function setUp(version = ""): { folder: string; run: (words: string[]) => ReturnType<typeof spawnSync> } {
  const folder = passingFolder();
  const tools = join(folder, "tools");
  for (const name of ["src", "ui", "dist", "node_modules", "tools"]) mkdirSync(join(folder, name));
  for (const name of ["package.json", "package-lock.json", "node_modules/.comu-installed"]) {
    writeFileSync(join(folder, name), "{}");
  }
  copyFileSync(join(import.meta.dirname, "../comu"), join(folder, "comu"));
  writeFileSync(join(folder, "dist/comu.mjs"), TELLS);
  writeFileSync(join(folder, "dist/built"), "");
  const own = process.execPath;
  const node = `#!/bin/sh\n[ "$*" = --version ] && echo ${version || process.version} || exec ${own} "$@"\n`;
  for (const [name, text] of Object.entries({ node, npm: "#!/bin/sh\nexit 1\n" })) {
    writeFileSync(join(tools, name), text);
    chmodSync(join(tools, name), 0o755);
  }
  const env = { ...process.env, PATH: `${tools}:${process.env["PATH"]}`, NODE_COMPILE_CACHE: "", MALLOC_ARENA_MAX: "" };
  const run = (words: string[]) => spawnSync(join(folder, "comu"), words, { encoding: "utf8", env, cwd: "/" });
  return { folder, run };
}

function told(ran: ReturnType<typeof spawnSync>): Told {
  assert.equal(ran.status, 0, String(ran.stderr));
  return JSON.parse(String(ran.stdout)) as Told;
}

test("a command starts quickly, a box tidies its memory, wherever the options of the whole program stand", () => {
  const { folder, run } = setUp();
  for (const words of [["status"], [], ["--data", "up", "ls"], ["--json"], ["kv", "put", "up", "demo"], ["--data"]]) {
    const { words: got, flags, arenas, cache } = told(run(words));
    assert.deepEqual([got, arenas, cache], [words, "", join(folder, "dist/compiled")], words.join(" "));
    assert.ok(flags.includes("--min-semi-space-size=16") && !flags.includes("--expose-gc"), words.join(" "));
  }
  for (const words of [["up"], ["demo", "--boxes", "2"], ["--data", "a b", "up"], ["--lang=ca", "--json", "demo"]]) {
    const { words: got, flags, arenas, cache } = told(run(words));
    assert.deepEqual([got, arenas, cache], [words, "1", ""], words.join(" "));
    assert.ok(flags.includes("--expose-gc"), words.join(" "));
  }
});

test("what was compiled is kept beside the program; where it cannot be, the command runs all the same", () => {
  const { folder, run } = setUp();
  writeFileSync(join(folder, "dist/more.mjs"), `export const more = ${JSON.stringify("x".repeat(5000))};`);
  writeFileSync(join(folder, "dist/comu.mjs"), `import "./more.mjs";${TELLS}`);
  told(run(["status"]));
  assert.ok(existsSync(join(folder, "dist/compiled")));
  const other = setUp();
  writeFileSync(join(other.folder, "dist/compiled"), "");
  const ran = other.run(["status"]);
  assert.equal(ran.stderr, "");
  told(ran);
});

test("it is found by a path from where one is", () => {
  const { folder } = setUp();
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };
  for (const [cwd, path] of [
    [folder, "./comu"],
    [join(folder, "tools"), "../comu"],
    [dirname(folder), `${basename(folder)}/comu`],
  ] as const) {
    assert.deepEqual(told(spawnSync(path, ["a", "b c"], { encoding: "utf8", env, cwd })).words, ["a", "b c"], path);
  }
});

test("it is found through a link", () => {
  const { folder } = setUp();
  const link = join(folder, "tools", "linked");
  symlinkSync("../comu", link);
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };
  assert.deepEqual(told(spawnSync(link, ["a", "b c"], { encoding: "utf8", env })).words, ["a", "b c"]);
});

test("a Node that is too old is not taken", () => {
  for (const version of ["v24.15.0", "v24.16.3", "v26.0.0", "v100.1.0"]) told(setUp(version).run(["status"]));
  for (const version of ["v24.14.9", "v22.20.0", "v9.99.0", "none"]) {
    const { status, stderr } = setUp(version).run(["status"]);
    assert.deepEqual([status, /Node 26 could not be brought/.test(String(stderr))], [1, true], version);
  }
});
