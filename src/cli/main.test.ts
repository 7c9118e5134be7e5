/** The program as a process: what standard output does to it, and how it ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

/** By a shell, after whose pipe or file nothing more can be written. */
function run(line: string) {
  const main = new URL("main.ts", import.meta.url).pathname;
  const env = { ...process.env, LC_ALL: "C", COMU: `${process.execPath} ${main}` };
  return spawnSync("sh", ["-c", line], { encoding: "utf8", env });
}

test("who reads may go, which is no failure", () => {
  // The reader is gone before the first word: it ends at once, and a program takes longer to start.
  const { stdout, stderr } = run('{ $COMU help; echo "exit $?" >&2; } | true');
  assert.deepEqual([stdout, stderr], ["", "exit 0\n"]);
});

test("a full disk is one", () => {
  const { status, stderr } = run("$COMU help > /dev/full");
  assert.equal(status, 1);
  assert.match(stderr, /^file-not-written: The file - cannot be written\.\n {2}\S.*\n$/);
});

test("an option of the whole program counts wherever it stands, also in what is said of an error", () => {
  const { status, stderr } = run("$COMU --lang=ca status --data=/nowhere");
  assert.equal(status, 1);
  assert.match(stderr, /^box-not-running: Cap caixa .*\/nowhere/);
  assert.deepEqual([run("$COMU --json --version").stdout, run("$COMU -V").status], ["development\n", 0]);
  const usage = run("$COMU --json bogus");
  assert.equal(usage.status, 2);
  assert.equal((JSON.parse(usage.stdout) as { error: { code: string } }).error.code, "usage");
});
